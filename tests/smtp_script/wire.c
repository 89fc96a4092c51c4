/* Every wait is a poll for the socket and for the stop at once; after the stop, what is awaited has a grace
 * to come. */
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FLIGHT_MAX = 65536 };

static int64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void script_wire_init(struct script_wire *wire, int fd, int stop_fd, int64_t grace_ms,
                      struct script_record *record, size_t connection)
{
    *wire = (struct script_wire){
        .fd = fd, .stop_fd = stop_fd, .grace_ms = grace_ms, .record = record, .connection = connection};
}

void script_wire_ended(struct script_wire *wire, enum script_wire_end end, const char *detail)
{
    if (wire->end != SCRIPT_WIRE_OPEN) {
        return;
    }
    wire->end = end;
    if (end == SCRIPT_WIRE_EOF) {
        script_record_event(wire->record, wire->connection, "eof%s", detail);
    } else if (end == SCRIPT_WIRE_RESET) {
        wire->gone = true;
        script_record_event(wire->record, wire->connection, "reset%s", detail);
    }
}

/* -1 for ever; never more than an int takes. */
static int poll_time(int64_t until)
{
    if (until < 0) {
        return -1;
    }
    int64_t left = until - now_ms();
    return left <= 0 ? 0 : left > 1000000 ? 1000000 : (int)left;
}

bool script_wire_stopped(struct script_wire *wire)
{
    struct pollfd stop = {.fd = wire->stop_fd, .events = POLLIN};
    return wire->until != 0 || poll(&stop, 1, 0) == 1;
}

bool script_wire_poll(struct script_wire *wire, short events)
{
    for (;;) {
        struct pollfd polled[2] = {{.fd = wire->fd, .events = events},
                                   {.fd = wire->until == 0 ? wire->stop_fd : -1, .events = POLLIN}};
        int ready = poll(polled, 2, poll_time(wire->until == 0 ? -1 : wire->until));
        if (polled[0].revents != 0 && ready > 0) {
            return true;
        }
        if (polled[1].revents != 0 && ready > 0) {
            wire->until = now_ms() + wire->grace_ms;
        } else if (ready == 0 && wire->until != 0 && now_ms() >= wire->until) {
            return false;
        }
    }
}

bool script_wire_sleep(struct script_wire *wire, int64_t ms, bool with_peer)
{
    int64_t until = ms < 0 ? -1 : now_ms() + ms;
    for (;;) {
        struct pollfd polled[2] = {{.fd = wire->stop_fd, .events = POLLIN},
                                   {.fd = with_peer ? wire->fd : -1, .events = POLLRDHUP}};
        int ready = poll(polled, 2, poll_time(until));
        if (ready > 0) {
            return false;
        }
        if (until >= 0 && now_ms() >= until) {
            return true;
        }
    }
}

bool script_wire_readable(struct script_wire *wire, int64_t ms)
{
    int64_t until = now_ms() + ms;
    if (wire->ssl != NULL && SSL_pending(wire->ssl) > 0) {
        return true;
    }
    for (;;) {
        struct pollfd polled = {.fd = wire->fd, .events = POLLIN};
        if (poll(&polled, 1, poll_time(until)) == 1) {
            return true;
        }
        if (now_ms() >= until) {
            return false;
        }
    }
}

/* 0: nothing more, end is set. */
static size_t plain_read(struct script_wire *wire, void *data, size_t size)
{
    for (;;) {
        if (!script_wire_poll(wire, POLLIN)) {
            script_wire_ended(wire, SCRIPT_WIRE_STOPPED, "");
            return 0;
        }
        ssize_t got = recv(wire->fd, data, size, 0);
        if (got > 0) {
            return (size_t)got;
        }
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        script_wire_ended(wire, got == 0 ? SCRIPT_WIRE_EOF : SCRIPT_WIRE_RESET, "");
        return 0;
    }
}

bool script_wire_fill(struct script_wire *wire)
{
    if (wire->end != SCRIPT_WIRE_OPEN || wire->fd < 0) {
        return false;
    }
    if (wire->start > 0) {
        wire->in.size -= wire->start;
        wire->scanned -= wire->start;
        memmove(wire->in.data, wire->in.data + wire->start, wire->in.size);
        wire->start = 0;
    }
    unsigned char *space = script_bytes_space(&wire->in, FLIGHT_MAX);
    size_t got = wire->ssl == NULL ? plain_read(wire, space, FLIGHT_MAX)
                                   : script_wire_tls_read(wire, space, FLIGHT_MAX);
    if (got == 0) {
        return false;
    }
    wire->flight++;
    script_record_flight(wire->record, wire->connection, space, got);
    wire->in.size += got;
    return true;
}

size_t script_wire_line(struct script_wire *wire)
{
    for (;;) {
        size_t left = wire->in.size - wire->scanned;
        unsigned char *found = left == 0 ? NULL : memchr(wire->in.data + wire->scanned, '\n', left);
        if (found != NULL) {
            return (size_t)(found - (wire->in.data + wire->start)) + 1;
        }
        wire->scanned = wire->in.size;
        if (!script_wire_fill(wire)) {
            return 0;
        }
    }
}

void script_wire_take(struct script_wire *wire, size_t size)
{
    wire->start += size;
    wire->scanned = wire->start;
    wire->taken += size;
}

static size_t plain_write(struct script_wire *wire, const void *data, size_t size)
{
    for (;;) {
        ssize_t put = send(wire->fd, data, size, MSG_NOSIGNAL);
        if (put >= 0) {
            return (size_t)put;
        }
        bool again = errno == EAGAIN || errno == EINTR;
        if (!again || !script_wire_poll(wire, POLLOUT)) {
            wire->gone = true;
            return 0;
        }
    }
}

bool script_wire_send(struct script_wire *wire, const void *data, size_t size)
{
    const unsigned char *at = data;
    while (size > 0 && !wire->gone && wire->fd >= 0) {
        size_t put = wire->ssl == NULL ? plain_write(wire, at, size) : script_wire_tls_write(wire, at, size);
        at += put;
        size -= put;
    }
    return size == 0;
}

void script_wire_close(struct script_wire *wire, bool close_notify)
{
    if (wire->fd < 0) {
        return;
    }
    if (close_notify && wire->ssl != NULL && !wire->ssl_broken && !wire->gone) {
        SSL_shutdown(wire->ssl);
    }
    script_record_event(wire->record, wire->connection, "closed");
    close(wire->fd);
    wire->fd = -1;
    wire->gone = true;
}

void script_wire_reset(struct script_wire *wire)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    script_wire_close(wire, false);
}

void script_wire_free(struct script_wire *wire)
{
    script_wire_close(wire, true);
    SSL_free(wire->ssl);
    script_bytes_free(&wire->in);
}
