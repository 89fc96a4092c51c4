/*
 * The stuffer looks for dots, not for lines: base64, which is most of what is sent, has none, so an attachment passes
 * with one memchr and one memcpy. A dot begins a line when the octet before it is LF.
 */
#include "fcgi_smtp/lines.h"

#include <string.h>

void dot_stuffer_init(struct dot_stuffer *stuffer)
{
    *stuffer = (struct dot_stuffer){{'\r', '\n'}};
}

static void remember_last(struct dot_stuffer *stuffer, const char *in, size_t len)
{
    stuffer->last[0] = len > 1 ? in[len - 2] : stuffer->last[1];
    stuffer->last[1] = in[len - 1];
}

/* Where the next line begins with a dot, or NULL. before is the octet in front of p; begin is not behind p. */
static const char *find_leading_dot(const char *p, const char *end, const char *begin, char before)
{
    const char *dot = p;
    while (dot < end && (dot = memchr(dot, '.', (size_t)(end - dot))) != NULL) {
        if ((dot > begin ? dot[-1] : before) == '\n') {
            return dot;
        }
        dot++;
    }
    return NULL;
}

size_t dot_stuffer_update(struct dot_stuffer *stuffer, const void *in, size_t len, char *out)
{
    if (len == 0) {
        return 0;
    }
    const char *begin = in;
    const char *end = begin + len;
    const char *copied = begin;
    char *to = out;
    const char *dot = find_leading_dot(begin, end, begin, stuffer->last[1]);
    while (dot != NULL) {
        size_t part = (size_t)(dot + 1 - copied);
        memcpy(to, copied, part);
        to[part] = '.';
        to += part + 1;
        copied = dot + 1;
        dot = find_leading_dot(copied, end, begin, stuffer->last[1]);
    }
    memcpy(to, copied, (size_t)(end - copied));
    to += end - copied;
    remember_last(stuffer, begin, len);
    return (size_t)(to - out);
}

bool dot_stuffer_at_line_start(const struct dot_stuffer *stuffer)
{
    return memcmp(stuffer->last, "\r\n", 2) == 0;
}

size_t dot_stuffer_finish(const struct dot_stuffer *stuffer, char *out)
{
    const char end[] = {'\r', '\n', '.', '\r', '\n'};
    size_t skipped = dot_stuffer_at_line_start(stuffer) ? 2 : 0;
    memcpy(out, end + skipped, sizeof end - skipped);
    return sizeof end - skipped;
}

void dot_unstuffer_init(struct dot_unstuffer *unstuffer)
{
    unstuffer->state = DOT_UNSTUFFER_LINE_START;
}

static void unstuff_text(struct dot_unstuffer *unstuffer, char c)
{
    bool line_end = unstuffer->state == DOT_UNSTUFFER_CR && c == '\n';
    if (line_end) {
        unstuffer->state = DOT_UNSTUFFER_LINE_START;
    } else {
        unstuffer->state = c == '\r' ? DOT_UNSTUFFER_CR : DOT_UNSTUFFER_TEXT;
    }
}

/* One octet; writes 0..2. */
static char *unstuff(struct dot_unstuffer *unstuffer, char c, char *to)
{
    switch (unstuffer->state) {
    case DOT_UNSTUFFER_LINE_START:
        if (c == '.') {
            unstuffer->state = DOT_UNSTUFFER_DOT;
            return to;
        }
        break;
    case DOT_UNSTUFFER_DOT:
        if (c == '\r') {
            unstuffer->state = DOT_UNSTUFFER_DOT_CR;
            return to;
        }
        break;
    case DOT_UNSTUFFER_DOT_CR:
        if (c == '\n') {
            unstuffer->state = DOT_UNSTUFFER_END;
            return to;
        }
        *to++ = '\r';
        unstuffer->state = DOT_UNSTUFFER_CR;
        break;
    default:
        break;
    }
    unstuff_text(unstuffer, c);
    *to++ = c;
    return to;
}

size_t dot_unstuffer_update(struct dot_unstuffer *unstuffer, const void *in, size_t len, char *out,
                            size_t *consumed)
{
    const char *from = in;
    char *to = out;
    size_t i = 0;
    while (i < len && unstuffer->state != DOT_UNSTUFFER_END) {
        if (unstuffer->state == DOT_UNSTUFFER_TEXT && from[i] != '\r') {
            const char *cr = memchr(from + i, '\r', len - i);
            size_t run = cr != NULL ? (size_t)(cr - (from + i)) : len - i;
            memcpy(to, from + i, run);
            to += run;
            i += run;
        } else {
            to = unstuff(unstuffer, from[i++], to);
        }
    }
    *consumed = i;
    return (size_t)(to - out);
}

bool dot_unstuffer_ended(const struct dot_unstuffer *unstuffer)
{
    return unstuffer->state == DOT_UNSTUFFER_END;
}
