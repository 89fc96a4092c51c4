/*
 * problems: what is wrong with a file, gathered in any order and written sorted by position.
 */
#ifndef FCGI_SMTP_CONFIG_PROBLEMS_H
#define FCGI_SMTP_CONFIG_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/config.h"

#define PROBLEMS_MAX 100 /* kept; further ones are only counted */

struct place {
    unsigned line; /* from 1; 0: the file as a whole */
    unsigned column;
};

struct problem {
    struct place place;
    unsigned order; /* of the report, for two at one place */
    bool warning;
    char *text; /* owned */
};

struct problems {
    struct problem *items;
    size_t count;
    size_t errors;  /* how many of them are no warnings */
    size_t dropped; /* not kept */
    bool no_memory; /* something could not even be noted */
};

void problems_init(struct problems *problems);
void problems_free(struct problems *problems);

/* Notes one; path may be NULL or "" for the document as a whole. */
void problems_put(struct problems *problems, bool warning, struct place place, const char *path,
                  const char *text);
void problems_add(struct problems *problems, struct place place, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Appends all to the report, sorted by position. */
void problems_write(struct problems *problems, const char *file, struct config_report *report);

/* One finished line, "FILE:LINE:COLUMN: TEXT" with what is not printable replaced. */
void problems_line(struct buf *out, const char *file, struct place place, bool warning, const char *text);

#endif
