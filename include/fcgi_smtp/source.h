/*
 * source: a stream of octets that is pulled, can be begun anew, and is never in memory whole.
 *
 * What composes a message offers one; what delivers it pulls it. Line ends are CRLF and the last line has
 * one.
 */
#ifndef FCGI_SMTP_SOURCE_H
#define FCGI_SMTP_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/err.h"

struct source {
    void *ctx;

    /* Puts up to cap (>= 1) octets into out; *len == 0 means the end. False on an input error. */
    bool (*read)(void *ctx, void *out, size_t cap, size_t *len, struct err *err);

    /* Back to the first octet; the same octets follow again. */
    void (*rewind)(void *ctx);
};

#endif
