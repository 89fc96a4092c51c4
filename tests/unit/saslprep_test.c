#include "smtp/saslprep.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

static const struct row {
    const char *text;
    const char *expected; /* or, after "!", a part of the error */
} rows[] = {
    /* RFC 4013 3 */
    {"I\xc2\xadX", "IX"},
    {"user", "user"},
    {"USER", "USER"},
    {"\xc2\xaa", "a"},
    {"\xe2\x85\xa8", "IX"},
    {"\x07", "!control"},
    {"\xd8\xa7\x31", "!directions"},
    /* ASCII is its own form */
    {"", ""},
    {" p a-s~s ", " p a-s~s "},
    {"a\x7f", "!control"},
    {"a\nb", "!control"},
    /* mapping, normal form, prohibited */
    {"a\xc2\xa0"
     "b\xe3\x80\x80"
     "c",
     "a b c"},
    {"\xc2\xad\xef\xbb\xbf", ""},
    {"u\xcc\x88", "\xc3\xbc"},
    {"\xef\xac\x81", "fi"},
    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}, /* not in Unicode 3.2, but in passwords */
    {"a\xc2\x80", "!does not allow"},
    {"\xc3\xbc\x07", "!does not allow"},
    {"a\xee\x80\x80", "!does not allow"},
    {"a\xe2\x80\xae"
     "b",
     "!does not allow"},
    {"a\xef\xbf\xbe", "!does not allow"},
    {"a\xf0\x9f\xbf\xbf", "!does not allow"},
    /* directions */
    {"\xd8\xa7", "\xd8\xa7"},
    {"\xd8\xa7 1 \xd8\xa7", "\xd8\xa7 1 \xd8\xa7"},
    {"\xd8\xa7"
     "a\xd8\xa7",
     "!directions"},
    {"1\xd8\xa7", "!directions"},
    {"\xd7\x90", "\xd7\x90"},
    /* not UTF-8 */
    {"\xc3", "!not UTF-8"},
    {"a\xed\xa0\x80", "!not UTF-8"},
    {"\xc0\xaf", "!not UTF-8"},
};

static void prepares(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;
        struct err why = {.text = ""};
        buf_init(&out, SASLPREP_OUT_MAX);
        bool ok = saslprep(slice_of(rows[i].text), &out, &why);
        bool held =
            ok == (rows[i].expected[0] != '!') && (ok ? strcmp(buf_cstr(&out), rows[i].expected) == 0
                                                      : strstr(why.text, rows[i].expected + 1) != NULL);
        if (!held) {
            printf("\nrow %zu: %s%s\n", i, buf_cstr(&out), why.text);
        }
        CU_ASSERT(held);
        buf_free(&out);
    }
}

static bool prepare_many(const char *character, size_t count, size_t *len)
{
    char *text = malloc(strlen(character) * count + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        strcpy(text + i * strlen(character), character);
    }
    struct buf out;
    struct err why = {.text = ""};
    buf_init(&out, SASLPREP_OUT_MAX);
    bool ok = saslprep(slice_of(text), &out, &why);
    *len = out.len;
    buf_free(&out);
    free(text);
    return ok;
}

static void limits(void)
{
    size_t len = 0;
    CU_ASSERT_TRUE(prepare_many("\xc3\xbc", SASLPREP_IN_MAX / 2, &len));
    CU_ASSERT_EQUAL(len, SASLPREP_IN_MAX);
    CU_ASSERT_FALSE(prepare_many("\xc3\xbc", SASLPREP_IN_MAX / 2 + 1, &len));
    CU_ASSERT_TRUE(prepare_many("\xef\xb7\xba", SASLPREP_IN_MAX / 3, &len)); /* each becomes 18 characters */
    CU_ASSERT_EQUAL(len, (size_t)SASLPREP_IN_MAX / 3 * 33);
    CU_ASSERT_TRUE(prepare_many("u\xcc\x88", SASLPREP_IN_MAX / 3, &len));
    CU_ASSERT_TRUE(prepare_many("\xcc\x88", SASLPREP_IN_MAX / 2, &len)); /* marks without end */
    CU_ASSERT_TRUE(prepare_many("a", 65536, &len)); /* ASCII may be as long as a secret */
}

static const struct unit_test tests[] = {
    {"strings are prepared", prepares},
    {"limits", limits},
};

UNIT_SUITE(saslprep, tests);
