/*
 * A line is held until it ends or is longer than the width, because where it is broken depends on its last white space.
 * The CRLF of a break is written only when more of the line follows: white space at the very end of a line may
 * be cut off by a break, but must not make an empty line.
 */
#include "fcgi_smtp/lines.h"

#include <string.h>

#include "fcgi_smtp/ascii.h"

void line_wrapper_init(struct line_wrapper *wrapper, size_t width)
{
    wrapper->width = width < LINE_WRAPPER_WIDTH_MIN ? LINE_WRAPPER_WIDTH_MIN : width;
    wrapper->width = wrapper->width > LINE_OCTETS_MAX ? LINE_OCTETS_MAX : wrapper->width;
    wrapper->len = 0;
    wrapper->after_cr = false;
    wrapper->break_due = false;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Behind the last word that ends within the width and has white space after it; 0 if there is none. */
static size_t last_word_end(const struct line_wrapper *wrapper)
{
    size_t end = wrapper->width;
    while (end > 0 && !ascii_is_blank(wrapper->line[end])) {
        end--;
    }
    while (end > 0 && ascii_is_blank(wrapper->line[end - 1])) {
        end--;
    }
    return end;
}

/* The last place within the width where a character begins; the width itself where there is no UTF-8. */
static size_t last_character_begin(const struct line_wrapper *wrapper)
{
    size_t at = wrapper->width;
    while (at > wrapper->width - 3 && is_continuation(wrapper->line[at])) {
        at--;
    }
    return is_continuation(wrapper->line[at]) ? wrapper->width : at;
}

static char *put_crlf(char *to)
{
    *to++ = '\r';
    *to++ = '\n';
    return to;
}

static char *put_line(struct line_wrapper *wrapper, char *to)
{
    memcpy(to, wrapper->line, wrapper->len);
    to += wrapper->len;
    wrapper->len = 0;
    return to;
}

/* The line is one octet longer than the width: writes its first part, keeps the rest. */
static char *break_line(struct line_wrapper *wrapper, char *to)
{
    size_t end = last_word_end(wrapper);
    size_t rest = end;
    while (end > 0 && rest < wrapper->len && ascii_is_blank(wrapper->line[rest])) {
        rest++;
    }
    if (end == 0) {
        end = rest = last_character_begin(wrapper);
    }
    memcpy(to, wrapper->line, end);
    to += end;
    wrapper->len -= rest;
    memmove(wrapper->line, wrapper->line + rest, wrapper->len);
    wrapper->break_due = wrapper->len == 0;
    return wrapper->break_due ? to : put_crlf(to);
}

static char *end_line(struct line_wrapper *wrapper, char *to)
{
    wrapper->break_due = false;
    return put_crlf(put_line(wrapper, to));
}

static char *add_octet(struct line_wrapper *wrapper, char c, char *to)
{
    if (wrapper->break_due && ascii_is_blank(c)) {
        return to;
    }
    if (wrapper->break_due) {
        to = put_crlf(to);
        wrapper->break_due = false;
    }
    wrapper->line[wrapper->len++] = c;
    return wrapper->len > wrapper->width ? break_line(wrapper, to) : to;
}

size_t line_wrapper_update(struct line_wrapper *wrapper, const void *in, size_t len, char *out)
{
    const char *from = in;
    char *to = out;
    for (size_t i = 0; i < len; i++) {
        bool after_cr = wrapper->after_cr;
        wrapper->after_cr = from[i] == '\r';
        if (from[i] != '\r' && from[i] != '\n') {
            to = add_octet(wrapper, from[i], to);
        } else if (!(after_cr && from[i] == '\n')) {
            to = end_line(wrapper, to);
        }
    }
    return (size_t)(to - out);
}

size_t line_wrapper_finish(struct line_wrapper *wrapper, char *out)
{
    wrapper->break_due = false;
    return (size_t)(put_line(wrapper, out) - out);
}
