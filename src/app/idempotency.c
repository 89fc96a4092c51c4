/*
 * A hash table with chains whose entries all exist from the beginning, so that memory is bounded and nothing is ever
 * evicted. Answers live equally long, so the order in which they were given is the order in which they expire: one
 * queue, whose front is all that has to be looked at.
 *
 * The lock is held for look-ups and copies of an answer, never while anything waits.
 */
#include "app/idempotency.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi_smtp/random.h"

#define NONE SIZE_MAX /* no entry */

enum state { STATE_FREE, STATE_CLAIMED, STATE_ANSWERED };

struct entry {
    struct idempotency_request request;
    enum state state;
    size_t chain;      /* the next of the same bucket; of a free entry, the next free one */
    size_t later;      /* STATE_ANSWERED: the one that expires next */
    deadline answered; /* likewise: when it was given; it expires keep_ms later */
    int status;
    size_t headers_len;
    size_t body_len;
    char *octets; /* owned: headers, then body; NULL: not kept */
};

struct table {
    pthread_mutex_t lock;
    struct idempotency_options options; /* entries: how many may be alive */
    size_t capacity;                    /* how many there is room for, at least options.entries */
    size_t alive;
    struct entry *entries;
    size_t *buckets; /* first entries of the chains */
    unsigned bits;   /* 2^bits buckets */
    uint64_t factor; /* random and odd */
    size_t free;     /* the first free entry that was in use before */
    size_t unused;   /* entries from here on never were */
    size_t oldest;   /* of the answered ones */
    size_t newest;
};

void idempotency_answer_free(struct idempotency_answer *answer)
{
    buf_free(&answer->headers);
    buf_free(&answer->body);
    answer->status = 0;
}

/* Multiply-shift: who does not know the factor cannot choose ids for one bucket. */
static size_t *bucket_of(const struct table *table, const unsigned char id[DIGEST_SIZE])
{
    uint64_t word = 0;
    memcpy(&word, id, sizeof word);
    return &table->buckets[(word * table->factor) >> (64 - table->bits)];
}

/* The link that leads to the id's entry, or the chain's end. */
static size_t *find(const struct table *table, const unsigned char id[DIGEST_SIZE])
{
    size_t *link = bucket_of(table, id);
    while (*link != NONE && memcmp(table->entries[*link].request.id, id, DIGEST_SIZE) != 0) {
        link = &table->entries[*link].chain;
    }
    return link;
}

/* Frees the entry that link leads to. */
static void drop(struct table *table, size_t *link)
{
    size_t index = *link;
    struct entry *entry = &table->entries[index];
    *link = entry->chain;
    free(entry->octets);
    *entry = (struct entry){.chain = table->free};
    table->free = index;
    table->alive--;
}

static void drop_expired(struct table *table)
{
    deadline now = table->options.now();
    int64_t keep_ms = table->options.keep_ms;
    while (table->oldest != NONE && deadline_add(table->entries[table->oldest].answered, keep_ms) <= now) {
        size_t index = table->oldest;
        table->oldest = table->entries[index].later;
        drop(table, find(table, table->entries[index].request.id));
    }
    table->newest = table->oldest != NONE ? table->newest : NONE;
}

static enum idempotency_result claim(struct table *table, size_t *link,
                                     const struct idempotency_request *request)
{
    if (table->alive >= table->options.entries) {
        return IDEMPOTENCY_FULL;
    }
    size_t index = table->free;
    if (index != NONE) {
        table->free = table->entries[index].chain;
    } else {
        index = table->unused++; /* all that were in use are alive: there is one more */
    }
    table->alive++;
    table->entries[index] = (struct entry){.request = *request, .state = STATE_CLAIMED, .chain = NONE};
    *link = index;
    return IDEMPOTENCY_NEW;
}

static enum idempotency_result copy_answer(const struct entry *entry, struct idempotency_answer *first)
{
    *first = (struct idempotency_answer){.status = entry->status};
    buf_init(&first->headers, IDEMPOTENCY_HEADERS_MAX);
    buf_init(&first->body, IDEMPOTENCY_BODY_MAX);
    if (entry->octets == NULL) {
        first->status = 0;
        return IDEMPOTENCY_REPLAY;
    }
    if (!buf_append(&first->headers, entry->octets, entry->headers_len) ||
        !buf_append(&first->body, entry->octets + entry->headers_len, entry->body_len)) {
        idempotency_answer_free(first);
        return IDEMPOTENCY_FAILED;
    }
    return IDEMPOTENCY_REPLAY;
}

static enum idempotency_result look_at(const struct entry *entry, const struct idempotency_request *request,
                                       struct idempotency_answer *first)
{
    if (!digest_equal(entry->request.content, request->content)) {
        return IDEMPOTENCY_REUSED;
    }
    return entry->state == STATE_ANSWERED ? copy_answer(entry, first) : IDEMPOTENCY_IN_PROGRESS;
}

