#include "fcgi_smtp/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* Of jansson, whose header only src/core/json.c includes: makes its allocations fail at will. */
void json_set_alloc_funcs(void *(*allocate)(size_t), void (*release)(void *));

static void check_text(struct json *json, const char *expected)
{
    struct buf out;
    buf_init(&out, 10000);
    CU_ASSERT_TRUE(json_write(json, &out));
    CU_ASSERT_STRING_EQUAL(buf_cstr(&out), expected);
    buf_free(&out);
    json_free(json);
}

static void test_kinds(void)
{
    check_text(json_object_new(), "{}");
    check_text(json_array_new(), "[]");
    struct json *json = json_object_new();
    struct json *array = json_array_new();
    json_set_string(json, "z", "last letter first");
    json_set_string(json, "left out", "");
    json_set_string(json, "left out", NULL);
    json_set_slice(json, "empty", (struct slice){NULL, 0});
    json_set_int(json, "min", INT64_MIN);
    json_set_int(json, "max", INT64_MAX);
    json_add_slice(array, SLICE("a"));
    json_add(array, json_object_new());
    json_add(array, json_array_new());
    json_set(json, "array", array);
    check_text(json, "{\"z\":\"last letter first\",\"empty\":\"\",\"min\":-9223372036854775808,"
                     "\"max\":9223372036854775807,\"array\":[\"a\",{},[]]}");
}

static void test_strings(void)
{
    struct json *json = json_array_new();
    json_add_slice(json, SLICE("\"\\\b\f\n\r\t\x01/"));
    json_add_slice(json, SLICE("a\0b"));
    json_add_slice(json, SLICE("\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa7"));
    json_add_slice(json, SLICE("\xff"
                               "a\xc3"
                               "b\xed\xa0\x80\xe2\x82"));
    json_add_slice(json, SLICE("\xc0\x80"));
    check_text(json,
               "[\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001/\",\"a\\u0000b\",\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa7\","
               "\"?a?b?????\",\"??\"]");
}

static void test_keys(void)
{
    struct json *json = json_object_new();
    json_set_int(json, "a\xff\"", 1);
    json_set_int(json, "b", 2);
    json_set_int(json, "a?\"", 3); /* the same key again: replaced, in its old place */
    json_set(json, "b", json_array_new());
    json_set(json, "b", json_object_new());
    check_text(json, "{\"a?\\\"\":3,\"b\":{}}");
}

static void test_filled_after_it_was_given(void)
{
    struct json *json = json_object_new();
    struct json *inner = json_object_new();
    json_set(json, "inner", inner);
    json_set_int(inner, "a", 1);
    struct json *list = json_array_new();
    json_set(inner, "list", list);
    json_add_slice(list, SLICE("x"));
    check_text(json, "{\"inner\":{\"a\":1,\"list\":[\"x\"]}}");
}

static void test_null(void)
{
    struct buf out;
    buf_init(&out, 100);
    json_free(NULL);
    json_set(NULL, "a", json_object_new()); /* frees it */
    json_add(NULL, json_array_new());
    json_set_slice(NULL, "a", SLICE("b"));
    json_set_int(NULL, "a", 1);
    json_add_slice(NULL, SLICE("b"));
    CU_ASSERT_FALSE(json_write(NULL, &out));
    struct json *json = json_object_new();
    struct json *inner = json_array_new();
    json_set(json, "a", inner);
    json_add(inner, NULL); /* what json_object_new returns without memory */
    CU_ASSERT_FALSE(json_write(json, &out));
    CU_ASSERT_EQUAL(out.len, 0);
    json_free(json);
    buf_free(&out);
}

/* Setters of the wrong kind lose nothing and are noticed. */
static void test_wrong_kind(void)
{
    struct buf out;
    buf_init(&out, 100);
    struct json *array = json_array_new();
    json_set(array, "a", json_object_new());
    CU_ASSERT_FALSE(json_write(array, &out));
    json_free(array);
    struct json *object = json_object_new();
    json_add_slice(object, SLICE("a"));
    CU_ASSERT_FALSE(json_write(object, &out));
    json_free(object);
    buf_free(&out);
}

