#include "fcgi_smtp/base64.h"

#include "filter_stream.h"
#include "unit.h"

static struct base64_encoder encoder;
static struct base64_decoder decoder;

static void init_wrapped(void)
{
    base64_encoder_init(&encoder, BASE64_WRAPPED);
}

static void init_unwrapped(void)
{
    base64_encoder_init(&encoder, BASE64_UNWRAPPED);
}

static size_t encode_update(const void *in, size_t len, char *out)
{
    return base64_encoder_update(&encoder, in, len, out);
}

static size_t encode_finish(char *out)
{
    return base64_encoder_finish(&encoder, out);
}

static size_t encode_max(size_t len)
{
    return BASE64_ENCODER_UPDATE_MAX(len);
}

static void init_mime(void)
{
    base64_decoder_init(&decoder, BASE64_MIME);
}

static size_t decode_update(const void *in, size_t len, char *out)
{
    size_t out_len = 0;
    CU_ASSERT(base64_decoder_update(&decoder, in, len, out, &out_len));
    return out_len;
}

static size_t decode_finish(char *out)
{
    (void)out;
    CU_ASSERT(base64_decoder_finish(&decoder));
    return 0;
}

static size_t decode_max(size_t len)
{
    return BASE64_DECODER_UPDATE_MAX(len);
}

static const struct filter wrapped = {init_wrapped, encode_update, encode_max, encode_finish,
                                      BASE64_ENCODER_FINISH_MAX};
static const struct filter unwrapped = {init_unwrapped, encode_update, encode_max, encode_finish,
                                        BASE64_ENCODER_FINISH_MAX};
static const struct filter mime = {init_mime, decode_update, decode_max, decode_finish, 0};

/* RFC 4648 10, and values that use the last two characters of the alphabet. */
static const struct {
    struct slice octets;
    struct slice chars;
} vectors[] = {
    {{"", 0}, {"", 0}},
    {{"f", 1}, {"Zg==", 4}},
    {{"fo", 2}, {"Zm8=", 4}},
    {{"foo", 3}, {"Zm9v", 4}},
    {{"foob", 4}, {"Zm9vYg==", 8}},
    {{"fooba", 5}, {"Zm9vYmE=", 8}},
    {{"foobar", 6}, {"Zm9vYmFy", 8}},
    {{"\xfb\xff\xbf\0\0\0\xff\xff\xff", 9}, {"+/+/AAAA////", 12}},
    {{"\0user\0pass", 10}, {"AHVzZXIAcGFzcw==", 16}},
};

static void test_vectors(void)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct slice octets = vectors[i].octets;
        struct slice chars = vectors[i].chars;
        char out[32];
        size_t len = 0;
        filter_check(&unwrapped, octets, chars);
        filter_check(&mime, chars, octets);
        CU_ASSERT_EQUAL(base64_encode(octets.data, octets.len, out), chars.len);
        CU_ASSERT(memcmp(out, chars.data, chars.len) == 0);
        CU_ASSERT(base64_decode(chars.data, chars.len, out, &len));
        CU_ASSERT(slice_equal((struct slice){out, len}, octets));
    }
}

static void test_lines(void)
{
    char in[200];
    char line[79];
    memset(in, 'i', sizeof in);
    for (size_t i = 0; i < 76; i++) {
        line[i] = "aWlp"[i % 4];
    }
    memcpy(line + 76, "\r\n", 3);
    struct buf expected;
    buf_init(&expected, 1000);
    CU_ASSERT_FATAL(buf_append(&expected, line, 78));
    filter_check(&wrapped, (struct slice){in, 57}, buf_slice(&expected));
    CU_ASSERT_FATAL(buf_append_string(&expected, "aQ==\r\n"));
    filter_check(&wrapped, (struct slice){in, 58}, buf_slice(&expected));
    expected.len = 78;
    CU_ASSERT_FATAL(buf_append(&expected, line, 72));
    CU_ASSERT_FATAL(buf_append_string(&expected, "aWk=\r\n"));
    filter_check(&wrapped, (struct slice){in, 57 + 56}, buf_slice(&expected));
    buf_free(&expected);
    filter_check(&wrapped, SLICE(""), SLICE(""));
    filter_check(&wrapped, SLICE("f"), SLICE("Zg==\r\n"));
}

static void test_size_is_exact(void)
{
    static char in[1000];
    struct buf out;
    buf_init(&out, FILTER_OUT_LIMIT);
    for (size_t len = 0; len <= sizeof in; len++) {
        filter_run(&wrapped, (struct slice){in, len}, 0, &out);
        CU_ASSERT_EQUAL(out.len, base64_encoded_size(len, BASE64_WRAPPED));
        filter_run(&unwrapped, (struct slice){in, len}, 0, &out);
        CU_ASSERT_EQUAL(out.len, base64_encoded_size(len, BASE64_UNWRAPPED));
    }
    buf_free(&out);
    CU_ASSERT_EQUAL(base64_encoded_size(UINT64_C(57) << 40, BASE64_WRAPPED), UINT64_C(78) << 40);
}

