/*
 * segments: a message as a row of fixed octets and bodies, and the source that reads them one after another.
 */
#ifndef FCGI_SMTP_MIME_SEGMENTS_H
#define FCGI_SMTP_MIME_SEGMENTS_H

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/source.h"
#include "mime/body.h"

struct segment {
    bool is_body;
    size_t begin; /* fixed octets: [begin, end) of segments.fixed */
    size_t end;
    struct body body;
};

struct segments {
    struct buf fixed; /* all fixed octets in their order */
    struct segment *rows;
    size_t count;
    size_t cap;
    size_t begin; /* of the fixed octets that no row holds yet */
    uint64_t size;
    struct input input;

    /* The reader. */
    size_t row;
    size_t at; /* in a row of fixed octets */
    bool opened;
    struct body_stream stream;
    size_t ready_at; /* octets of a body that did not fit in the reader's buffer */
    size_t ready_len;
    char ready[BODY_READ_MIN];
};

/* Room for that many bodies. False: no memory; segments_free is right then too. */
bool segments_init(struct segments *segments, size_t bodies, size_t fixed_limit);
void segments_free(struct segments *segments); /* takes a zeroed one */

/* Adds a row of what stands in fixed behind the last row, and a body (segments_end: none) behind it. */
void segments_add_body(struct segments *segments, const struct body *body);
void segments_end(struct segments *segments);

/* As in struct source; ctx is the segments. */
bool segments_read(void *ctx, void *out, size_t cap, size_t *len, struct err *err);
void segments_rewind(void *ctx);

#endif
