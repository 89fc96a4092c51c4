/*
 * A probe may take as long as an unreachable server lets it, so nobody waits for its end but its own thread. Whoever asks
 * gets the last answer, and only where that is a bad one some patience: what asks (Kubernetes, a load balancer) wants to
 * hear of a good one soon.
 */
#include "app/servers/readiness.h"

#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define PROBE_TOTAL_MS 10000 /* for each server; less if its own timeouts.total is */

/* --- what is known --- */

static int state_of(const struct readiness *readiness)
{
    return atomic_load_explicit(&readiness->state, memory_order_relaxed);
}

enum readiness_state readiness_known(const struct readiness *readiness)
{
    return (enum readiness_state)state_of(readiness);
}

/* The mutex is held. reason: NULL if it is ready. */
static void publish(struct readiness *readiness, const struct err *reason)
{
    readiness->reason = reason != NULL ? *reason : (struct err){.text = ""};
    atomic_store_explicit(&readiness->state, reason != NULL ? READINESS_NOT_READY : READINESS_READY,
                          memory_order_relaxed);
    atomic_store_explicit(&readiness->seen_at, deadline_now(), memory_order_relaxed);
    (void)pthread_cond_broadcast(&readiness->changed);
}

enum evidence { SAYS_NOTHING, SAYS_READY, SAYS_NOT_READY };

/* A warm session that failed without a reply, and what went wrong here, say nothing of the server. */
static enum evidence judge(const struct smtp_outcome *outcome)
{
    bool talks =
        outcome->class == SMTP_ACCEPTED || outcome->greeted || (outcome->reused && outcome->reply.code != 0);
    if (talks) {
        return SAYS_READY;
    }
    return outcome->reused || outcome->class == SMTP_LOCAL_FAILURE ? SAYS_NOTHING : SAYS_NOT_READY;
}

void readiness_note(struct readiness *readiness, const struct smtp_outcome *outcome)
{
    enum evidence evidence = judge(outcome);
    if (evidence == SAYS_NOTHING) {
        return;
    }
    if (evidence == SAYS_READY && state_of(readiness) == READINESS_READY) {
        atomic_store_explicit(&readiness->seen_at, deadline_now(), memory_order_relaxed);
        return;
    }
    (void)pthread_mutex_lock(&readiness->mutex);
    publish(readiness, evidence == SAYS_READY ? NULL : &outcome->err);
    (void)pthread_mutex_unlock(&readiness->mutex);
}

/* --- the prober --- */

static bool probe_server(const struct readiness *readiness, const struct snapshot *snapshot, size_t server,
                         struct err *reason)
{
    const struct config_server *settings = &snapshot->config->servers[server];
    int64_t total = settings->timeouts.total < PROBE_TOTAL_MS ? settings->timeouts.total : PROBE_TOTAL_MS;
    const struct smtp_probe probe = {.total = deadline_after(total), .cancel_fd = readiness->cancel_fd};
    struct smtp_outcome outcome;
    smtp_probe(snapshot->servers[server]->endpoint, &probe, &outcome);
    if (outcome.greeted) {
        return true;
    }
    err_set(reason, "%s%s%s", reason->text, reason->text[0] != '\0' ? "; " : "", outcome.err.text);
    return false;
}

static bool probe_servers(const struct readiness *readiness, struct err *reason)
{
    struct snapshot *snapshot = snapshots_take(readiness->snapshots);
    const struct config_indexes *list = &snapshot->config->server;
    bool ready = false;
    for (size_t i = 0; i < list->count && !ready; i++) {
        ready = probe_server(readiness, snapshot, list->items[i], reason);
    }
    snapshot_release(snapshot);
    return ready;
}

/* The mutex is held. A probe that was told to end for the sake of others must not end the next one. */
static bool begin_again(struct readiness *readiness)
{
    uint64_t count = 0;
    bool again = readiness->renewed && !readiness->stop;
    readiness->renewed = false;
    if (again) {
        (void)!read(readiness->cancel_fd, &count, sizeof count);
    }
    return again;
}

static void *run(void *argument)
{
    struct readiness *readiness = argument;
    (void)pthread_mutex_lock(&readiness->mutex);
    while (!readiness->stop) {
        if (!readiness->probing) {
            (void)pthread_cond_wait(&readiness->changed, &readiness->mutex);
            continue;
        }
        (void)pthread_mutex_unlock(&readiness->mutex);
        struct err reason = {.text = ""};
        bool ready = probe_servers(readiness, &reason);
        (void)pthread_mutex_lock(&readiness->mutex);
        if (begin_again(readiness)) {
            continue;
        }
        readiness->probing = false;
        publish(readiness, ready ? NULL : &reason);
    }
    (void)pthread_mutex_unlock(&readiness->mutex);
    return NULL;
}

