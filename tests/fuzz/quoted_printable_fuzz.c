/*
 * The first octet of an input says how the rest is cut. The rest is decoded; and encoded, in both modes, which must be
 * well-formed and decode to what it was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi_smtp/lines.h"
#include "fcgi_smtp/quoted_printable.h"
#include "filter_cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t decode_max(size_t len)
{
    return QUOTED_PRINTABLE_DECODER_UPDATE_MAX(len);
}

static size_t decode_update(void *state, const void *in, size_t len, char *out)
{
    return quoted_printable_decoder_update(state, in, len, out);
}

static size_t decode_finish(void *state, char *out)
{
    return quoted_printable_decoder_finish(state, out);
}

static size_t encode_max(size_t len)
{
    return QUOTED_PRINTABLE_ENCODER_UPDATE_MAX(len);
}

static size_t encode_update(void *state, const void *in, size_t len, char *out)
{
    return quoted_printable_encoder_update(state, in, len, out);
}

static size_t encode_finish(void *state, char *out)
{
    return quoted_printable_encoder_finish(state, out);
}

static void decode(struct slice in, struct cuts cuts, struct buf *out)
{
    struct quoted_printable_decoder decoder;
    const struct cut_filter filter = {decode_max, decode_update, decode_finish,
                                      QUOTED_PRINTABLE_DECODER_FINISH_MAX};
    quoted_printable_decoder_init(&decoder);
    filter_cuts_run(&filter, &decoder, in, cuts, out);
}

static void encode(struct slice in, enum quoted_printable_mode mode, struct cuts cuts, struct buf *out)
{
    struct quoted_printable_encoder encoder;
    const struct cut_filter filter = {encode_max, encode_update, encode_finish,
                                      QUOTED_PRINTABLE_ENCODER_FINISH_MAX};
    quoted_printable_encoder_init(&encoder, mode);
    filter_cuts_run(&filter, &encoder, in, cuts, out);
}

/* Lines of at most 76 characters that do not end in white space, all of it printable ASCII (RFC 2045 6.7). */
static void check_encoded(struct slice encoded)
{
    size_t line = 0;
    char last = '\0';
    for (size_t i = 0; i < encoded.len; i++) {
        char c = encoded.data[i];
        if (c == '\r') {
            fuzz_demand(i + 1 < encoded.len && encoded.data[i + 1] == '\n' && last != ' ' && last != '\t');
            i++;
            line = 0;
        } else {
            fuzz_demand((c >= ' ' && c <= '~') || c == '\t');
            fuzz_demand(++line <= QUOTED_PRINTABLE_LINE_CHARS);
        }
        last = c;
    }
    fuzz_demand(last != ' ' && last != '\t');
}

static void check_round_trip(struct slice in, enum quoted_printable_mode mode, struct cuts cuts)
{
    struct buf encoded;
    struct buf again;
    struct buf decoded;
    fuzz_buf_init(&encoded);
    fuzz_buf_init(&again);
    fuzz_buf_init(&decoded);
    encode(in, mode, CUTS_NONE, &encoded);
    encode(in, mode, cuts, &again);
    fuzz_demand(slice_equal(buf_slice(&encoded), buf_slice(&again)));
    check_encoded(buf_slice(&encoded));
    decode(buf_slice(&encoded), cuts, &decoded);
    if (mode == QUOTED_PRINTABLE_TEXT) {
        struct crlf_encoder lines;
        char *expected = malloc(CRLF_ENCODER_UPDATE_MAX(in.len) + 1);
        crlf_encoder_init(&lines);
        size_t len = expected != NULL ? crlf_encoder_update(&lines, in.data, in.len, expected) : 0;
        fuzz_demand(slice_equal(buf_slice(&decoded), (struct slice){expected, len}));
        free(expected);
    } else {
        fuzz_demand(slice_equal(buf_slice(&decoded), in));
    }
    buf_free(&encoded);
    buf_free(&again);
    buf_free(&decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole;
    struct buf pieces;
    if (size == 0) {
        return 0;
    }
    struct cuts cuts = cuts_of(data[0]);
    struct slice in = {(const char *)data + 1, size - 1};
    fuzz_buf_init(&whole);
    fuzz_buf_init(&pieces);
    decode(in, CUTS_NONE, &whole);
    decode(in, cuts, &pieces);
    fuzz_demand(slice_equal(buf_slice(&whole), buf_slice(&pieces)) && whole.len <= in.len);
    check_round_trip(in, QUOTED_PRINTABLE_TEXT, cuts);
    check_round_trip(in, QUOTED_PRINTABLE_BINARY, cuts);
    buf_free(&whole);
    buf_free(&pieces);
    return 0;
}
