#include "fcgi_smtp/buf.h"

#include <stdint.h>

#include "unit.h"

static void test_limit(void)
{
    struct buf buf;
    buf_init(&buf, 3);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "");
    CU_ASSERT_FALSE(buf_append(&buf, "abcd", 4));
    CU_ASSERT_TRUE(buf_append(&buf, NULL, 0));
    CU_ASSERT_PTR_NULL(buf.data);
    CU_ASSERT_TRUE(buf_append_string(&buf, "ab"));
    CU_ASSERT_FALSE(buf_append_string(&buf, "cd"));
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "ab");
    CU_ASSERT_TRUE(buf_append_char(&buf, 'c'));
    CU_ASSERT_FALSE(buf_append_char(&buf, 'd'));
    CU_ASSERT_TRUE(buf_append_slice(&buf, (struct slice){NULL, 0}));
    CU_ASSERT_STRING_EQUAL(buf.data, "abc");
    CU_ASSERT_EQUAL(buf.cap, 4); /* no more than the limit and the NUL */
    buf_free(&buf);
    CU_ASSERT_PTR_NULL(buf.data);
    CU_ASSERT_FALSE(buf_append_char(&buf, 'a')); /* a zeroed buffer has no room */
    buf_free(&buf);
}

static void test_hostile_sizes(void)
{
    struct buf buf;
    buf_init(&buf, SIZE_MAX);
    CU_ASSERT_PTR_NULL(buf_reserve(&buf, SIZE_MAX));
    CU_ASSERT_PTR_NULL(buf_reserve(&buf, SIZE_MAX - 1));
    CU_ASSERT_PTR_NULL(buf_reserve(&buf, SIZE_MAX / 2 + 2));
    CU_ASSERT_TRUE(buf_append_string(&buf, "abc"));
    CU_ASSERT_PTR_NULL(buf_reserve(&buf, SIZE_MAX - 3));
    CU_ASSERT_PTR_NULL(buf_reserve(&buf, SIZE_MAX / 2 + 2));
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "abc");
    buf_free(&buf);
}

static void test_growth(void)
{
    struct buf buf;
    size_t moves = 0;
    size_t cap = 0;
    buf_init(&buf, 100000);
    for (size_t i = 0; i < 100000; i++) {
        CU_ASSERT_TRUE_FATAL(buf_append_char(&buf, (char)('a' + i % 26)));
        moves += buf.cap != cap;
        cap = buf.cap;
    }
    CU_ASSERT_EQUAL(buf.len, 100000);
    CU_ASSERT_TRUE(moves < 20);
    CU_ASSERT_TRUE(buf.cap <= 100001);
    bool same = true;
    for (size_t i = 0; i < buf.len; i++) {
        same = same && buf.data[i] == (char)('a' + i % 26);
    }
    CU_ASSERT_TRUE(same);
    CU_ASSERT_FALSE(buf_append_char(&buf, 'x'));
    buf_free(&buf);
}

static void test_printf(void)
{
    struct buf buf;
    buf_init(&buf, 200);
    CU_ASSERT_TRUE(buf_printf(&buf, "%s", ""));
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "");
    CU_ASSERT_TRUE(buf_printf(&buf, "%d %s", 42, "abc"));
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "42 abc");
    CU_ASSERT_TRUE(buf_printf(&buf, "%94d", 1)); /* more than is allocated */
    CU_ASSERT_EQUAL(buf.len, 100);
    CU_ASSERT_FALSE(buf_printf(&buf, "%101d", 2));
    CU_ASSERT_EQUAL(strlen(buf_cstr(&buf)), 100);
    CU_ASSERT_TRUE(buf_printf(&buf, "%100d", 3)); /* fills it to the last octet */
    CU_ASSERT_EQUAL(strlen(buf_cstr(&buf)), 200);
    CU_ASSERT_FALSE(buf_printf(&buf, "x"));
    CU_ASSERT_EQUAL(strlen(buf.data), 200);
    buf_free(&buf);
}

