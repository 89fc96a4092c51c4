/*
 * input: a part's octets, read from its blob piece by piece; a text of another charset comes out as UTF-8.
 */
#ifndef FCGI_SMTP_MIME_INPUT_H
#define FCGI_SMTP_MIME_INPUT_H

#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/blob.h"
#include "fcgi_smtp/charset.h"
#include "fcgi_smtp/compose.h"

enum { INPUT_PIECE_MAX = 1024 * BASE64_LINE_OCTETS };

struct input {
    const struct blob *blob; /* NULL: no octets */
    uint64_t offset;
    bool converting;
    bool ended;
    struct charset_decoder decoder;
    struct slice charset; /* for errors */
    struct buf converted; /* what the latest piece became */
    struct slice rest;    /* of it, not yet handed out */
    char *raw;            /* owned: room for a piece, or for all where there is less */
    size_t raw_cap;
};

/* Once, before the first open; and once at the end. */
void input_init(struct input *input);
void input_free(struct input *input);

/* Begins a blob anew. An empty charset: octets as they are. COMPOSE_INVALID: no such charset. */
enum compose_result input_open(struct input *input, const struct blob *blob, struct slice charset,
                               struct err *err);

/*
 * The next piece of at most max octets, valid until the next call; empty at the end. COMPOSE_INVALID where the charset
 * does not allow what is there (err says at which octet).
 */
enum compose_result input_next(struct input *input, size_t max, struct slice *piece, struct err *err);

#endif
