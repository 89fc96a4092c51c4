/*
 * A ring, ordered by the time of the return: the newest is taken from one end, what has waited too long goes
 * from the other. What a session is asked or told (whether it is still fit, QUIT) happens after it has left the
 * ring, so a slow socket delays nobody else, and a descriptor has one owner.
 *
 * The newest first: so few sessions are kept warm, and the others can grow old and go.
 */
#include "smtp/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "smtp/session.h"

struct waiting {
    struct smtp_session *session;
    deadline until; /* it is to be ended then */
};

struct pool {
    pthread_mutex_t mutex; /* guards all below it */
    pthread_cond_t wake;   /* of the reaper; by the monotonic clock */
    int64_t idle_ms;
    size_t size;
    size_t oldest; /* its place in ring */
    size_t count;
    deadline reaper_wakes; /* DEADLINE_NEVER: only when it is told */
    bool has_reaper;
    bool stop;
    pthread_t reaper;
    struct waiting ring[];
};

/* --- the ring; the mutex is held --- */

static struct waiting *at(struct pool *pool, size_t index)
{
    return &pool->ring[(pool->oldest + index) % pool->size];
}

static void add_newest(struct pool *pool, struct smtp_session *session)
{
    *at(pool, pool->count) = (struct waiting){session, deadline_after(pool->idle_ms)};
    pool->count++;
}

static struct smtp_session *remove_newest(struct pool *pool)
{
    pool->count--;
    return at(pool, pool->count)->session;
}

static struct smtp_session *remove_oldest(struct pool *pool)
{
    struct smtp_session *session = at(pool, 0)->session;
    pool->oldest = (pool->oldest + 1) % pool->size;
    pool->count--;
    return session;
}

/* --- the reaper --- */

/* Called and returns with the mutex held. */
static void sleep_until(struct pool *pool, deadline until)
{
    pool->reaper_wakes = until;
    if (until == DEADLINE_NEVER) {
        (void)pthread_cond_wait(&pool->wake, &pool->mutex);
        return;
    }
    struct timespec moment = {.tv_sec = (time_t)(until / 1000), .tv_nsec = (long)(until % 1000) * 1000000};
    (void)pthread_cond_timedwait(&pool->wake, &pool->mutex, &moment);
}

static void *reap(void *argument)
{
    struct pool *pool = argument;
    (void)pthread_mutex_lock(&pool->mutex);
    while (!pool->stop || pool->count > 0) {
        deadline next = pool->count > 0 ? at(pool, 0)->until : DEADLINE_NEVER;
        if (!pool->stop && !deadline_passed(next)) {
            sleep_until(pool, next);
            continue;
        }
        struct smtp_session *session = remove_oldest(pool);
        (void)pthread_mutex_unlock(&pool->mutex);
        session_end(session);
        (void)pthread_mutex_lock(&pool->mutex);
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/*
 * Without a reaper nothing is kept: a session must not outlive its time, nor its pool. The mutex is held.
 */
static bool have_reaper(struct pool *pool)
{
    if (!pool->has_reaper) {
        sigset_t all;
        sigset_t before;
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        pool->has_reaper = pthread_create(&pool->reaper, NULL, reap, pool) == 0;
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    return pool->has_reaper;
}

/* --- life --- */

static bool init_locks(struct pool *pool)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    bool ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&pool->wake, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    return ok && pthread_mutex_init(&pool->mutex, NULL) == 0;
}

struct pool *pool_new(size_t size, int64_t idle_ms)
{
    size_t octets = 0;
    if (__builtin_mul_overflow(size, sizeof(struct waiting), &octets) ||
        __builtin_add_overflow(octets, sizeof(struct pool), &octets)) {
        return NULL;
    }
    struct pool *pool = calloc(1, octets);
    if (pool == NULL || !init_locks(pool)) {
        free(pool);
        return NULL;
    }
    pool->size = size;
    pool->idle_ms = idle_ms;
    return pool;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&pool->mutex);
    pool->stop = true;
    (void)pthread_cond_signal(&pool->wake);
    (void)pthread_mutex_unlock(&pool->mutex);
}

void pool_free(struct pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pool_close(pool);
    if (pool->has_reaper) { /* without it nothing waits */
        (void)pthread_join(pool->reaper, NULL);
    }
    (void)pthread_cond_destroy(&pool->wake);
    (void)pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

/* --- use --- */

/* NULL when none waits. *late: its time is over, though the reaper has not come yet. */
static struct smtp_session *pop(struct pool *pool, bool *late)
{
    struct smtp_session *session = NULL;
    (void)pthread_mutex_lock(&pool->mutex);
    if (pool->count > 0) {
        session = remove_newest(pool);
        *late = deadline_passed(at(pool, pool->count)->until);
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return session;
}

struct smtp_session *pool_take(struct pool *pool, struct limit limit)
{
    struct smtp_session *session = NULL;
    bool late = false;
    while (pool != NULL && (session = pop(pool, &late)) != NULL) {
        if (!late && session_recheck(session, limit)) {
            return session;
        }
        session_end(session);
    }
    return NULL;
}

bool pool_put(struct pool *pool, struct smtp_session *session)
{
    struct smtp_session *longest = NULL;
    (void)pthread_mutex_lock(&pool->mutex);
    bool kept = !pool->stop && have_reaper(pool);
    if (kept) {
        longest = pool->count == pool->size ? remove_oldest(pool) : NULL;
        add_newest(pool, session);
        /* The others' times are over earlier, and then the reaper looks at all: no need to wake it for each
         * mail. */
        if (pool->reaper_wakes == DEADLINE_NEVER) {
            (void)pthread_cond_signal(&pool->wake);
        }
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    session_end(longest);
    return kept;
}

size_t pool_count(struct pool *pool)
{
    if (pool == NULL) {
        return 0;
    }
    (void)pthread_mutex_lock(&pool->mutex);
    size_t count = pool->count;
    (void)pthread_mutex_unlock(&pool->mutex);
    return count;
}
