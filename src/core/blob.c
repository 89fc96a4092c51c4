/*
 * Finished blobs are shrunk to their content, and the one being written may grow to what they leave of the
 * limit: so the sum of all memory is known without counting allocations.
 *
 * A spilled blob lies in the file in one piece, because only the last one is written. Its end gathers in
 * memory until it is worth a write.
 */
#include "fcgi_smtp/blob.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/spill_file.h"
#include "fcgi_smtp/secret.h"

#define RESERVED_AT_ONCE ((uint64_t)1024 * 1024) /* octets of the file */

void blob_store_init(struct blob_store *store, const char *spill_dir, size_t memory_limit)
{
    *store = (struct blob_store){.spill_dir = spill_dir, .memory_limit = memory_limit, .fd = -1};
}

void blob_store_free(struct blob_store *store)
{
    for (struct blob *blob = store->blobs; blob != NULL;) {
        struct blob *next = blob->next;
        buf_free(&blob->memory);
        if (blob->mapping != NULL) {
            munmap(blob->mapping, blob->mapping_len);
        }
        *blob = (struct blob){0};
        blob = next;
    }
    if (store->spill_dir != NULL && store->fd >= 0) { /* a zeroed store has no file, though its fd is 0 */
        close(store->fd);
    }
    blob_store_init(store, store->spill_dir, store->memory_limit);
}

/* Octets of a spilled blob that are in the file. */
static uint64_t written(const struct blob *blob)
{
    return blob->size - blob->memory.len;
}

static void reserve(struct blob_store *store, uint64_t end)
{
    while (store->file_reserved < end) {
        spill_file_reserve(store->fd, store->file_reserved, RESERVED_AT_ONCE);
        store->file_reserved += RESERVED_AT_ONCE;
    }
}

/* Adds what is in memory, and octets behind it, to the file, behind what the blob has there. */
static bool write_out(struct blob *blob, struct slice octets, struct err *err)
{
    struct blob_store *store = blob->store;
    struct slice memory = buf_slice(&blob->memory);
    reserve(store, store->file_size + memory.len + octets.len);
    if (!spill_file_write(store->fd, store->spill_dir, store->file_size, memory, octets, err)) {
        return false;
    }
    store->file_size += memory.len + octets.len;
    return true;
}

static bool flush(struct blob *blob, struct err *err)
{
    if (!blob->spilled || blob->memory.len == 0) {
        return true;
    }
    if (blob->offset + written(blob) !=
        blob->store->file_size) { /* others follow since an earlier flush failed */
        err_set(err, "%s: a temporary file could not be written", blob->store->spill_dir);
        return false;
    }
    if (!write_out(blob, (struct slice){NULL, 0}, err)) {
        return false;
    }
    buf_clear(&blob->memory);
    return true;
}

/* Ends the appending. If the end of a spilled blob cannot be written it stays in memory, where it can be
 * read. */
void blob_end(struct blob *blob)
{
    blob->ended = true;
    if (flush(blob, NULL) && blob->spilled) {
        buf_free(&blob->memory);
    }
    buf_shrink(&blob->memory);
}

static void begin(struct blob *blob, struct blob_store *store, bool secret)
{
    if (store->blobs != NULL) {
        blob_end(store->blobs);
    }
    *blob = (struct blob){.store = store, .next = store->blobs, .secret = secret};
    store->blobs = blob;
}

void blob_begin(struct blob *blob, struct blob_store *store)
{
    begin(blob, store, false);
    size_t left = store->memory_limit > store->memory_used ? store->memory_limit - store->memory_used : 0;
    buf_init(&blob->memory, left);
}

void blob_begin_secret(struct blob *blob, struct blob_store *store)
{
    begin(blob, store, true);
    buf_init_secret(&blob->memory, SECRET_MAX);
}

static bool append_secret(struct blob *blob, const void *octets, size_t len, struct err *err)
{
    if (len > SECRET_MAX - blob->memory.len) {
        err_set(err, "a secret may have at most %zu octets", SECRET_MAX);
        return false;
    }
    if (!buf_append(&blob->memory, octets, len)) {
        err_set(err, "there is no memory for a secret");
        return false;
    }
    blob->size += len;
    return true;
}

