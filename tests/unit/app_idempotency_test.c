#include "app/idempotency.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define KEEP 1000 /* ms */

static deadline clock_now;

static deadline test_clock(void)
{
    return clock_now;
}

static struct idempotency_store new_table(size_t entries)
{
    struct idempotency_store store;
    const struct idempotency_options options = {.entries = entries, .keep_ms = KEEP, .now = test_clock};
    clock_now = 5000;
    CU_ASSERT_TRUE_FATAL(idempotency_table_new(&store, &options));
    return store;
}

static struct idempotency_request request_of(unsigned id, unsigned content)
{
    struct idempotency_request request = {0};
    memcpy(request.id, &id, sizeof id);
    memcpy(request.content, &content, sizeof content);
    return request;
}

static enum idempotency_result begin(struct idempotency_store *store, unsigned id, unsigned content)
{
    struct idempotency_request request = request_of(id, content);
    struct idempotency_answer first = {0};
    enum idempotency_result result = store->begin(store->ctx, &request, &first);
    idempotency_answer_free(&first);
    return result;
}

static void remember(struct idempotency_store *store, unsigned id, const char *body)
{
    struct idempotency_request request = request_of(id, 0); /* the content is that of begin */
    store->remember(store->ctx, &request, 200, SLICE("A: b\r\n"), slice_of(body));
}

static void release(struct idempotency_store *store, unsigned id)
{
    struct idempotency_request request = request_of(id, 0);
    store->release(store->ctx, &request);
}

/* Whether the id's answer is that body. */
static bool replays(struct idempotency_store *store, unsigned id, unsigned content, const char *body)
{
    struct idempotency_request request = request_of(id, content);
    struct idempotency_answer first = {0};
    bool same = store->begin(store->ctx, &request, &first) == IDEMPOTENCY_REPLAY && first.status == 200 &&
                strcmp(buf_cstr(&first.headers), "A: b\r\n") == 0 && strcmp(buf_cstr(&first.body), body) == 0;
    idempotency_answer_free(&first);
    return same;
}

static void test_life(void)
{
    struct idempotency_store store = new_table(10);
    CU_ASSERT_EQUAL(begin(&store, 1, 7), IDEMPOTENCY_NEW);
    CU_ASSERT_EQUAL(begin(&store, 1, 7), IDEMPOTENCY_IN_PROGRESS);
    CU_ASSERT_EQUAL(begin(&store, 1, 8), IDEMPOTENCY_REUSED);
    CU_ASSERT_EQUAL(begin(&store, 2, 7), IDEMPOTENCY_NEW); /* another key */
    remember(&store, 1, "first");
    CU_ASSERT_TRUE(replays(&store, 1, 7, "first"));
    CU_ASSERT_TRUE(replays(&store, 1, 7, "first")); /* again and again */
    CU_ASSERT_EQUAL(begin(&store, 1, 8), IDEMPOTENCY_REUSED);
    release(&store, 2);
    CU_ASSERT_EQUAL(begin(&store, 2, 9), IDEMPOTENCY_NEW); /* with other content too */
    store.free(store.ctx);                                 /* with a claim and an answer */
}

static void test_expiry(void)
{
    struct idempotency_store store = new_table(3);
    CU_ASSERT_EQUAL(begin(&store, 1, 0), IDEMPOTENCY_NEW);
    CU_ASSERT_EQUAL(begin(&store, 2, 0), IDEMPOTENCY_NEW);
    clock_now += 100;
    remember(&store, 2, "two"); /* the first answer is not the first request's */
    clock_now += 100;
    remember(&store, 1, "one");
    clock_now += KEEP - 101;
    CU_ASSERT_TRUE(replays(&store, 2, 0, "two"));
    clock_now += 1;
    CU_ASSERT_EQUAL(begin(&store, 2, 5), IDEMPOTENCY_NEW);
    CU_ASSERT_TRUE(replays(&store, 1, 0, "one"));
    clock_now += 99;
    CU_ASSERT_TRUE(replays(&store, 1, 0, "one"));
    clock_now += 1;
    CU_ASSERT_EQUAL(begin(&store, 1, 0), IDEMPOTENCY_NEW);
    /* what is in work does not expire */
    clock_now += 10 * KEEP;
    CU_ASSERT_EQUAL(begin(&store, 1, 0), IDEMPOTENCY_IN_PROGRESS);
    store.free(store.ctx);
}

