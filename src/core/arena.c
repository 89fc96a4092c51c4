/*
 * Chunks double in size up to a ceiling, so that small requests cost one allocation and large ones few.
 */
#include "fcgi_smtp/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_FIRST ((size_t)4 * 1024)
#define CHUNK_MOST  ((size_t)256 * 1024)
#define ALIGNMENT   _Alignof(max_align_t)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t size;
    _Alignas(max_align_t) char octets[];
};

void arena_init(struct arena *arena, size_t limit)
{
    *arena = (struct arena){.limit = limit};
}

void arena_free(struct arena *arena)
{
    while (arena->chunks != NULL) {
        struct arena_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
    *arena = (struct arena){0};
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t least)
{
    size_t size = arena->chunks != NULL ? arena->chunks->size * 2 : CHUNK_FIRST;
    size = size > CHUNK_MOST ? CHUNK_MOST : size;
    size = size < least ? least : size;
    struct arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (chunk != NULL) {
        *chunk = (struct arena_chunk){.next = arena->chunks, .size = size};
        arena->chunks = chunk;
    }
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > arena->limit - arena->used || size > SIZE_MAX / 2) {
        return NULL;
    }
    size_t padded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct arena_chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->size - chunk->used < padded) {
        chunk = add_chunk(arena, padded);
    }
    if (chunk == NULL) {
        return NULL;
    }
    void *octets = chunk->octets + chunk->used;
    chunk->used += padded;
    arena->used += size;
    memset(octets, 0, padded);
    return octets;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return arena_alloc(arena, count * size);
}

char *arena_copy(struct arena *arena, struct slice slice)
{
    char *copy = slice.len < SIZE_MAX ? arena_alloc(arena, slice.len + 1) : NULL;
    if (copy != NULL && slice.len > 0) {
        memcpy(copy, slice.data, slice.len);
    }
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    char *text = len >= 0 ? arena_alloc(arena, (size_t)len + 1) : NULL;
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    va_end(arguments);
    return text;
}

void *arena_push(struct arena *arena, void **array, size_t *count, size_t *cap, size_t size)
{
    if (*count == *cap) {
        size_t cap_new = *cap > 0 ? *cap * 2 : 4;
        void *grown = cap_new > *cap ? arena_array(arena, cap_new, size) : NULL;
        if (grown == NULL) {
            return NULL;
        }
        if (*count > 0) {
            memcpy(grown, *array, *count * size);
        }
        *array = grown;
        *cap = cap_new;
    }
    return (char *)*array + (*count)++ * size;
}
