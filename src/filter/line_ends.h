/*
 * line_ends: walks from one CR or LF to the next.
 *
 * Each of the two is looked for once and remembered, so that a text whose line ends are all of one kind is not searched
 * for the other again and again.
 */
#ifndef FCGI_SMTP_FILTER_LINE_ENDS_H
#define FCGI_SMTP_FILTER_LINE_ENDS_H

#include <string.h>

struct line_ends {
    const char *end;
    const char *cr; /* the first one at or after the place last asked for, or end */
    const char *lf;
};

static inline const char *line_ends_find(const char *from, const char *end, char c)
{
    const char *found = memchr(from, c, (size_t)(end - from));
    return found != NULL ? found : end;
}

/* end > from, or both NULL. */
static inline struct line_ends line_ends_from(const char *from, const char *end)
{
    if (from == end) {
        return (struct line_ends){end, end, end};
    }
    return (struct line_ends){end, line_ends_find(from, end, '\r'), line_ends_find(from, end, '\n')};
}

/* The first CR or LF at or after p, or the end. */
static inline const char *line_ends_next(struct line_ends *ends, const char *p)
{
    if (ends->cr < p) {
        ends->cr = line_ends_find(p, ends->end, '\r');
    }
    if (ends->lf < p) {
        ends->lf = line_ends_find(p, ends->end, '\n');
    }
    return ends->cr < ends->lf ? ends->cr : ends->lf;
}

#endif
