#include "fcgi_smtp/utf8.h"

#include <stdint.h>

#include "unit.h"

/* RFC 3629 section 3 read backwards: the bits of the number give the one permitted form. */
static size_t encode(uint32_t number, char *out)
{
    if (number < 0x80) {
        out[0] = (char)number;
        return 1;
    }
    size_t len = number < 0x800 ? 2 : number < 0x10000 ? 3 : 4;
    static const unsigned char marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (number & 0x3F));
        number >>= 6;
    }
    out[0] = (char)(marks[len] | number);
    return len;
}

static bool is_surrogate(uint32_t number)
{
    return number >= 0xD800 && number <= 0xDFFF;
}

static void test_every_character(void)
{
    size_t wrong = 0;
    for (uint32_t number = 0; number <= 0x1FFFFF; number++) {
        char text[4];
        size_t len = encode(number, text);
        size_t expected = is_surrogate(number) || number > 0x10FFFF ? 0 : len;
        wrong += utf8_char_len(text, len) != expected;
        wrong += len > 1 && utf8_char_len(text, len - 1) != 0; /* cut off */
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* Whether octets are how some number is encoded: found by decoding and encoding again. */
static size_t model_len(const unsigned char *p)
{
    size_t len = p[0] < 0x80 ? 1 : (p[0] & 0xE0) == 0xC0 ? 2 : (p[0] & 0xF0) == 0xE0 ? 3 : 4;
    uint32_t number = len == 1 ? p[0] : p[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        number = number << 6 | (p[i] & 0x3F);
    }
    char again[4];
    bool same = encode(number, again) == len && memcmp(again, p, len) == 0;
    return same && !is_surrogate(number) && number <= 0x10FFFF ? len : 0;
}

static void test_every_beginning(void)
{
    static const unsigned char ends[] = {0x00, 0x41, 0x7F, 0x80, 0xA9, 0xBF, 0xC0, 0xFF};
    size_t wrong = 0;
    for (unsigned i = 0; i < 256 * 256 * 8 * 8; i++) {
        unsigned char text[4] = {(unsigned char)(i >> 14), (unsigned char)(i >> 6), ends[i >> 3 & 7],
                                 ends[i & 7]};
        wrong += utf8_char_len((const char *)text, 4) != model_len(text);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* A bad octet at every place, so that both the words and the rest behind them meet it. */
static void test_prefix(void)
{
    char text[40];
    for (size_t len = 0; len <= sizeof text; len++) {
        memset(text, 'a', sizeof text);
        struct slice s = {text, len};
        CU_ASSERT_EQUAL(utf8_valid_prefix(s), len);
        CU_ASSERT_TRUE(utf8_is_ascii(s));
        for (size_t bad = 0; bad < len; bad++) {
            memset(text, 'a', sizeof text);
            text[bad] = (char)0xFF;
            CU_ASSERT_EQUAL(utf8_valid_prefix(s), bad);
            CU_ASSERT_FALSE(utf8_is_ascii(s));
        }
    }
    CU_ASSERT_EQUAL(utf8_valid_prefix((struct slice){NULL, 0}), 0);
    CU_ASSERT_TRUE(utf8_is_ascii((struct slice){NULL, 0}));
}

static void test_prefix_cut(void)
{
    static const char text[] = "a\xc3\xa9-\xe2\x82\xac"
                               "12345678"
                               "\xf0\x9f\x93\xa7"
                               "b";
    static const size_t begins[] = {0, 1, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20};
    size_t begin = 0;
    for (size_t len = 0; len < sizeof text; len++) {
        if (begins[begin + 1] <= len && begin + 1 < sizeof begins / sizeof begins[0] - 1) {
            begin++;
        }
        size_t expected = len == sizeof text - 1 ? len : begins[begin];
        CU_ASSERT_EQUAL(utf8_valid_prefix((struct slice){text, len}), expected);
    }
}

static void test_control(void)
{
    CU_ASSERT_TRUE(utf8_is_control("\n", 1));
    CU_ASSERT_TRUE(utf8_is_control("\0", 1));
    CU_ASSERT_TRUE(utf8_is_control("\x7f", 1));
    CU_ASSERT_TRUE(utf8_is_control("\xc2\x80", 2));
    CU_ASSERT_TRUE(utf8_is_control("\xc2\x9f", 2));
    CU_ASSERT_FALSE(utf8_is_control(" ", 1));
    CU_ASSERT_FALSE(utf8_is_control("\xc2\xa0", 2));
    CU_ASSERT_FALSE(utf8_is_control("\xc3\x80", 2));
}

static const struct unit_test tests[] = {
    {"every character", test_every_character},
    {"every beginning", test_every_beginning},
    {"prefix", test_prefix},
    {"prefix of a cut text", test_prefix_cut},
    {"control", test_control},
};
UNIT_SUITE(utf8, tests);
