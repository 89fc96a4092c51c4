#include "fcgi_smtp/charset.h"

#include "filter_stream.h"
#include "unit.h"

static struct charset_decoder decoder;

static bool is_known(struct slice name)
{
    enum charset_result result = charset_open(&decoder, name);
    CU_ASSERT(result == CHARSET_OK || result == CHARSET_UNKNOWN);
    charset_close(&decoder);
    return result == CHARSET_OK;
}

static void test_names(void)
{
    char longest[CHARSET_NAME_MAX + 1];
    memset(longest, 'a', sizeof longest);
    CU_ASSERT(is_known(SLICE("utf-8")));
    CU_ASSERT(is_known(SLICE("Latin1")));
    CU_ASSERT(is_known(SLICE("ISO_8859-1:1987")));
    CU_ASSERT(is_known(SLICE("ANSI_X3.4-1968")));
    CU_ASSERT_FALSE(is_known((struct slice){longest, CHARSET_NAME_MAX}));
    CU_ASSERT_FALSE(is_known((struct slice){longest, CHARSET_NAME_MAX + 1}));
    CU_ASSERT_FALSE(is_known(SLICE("")));
    CU_ASSERT_FALSE(is_known(SLICE("no-such-charset")));
    CU_ASSERT_FALSE(is_known(SLICE("utf-8//IGNORE")));
    CU_ASSERT_FALSE(is_known(SLICE("latin1//IGNORE")));
    CU_ASSERT_FALSE(is_known(SLICE("latin1//TRANSLIT")));
    CU_ASSERT_FALSE(is_known(SLICE("latin1//")));
    CU_ASSERT_FALSE(is_known(SLICE("../../x")));
    CU_ASSERT_FALSE(is_known(SLICE("latin 1")));
    CU_ASSERT_FALSE(is_known(SLICE("latin1\0b")));
    CU_ASSERT_FALSE(is_known(SLICE("latin1\n")));
    CU_ASSERT_FALSE(is_known(SLICE("latin1,")));
    CU_ASSERT_FALSE(is_known(SLICE("\xc3\xbc")));
    CU_ASSERT(charset_is_utf8(SLICE("UTF8")) && charset_is_utf8(SLICE("US-ASCII")));
    CU_ASSERT_FALSE(charset_is_utf8(SLICE("utf-16")) || charset_is_utf8(SLICE("")));
    struct charset_decoder zeroed = {0};
    charset_close(&zeroed);
}

/* Converts in two updates; the results of both and of finish stop at the first that is not OK. */
static enum charset_result convert_cut(struct slice name, struct slice in, size_t cut, struct buf *out)
{
    CU_ASSERT_EQUAL_FATAL(charset_open(&decoder, name), CHARSET_OK);
    enum charset_result result = charset_update(&decoder, in.data, cut, out);
    if (result == CHARSET_OK) {
        result = charset_update(&decoder, in.data + cut, in.len - cut, out);
    }
    if (result == CHARSET_OK) {
        result = charset_finish(&decoder, out);
    }
    return result;
}

static enum charset_result convert_octets(struct slice name, struct slice in, struct buf *out)
{
    CU_ASSERT_EQUAL_FATAL(charset_open(&decoder, name), CHARSET_OK);
    enum charset_result result = CHARSET_OK;
    for (size_t i = 0; i < in.len && result == CHARSET_OK; i++) {
        result = charset_update(&decoder, in.data + i, 1, out);
    }
    return result == CHARSET_OK ? charset_finish(&decoder, out) : result;
}

struct conversion {
    struct slice charset;
    struct slice in;
    enum charset_result result;
    uint64_t offset; /* of the error */
    struct slice out;
};

static void check_result(const struct conversion *expected, enum charset_result result, const struct buf *out)
{
    CU_ASSERT_EQUAL(result, expected->result);
    CU_ASSERT(slice_equal(buf_slice(out), expected->out));
    CU_ASSERT(result == CHARSET_OK || decoder.error_offset == expected->offset);
    charset_close(&decoder);
}

static void check_conversion(const struct conversion *expected)
{
    struct buf out;
    buf_init(&out, 1000);
    for (size_t cut = 0; cut <= expected->in.len; cut++) {
        buf_clear(&out);
        check_result(expected, convert_cut(expected->charset, expected->in, cut, &out), &out);
    }
    buf_clear(&out);
    check_result(expected, convert_octets(expected->charset, expected->in, &out), &out);
    buf_clear(&out);
    uint64_t offset = expected->offset;
    CU_ASSERT_EQUAL(charset_to_utf8(expected->charset, expected->in, &out, &offset), expected->result);
    CU_ASSERT(expected->result == CHARSET_OK || offset == expected->offset);
    CU_ASSERT(slice_equal(buf_slice(&out), expected->out));
    buf_free(&out);
}

