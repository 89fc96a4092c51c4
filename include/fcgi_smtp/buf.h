/*
 * buf: a growable buffer of octets that cannot be created without a ceiling.
 *
 * Embedded by value: buf_init .. buf_free. After a failed append the buffer keeps its old content.
 * A buffer is kept NUL-terminated behind len (the NUL is not counted), so data is a C string once something
 * was appended; buf_cstr works always.
 */
#ifndef FCGI_SMTP_BUF_H
#define FCGI_SMTP_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/slice.h"

#define BUF_MUST_CHECK __attribute__((warn_unused_result))

struct buf {
    char *data; /* owned; NULL until the first append */
    size_t len;
    size_t cap;   /* octets allocated, that of the NUL included */
    size_t limit; /* most octets that len may reach */
    bool secret;  /* what growth leaves behind is overwritten */
    bool starved; /* an append failed for want of memory, and not because of the limit */
};

void buf_init(struct buf *buf, size_t limit);
void buf_free(struct buf *buf);  /* takes a zeroed one; leaves it zeroed */
void buf_clear(struct buf *buf); /* len = 0, memory is kept */

/* For secrets: memory is overwritten before it is given back, when the buffer grows and when it is freed. */
void buf_init_secret(struct buf *buf, size_t limit);

/* buf_free that overwrites the octets first, however the buffer was initialised. */
void buf_wipe(struct buf *buf);

/* Gives memory back that the content does not need; data may move. */
void buf_shrink(struct buf *buf);

/* False when the limit would be passed or memory is exhausted. The octets must not be the buffer's own. */
bool buf_append(struct buf *buf, const void *octets, size_t len) BUF_MUST_CHECK;
bool buf_append_slice(struct buf *buf, struct slice slice) BUF_MUST_CHECK;
bool buf_append_string(struct buf *buf, const char *string) BUF_MUST_CHECK;
bool buf_append_char(struct buf *buf, char c) BUF_MUST_CHECK;
bool buf_printf(struct buf *buf, const char *format, ...) BUF_MUST_CHECK
    __attribute__((format(printf, 2, 3)));

/* Makes room for len more octets and returns where they go (data + len), NULL as above; add to
 * buf->len after. */
char *buf_reserve(struct buf *buf, size_t len) BUF_MUST_CHECK;

/* Drops the first len octets (len <= buf->len). */
void buf_consume(struct buf *buf, size_t len);

struct slice buf_slice(const struct buf *buf);
const char *buf_cstr(const struct buf *buf); /* never NULL; valid until the next change */

#endif
