#include <stdio.h>

#include "form_run.h"
#include "unit.h"

#define TYPE         SLICE("application/json")
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void run_json(struct form_run *run, struct slice body)
{
    run->json = run->json != 0 ? run->json : 1 << 20;
    form_run_body(run, TYPE, body);
}

static void check_fields(const char *json, const char *expected)
{
    struct form_run run = {0};
    run_json(&run, slice_of(json));
    CU_ASSERT_EQUAL(run.result, FORM_OK);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&run.text), expected);
    if (run.result != FORM_OK || strcmp(buf_cstr(&run.text), expected) != 0) {
        fprintf(stderr, "%s\n-> %s %s", json, run.err.text, buf_cstr(&run.text));
    }
    CU_ASSERT_TRUE(form_run_cuts_agree(&run, TYPE, slice_of(json)));
    form_run_free(&run);
}

static void test_values(void)
{
    static const struct {
        const char *json, *fields;
    } cases[] = {
        {"{}", ""},
        {" \n{ }\t", ""},
        {"{\"to\":\"a@x\"}", "to <UTF-8>=a@x\n"},
        {"{\"text\":\"\"}", "text <UTF-8>=\n"},
        {"{\"b\":\"2\",\"a\":\"1\"}", "b <UTF-8>=2\na <UTF-8>=1\n"},
        {"{\"to\":[\"a@x\",\"b@x\"]}", "to <UTF-8>=a@x\nto <UTF-8>=b@x\n"},
        {"{\"to\":[\"a@x\"],\"cc\":[]}", "to <UTF-8>=a@x\n"},
        {"{\"to\":null}", ""},
        {"{\"port\":587,\"x\":-1,\"y\":9223372036854775807}",
         "port <UTF-8>=587\nx <UTF-8>=-1\ny <UTF-8>=9223372036854775807\n"},
        {"{\"dry_run\":true,\"x\":false}", "dry_run <UTF-8>=true\nx <UTF-8>=false\n"},
        {"{\"x\":[1,true,\"s\"]}", "x <UTF-8>=1\nx <UTF-8>=true\nx <UTF-8>=s\n"},
        {"{\"h:X-A\":\"\\u00e9\\ud83d\\ude00\\r\\n\"}", "h:X-A <UTF-8>=\xc3\xa9\xf0\x9f\x98\x80\\r\\n\n"},
        {"{\"\\u0074o\":\"a\"}", "to <UTF-8>=a\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        check_fields(cases[i].json, cases[i].fields);
    }
}

static void test_files(void)
{
    static const struct {
        const char *json, *fields;
    } cases[] = {
        {"{\"attachment\":{\"filename\":\"a.txt\",\"type\":\"text/plain\",\"content\":\"aGk=\"}}",
         "attachment@\"a.txt\" (text/plain)=hi\n"},
        {"{\"attachment\":[{\"filename\":\"a\",\"content\":\"aGk=\"},{\"content\":\"\",\"filename\":\"b\"}]}",
         "attachment@\"a\"=hi\nattachment@\"b\"=\n"},
        {"{\"text\":{\"content\":\"aGk=\"}}", "text@\"\"=hi\n"},
        {"{\"a\":{\"content\":\"aG\\r\\nk=\\n\",\"filename\":null,\"type\":null}}", "a@\"\"=hi\n"},
        /* a file has the charset of its type, however plain values are read */
        {"{\"x\":\"y\",\"text\":{\"content\":\"5A==\",\"filename\":\"t\",\"type\":\"text/plain; "
         "charset=latin1\"}}",
         "x <UTF-8>=y\ntext@\"t\" (text/plain; charset=latin1) <latin1>=\xe4\n"},
        /* as a browser's empty file input */
        {"{\"attachment\":{\"content\":\"\"}}", ""},
        {"{\"attachment\":{\"content\":\"AA==\",\"filename\":\"a\\r\\n/\\u00e9\"}}",
         "attachment@\"a\\r\\n/\xc3\xa9\"=\\0\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        check_fields(cases[i].json, cases[i].fields);
    }
}

struct wrong {
    const char *json;
    enum form_result result;
    const char *field;
    const char *text; /* a piece of it */
};

static void check_wrong(const struct wrong *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct form_run run = {.fields = 4, .content = 20};
        run_json(&run, slice_of(cases[i].json));
        bool good = run.result == cases[i].result && strcmp(run.err.field, cases[i].field) == 0 &&
                    strstr(run.err.text, cases[i].text) != NULL;
        CU_ASSERT_TRUE(good);
        if (!good) {
            fprintf(stderr, "%s\n-> %d [%s] %s\n", cases[i].json, (int)run.result, run.err.field,
                    run.err.text);
        }
        CU_ASSERT_TRUE(form_run_cuts_agree(&run, TYPE, slice_of(cases[i].json)));
        form_run_free(&run);
    }
}

static void test_malformed(void)
{
    static const struct wrong cases[] = {
        {"", FORM_MALFORMED, "", "The JSON is malformed in line 1, column 1: unexpected token"},
        {"{", FORM_MALFORMED, "", "line 1"},
        {"{\"to\":\n\"a\",}", FORM_MALFORMED, "", "line 2, column 5"},
        {"{\"to\":\"a\"}x", FORM_MALFORMED, "", "end of file expected"},
        {"{'to':'a'}", FORM_MALFORMED, "", "malformed"},
        {"{\"to\":\"a\",\"to\":\"b\"}", FORM_MALFORMED, "", "duplicate object key"},
        {"{\"to\":\"a\",\"t\\u006f\":\"b\"}", FORM_MALFORMED, "", "duplicate object key"},
        {"{\"a\":{\"content\":\"\",\"content\":\"\"}}", FORM_MALFORMED, "", "duplicate"},
        {"{\"to\":\"a\\u0000b\"}", FORM_MALFORMED, "", "a string holds a NUL"},
        {"{\"t\\u0000o\":\"a\"}", FORM_MALFORMED, "", "a key holds a NUL"},
        {"{\"to\":\"\xff\"}", FORM_MALFORMED, "", "a string is not UTF-8"},
        {"{\"to\":\"\\ud800\"}", FORM_MALFORMED, "", "malformed"},
        {"{\"to\":\"\n\"}", FORM_MALFORMED, "", "a string holds a control character"},
        {"\xef\xbb\xbf{}", FORM_MALFORMED, "", "malformed"},
        {"{\"x\":99999999999999999999}", FORM_MALFORMED, "", "too large"},
        {"{\"x\":NaN}", FORM_MALFORMED, "", "malformed"},
        {"[]", FORM_MALFORMED, "$", "no object"},
        {"\"to\"", FORM_MALFORMED, "$", "no object"},
        {"null", FORM_MALFORMED, "$", "no object"},
        {"{\"\":\"a\"}", FORM_MALFORMED, "$['']", "has no name"},
        {"{\"a\":[[[[[[[[1]]]]]]]]}", FORM_MALFORMED, "", "more than 8 levels"},
        {"[[[[[[[[[[[[", FORM_MALFORMED, "", "more than 8 levels"},
    };
    check_wrong(cases, COUNT(cases));
}

/* An error quotes nothing of a value: it goes to the log, and the value may be a password. */
static void test_values_are_not_quoted(void)
{
    static const char *const cases[] = {
        "{\"password\":\"s3cret\" \"s3cret\"}",
        "{\"password\":\"s3cret",
        "{\"password\":\"s3cret\\q\"}",
        "{\"password\":s3cret}",
        "{\"password\":\"s3cret\n\"}",
        "{\"password\":\"s3cret\xff\"}",
        "{\"password\":\"s3cret\"",
        "{\"a\":\"\",\"s3cret\"}",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct form_run run = {0};
        run_json(&run, slice_of(cases[i]));
        CU_ASSERT_EQUAL(run.result, FORM_MALFORMED);
        CU_ASSERT_PTR_NULL(strstr(run.err.text, "s3c"));
        form_run_free(&run);
    }
}

/* What is wrong with a value is told with its path. */
static void test_paths(void)
{
    static const struct wrong cases[] = {
        {"{\"to\":[\"a\",null]}", FORM_MALFORMED, "$.to[1]", "$.to[1] is null"},
        {"{\"to\":[[\"a\"]]}", FORM_MALFORMED, "$.to[0]", "a list in a list"},
        {"{\"port\":587.5}", FORM_MALFORMED, "$.port", "fraction or exponent"},
        {"{\"port\":1e3}", FORM_MALFORMED, "$.port", "fraction or exponent"},
        {"{\"to\":{}}", FORM_MALFORMED, "$.to.content", "$.to.content is missing"},
        {"{\"a\":[{\"content\":\"\"},{\"filename\":\"x\"}]}", FORM_MALFORMED, "$.a[1].content", "is missing"},
        {"{\"a\":{\"content\":null}}", FORM_MALFORMED, "$.a.content", "is missing"},
        {"{\"a\":{\"content\":\"!\"}}", FORM_MALFORMED, "$.a.content", "is not base64"},
        {"{\"a\":{\"content\":\"aGk\"}}", FORM_MALFORMED, "$.a.content", "is not base64"},
        {"{\"a\":{\"content\":\"aG_k\"}}", FORM_MALFORMED, "$.a.content", "is not base64"},
        {"{\"a\":{\"content\":7}}", FORM_MALFORMED, "$.a.content", "is no string"},
        {"{\"a\":{\"contents\":\"\"}}", FORM_MALFORMED, "$.a.contents", "did you mean \"content\"?"},
        {"{\"a\":{\"q\":\"\"}}", FORM_MALFORMED, "$.a.q", "is not known; a file has content"},
        {"{\"a\":{\"type\":\"a/b\\r\\nX: y\",\"content\":\"\"}}", FORM_MALFORMED, "$.a.type", "control"},
        {"{\"a\":{\"type\":\"a/b\\u0085\",\"content\":\"\"}}", FORM_MALFORMED, "$.a.type", "control"},
        {"{\"h:X-A\":[{}]}", FORM_MALFORMED, "$['h:X-A'][0].content", "is missing"},
        {"{\"a'b\\\\\":{}}", FORM_MALFORMED, "$['a\\'b\\\\'].content", "is missing"},
        {"{\"1a\":{}}", FORM_MALFORMED, "$['1a'].content", "is missing"},
        {"{\"_a1\":{}}", FORM_MALFORMED, "$._a1.content", "is missing"},
        {"{\"\xc3\xa9\":{}}", FORM_MALFORMED, "$.\xc3\xa9.content", "is missing"},
    };
    check_wrong(cases, COUNT(cases));
}

static void test_limits(void)
{
    static const struct wrong cases[] = {
        {"{\"a\":\"123456789012345678901\"}", FORM_TOO_LARGE, "$.a", "20 octets"},
        {"{\"a\":[\"1\",\"123456789012345678901\"]}", FORM_TOO_LARGE, "$.a[1]", "20 octets"},
        /* files may hold twice as much here */
        {"{\"a\":{\"filename\":\"f\",\"content\":"
         "\"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\"}}",
         FORM_TOO_LARGE, "$.a", "40 octets"},
        {"{\"a\":[1,2,3,4,5]}", FORM_TOO_MANY_FIELDS, "", "4 fields and files"},
        {"{\"a\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,"
         "34,35,36,"
         "37,38,39,40]}",
         FORM_TOO_MANY_FIELDS, "", "more than 40 values"},
        {"{\"a\":[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}", FORM_TOO_MANY_FIELDS, "",
         "values"},
    };
    check_wrong(cases, COUNT(cases));
}

/* Brackets and commas in strings, behind escapes too, are no values. */
static void test_values_are_counted_outside_strings(void)
{
    struct form_run run = {.fields = 1};
    run_json(&run, SLICE("{\"a\":\"[[[[[[[[[[\\\"[[[[[[,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\\\\\"}"));
    CU_ASSERT_EQUAL(run.result, FORM_OK);
    form_run_free(&run);
}

static void test_size(void)
{
    struct slice body = SLICE("{\"to\":\"a@x\"}");
    for (size_t limit = 1; limit <= body.len + 1; limit++) {
        struct form_run run = {.json = limit};
        run_json(&run, body);
        CU_ASSERT_EQUAL(run.result, limit < body.len ? FORM_TOO_LARGE : FORM_OK);
        if (limit < body.len) {
            CU_ASSERT_PTR_NOT_NULL(strstr(run.err.text, "send files as multipart/form-data"));
            CU_ASSERT_STRING_EQUAL(run.err.field, "");
        }
        form_run_free(&run);
    }
}

/* A content of many chunks, cut by line breaks at odd places, into a blob that spills. */
static void test_large_file(void)
{
    const size_t octets = 300000;
    struct buf json;
    buf_init(&json, 1 << 20);
    CU_ASSERT_TRUE(buf_append_string(&json, "{\"attachment\":{\"filename\":\"f\",\"content\":\""));
    for (size_t i = 0; i < octets / 3; i++) {
        CU_ASSERT_TRUE(buf_append_string(&json, "eHl6"));
        CU_ASSERT_TRUE(i % 19 != 0 || buf_append_string(&json, "\\r\\n"));
    }
    CU_ASSERT_TRUE(buf_append_string(&json, "\"}}"));
    struct form_run run = {.memory = 1000, .step = 4093};
    run_json(&run, buf_slice(&json));
    CU_ASSERT_EQUAL(run.result, FORM_OK);
    CU_ASSERT_EQUAL_FATAL(run.form.count, 1);
    CU_ASSERT_EQUAL(run.form.first->content.size, octets);
    CU_ASSERT_TRUE(run.form.from_json);
    const char *text = strstr(buf_cstr(&run.text), "=");
    bool same = true;
    for (size_t i = 0; i < octets; i++) {
        same = same && text[1 + i] == "xyz"[i % 3];
    }
    CU_ASSERT_TRUE(same);
    form_run_free(&run);
    buf_free(&json);
}

static void test_media_type(void)
{
    static const struct {
        const char *type;
        size_t json;
        enum form_result result;
        const char *text;
    } cases[] = {
        {"application/json", 100, FORM_OK, ""},
        {"Application/JSON; charset=utf-8", 100, FORM_OK, ""},
        {"application/json", 0, FORM_UNSUPPORTED, "send application/x-www-form-urlencoded or multipart"},
        {"application/problem+json", 100, FORM_UNSUPPORTED, "multipart/form-data or application/json"},
        {"text/json", 100, FORM_UNSUPPORTED, "multipart/form-data or application/json"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct form_run run = {.json = cases[i].json};
        form_run_body(&run, slice_of(cases[i].type), SLICE("{}"));
        CU_ASSERT_EQUAL(run.result, cases[i].result);
        CU_ASSERT_PTR_NOT_NULL(strstr(run.err.text, cases[i].text));
        form_run_free(&run);
    }
}

static void test_labels(void)
{
    char out[FORM_LABEL_MAX];
    char name[300];
    memset(name, 'n', sizeof name);
    struct form_field field = {.name = SLICE("to"), .item = 3};
    CU_ASSERT_TRUE(slice_equal(form_field_label(&field, out), SLICE("to")));
    field.from_json = true;
    CU_ASSERT_TRUE(slice_equal(form_field_label(&field, out), SLICE("$.to[3]")));
    field.item = FORM_NO_ITEM;
    CU_ASSERT_TRUE(slice_equal(form_field_label(&field, out), SLICE("$.to")));
    struct form form = {.from_json = false};
    CU_ASSERT_TRUE(slice_equal(form_label(&form, SLICE("h:X"), out), SLICE("h:X")));
    form.from_json = true;
    CU_ASSERT_TRUE(slice_equal(form_label(&form, SLICE("h:X"), out), SLICE("$['h:X']")));
    CU_ASSERT_EQUAL(form_label(&form, (struct slice){name, sizeof name}, out).len, FORM_LABEL_MAX - 1);
}

static const struct unit_test tests[] = {
    {"values", test_values},
    {"files", test_files},
    {"malformed", test_malformed},
    {"values are not quoted", test_values_are_not_quoted},
    {"paths", test_paths},
    {"limits", test_limits},
    {"values are counted outside strings", test_values_are_counted_outside_strings},
    {"size", test_size},
    {"a large file", test_large_file},
    {"media type", test_media_type},
    {"labels", test_labels},
};
UNIT_SUITE(form_json, tests);
