/*
 * Chunks grow from 4 KiB to 64 KiB. What would waste most of a chunk gets one of its own, behind the first,
 * so that the first goes on being filled. Texts need no alignment and are packed.
 *
 * Under sanitizers every allocation is a chunk of its own, so that they see an overflow from one into the
 * next.
 */
#include "fcgi_smtp/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef FCGI_SMTP_SANITIZED
#define CHUNK_MIN 1
#define CHUNK_MAX 1
#else
#define CHUNK_MIN ((size_t)4 * 1024)
#define CHUNK_MAX ((size_t)64 * 1024)
#endif

#define PUSH_MIN 8 /* elements of a pushed array's first allocation */

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t size;
    max_align_t octets[];
};

void arena_init(struct arena *arena, size_t limit)
{
    *arena = (struct arena){.limit = limit};
}

void arena_free(struct arena *arena)
{
    struct arena_chunk *chunk = arena->chunks;
    while (chunk != NULL) {
        struct arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    *arena = (struct arena){0};
}

static size_t padding(size_t used, size_t align)
{
    return (align - used % align) % align;
}

static bool fits(const struct arena_chunk *chunk, size_t size, size_t align)
{
    size_t room = chunk->size - chunk->used;
    size_t pad = padding(chunk->used, align);
    return pad <= room && size <= room - pad;
}

/* A chunk with room for size octets, in the list; NULL without memory. */
static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
    struct arena_chunk *first = arena->chunks;
    size_t normal = first == NULL || first->size < CHUNK_MIN ? CHUNK_MIN : first->size * 2;
    normal = normal < CHUNK_MAX ? normal : CHUNK_MAX;
    bool own = size > normal / 4;
    size_t chunk_size = own ? size : normal;
    if (chunk_size > PTRDIFF_MAX - sizeof(struct arena_chunk)) {
        return NULL;
    }
    struct arena_chunk *chunk = malloc(sizeof *chunk + chunk_size);
    if (chunk == NULL) {
        return NULL;
    }
    *chunk = (struct arena_chunk){.size = chunk_size};
    struct arena_chunk **place = own && first != NULL ? &first->next : &arena->chunks;
    chunk->next = *place;
    *place = chunk;
    return chunk;
}

static void *take(struct arena *arena, size_t size, size_t align)
{
    if (size == 0) {
        size = 1; /* so that each result is an address of its own, and counts */
    }
    if (arena->used > arena->limit || size > arena->limit - arena->used) {
        arena->starved = true;
        return NULL;
    }
    struct arena_chunk *chunk = arena->chunks;
    if (chunk == NULL || !fits(chunk, size, align)) {
        chunk = add_chunk(arena, size);
    }
    if (chunk == NULL) {
        arena->starved = true;
        return NULL;
    }
    size_t pad = padding(chunk->used, align);
    char *out = (char *)chunk->octets + chunk->used + pad;
    chunk->used += pad + size;
    size_t left = arena->limit - arena->used - size;
    arena->used += size + (pad < left ? pad : left);
    return out;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *out = take(arena, size, _Alignof(max_align_t));
    return out != NULL ? memset(out, 0, size) : NULL;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t product;
    if (__builtin_mul_overflow(count, size, &product)) {
        return NULL;
    }
    return arena_alloc(arena, product);
}

char *arena_copy(struct arena *arena, struct slice slice)
{
    char *out = slice.len < SIZE_MAX ? take(arena, slice.len + 1, 1) : NULL;
    if (out == NULL) {
        return NULL;
    }
    if (slice.len > 0) {
        memcpy(out, slice.data, slice.len);
    }
    out[slice.len] = '\0';
    return out;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *out = len >= 0 ? take(arena, (size_t)len + 1, 1) : NULL;
    if (out == NULL) {
        return NULL;
    }
    va_start(args, format);
    vsnprintf(out, (size_t)len + 1, format, args);
    va_end(args);
    return out;
}

static bool push_grow(struct arena *arena, void **array, size_t count, size_t *cap, size_t size)
{
    size_t new_cap = *cap <= SIZE_MAX / 2 ? *cap * 2 : SIZE_MAX;
    if (new_cap < PUSH_MIN) {
        new_cap = PUSH_MIN;
    }
    void *grown = arena_array(arena, new_cap, size);
    if (grown == NULL && new_cap > *cap + 1) { /* near the limit: what is needed, no more */
        new_cap = *cap + 1;
        grown = arena_array(arena, new_cap, size);
    }
    if (grown == NULL) {
        return false;
    }
    if (count > 0) {
        memcpy(grown, *array, count * size);
    }
    *array = grown;
    *cap = new_cap;
    return true;
}

void *arena_push(struct arena *arena, void **array, size_t *count, size_t *cap, size_t size)
{
    if (*count == *cap && !push_grow(arena, array, *count, cap, size)) {
        return NULL;
    }
    char *element = (char *)*array + *count * size;
    (*count)++;
    return element;
}
