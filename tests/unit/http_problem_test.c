#include "fcgi_smtp/http_problem.h"

#include <string.h>

#include "unit.h"

#define CONTENT_TYPE "Content-Type: application/problem+json\r\n"

static void check(const struct http_response *response, int status, const char *headers, const char *body)
{
    CU_ASSERT_EQUAL(response->status, status);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&response->headers), headers);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&response->body), body);
}

static void test_write(void)
{
    struct http_response response;
    http_response_init(&response);
    CU_ASSERT_TRUE(buf_append_string(&response.body, "another answer"));
    http_problem_write(&response, PROBLEM_INVALID_FIELD, "to: write a \"mailbox\"", "none", NULL);
    check(&response, 400, CONTENT_TYPE,
          "{\"type\":\"urn:fcgi-smtp:invalid-field\",\"title\":\"A field is not valid\",\"status\":400,"
          "\"detail\":\"to: write a \\\"mailbox\\\"\",\"delivery\":\"none\"}");
    http_response_free(&response);
}

static void test_members(void)
{
    struct http_response response;
    http_response_init(&response);
    struct json *more = json_object_new();
    struct json *smtp = json_object_new();
    json_set_string(more, "field", "to");
    json_set_int(smtp, "code", 451);
    json_set(more, "smtp", smtp);
    http_problem_write(&response, PROBLEM_SMTP_TEMPORARY, "Try again.", "unknown", more);
    check(&response, 503, CONTENT_TYPE "Retry-After: 60\r\n",
          "{\"type\":\"urn:fcgi-smtp:smtp-temporary\",\"title\":\"The SMTP server asks to try again later\","
          "\"status\":503,\"detail\":\"Try "
          "again.\",\"delivery\":\"unknown\",\"field\":\"to\",\"smtp\":{\"code\":451}}");
    http_problem_write(&response, PROBLEM_OVERLOADED, "Later.", "none", json_object_new());
    check(
        &response, 503, CONTENT_TYPE "Retry-After: 5\r\n",
        "{\"type\":\"urn:fcgi-smtp:overloaded\",\"title\":\"Too many deliveries are in work\",\"status\":503,"
        "\"detail\":\"Later.\",\"delivery\":\"none\"}");
    http_response_free(&response);
}

/*
 * What does not fit into an answer is an internal error, and says so without losing what is known of the
 * delivery.
 */
static void test_too_large(void)
{
    struct http_response response;
    http_response_init(&response);
    struct json *more = json_object_new();
    struct json *list = json_array_new();
    static char text[HTTP_RESPONSE_BODY_MAX / 2];
    memset(text, 'x', sizeof text);
    json_add_slice(list, (struct slice){text, sizeof text});
    json_add_slice(list, (struct slice){text, sizeof text});
    json_set(more, "errors", list);
    http_problem_write(&response, PROBLEM_SMTP_TIMEOUT, "detail", "unknown", more);
    check(&response, 500, CONTENT_TYPE,
          "{\"type\":\"urn:fcgi-smtp:internal\",\"title\":\"Something went wrong here\",\"status\":500,"
          "\"detail\":\"The answer could not be made.\",\"delivery\":\"unknown\"}");
    http_response_free(&response);
}

static void test_json(void)
{
    struct http_response response;
    http_response_init(&response);
    struct json *body = json_object_new();
    json_set_string(body, "status", "sent");
    http_json_write(&response, 200, body);
    check(&response, 200, "Content-Type: application/json\r\n", "{\"status\":\"sent\"}");
    http_json_write(&response, 200, NULL);
    CU_ASSERT_EQUAL(response.status, 500);
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&response.body), "\"delivery\":\"unknown\""));
    http_response_free(&response);
}

/* Every problem is written from the table: a row that was forgotten would have no token. */
static void test_table(void)
{
    for (enum http_problem problem = 0; problem < PROBLEM_COUNT; problem++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(http_problem_token(problem));
        CU_ASSERT_STRING_NOT_EQUAL(http_reason(http_problem_status(problem)), "Unknown");
        for (enum http_problem other = 0; other < problem; other++) {
            CU_ASSERT_STRING_NOT_EQUAL(http_problem_token(problem), http_problem_token(other));
        }
    }
}

static void test_statuses(void)
{
    static const struct {
        enum http_problem problem;
        int status;
        const char *token;
    } cases[] = {
        {PROBLEM_MALFORMED_FORM, 400, "malformed-form"},
        {PROBLEM_ORIGIN_NOT_ALLOWED, 403, "origin-not-allowed"},
        {PROBLEM_NO_SUCH_FORM, 404, "no-such-form"},
        {PROBLEM_KEY_REQUIRED, 401, "key-required"},
        {PROBLEM_KEY_UNKNOWN, 401, "key-unknown"},
        {PROBLEM_CROSS_SITE, 403, "cross-site"},
        {PROBLEM_NO_SUCH_ROUTE, 404, "no-such-route"},
        {PROBLEM_METHOD_NOT_ALLOWED, 405, "method-not-allowed"},
        {PROBLEM_UNSUPPORTED_MEDIA_TYPE, 415, "unsupported-media-type"},
        {PROBLEM_IDEMPOTENCY_IN_PROGRESS, 409, "idempotency-in-progress"},
        {PROBLEM_IDEMPOTENCY_KEY_REUSED, 422, "idempotency-key-reused"},
        {PROBLEM_RECIPIENTS_REFUSED, 422, "recipients-refused"},
        {PROBLEM_REQUEST_TOO_LARGE, 413, "request-too-large"},
        {PROBLEM_SMTP_UNAVAILABLE, 502, "smtp-unavailable"},
        {PROBLEM_SMTP_TIMEOUT, 504, "smtp-timeout"},
        {PROBLEM_INTERNAL, 500, "internal"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(http_problem_status(cases[i].problem), cases[i].status);
        CU_ASSERT_STRING_EQUAL(http_problem_token(cases[i].problem), cases[i].token);
    }
}

static const struct unit_test tests[] = {
    {"a problem", test_write}, {"further members", test_members}, {"more than fits", test_too_large},
    {"JSON", test_json},       {"the table", test_table},         {"statuses", test_statuses},
};
UNIT_SUITE(http_problem, tests);
