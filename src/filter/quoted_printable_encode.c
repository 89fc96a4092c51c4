/*
 * The encoder needs to look ahead by one octet only for a space or tab: whether it ends a line (RFC 2045 6.7 rule 3). So that
 * one is held; everything else is written at once. What is between two line ends goes through a table without a branch for
 * each octet, blocks of literal octets, of which most texts consist, in bulk; only then it is broken into lines. A line is
 * broken when its content would pass 75 characters, so that there is always room for the "=" of the soft break: a line of
 * exactly 76 could only be known with more look-ahead.
 */
#include "fcgi_smtp/quoted_printable.h"

#include <stdint.h>
#include <string.h>

#include "fcgi_smtp/ascii.h"
#include "filter/line_ends.h"

enum {
    CONTENT_MAX = QUOTED_PRINTABLE_LINE_CHARS - 1, /* characters of a line without the "=" of a soft break */
    ENCODED = 3,                                   /* characters of "=XX" */
    BLOCK = 8,
    FLAT = 256,    /* octets that are encoded before they are broken into lines */
    COUNTED = 1024 /* octets that are encoded at once when only their size is asked for */
};

/* What an octet becomes, and in how many characters. All four octets are copied, and what is too much is overwritten. */
struct code {
    char chars[3];
    unsigned char len;
};

/* clang-format off */
#define LITERAL(c) {{(char)(c), 0, 0}, 1}
#define LITERALS(c) LITERAL(c), LITERAL((c) + 1), LITERAL((c) + 2), LITERAL((c) + 3), LITERAL((c) + 4), LITERAL((c) + 5), \
    LITERAL((c) + 6), LITERAL((c) + 7)
#define HEX(high, low) {{'=', (high), (low)}, ENCODED} /* capitals only (rule 1) */
#define HEX_HALF(high) HEX(high, '0'), HEX(high, '1'), HEX(high, '2'), HEX(high, '3'), HEX(high, '4'), \
    HEX(high, '5'), HEX(high, '6'), HEX(high, '7')
#define HEX_ROW(high) HEX_HALF(high), HEX(high, '8'), HEX(high, '9'), HEX(high, 'A'), HEX(high, 'B'), \
    HEX(high, 'C'), HEX(high, 'D'), HEX(high, 'E'), HEX(high, 'F')

/* Rule 2: 33 to 126 but "=" may stand for themselves; so may space and tab where they do not end a line (rule 3). */
static const struct code codes[256] = {
    HEX_HALF('0'), HEX('0', '8'), LITERAL('\t'), HEX('0', 'A'), HEX('0', 'B'), HEX('0', 'C'), HEX('0', 'D'),
    HEX('0', 'E'), HEX('0', 'F'),
    HEX_ROW('1'),
    LITERALS(32), LITERALS(40), LITERALS(48),
    LITERAL('8'), LITERAL('9'), LITERAL(':'), LITERAL(';'), LITERAL('<'), HEX('3', 'D'), LITERAL('>'), LITERAL('?'),
    LITERALS(64), LITERALS(72), LITERALS(80), LITERALS(88), LITERALS(96), LITERALS(104), LITERALS(112),
    LITERAL('x'), LITERAL('y'), LITERAL('z'), LITERAL('{'), LITERAL('|'), LITERAL('}'), LITERAL('~'), HEX('7', 'F'),
    HEX_ROW('8'), HEX_ROW('9'), HEX_ROW('A'), HEX_ROW('B'), HEX_ROW('C'), HEX_ROW('D'), HEX_ROW('E'), HEX_ROW('F'),
};
/* clang-format on */

void quoted_printable_encoder_init(struct quoted_printable_encoder *encoder, enum quoted_printable_mode mode)
{
    *encoder = (struct quoted_printable_encoder){.mode = mode};
}

/*
 * Whether each of the eight octets is a literal or a space: in each one the high bit tells whether it is over 126, under 32
 * or "=". A carry from one octet to the next comes only from one that is none itself.
 */
static bool all_literal(const unsigned char *octets)
{
    const uint64_t ones = 0x0101010101010101U;
    uint64_t block;
    memcpy(&block, octets, sizeof block);
    uint64_t equals = block ^ ('=' * ones);
    uint64_t others = block | (block + ones) | (block - ' ' * ones) | ((equals - ones) & ~equals);
    return (others & (0x80 * ones)) == 0;
}

/* The octets' codes in a row, without soft breaks; returns how many characters they have. */
static size_t encode_flat(const unsigned char *in, size_t len, char *flat)
{
    char *to = flat;
    size_t at = 0;
    for (; len - at >= BLOCK; at += BLOCK) {
        if (all_literal(in + at)) {
            memcpy(to, in + at, BLOCK);
            to += BLOCK;
            continue;
        }
        for (size_t i = at; i < at + BLOCK; i++) {
            memcpy(to, &codes[in[i]], sizeof codes[0]);
            to += codes[in[i]].len;
        }
    }
    for (; at < len; at++) {
        memcpy(to, &codes[in[at]], sizeof codes[0]);
        to += codes[in[at]].len;
    }
    return (size_t)(to - flat);
}