static enum idempotency_result table_begin(void *ctx, const struct idempotency_request *request,
                                           struct idempotency_answer *first)
{
    struct table *table = ctx;
    (void)pthread_mutex_lock(&table->lock);
    drop_expired(table);
    size_t *link = find(table, request->id);
    enum idempotency_result result =
        *link == NONE ? claim(table, link, request) : look_at(&table->entries[*link], request, first);
    (void)pthread_mutex_unlock(&table->lock);
    return result;
}

/* A copy of both, in one block; NULL: too long, or no memory. */
static char *joined(struct slice headers, struct slice body)
{
    if (headers.len > IDEMPOTENCY_HEADERS_MAX || body.len > IDEMPOTENCY_BODY_MAX) {
        return NULL;
    }
    char *octets = malloc(headers.len + body.len + 1);
    if (octets != NULL && headers.len > 0) {
        memcpy(octets, headers.data, headers.len);
    }
    if (octets != NULL && body.len > 0) {
        memcpy(octets + headers.len, body.data, body.len);
    }
    return octets;
}

static void append_to_queue(struct table *table, size_t index)
{
    table->entries[index].later = NONE;
    if (table->newest != NONE) {
        table->entries[table->newest].later = index;
    } else {
        table->oldest = index;
    }
    table->newest = index;
}

static void table_remember(void *ctx, const struct idempotency_request *request, int status,
                           struct slice headers, struct slice body)
{
    struct table *table = ctx;
    char *octets = joined(headers, body);
    (void)pthread_mutex_lock(&table->lock);
    size_t index = *find(table, request->id); /* claimed, so it is there */
    struct entry *entry = &table->entries[index];
    entry->state = STATE_ANSWERED;
    entry->status = status;
    entry->octets = octets;
    entry->headers_len = headers.len;
    entry->body_len = body.len;
    entry->answered = table->options.now();
    append_to_queue(table, index);
    (void)pthread_mutex_unlock(&table->lock);
}

static void table_release(void *ctx, const struct idempotency_request *request)
{
    struct table *table = ctx;
    (void)pthread_mutex_lock(&table->lock);
    drop(table, find(table, request->id));
    (void)pthread_mutex_unlock(&table->lock);
}

/* --- room --- */

/* Room for so many entries and their chains, which are all empty. False without memory. */
static bool make_room(struct table *table, size_t entries)
{
    unsigned bits = 1;
    while (((size_t)1 << bits) < entries) {
        bits++;
    }
    size_t bucket_count = (size_t)1 << bits;
    struct entry *room = calloc(entries, sizeof *room); /* untouched memory costs nothing */
    size_t *buckets = malloc(bucket_count * sizeof *buckets);
    if (room == NULL || buckets == NULL) {
        free(room);
        free(buckets);
        return false;
    }
    for (size_t i = 0; i < bucket_count; i++) {
        buckets[i] = NONE;
    }
    if (table->unused > 0) {
        memcpy(room, table->entries, table->unused * sizeof *room);
    }
    free(table->entries);
    free(table->buckets);
    table->entries = room;
    table->buckets = buckets;
    table->bits = bits;
    table->capacity = entries;
    return true;
}

/* After the chains were emptied: each entry that is alive into its own again. */
static void chain_all(struct table *table)
{
    for (size_t i = 0; i < table->unused; i++) {
        struct entry *entry = &table->entries[i];
        if (entry->state != STATE_FREE) {
            size_t *bucket = bucket_of(table, entry->request.id);
            entry->chain = *bucket;
            *bucket = i;
        }
    }
}

static bool table_limit(void *ctx, size_t entries, int64_t keep_ms)
{
    struct table *table = ctx;
    (void)pthread_mutex_lock(&table->lock);
    bool grows = entries > table->capacity;
    bool good = !grows || make_room(table, entries);
    if (good && grows) {
        chain_all(table);
    }
    table->options.entries = good ? entries : table->options.entries;
    table->options.keep_ms = good ? keep_ms : table->options.keep_ms;
    (void)pthread_mutex_unlock(&table->lock);
    return good;
}

/* --- life --- */

static void table_free(void *ctx)
{
    struct table *table = ctx;
    for (size_t i = 0; table->entries != NULL && i < table->unused; i++) {
        free(table->entries[i].octets);
    }
    (void)pthread_mutex_destroy(&table->lock);
    free(table->entries);
    free(table->buckets);
    free(table);
}

bool idempotency_table_new(struct idempotency_store *store, const struct idempotency_options *options)
{
    struct table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return false;
    }
    *table = (struct table){.options = *options, .free = NONE, .oldest = NONE, .newest = NONE};
    (void)pthread_mutex_init(&table->lock, NULL);
    if (!make_room(table, options->entries) || !random_octets(&table->factor, sizeof table->factor)) {
        table_free(table);
        return false;
    }
    table->factor |= 1;
    *store = (struct idempotency_store){table,         table_begin, table_remember,
                                        table_release, table_limit, table_free};
    return true;
}
