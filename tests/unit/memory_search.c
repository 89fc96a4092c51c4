#include "memory_search.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIECE       65536
#define REGION_MAX  ((uint64_t)256 * 1024 * 1024) /* larger ones are a sanitizer's shadow */
#define LINE_LENGTH 512

#define TAIL (MEMORY_SECRET_LEN / 2)

static unsigned char piece[PIECE + MEMORY_SECRET_LEN];

static char character(unsigned number, size_t i)
{
    return (char)('A' + (number * 7 + number / 26 + i * 11 + i * i * i * 3) % 26);
}

void memory_secret(unsigned number, char *out)
{
    for (size_t i = 0; i < MEMORY_SECRET_LEN; i++) {
        out[i] = character(number, i);
    }
    out[MEMORY_SECRET_LEN] = '\0';
}

static size_t count_in(unsigned number, size_t len)
{
    size_t found = 0;
    const unsigned char *at = piece;
    while (len >= TAIL &&
           (at = memchr(at, character(number, TAIL), (size_t)(piece + len - TAIL + 1 - at))) != NULL) {
        size_t same = 0;
        while (same < TAIL && at[same] == (unsigned char)character(number, TAIL + same)) {
            same++;
        }
        found += same == TAIL ? 1 : 0;
        at++;
    }
    return found;
}

/* Pieces overlap, so that a secret across two of them is found; our own buffer is skipped. */
static size_t search_region(int memory, unsigned number, uint64_t from, uint64_t to)
{
    size_t found = 0;
    uint64_t own = (uint64_t)(uintptr_t)piece;
    for (uint64_t at = from; at < to; at += PIECE) {
        size_t want = to - at < sizeof piece ? (size_t)(to - at) : sizeof piece;
        if (at < own + sizeof piece && at + want > own) {
            continue;
        }
        ssize_t got = pread(memory, piece, want, (off_t)at);
        found += got > 0 ? count_in(number, (size_t)got) : 0;
    }
    return found;
}

size_t memory_search(unsigned number)
{
    size_t found = 0;
    char line[LINE_LENGTH];
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "re");
    while (memory >= 0 && maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        uint64_t from = 0;
        uint64_t to = 0;
        char rights[5] = "";
        bool understood = sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, rights) == 3;
        if (understood && rights[1] == 'w' && to - from <= REGION_MAX) {
            found += search_region(memory, number, from, to);
        }
    }
    bool searched = memory >= 0 && maps != NULL;
    if (maps != NULL) {
        (void)fclose(maps);
    }
    if (memory >= 0) {
        (void)close(memory);
    }
    return searched ? found : SIZE_MAX;
}
