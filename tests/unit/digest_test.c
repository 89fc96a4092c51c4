#include "fcgi_smtp/digest.h"

#include <stdlib.h>

#include "unit.h"

/* FIPS 180-4's examples, as NIST publishes them. */
static const struct {
    const char *text;
    const char *hex;
} vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check_hex(const unsigned char digest[DIGEST_SIZE], const char *expected)
{
    char hex[DIGEST_HEX_SIZE + 1];
    digest_to_hex(digest, hex);
    CU_ASSERT_STRING_EQUAL(hex, expected);
}

static void test_known(void)
{
    for (size_t i = 0; i < COUNT(vectors); i++) {
        unsigned char digest[DIGEST_SIZE];
        CU_ASSERT_TRUE(digest_of(slice_of(vectors[i].text), digest));
        check_hex(digest, vectors[i].hex);
    }
    unsigned char digest[DIGEST_SIZE];
    CU_ASSERT_TRUE(digest_of((struct slice){NULL, 0}, digest));
    check_hex(digest, vectors[0].hex);
}

/* Every cut of a text, and a million octets in pieces. */
static void test_stream(void)
{
    struct slice text = slice_of(vectors[2].text);
    unsigned char out[DIGEST_SIZE];
    struct digest digest;
    for (size_t cut = 0; cut <= text.len; cut++) {
        digest_begin(&digest);
        digest_add(&digest, text.data, cut);
        digest_add(&digest, text.data + cut, text.len - cut);
        CU_ASSERT_TRUE(digest_end(&digest, out));
        check_hex(out, vectors[2].hex);
    }
    char thousand[1000];
    memset(thousand, 'a', sizeof thousand);
    digest_begin(&digest);
    for (size_t i = 0; i < 1000; i++) {
        digest_add(&digest, thousand, sizeof thousand);
    }
    CU_ASSERT_TRUE(digest_end(&digest, out));
    check_hex(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void digest_pair(const char *a, const char *b, unsigned char out[DIGEST_SIZE])
{
    struct digest digest;
    digest_begin(&digest);
    digest_add_slice(&digest, slice_of(a));
    digest_add_slice(&digest, slice_of(b));
    CU_ASSERT_TRUE(digest_end(&digest, out));
}

/* Where one slice ends and the next begins is part of the digest. */
static void test_slices(void)
{
    static const char *const pairs[][2] = {{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"", "abc"}};
    unsigned char digests[COUNT(pairs)][DIGEST_SIZE];
    for (size_t i = 0; i < COUNT(pairs); i++) {
        digest_pair(pairs[i][0], pairs[i][1], digests[i]);
        for (size_t k = 0; k < i; k++) {
            CU_ASSERT_FALSE(digest_equal(digests[i], digests[k]));
        }
        unsigned char again[DIGEST_SIZE];
        digest_pair(pairs[i][0], pairs[i][1], again);
        CU_ASSERT_TRUE(digest_equal(digests[i], again));
    }
}

static void test_ended(void)
{
    struct digest digest;
    unsigned char out[DIGEST_SIZE];
    static const unsigned char zeros[DIGEST_SIZE] = {0};
    digest_begin(&digest);
    CU_ASSERT_TRUE(digest_end(&digest, out));
    digest_add(&digest, "a", 1); /* does nothing */
    CU_ASSERT_FALSE(digest_end(&digest, out));
    CU_ASSERT_TRUE(digest_equal(out, zeros));
}

static void test_equal(void)
{
    unsigned char a[DIGEST_SIZE] = {0};
    unsigned char b[DIGEST_SIZE] = {0};
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        for (unsigned bit = 1; bit < 256; bit <<= 1) {
            b[i] = (unsigned char)bit;
            CU_ASSERT_FALSE(digest_equal(a, b));
        }
        b[i] = 0;
    }
    CU_ASSERT_TRUE(digest_equal(a, b));
}

static void test_hex(void)
{
    unsigned char digest[DIGEST_SIZE];
    CU_ASSERT_TRUE(digest_from_hex(slice_of(vectors[1].hex), digest));
    check_hex(digest, vectors[1].hex);
    CU_ASSERT_TRUE(
        digest_from_hex(SLICE("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"), digest));
    check_hex(digest, vectors[1].hex);
    static const char *const wrong[] = {
        "",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad0",
        "ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a ",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015@d",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015`d",
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        CU_ASSERT_FALSE(digest_from_hex(slice_of(wrong[i]), digest));
    }
}

static const struct unit_test tests[] = {
    {"known digests", test_known}, {"streams", test_stream}, {"slices", test_slices},
    {"after the end", test_ended}, {"equal", test_equal},    {"hexadecimal digits", test_hex},
};
UNIT_SUITE(digest, tests);
