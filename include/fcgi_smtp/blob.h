/*
 * blob: octets that arrive as a stream, stay in memory while they are few and spill to a file when they are
 * many.
 *
 * All blobs of one request share a blob_store: its memory limit (limits.memory_per_request) and its one
 * unlinked temporary file in spill_dir. Blobs are written one after another: only the blob that was begun
 * last may be appended to. When an append would pass the store's memory limit, that blob moves to the file
 * and goes on there; blobs that were finished before stay where they are. So memory never passes the limit,
 * whatever the upload, but for one write buffer of BLOB_WRITE_BUFFER octets, without which a body in tiny
 * pieces would cost a write(2) each.
 *
 * Ownership: the store must outlive its blobs' use; blob_store_free frees every blob of the store at once
 * (memory, mappings, file). A struct blob is then invalid. Not thread-safe; one request is one thread's at a
 * time.
 */
#ifndef FCGI_SMTP_BLOB_H
#define FCGI_SMTP_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/slice.h"

#define BLOB_WRITE_BUFFER ((size_t)64 * 1024) /* octets */

struct blob_store {
    const char *spill_dir; /* not owned */
    size_t memory_limit;   /* octets */
    size_t memory_used;
    int fd;                 /* the spill file, -1 until it is needed */
    uint64_t file_size;     /* octets in it */
    uint64_t file_reserved; /* octets that the file system has been asked for */
    struct blob *blobs;     /* all blobs begun, for blob_store_free */
};

struct blob {
    struct blob_store *store;
    struct blob *next;
    struct buf memory; /* the content; once spilled, only its end that is not in the file yet */
    uint64_t size;     /* octets in all */
    uint64_t offset;   /* where it begins in the spill file */
    bool spilled;
    bool secret;   /* blob_begin_secret */
    bool ended;    /* nothing may be appended any more */
    void *mapping; /* of blob_view */
    size_t mapping_len;
};

void blob_store_init(struct blob_store *store, const char *spill_dir, size_t memory_limit);
void blob_store_free(struct blob_store *store);

/* Begins a blob. The struct is the caller's and must stay at its address until blob_store_free. */
void blob_begin(struct blob *blob, struct blob_store *store);

/*
 * The same for a secret: it stays in memory, beyond the store's limit and up to SECRET_MAX octets (an append past that
 * fails), never gets into the file, and is wiped by blob_store_free.
 */
void blob_begin_secret(struct blob *blob, struct blob_store *store);

/* False when the spill file cannot be made or written (the error names spill_dir and the reason). */
bool blob_append(struct blob *blob, const void *octets, size_t len, struct err *err)
    __attribute__((warn_unused_result));

/*
 * The content is complete: what the blob does not need of its memory is given back. The next blob's beginning does the
 * same; for the last one nobody else would.
 */
void blob_end(struct blob *blob);

/*
 * Reads up to cap octets from offset; *len == 0 at the end. False on an input error. Any thread that owns the
 * request.
 */
bool blob_read(const struct blob *blob, uint64_t offset, void *out, size_t cap, size_t *len, struct err *err)
    __attribute__((warn_unused_result));

/*
 * The whole content as one view, valid until blob_store_free; a spilled blob is mapped. For fields, not for
 * files. Nothing can be appended afterwards.
 */
bool blob_view(struct blob *blob, struct slice *view, struct err *err) __attribute__((warn_unused_result));

#endif
