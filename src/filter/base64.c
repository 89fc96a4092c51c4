/*
 * Attachments are most of what this program sends, so encoding is made for speed: a table maps 12 bits to 2 characters,
 * six octets are one load and four look-ups, and whole lines are encoded at a time. Only what does not fill a line (or a
 * group of three) at the end of an update is held.
 *
 * The decoder is for AUTH challenges and encoded words; it is simple first.
 */
#include "fcgi_smtp/base64.h"

#include <endian.h>
#include <string.h>

enum { GROUP_OCTETS = 3, GROUP_CHARS = 4 };

/* clang-format off */
#define ROW(a) \
    {a, 'A'}, {a, 'B'}, {a, 'C'}, {a, 'D'}, {a, 'E'}, {a, 'F'}, {a, 'G'}, {a, 'H'}, \
    {a, 'I'}, {a, 'J'}, {a, 'K'}, {a, 'L'}, {a, 'M'}, {a, 'N'}, {a, 'O'}, {a, 'P'}, \
    {a, 'Q'}, {a, 'R'}, {a, 'S'}, {a, 'T'}, {a, 'U'}, {a, 'V'}, {a, 'W'}, {a, 'X'}, \
    {a, 'Y'}, {a, 'Z'}, {a, 'a'}, {a, 'b'}, {a, 'c'}, {a, 'd'}, {a, 'e'}, {a, 'f'}, \
    {a, 'g'}, {a, 'h'}, {a, 'i'}, {a, 'j'}, {a, 'k'}, {a, 'l'}, {a, 'm'}, {a, 'n'}, \
    {a, 'o'}, {a, 'p'}, {a, 'q'}, {a, 'r'}, {a, 's'}, {a, 't'}, {a, 'u'}, {a, 'v'}, \
    {a, 'w'}, {a, 'x'}, {a, 'y'}, {a, 'z'}, {a, '0'}, {a, '1'}, {a, '2'}, {a, '3'}, \
    {a, '4'}, {a, '5'}, {a, '6'}, {a, '7'}, {a, '8'}, {a, '9'}, {a, '+'}, {a, '/'},

static const char pairs[4096][2] = {
    ROW('A') ROW('B') ROW('C') ROW('D') ROW('E') ROW('F') ROW('G') ROW('H')
    ROW('I') ROW('J') ROW('K') ROW('L') ROW('M') ROW('N') ROW('O') ROW('P')
    ROW('Q') ROW('R') ROW('S') ROW('T') ROW('U') ROW('V') ROW('W') ROW('X')
    ROW('Y') ROW('Z') ROW('a') ROW('b') ROW('c') ROW('d') ROW('e') ROW('f')
    ROW('g') ROW('h') ROW('i') ROW('j') ROW('k') ROW('l') ROW('m') ROW('n')
    ROW('o') ROW('p') ROW('q') ROW('r') ROW('s') ROW('t') ROW('u') ROW('v')
    ROW('w') ROW('x') ROW('y') ROW('z') ROW('0') ROW('1') ROW('2') ROW('3')
    ROW('4') ROW('5') ROW('6') ROW('7') ROW('8') ROW('9') ROW('+') ROW('/')
};

/* The value + 1; 0 for what is not in the alphabet. */
#define SPACE   65
#define PADDING 66
static const unsigned char values[256] = {
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
    ['='] = PADDING, [' '] = SPACE, ['\t'] = SPACE, ['\r'] = SPACE, ['\n'] = SPACE,
};
/* clang-format on */

static uint64_t load_big_endian(const unsigned char *in)
{
    uint64_t value;
    memcpy(&value, in, sizeof value);
    return be64toh(value);
}

static void put_pair(char *out, uint64_t bits)
{
    memcpy(out, pairs[bits & 0xFFF], 2);
}

/* Six octets become eight characters; eight octets must be readable. */
static void encode_six(const unsigned char *restrict in, char *restrict out)
{
    uint64_t bits = load_big_endian(in);
    put_pair(out, bits >> 52);
    put_pair(out + 2, bits >> 40);
    put_pair(out + 4, bits >> 28);
    put_pair(out + 6, bits >> 16);
}

static void encode_three(const unsigned char *restrict in, char *restrict out)
{
    uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
    put_pair(out, bits >> 12);
    put_pair(out + 2, bits);
}

/* The last one or two octets and their padding (RFC 2045 6.8). */
static void encode_rest(const unsigned char *in, size_t len, char *out)
{
    unsigned char group[GROUP_OCTETS] = {in[0], len > 1 ? in[1] : 0, 0};
    encode_three(group, out);
    out[3] = '=';
    if (len == 1) {
        out[2] = '=';
    }
}

size_t base64_encode(const void *in, size_t len, char *out)
{
    const unsigned char *from = in;
    char *to = out;
    for (; len >= 8; len -= 6, from += 6, to += 8) {
        encode_six(from, to);
    }
    for (; len >= GROUP_OCTETS; len -= GROUP_OCTETS, from += GROUP_OCTETS, to += GROUP_CHARS) {
        encode_three(from, to);
    }
    if (len > 0) {
        encode_rest(from, len, to);
        to += GROUP_CHARS;
    }
    return (size_t)(to - out);
}

/* A full line with its CRLF. */
static char *encode_line(const unsigned char *restrict in, char *restrict out)
{
    for (size_t i = 0; i < BASE64_LINE_OCTETS / 6; i++) {
        encode_six(in + 6 * i, out + 8 * i);
    }
    encode_three(in + BASE64_LINE_OCTETS - GROUP_OCTETS, out + BASE64_LINE_CHARS - GROUP_CHARS);
    out[BASE64_LINE_CHARS] = '\r';
    out[BASE64_LINE_CHARS + 1] = '\n';
    return out + BASE64_LINE_CHARS + 2;
}

