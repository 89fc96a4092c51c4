/* One header field is written into a buffer of the test, and must come out as expected or be refused. */
#ifndef FCGI_SMTP_TESTS_HEADER_RUN_H
#define FCGI_SMTP_TESTS_HEADER_RUN_H

#include <stdio.h>

#include "mime/header.h"
#include "unit.h"

/* Like SLICE, but for the initialiser of a static. */
#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        (literal), sizeof(literal) - 1                                                                       \
    }

enum { ROOM = 100000 };

static struct buf out;
static struct err err;
static struct header header;

static inline void begin_room(const char *name, size_t room)
{
    buf_free(&out);
    buf_init(&out, room);
    err = (struct err){"", ""};
    header_init(&header, &out, &err);
    header_begin(&header, slice_of(name), SLICE("f"));
}

static inline void begin(const char *name)
{
    begin_room(name, ROOM);
}

static inline void end(void)
{
    buf_free(&out);
}

/* A text of n times c. */
static inline struct slice many(char c, size_t n)
{
    static char text[5000];
    memset(text, c, n);
    return (struct slice){text, n};
}

static inline bool is(const char *expected)
{
    header_end(&header);
    bool same = header.result == COMPOSE_OK && strcmp(buf_cstr(&out), expected) == 0;
    if (!same) {
        fprintf(stderr, "\nis %d %s%s\n", header.result, buf_cstr(&out), err.text);
    }
    return same;
}

static inline bool is_refused(const char *why)
{
    bool refused =
        header.result == COMPOSE_INVALID && strcmp(err.field, "f") == 0 && strstr(err.text, why) != NULL;
    if (!refused) {
        fprintf(stderr, "\nis %d %s: %s, not %s\n", header.result, err.field, err.text, why);
    }
    return refused;
}

#endif
