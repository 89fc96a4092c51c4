/*
 * file_stamp: what a file or directory looked like, so that it can be told later whether it is another one by now.
 */
#ifndef FCGI_SMTP_SMTP_FILE_STAMP_H
#define FCGI_SMTP_SMTP_FILE_STAMP_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct file_stamp {
    dev_t device;
    ino_t file; /* 0: there was none */
    off_t size;
    struct timespec written, changed;
};

/* path NULL: there is none. */
struct file_stamp file_stamp_of(const char *path);

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);

#endif
