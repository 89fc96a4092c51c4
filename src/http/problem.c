/*
 * One table says what every problem is called and which status it has (RFC 9457, 3.1). The problem's own
 * members and the caller's are two JSON objects whose texts are joined, so that neither has to be copied
 * member by member.
 */
#include "fcgi_smtp/http_problem.h"

#include <string.h>

#define RETRY_AFTER_OVERLOADED "5"  /* seconds: a worker becomes free soon */
#define RETRY_AFTER_NOT_READY  "10" /* seconds: the next probe may say otherwise */
#define RETRY_AFTER_TEMPORARY  "60" /* seconds: an SMTP server's temporary refusal takes longer */

static const struct {
    int status;
    const char *token;
    const char *title;
    const char *retry_after; /* RFC 9110, 10.2.3; NULL: none */
} problems[PROBLEM_COUNT] = {
    [PROBLEM_MALFORMED_FORM] = {400, "malformed-form", "The form cannot be read", NULL},
    [PROBLEM_INVALID_FIELD] = {400, "invalid-field", "A field is not valid", NULL},
    [PROBLEM_UNKNOWN_FIELD] = {400, "unknown-field", "A field is not known", NULL},
    [PROBLEM_KEY_REQUIRED] = {401, "key-required", "An API key is needed", NULL},
    [PROBLEM_KEY_UNKNOWN] = {401, "key-unknown", "The API key is not known", NULL},
    [PROBLEM_RECIPIENT_NOT_ALLOWED] = {403, "recipient-not-allowed", "The recipient is not allowed", NULL},
    [PROBLEM_SENDER_NOT_ALLOWED] = {403, "sender-not-allowed", "The sender is not allowed", NULL},
    [PROBLEM_OVERRIDE_NOT_ALLOWED] = {403, "override-not-allowed", "The choice of server is not allowed",
                                      NULL},
    [PROBLEM_ORIGIN_NOT_ALLOWED] = {403, "origin-not-allowed", "The page that sent this is not allowed to",
                                    NULL},
    [PROBLEM_CROSS_SITE] = {403, "cross-site", "Requests from other web sites are not allowed", NULL},
    [PROBLEM_NO_SUCH_ROUTE] = {404, "no-such-route", "There is nothing at this path", NULL},
    [PROBLEM_NO_SUCH_FORM] = {404, "no-such-form", "There is no form of that name", NULL},
    [PROBLEM_METHOD_NOT_ALLOWED] = {405, "method-not-allowed", "The method is not allowed at this path",
                                    NULL},
    [PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {415, "unsupported-media-type",
                                        "The type of the body is not supported", NULL},
    [PROBLEM_IDEMPOTENCY_IN_PROGRESS] = {409, "idempotency-in-progress",
                                         "The first request with this key is in work", NULL},
    [PROBLEM_MISSING_FIELD] = {422, "missing-field", "A field is missing", NULL},
    [PROBLEM_MESSAGE_REFUSED] = {422, "message-refused", "The SMTP server refused the message", NULL},
    [PROBLEM_RECIPIENTS_REFUSED] = {422, "recipients-refused", "The SMTP server refused every recipient",
                                    NULL},
    [PROBLEM_IDEMPOTENCY_KEY_REUSED] = {422, "idempotency-key-reused",
                                        "The idempotency key belongs to another request", NULL},
    [PROBLEM_REQUEST_TOO_LARGE] = {413, "request-too-large", "The request is too large", NULL},
    [PROBLEM_TOO_MANY_FIELDS] = {413, "too-many-fields", "The form has too many fields", NULL},
    [PROBLEM_TOO_MANY_RECIPIENTS] = {413, "too-many-recipients", "The message has too many recipients", NULL},
    [PROBLEM_SMTP_UNAVAILABLE] = {502, "smtp-unavailable", "The SMTP server cannot be reached", NULL},
    [PROBLEM_SMTP_AUTH_FAILED] = {502, "smtp-auth-failed", "The SMTP server refused to authenticate us",
                                  NULL},
    [PROBLEM_SMTP_TLS_FAILED] = {502, "smtp-tls-failed", "No secure connection to the SMTP server", NULL},
    [PROBLEM_SMTP_PROTOCOL_ERROR] = {502, "smtp-protocol-error", "The SMTP server broke the protocol", NULL},
    [PROBLEM_SMTP_TEMPORARY] = {503, "smtp-temporary", "The SMTP server asks to try again later",
                                RETRY_AFTER_TEMPORARY},
    [PROBLEM_OVERLOADED] = {503, "overloaded", "Too many deliveries are in work", RETRY_AFTER_OVERLOADED},
    [PROBLEM_NOT_READY] = {503, "not-ready", "Mail cannot be delivered at the moment", RETRY_AFTER_NOT_READY},
    [PROBLEM_SMTP_TIMEOUT] = {504, "smtp-timeout", "The SMTP server did not answer in time", NULL},
    [PROBLEM_INTERNAL] = {500, "internal", "Something went wrong here", NULL},
};

const char *http_problem_token(enum http_problem problem)
{
    return problems[problem].token;
}

int http_problem_status(enum http_problem problem)
{
    return problems[problem].status;
}

const char *http_problem_retry_after(enum http_problem problem)
{
    return problems[problem].retry_after;
}

/* The answer when not even an answer can be made; if this cannot be appended either, the status stays. */
static void write_internal(struct http_response *response, const char *delivery)
{
    http_response_reset(response, 500);
    if (!http_response_header(response, "Content-Type", "application/problem+json") ||
        !buf_printf(&response->body,
                    "{\"type\":\"urn:fcgi-smtp:internal\",\"title\":\"%s\",\"status\":500,"
                    "\"detail\":\"The answer could not be made.\",\"delivery\":\"%s\"}",
                    problems[PROBLEM_INTERNAL].title, delivery)) {
        http_response_reset(response, 500);
    }
}

/* Appends the members of more to the object that body ends with. */
static bool append_members(struct buf *body, const struct json *more)
{
    struct buf members;
    buf_init(&members, body->limit);
    bool ok = json_write(more, &members);
    if (ok && members.len > 2) { /* not "{}" */
        body->len--;             /* the closing brace gives way to a comma */
        ok = buf_append_char(body, ',') && buf_append(body, members.data + 1, members.len - 1);
    }
    buf_free(&members);
    return ok;
}

static bool write_problem(struct http_response *response, enum http_problem problem, const struct json *json,
                          const struct json *more)
{
    const char *retry_after = problems[problem].retry_after;
    http_response_reset(response, problems[problem].status);
    return http_response_header(response, "Content-Type", "application/problem+json") &&
           (retry_after == NULL || http_response_header(response, "Retry-After", retry_after)) &&
           json_write(json, &response->body) && (more == NULL || append_members(&response->body, more));
}

void http_problem_write(struct http_response *response, enum http_problem problem, const char *detail,
                        const char *delivery, struct json *more)
{
    struct buf type;
    buf_init(&type, 128);
    struct json *json = json_object_new();
    if (!buf_printf(&type, "urn:fcgi-smtp:%s", problems[problem].token)) {
        json_free(json);
        json = NULL;
    }
    json_set_string(json, "type", buf_cstr(&type));
    json_set_string(json, "title", problems[problem].title);
    json_set_int(json, "status", problems[problem].status);
    json_set_string(json, "detail", detail);
    json_set_string(json, "delivery", delivery);
    if (!write_problem(response, problem, json, more)) {
        write_internal(response, delivery);
    }
    json_free(json);
    json_free(more);
    buf_free(&type);
}

void http_json_write(struct http_response *response, int status, struct json *body)
{
    http_response_reset(response, status);
    if (!http_response_header(response, "Content-Type", "application/json") ||
        !json_write(body, &response->body)) {
        write_internal(response, "unknown"); /* it may have told of a delivery that was done */
    }
    json_free(body);
}