static void test_limit(void)
{
    struct buf out;
    struct json *json = json_object_new();
    json_set_string(json, "key", "value");
    for (size_t limit = 0; limit < 20; limit++) {
        buf_init(&out, limit);
        bool prefixed = buf_append_string(&out, ">");
        CU_ASSERT_EQUAL(json_write(json, &out), limit >= 1 + strlen("{\"key\":\"value\"}"));
        if (prefixed && limit < 16) {
            CU_ASSERT_STRING_EQUAL(buf_cstr(&out), ">"); /* nothing half is left */
        }
        buf_free(&out);
    }
    json_free(json);
}

static size_t allocations_left;

static void *allocate(size_t size)
{
    if (allocations_left == 0) {
        return NULL;
    }
    allocations_left--;
    return malloc(size);
}

static bool build_and_write(struct buf *out)
{
    struct json *json = json_object_new();
    struct json *array = json_array_new();
    json_set(json, "array", array);
    json_add_slice(array, SLICE("text"));
    json_add_slice(array, SLICE("\xff"));
    json_add(array, json_object_new());
    json_set_int(json, "int", 7);
    json_set_string(json, "bad \xff", "text");
    bool ok = json_write(json, out);
    json_free(json);
    return ok;
}

static void test_views(void)
{
    static const struct {
        const char *key;
        const char *expected; /* NULL: there is none */
    } cases[] = {
        {"s", "\"a\\\"b\""}, {"i", "-7"},          {"r", "1.1"},    {"t", "true"},     {"n", "null"},
        {"l", "[1,[]]"},     {"o", "{\"k\":0.5}"}, {"other", NULL}, {"", "\"empty\""}, {"sx", NULL},
    };
    static const struct json_limits limits = {4, 100};
    struct json *json = NULL;
    struct json_view value;
    struct err err = {0};
    CU_ASSERT_EQUAL_FATAL(
        json_read(&json,
                  SLICE("{\"s\": \"a\\\"b\", \"i\": -7, \"r\": 1.1, \"t\": true, \"n\": null, "
                        "\"l\": [1, []], \"o\": {\"k\": 0.5}, \"\": \"empty\"}"),
                  &limits, &err),
        JSON_READ_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, 100);
        bool found = json_view_get(json_view_of(json), slice_of(cases[i].key), &value);
        CU_ASSERT_EQUAL(found, cases[i].expected != NULL);
        CU_ASSERT_TRUE(!found || json_view_write(value, &out));
        CU_ASSERT_STRING_EQUAL(buf_cstr(&out), found ? cases[i].expected : "");
        buf_free(&out);
    }
    struct buf small;
    buf_init(&small, 3);
    CU_ASSERT_TRUE(json_view_get(json_view_of(json), SLICE("l"), &value));
    CU_ASSERT_FALSE(json_view_write(value, &small));
    CU_ASSERT_STRING_EQUAL(buf_cstr(&small), "");
    CU_ASSERT_FALSE(json_view_get(value, SLICE("l"), &value)); /* a list */
    CU_ASSERT_FALSE(json_view_get((struct json_view){0}, SLICE("l"), &value));
    buf_free(&small);
    json_free(json);
}

/* Memory ends at every allocation in turn: the text is whole or there is none, and nothing leaks. */
static void test_without_memory(void)
{
    json_set_alloc_funcs(allocate, free);
    size_t failures = 0;
    bool ok = false;
    for (size_t memory = 0; !ok && memory < 1000; memory++) {
        struct buf out;
        buf_init(&out, 1000);
        allocations_left = memory;
        ok = build_and_write(&out);
        failures += !ok;
        CU_ASSERT_STRING_EQUAL(buf_cstr(&out),
                               ok ? "{\"array\":[\"text\",\"?\",{}],\"int\":7,\"bad ?\":\"text\"}" : "");
        buf_free(&out);
    }
    json_set_alloc_funcs(malloc, free);
    CU_ASSERT_TRUE(ok);
    CU_ASSERT_TRUE(failures > 10);
}

