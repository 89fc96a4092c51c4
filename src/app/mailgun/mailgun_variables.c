/*
 * Everything that a header field's writer or reader could change is written as \uXXXX (RFC 8259 7): characters that are
 * not ASCII, a second space in a row, and "=?", which begins an encoded word (RFC 2047).
 */
#include "app/mailgun/mailgun_variables.h"

#include <stdint.h>

#include "fcgi_smtp/utf8.h"

enum { PLANE_BEGIN = 0x10000, HIGH_SURROGATE = 0xd800, LOW_SURROGATE = 0xdc00 };

static uint32_t code_point(const char *p, size_t len)
{
    static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (unsigned char)p[0] & lead[len];
    for (size_t i = 1; i < len; i++) {
        c = c << 6 | ((unsigned char)p[i] & 0x3f);
    }
    return c;
}

static bool append_escaped(struct buf *out, uint32_t c)
{
    if (c < PLANE_BEGIN) {
        return buf_printf(out, "\\u%04x", (unsigned)c);
    }
    c -= PLANE_BEGIN;
    return buf_printf(out, "\\u%04x\\u%04x", HIGH_SURROGATE + (unsigned)(c >> 10),
                      LOW_SURROGATE + (unsigned)(c & 0x3ff));
}

static bool may_stand(char c, char before)
{
    bool printable = c >= ' ' && c <= '~';
    return printable && c != '"' && c != '\\' && !(c == ' ' && before == ' ') && !(c == '?' && before == '=');
}

static bool append_character(struct buf *out, const char *p, size_t len, char before)
{
    if (len == 1 && may_stand(*p, before)) {
        return buf_append_char(out, *p);
    }
    if (len == 1 && (*p == '"' || *p == '\\')) {
        return buf_append_char(out, '\\') && buf_append_char(out, *p);
    }
    return append_escaped(out, len == 0 ? 0xfffd : code_point(p, len));
}

static bool append_string(struct buf *out, struct slice text)
{
    char before = '\0';
    bool good = buf_append_char(out, '"');
    for (size_t i = 0; i < text.len && good;) {
        size_t len = utf8_char_len(text.data + i, text.len - i);
        good = append_character(out, text.data + i, len, before);
        before = text.data[i];
        i += len > 0 ? len : 1;
    }
    return good && buf_append_char(out, '"');
}

static bool has_long_word(const char *text, size_t len)
{
    size_t word = 0;
    for (size_t i = 0; i < len; i++) {
        word = text[i] == ' ' ? 0 : word + 1;
        if (word > MAILGUN_VARIABLE_WORD_MAX) {
            return true;
        }
    }
    return false;
}

enum mailgun_variables_result mailgun_variables_begin(struct mailgun_variables *variables, struct buf *out)
{
    *variables = (struct mailgun_variables){.out = out};
    return buf_append_char(out, '{') ? MAILGUN_VARIABLES_OK : MAILGUN_VARIABLES_NO_ROOM;
}

enum mailgun_variables_result mailgun_variables_add(struct mailgun_variables *variables, struct slice key,
                                                    struct slice value)
{
    struct buf *out = variables->out;
    size_t begin = out->len;
    bool good = (variables->count++ == 0 || buf_append_string(out, ", ")) && append_string(out, key) &&
                buf_append_string(out, ": ") && append_string(out, value);
    if (!good) {
        return MAILGUN_VARIABLES_NO_ROOM;
    }
    return has_long_word(out->data + begin, out->len - begin) ? MAILGUN_VARIABLES_TOO_LONG
                                                              : MAILGUN_VARIABLES_OK;
}

enum mailgun_variables_result mailgun_variables_end(struct mailgun_variables *variables)
{
    return buf_append_char(variables->out, '}') ? MAILGUN_VARIABLES_OK : MAILGUN_VARIABLES_NO_ROOM;
}
