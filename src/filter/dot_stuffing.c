/*
 * The stuffer looks for dots, not for lines: base64, which is most of what is sent, has none, so an attachment passes
 * with one memchr and stays where it is. A dot begins a line when the octet before it is LF.
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

/* The last line that begins with a dot before end; there is one. */
static char *last_leading_dot(char *begin, char *end, char before)
{
    char *dot = end;
    do {
        dot = memrchr(begin, '.', (size_t)(dot - begin));
    } while ((dot > begin ? dot[-1] : before) != '\n');
    return dot;
}

size_t dot_stuffer_update_in_place(struct dot_stuffer *stuffer, char *octets, size_t len)
{
    if (len == 0) {
        return 0;
    }
    char before = stuffer->last[1];
    char *end = octets + len;
    size_t dots = 0;
    for (const char *dot = octets; (dot = find_leading_dot(dot, end, octets, before)) != NULL; dot++) {
        dots++;
    }
    remember_last(stuffer, octets, len);
    char *to = end + dots;
    while (to > end) { /* from behind, so that nothing is written over what is still to be moved */
        char *dot = last_leading_dot(octets, end, before);
        size_t part = (size_t)(end - dot);
        memmove(to - part, dot, part);
        to -= part + 1;
        *to = '.';
        end = dot;
    }
    return len + dots;
}

size_t dot_stuffer_update(struct dot_stuffer *stuffer, const void *in, size_t len, char *out)
{
    if (len > 0) {
        memcpy(out, in, len);
    }
    return dot_stuffer_update_in_place(stuffer, out, len);
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
