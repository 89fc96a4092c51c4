#include "fcgi_smtp/encoded_word.h"
#include "filter_stream.h"
#include "unit.h"

enum { LIMIT = 1 << 20 };

#define U "\xc3\xbc"

/* Fed in pieces of that many octets; false when the stream refuses. */
static bool decode_in_pieces(struct slice text, size_t piece, size_t limit, struct buf *out)
{
    struct encoded_word_decoder decoder;
    bool ok = true;
    buf_clear(out);
    encoded_word_decoder_init(&decoder, limit);
    for (size_t at = 0; at < text.len && ok;) {
        size_t len = piece < text.len - at ? piece : text.len - at;
        ok = encoded_word_decoder_update(&decoder, text.data + at, len, out) &&
             encoded_word_decoder_update(&decoder, NULL, 0, out);
        at += len;
    }
    ok = ok && encoded_word_decoder_finish(&decoder, out);
    encoded_word_decoder_free(&decoder);
    return ok;
}

static void check_decoder_stream(struct slice text)
{
    struct buf whole;
    struct buf pieces;
    buf_init(&whole, LIMIT);
    buf_init(&pieces, LIMIT);
    CU_ASSERT(encoded_word_decode(&whole, text));
    for (size_t piece = 1; piece <= text.len + 1; piece++) {
        CU_ASSERT(decode_in_pieces(text, piece, LIMIT, &pieces));
        CU_ASSERT(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
    }
    buf_free(&whole);
    buf_free(&pieces);
}

static void test_decoder_stream(void)
{
    static const struct slice texts[] = {
        SLICE_INIT(""),
        SLICE_INIT("   "),
        SLICE_INIT("plain words only"),
        SLICE_INIT("a =?latin1?Q?b=FC?= =?latin1?Q?c?= \r\n d\r\n e \t"),
        SLICE_INIT("=?utf-8?Q?=C3?= \r\n =?utf-8?Q?=BC?= x =?utf-8?B?w7w=?="),
        SLICE_INIT("=?utf-8?Q?=FF?= =?utf-8?Q?a?= =?utf-8?Q?b?= =?broken =?utf-8?Q?c?="),
        SLICE_INIT("\r\nx\n \n=?utf-8?Q?a?=\r \r\n"),
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_decoder_stream(texts[i]);
    }
    static const struct slice tokens[] = {
        SLICE_INIT("=?utf-8?Q?=C3?="),
        SLICE_INIT("=?utf-8?Q?=BC?="),
        SLICE_INIT("=?latin1?B?/A==?="),
        SLICE_INIT("=?utf-8?Q?_?="),
        SLICE_INIT("word"),
        SLICE_INIT("=?x"),
        SLICE_INIT(" "),
        SLICE_INIT(" "),
        SLICE_INIT("\r\n "),
        SLICE_INIT("\r"),
        SLICE_INIT("\n"),
    };
    uint32_t state = 11;
    struct buf text;
    buf_init(&text, LIMIT);
    for (size_t i = 0; i < 300; i++) {
        buf_clear(&text);
        for (size_t k = 0; k < 1 + i % 12; k++) {
            uint32_t token = (filter_random(&state) >> 8) % (sizeof tokens / sizeof tokens[0]);
            CU_ASSERT_FATAL(buf_append_slice(&text, tokens[token]));
        }
        check_decoder_stream(buf_slice(&text));
    }
    buf_free(&text);
}

/* A hostile text would load a converter every dozen octets. */
static void test_decoder_conversions(void)
{
    struct buf text;
    struct buf expected;
    struct buf out;
    buf_init(&text, LIMIT);
    buf_init(&expected, LIMIT);
    buf_init(&out, LIMIT);
    for (size_t i = 0; i < ENCODED_WORD_CONVERSIONS_MAX; i++) {
        CU_ASSERT_FATAL(buf_append_string(&text, "x =?latin1?Q?a?= =?LATIN1?Q?=FC?= "));
        CU_ASSERT_FATAL(buf_append_string(&expected, "x a" U " "));
    }
    CU_ASSERT_FATAL(buf_append_string(&text, "y =?utf-8?Q?b?= =?cp1252?Q?c?= =?us-ascii?Q?d?="));
    CU_ASSERT_FATAL(buf_append_string(&expected, "y b =?cp1252?Q?c?= d"));
    CU_ASSERT(encoded_word_decode(&out, buf_slice(&text)));
    CU_ASSERT_STRING_EQUAL(buf_cstr(&out), buf_cstr(&expected));
    check_decoder_stream(buf_slice(&text));
    buf_free(&text);
    buf_free(&expected);
    buf_free(&out);
}

/* What is held is the same however the text is cut, and so is what is refused. */
static void test_decoder_limit(void)
{
    const struct slice text = SLICE("some words before =?utf-8?Q?a?= =?utf-8?Q?b?= after them");
    struct buf out;
    buf_init(&out, LIMIT);
    for (size_t limit = 1; limit <= text.len; limit++) {
        bool fits = decode_in_pieces(text, text.len, limit, &out);
        CU_ASSERT_EQUAL(fits, limit >= 35); /* both words, and the white space around them */
        for (size_t piece = 1; piece < text.len; piece++) {
            CU_ASSERT_EQUAL(decode_in_pieces(text, piece, limit, &out), fits);
        }
    }
    buf_free(&out);
}

static void test_encoder_stream(void)
{
    const struct slice text =
        SLICE("Gr" U U "e, an alle und noch viel mehr Text, der nicht in eine Zeile passt " U);
    struct encoded_word_encoder encoder;
    struct buf whole;
    struct buf out;
    size_t column = 9;
    buf_init(&whole, LIMIT);
    buf_init(&out, LIMIT);
    CU_ASSERT_EQUAL(encoded_word_encode(&whole, text, ENCODED_WORD_PHRASE, &column), ENCODED_WORD_OK);
    encoded_word_encoder_init(&encoder, ENCODED_WORD_PHRASE, 9, text.len);
    for (size_t piece = 1; piece <= text.len; piece++) {
        buf_clear(&out);
        encoder.column = 9;
        for (size_t at = 0; at < text.len; at += piece) {
            size_t len = piece < text.len - at ? piece : text.len - at;
            CU_ASSERT_EQUAL(encoded_word_encoder_update(&encoder, text.data + at, len), ENCODED_WORD_OK);
        }
        CU_ASSERT_EQUAL(encoded_word_encoder_update(&encoder, "x", 1), ENCODED_WORD_NO_ROOM);
        CU_ASSERT_EQUAL(encoded_word_encoder_finish(&encoder, &out), ENCODED_WORD_OK);
        CU_ASSERT(slice_equal(buf_slice(&whole), buf_slice(&out)));
        CU_ASSERT_EQUAL(encoder.column, column);
    }
    CU_ASSERT_EQUAL(encoded_word_encoder_update(&encoder, "a\n", 2), ENCODED_WORD_OK);
    CU_ASSERT_EQUAL(encoded_word_encoder_finish(&encoder, &out), ENCODED_WORD_CONTROL);
    encoded_word_encoder_free(&encoder);
    buf_free(&whole);
    buf_free(&out);
}

static const struct unit_test tests[] = {
    {"decode, every cut", test_decoder_stream},
    {"decode, what is held", test_decoder_limit},
    {"decode, conversions", test_decoder_conversions},
    {"encode, every cut", test_encoder_stream},
};
UNIT_SUITE(encoded_word_stream, tests);
