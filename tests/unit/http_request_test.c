#include "http/request.h"

#include <string.h>

#include "unit.h"

/* Parameters as "NAME=value", the rest NULL. */
#define PARAMS_MAX 5

static struct http_request request_of(char *const *params)
{
    struct http_request request;
    http_request_init(&request, params, NULL, 1000);
    return request;
}

static void check_path(const char *const given[PARAMS_MAX], const char *base, const char *expected)
{
    char *params[PARAMS_MAX + 1] = {NULL};
    memcpy(params, given, PARAMS_MAX * sizeof *params);
    struct http_request request = request_of(params);
    for (int again = 0; again < 2; again++) {
        struct slice path;
        CU_ASSERT_EQUAL(http_request_path(&request, base, &path), expected != NULL);
        CU_ASSERT_TRUE(slice_equal(path, slice_of(expected)));
    }
    http_request_free(&request);
}

static void test_path_source(void)
{
    static const struct {
        const char *params[PARAMS_MAX];
        const char *path; /* NULL: none */
    } cases[] = {
        {{"DOCUMENT_URI=/send", "SCRIPT_NAME=/a", "REQUEST_URI=/b"}, "/send"},
        {{"DOCUMENT_URI=", "SCRIPT_NAME=/a", "PATH_INFO=/c", "REQUEST_URI=/b"}, "/a/c"},
        {{"SCRIPT_NAME=/a", "PATH_INFO="}, "/a"},
        {{"SCRIPT_NAME=", "PATH_INFO=/c"}, "/c"},
        {{"PATH_INFO=/c", "REQUEST_URI=/b"}, "/c"},
        {{"REQUEST_URI=/b?x=/y", NULL}, "/b"},
        {{"SCRIPT_NAME=", "REQUEST_URI=/b"}, "/b"},
        {{"REQUEST_URI=/b#x", NULL}, "/b"},
        {{"REQUEST_URI=", NULL}, NULL},
        {{"REQUEST_URI=?x", NULL}, NULL},
        {{"REQUEST_URI=http://example.com/b", NULL}, NULL},
        {{"REQUEST_URI=*", NULL}, NULL},
        {{"DOCUMENT_URI=send", NULL}, NULL},
        {{"DOCUMENT_URIS=/send", "XDOCUMENT_URI=/send"}, NULL},
        {{NULL}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_path(cases[i].params, "/", cases[i].path);
    }
}

static void test_path_decoding(void)
{
    static const struct {
        const char *params[PARAMS_MAX];
        const char *path;
    } cases[] = {
        {{"REQUEST_URI=/form/%61b", NULL}, "/form/ab"},
        {{"REQUEST_URI=/%C3%a4", NULL}, "/\xc3\xa4"},
        {{"REQUEST_URI=/%2541", NULL}, "/%41"},
        /* once */ {{"REQUEST_URI=/a%2Fb%3f", NULL}, "/a/b?"},
        {{"REQUEST_URI=/a+b", NULL}, "/a+b"},
        {{"REQUEST_URI=%2fsend", NULL}, "/send"},
        {{"REQUEST_URI=/%", NULL}, NULL},
        {{"REQUEST_URI=/%4", NULL}, NULL},
        {{"REQUEST_URI=/%4g", NULL}, NULL},
        {{"REQUEST_URI=/%g4", NULL}, NULL},
        {{"REQUEST_URI=/%/1", NULL}, NULL},
        {{"REQUEST_URI=/a%00b", NULL}, NULL},
        {{"REQUEST_URI=/%4?1", NULL}, NULL},
        {{"DOCUMENT_URI=/%41", NULL}, "/%41"}, /* not again */
        {{"SCRIPT_NAME=/%41", "PATH_INFO=/%00"}, "/%41/%00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_path(cases[i].params, "/", cases[i].path);
    }
}

static void test_base_path(void)
{
    static const struct {
        const char *uri;
        const char *base;
        const char *path;
    } cases[] = {
        {"DOCUMENT_URI=/", "/", "/"},
        {"DOCUMENT_URI=/send", "/", "/send"},
        {"DOCUMENT_URI=/send/", "/", "/send"},
        {"DOCUMENT_URI=/send//", "/", "/send/"},
        {"DOCUMENT_URI=//", "/", "/"},
        {"DOCUMENT_URI=/mail/send", "/mail", "/send"},
        {"DOCUMENT_URI=/mail/send", "/mail/", "/send"},
        {"DOCUMENT_URI=/mail", "/mail", "/"},
        {"DOCUMENT_URI=/mail/", "/mail", "/"},
        {"DOCUMENT_URI=/mail", "/mail/", "/"},
        {"DOCUMENT_URI=/mailbox/send", "/mail", NULL},
        {"DOCUMENT_URI=/mai", "/mail", NULL},
        {"DOCUMENT_URI=/Mail/send", "/mail", NULL},
        {"DOCUMENT_URI=/send", "/mail", NULL},
        {"DOCUMENT_URI=/a/b/send", "/a/b", "/send"},
        {"DOCUMENT_URI=/a/bc", "/a/b", NULL},
        {"DOCUMENT_URI=/send", "", "/send"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_path((const char *const[PARAMS_MAX]){cases[i].uri}, cases[i].base, cases[i].path);
    }
}

static void test_long_path(void)
{
    static char uri[HTTP_REQUEST_PATH_MAX + sizeof "REQUEST_URI=/"];
    memset(uri, 'x', sizeof uri - 1);
    memcpy(uri, "REQUEST_URI=/", strlen("REQUEST_URI=/"));
    check_path((const char *const[PARAMS_MAX]){uri}, "/", NULL);
}

static void check_id(char *param, const char *expected)
{
    char *params[] = {param, NULL};
    struct http_request request = request_of(params);
    const char *id = http_request_id(&request);
    CU_ASSERT_PTR_EQUAL(http_request_id(&request), id);
    if (expected != NULL) {
        CU_ASSERT_STRING_EQUAL(id, expected);
    } else {
        CU_ASSERT_EQUAL(strlen(id), 32);
        CU_ASSERT_EQUAL(strspn(id, "0123456789abcdef"), 32);
    }
    http_request_free(&request);
}

static void test_id(void)
{
    char longest[] = "REQUEST_ID=0123456789012345678901234567890123456789012345678901234567890123";
    char too_long[] = "REQUEST_ID=01234567890123456789012345678901234567890123456789012345678901234";
    CU_ASSERT_EQUAL(strlen(longest) - strlen("REQUEST_ID="), HTTP_REQUEST_ID_MAX);
    check_id("REQUEST_ID=0af-B_9.z", "0af-B_9.z");
    check_id(longest, longest + strlen("REQUEST_ID="));
    check_id(too_long, NULL);
    check_id("REQUEST_ID=", NULL);
    check_id("REQUEST_ID=a b", NULL);
    check_id("REQUEST_ID=a\r\nb", NULL);
    check_id("REQUEST_ID=\xc3\xa4", NULL);
    check_id("OTHER=x", NULL);
}

static void test_ids_differ(void)
{
    char *params[] = {NULL};
    struct http_request a = request_of(params);
    struct http_request b = request_of(params);
    CU_ASSERT_STRING_NOT_EQUAL(http_request_id(&a), http_request_id(&b));
    http_request_free(&a);
    http_request_free(&b);
}

static void test_content_length(void)
{
    static const struct {
        char *param;
        int64_t length;
    } cases[] = {
        {"CONTENT_LENGTH=0", 0},
        {"CONTENT_LENGTH=42", 42},
        {"CONTENT_LENGTH=0042", 42},
        {"CONTENT_LENGTH=9223372036854775807", INT64_MAX},
        {"CONTENT_LENGTH=9223372036854775808", -2},
        {"CONTENT_LENGTH=99999999999999999999999999", -2},
        {"CONTENT_LENGTH=", -1},
        {"OTHER=1", -1},
        {"CONTENT_LENGTH=-1", -2},
        {"CONTENT_LENGTH=+1", -2},
        {"CONTENT_LENGTH= 1", -2},
        {"CONTENT_LENGTH=1,1", -2},
        {"CONTENT_LENGTH=0x1", -2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *params[] = {cases[i].param, NULL};
        struct http_request request = request_of(params);
        CU_ASSERT_EQUAL(http_request_content_length(&request), cases[i].length);
        http_request_free(&request);
    }
}

static void test_params(void)
{
    char *params[] = {"REQUEST_METHOD=POST", "HTTP_ACCEPT=a=b", "EMPTY=", "TWICE=1", "TWICE=2", NULL};
    struct http_request request = request_of(params);
    CU_ASSERT_STRING_EQUAL(http_request_method(&request), "POST");
    CU_ASSERT_STRING_EQUAL(http_request_param(&request, "HTTP_ACCEPT"), "a=b");
    CU_ASSERT_STRING_EQUAL(http_request_param(&request, "EMPTY"), "");
    CU_ASSERT_STRING_EQUAL(http_request_param(&request, "TWICE"), "1");
    CU_ASSERT_PTR_NULL(http_request_param(&request, "HTTP_ACCEP"));
    CU_ASSERT_PTR_NULL(http_request_param(&request, "HTTP_ACCEPT_"));
    CU_ASSERT_PTR_NULL(http_request_data(&request));
    http_request_set_data(&request, params);
    CU_ASSERT_PTR_EQUAL(http_request_data(&request), params);
    CU_ASSERT_EQUAL(http_request_begun_at(&request), 1000);
    CU_ASSERT_EQUAL(http_request_complete_at(&request), 0);
    http_request_free(&request);

    struct http_request bare = request_of(params + 5);
    CU_ASSERT_STRING_EQUAL(http_request_method(&bare), "");
    http_request_free(&bare);
}

/* No stream: never a complete body, whatever is announced. */
static void test_no_stream(void)
{
    char *params[] = {"CONTENT_LENGTH=0", NULL};
    struct http_request request = request_of(params);
    struct slice octets = SLICE("x");
    CU_ASSERT_EQUAL(http_request_read(&request, &octets), HTTP_READ_TRUNCATED);
    CU_ASSERT_EQUAL(octets.len, 0);
    CU_ASSERT_EQUAL(http_request_body_read(&request), 0);
    http_request_free(&request);
}

static const struct unit_test tests[] = {
    {"where the path comes from", test_path_source},
    {"percent-decoding", test_path_decoding},
    {"base path", test_base_path},
    {"a path that is too long", test_long_path},
    {"request id", test_id},
    {"request ids differ", test_ids_differ},
    {"content length", test_content_length},
    {"parameters", test_params},
    {"no stream", test_no_stream},
};
UNIT_SUITE(http_request, tests);
