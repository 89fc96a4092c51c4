/*
 * ascii: classes of ASCII characters, whatever the locale.
 *
 * For octets over 127 all of them say no, be char signed or not.
 */
#ifndef FCGI_SMTP_ASCII_H
#define FCGI_SMTP_ASCII_H

#include <stdbool.h>
#include <string.h>

static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_alphanumeric(char c)
{
    return ascii_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Space and tab: WSP of RFC 5234. */
static inline bool ascii_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Whether c, which is not NUL, is one of the characters of set. */
static inline bool ascii_is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static inline char ascii_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* 0..15, or -1 when c is no hexadecimal digit of either case. */
static inline int ascii_hex_value(char c)
{
    if (ascii_is_digit(c)) {
        return c - '0';
    }
    char lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* What two hexadecimal digits mean, 0..255; -1 when one of them is none. */
static inline int ascii_hex_octet(const char digits[2])
{
    int high = ascii_hex_value(digits[0]);
    int low = high >= 0 ? ascii_hex_value(digits[1]) : -1;
    return low >= 0 ? high * 16 + low : -1;
}

#endif