/* decode(encode(x)) = x, both layouts, all lengths around lines and all octet values. */
static void test_round_trip(void)
{
    uint32_t random = 20453u;
    char in[600];
    struct buf encoded;
    buf_init(&encoded, FILTER_OUT_LIMIT);
    for (size_t len = 0; len <= sizeof in; len += len < 130 ? 1 : 47) {
        filter_random_text(&random, SLICE(""), in, len);
        for (size_t i = 0; i < len && i < 256; i++) {
            in[i] = len > 256 ? (char)(unsigned char)i : in[i];
        }
        for (size_t layout = 0; layout < 2; layout++) {
            filter_run(layout == 0 ? &unwrapped : &wrapped, (struct slice){in, len}, 0, &encoded);
            filter_check(layout == 0 ? &unwrapped : &wrapped, (struct slice){in, len}, buf_slice(&encoded));
            filter_check(&mime, buf_slice(&encoded), (struct slice){in, len});
        }
    }
    buf_free(&encoded);
}

static void test_encoder_is_reusable(void)
{
    char out[BASE64_ENCODER_UPDATE_MAX(1) + BASE64_ENCODER_FINISH_MAX];
    init_wrapped();
    for (unsigned i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(base64_encoder_update(&encoder, "f", 1, out), 0);
        CU_ASSERT_EQUAL(base64_encoder_finish(&encoder, out), 6);
        CU_ASSERT(memcmp(out, "Zg==\r\n", 6) == 0);
    }
    CU_ASSERT_EQUAL(base64_encoder_finish(&encoder, out), 0);
}

static bool decodes(enum base64_rules rules, struct slice chars, size_t piece)
{
    char out[64];
    bool valid = true;
    base64_decoder_init(&decoder, rules);
    for (size_t at = 0; at < chars.len; at += piece) {
        size_t len = chars.len - at < piece ? chars.len - at : piece;
        size_t out_len = 0;
        valid = base64_decoder_update(&decoder, chars.data + at, len, out, &out_len);
        CU_ASSERT(out_len <= BASE64_DECODER_UPDATE_MAX(len));
    }
    return base64_decoder_finish(&decoder) && valid;
}

static void test_decoder_rules(void)
{
    static const struct {
        struct slice chars;
        bool strict;
        bool mime;
    } cases[] = {
        {{"Zg==", 4}, true, true},         {{"Zm9v\r\nYg==\r\n", 12}, false, true},
        {{" Z g\t= =\r", 9}, false, true}, {{"Zh==", 4}, false, true}, /* unused bits */
        {{"Zm9=", 4}, false, true},        {{"Zg", 2}, false, false},
        {{"Z", 1}, false, false},          {{"Zm8", 3}, false, false},
        {{"Zg=", 3}, false, false},        {{"Z===", 4}, false, false},
        {{"=", 1}, false, false},          {{"====", 4}, false, false},
        {{"Zg==Zg==", 8}, false, false},   {{"Zg===", 5}, false, false},
        {{"Zm8=\r\nZ", 7}, false, false},  {{"Zg=a", 4}, false, false},
        {{"Zm9v!", 5}, false, false},      {{"Zm-_", 4}, false, false},
        {{"Zm9v\0", 5}, false, false},     {{"Zm9\x80", 4}, false, false},
        {{"*", 1}, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t piece = 1; piece <= cases[i].chars.len; piece++) {
            CU_ASSERT_EQUAL(decodes(BASE64_STRICT, cases[i].chars, piece), cases[i].strict);
            CU_ASSERT_EQUAL(decodes(BASE64_MIME, cases[i].chars, piece), cases[i].mime);
        }
    }
}

static void test_decoder_stays_failed(void)
{
    char out[16];
    size_t len = 99;
    base64_decoder_init(&decoder, BASE64_MIME);
    CU_ASSERT_FALSE(base64_decoder_update(&decoder, "Zm9v!Zm9v", 9, out, &len));
    CU_ASSERT_EQUAL(len, 3);
    CU_ASSERT(memcmp(out, "foo", 3) == 0);
    CU_ASSERT_FALSE(base64_decoder_update(&decoder, "Zm9v", 4, out, &len));
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_FALSE(base64_decoder_finish(&decoder));
}

/* Each octet value where a character is expected: the alphabet's 64 decode to what encodes to them, others fail. */
static void test_every_octet(void)
{
    unsigned accepted = 0;
    for (unsigned c = 0; c < 256; c++) {
        char group[4] = {'A', 'A', 'A', (char)(unsigned char)c};
        char out[6];
        char again[4];
        size_t len = 0;
        if (!base64_decode(group, sizeof group, out, &len)) {
            continue;
        }
        if (c != '=') {
            accepted++;
            CU_ASSERT_EQUAL(base64_encode(out, len, again), 4);
            CU_ASSERT(memcmp(again, group, 4) == 0);
        }
    }
    CU_ASSERT_EQUAL(accepted, 64);
}

static const struct unit_test tests[] = {
    {"the RFC's vectors", test_vectors},
    {"lines of 76 with CRLF", test_lines},
    {"the size is exact", test_size_is_exact},
    {"round trip", test_round_trip},
    {"the encoder is reusable", test_encoder_is_reusable},
    {"strict and MIME rules", test_decoder_rules},
    {"a failed decoder stays so", test_decoder_stays_failed},
    {"every octet", test_every_octet},
};
UNIT_SUITE(base64, tests);
