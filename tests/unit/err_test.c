#include "fcgi_smtp/err.h"

#include <string.h>

#include "fcgi_smtp/utf8.h"
#include "unit.h"

static void test_printable(void)
{
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"plain text", "plain text"},
        {"a\r\nb\tc\x01\x1f\x7f", "a??b?c???"},
        {"\x1b[31mred", "?[31mred"},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa7", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa7"},
        {"\xc2\x9b\x33m \xc2\xa0", "??3m \xc2\xa0"}, /* C1: CSI; U+00A0 is none */
        {"\xff\xfe", "??"},
        {"\xc3", "?"},
        {"\xe2\x82", "??"},
        {"\xc0\xaf", "??"},
        {"\xed\xa0\x80", "???"},
        {"\xf4\x90\x80\x80", "????"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        err_set(&err, "%s", cases[i].in);
        CU_ASSERT_STRING_EQUAL(err.text, cases[i].out);
    }
    char with_nul[] = "a\0b";
    err_make_printable(with_nul, 3);
    CU_ASSERT_STRING_EQUAL(with_nul, "a?b");
    err_make_printable(NULL, 0);
}

static void test_null(void)
{
    err_set(NULL, "%d", 1);
    err_set_field(NULL, "a", 1);
}

static void test_field_stays(void)
{
    struct err err = {0};
    err_set_field(&err, "subject-and-more", 7);
    err_set(&err, "bad");
    CU_ASSERT_STRING_EQUAL(err.field, "subject");
    err_set_field(&err, "a\nb", 3);
    CU_ASSERT_STRING_EQUAL(err.field, "a?b");
    CU_ASSERT_STRING_EQUAL(err.text, "bad");
    err_set_field(&err, NULL, 0);
    CU_ASSERT_STRING_EQUAL(err.field, "");
}

static void test_own_text(void)
{
    struct err err = {0};
    err_set(&err, "no such file");
    err_set(&err, "a.yaml: %s", err.text);
    CU_ASSERT_STRING_EQUAL(err.text, "a.yaml: no such file");
}

/* A text of characters of several octets around the maximum, shifted so that the cut falls on each of them.
 */
static void check_cut(const char *character, size_t shift)
{
    char text[3 * ERR_TEXT_MAX];
    size_t n = strlen(character);
    size_t len = shift;
    memset(text, 'x', shift);
    while (len < 2 * ERR_TEXT_MAX) {
        memcpy(text + len, character, n);
        len += n;
    }
    text[len] = '\0';
    struct err err = {0};
    err_set(&err, "%s", text);
    size_t kept = strlen(err.text);
    CU_ASSERT_TRUE(kept < ERR_TEXT_MAX && kept + n >= ERR_TEXT_MAX);
    CU_ASSERT_STRING_EQUAL(err.text + kept - 3, "...");
    CU_ASSERT_EQUAL((kept - 3 - shift) % n, 0);
    CU_ASSERT_EQUAL(memcmp(err.text, text, kept - 3), 0);
    err_set_field(&err, text, len);
    kept = strlen(err.field);
    CU_ASSERT_TRUE(kept < ERR_FIELD_MAX && kept + n >= ERR_FIELD_MAX);
    CU_ASSERT_STRING_EQUAL(err.field + kept - 3, "...");
    CU_ASSERT_EQUAL(memcmp(err.field, text, kept - 3), 0);
}

static void test_cut(void)
{
    static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x93\xa7"};
    for (size_t i = 0; i < 4; i++) {
        for (size_t shift = 0; shift < 5; shift++) {
            check_cut(characters[i], shift);
        }
    }
}

static void test_longest(void)
{
    char text[ERR_TEXT_MAX + 1];
    struct err err = {0};
    memset(text, 'a', sizeof text);
    text[ERR_TEXT_MAX - 1] = '\0';
    err_set(&err, "%s", text);
    CU_ASSERT_STRING_EQUAL(err.text, text); /* the longest that is not cut */
    text[ERR_TEXT_MAX - 1] = 'a';
    text[ERR_TEXT_MAX] = '\0';
    err_set(&err, "%s", text);
    CU_ASSERT_EQUAL(strlen(err.text), ERR_TEXT_MAX - 1);
    CU_ASSERT_STRING_EQUAL(err.text + ERR_TEXT_MAX - 5, "a...");
    memset(text, 0x80, ERR_TEXT_MAX); /* continuation octets alone */
    err_set(&err, "%s", text);
    CU_ASSERT_EQUAL(strspn(err.text, "?"), ERR_TEXT_MAX - 4);
    err_set(&err, "%ls", L"\u20ac"); /* printf fails: the C locale has no such character */
    CU_ASSERT_STRING_EQUAL(err.text, "an error whose text could not be formatted");
}

static const struct unit_test tests[] = {
    {"printable", test_printable}, {"null", test_null}, {"field stays", test_field_stays},
    {"own text", test_own_text},   {"cut", test_cut},   {"longest", test_longest},
};
UNIT_SUITE(err, tests);
