/*
 * deadline: an absolute moment of the monotonic clock, in milliseconds.
 *
 * Deadlines are passed down and never restarted, so a peer that drips one octet a second gains nothing.
 */
#ifndef FCGI_SMTP_DEADLINE_H
#define FCGI_SMTP_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

typedef int64_t deadline; /* ms of CLOCK_MONOTONIC */

#define DEADLINE_NEVER INT64_MAX

deadline deadline_now(void);
int64_t deadline_clock_us(void);                  /* the same clock in microseconds, to measure with */
deadline deadline_after(int64_t ms);              /* now + ms */
deadline deadline_add(deadline from, int64_t ms); /* saturates */
deadline deadline_min(deadline a, deadline b);
bool deadline_passed(deadline d);

/* What poll() and epoll_wait() take: ms left, rounded so that a wait never ends early; 0 when passed; -1 for
 * never. */
int deadline_poll_ms(deadline d);

#endif
