/*
 * The first octet of an input says how the rest is cut, and at which column it would stand. The rest is decoded; and, if
 * it is text that a header field may hold, encoded, folded as RFC 2047 wants it, and decoded to what it was.
 */
#include <stdint.h>

#include "fcgi_smtp/encoded_word.h"
#include "fcgi_smtp/utf8.h"
#include "filter_cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(struct slice in, struct cuts cuts, struct buf *out)
{
    struct encoded_word_decoder decoder;
    encoded_word_decoder_init(&decoder, (size_t)64 * 1024 * 1024);
    for (size_t at = 0; at < in.len;) {
        size_t len = cuts_next(cuts, at, in.len - at);
        fuzz_demand(encoded_word_decoder_update(&decoder, in.data + at, len, out));
        at += len;
    }
    fuzz_demand(encoded_word_decoder_finish(&decoder, out));
    encoded_word_decoder_free(&decoder);
}

static size_t count(struct slice text, char c)
{
    size_t found = 0;
    for (size_t i = 0; i < text.len; i++) {
        found += text.data[i] == c;
    }
    return found;
}

/* What is decoded brings no line end and no NUL. */
static void check_decode(struct slice in, struct cuts cuts)
{
    struct buf whole;
    struct buf pieces;
    fuzz_buf_init(&whole);
    fuzz_buf_init(&pieces);
    fuzz_demand(encoded_word_decode(&whole, in));
    decode(in, cuts, &pieces);
    struct slice decoded = buf_slice(&whole);
    fuzz_demand(slice_equal(decoded, buf_slice(&pieces)));
    fuzz_demand(count(decoded, '\r') <= count(in, '\r') && count(decoded, '\n') <= count(in, '\n') &&
                count(decoded, '\0') <= count(in, '\0'));
    buf_free(&whole);
    buf_free(&pieces);
}

/* Lines end in CRLF with a space or tab behind it, and hold something else; none is too long. */
static void check_lines(struct slice encoded, size_t column)
{
    size_t line = column;
    size_t visible = column;
    for (size_t i = 0; i < encoded.len; i++) {
        char c = encoded.data[i];
        fuzz_demand((c >= ' ' && c <= '~') || c == '\t' || c == '\r');
        if (c == '\r') {
            fuzz_demand(visible > 0 && i + 2 < encoded.len && encoded.data[i + 1] == '\n' &&
                        (encoded.data[i + 2] == ' ' || encoded.data[i + 2] == '\t'));
            i++;
            line = 0;
            visible = 0;
        } else {
            visible += c != ' ' && c != '\t';
            fuzz_demand(++line <= HEADER_LINE_MAX);
        }
    }
    fuzz_demand(visible > 0 || encoded.len == 0);
}

static void check_encode(struct slice in, enum encoded_word_place place, size_t column)
{
    struct buf encoded;
    struct buf decoded;
    fuzz_buf_init(&encoded);
    fuzz_buf_init(&decoded);
    size_t end = column;
    bool control = slice_has(in, '\r') || slice_has(in, '\n') || slice_has(in, '\0');
    enum encoded_word_result expected = control                          ? ENCODED_WORD_CONTROL
                                        : utf8_valid_prefix(in) < in.len ? ENCODED_WORD_NOT_UTF8
                                                                         : ENCODED_WORD_OK;
    fuzz_demand(encoded_word_encode(&encoded, in, place, &end) == expected);
    if (expected == ENCODED_WORD_OK) {
        check_lines(buf_slice(&encoded), column);
        fuzz_demand(encoded_word_decode(&decoded, buf_slice(&encoded)));
        /* Line ends before white space are folding; a phrase may have become a quoted-string. */
        bool folded_first = encoded.len > 2 && encoded.data[0] == '\r';
        struct slice text = buf_slice(&decoded);
        text = folded_first ? (struct slice){text.data + 1, text.len - 1} : text;
        fuzz_demand(place == ENCODED_WORD_PHRASE || slice_equal(text, in));
    }
    buf_free(&encoded);
    buf_free(&decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct slice in = {(const char *)data + 1, size - 1};
    check_decode(in, cuts_of(data[0]));
    check_encode(in, ENCODED_WORD_UNSTRUCTURED, 1 + data[0] % 80U);
    check_encode(in, ENCODED_WORD_PHRASE, 1 + data[0] % 80U);
    return 0;
}
