/*
 * utf8: checks of UTF-8 as RFC 3629 defines it (no surrogates, no overlong forms, nothing over U+10FFFF).
 */
#ifndef FCGI_SMTP_UTF8_H
#define FCGI_SMTP_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/slice.h"

/* Octets of the character at p (1..4), 0 when it is malformed or cut off. len >= 1. */
size_t utf8_char_len(const char *p, size_t len);

/* Whether the character of char_len octets at p is a control: C0, DEL or C1 (U+0080 to U+009F). */
bool utf8_is_control(const char *p, size_t char_len);

/* The length of the longest valid prefix; equals s.len when all is valid. */
size_t utf8_valid_prefix(struct slice s);

/* Whether every octet is below 0x80. */
bool utf8_is_ascii(struct slice s);

#endif
