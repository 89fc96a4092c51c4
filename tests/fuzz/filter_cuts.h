/* Feeds filters in pieces; each call gets memory of exactly the stated size, so that a sanitizer sees one octet too many. */
#ifndef FCGI_SMTP_TESTS_FILTER_CUTS_H
#define FCGI_SMTP_TESTS_FILTER_CUTS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi_smtp/buf.h"

/* The first piece's octets and those of the others; 0: all that is left. */
struct cuts {
    size_t first;
    size_t step;
};

#define CUTS_NONE ((struct cuts){0, 0})

static inline struct cuts cuts_of(unsigned char octet)
{
    return (struct cuts){(size_t)octet >> 3, 1 + (octet & 7U)};
}

struct cut_filter {
    size_t (*update_max)(size_t len);
    size_t (*update)(void *state, const void *in, size_t len, char *out);
    size_t (*finish)(void *state, char *out);
    size_t finish_max;
};

static inline void fuzz_demand(bool truth)
{
    if (!truth) {
        abort();
    }
}

static inline void fuzz_buf_init(struct buf *buf)
{
    buf_init(buf, (size_t)64 * 1024 * 1024);
}

/* The octets of the next piece. */
static inline size_t cuts_next(struct cuts cuts, size_t at, size_t left)
{
    size_t len = at == 0 && cuts.first > 0 ? cuts.first : cuts.step;
    return len == 0 || len > left ? left : len;
}

static inline void filter_cuts_put(struct buf *out, char *room, size_t written, size_t max)
{
    fuzz_demand(written <= max && buf_append(out, room, written));
    free(room);
}

static inline void filter_cuts_run(const struct cut_filter *filter, void *state, struct slice in,
                                   struct cuts cuts, struct buf *out)
{
    for (size_t at = 0; at < in.len;) {
        size_t len = cuts_next(cuts, at, in.len - at);
        size_t max = filter->update_max(len);
        char *room = malloc(max);
        char *piece = malloc(len);
        fuzz_demand(room != NULL && piece != NULL);
        memcpy(piece, in.data + at, len);
        filter_cuts_put(out, room, filter->update(state, piece, len, room), max);
        free(piece);
        at += len;
    }
    char *room = malloc(filter->finish_max);
    fuzz_demand(room != NULL);
    filter_cuts_put(out, room, filter->finish(state, room), filter->finish_max);
}

#endif
