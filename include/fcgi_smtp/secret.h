/*
 * secret: a password or token that is wiped when it goes and never printed.
 *
 * Embedded by value; owns its copy. Limit: SECRET_MAX octets.
 */
#ifndef FCGI_SMTP_SECRET_H
#define FCGI_SMTP_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/err.h"
#include "fcgi_smtp/slice.h"

#define SECRET_MAX ((size_t)64 * 1024) /* octets */

struct secret {
    char *data; /* owned, NUL-terminated; NULL when there is none */
    size_t len;
};

void secret_free(struct secret *secret); /* wipes; takes a zeroed one; leaves it zeroed */

/* Overwrites octets that held a secret; not optimised away. */
void secret_wipe(void *octets, size_t len);

/* Whether both hold the same octets, or both none. Takes the same time wherever they differ. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* Replaces the content. False without memory or over SECRET_MAX. */
bool secret_set(struct secret *secret, struct slice content) __attribute__((warn_unused_result));

/* Reads the first line of a file, its line end cut off. Empty or unreadable: false, and the error names the
 * path. */
bool secret_read_file(struct secret *secret, const char *path, struct err *err)
    __attribute__((warn_unused_result));

/* Takes an environment variable's value. Unset or empty: false, and the error names it. */
bool secret_read_env(struct secret *secret, const char *name, struct err *err)
    __attribute__((warn_unused_result));

#endif
