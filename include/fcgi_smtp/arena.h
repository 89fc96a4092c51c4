/*
 * arena: memory for many small things that live as long as one request (or one configuration).
 *
 * Allocations are bumped off chunks and freed all at once by arena_free; there is no way to free one alone.
 * The limit bounds the sum of all allocations; past it (or without memory) NULL comes back.
 */
#ifndef FCGI_SMTP_ARENA_H
#define FCGI_SMTP_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/slice.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks;
    size_t used; /* octets handed out */
    size_t limit;
    bool starved; /* something could not be had, be it for the limit */
};

void arena_init(struct arena *arena, size_t limit);
void arena_free(struct arena *arena); /* takes a zeroed one; leaves it zeroed */

/* size octets set to zero, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((warn_unused_result));

/* An array of count elements of size octets, zeroed; NULL also when the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size) __attribute__((warn_unused_result));

/* A NUL-terminated copy. */
char *arena_copy(struct arena *arena, struct slice slice) __attribute__((warn_unused_result));
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((warn_unused_result, format(printf, 2, 3)));

/*
 * Grows an array in the arena so that it holds one element more: *array has *count elements of size octets
 * and room for *cap. Returns the new, zeroed element and counts it, or NULL.
 */
void *arena_push(struct arena *arena, void **array, size_t *count, size_t *cap, size_t size)
    __attribute__((warn_unused_result));

#endif
