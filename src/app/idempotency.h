/*
 * idempotency: answers that are remembered, so that a request that is sent again is not delivered again.
 *
 * A store is a struct of functions, so that one shared by several instances can take the place of the table in this
 * process's memory. All functions are called by many threads at once; none waits for a delivery.
 *
 * The life of an entry: begin claims an id (IDEMPOTENCY_NEW); then exactly one of remember and release ends the claim.
 */
#ifndef FCGI_SMTP_APP_IDEMPOTENCY_H
#define FCGI_SMTP_APP_IDEMPOTENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/deadline.h"
#include "fcgi_smtp/digest.h"

#define IDEMPOTENCY_HEADERS_MAX ((size_t)1024)      /* octets of an answer's headers that are kept */
#define IDEMPOTENCY_BODY_MAX    ((size_t)64 * 1024) /* octets of its body */

enum idempotency_result {
    IDEMPOTENCY_NEW,         /* the caller's from now on */
    IDEMPOTENCY_REPLAY,      /* *first is the answer */
    IDEMPOTENCY_IN_PROGRESS, /* the first request has no answer yet */
    IDEMPOTENCY_REUSED,      /* the first request, answered or not, had other content */
    IDEMPOTENCY_FULL,        /* every entry is alive */
    IDEMPOTENCY_FAILED       /* memory; with a shared store also its connection */
};

struct idempotency_request {
    unsigned char id[DIGEST_SIZE];      /* of API key, route and Idempotency-Key */
    unsigned char content[DIGEST_SIZE]; /* of the parsed fields and files */
};

/* status 0: it is known that there was an answer, but not which: it was too long, or there was no memory. */
struct idempotency_answer {
    int status;
    struct buf headers; /* "Name: value\r\n"... */
    struct buf body;
};

void idempotency_answer_free(struct idempotency_answer *answer); /* takes a zeroed one */

struct idempotency_store {
    void *ctx;
    /* first is filled for IDEMPOTENCY_REPLAY alone, and then the caller's to free. */
    enum idempotency_result (*begin)(void *ctx, const struct idempotency_request *request,
                                     struct idempotency_answer *first);
    /* Keeps a copy of headers and body, if both are within their limits. Never fails: see status. */
    void (*remember)(void *ctx, const struct idempotency_request *request, int status, struct slice headers,
                     struct slice body);
    void (*release)(void *ctx, const struct idempotency_request *request);
    /* Takes other limits, from now on: keep_ms counts for answers that are there already, too; where more entries are
     * alive than there may be, they stay. False without memory: nothing has changed. */
    bool (*limit)(void *ctx, size_t entries, int64_t keep_ms);
    void (*free)(void *ctx);
};

struct idempotency_options {
    size_t entries;        /* most that are alive at once */
    int64_t keep_ms;       /* how long an answer is remembered, from when it was given */
    deadline (*now)(void); /* deadline_now */
};

/*
 * The store in memory: at most entries * (IDEMPOTENCY_HEADERS_MAX + IDEMPOTENCY_BODY_MAX) octets and some overhead, of
 * which answers take what they need. False without memory. Freed by store->free(store->ctx).
 */
bool idempotency_table_new(struct idempotency_store *store, const struct idempotency_options *options)
    __attribute__((warn_unused_result));

#endif
