/*
 * RFC 3629 4: the table of well-formed sequences, as code. ASCII is skipped a machine word at a time.
 */
#include "fcgi_smtp/utf8.h"

#include <stdint.h>

static bool between(unsigned char c, unsigned char low, unsigned char high)
{
    return c >= low && c <= high;
}

size_t utf8_char_len(const char *p, size_t len)
{
    const unsigned char *s = (const unsigned char *)p;
    unsigned char first = s[0];
    if (first < 0x80) {
        return 1;
    }
    size_t need = between(first, 0xc2, 0xdf)   ? 2
                  : between(first, 0xe0, 0xef) ? 3
                  : between(first, 0xf0, 0xf4) ? 4
                                               : 0;
    if (need == 0 || need > len) {
        return 0;
    }
    unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (!between(s[1], low, high)) {
        return 0;
    }
    for (size_t i = 2; i < need; i++) {
        if (!between(s[i], 0x80, 0xbf)) {
            return 0;
        }
    }
    return need;
}

static size_t ascii_prefix(const char *p, size_t len)
{
    size_t i = 0;
    for (uint64_t word; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, p + i, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
    }
    while (i < len && (unsigned char)p[i] < 0x80) {
        i++;
    }
    return i;
}

size_t utf8_valid_prefix(struct slice s)
{
    size_t i = 0;
    while (i < s.len) {
        i += ascii_prefix(s.data + i, s.len - i);
        size_t char_len = i < s.len ? utf8_char_len(s.data + i, s.len - i) : 0;
        if (char_len == 0) {
            break;
        }
        i += char_len;
    }
    return i;
}

bool utf8_is_ascii(struct slice s)
{
    return s.len == 0 || ascii_prefix(s.data, s.len) == s.len;
}
