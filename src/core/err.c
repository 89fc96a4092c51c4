/*
 * Texts are made printable here, in one place, because what a mail server or a client sent ends up in them; a
 * log line or an answer must not be steered by a peer (escape sequences, forged lines).
 */
#include "fcgi_smtp/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fcgi_smtp/utf8.h"

#define DOTS "..."

void err_make_printable(char *text, size_t len)
{
    size_t i = 0;
    while (i < len) {
        size_t n = utf8_char_len(text + i, len - i);
        if (n == 0) {
            text[i++] = '?';
            continue;
        }
        if (utf8_is_control(text + i, n)) {
            memset(text + i, '?', n);
        }
        i += n;
    }
}

/* Where to cut so that no character is halved: at most `at`, whose octet is the first to be dropped. */
static size_t char_boundary(const char *text, size_t at)
{
    for (size_t back = 0; back < 4 && back <= at; back++) {
        if (((unsigned char)text[at - back] & 0xC0) != 0x80) {
            return at - back;
        }
    }
    return at; /* not UTF-8 anyway */
}

/* Copies len octets, cut so that out (of cap octets) holds them and a NUL, and makes them printable. */
static void copy_printable(char *out, size_t cap, const char *text, size_t len)
{
    bool cut = len >= cap;
    size_t kept = cut ? char_boundary(text, cap - sizeof DOTS) : len;
    memmove(out, text, kept);
    err_make_printable(out, kept);
    out[kept] = '\0';
    if (cut) {
        memcpy(out + kept, DOTS, sizeof DOTS);
    }
}

void err_set(struct err *err, const char *format, ...)
{
    if (err == NULL) {
        return;
    }
    /* One more, so that a cut is seen; not err->text, which may be an argument. */
    char text[ERR_TEXT_MAX + 1];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0) {
        strcpy(text, "an error whose text could not be formatted");
    }
    copy_printable(err->text, sizeof err->text, text, strlen(text));
}

void err_set_field(struct err *err, const char *name, size_t len)
{
    if (err == NULL) {
        return;
    }
    if (len == 0) {
        err->field[0] = '\0';
        return;
    }
    copy_printable(err->field, sizeof err->field, name, len);
}
