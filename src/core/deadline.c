/*
 * Milliseconds, because poll() and epoll_wait() take them. The clock is read rounded down; the difference to
 * a deadline, a whole number, is thereby rounded up, so that a wait for it never ends early.
 */
#include "fcgi_smtp/deadline.h"

#include <limits.h>
#include <time.h>

deadline deadline_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (deadline)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t deadline_clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

deadline deadline_after(int64_t ms)
{
    return deadline_add(deadline_now(), ms);
}

deadline deadline_add(deadline from, int64_t ms)
{
    deadline sum;
    if (from == DEADLINE_NEVER) {
        return DEADLINE_NEVER;
    }
    if (__builtin_add_overflow(from, ms, &sum)) {
        return ms > 0 ? DEADLINE_NEVER : INT64_MIN;
    }
    return sum;
}

deadline deadline_min(deadline a, deadline b)
{
    return a < b ? a : b;
}

bool deadline_passed(deadline d)
{
    return d != DEADLINE_NEVER && deadline_now() >= d;
}

int deadline_poll_ms(deadline d)
{
    if (d == DEADLINE_NEVER) {
        return -1;
    }
    deadline now = deadline_now();
    if (d <= now) {
        return 0;
    }
    return d - now > INT_MAX ? INT_MAX : (int)(d - now);
}