void base64_encoder_init(struct base64_encoder *encoder, enum base64_layout layout)
{
    *encoder = (struct base64_encoder){.block = layout == BASE64_WRAPPED ? BASE64_LINE_OCTETS : GROUP_OCTETS};
}

/* Whole blocks only. */
static char *encode_blocks(const struct base64_encoder *encoder, const unsigned char *in, size_t len,
                           char *out)
{
    if (encoder->block == GROUP_OCTETS) {
        return out + base64_encode(in, len, out);
    }
    for (; len > 0; len -= BASE64_LINE_OCTETS, in += BASE64_LINE_OCTETS) {
        out = encode_line(in, out);
    }
    return out;
}

static size_t hold(struct base64_encoder *encoder, const unsigned char *in, size_t len)
{
    size_t room = encoder->block - encoder->held_len;
    size_t taken = len < room ? len : room;
    if (taken > 0) {
        memcpy(encoder->held + encoder->held_len, in, taken);
        encoder->held_len += taken;
    }
    return taken;
}

size_t base64_encoder_update(struct base64_encoder *encoder, const void *in, size_t len, char *out)
{
    const unsigned char *from = in;
    char *to = out;
    if (encoder->held_len > 0) {
        size_t taken = hold(encoder, from, len);
        if (encoder->held_len < encoder->block) {
            return 0;
        }
        from += taken;
        len -= taken;
        to = encode_blocks(encoder, encoder->held, encoder->block, to);
        encoder->held_len = 0;
    }
    size_t rest = len % encoder->block;
    to = encode_blocks(encoder, from, len - rest, to);
    if (rest > 0) {
        hold(encoder, from + (len - rest), rest);
    }
    return (size_t)(to - out);
}

size_t base64_encoder_finish(struct base64_encoder *encoder, char *out)
{
    size_t len = base64_encode(encoder->held, encoder->held_len, out);
    if (len > 0 && encoder->block == BASE64_LINE_OCTETS) {
        out[len++] = '\r';
        out[len++] = '\n';
    }
    encoder->held_len = 0;
    return len;
}

void base64_decoder_init(struct base64_decoder *decoder, enum base64_rules rules)
{
    *decoder = (struct base64_decoder){.rules = rules};
}

/* A group is complete: 3 octets, fewer with padding. False when bits that are not used are set (RFC 4648 3.5). */
static bool put_group(struct base64_decoder *decoder, char *out, size_t *out_len)
{
    uint32_t bits = decoder->bits << (6 * decoder->padding);
    size_t octets = GROUP_OCTETS - decoder->padding;
    uint32_t unused = bits & ((1U << (8 * decoder->padding)) - 1);
    if (decoder->rules == BASE64_STRICT && unused != 0) {
        return false;
    }
    for (size_t i = 0; i < octets; i++) {
        out[(*out_len)++] = (char)(unsigned char)(bits >> (16 - 8 * i));
    }
    decoder->bits = 0;
    decoder->count = 0;
    return true;
}

static bool decode_char(struct base64_decoder *decoder, unsigned char c, char *out, size_t *out_len)
{
    unsigned value = values[c];
    if (value == SPACE) {
        return decoder->rules == BASE64_MIME;
    }
    if (value == 0) {
        return false;
    }
    if (value == PADDING) {
        if (decoder->count < 2) {
            return false;
        }
        decoder->padding++;
    } else {
        if (decoder->padding > 0) {
            return false;
        }
        decoder->bits = decoder->bits << 6 | (value - 1);
    }
    return ++decoder->count < GROUP_CHARS || put_group(decoder, out, out_len);
}

/* The run of whole groups at from: four characters of the alphabet each. Returns the octets of input taken. */
static size_t decode_groups(const unsigned char *from, size_t len, char *out, size_t *out_len)
{
    size_t at = 0;
    for (; len - at >= GROUP_CHARS; at += GROUP_CHARS) {
        uint32_t bits = 0;
        bool whole = true;
        for (unsigned i = 0; i < GROUP_CHARS; i++) {
            unsigned value = values[from[at + i]] - 1U;
            whole = whole && value < 64;
            bits = bits << 6 | (value & 63);
        }
        if (!whole) {
            break;
        }
        out[(*out_len)++] = (char)(unsigned char)(bits >> 16);
        out[(*out_len)++] = (char)(unsigned char)(bits >> 8);
        out[(*out_len)++] = (char)(unsigned char)bits;
    }
    return at;
}

bool base64_decoder_update(struct base64_decoder *decoder, const void *in, size_t len, char *out,
                           size_t *out_len)
{
    const unsigned char *from = in;
    size_t at = 0;
    *out_len = 0;
    while (at < len && !decoder->failed) {
        if (decoder->count == 0 && decoder->padding == 0) {
            at += decode_groups(from + at, len - at, out, out_len);
        }
        if (at < len) {
            decoder->failed = !decode_char(decoder, from[at++], out, out_len);
        }
    }
    return !decoder->failed;
}

bool base64_decoder_finish(struct base64_decoder *decoder)
{
    return !decoder->failed && decoder->count == 0;
}

bool base64_decode(const void *in, size_t len, char *out, size_t *out_len)
{
    struct base64_decoder decoder;
    base64_decoder_init(&decoder, BASE64_STRICT);
    return base64_decoder_update(&decoder, in, len, out, out_len) && base64_decoder_finish(&decoder);
}
