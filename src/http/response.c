/*
 * Answers are small and complete before their first octet is written, so that they need no streaming and
 * always carry their length. A header field is appended whole or not at all.
 */
#include "http/response.h"

#include <string.h>

#define HEAD_OWN_MAX 256 /* octets that the server adds, to have room for them at once */

void http_response_init(struct http_response *response)
{
    response->status = 500;
    buf_init(&response->headers, HTTP_RESPONSE_HEADERS_MAX);
    buf_init(&response->body, HTTP_RESPONSE_BODY_MAX);
}

void http_response_free(struct http_response *response)
{
    buf_free(&response->headers);
    buf_free(&response->body);
}

void http_response_reset(struct http_response *response, int status)
{
    response->status = status;
    buf_clear(&response->headers);
    buf_clear(&response->body);
}

/* RFC 9110, 5.6.2: token. */
static bool is_token(const char *text)
{
    static const char tchar[] = "!#$%&'*+-.^_`|~0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t len = strspn(text, tchar);
    return len > 0 && text[len] == '\0';
}

bool http_response_header(struct http_response *response, const char *name, const char *value)
{
    /* RFC 9110, 5.5: CR and LF (NUL ends a C string) are what splits one field into two. */
    if (!is_token(name) || strpbrk(value, "\r\n") != NULL) {
        return false;
    }
    struct buf *out = &response->headers;
    size_t len = strlen(name) + strlen(value) + sizeof ": \r\n" - 1;
    return buf_reserve(out, len) != NULL && buf_append_string(out, name) && buf_append_string(out, ": ") &&
           buf_append_string(out, value) && buf_append_string(out, "\r\n");
}

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {204, "No Content"},
    {303, "See Other"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {500, "Internal Server Error"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

const char *http_reason(int status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Unknown";
}

bool http_response_has_body(const struct http_response *response)
{
    return response->status >= 200 && response->status != 204 && response->status != 304;
}

bool http_response_head(const struct http_response *response, const char *request_id, struct buf *out)
{
    if (buf_reserve(out, response->headers.len + HEAD_OWN_MAX) == NULL ||
        !buf_printf(out, "Status: %d %s\r\n", response->status, http_reason(response->status)) ||
        !buf_append_slice(out, buf_slice(&response->headers)) || !buf_append_string(out, "X-Request-Id: ") ||
        !buf_append_string(out, request_id) || !buf_append_string(out, "\r\nCache-Control: no-store\r\n")) {
        return false;
    }
    /* RFC 9110, 8.6: no Content-Length in a 204; with a 304 or HEAD it is what the body would have. */
    if (response->status != 204 && !buf_printf(out, "Content-Length: %zu\r\n", response->body.len)) {
        return false;
    }
    return buf_append_string(out, "\r\n");
}
