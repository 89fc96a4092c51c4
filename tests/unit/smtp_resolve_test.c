#include "smtp/resolve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

/* A look-up that waits until it is let go. The suite's tests run one after another. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool open;
    unsigned entered;
    unsigned left;
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void gate_set(bool open)
{
    pthread_mutex_lock(&gate.mutex);
    gate.open = open;
    gate.entered = open ? gate.entered : 0;
    gate.left = open ? gate.left : 0;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

static void gate_await(const unsigned *counter, unsigned count)
{
    pthread_mutex_lock(&gate.mutex);
    while (*counter < count) {
        pthread_cond_wait(&gate.changed, &gate.mutex);
    }
    pthread_mutex_unlock(&gate.mutex);
}

static int gated_lookup(const char *name, struct socket_addresses *addresses)
{
    pthread_mutex_lock(&gate.mutex);
    gate.entered++;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.open) {
        pthread_cond_wait(&gate.changed, &gate.mutex);
    }
    gate.left++;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
    if (strncmp(name, "bad", 3) == 0) {
        return EAI_NONAME;
    }
    struct sockaddr_in *ip4 = (struct sockaddr_in *)(void *)&addresses->items[0].storage;
    ip4->sin_family = AF_INET;
    ip4->sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1 */
    addresses->items[0].len = sizeof *ip4;
    addresses->count = 1;
    return 0;
}

static struct limit within(int64_t ms)
{
    return (struct limit){deadline_after(ms), -1};
}

static void literals(void)
{
    struct resolver *resolver = resolver_new(NULL, RESOLVE_KEEP_MS);
    struct socket_addresses addresses;
    struct err err = {.text = ""};
    CU_ASSERT_PTR_NOT_NULL_FATAL(resolver);
    /* A deadline that has passed is no matter: nothing is waited for. */
    CU_ASSERT_EQUAL(resolver_resolve(resolver, "192.0.2.7", 587, within(0), &addresses, &err), RESOLVE_OK);
    CU_ASSERT_EQUAL(addresses.count, 1);
    const struct sockaddr_in *ip4 = (const struct sockaddr_in *)(const void *)&addresses.items[0].storage;
    CU_ASSERT_EQUAL(ip4->sin_family, AF_INET);
    CU_ASSERT_EQUAL(ntohs(ip4->sin_port), 587);
    CU_ASSERT_EQUAL(resolver_resolve(resolver, "::1", 25, within(0), &addresses, &err), RESOLVE_OK);
    const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)(const void *)&addresses.items[0].storage;
    CU_ASSERT_EQUAL(ip6->sin6_family, AF_INET6);
    CU_ASSERT_EQUAL(ntohs(ip6->sin6_port), 25);
    resolver_free(resolver);
    resolver_free(NULL);
}

static void by_the_system(void)
{
    struct resolver *resolver = resolver_new(NULL, RESOLVE_KEEP_MS);
    struct socket_addresses addresses;
    struct err err = {.text = ""};
    CU_ASSERT_PTR_NOT_NULL_FATAL(resolver);
    CU_ASSERT_EQUAL(resolver_resolve(resolver, "localhost", 25, within(20000), &addresses, &err), RESOLVE_OK);
    CU_ASSERT(addresses.count >= 1);
    char name[300];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CU_ASSERT_EQUAL(resolver_resolve(resolver, name, 25, within(20000), &addresses, &err), RESOLVE_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "too long"));
    resolver_free(resolver);
}

struct asker {
    pthread_t thread;
    struct resolver *resolver;
    const char *name;
    enum resolve_result result;
};

static void *ask(void *argument)
{
    struct asker *asker = argument;
    struct socket_addresses addresses;
    asker->result = resolver_resolve(asker->resolver, asker->name, 25, within(20000), &addresses, NULL);
    return NULL;
}