/* Moves a blob to the file. */
static bool spill(struct blob *blob, struct err *err)
{
    struct blob_store *store = blob->store;
    if (store->fd < 0) {
        store->fd = spill_file_open(store->spill_dir, err);
    }
    if (store->fd < 0) {
        return false;
    }
    uint64_t offset = store->file_size;
    if (!write_out(blob, (struct slice){NULL, 0}, err)) {
        return false;
    }
    blob->offset = offset;
    blob->spilled = true;
    store->memory_used -= blob->memory.len;
    buf_free(&blob->memory);
    buf_init(&blob->memory, BLOB_WRITE_BUFFER);
    return true;
}

/*
 * Writes end where a multiple of the buffer's size does in the file: the system is nearly twice as fast with whole pages.
 * What is behind the last such place is kept, and there is room for it before anything is written.
 */
static bool append_spilled(struct blob *blob, struct slice octets, struct err *err)
{
    struct blob_store *store = blob->store;
    struct buf *memory = &blob->memory;
    uint64_t end = store->file_size + memory->len + octets.len;
    uint64_t whole = end - end % BLOB_WRITE_BUFFER;
    if (buf_reserve(memory, BLOB_WRITE_BUFFER - memory->len) == NULL) {
        err_set(err, "there is no memory to write a temporary file with");
        return false;
    }
    if (whole > store->file_size) {
        size_t part = (size_t)(whole - store->file_size) - memory->len;
        if (!write_out(blob, (struct slice){octets.data, part}, err)) {
            return false;
        }
        buf_clear(memory);
        octets = (struct slice){octets.data + part, octets.len - part};
    }
    return buf_append_slice(memory, octets);
}

bool blob_append(struct blob *blob, const void *octets, size_t len, struct err *err)
{
    struct blob_store *store = blob->store;
    if (store->blobs != blob || blob->ended) {
        err_set(err, "a blob was appended to after its end");
        return false;
    }
    if (blob->secret) {
        return append_secret(blob, octets, len, err);
    }
    if (!blob->spilled && buf_append(&blob->memory, octets, len)) {
        store->memory_used += len;
        blob->size += len;
        return true;
    }
    if (!blob->spilled && !spill(blob, err)) {
        return false;
    }
    if (!append_spilled(blob, (struct slice){octets, len}, err)) {
        return false;
    }
    blob->size += len;
    return true;
}

bool blob_read(const struct blob *blob, uint64_t offset, void *out, size_t cap, size_t *len, struct err *err)
{
    *len = 0;
    if (offset >= blob->size || cap == 0) {
        return true;
    }
    uint64_t in_file = blob->spilled ? written(blob) : 0;
    uint64_t left = (offset < in_file ? in_file : blob->size) - offset;
    size_t n = left < cap ? (size_t)left : cap;
    if (offset >= in_file) {
        memcpy(out, blob->memory.data + (offset - in_file), n);
    } else if (!spill_file_read(blob->store->fd, blob->store->spill_dir, blob->offset + offset, out, n,
                                err)) {
        return false;
    }
    *len = n;
    return true;
}

static bool map(struct blob *blob, struct err *err)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t before = blob->offset % page; /* mmap takes whole pages only */
    if (blob->size > SIZE_MAX - page) {
        err_set(err, "%s: a temporary file is too large to be mapped", blob->store->spill_dir);
        return false;
    }
    size_t len = (size_t)(before + blob->size);
    /* Private and writable: whoever views a secret can wipe it. */
    void *mapping =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, blob->store->fd, (off_t)(blob->offset - before));
    if (mapping == MAP_FAILED) {
        err_set(err, "%s: cannot map a temporary file: %s", blob->store->spill_dir, strerror(errno));
        return false;
    }
    blob->mapping = mapping;
    blob->mapping_len = len;
    return true;
}

bool blob_view(struct blob *blob, struct slice *view, struct err *err)
{
    *view = (struct slice){0};
    blob->ended = true;
    if (!blob->spilled) {
        buf_shrink(&blob->memory); /* now, because afterwards it must not move */
        *view = buf_slice(&blob->memory);
        return true;
    }
    if (!flush(blob, err) || (blob->mapping == NULL && !map(blob, err))) {
        return false;
    }
    const char *mapping = blob->mapping;
    *view = (struct slice){mapping + (blob->mapping_len - (size_t)blob->size), (size_t)blob->size};
    return true;
}
