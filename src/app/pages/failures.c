/*
 * A ring, copied out under its lock, so that a page is written without it.
 */
#include "app/pages/failures.h"

#include <string.h>

#include "app/redact.h"
#include "fcgi_smtp/err.h"

void failures_init(struct failures *failures)
{
    memset(failures, 0, sizeof *failures);
    (void)pthread_mutex_init(&failures->mutex, NULL); /* cannot fail with glibc */
}

void failures_free(struct failures *failures)
{
    (void)pthread_mutex_destroy(&failures->mutex);
}

void failures_add(struct failures *failures, const struct failure *failure, const char *reason)
{
    struct failure kept = *failure;
    redact_addresses(slice_of(reason), kept.reason, sizeof kept.reason);
    err_make_printable(kept.reason, strlen(kept.reason)); /* it may be cut inside a character */
    (void)pthread_mutex_lock(&failures->mutex);
    failures->items[failures->next] = kept;
    failures->next = (failures->next + 1) % FAILURES_KEPT;
    failures->count += failures->count < FAILURES_KEPT ? 1 : 0;
    (void)pthread_mutex_unlock(&failures->mutex);
}

size_t failures_copy(struct failures *failures, struct failure out[FAILURES_KEPT])
{
    (void)pthread_mutex_lock(&failures->mutex);
    size_t count = failures->count;
    for (size_t i = 0; i < count; i++) {
        out[i] = failures->items[(failures->next + FAILURES_KEPT - 1 - i) % FAILURES_KEPT];
    }
    (void)pthread_mutex_unlock(&failures->mutex);
    return count;
}