static void test_full(void)
{
    enum { ENTRIES = 100 };
    struct idempotency_store store = new_table(ENTRIES);
    for (unsigned id = 0; id < ENTRIES; id++) {
        CU_ASSERT_EQUAL(begin(&store, id, id), IDEMPOTENCY_NEW);
        if (id % 2 == 0) {
            remember(&store, id, "x");
        }
        clock_now++;
    }
    CU_ASSERT_EQUAL(begin(&store, ENTRIES, 0), IDEMPOTENCY_FULL);
    /* nothing was evicted, and what is known is still told */
    for (unsigned id = 0; id < ENTRIES; id++) {
        CU_ASSERT_EQUAL(begin(&store, id, id), id % 2 == 0 ? IDEMPOTENCY_REPLAY : IDEMPOTENCY_IN_PROGRESS);
        CU_ASSERT_EQUAL(begin(&store, id, ENTRIES), IDEMPOTENCY_REUSED);
    }
    release(&store, 33);
    CU_ASSERT_EQUAL(begin(&store, ENTRIES, 0), IDEMPOTENCY_NEW);
    CU_ASSERT_EQUAL(begin(&store, ENTRIES + 1, 0), IDEMPOTENCY_FULL);
    clock_now = 5000 + KEEP; /* the first answer's end */
    CU_ASSERT_EQUAL(begin(&store, ENTRIES + 1, 0), IDEMPOTENCY_NEW);
    CU_ASSERT_EQUAL(begin(&store, ENTRIES + 2, 0), IDEMPOTENCY_FULL);
    store.free(store.ctx);
}

static void test_one_entry(void)
{
    struct idempotency_store store = new_table(1);
    for (unsigned id = 0; id < 50; id++) {
        CU_ASSERT_EQUAL(begin(&store, id, 0), IDEMPOTENCY_NEW);
        CU_ASSERT_EQUAL(begin(&store, id + 1, 0), IDEMPOTENCY_FULL);
        if (id % 3 == 0) {
            release(&store, id);
            continue;
        }
        remember(&store, id, "x");
        CU_ASSERT_EQUAL(begin(&store, id + 1, 0), IDEMPOTENCY_FULL);
        clock_now += KEEP;
    }
    store.free(store.ctx);
}

/* An answer that is too long is not kept, but that there was one is. */
/* Other limits while entries are alive. */
static void test_limits(void)
{
    struct idempotency_store store = new_table(2);
    CU_ASSERT_EQUAL(begin(&store, 1, 0), IDEMPOTENCY_NEW);
    CU_ASSERT_EQUAL(begin(&store, 2, 0), IDEMPOTENCY_NEW);
    CU_ASSERT_EQUAL(begin(&store, 3, 0), IDEMPOTENCY_FULL);
    remember(&store, 1, "one");
    CU_ASSERT_TRUE(store.limit(store.ctx, 1000, KEEP));
    for (unsigned id = 3; id <= 1000; id++) {
        CU_ASSERT_EQUAL(begin(&store, id, id), IDEMPOTENCY_NEW);
    }
    CU_ASSERT_EQUAL(begin(&store, 1001, 0), IDEMPOTENCY_FULL);
    CU_ASSERT_TRUE(replays(&store, 1, 0, "one"));
    CU_ASSERT_EQUAL(begin(&store, 2, 0), IDEMPOTENCY_IN_PROGRESS);
    /* Fewer than are alive: all of them stay. */
    CU_ASSERT_TRUE(store.limit(store.ctx, 3, KEEP));
    CU_ASSERT_TRUE(replays(&store, 1, 0, "one"));
    for (unsigned id = 2; id <= 1000; id++) {
        CU_ASSERT_EQUAL(begin(&store, id, id == 2 ? 0 : id), IDEMPOTENCY_IN_PROGRESS);
        CU_ASSERT_EQUAL(begin(&store, 1001, 0), IDEMPOTENCY_FULL);
        if (id > 3) {
            release(&store, id);
        }
    }
    CU_ASSERT_EQUAL(begin(&store, 1001, 0), IDEMPOTENCY_FULL); /* 1, 2 and 3 are there */
    release(&store, 3);
    CU_ASSERT_EQUAL(begin(&store, 1001, 0), IDEMPOTENCY_NEW);
    CU_ASSERT_EQUAL(begin(&store, 1002, 0), IDEMPOTENCY_FULL);
    store.free(store.ctx);
}