static void one_lookup_per_name(void)
{
    gate_set(false);
    struct resolver *resolver = resolver_new(gated_lookup, RESOLVE_KEEP_MS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(resolver);
    struct asker askers[8];
    for (size_t i = 0; i < 8; i++) {
        askers[i] = (struct asker){.resolver = resolver, .name = i % 2 == 0 ? "one.example" : "two.example"};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    gate_await(&gate.entered, 2);
    gate_set(true);
    for (size_t i = 0; i < 8; i++) {
        pthread_join(askers[i].thread, NULL);
        CU_ASSERT_EQUAL(askers[i].result, RESOLVE_OK);
    }
    /* Kept: no further look-up, even with a deadline that has passed. */
    struct socket_addresses addresses;
    CU_ASSERT_EQUAL(resolver_resolve(resolver, "one.example", 26, within(0), &addresses, NULL), RESOLVE_OK);
    CU_ASSERT_EQUAL(gate.entered, 2);
    resolver_free(resolver);
}

/* A result is good for as long as was said, and then asked for anew. */
static void kept_for_a_while(void)
{
    gate_set(false);
    gate_set(true);
    CU_ASSERT_EQUAL(RESOLVE_KEEP_MS, 30000);
    struct resolver *resolver = resolver_new(gated_lookup, 200);
    CU_ASSERT_PTR_NOT_NULL_FATAL(resolver);
    struct socket_addresses addresses;
    deadline begun = deadline_now();
    while (gate.entered < 2 && deadline_now() < begun + 20000) {
        CU_ASSERT_EQUAL(resolver_resolve(resolver, "one.example", 25, within(20000), &addresses, NULL),
                        RESOLVE_OK);
        (void)poll(NULL, 0, 5);
    }
    CU_ASSERT_EQUAL(gate.entered, 2);
    CU_ASSERT(deadline_now() >= begun + 200);
    resolver_free(resolver);
}

static void failures_are_not_kept(void)
{
    gate_set(false);
    gate_set(true);
    struct resolver *resolver = resolver_new(gated_lookup, RESOLVE_KEEP_MS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(resolver);
    for (unsigned i = 1; i <= 3; i++) {
        struct socket_addresses addresses;
        struct err err = {.text = ""};
        CU_ASSERT_EQUAL(resolver_resolve(resolver, "bad.example", 25, within(20000), &addresses, &err),
                        RESOLVE_FAILED);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cannot look up bad.example: "));
        CU_ASSERT_EQUAL(gate.entered, i);
    }
    resolver_free(resolver);
}

/* The waiter is back in time; the resolver goes away while its helper still hangs, which frees what is left.
 */
static void hanging(void)
{
    gate_set(false);
    struct resolver *resolver = resolver_new(gated_lookup, RESOLVE_KEEP_MS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(resolver);
    struct socket_addresses addresses;
    struct err err = {.text = ""};
    deadline before = deadline_now();
    CU_ASSERT_EQUAL(resolver_resolve(resolver, "slow.example", 25, within(50), &addresses, &err),
                    RESOLVE_TIMED_OUT);
    CU_ASSERT(deadline_now() >= before + 50);
    CU_ASSERT_STRING_EQUAL(err.text, "cannot look up slow.example in time");
    gate_await(&gate.entered, 1);
    resolver_free(resolver);
    gate_set(true);
    gate_await(&gate.left, 1);
}

/* When all helpers hang, further names wait their turn and no longer than their deadline. */
static void all_helpers_hang(void)
{
    gate_set(false);
    struct resolver *resolver = resolver_new(gated_lookup, RESOLVE_KEEP_MS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(resolver);
    struct socket_addresses addresses;
    char name[RESOLVE_THREADS + 2][8];
    for (int i = 0; i < RESOLVE_THREADS + 2; i++) {
        name[i][0] = (char)('a' + i);
        name[i][1] = '\0';
        CU_ASSERT_EQUAL(resolver_resolve(resolver, name[i], 25, within(10), &addresses, NULL),
                        RESOLVE_TIMED_OUT);
    }
    gate_await(&gate.entered, RESOLVE_THREADS);
    gate_set(true);
    CU_ASSERT_EQUAL(
        resolver_resolve(resolver, name[RESOLVE_THREADS + 1], 25, within(20000), &addresses, NULL),
        RESOLVE_OK);
    resolver_free(resolver);
}

static void too_many_names(void)
{
    gate_set(false);
    struct resolver *resolver = resolver_new(gated_lookup, RESOLVE_KEEP_MS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(resolver);
    struct socket_addresses addresses;
    enum resolve_result result = RESOLVE_TIMED_OUT;
    struct err err = {.text = ""};
    size_t asked = 0;
    for (; asked < RESOLVE_NAMES + 10 && result == RESOLVE_TIMED_OUT; asked++) {
        char name[4] = {(char)('a' + asked % 26), (char)('a' + asked / 26), 'x', '\0'};
        result = resolver_resolve(resolver, name, 25, within(0), &addresses, &err);
    }
    CU_ASSERT_EQUAL(result, RESOLVE_FAILED);
    CU_ASSERT_EQUAL(asked, RESOLVE_NAMES + 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "too many"));
    gate_set(true);
    resolver_free(resolver);
}

/* Results that are kept make room: names that somebody makes up keep nobody else's from being looked up. */
static void kept_names_give_way(void)
{
    gate_set(false);
    gate_set(true);
    struct resolver *resolver = resolver_new(gated_lookup, RESOLVE_KEEP_MS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(resolver);
    struct socket_addresses addresses;
    for (unsigned i = 0; i < RESOLVE_NAMES + 10; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "n%u.example", i);
        CU_ASSERT_EQUAL(resolver_resolve(resolver, name, 25, within(20000), &addresses, NULL), RESOLVE_OK);
    }
    unsigned entered = gate.entered;
    /* The oldest went, the others are still known. */
    CU_ASSERT_EQUAL(resolver_resolve(resolver, "n10.example", 25, within(20000), &addresses, NULL),
                    RESOLVE_OK);
    CU_ASSERT_EQUAL(gate.entered, entered);
    CU_ASSERT_EQUAL(resolver_resolve(resolver, "n0.example", 25, within(20000), &addresses, NULL),
                    RESOLVE_OK);
    CU_ASSERT_EQUAL(gate.entered, entered + 1);
    resolver_free(resolver);
}

static const struct unit_test tests[] = {
    {"literals", literals},
    {"by the system", by_the_system},
    {"one look-up per name, kept", one_lookup_per_name},
    {"kept for a while", kept_for_a_while},
    {"failures are not kept", failures_are_not_kept},
    {"a hanging look-up", hanging},
    {"all helpers hang", all_helpers_hang},
    {"too many names", too_many_names},
    {"kept names give way", kept_names_give_way},
};

UNIT_SUITE(smtp_resolve, tests);
