#include "cli/new_key.h"

#include <string.h>

#include "fcgi_smtp/config.h"
#include "fcgi_smtp/digest.h"
#include "unit.h"

#define TEXT_MAX 2048

/* What --new-key prints. */
static void print(const char *name, char text[TEXT_MAX])
{
    FILE *out = fmemopen(text, TEXT_MAX, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    CU_ASSERT_TRUE(new_key(name, out, stderr));
    (void)fclose(out);
}

/* The lines behind the key, with a server, are a configuration that knows the key. */
static void test_lines_can_be_pasted(void)
{
    static const char *const names[] = {"shop", "on", "123", "-a.b_C", "null"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[TEXT_MAX];
        print(names[i], text);
        char *lines = strchr(text, '\n');
        CU_ASSERT_PTR_NOT_NULL_FATAL(lines);
        struct slice key = {text, (size_t)(lines - text)};
        CU_ASSERT_EQUAL(key.len, strlen(NEW_KEY_PREFIX) + 64);
        CU_ASSERT_EQUAL(memcmp(key.data, NEW_KEY_PREFIX, strlen(NEW_KEY_PREFIX)), 0);

        struct buf yaml;
        buf_init(&yaml, 4096);
        CU_ASSERT_TRUE(buf_append_string(&yaml, lines) &&
                       buf_append_string(&yaml, "server: {host: a.example}\n"));
        struct config_report report;
        config_report_init(&report);
        struct config *config = config_parse("f", buf_slice(&yaml), true, &report);
        CU_ASSERT_STRING_EQUAL(buf_cstr(&report.problems), "");
        CU_ASSERT_PTR_NOT_NULL_FATAL(config);
        CU_ASSERT_EQUAL_FATAL(config->key_count, 1);
        CU_ASSERT_STRING_EQUAL(config->keys[0].name, names[i]);
        unsigned char digest[DIGEST_SIZE];
        char digits[DIGEST_HEX_SIZE + 1];
        CU_ASSERT_TRUE(digest_of(key, digest));
        digest_to_hex(digest, digits);
        CU_ASSERT_STRING_EQUAL(config->keys[0].sha256, digits);
        /* The key stands there once. */
        CU_ASSERT_PTR_NULL(strstr(lines, NEW_KEY_PREFIX));
        config_free(config);
        config_report_free(&report);
        buf_free(&yaml);
    }
}

static void test_every_key_is_another(void)
{
    char first[TEXT_MAX];
    char second[TEXT_MAX];
    print("a", first);
    print("a", second);
    CU_ASSERT_NOT_EQUAL(strncmp(first, second, 68), 0);
}

static void test_nowhere_to_write(void)
{
    char told[256] = "";
    FILE *out = fopen("/dev/full", "we");
    FILE *err = fmemopen(told, sizeof told, "w");
    CU_ASSERT_TRUE_FATAL(out != NULL && err != NULL);
    CU_ASSERT_FALSE(new_key("a", out, err));
    (void)fclose(err);
    (void)fclose(out);
    CU_ASSERT_PTR_NOT_NULL(strstr(told, "could not be made or written"));
}

static const struct unit_test tests[] = {
    {"lines can be pasted", test_lines_can_be_pasted},
    {"every key is another", test_every_key_is_another},
    {"nowhere to write", test_nowhere_to_write},
};
UNIT_SUITE(cli_new_key, tests);
