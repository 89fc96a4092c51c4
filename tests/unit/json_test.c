#include "fcgi_smtp/json.h"

#include <stdlib.h>

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
    CU_ASSERT_FALSE(json_view_get((struct json_view){NULL}, SLICE("l"), &value));
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

static const struct unit_test tests[] = {
    {"kinds", test_kinds}, {"strings", test_strings},
    {"keys", test_keys},   {"filled after it was given", test_filled_after_it_was_given},
    {"null", test_null},   {"wrong kind", test_wrong_kind},
    {"limit", test_limit}, {"without memory", test_without_memory},
    {"views", test_views},
};
UNIT_SUITE(json, tests);