/* Reads text, of which a copy is made, each octet behind its end being another block's for AddressSanitizer. */
static enum json_read read_copy(struct json **json, char **copy, struct slice text, struct err *err)
{
    const struct json_limits limits = {.depth = 4, .values = 10};
    *copy = malloc(text.len + (text.len == 0));
    CU_ASSERT_PTR_NOT_NULL_FATAL(*copy);
    memcpy(*copy, text.data, text.len);
    return json_read_in_place(json, *copy, text.len, &limits, err);
}

static void test_read_values(void)
{
    struct json *json = NULL;
    char *copy = NULL;
    struct err err = {0};
    CU_ASSERT_EQUAL_FATAL(read_copy(&json, &copy,
                                    SLICE("{\"b\": [\"one\", \"\"], \"a\" : -7, \"t\":true, \"n\":null, "
                                          "\"r\":1.5}"),
                                    &err),
                          JSON_READ_OK);
    static const char *const keys[] = {"b", "a", "t", "n", "r"};
    static const enum json_kind kinds[] = {JSON_KIND_LIST, JSON_KIND_INTEGER, JSON_KIND_BOOLEAN,
                                           JSON_KIND_NULL, JSON_KIND_REAL};
    struct json_view views[5];
    struct json_member member = {0};
    size_t count = 0;
    CU_ASSERT_EQUAL(json_view_kind(json_view_of(json)), JSON_KIND_OBJECT);
    for (; json_view_next(json_view_of(json), &member) && count < 5; count++) {
        CU_ASSERT_STRING_EQUAL(member.key, keys[count]);
        CU_ASSERT_EQUAL(json_view_kind(member.value), kinds[count]);
        views[count] = member.value;
    }
    CU_ASSERT_EQUAL_FATAL(count, 5);
    CU_ASSERT_EQUAL(json_view_count(views[0]), 2);
    CU_ASSERT_EQUAL(json_view_kind(json_view_item(views[0], 0)), JSON_KIND_STRING);
    CU_ASSERT_TRUE(slice_equal(json_view_text(json_view_item(views[0], 0)), SLICE("one")));
    CU_ASSERT_TRUE(slice_equal(json_view_text(json_view_item(views[0], 1)), SLICE("")));
    CU_ASSERT_EQUAL(json_view_integer(views[1]), -7);
    CU_ASSERT_TRUE(json_view_is_true(views[2]));
    CU_ASSERT_FALSE(json_view_is_true(views[3]));
    CU_ASSERT_EQUAL(json_view_text(views[1]).len, 0); /* no string */
    CU_ASSERT_EQUAL(json_view_count(views[1]), 0);
    member = (struct json_member){0};
    CU_ASSERT_FALSE(json_view_next(views[0], &member));
    json_free(json);
    free(copy);
}

static void test_read_strings(void)
{
    static const struct {
        struct slice json, text;
    } cases[] = {
        {SLICE_INIT("\"\""), SLICE_INIT("")},
        {SLICE_INIT(" \"a\" "), SLICE_INIT("a")},
        {SLICE_INIT("\"0\""), SLICE_INIT("0")},
        {SLICE_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), SLICE_INIT("\"\\/\b\f\n\r\t")},
        {SLICE_INIT("\"a\\nb\\\\\""), SLICE_INIT("a\nb\\")},
        {SLICE_INIT("\"\\u0001\\u007f\\u0080\\u07ff\""), SLICE_INIT("\x01\x7f\xc2\x80\xdf\xbf")},
        {SLICE_INIT("\"\\u0800\\uFFFF\\ud7FF\\uE000\""),
         SLICE_INIT("\xe0\xa0\x80\xef\xbf\xbf\xed\x9f\xbf\xee\x80\x80")},
        {SLICE_INIT("\"x\\uD800\\uDC00\\udbff\\udfffy\""), SLICE_INIT("x\xf0\x90\x80\x80\xf4\x8f\xbf\xbfy")},
        {SLICE_INIT("\"\xc3\xa9\xf0\x9f\x98\x80\""), SLICE_INIT("\xc3\xa9\xf0\x9f\x98\x80")},
        {SLICE_INIT("\"[{,}]:\""), SLICE_INIT("[{,}]:")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json *json = NULL;
        char *copy = NULL;
        struct err err = {0};
        CU_ASSERT_EQUAL_FATAL(read_copy(&json, &copy, cases[i].json, &err), JSON_READ_OK);
        CU_ASSERT_TRUE(slice_equal(json_view_text(json_view_of(json)), cases[i].text));
        json_free(json);
        free(copy);
    }
}

