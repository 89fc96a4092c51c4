#include "fcgi_smtp/random.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void test_octets(void)
{
    unsigned char a[32] = {0};
    unsigned char b[32] = {0};
    CU_ASSERT_TRUE(random_octets(a, sizeof a));
    CU_ASSERT_TRUE(random_octets(b, sizeof b));
    CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof a), 0);
    CU_ASSERT_TRUE(random_octets(NULL, 0));
}

/* Every length around that of the inner buffer: nothing is left out and nothing written behind the NUL. */
static void test_hex_lengths(void)
{
    char text[302];
    for (size_t len = 0; len <= 300; len++) {
        memset(text, '#', sizeof text);
        CU_ASSERT_TRUE(random_hex(text, len));
        CU_ASSERT_EQUAL(strspn(text, "0123456789abcdef"), len);
        CU_ASSERT_EQUAL(text[len], '\0');
        CU_ASSERT_EQUAL(text[len + 1], '#');
    }
}

static void test_hex_digits(void)
{
    char text[4097];
    CU_ASSERT_TRUE(random_hex(text, 4096));
    for (const char *digit = "0123456789abcdef"; *digit != '\0'; digit++) { /* 256 of each on average */
        size_t even = 0;
        size_t odd = 0;
        for (size_t i = 0; i < 4096; i += 2) {
            even += text[i] == *digit;
            odd += text[i + 1] == *digit;
        }
        CU_ASSERT_TRUE(even > 50 && even < 300);
        CU_ASSERT_TRUE(odd > 50 && odd < 300);
    }
}

enum { THREADS = 4, ROUNDS = 200, DIGITS = 24 };

struct worker {
    pthread_t thread;
    bool ok;
    char texts[ROUNDS][DIGITS + 1];
};

static void *run_worker(void *arg)
{
    struct worker *worker = arg;
    worker->ok = true;
    for (int i = 0; i < ROUNDS; i++) {
        worker->ok = worker->ok && random_hex(worker->texts[i], DIGITS);
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, DIGITS);
}

static void test_threads(void)
{
    static struct worker workers[THREADS];
    static char all[THREADS * ROUNDS][DIGITS + 1];
    for (int i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        CU_ASSERT_TRUE(workers[i].ok);
        memcpy(all[i * ROUNDS], workers[i].texts, sizeof workers[i].texts);
    }
    qsort(all, THREADS * ROUNDS, sizeof all[0], compare);
    size_t twice = 0;
    for (size_t i = 1; i < THREADS * ROUNDS; i++) {
        twice += compare(all[i - 1], all[i]) == 0;
    }
    CU_ASSERT_EQUAL(twice, 0);
}

static const struct unit_test tests[] = {
    {"octets", test_octets},
    {"hex lengths", test_hex_lengths},
    {"hex digits", test_hex_digits},
    {"threads", test_threads},
};
UNIT_SUITE(random, tests);
