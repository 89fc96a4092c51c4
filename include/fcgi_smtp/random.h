/*
 * random: unpredictable octets from the kernel, also written as text. All calls are thread-safe.
 */
#ifndef FCGI_SMTP_RANDOM_H
#define FCGI_SMTP_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* False when the system has no randomness to give. */
bool random_octets(void *out, size_t len) __attribute__((warn_unused_result));

/* Fills out with len lower-case hexadecimal digits (4 bits each) and a NUL behind them. */
bool random_hex(char *out, size_t len) __attribute__((warn_unused_result));

#endif