static void test_utf8(void)
{
    const struct conversion cases[] = {
        {SLICE("UTF-8"), SLICE(""), CHARSET_OK, 0, SLICE("")},
        {SLICE("utf8"), SLICE("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\0"), CHARSET_OK, 0,
         SLICE("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\0")},
        {SLICE("utf-8"), SLICE("\xed\x9f\xbf\xf4\x8f\xbf\xbf\xe0\xa0\x80\xf0\x90\x80\x80"), CHARSET_OK, 0,
         SLICE("\xed\x9f\xbf\xf4\x8f\xbf\xbf\xe0\xa0\x80\xf0\x90\x80\x80")},
        {SLICE("utf-8"), SLICE("ab\xff"), CHARSET_MALFORMED, 2, SLICE("ab")},
        {SLICE("utf-8"), SLICE("a\xc3("), CHARSET_MALFORMED, 1, SLICE("a")},
        {SLICE("utf-8"), SLICE("a\xc0\x80"), CHARSET_MALFORMED, 1, SLICE("a")}, /* overlong */
        {SLICE("utf-8"), SLICE("\xc3\xbc\xe0\x80\x80"), CHARSET_MALFORMED, 2, SLICE("\xc3\xbc")},
        {SLICE("utf-8"), SLICE("\xed\xa0\x80"), CHARSET_MALFORMED, 0, SLICE("")},     /* surrogate */
        {SLICE("utf-8"), SLICE("\xf4\x90\x80\x80"), CHARSET_MALFORMED, 0, SLICE("")}, /* over U+10FFFF */
        {SLICE("utf-8"), SLICE("a\xf0\x9f\x98z"), CHARSET_MALFORMED, 1, SLICE("a")},
        {SLICE("utf-8"), SLICE("a\xc3"), CHARSET_INCOMPLETE, 1, SLICE("a")},
        {SLICE("utf-8"), SLICE("\xe0\xa0"), CHARSET_INCOMPLETE, 0, SLICE("")},
        {SLICE("utf-8"), SLICE("ab\xf0\x9f\x98"), CHARSET_INCOMPLETE, 2, SLICE("ab")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_conversion(&cases[i]);
    }
}

static void test_ascii(void)
{
    const struct conversion cases[] = {
        {SLICE("us-ascii"), SLICE("a\0\x7f"), CHARSET_OK, 0, SLICE("a\0\x7f")},
        {SLICE("ASCII"), SLICE("abc\x80"), CHARSET_MALFORMED, 3, SLICE("abc")},
        {SLICE("ANSI_X3.4-1968"), SLICE("\xc3\xbc"), CHARSET_MALFORMED, 0, SLICE("")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_conversion(&cases[i]);
    }
}

static void test_iconv(void)
{
    const struct conversion cases[] = {
        {SLICE("iso-8859-1"), SLICE("a\xfc\0"), CHARSET_OK, 0, SLICE("a\xc3\xbc\0")},
        {SLICE("windows-1252"), SLICE("\x80 \x93x\x94"), CHARSET_OK, 0,
         SLICE("\xe2\x82\xac \xe2\x80\x9cx\xe2\x80\x9d")},
        {SLICE("windows-1252"), SLICE("ab\x81"), CHARSET_MALFORMED, 2, SLICE("ab")},
        {SLICE("shift_jis"), SLICE("a\x93\xfa\x96\x7b"), CHARSET_OK, 0, SLICE("a\xe6\x97\xa5\xe6\x9c\xac")},
        {SLICE("shift_jis"), SLICE("a\x93"), CHARSET_INCOMPLETE, 1, SLICE("a")},
        {SLICE("ISO-2022-JP"), SLICE("a\x1b$BF|K\\\x1b(Bb"), CHARSET_OK, 0,
         SLICE("a\xe6\x97\xa5\xe6\x9c\xac"
               "b")},
        {SLICE("euc-kr"), SLICE("\xc7\xd1x\xff\xff"), CHARSET_MALFORMED, 3, SLICE("\xed\x95\x9cx")},
        {SLICE("gb18030"), SLICE("\x81\x30\x81\x30z"), CHARSET_OK, 0, SLICE("\xc2\x80z")},
        {SLICE("utf-16"), SLICE("\xfe\xff\0a\xd8\x3d\xde\0"), CHARSET_OK, 0, SLICE("a\xf0\x9f\x98\x80")},
        {SLICE("utf-16le"), SLICE("a\0\xfc"), CHARSET_INCOMPLETE, 2, SLICE("a")},
        {SLICE("utf-7"), SLICE("a+AOk-b"), CHARSET_OK, 0,
         SLICE("a\xc3\xa9"
               "b")},
        /* a base letter that the next octet may combine with is kept back by the converter until finish */
        {SLICE("TCVN"), SLICE("xA"), CHARSET_OK, 0, SLICE("xA")},
        {SLICE("TCVN"), SLICE("A\xb3"), CHARSET_OK, 0, SLICE("\xc3\x81")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_conversion(&cases[i]);
    }
}

/* Every octet of ISO 8859-1 is the character of that number. */
static void test_every_octet(void)
{
    for (unsigned c = 0; c < 256; c++) {
        char in = (char)(unsigned char)c;
        char expected[2] = {(char)(c < 128 ? c : 0xC0 | c >> 6), (char)(0x80 | (c & 0x3F))};
        struct buf out;
        buf_init(&out, 10);
        CU_ASSERT_EQUAL(charset_to_utf8(SLICE("latin1"), (struct slice){&in, 1}, &out, NULL), CHARSET_OK);
        CU_ASSERT(slice_equal(buf_slice(&out), (struct slice){expected, c < 128 ? 1 : 2}));
        buf_free(&out);
    }
}

static void test_large(void)
{
    enum { LEN = 100000 };
    char *in = malloc(LEN);
    struct buf out;
    buf_init(&out, 2 * LEN);
    memset(in, '\xfc', LEN);
    CU_ASSERT_EQUAL(charset_to_utf8(SLICE("iso-8859-1"), (struct slice){in, LEN}, &out, NULL), CHARSET_OK);
    CU_ASSERT_EQUAL(out.len, 2 * LEN);
    for (size_t i = 0; i < out.len; i++) {
        CU_ASSERT(out.data[i] == (i % 2 ? '\xbc' : '\xc3'));
    }
    in[LEN - 7] = '\x81';
    uint64_t offset = 0;
    buf_clear(&out);
    CU_ASSERT_EQUAL(charset_to_utf8(SLICE("cp1252"), (struct slice){in, LEN}, &out, &offset),
                    CHARSET_MALFORMED);
    CU_ASSERT_EQUAL(offset, LEN - 7);
    buf_free(&out);
    free(in);
}

/* The limit is kept, and what just fits is no error. */
static void test_limit(void)
{
    static const struct slice charsets[] = {{"utf-8", 5}, {"us-ascii", 8}, {"iso-8859-1", 10}};
    for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++) {
        for (size_t limit = 0; limit <= 12; limit++) {
            struct buf out;
            buf_init(&out, limit);
            enum charset_result result = charset_to_utf8(charsets[i], SLICE("abcdefghij"), &out, NULL);
            CU_ASSERT_EQUAL(result, limit < 10 ? CHARSET_NO_ROOM : CHARSET_OK);
            CU_ASSERT(out.len <= limit);
            buf_free(&out);
        }
    }
    struct buf out;
    buf_init(&out, 3);
    CU_ASSERT_EQUAL(charset_to_utf8(SLICE("latin1"), SLICE("\xfc\xfc"), &out, NULL), CHARSET_NO_ROOM);
    CU_ASSERT(slice_equal(buf_slice(&out), SLICE("\xc3\xbc")));
    buf_free(&out);
    buf_init(&out, 3);
    CU_ASSERT_EQUAL(charset_to_utf8(SLICE("iso-2022-jp"), SLICE("\x1b$BF|\x1b(B"), &out, NULL), CHARSET_OK);
    CU_ASSERT(slice_equal(buf_slice(&out), SLICE("\xe6\x97\xa5")));
    buf_free(&out);
}

/* As browsers write them: 5C and 7E are ASCII's in Shift_JIS, and there are signs that the standard's own set lacks. */
static void test_practical_names(void)
{
    static const struct {
        struct slice name;
        struct slice in;
        const char *expected;
    } cases[] = {
        {SLICE_INIT("Shift_JIS"), SLICE_INIT("C:\\~\x95\x5c\x87\x40"), "C:\\~\xe8\xa1\xa8\xe2\x91\xa0"},
        {SLICE_INIT("EUC-KR"), SLICE_INIT("\x81\x41"), "\xea\xb0\x82"},
        {SLICE_INIT("ks_c_5601-1987"), SLICE_INIT("\x81\x41"), "\xea\xb0\x82"},
        {SLICE_INIT("gb2312"), SLICE_INIT("\xe9\x46"), "\xe9\x95\x95"},
        {SLICE_INIT("GBK"), SLICE_INIT("\xa2\xe3"), "\xe2\x82\xac"},
        {SLICE_INIT("windows-949"), SLICE_INIT("\x81\x41"), "\xea\xb0\x82"},
        {SLICE_INIT("x-euc-jp"), SLICE_INIT("\xa4\xa2"), "\xe3\x81\x82"},
        {SLICE_INIT("ISO-8859-8-I"), SLICE_INIT("\xe0"), "\xd7\x90"},
        {SLICE_INIT("x-mac-cyrillic"), SLICE_INIT("\x80"), "\xd0\x90"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, 100);
        CU_ASSERT_EQUAL(charset_to_utf8(cases[i].name, cases[i].in, &out, NULL), CHARSET_OK);
        CU_ASSERT_STRING_EQUAL(buf_cstr(&out), cases[i].expected);
        buf_free(&out);
    }
}

static const struct unit_test tests[] = {
    {"names", test_names},
    {"UTF-8", test_utf8},
    {"US-ASCII", test_ascii},
    {"iconv", test_iconv},
    {"every octet", test_every_octet},
    {"large text", test_large},
    {"the limit", test_limit},
    {"names in practice", test_practical_names},
};
UNIT_SUITE(charset, tests);
