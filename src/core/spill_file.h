/*
 * spill_file: a temporary file without a name, for octets that do not fit into memory.
 *
 * Nobody else can open it, and it is gone with its descriptor, however the process ends.
 */
#ifndef FCGI_SMTP_CORE_SPILL_FILE_H
#define FCGI_SMTP_CORE_SPILL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi_smtp/err.h"
#include "fcgi_smtp/slice.h"

/* A descriptor (mode 0600, close-on-exec), or -1 and an error that names dir. */
int spill_file_open(const char *dir, struct err *err);

/* The same by way of a name that is unlinked at once, where the file system has no O_TMPFILE. */
int spill_file_open_named(const char *dir, struct err *err);

/* Writes all octets of both, one behind the other, at offset. False: the error names dir. */
bool spill_file_write(int fd, const char *dir, uint64_t offset, struct slice first, struct slice second,
                      struct err *err) __attribute__((warn_unused_result));

/*
 * Asks the file system for room behind offset before it is written: ext4 writes a quarter faster so. Where that is not
 * possible nothing happens.
 */
void spill_file_reserve(int fd, uint64_t offset, uint64_t len);

/* Reads exactly len octets at offset. */
bool spill_file_read(int fd, const char *dir, uint64_t offset, void *out, size_t len, struct err *err)
    __attribute__((warn_unused_result));

#endif
