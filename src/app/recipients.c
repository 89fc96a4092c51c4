/*
 * Sorted, equal addresses are neighbours: so repeated ones are found in O(n log n), whatever a client sends.
 * (A hash table would need a secret key for that.)
 */
#include "app/recipients.h"

#include <stdlib.h>

struct candidate {
    const struct addr_spec *address;
    const char *field;
    size_t place; /* in the order of the sources */
};

static int compare_text(struct slice a, struct slice b, int (*compare)(const char *, const char *, size_t))
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return a.len > 0 ? compare(a.data, b.data, a.len) : 0;
}

static int compare_octets(const char *a, const char *b, size_t len)
{
    return memcmp(a, b, len);
}

/* 0 exactly where address_equal says so. */
static int compare_addresses(const struct addr_spec *a, const struct addr_spec *b)
{
    int order = compare_text(a->local, b->local, compare_octets);
    return order != 0 ? order : compare_text(a->domain, b->domain, strncasecmp);
}

static int by_address(const void *left, const void *right)
{
    const struct candidate *a = left;
    const struct candidate *b = right;
    int order = compare_addresses(a->address, b->address);
    if (order != 0) {
        return order;
    }
    return a->place < b->place ? -1 : a->place > b->place;
}

static int by_place(const void *left, const void *right)
{
    const struct candidate *a = left;
    const struct candidate *b = right;
    return a->place < b->place ? -1 : a->place > b->place;
}

/* Keeps the first of each run of equal addresses; returns how many there are. */
static size_t drop_repeated(struct candidate *candidates, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare_addresses(candidates[kept - 1].address, candidates[i].address) != 0) {
            candidates[kept++] = candidates[i];
        }
    }
    return kept;
}

static size_t gather(struct candidate *candidates, const struct recipients_source *sources, size_t count)
{
    size_t place = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sources[i].list->count; k++) {
            candidates[place] =
                (struct candidate){&sources[i].list->mailboxes[k].address, sources[i].field, place};
            place++;
        }
    }
    return place;
}

/* Takes the candidates over, which are in their final order. A smtp_recipient has room for a reply: none is made
 * for an address that is not used. */
static bool keep(struct recipients *recipients, const struct candidate *candidates, struct arena *arena)
{
    recipients->items = arena_array(arena, recipients->count + 1, sizeof *recipients->items);
    recipients->fields = arena_array(arena, recipients->count + 1, sizeof *recipients->fields);
    if (recipients->items == NULL || recipients->fields == NULL) {
        return false;
    }
    for (size_t i = 0; i < recipients->count; i++) {
        recipients->items[i].address = candidates[i].address;
        recipients->fields[i] = candidates[i].field;
    }
    return true;
}

enum recipients_result recipients_collect(struct recipients *recipients,
                                          const struct recipients_source *sources, size_t count, size_t max,
                                          struct arena *arena)
{
    *recipients = (struct recipients){0};
    size_t most = 1; /* an array of its own even if there are none */
    for (size_t i = 0; i < count; i++) {
        most += sources[i].list->count;
    }
    struct candidate *candidates = arena_array(arena, most, sizeof *candidates);
    if (candidates == NULL) {
        return RECIPIENTS_NO_MEMORY;
    }
    size_t all = gather(candidates, sources, count);
    qsort(candidates, all, sizeof *candidates, by_address);
    recipients->count = drop_repeated(candidates, all);
    if (recipients->count > max) {
        return RECIPIENTS_TOO_MANY;
    }
    qsort(candidates, recipients->count, sizeof *candidates, by_place);
    return keep(recipients, candidates, arena) ? RECIPIENTS_OK : RECIPIENTS_NO_MEMORY;
}
