/*
 * limit: how long something may take: until a moment, or until a descriptor says that it is to end.
 */
#ifndef FCGI_SMTP_SMTP_LIMIT_H
#define FCGI_SMTP_SMTP_LIMIT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/deadline.h"

struct limit {
    deadline until;
    int cancel_fd; /* readable: as if until had passed; -1: there is none */
};

bool limit_passed(struct limit limit);

/* The same, but no later than until. */
struct limit limit_by(struct limit limit, deadline until);

/*
 * poll() within the limit. polled has room for one element behind count. Returns how many of the first count
 * are ready; 0 once the limit has passed; -1 with errno for an error. A signal does not end it.
 */
int limit_poll(struct pollfd *polled, size_t count, struct limit limit);

#endif
