/*
 * A body that was cut short looks to libfcgi's readers like one that ended. So the end is believed only when
 * the stream ended by its empty record and, where a length was announced, at that length; everything else is
 * TRUNCATED, for good.
 */
#include "http/request.h"

#include <stdio.h>
#include <string.h>

#include "fcgi_smtp/random.h"

/* RFC 9110, 8.6: 1*DIGIT. nginx gives an empty value when the client announced none. */
static int64_t parse_content_length(const char *text)
{
    if (text == NULL || *text == '\0') {
        return -1;
    }
    int64_t length = 0;
    for (; *text != '\0'; text++) {
        int digit = *text - '0';
        if (digit < 0 || digit > 9 || length > (INT64_MAX - digit) / 10) {
            return -2;
        }
        length = length * 10 + digit;
    }
    return length;
}

void http_request_init(struct http_request *request, char *const *params, struct responder *responder,
                       deadline begun_at)
{
    *request = (struct http_request){
        .responder = responder, .params = params, .body_end = HTTP_READ_DATA, .begun_at = begun_at};
    buf_init(&request->path_buf, HTTP_REQUEST_PATH_MAX);
    request->content_length = parse_content_length(http_request_param(request, "CONTENT_LENGTH"));
}

void http_request_free(struct http_request *request)
{
    buf_free(&request->path_buf);
}

const char *http_request_method(const struct http_request *request)
{
    const char *method = http_request_param(request, "REQUEST_METHOD");
    return method != NULL ? method : "";
}

const char *http_request_param(const struct http_request *request, const char *name)
{
    size_t len = strlen(name);
    for (char *const *param = request->params; *param != NULL; param++) {
        if ((*param)[0] == name[0] && strncmp(*param, name, len) == 0 && (*param)[len] == '=') {
            return *param + len + 1;
        }
    }
    return NULL;
}

static bool id_ok(const char *id)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = id != NULL ? strspn(id, allowed) : 0;
    return len > 0 && len <= HTTP_REQUEST_ID_MAX && id[len] == '\0';
}

const char *http_request_id(struct http_request *request)
{
    if (request->id[0] != '\0') {
        return request->id;
    }
    const char *given = http_request_param(request, "REQUEST_ID");
    if (id_ok(given)) {
        memcpy(request->id, given, strlen(given) + 1);
    } else if (!random_hex(request->id, 32)) {
        /* An identifier for people who compare logs, not a secret: the moment will do. */
        snprintf(request->id, sizeof request->id, "%032llx", (unsigned long long)request->begun_at);
    }
    return request->id;
}

int64_t http_request_content_length(const struct http_request *request)
{
    return request->content_length;
}

static enum http_read body_ends(struct http_request *request, bool complete)
{
    request->body_end = complete ? HTTP_READ_END : HTTP_READ_TRUNCATED;
    if (complete) {
        request->complete_at = deadline_now();
        responder_resize(request->responder, RESPONDER_NARROW); /* a delivery may take long */
    }
    return request->body_end;
}

static bool body_complete(const struct http_request *request)
{
    if (request->responder == NULL || responder_ended(request->responder) != RESPONDER_CLEAN) {
        return false;
    }
    return request->content_length == -1 || (request->content_length >= 0 && //
                                             request->body_read == (uint64_t)request->content_length);
}

/* Larger reads where there will be something to read. */
static void begin_reading(struct http_request *request)
{
    bool large = request->content_length == -1 || request->content_length > RESPONDER_NARROW;
    if (request->body_read == 0 && large && request->responder != NULL) {
        responder_resize(request->responder, RESPONDER_WIDE);
    }
}

enum http_read http_request_read(struct http_request *request, struct slice *octets)
{
    *octets = (struct slice){NULL, 0};
    if (request->body_end != HTTP_READ_DATA) {
        return request->body_end;
    }
    begin_reading(request);
    if (request->responder == NULL || !responder_next(request->responder, octets)) {
        return body_ends(request, body_complete(request));
    }
    request->body_read += octets->len;
    if (request->content_length != -1 &&
        (request->content_length < 0 || request->body_read > (uint64_t)request->content_length)) {
        *octets = (struct slice){NULL, 0};
        return body_ends(request, false);
    }
    return HTTP_READ_DATA;
}

uint64_t http_request_body_read(const struct http_request *request)
{
    return request->body_read;
}

deadline http_request_begun_at(const struct http_request *request)
{
    return request->begun_at;
}

deadline http_request_complete_at(const struct http_request *request)
{
    return request->complete_at;
}

void http_request_set_data(struct http_request *request, void *data)
{
    request->data = data;
}

void *http_request_data(const struct http_request *request)
{
    return request->data;
}
