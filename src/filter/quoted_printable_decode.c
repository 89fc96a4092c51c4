/*
 * The decoder never fails: what it reads may have been made by anybody, and losing text helps nobody.
 */
#include "fcgi_smtp/quoted_printable.h"

#include <string.h>

#include "fcgi_smtp/ascii.h"

static bool is_literal(unsigned char c)
{
    return c >= 33 && c <= 126 && c != '=';
}

static bool is_line_end(unsigned char c)
{
    return c == '\r' || c == '\n';
}

/* Where the decoder's output goes. */
struct output {
    char *at;
    size_t len;
};

static void put(struct output *output, const char *octets, size_t len)
{
    memcpy(output->at + output->len, octets, len);
    output->len += len;
}

void quoted_printable_decoder_init(struct quoted_printable_decoder *decoder)
{
    *decoder = (struct quoted_printable_decoder){.state = QUOTED_PRINTABLE_LITERAL};
}

static void put_spaces(struct quoted_printable_decoder *decoder, struct output *output)
{
    put(output, decoder->space, decoder->space_len);
    decoder->space_len = 0;
}

static void hold_space(struct quoted_printable_decoder *decoder, unsigned char c, struct output *output)
{
    if (decoder->space_len == QUOTED_PRINTABLE_SPACE_MAX) {
        put_spaces(decoder, output);
        decoder->malformed = true;
    }
    decoder->space[decoder->space_len++] = (char)c;
}

static void end_escape(struct quoted_printable_decoder *decoder)
{
    decoder->state = QUOTED_PRINTABLE_LITERAL;
    decoder->space_len = 0;
}

/* It was no escape after all: its octets stay as they were. The octet that told is looked at again. */
static void undo_escape(struct quoted_printable_decoder *decoder, struct output *output)
{
    put(output, "=", 1);
    if (decoder->state == QUOTED_PRINTABLE_ESCAPE_DIGIT) {
        put(output, &decoder->digit, 1);
    }
    put_spaces(decoder, output);
    decoder->malformed = true;
    decoder->state = QUOTED_PRINTABLE_LITERAL;
}

/* One octet outside an escape. */
static void decode_literal(struct quoted_printable_decoder *decoder, unsigned char c, struct output *output)
{
    if (ascii_is_blank((char)c)) {
        hold_space(decoder, c, output);
        return;
    }
    if (is_line_end(c)) {
        decoder->space_len = 0; /* rule 3 */
    }
    put_spaces(decoder, output);
    if (c == '=') {
        decoder->state = QUOTED_PRINTABLE_ESCAPE;
        return;
    }
    decoder->malformed = decoder->malformed || !(is_literal(c) || is_line_end(c));
    put(output, (const char *)&c, 1);
}

/* One octet after "=". False when it was not taken. */
static bool decode_escape(struct quoted_printable_decoder *decoder, unsigned char c, struct output *output)
{
    int value = ascii_hex_value((char)c);
    if (decoder->state == QUOTED_PRINTABLE_ESCAPE && value >= 0) {
        decoder->digit = (char)c;
        decoder->state = QUOTED_PRINTABLE_ESCAPE_DIGIT;
        return true;
    }
    if (decoder->state == QUOTED_PRINTABLE_ESCAPE_DIGIT) {
        if (value < 0) {
            undo_escape(decoder, output);
            return false;
        }
        unsigned high = (unsigned)ascii_hex_value(decoder->digit);
        char octet = (char)(unsigned char)(high << 4 | (unsigned)value);
        put(output, &octet, 1);
        end_escape(decoder);
        return true;
    }
    return false;
}

/* One octet of a soft line break: "=", white space, CR, LF (rule 5). False when it was not taken. */
static bool decode_soft_break(struct quoted_printable_decoder *decoder, unsigned char c,
                              struct output *output)
{
    if (c == '\n') {
        end_escape(decoder);
        return true;
    }
    if (decoder->state == QUOTED_PRINTABLE_SOFT_CR) {
        end_escape(decoder);
        decoder->malformed = true; /* a lone CR ends a line all the same */
        return false;
    }
    if (c == '\r') {
        decoder->state = QUOTED_PRINTABLE_SOFT_CR;
        return true;
    }
    if (ascii_is_blank((char)c) && decoder->space_len < QUOTED_PRINTABLE_SPACE_MAX) {
        hold_space(decoder, c, output);
        decoder->state = QUOTED_PRINTABLE_SOFT_SPACE;
        return true;
    }
    undo_escape(decoder, output);
    return false;
}

static void decode_octet(struct quoted_printable_decoder *decoder, unsigned char c, struct output *output)
{
    if (decoder->state == QUOTED_PRINTABLE_LITERAL) {
        decode_literal(decoder, c, output);
        return;
    }
    if (decode_escape(decoder, c, output)) {
        return;
    }
    /* Not taken: either the escape is over, or it is a soft break. */
    if (decoder->state == QUOTED_PRINTABLE_LITERAL || !decode_soft_break(decoder, c, output)) {
        decode_literal(decoder, c, output);
    }
}

/* Octets that stand for themselves, without spaces: those may have to go. */
static size_t word_run(const unsigned char *at, const unsigned char *end)
{
    const unsigned char *p = at;
    while (p < end && is_literal(*p)) {
        p++;
    }
    return (size_t)(p - at);
}

size_t quoted_printable_decoder_update(struct quoted_printable_decoder *decoder, const void *in, size_t len,
                                       char *out)
{
    struct output output = {out, 0};
    const unsigned char *at = in;
    const unsigned char *end = len > 0 ? at + len : at;
    while (at < end) {
        decode_octet(decoder, *at++, &output);
        size_t run =
            decoder->state == QUOTED_PRINTABLE_LITERAL && decoder->space_len == 0 ? word_run(at, end) : 0;
        put(&output, (const char *)at, run);
        at += run;
    }
    return output.len;
}

/* "=" as the very last is the soft break of a line whose end was cut off with a part's boundary. */
size_t quoted_printable_decoder_finish(struct quoted_printable_decoder *decoder, char *out)
{
    struct output output = {out, 0};
    if (decoder->state == QUOTED_PRINTABLE_ESCAPE_DIGIT) {
        undo_escape(decoder, &output);
    }
    end_escape(decoder);
    return output.len;
}
