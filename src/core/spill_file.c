/*
 * pread and pwritev, since the offset of a descriptor would be a second place where the position is kept. A
 * write is repeated until everything is written: signals and nearly full disks make short ones.
 */
#include "core/spill_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static bool failed(struct err *err, const char *dir, const char *what, int number)
{
    err_set(err, "%s: cannot %s: %s", dir, what, strerror(number));
    return false;
}

int spill_file_open_named(const char *dir, struct err *err)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/fcgi-smtp-XXXXXX", dir);
    if (len < 0 || (size_t)len >= sizeof path) {
        failed(err, dir, "make a temporary file", ENAMETOOLONG);
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        failed(err, dir, "make a temporary file", errno);
        return -1;
    }
    if (unlink(path) != 0) {
        failed(err, dir, "unlink a temporary file", errno);
        close(fd);
        return -1;
    }
    return fd;
}

int spill_file_open(const char *dir, struct err *err)
{
    int fd = open(dir, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600); /* O_EXCL: can never be given a name */
    if (fd >= 0) {
        return fd;
    }
    if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) {
        return spill_file_open_named(dir, err);
    }
    failed(err, dir, "make a temporary file", errno);
    return -1;
}

static struct iovec vector_of(struct slice slice)
{
    return (struct iovec){(void *)(uintptr_t)slice.data, slice.len}; /* only read */
}

bool spill_file_write(int fd, const char *dir, uint64_t offset, struct slice first, struct slice second,
                      struct err *err)
{
    while (first.len + second.len > 0) {
        struct iovec parts[] = {vector_of(first), vector_of(second)};
        ssize_t n = pwritev(fd, parts, 2, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return failed(err, dir, "write a temporary file", n < 0 ? errno : ENOSPC);
        }
        size_t of_first = (size_t)n < first.len ? (size_t)n : first.len;
        slice_skip(&first, of_first);
        slice_skip(&second, (size_t)n - of_first);
        offset += (uint64_t)n;
    }
    return true;
}

void spill_file_reserve(int fd, uint64_t offset, uint64_t len)
{
    (void)fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len);
}

bool spill_file_read(int fd, const char *dir, uint64_t offset, void *out, size_t len, struct err *err)
{
    char *next = out;
    while (len > 0) {
        ssize_t n = pread(fd, next, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return failed(err, dir, "read a temporary file", n < 0 ? errno : EIO); /* it never ends early */
        }
        next += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}
