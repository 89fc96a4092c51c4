/*
 * digest: SHA-256 (FIPS 180-4), of a stream of octets or at once.
 */
#ifndef FCGI_SMTP_DIGEST_H
#define FCGI_SMTP_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/slice.h"

#define DIGEST_SIZE     32 /* octets */
#define DIGEST_HEX_SIZE 64 /* hexadecimal digits, without a NUL */

/* Embedded by value: digest_begin, digest_add as often as need be, digest_end. */
struct digest {
    void *state; /* owned; NULL when there was no memory: the end will say so */
    bool failed;
};

void digest_begin(struct digest *digest);
void digest_add(struct digest *digest, const void *octets, size_t len);

/* The length too, as 8 octets before the content, so that no two sequences of slices add up to the same. */
void digest_add_slice(struct digest *digest, struct slice slice);

/* Frees the state, in any case. False without memory: out is then all zero. */
bool digest_end(struct digest *digest, unsigned char out[DIGEST_SIZE]) __attribute__((warn_unused_result));

bool digest_of(struct slice content, unsigned char out[DIGEST_SIZE]) __attribute__((warn_unused_result));

/* Whether the two are the same; takes the same time wherever they differ. */
bool digest_equal(const unsigned char a[DIGEST_SIZE], const unsigned char b[DIGEST_SIZE]);

/* 64 digits in either case; false if text is anything else. */
bool digest_from_hex(struct slice text, unsigned char out[DIGEST_SIZE]) __attribute__((warn_unused_result));

/* In lower case, and a NUL. */
void digest_to_hex(const unsigned char digest[DIGEST_SIZE], char out[DIGEST_HEX_SIZE + 1]);

#endif
