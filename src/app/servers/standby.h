/*
 * standby: in which order the servers of a list are tried.
 *
 * Shared by all requests, without a lock. A server that could not be connected to is tried last for a while, so that a
 * dead one costs its time once and not with every mail.
 */
#ifndef FCGI_SMTP_APP_STANDBY_H
#define FCGI_SMTP_APP_STANDBY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi_smtp/config.h"
#include "fcgi_smtp/deadline.h"

struct standby {
    const struct config *config;
    _Atomic int64_t *retry_at; /* deadlines, one for each of config->servers; 0: nothing is wrong with it */
};

/* False without memory. standby_free takes a zeroed one. */
bool standby_init(struct standby *standby, const struct config *config);
void standby_free(struct standby *standby);

/* What is known of a server in another one, from which it is taken along. */
void standby_carry(struct standby *standby, size_t server, const struct standby *from, size_t place);

/*
 * Puts the config->server.count servers of the list into order: those that are well as the configuration has them, then
 * the others likewise. When a server's time is over, the one request that finds it so is told to try it as if it were
 * well; for all others it counts as ill for another retry_after, unless standby_answered says otherwise.
 */
void standby_order(struct standby *standby, deadline now, size_t *order);

/* It could not be connected to; or it did answer, whatever that was. */
void standby_failed(struct standby *standby, size_t server, deadline now);
void standby_answered(struct standby *standby, size_t server);

#endif
