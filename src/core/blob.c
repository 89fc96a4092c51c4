/*
 * One spill file for all blobs of a request: since only the last one grows, each is one extent of it.
 */
#include "fcgi_smtp/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void blob_store_init(struct blob_store *store, const char *spill_dir, size_t memory_limit)
{
    *store = (struct blob_store){.spill_dir = spill_dir, .memory_limit = memory_limit, .fd = -1};
}

void blob_store_free(struct blob_store *store)
{
    for (struct blob *blob = store->blobs; blob != NULL; blob = blob->next) {
        buf_free(&blob->memory);
        if (blob->mapping != NULL) {
            (void)munmap(blob->mapping, blob->mapping_len);
            blob->mapping = NULL;
        }
    }
    if (store->fd >= 0) {
        (void)close(store->fd);
    }
    *store = (struct blob_store){.fd = -1};
}

void blob_begin(struct blob *blob, struct blob_store *store)
{
    *blob = (struct blob){.store = store, .next = store->blobs};
    buf_init(&blob->memory, store->memory_limit);
    store->blobs = blob;
}

/* O_TMPFILE where the file system has it, else a file that is unlinked at once. */
static int open_unlinked(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) {
        return fd;
    }
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/fcgi-smtp-XXXXXX", dir);
    if (len < 0 || (size_t)len >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) {
        (void)unlink(path);
    }
    return fd;
}

static bool fail(const struct blob_store *store, const char *what, struct err *err)
{
    err_set(err, "cannot %s a temporary file in %s: %s", what, store->spill_dir, strerror(errno));
    return false;
}

static bool write_all(struct blob_store *store, const char *octets, size_t len, struct err *err)
{
    while (len > 0) {
        ssize_t written = pwrite(store->fd, octets, len, (off_t)store->file_size);
        if (written < 0 && errno != EINTR) {
            return fail(store, "write", err);
        }
        if (written > 0) {
            octets += written;
            len -= (size_t)written;
            store->file_size += (uint64_t)written;
        }
    }
    return true;
}

/* Moves what the blob holds in memory to the file. */
static bool spill(struct blob *blob, struct err *err)
{
    struct blob_store *store = blob->store;
    if (store->fd < 0) {
        store->fd = open_unlinked(store->spill_dir);
        if (store->fd < 0) {
            return fail(store, "make", err);
        }
    }
    blob->offset = store->file_size;
    blob->spilled = true;
    if (!write_all(store, blob->memory.data, blob->memory.len, err)) {
        return false;
    }
    store->memory_used -= blob->memory.len;
    buf_free(&blob->memory);
    return true;
}

bool blob_append(struct blob *blob, const void *octets, size_t len, struct err *err)
{
    struct blob_store *store = blob->store;
    if (!blob->spilled && len > store->memory_limit - store->memory_used && !spill(blob, err)) {
        return false;
    }
    if (blob->spilled) {
        if (!write_all(store, octets, len, err)) {
            return false;
        }
    } else {
        if (!buf_append(&blob->memory, octets, len)) {
            err_set(err, "there is no memory left for the request");
            return false;
        }
        store->memory_used += len;
    }
    blob->size += len;
    return true;
}

bool blob_read(const struct blob *blob, uint64_t offset, void *out, size_t cap, size_t *len, struct err *err)
{
    uint64_t left = offset < blob->size ? blob->size - offset : 0;
    size_t want = left < cap ? (size_t)left : cap;
    *len = 0;
    if (!blob->spilled) {
        if (want > 0) {
            memcpy(out, blob->memory.data + offset, want);
        }
        *len = want;
        return true;
    }
    while (*len < want) {
        ssize_t got =
            pread(blob->store->fd, (char *)out + *len, want - *len, (off_t)(blob->offset + offset + *len));
        if (got == 0) {
            errno = EIO; /* somebody cut the file */
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return fail(blob->store, "read", err);
        }
        *len += (size_t)got;
    }
    return true;
}

bool blob_view(struct blob *blob, struct slice *view, struct err *err)
{
    if (!blob->spilled) {
        *view = buf_slice(&blob->memory);
        return true;
    }
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t begin = blob->offset / page * page;
    size_t skip = (size_t)(blob->offset - begin);
    if (blob->mapping == NULL && blob->size > 0) {
        size_t len = skip + (size_t)blob->size;
        /* Private and writable: who views a secret can wipe its copy. */
        void *mapping = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, blob->store->fd, (off_t)begin);
        if (mapping == MAP_FAILED) {
            return fail(blob->store, "map", err);
        }
        blob->mapping = mapping;
        blob->mapping_len = len;
    }
    *view =
        (struct slice){blob->mapping != NULL ? (const char *)blob->mapping + skip : NULL, (size_t)blob->size};
    return true;
}
