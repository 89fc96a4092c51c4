#include "http/response.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void test_header_field(void)
{
    static const struct {
        const char *name;
        const char *value;
        bool ok;
    } cases[] = {
        {"Location", "/thanks", true},
        {"X-Empty", "", true},
        {"!#$%&'*+-.^_`|~9aZ", "v", true},
        {"", "v", false},
        {"A B", "v", false},
        {"A:", "v", false},
        {"A\r\nB", "v", false},
        {"\xc3\xa4", "v", false},
        {"A", "v\r\nB: w", false},
        {"A", "v\r", false},
        {"A", "\nv", false},
        {"A", "a\tb\xc3\xa4", true},
        {"(A)", "v", false},
        {"A\x7f", "v", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_response response;
        struct buf expected;
        buf_init(&expected, 1000);
        http_response_init(&response);
        CU_ASSERT_EQUAL(http_response_header(&response, cases[i].name, cases[i].value), cases[i].ok);
        CU_ASSERT_TRUE(!cases[i].ok || buf_printf(&expected, "%s: %s\r\n", cases[i].name, cases[i].value));
        CU_ASSERT_TRUE(slice_equal(buf_slice(&response.headers), buf_slice(&expected)));
        buf_free(&expected);
        http_response_free(&response);
    }
}

static void test_header_limit(void)
{
    struct http_response response;
    char *value = calloc(1, HTTP_RESPONSE_HEADERS_MAX);
    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    http_response_init(&response);
    memset(value, 'v', HTTP_RESPONSE_HEADERS_MAX - 1);
    CU_ASSERT_FALSE(http_response_header(&response, "A", value));
    CU_ASSERT_EQUAL(response.headers.len, 0);
    value[HTTP_RESPONSE_HEADERS_MAX - strlen("A: \r\n")] = '\0';
    CU_ASSERT_TRUE(http_response_header(&response, "A", value));
    CU_ASSERT_FALSE(http_response_header(&response, "B", ""));
    CU_ASSERT_EQUAL(response.headers.len, HTTP_RESPONSE_HEADERS_MAX);
    free(value);
    http_response_free(&response);
}

static void check_head(int status, const char *body, const char *expected)
{
    struct http_response response;
    struct buf head;
    buf_init(&head, HTTP_RESPONSE_HEAD_MAX);
    http_response_init(&response);
    CU_ASSERT_TRUE(http_response_header(&response, "A", "b"));
    http_response_reset(&response, status);
    CU_ASSERT_TRUE(http_response_header(&response, "C", "d"));
    CU_ASSERT_TRUE(buf_append_string(&response.body, body));
    CU_ASSERT_TRUE(http_response_head(&response, "id-1", &head));
    CU_ASSERT_STRING_EQUAL(buf_cstr(&head), expected);
    buf_free(&head);
    http_response_free(&response);
}

static void test_head(void)
{
    check_head(200, "four",
               "Status: 200 OK\r\nC: d\r\nX-Request-Id: id-1\r\nCache-Control: no-store\r\n"
               "Content-Length: 4\r\n\r\n");
    check_head(422, "",
               "Status: 422 Unprocessable Content\r\nC: d\r\nX-Request-Id: id-1\r\n"
               "Cache-Control: no-store\r\nContent-Length: 0\r\n\r\n");
    check_head(204, "", /* RFC 9110, 8.6: no length */
               "Status: 204 No Content\r\nC: d\r\nX-Request-Id: id-1\r\nCache-Control: no-store\r\n\r\n");
}

static void test_full_head_fits(void)
{
    struct http_response response;
    struct buf head;
    char id[65] = "";
    memset(id, 'i', 64);
    buf_init(&head, HTTP_RESPONSE_HEAD_MAX);
    http_response_init(&response);
    response.status = 405;
    while (response.headers.len < HTTP_RESPONSE_HEADERS_MAX) {
        CU_ASSERT_TRUE_FATAL(buf_append_char(&response.headers, 'x'));
    }
    CU_ASSERT_TRUE(http_response_head(&response, id, &head));
    buf_free(&head);
    http_response_free(&response);
}

static void test_reason(void)
{
    CU_ASSERT_STRING_EQUAL(http_reason(200), "OK");
    CU_ASSERT_STRING_EQUAL(http_reason(303), "See Other");
    CU_ASSERT_STRING_EQUAL(http_reason(504), "Gateway Timeout");
    CU_ASSERT_STRING_EQUAL(http_reason(299), "Unknown");
}

static void test_has_body(void)
{
    CU_ASSERT_TRUE(http_response_has_body(&(struct http_response){.status = 200}));
    CU_ASSERT_TRUE(http_response_has_body(&(struct http_response){.status = 502}));
    CU_ASSERT_FALSE(http_response_has_body(&(struct http_response){.status = 204}));
    CU_ASSERT_FALSE(http_response_has_body(&(struct http_response){.status = 304}));
}

static const struct unit_test tests[] = {
    {"a header field", test_header_field},
    {"the limit of header fields", test_header_limit},
    {"the head", test_head},
    {"a full head fits", test_full_head_fits},
    {"reason phrases", test_reason},
    {"statuses with a body", test_has_body},
};
UNIT_SUITE(http_response, tests);