static void test_read_errors(void)
{
    static const struct {
        struct slice json;
        enum json_read result;
        const char *text;
    } cases[] = {
        {SLICE_INIT(""), JSON_READ_MALFORMED, "line 1, column 1: unexpected token"},
        {SLICE_INIT("\""), JSON_READ_MALFORMED, "line 1, column 1: a string has no end"},
        {SLICE_INIT("\"a\\"), JSON_READ_MALFORMED, "column 1: a string has no end"},
        {SLICE_INIT("\"a\\\""), JSON_READ_MALFORMED, "column 1: a string has no end"},
        {SLICE_INIT("\"a\\x\""), JSON_READ_MALFORMED, "column 3: a backslash begins no escape"},
        {SLICE_INIT("\"a\\\0\""), JSON_READ_MALFORMED, "column 3: a backslash begins no escape"},
        {SLICE_INIT("\"\\u123\""), JSON_READ_MALFORMED, "column 2: \\u has no four"},
        {SLICE_INIT("\"\\u12"), JSON_READ_MALFORMED, "column 1: a string has no end"},
        {SLICE_INIT("\"\\u123g\""), JSON_READ_MALFORMED, "column 2: \\u has no four"},
        {SLICE_INIT("\"\\u0000\""), JSON_READ_MALFORMED, "a string holds a NUL"},
        {SLICE_INIT("\"\\ud800\""), JSON_READ_MALFORMED, "a surrogate has no other half"},
        {SLICE_INIT("\"\\ud800\\"), JSON_READ_MALFORMED, "a string has no end"},
        {SLICE_INIT("\"\\ud800\\n\""), JSON_READ_MALFORMED, "a surrogate has no other half"},
        {SLICE_INIT("\"\\ud800\\ud800\""), JSON_READ_MALFORMED, "a surrogate has no other half"},
        {SLICE_INIT("\"\\ud800\\ue000\""), JSON_READ_MALFORMED, "a surrogate has no other half"},
        {SLICE_INIT("\"\\udc00\\ud800\""), JSON_READ_MALFORMED, "a surrogate has no other half"},
        {SLICE_INIT("\"\0\""), JSON_READ_MALFORMED, "column 2: a string holds a control"},
        {SLICE_INIT("\"\x1f\""), JSON_READ_MALFORMED, "a string holds a control character"},
        {SLICE_INIT("\"\xed\xa0\x80\""), JSON_READ_MALFORMED, "a string is not UTF-8"},
        {SLICE_INIT("\"\xc3\""), JSON_READ_MALFORMED, "a string is not UTF-8"},
        {SLICE_INIT("\0"), JSON_READ_MALFORMED, "line 1, column 1"},
        {SLICE_INIT("1 \0"), JSON_READ_MALFORMED, "line 1"},
        {SLICE_INIT("1\0"), JSON_READ_MALFORMED, "line 1, column 2: there is a NUL"},
        {SLICE_INIT("[\n true\0]"), JSON_READ_MALFORMED, "line 2, column 6: there is a NUL"},
        {SLICE_INIT("{\"a\": 1\0}"), JSON_READ_MALFORMED, "line 1, column 8: there is a NUL"},
        {SLICE_INIT("\"a\" x"), JSON_READ_MALFORMED, "line 1, column 5"},
        /* lines and columns are those of the text, whatever is decoded before */
        {SLICE_INIT("[\"\\n\\n\\u00e9\",\n \"long \\n\", x]"), JSON_READ_MALFORMED, "line 2, column 13"},
        {SLICE_INIT("{\"k\": \"\\n\",\n\"k\": 1}"), JSON_READ_MALFORMED,
         "line 2, column 3: duplicate object key near '\"k\"'"},
        {SLICE_INIT("[\"\\n\",\n\n\"a\\q\"]"), JSON_READ_MALFORMED, "line 3, column 3: a backslash"},
        {SLICE_INIT("[\"s3cret\" s3cret]"), JSON_READ_MALFORMED, "']' expected"},
        {SLICE_INIT("[[[[1]]]]"), JSON_READ_OK, ""},
        {SLICE_INIT("[[[[[1]]]]]"), JSON_READ_TOO_DEEP, ""},
        {SLICE_INIT("[1,2,3,4,5,6,7,8,9]"), JSON_READ_OK, ""},
        {SLICE_INIT("[1,2,3,4,5,6,7,8,9,0]"), JSON_READ_TOO_MANY, ""},
        {SLICE_INIT("\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""), JSON_READ_TOO_MANY, ""},
        {SLICE_INIT("}]}]"), JSON_READ_MALFORMED, "line 1, column 1"},
        {SLICE_INIT("\"a\":1"), JSON_READ_MALFORMED, "end of file expected"},
        {SLICE_INIT("{\"a\\u0000\":1}"), JSON_READ_MALFORMED, "a key holds a NUL"},
        {SLICE_INIT("{\"a\xff\":1}"), JSON_READ_MALFORMED, "line 1"},
        {SLICE_INIT("{\"a\\ud800\":1}"), JSON_READ_MALFORMED, "line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json *json = NULL;
        char *copy = NULL;
        struct err err = {0};
        CU_ASSERT_EQUAL(read_copy(&json, &copy, cases[i].json, &err), cases[i].result);
        CU_ASSERT_EQUAL(json != NULL, cases[i].result == JSON_READ_OK);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].text));
        if (strstr(err.text, cases[i].text) == NULL) {
            fprintf(stderr, "%.*s -> %s\n", SLICE_ARGS(cases[i].json), err.text);
        }
        CU_ASSERT_PTR_NULL(strstr(err.text, "s3cret"));
        json_free(json);
        free(copy);
    }
}