/* The longest beginning of at most room characters that does not split an "=XX"; more than room follow. */
static size_t fitting(const char *flat, size_t room)
{
    size_t first = room > 0 && flat[room - 1] == '=';
    size_t second = room > 1 && flat[room - 2] == '=';
    return room - first - 2 * second;
}

/* Rule 5: soft breaks where the line has no room left. */
static char *put_flat(struct quoted_printable_encoder *encoder, const char *flat, size_t len, char *to)
{
    size_t room = CONTENT_MAX - encoder->column;
    while (len > room) {
        size_t part = fitting(flat, room);
        memcpy(to, flat, part);
        memcpy(to + part, "=\r\n", 3);
        to += part + 3;
        flat += part;
        len -= part;
        room = CONTENT_MAX;
    }
    memcpy(to, flat, len);
    encoder->column = CONTENT_MAX - (unsigned)(room - len);
    return to + len;
}

/* Octets of which none ends a line, and none is a space at a line's end. */
static char *put_octets(struct quoted_printable_encoder *encoder, const unsigned char *in, size_t len,
                        char *to)
{
    char flat[FLAT * ENCODED + 1];
    for (size_t at = 0; at < len; at += FLAT) {
        size_t part = len - at < FLAT ? len - at : FLAT;
        to = put_flat(encoder, flat, encode_flat(in + at, part, flat), to);
    }
    return to;
}

/* What is between two line ends, or the ends of the input. Its last octet is held if it is a space. */
static char *put_run(struct quoted_printable_encoder *encoder, const char *in, size_t len, char *to)
{
    const unsigned char *octets = (const unsigned char *)in;
    if (len == 0) {
        return to;
    }
    if (encoder->held != 0) {
        to = put_flat(encoder, &encoder->held, 1, to);
    }
    bool space = ascii_is_blank(in[len - 1]);
    encoder->held = (char)(space ? octets[len - 1] : 0);
    return put_octets(encoder, octets, space ? len - 1 : len, to);
}

/* Rule 3: a space or tab that ends a line is encoded. */
static char *put_last_space(struct quoted_printable_encoder *encoder, char *to)
{
    if (encoder->held != 0) {
        to = put_flat(encoder, encoder->held == ' ' ? "=20" : "=09", ENCODED, to);
        encoder->held = 0;
    }
    return to;
}

static char *put_line_end(struct quoted_printable_encoder *encoder, char *to)
{
    to = put_last_space(encoder, to);
    memcpy(to, "\r\n", 2);
    encoder->column = 0;
    return to + 2;
}

static char *encode_text(struct quoted_printable_encoder *encoder, const char *at, const char *end, char *to)
{
    if (encoder->after_cr && *at == '\n') {
        at++;
    }
    encoder->after_cr = false;
    struct line_ends ends = line_ends_from(at, end);
    while (at < end) {
        const char *line_end = line_ends_next(&ends, at);
        to = put_run(encoder, at, (size_t)(line_end - at), to);
        if (line_end == end) {
            break;
        }
        to = put_line_end(encoder, to);
        at = line_end + 1;
        encoder->after_cr = *line_end == '\r' && at == end;
        if (*line_end == '\r' && at < end && *at == '\n') {
            at++;
        }
    }
    return to;
}

static size_t count(struct quoted_printable_encoder *encoder, const char *in, size_t len)
{
    char scratch[QUOTED_PRINTABLE_ENCODER_UPDATE_MAX(COUNTED)];
    size_t size = 0;
    for (size_t at = 0; at < len; at += COUNTED) {
        size_t part = len - at < COUNTED ? len - at : COUNTED;
        size += quoted_printable_encoder_update(encoder, in + at, part, scratch);
    }
    return size;
}

size_t quoted_printable_encoder_update(struct quoted_printable_encoder *encoder, const void *in, size_t len,
                                       char *out)
{
    const char *at = in;
    if (len == 0) {
        return 0;
    }
    if (out == NULL) {
        return count(encoder, at, len);
    }
    char *to = encoder->mode == QUOTED_PRINTABLE_TEXT ? encode_text(encoder, at, at + len, out)
                                                      : put_run(encoder, at, len, out);
    return (size_t)(to - out);
}

size_t quoted_printable_encoder_finish(struct quoted_printable_encoder *encoder, char *out)
{
    char scratch[QUOTED_PRINTABLE_ENCODER_FINISH_MAX];
    char *to = out != NULL ? out : scratch;
    return (size_t)(put_last_space(encoder, to) - to);
}
