/*
 * The table of RFC 3629, section 4, as code: the second octet's range depends on the first, the others are
 * 80..BF. Text is mostly ASCII, so runs of it are skipped a word at a time.
 */
#include "fcgi_smtp/utf8.h"

#include <stdint.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

static size_t ascii_prefix(struct slice s)
{
    size_t i = 0;
    uint64_t word;
    for (; s.len - i >= sizeof word; i += sizeof word) {
        memcpy(&word, s.data + i, sizeof word);
        if ((word & HIGH_BITS) != 0) {
            break;
        }
    }
    while (i < s.len && (unsigned char)s.data[i] < 0x80) {
        i++;
    }
    return i;
}

static bool between(unsigned char octet, unsigned char low, unsigned char high)
{
    return octet >= low && octet <= high;
}

/* Whether second may follow first (RFC 3629 section 4: UTF8-2, UTF8-3, UTF8-4). */
static bool second_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xE0: /* below is overlong */
        return between(second, 0xA0, 0xBF);
    case 0xED: /* above are surrogates */
        return between(second, 0x80, 0x9F);
    case 0xF0: /* below is overlong */
        return between(second, 0x90, 0xBF);
    case 0xF4: /* above is beyond U+10FFFF */
        return between(second, 0x80, 0x8F);
    default:
        return between(second, 0x80, 0xBF);
    }
}

static size_t len_by_first(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (between(first, 0xC2, 0xDF)) {
        return 2;
    }
    if (between(first, 0xE0, 0xEF)) {
        return 3;
    }
    return between(first, 0xF0, 0xF4) ? 4 : 0;
}

size_t utf8_char_len(const char *p, size_t len)
{
    const unsigned char *octets = (const unsigned char *)p;
    size_t wanted = len_by_first(octets[0]);
    if (wanted <= 1) {
        return wanted;
    }
    if (wanted > len || !second_fits(octets[0], octets[1])) {
        return 0;
    }
    for (size_t i = 2; i < wanted; i++) {
        if (!between(octets[i], 0x80, 0xBF)) {
            return 0;
        }
    }
    return wanted;
}

bool utf8_is_control(const char *p, size_t char_len)
{
    unsigned char first = (unsigned char)p[0];
    if (char_len == 1) {
        return first < 0x20 || first == 0x7F;
    }
    return char_len == 2 && first == 0xC2 && (unsigned char)p[1] < 0xA0;
}

size_t utf8_valid_prefix(struct slice s)
{
    size_t i = 0;
    while (i < s.len) {
        size_t ascii = ascii_prefix((struct slice){s.data + i, s.len - i});
        i += ascii;
        if (i == s.len) {
            break;
        }
        size_t len = utf8_char_len(s.data + i, s.len - i);
        if (len == 0) {
            break;
        }
        i += len;
    }
    return i;
}

bool utf8_is_ascii(struct slice s)
{
    return ascii_prefix(s) == s.len;
}
