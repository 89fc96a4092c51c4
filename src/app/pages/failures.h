/*
 * failures: the last mails that could not be delivered, for the status page. Thread-safe; a lock is taken only when
 * something has failed. Texts hold no mail addresses.
 */
#ifndef FCGI_SMTP_APP_FAILURES_H
#define FCGI_SMTP_APP_FAILURES_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define FAILURES_KEPT       20
#define FAILURES_REASON_MAX 512 /* octets, the NUL included; likewise below */

struct failure {
    int64_t at; /* seconds since 1970 */
    int status;
    char route[16];
    char server[80]; /* "" if none was asked */
    char problem[40];
    char request_id[72];
    char reason[FAILURES_REASON_MAX];
};

struct failures {
    pthread_mutex_t mutex; /* guards all below it */
    struct failure items[FAILURES_KEPT];
    size_t next; /* where the next one goes */
    size_t count;
};

void failures_init(struct failures *failures);
void failures_free(struct failures *failures);

/* Keeps it, with addresses taken out of reason, in the place of the oldest one. */
void failures_add(struct failures *failures, const struct failure *failure, const char *reason);

/* Copies them, the newest first, and returns how many there are. */
size_t failures_copy(struct failures *failures, struct failure out[FAILURES_KEPT]);

#endif
