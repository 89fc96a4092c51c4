#include "app/mailgun/mailgun_variables.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

static enum mailgun_variables_result write_one(struct buf *out, struct slice key, struct slice value)
{
    struct mailgun_variables variables;
    enum mailgun_variables_result result = mailgun_variables_begin(&variables, out);
    result = result == MAILGUN_VARIABLES_OK ? mailgun_variables_add(&variables, key, value) : result;
    return result == MAILGUN_VARIABLES_OK ? mailgun_variables_end(&variables) : result;
}

static void test_values(void)
{
    static const struct {
        const char *key;
        const char *value;
        const char *expected;
    } cases[] = {
        {"a", "b", "{\"a\": \"b\"}"},
        {"a", "", "{\"a\": \"\"}"},
        {"a b", "c d", "{\"a b\": \"c d\"}"},
        {"a", "{\"id\": 1}", "{\"a\": \"{\\\"id\\\": 1}\"}"},
        {"a", "\\", "{\"a\": \"\\\\\"}"},
        /* what unfolding, or a writer that trims, would change */
        {"a", "b  c   d", "{\"a\": \"b \\u0020c \\u0020\\u0020d\"}"},
        {"a", " b ", "{\"a\": \" b \"}"},
        {"a", "\t\r\n\x01\x7f", "{\"a\": \"\\u0009\\u000d\\u000a\\u0001\\u007f\"}"},
        {"a", "=?utf-8?q?x?=", "{\"a\": \"=\\u003futf-8?q?x?=\"}"},
        {"a", "x==?", "{\"a\": \"x==\\u003f\"}"},
        /* not ASCII */
        {"\xc3\xa4", "\xe2\x82\xac", "{\"\\u00e4\": \"\\u20ac\"}"},
        {"a", "\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf", "{\"a\": \"\\ud83d\\ude00\\udbff\\udfff\"}"},
        {"a", "\xff", "{\"a\": \"\\ufffd\"}"},
        {"a", "\xc3", "{\"a\": \"\\ufffd\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, 4096);
        CU_ASSERT_EQUAL(write_one(&out, slice_of(cases[i].key), slice_of(cases[i].value)),
                        MAILGUN_VARIABLES_OK);
        if (strcmp(buf_cstr(&out), cases[i].expected) != 0) {
            fprintf(stderr, "  gave:     %s\n  expected: %s\n", buf_cstr(&out), cases[i].expected);
        }
        CU_ASSERT_STRING_EQUAL(buf_cstr(&out), cases[i].expected);
        buf_free(&out);
    }
}

static void test_several(void)
{
    struct mailgun_variables variables;
    struct buf out;
    buf_init(&out, 4096);
    CU_ASSERT_EQUAL(mailgun_variables_begin(&variables, &out), MAILGUN_VARIABLES_OK);
    CU_ASSERT_EQUAL(mailgun_variables_add(&variables, SLICE("a"), SLICE("1")), MAILGUN_VARIABLES_OK);
    CU_ASSERT_EQUAL(mailgun_variables_add(&variables, SLICE("b"), SLICE("2")), MAILGUN_VARIABLES_OK);
    CU_ASSERT_EQUAL(mailgun_variables_end(&variables), MAILGUN_VARIABLES_OK);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&out), "{\"a\": \"1\", \"b\": \"2\"}");
    buf_free(&out);
}

/* A word is what stands between two spaces, quotes included. */
static void test_long_words(void)
{
    char text[MAILGUN_VARIABLE_WORD_MAX + 1];
    memset(text, 'x', sizeof text);
    static const struct {
        size_t len;
        size_t space_at; /* 0: none */
        enum mailgun_variables_result result;
    } cases[] = {
        {MAILGUN_VARIABLE_WORD_MAX - 2, 0, MAILGUN_VARIABLES_OK},
        {MAILGUN_VARIABLE_WORD_MAX - 1, 0, MAILGUN_VARIABLES_TOO_LONG},
        {MAILGUN_VARIABLE_WORD_MAX + 1, 100, MAILGUN_VARIABLES_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, 4096);
        text[cases[i].space_at] = cases[i].space_at > 0 ? ' ' : 'x';
        CU_ASSERT_EQUAL(write_one(&out, SLICE("a"), (struct slice){text, cases[i].len}), cases[i].result);
        buf_free(&out);
    }
}

static void test_no_room(void)
{
    static const char whole[] = "{\"a\": \"\\u00e4 \\\"b\"}";
    for (size_t room = 0; room < sizeof whole; room++) {
        struct buf out;
        buf_init(&out, room);
        CU_ASSERT_EQUAL(write_one(&out, SLICE("a"), SLICE("\xc3\xa4 \"b")),
                        room < sizeof whole - 1 ? MAILGUN_VARIABLES_NO_ROOM : MAILGUN_VARIABLES_OK);
        buf_free(&out);
    }
}

static const struct unit_test tests[] = {{"values", test_values},
                                         {"several", test_several},
                                         {"long words", test_long_words},
                                         {"no room", test_no_room}};
UNIT_SUITE(app_mailgun_variables, tests);
