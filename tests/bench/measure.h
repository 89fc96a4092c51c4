/* measure: how long something takes at best, and how that compares. */
#ifndef FCGI_SMTP_BENCH_MEASURE_H
#define FCGI_SMTP_BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MEASURE_ROUNDS = 15 };

/* Seconds of CPU of this process. */
static inline double measure_cpu(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* One thing to be measured. */
struct measured {
    void (*run)(void *ctx);
    void *ctx;
    double seconds; /* of the best round */
};

/* The best of several rounds each, taken in turns, so that a busy machine hits all alike. */
static inline void measure(struct measured *things, size_t count)
{
    for (size_t round = 0; round < MEASURE_ROUNDS; round++) {
        for (size_t i = 0; i < count; i++) {
            double begin = measure_cpu();
            things[i].run(things[i].ctx);
            double seconds = measure_cpu() - begin;
            things[i].seconds = round == 0 || seconds < things[i].seconds ? seconds : things[i].seconds;
        }
    }
}

/* A line with the ratio and its bound: at least it, or at most. Counts those that are missed. */
static inline void measure_report(const char *what, double ratio, const char *of, bool at_least, double bound,
                                  unsigned *missed)
{
    bool good = at_least ? ratio >= bound : ratio <= bound;
    *missed += good ? 0 : 1;
    printf("%-46s %6.2f x %-24s (%s %.2f)%s\n", what, ratio, of, at_least ? "at least" : "at most", bound,
           good ? "" : "  MISSED");
}

static inline void measure_fill_random(unsigned char *octets, size_t len)
{
    uint64_t state = 88172645463325252U;
    for (size_t i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        octets[i] = (unsigned char)(state >> 32);
    }
}

static inline void *measure_alloc(size_t len)
{
    void *memory = calloc(1, len);
    if (memory == NULL) {
        perror("measure");
        exit(EXIT_FAILURE);
    }
    return memory;
}

#endif
