/*
 * slice: a view of octets that somebody else owns.
 *
 * A slice never owns memory and need not be NUL-terminated. An empty slice may have data == NULL.
 */
#ifndef FCGI_SMTP_SLICE_H
#define FCGI_SMTP_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "fcgi_smtp/ascii.h"

struct slice {
    const char *data;
    size_t len; /* octets */
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

/* The same as the initialiser of a static table's element, where a compound literal is not a constant. */
#define SLICE_INIT(literal)                                                                                  \
    {                                                                                                        \
        (literal), sizeof(literal) - 1                                                                       \
    }

/* For printf's "%.*s": printf("%.*s", SLICE_ARGS(s)). */
#define SLICE_ARGS(s) (int)(s).len, ((s).data != NULL ? (s).data : "")

/* A slice of a NUL-terminated string; NULL gives the empty slice. */
static inline struct slice slice_of(const char *string)
{
    return (struct slice){string, string != NULL ? strlen(string) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Equal but for the case of ASCII letters (in the C locale, which this program never leaves). */
static inline bool slice_equal_nocase(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.data, b.data, a.len) == 0);
}

/* Leaves out the first len octets, len <= s->len. */
static inline void slice_skip(struct slice *s, size_t len)
{
    if (len > 0) {
        s->data += len;
        s->len -= len;
    }
}

/* s without spaces and tabs at its ends. */
static inline struct slice slice_trim(struct slice s)
{
    while (s.len > 0 && ascii_is_blank(s.data[0])) {
        slice_skip(&s, 1);
    }
    while (s.len > 0 && ascii_is_blank(s.data[s.len - 1])) {
        s.len--;
    }
    return s;
}

/* Whether s holds the octet c (memchr on an empty slice is avoided). */
static inline bool slice_has(struct slice s, char c)
{
    return s.len > 0 && memchr(s.data, c, s.len) != NULL;
}

#endif