/* Another time to keep answers counts for those that are there. */
static void test_other_times(void)
{
    struct idempotency_store store = new_table(10);
    for (unsigned id = 1; id <= 2; id++) {
        CU_ASSERT_EQUAL(begin(&store, id, 0), IDEMPOTENCY_NEW);
        remember(&store, id, "x");
        clock_now += KEEP / 2;
    }
    CU_ASSERT_TRUE(store.limit(store.ctx, 10, KEEP * 2));
    CU_ASSERT_EQUAL(begin(&store, 3, 0), IDEMPOTENCY_NEW);
    remember(&store, 3, "x");
    clock_now += KEEP - 1;
    CU_ASSERT_TRUE(replays(&store, 1, 0, "x") && replays(&store, 2, 0, "x") && replays(&store, 3, 0, "x"));
    CU_ASSERT_TRUE(store.limit(store.ctx, 10, KEEP));
    CU_ASSERT_TRUE(replays(&store, 3, 0, "x"));
    CU_ASSERT_EQUAL(begin(&store, 1, 5), IDEMPOTENCY_NEW);
    CU_ASSERT_EQUAL(begin(&store, 2, 5), IDEMPOTENCY_NEW);
    store.free(store.ctx);
}

static void test_long_answers(void)
{
    static char text[IDEMPOTENCY_BODY_MAX + 2];
    memset(text, 'x', sizeof text - 1);
    static const struct {
        size_t headers, body;
        int status;
    } cases[] = {
        {0, 0, 504},
        {IDEMPOTENCY_HEADERS_MAX, IDEMPOTENCY_BODY_MAX, 504},
        {IDEMPOTENCY_HEADERS_MAX + 1, 0, 0},
        {0, IDEMPOTENCY_BODY_MAX + 1, 0},
    };
    struct idempotency_store store = new_table(10);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct idempotency_request request = request_of(i, 0);
        struct idempotency_answer first = {0};
        CU_ASSERT_EQUAL(store.begin(store.ctx, &request, &first), IDEMPOTENCY_NEW);
        store.remember(store.ctx, &request, 504, (struct slice){text, cases[i].headers},
                       (struct slice){text, cases[i].body});
        CU_ASSERT_EQUAL(store.begin(store.ctx, &request, &first), IDEMPOTENCY_REPLAY);
        CU_ASSERT_EQUAL(first.status, cases[i].status);
        CU_ASSERT_EQUAL(first.headers.len, cases[i].status != 0 ? cases[i].headers : 0);
        CU_ASSERT_EQUAL(first.body.len, cases[i].status != 0 ? cases[i].body : 0);
        idempotency_answer_free(&first);
    }
    store.free(store.ctx);
}

