#include "fcgi_smtp/deadline.h"

#include <limits.h>
#include <time.h>

deadline deadline_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (deadline)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

deadline deadline_add(deadline from, int64_t ms)
{
    deadline sum;
    return __builtin_add_overflow(from, ms, &sum) ? DEADLINE_NEVER : sum;
}

deadline deadline_after(int64_t ms)
{
    return deadline_add(deadline_now(), ms);
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
    /* The clock is read rounded down to a millisecond, so the difference is never too short. */
    deadline left = d - deadline_now();
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}
