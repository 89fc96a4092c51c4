/*
 * The encoder needs to look ahead by one octet only for a space or tab: whether it ends a line (RFC 2045 6.7 rule 3). That one
 * is held; everything else is written at once, runs of literal octets in bulk. A line is broken when its content would pass
 * 75 characters, so that there is always room for the "=" of the soft break: a line of exactly 76 could only be known with
 * more look-ahead.
 *
 * The decoder never fails: what it reads may have been made by anybody, and losing text helps nobody.
 */
#include "fcgi_smtp/quoted_printable.h"

#include <string.h>

static const char hex_digits[] = "0123456789ABCDEF"; /* capitals only (rule 1) */

/* Rule 2: octets that may stand for themselves anywhere. */
static bool is_literal(unsigned char c)
{
    return c >= 33 && c <= 126 && c != '=';
}

static bool is_space(unsigned char c)
{
    return c == ' ' || c == '\t';
}

/* is_literal || is_space with the space in the literals' range: this loop's branches are then rarely mispredicted. */
static bool is_literal_or_space(unsigned char c)
{
    return (c >= ' ' && c <= '~' && c != '=') || c == '\t';
}

static bool is_line_end(unsigned char c)
{
    return c == '\r' || c == '\n';
}

/* Where the output goes: counted only when at is NULL. */
struct output {
    char *at;
    size_t len;
};

static void put(struct output *output, const char *octets, size_t len)
{
    if (output->at != NULL) {
        memcpy(output->at + output->len, octets, len);
    }
    output->len += len;
}

void quoted_printable_encoder_init(struct quoted_printable_encoder *encoder, enum quoted_printable_mode mode)
{
    *encoder = (struct quoted_printable_encoder){.mode = mode};
}

/* Rule 5: a soft break when the line has no room for that many characters and the "=". */
static void make_room(struct quoted_printable_encoder *encoder, unsigned chars, struct output *output)
{
    if (encoder->column + chars > QUOTED_PRINTABLE_LINE_CHARS - 1) {
        put(output, "=\r\n", 3);
        encoder->column = 0;
    }
}

static void put_encoded(struct quoted_printable_encoder *encoder, unsigned char c, struct output *output)
{
    const char encoded[3] = {'=', hex_digits[c >> 4], hex_digits[c & 15]};
    make_room(encoder, sizeof encoded, output);
    put(output, encoded, sizeof encoded);
    encoder->column += (unsigned)sizeof encoded;
}

static void put_literals(struct quoted_printable_encoder *encoder, const char *octets, size_t len,
                         struct output *output)
{
    while (len > 0) {
        make_room(encoder, 1, output);
        size_t room = QUOTED_PRINTABLE_LINE_CHARS - 1 - encoder->column;
        size_t part = len < room ? len : room;
        put(output, octets, part);
        encoder->column += (unsigned)part;
        octets += part;
        len -= part;
    }
}

static void put_line_end(struct quoted_printable_encoder *encoder, struct output *output)
{
    if (encoder->held != 0) {
        put_encoded(encoder, (unsigned char)encoder->held, output);
        encoder->held = 0;
    }
    put(output, "\r\n", 2);
    encoder->column = 0;
}

static void put_held_literally(struct quoted_printable_encoder *encoder, struct output *output)
{
    if (encoder->held != 0) {
        put_literals(encoder, &encoder->held, 1, output);
        encoder->held = 0;
    }
}

/* The octets from at that may stand for themselves, with spaces and tabs among them but none at the end. */
static size_t literal_run(const unsigned char *at, const unsigned char *end)
{
    const unsigned char *p = at;
    while (p < end && is_literal_or_space(*p)) {
        p++;
    }
    size_t len = (size_t)(p - at);
    return len > 0 && is_space(p[-1]) ? len - 1 : len;
}

/* Takes at least one octet and returns what follows. */
static const unsigned char *encode_some(struct quoted_printable_encoder *encoder, const unsigned char *at,
                                        const unsigned char *end, struct output *output)
{
    bool after_cr = encoder->after_cr;
    encoder->after_cr = false;
    if (after_cr && *at == '\n') {
        return at + 1;
    }
    if (encoder->mode == QUOTED_PRINTABLE_TEXT && is_line_end(*at)) {
        put_line_end(encoder, output);
        encoder->after_cr = *at == '\r';
        return at + 1;
    }
    put_held_literally(encoder, output);
    size_t run = literal_run(at, end);
    if (run > 0) {
        put_literals(encoder, (const char *)at, run, output);
        return at + run;
    }
    if (is_space(*at)) {
        encoder->held = (char)*at;
    } else {
        put_encoded(encoder, *at, output);
    }
    return at + 1;
}

size_t quoted_printable_encoder_update(struct quoted_printable_encoder *encoder, const void *in, size_t len,
                                       char *out)
{
    struct output output = {out, 0};
    const unsigned char *at = in;
    const unsigned char *end = len > 0 ? at + len : at;
    while (at < end) {
        at = encode_some(encoder, at, end, &output);
    }
    return output.len;
}

size_t quoted_printable_encoder_finish(struct quoted_printable_encoder *encoder, char *out)
{
    struct output output = {out, 0};
    if (encoder->held != 0) {
        put_encoded(encoder, (unsigned char)encoder->held, &output);
        encoder->held = 0;
    }
    return output.len;
}

void quoted_printable_decoder_init(struct quoted_printable_decoder *decoder)
{
    *decoder = (struct quoted_printable_decoder){.state = QUOTED_PRINTABLE_LITERAL};
}

/* The value of a hexadecimal digit, -1 for anything else. */
static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    unsigned char letter = c | 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
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
    if (is_space(c)) {
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
    int value = hex_value(c);
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
        unsigned high = (unsigned)hex_value((unsigned char)decoder->digit);
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
    if (is_space(c) && decoder->space_len < QUOTED_PRINTABLE_SPACE_MAX) {
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