static void test_long_keys(void)
{
    for (size_t len = 4095; len <= 4097; len++) {
        struct buf text;
        struct json *json = NULL;
        struct err err = {0};
        const struct json_limits limits = {.depth = 4, .values = 10};
        buf_init(&text, 10000);
        CU_ASSERT_TRUE(buf_printf(&text, "{\"%0*d\" \t:1}", (int)len, 0));
        enum json_read result = json_read(&json, buf_slice(&text), &limits, &err);
        CU_ASSERT_EQUAL(result, len <= 4096 ? JSON_READ_OK : JSON_READ_MALFORMED);
        json_free(json);
        buf_free(&text);
    }
}

/* Memory ends at every allocation of jansson's in turn. */
static void test_read_without_memory(void)
{
    json_set_alloc_funcs(allocate, free);
    enum json_read result = JSON_READ_NO_MEMORY;
    size_t failures = 0;
    for (size_t memory = 0; result != JSON_READ_OK && memory < 1000; memory++) {
        struct json *json = NULL;
        char *copy = NULL;
        struct err err = {0};
        allocations_left = memory;
        result = read_copy(&json, &copy, SLICE("{\"a\":[\"b\",1],\"c\":{\"d\":true}}"), &err);
        CU_ASSERT_EQUAL(json != NULL, result == JSON_READ_OK);
        failures += result != JSON_READ_OK;
        json_free(json);
        free(copy);
    }
    json_set_alloc_funcs(malloc, free);
    CU_ASSERT_EQUAL(result, JSON_READ_OK);
    CU_ASSERT_TRUE(failures > 5);
}

static const struct unit_test tests[] = {
    {"kinds", test_kinds},
    {"strings", test_strings},
    {"keys", test_keys},
    {"filled after it was given", test_filled_after_it_was_given},
    {"null", test_null},
    {"wrong kind", test_wrong_kind},
    {"limit", test_limit},
    {"without memory", test_without_memory},
    {"views", test_views},
    {"read values", test_read_values},
    {"read strings", test_read_strings},
    {"read errors", test_read_errors},
    {"long keys", test_long_keys},
    {"read without memory", test_read_without_memory},
};
UNIT_SUITE(json, tests);