/* The mutex is held. */
static bool have_prober(struct readiness *readiness)
{
    if (!readiness->has_prober) {
        sigset_t all;
        sigset_t before;
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        readiness->has_prober = pthread_create(&readiness->prober, NULL, run, readiness) == 0;
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    return readiness->has_prober;
}

/* --- asking; the mutex is held --- */

static bool is_due(const struct readiness *readiness)
{
    int64_t seen_at = atomic_load_explicit(&readiness->seen_at, memory_order_relaxed);
    bool fresh = seen_at != 0 && !deadline_passed(deadline_add(seen_at, READINESS_FRESH_MS));
    bool recent =
        readiness->probed_at != 0 && !deadline_passed(deadline_add(readiness->probed_at, READINESS_FRESH_MS));
    return !fresh && !recent && !readiness->probing;
}

static void begin_probe(struct readiness *readiness)
{
    if (is_due(readiness) && have_prober(readiness)) {
        readiness->probed_at = deadline_now();
        readiness->probing = true;
        (void)pthread_cond_broadcast(&readiness->changed);
    }
}

static void wait_for_probe(struct readiness *readiness)
{
    deadline until = deadline_after(READINESS_WAIT_MS);
    struct timespec moment = {.tv_sec = (time_t)(until / 1000), .tv_nsec = (long)(until % 1000) * 1000000};
    readiness->waiters++;
    while (readiness->probing && state_of(readiness) != READINESS_READY && !deadline_passed(until)) {
        (void)pthread_cond_timedwait(&readiness->changed, &readiness->mutex, &moment);
    }
    readiness->waiters--;
}

static void explain(const struct readiness *readiness, enum readiness_state state, struct err *err)
{
    if (state == READINESS_NOT_KNOWN) {
        err_set(err, "It is not yet known whether a mail server answers; ask again in some seconds");
    } else if (state == READINESS_NOT_READY) {
        err_set(err, "No mail server answers: %s", readiness->reason.text);
    }
}

enum readiness_state readiness_ask(struct readiness *readiness, struct err *err)
{
    (void)pthread_mutex_lock(&readiness->mutex);
    begin_probe(readiness);
    if (readiness->probing && state_of(readiness) != READINESS_READY &&
        readiness->waiters < READINESS_WAITERS) {
        wait_for_probe(readiness);
    }
    enum readiness_state state = readiness_known(readiness);
    explain(readiness, state, err);
    (void)pthread_mutex_unlock(&readiness->mutex);
    return state;
}

/* --- life --- */

void readiness_renew(struct readiness *readiness)
{
    (void)pthread_mutex_lock(&readiness->mutex);
    atomic_store_explicit(&readiness->seen_at, 0, memory_order_relaxed);
    readiness->probed_at = 0;
    if (readiness->probing) {
        readiness->renewed = true;
        (void)!write(readiness->cancel_fd, &(uint64_t){1}, sizeof(uint64_t));
    }
    (void)pthread_mutex_unlock(&readiness->mutex);
}

bool readiness_init(struct readiness *readiness, struct snapshots *snapshots)
{
    readiness->snapshots = snapshots;
    readiness->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_condattr_t attributes; /* none of these can fail with glibc */
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&readiness->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&readiness->mutex, NULL);
    return readiness->cancel_fd >= 0;
}

void readiness_free(struct readiness *readiness)
{
    if (readiness->snapshots == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&readiness->mutex);
    readiness->stop = true;
    (void)pthread_cond_broadcast(&readiness->changed);
    bool has_prober = readiness->has_prober;
    (void)pthread_mutex_unlock(&readiness->mutex);
    if (readiness->cancel_fd >= 0) {
        (void)!write(readiness->cancel_fd, &(uint64_t){1}, sizeof(uint64_t));
    }
    if (has_prober) {
        (void)pthread_join(readiness->prober, NULL);
    }
    if (readiness->cancel_fd >= 0) {
        (void)close(readiness->cancel_fd);
    }
    (void)pthread_cond_destroy(&readiness->changed);
    (void)pthread_mutex_destroy(&readiness->mutex);
    readiness->snapshots = NULL;
}
