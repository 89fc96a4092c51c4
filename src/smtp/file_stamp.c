/*
 * A file that was replaced has another number, one that was written in its place another time. To be taken before the
 * file is read: then a change during that is seen the next time.
 */
#include "smtp/file_stamp.h"

#include <sys/stat.h>

struct file_stamp file_stamp_of(const char *path)
{
    struct stat status;
    if (path == NULL || stat(path, &status) != 0) {
        return (struct file_stamp){.file = 0};
    }
    return (struct file_stamp){status.st_dev, status.st_ino, status.st_size, status.st_mtim, status.st_ctim};
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->file == b->file && a->size == b->size &&
           same_time(a->written, b->written) && same_time(a->changed, b->changed);
}
