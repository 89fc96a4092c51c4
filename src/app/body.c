/*
 * The order of checks is the interface's: media type and content coding, announced length, then parsing while
 * the octets arrive. Nothing is done with a body that is not complete.
 */
#include "app/body.h"

#include "app/exchange.h"

static bool refuse_too_large(struct exchange *exchange)
{
    err_set(&exchange->err,
            "The request is larger than the %lld octets that are allowed; send less, or ask the operator to "
            "raise limits.request",
            (long long)exchange->snapshot->config->limits.request);
    return exchange_refuse(exchange, PROBLEM_REQUEST_TOO_LARGE);
}

/* A JSON text is kept whole, so it has a limit of its own. */
static bool is_large_json(const struct exchange *exchange, int64_t length)
{
    struct slice type = slice_of(http_request_param(exchange->request, "CONTENT_TYPE"));
    return slice_equal_nocase(form_media_type(type), SLICE("application/json")) &&
           length > exchange->snapshot->config->limits.json;
}

static bool check_announced(struct exchange *exchange)
{
    const char *coding = http_request_param(exchange->request, "HTTP_CONTENT_ENCODING");
    if (coding != NULL && coding[0] != '\0' && strcasecmp(coding, "identity") != 0) {
        err_set(&exchange->err,
                "A body with Content-Encoding: %s is not read; send it without a content coding", coding);
        return exchange_refuse(exchange, PROBLEM_UNSUPPORTED_MEDIA_TYPE);
    }
    int64_t length = http_request_content_length(exchange->request);
    if (length < -1) {
        err_set(&exchange->err, "Content-Length is no number; send the body's length in octets");
        return exchange_refuse(exchange, PROBLEM_MALFORMED_FORM);
    }
    if (is_large_json(exchange, length)) {
        err_set(
            &exchange->err,
            "The JSON is larger than the %lld octets that are allowed; send files as multipart/form-data, "
            "or ask the operator to raise limits.json",
            (long long)exchange->snapshot->config->limits.json);
        return exchange_refuse(exchange, PROBLEM_REQUEST_TOO_LARGE);
    }
    return length <= exchange->snapshot->config->limits.request || refuse_too_large(exchange);
}

bool body_refuse(struct exchange *exchange, enum form_result result)
{
    static const enum http_problem problems[] = {
        [FORM_UNSUPPORTED] = PROBLEM_UNSUPPORTED_MEDIA_TYPE,
        [FORM_MALFORMED] = PROBLEM_MALFORMED_FORM,
        [FORM_TOO_LARGE] = PROBLEM_REQUEST_TOO_LARGE,
        [FORM_TOO_MANY_FIELDS] = PROBLEM_TOO_MANY_FIELDS,
        [FORM_FAILED] = PROBLEM_INTERNAL,
    };
    return exchange_refuse(exchange, problems[result]);
}

/* One chunk into the parser; true: there may be more. False: *good says whether the form is complete, or a problem
 * was answered. */
static bool read_chunk(struct exchange *exchange, struct form_parser *parser, bool *good)
{
    struct slice chunk;
    enum form_result result = FORM_OK;
    switch (http_request_read(exchange->request, &chunk)) {
    case HTTP_READ_TRUNCATED:
        err_set(&exchange->err, "The request's body ended early: %llu octets arrived; send it again, whole",
                (unsigned long long)http_request_body_read(exchange->request));
        *good = exchange_refuse(exchange, PROBLEM_MALFORMED_FORM);
        return false;
    case HTTP_READ_END:
        result = form_parser_finish(parser, &exchange->err);
        *good = result == FORM_OK || body_refuse(exchange, result);
        return false;
    case HTTP_READ_DATA:
        break;
    }
    if (http_request_body_read(exchange->request) > (uint64_t)exchange->snapshot->config->limits.request) {
        *good = refuse_too_large(exchange);
        return false;
    }
    result = form_parser_update(parser, chunk.data, chunk.len, &exchange->err);
    *good = result == FORM_OK || body_refuse(exchange, result);
    return *good;
}

static bool read_all(struct exchange *exchange, struct form_parser *parser)
{
    bool good = true;
    while (read_chunk(exchange, parser, &good)) {
    }
    return good;
}

struct form_limits body_limits(const struct exchange *exchange)
{
    const struct config_limits *limits = &exchange->snapshot->config->limits;
    bool of_site = exchange->visit.begun;
    return (struct form_limits){
        .fields = (size_t)limits->fields,
        .content = of_site ? form_input_limit : send_field_limit,
        .secret = of_site ? NULL : send_field_is_secret,
        .ctx = (void *)limits, /* only read */
        .json = (size_t)limits->json,
    };
}

bool body_read(struct exchange *exchange, const struct form_limits *limits)
{
    struct slice type = slice_of(http_request_param(exchange->request, "CONTENT_TYPE"));
    struct form_parser *parser = NULL;
    enum form_result result = form_parser_new(&parser, type, limits, &exchange->arena, &exchange->blobs,
                                              &exchange->form, &exchange->err);
    if (result == FORM_UNSUPPORTED) {
        return body_refuse(exchange, result);
    }
    bool good = check_announced(exchange);
    if (good && result != FORM_OK) {
        good =
            body_refuse(exchange, result); /* a missing boundary: part of parsing, and so the last of these */
    } else if (good) {
        good = read_all(exchange, parser);
    }
    form_parser_free(parser);
    return good;
}