/* Every length around that of the first allocation. */
static void test_printf_lengths(void)
{
    for (int len = 0; len < 200; len++) {
        struct buf buf;
        buf_init(&buf, 1000);
        CU_ASSERT_TRUE(buf_append_string(&buf, "ab"));
        CU_ASSERT_TRUE(buf_printf(&buf, "%.*s", len,
                                  "01234567890123456789012345678901234567890123456789"
                                  "01234567890123456789012345678901234567890123456789"));
        size_t expected = 2 + (size_t)(len < 100 ? len : 100);
        CU_ASSERT_EQUAL(buf.len, expected);
        CU_ASSERT_EQUAL(strlen(buf.data), expected);
        buf_free(&buf);
    }
}

static void test_reserve(void)
{
    struct buf buf;
    buf_init(&buf, 10);
    char *end = buf_reserve(&buf, 10);
    CU_ASSERT_PTR_NOT_NULL_FATAL(end);
    memcpy(end, "0123456789", 10);
    buf.len += 10;
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "0123456789");
    CU_ASSERT_PTR_NOT_NULL(buf_reserve(&buf, 0));
    CU_ASSERT_PTR_NULL(buf_reserve(&buf, 1));
    buf_clear(&buf);
    CU_ASSERT_STRING_EQUAL(buf.data, "");
    CU_ASSERT_PTR_EQUAL(buf_reserve(&buf, 10), buf.data);
    buf.len = 3; /* over old octets: buf_cstr ends them */
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "");
    memcpy(buf.data, "abc1", 4);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "abc");
    buf_free(&buf);
}

static void test_consume(void)
{
    struct buf buf;
    buf_init(&buf, 10);
    buf_consume(&buf, 0);
    CU_ASSERT_TRUE(buf_append_string(&buf, "abcdef"));
    buf_consume(&buf, 2);
    CU_ASSERT_STRING_EQUAL(buf.data, "cdef");
    CU_ASSERT_TRUE(slice_equal(buf_slice(&buf), SLICE("cdef")));
    buf_consume(&buf, 4);
    CU_ASSERT_STRING_EQUAL(buf.data, "");
    CU_ASSERT_EQUAL(buf.len, 0);
    buf_free(&buf);
}

static void test_shrink(void)
{
    struct buf buf;
    buf_init(&buf, 1000);
    buf_shrink(&buf);
    CU_ASSERT_TRUE(buf_append_string(&buf, "abc"));
    buf_shrink(&buf);
    CU_ASSERT_EQUAL(buf.cap, 4);
    CU_ASSERT_STRING_EQUAL(buf.data, "abc");
    CU_ASSERT_TRUE(buf_append_string(&buf, "def"));
    CU_ASSERT_STRING_EQUAL(buf.data, "abcdef");
    buf_clear(&buf);
    buf_shrink(&buf);
    CU_ASSERT_STRING_EQUAL(buf.data, "");
    buf_free(&buf);
}

static void test_secret(void)
{
    struct buf buf;
    buf_init_secret(&buf, 1000);
    for (int i = 0; i < 500; i++) {
        CU_ASSERT_TRUE_FATAL(buf_append_char(&buf, 's'));
    }
    CU_ASSERT_EQUAL(strspn(buf_cstr(&buf), "s"), 500);
    buf_shrink(&buf);
    CU_ASSERT_EQUAL(strspn(buf_cstr(&buf), "s"), 500);
    CU_ASSERT_FALSE(buf_printf(&buf, "%501d", 1));
    CU_ASSERT_EQUAL(strlen(buf_cstr(&buf)), 500);
    buf_free(&buf);
    buf_wipe(&buf); /* takes a zeroed one */
    buf_init(&buf, 10);
    CU_ASSERT_TRUE(buf_append_string(&buf, "secret"));
    buf_wipe(&buf);
    CU_ASSERT_PTR_NULL(buf.data);
    CU_ASSERT_EQUAL(buf.len, 0);
}

static const struct unit_test tests[] = {
    {"limit", test_limit},
    {"hostile sizes", test_hostile_sizes},
    {"growth", test_growth},
    {"printf", test_printf},
    {"printf of every length", test_printf_lengths},
    {"reserve", test_reserve},
    {"consume", test_consume},
    {"shrink", test_shrink},
    {"secret", test_secret},
};
UNIT_SUITE(buf, tests);
