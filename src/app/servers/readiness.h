/*
 * readiness: whether mail can be delivered now, as far as is known: whether the last delivery, or the last probe, got a
 * server's greeting.
 *
 * Thread-safe. Deliveries tell what they saw without a lock unless something has changed. A probe (connect, EHLO, QUIT;
 * the servers in order until one greets) runs in a thread of its own, that begins with the first question.
 */
#ifndef FCGI_SMTP_APP_READINESS_H
#define FCGI_SMTP_APP_READINESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/snapshot.h"
#include "fcgi_smtp/deadline.h"
#include "fcgi_smtp/smtp_client.h"

#define READINESS_FRESH_MS 10000 /* what is younger needs no probe; nor is one begun more often */
#define READINESS_WAIT_MS  800   /* that a question waits for a probe; Kubernetes gives up after 1 s */
#define READINESS_WAITERS  4     /* questions that wait at once: they hold threads */

enum readiness_state { READINESS_NOT_KNOWN, READINESS_NOT_READY, READINESS_READY };

struct readiness {
    struct snapshots *snapshots;
    _Atomic int state;       /* enum readiness_state; written with the mutex held */
    _Atomic int64_t seen_at; /* deadline: when it was last known; 0: never */

    pthread_mutex_t mutex;  /* guards all below it */
    pthread_cond_t changed; /* for the prober and who waits for it; by the monotonic clock */
    struct err reason;      /* why not */
    deadline probed_at;     /* when the last probe was begun; 0: there was none */
    bool probing;           /* a probe is wanted, or in work */
    bool renewed;           /* the one in work asks servers that may no longer be the configuration's */
    bool stop;
    unsigned waiters;
    bool has_prober;
    pthread_t prober;
    int cancel_fd; /* an eventfd: readable once probes must end; -1: none */
};

/* Of the servers of whatever snapshot is current. False without descriptors. */
bool readiness_init(struct readiness *readiness, struct snapshots *snapshots)
    __attribute__((warn_unused_result));

/* The servers are others now: what is known is no longer fresh, and a probe that is in work begins again with them. */
void readiness_renew(struct readiness *readiness);

/* Ends a probe that is in work and waits for its thread. Takes a zeroed one. */
void readiness_free(struct readiness *readiness);

/* A delivery to the configured servers has ended. */
void readiness_note(struct readiness *readiness, const struct smtp_outcome *outcome);

/*
 * What is known. Begins a probe if that is old, and where the answer is not "ready" waits for it a moment. err: why it is
 * not.
 */
enum readiness_state readiness_ask(struct readiness *readiness, struct err *err);

/* What is known, without doing anything about it. */
enum readiness_state readiness_known(const struct readiness *readiness);

#endif
