#include "fcgi_smtp/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fcgi_smtp/utf8.h"

void err_make_printable(char *text, size_t len)
{
    size_t i = 0;
    while (i < len) {
        unsigned char c = (unsigned char)text[i];
        size_t char_len = utf8_char_len(text + i, len - i);
        if (char_len == 0 || c < 0x20 || c == 0x7f) {
            text[i++] = '?';
        } else {
            i += char_len;
        }
    }
}

/* Where a text of len octets may be cut so that no character is split. */
static size_t cut_at(const char *text, size_t len)
{
    size_t valid = utf8_valid_prefix((struct slice){text, len});
    /* What is malformed becomes '?' anyway; only a character cut off at the end matters. */
    return len - valid < 4 ? valid : len;
}

void err_set(struct err *err, const char *format, ...)
{
    if (err == NULL) {
        return;
    }
    char text[ERR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int printed = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t len = printed < 0 ? 0 : (size_t)printed;
    text[printed < 0 ? 0 : sizeof text - 1] = '\0';
    if (len >= sizeof text) {
        len = cut_at(text, sizeof text - 4);
        memcpy(text + len, "...", 4);
        len += 3;
    }
    err_make_printable(text, len);
    memcpy(err->text, text, len + 1);
}

void err_set_field(struct err *err, const char *name, size_t len)
{
    if (err == NULL) {
        return;
    }
    if (len >= ERR_FIELD_MAX) {
        len = cut_at(name, ERR_FIELD_MAX - 4);
        memcpy(err->field, name, len);
        memcpy(err->field + len, "...", 4);
        len += 3;
    } else {
        memcpy(err->field, name, len);
        err->field[len] = '\0';
    }
    err_make_printable(err->field, len);
}
