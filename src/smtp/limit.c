/*
 * Every wait of the client is one poll, so one more descriptor in it is all that cancelling takes.
 */
#include "smtp/limit.h"

#include <errno.h>

static bool is_cancelled(int cancel_fd)
{
    struct pollfd polled = {.fd = cancel_fd, .events = POLLIN};
    return cancel_fd >= 0 && poll(&polled, 1, 0) > 0;
}

bool limit_passed(struct limit limit)
{
    return deadline_passed(limit.until) || is_cancelled(limit.cancel_fd);
}

struct limit limit_by(struct limit limit, deadline until)
{
    return (struct limit){deadline_min(limit.until, until), limit.cancel_fd};
}

int limit_poll(struct pollfd *polled, size_t count, struct limit limit)
{
    polled[count] = (struct pollfd){.fd = limit.cancel_fd, .events = POLLIN}; /* poll skips -1 */
    int ready = 0;
    do {
        ready = poll(polled, count + 1, deadline_poll_ms(limit.until));
    } while (ready < 0 && errno == EINTR && !deadline_passed(limit.until));
    if (ready < 0) {
        return errno == EINTR ? 0 : -1;
    }
    return polled[count].revents != 0 ? 0 : ready;
}
