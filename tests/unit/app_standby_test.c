#include "app/servers/standby.h"

#include <pthread.h>

#include "unit.h"

#define SERVERS 4

struct world {
    struct config_server servers[SERVERS];
    size_t list[SERVERS];
    struct config config;
    struct standby standby;
};

/* A list of the servers 2, 0, 3; 1 is not in it. */
static void init(struct world *w, int64_t retry_after)
{
    *w = (struct world){.list = {2, 0, 3}};
    for (size_t i = 0; i < SERVERS; i++) {
        w->servers[i].retry_after = retry_after;
    }
    w->config = (struct config){.servers = w->servers, .server_count = SERVERS, .server = {w->list, 3}};
    CU_ASSERT_TRUE_FATAL(standby_init(&w->standby, &w->config));
}

static void expect(struct world *w, deadline now, size_t a, size_t b, size_t c)
{
    size_t order[3] = {99, 99, 99};
    standby_order(&w->standby, now, order);
    CU_ASSERT_EQUAL(order[0], a);
    CU_ASSERT_EQUAL(order[1], b);
    CU_ASSERT_EQUAL(order[2], c);
}

static void the_ill_are_last_in_their_order(void)
{
    struct world w;
    init(&w, 100);
    expect(&w, 1000, 2, 0, 3);
    standby_failed(&w.standby, 2, 1000);
    expect(&w, 1000, 0, 3, 2);
    standby_failed(&w.standby, 0, 1000);
    expect(&w, 1000, 3, 2, 0);
    standby_failed(&w.standby, 3, 1000);
    expect(&w, 1000, 2, 0, 3);
    standby_answered(&w.standby, 0);
    expect(&w, 1000, 0, 2, 3);
    standby_answered(&w.standby, 2);
    standby_answered(&w.standby, 3);
    standby_failed(&w.standby, 1, 1000); /* another server's illness is not theirs */
    expect(&w, 1000, 2, 0, 3);
    standby_free(&w.standby);
}

static void time_heals_for_one(void)
{
    struct world w;
    init(&w, 100);
    standby_failed(&w.standby, 2, 1000);
    expect(&w, 1099, 0, 3, 2);
    expect(&w, 1100, 2, 0, 3); /* one tries it, */
    expect(&w, 1100, 0, 3, 2); /* the others do not wait for what it finds */
    expect(&w, 1199, 0, 3, 2);
    expect(&w, 1200, 2, 0, 3); /* and if it never says, another one tries */
    standby_answered(&w.standby, 2);
    expect(&w, 1200, 2, 0, 3);
    expect(&w, 1200, 2, 0, 3);
    standby_free(&w.standby);
    standby_free(&w.standby);
}

static void nothing_is_remembered_for_no_time(void)
{
    struct world w;
    init(&w, 0);
    standby_failed(&w.standby, 2, 1000);
    expect(&w, 1000, 2, 0, 3);
    expect(&w, 1000, 2, 0, 3);
    standby_free(&w.standby);
}

/* Of many that find the time over at once, one is told to try. */
struct asker {
    struct standby *standby;
    pthread_barrier_t *barrier;
    bool first;
};

static void *ask(void *ctx)
{
    struct asker *asker = ctx;
    size_t order[3];
    (void)pthread_barrier_wait(asker->barrier);
    standby_order(asker->standby, 2000, order);
    asker->first = order[0] == 2;
    return NULL;
}

static void one_of_many_tries(void)
{
    enum { ASKERS = 8 };
    struct world w;
    init(&w, 100);
    standby_failed(&w.standby, 2, 1000);
    pthread_barrier_t barrier;
    CU_ASSERT_EQUAL_FATAL(pthread_barrier_init(&barrier, NULL, ASKERS), 0);
    struct asker askers[ASKERS];
    pthread_t threads[ASKERS];
    for (size_t i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){&w.standby, &barrier, false};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
    }
    size_t first = 0;
    for (size_t i = 0; i < ASKERS; i++) {
        (void)pthread_join(threads[i], NULL);
        first += askers[i].first ? 1 : 0;
    }
    CU_ASSERT_EQUAL(first, 1);
    (void)pthread_barrier_destroy(&barrier);
    standby_free(&w.standby);
}

static const struct unit_test tests[] = {
    {"the ill are last, in their order", the_ill_are_last_in_their_order},
    {"time heals for one", time_heals_for_one},
    {"nothing is remembered for no time", nothing_is_remembered_for_no_time},
    {"one of many tries", one_of_many_tries},
};
UNIT_SUITE(app_standby, tests);