/* Against a plain list: thousands of random steps, with chains in every bucket. */
static void test_random_steps(void)
{
    enum { IDS = 200, ENTRIES = 64, STEPS = 50000 };
    enum { NOTHING, CLAIMED, ANSWERED } state[IDS] = {NOTHING};
    deadline expires[IDS] = {0};
    struct idempotency_store store = new_table(ENTRIES);
    unsigned seed = 12345;
    size_t alive = 0;
    for (size_t step = 0; step < STEPS; step++) {
        seed = seed * 1103515245U + 12345U;
        unsigned id = (seed >> 16) % IDS;
        bool remembers = ((seed >> 8) & 1) != 0;
        clock_now += 3;
        for (size_t i = 0; i < IDS; i++) {
            bool gone = state[i] == ANSWERED && expires[i] <= clock_now;
            alive -= gone ? 1 : 0;
            state[i] = gone ? NOTHING : state[i];
        }
        enum idempotency_result expected = state[id] == ANSWERED  ? IDEMPOTENCY_REPLAY
                                           : state[id] == CLAIMED ? IDEMPOTENCY_IN_PROGRESS
                                           : alive < ENTRIES      ? IDEMPOTENCY_NEW
                                                                  : IDEMPOTENCY_FULL;
        CU_ASSERT_EQUAL_FATAL(begin(&store, id, id), expected);
        if (expected == IDEMPOTENCY_NEW) {
            alive++;
            state[id] = CLAIMED;
        } else if (expected == IDEMPOTENCY_IN_PROGRESS && remembers) {
            remember(&store, id, "x");
            state[id] = ANSWERED;
            expires[id] = clock_now + KEEP;
        } else if (expected == IDEMPOTENCY_IN_PROGRESS) {
            release(&store, id);
            state[id] = NOTHING;
            alive--;
        }
    }
    store.free(store.ctx);
}

enum { THREADS = 4, ROUNDS = 2000, SHARED_IDS = 16 };

struct race {
    struct idempotency_store store;
    atomic_uint owners[SHARED_IDS]; /* how many work on the id now */
    atomic_uint delivered[SHARED_IDS];
    atomic_uint wrong;
};

static void *race(void *argument)
{
    struct race *r = argument;
    unsigned seed = (unsigned)(uintptr_t)&seed;
    for (unsigned round = 0; round < ROUNDS; round++) {
        seed = seed * 1103515245U + 12345U;
        unsigned id = (seed >> 16) % SHARED_IDS;
        struct idempotency_request request = request_of(id, id);
        struct idempotency_answer first = {0};
        enum idempotency_result result = r->store.begin(r->store.ctx, &request, &first);
        if (result == IDEMPOTENCY_NEW) {
            atomic_fetch_add(&r->wrong, atomic_fetch_add(&r->owners[id], 1) != 0);
            bool gives_up = ((seed >> 8) & 3) != 0;
            atomic_fetch_sub(&r->owners[id], 1);
            if (gives_up) {
                r->store.release(r->store.ctx, &request);
            } else {
                atomic_fetch_add(&r->delivered[id], 1);
                r->store.remember(r->store.ctx, &request, 200, SLICE(""), SLICE("body"));
            }
        } else if (result == IDEMPOTENCY_REPLAY) {
            atomic_fetch_add(&r->wrong, strcmp(buf_cstr(&first.body), "body") != 0);
        } else {
            atomic_fetch_add(&r->wrong, result != IDEMPOTENCY_IN_PROGRESS);
        }
        idempotency_answer_free(&first);
    }
    return NULL;
}

/* However many ask at once, one of them delivers, once. */
static void test_threads(void)
{
    struct race r = {.store = new_table(SHARED_IDS)};
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, race, &r), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    CU_ASSERT_EQUAL(atomic_load(&r.wrong), 0);
    for (size_t i = 0; i < SHARED_IDS; i++) {
        CU_ASSERT_EQUAL(atomic_load(&r.delivered[i]), 1);
    }
    r.store.free(r.store.ctx);
}

static const struct unit_test tests[] = {
    {"life", test_life},
    {"expiry", test_expiry},
    {"full", test_full},
    {"one entry", test_one_entry},
    {"limits", test_limits},
    {"other times", test_other_times},
    {"long answers", test_long_answers},
    {"random steps", test_random_steps},
    {"threads", test_threads},
};
UNIT_SUITE(app_idempotency, tests);
