/*
 * syslog(3) is not used: it waits for the system's log for ever, with a lock held, and a daemon that hangs would hang us.
 * What it does besides is little: a datagram to /dev/log. The time is left out of it, because the receiver adds its own.
 */
#include "core/log_output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "fcgi_smtp/deadline.h"

static struct {
    pthread_mutex_t mutex; /* guards all below it, and keeps the lines of several threads apart */
    enum log_target target;
    int socket; /* -1: none */
    struct sockaddr_un syslog;
    bool stalled; /* the last line found no room */
    bool torn;    /* it was written in part: the next one begins with a line end */
} output = {.mutex = PTHREAD_MUTEX_INITIALIZER, .target = LOG_TO_STDERR, .socket = -1};

static bool connect_syslog(void)
{
    const struct sockaddr *address = (const struct sockaddr *)(const void *)&output.syslog;
    return output.socket >= 0 && connect(output.socket, address, sizeof output.syslog) == 0;
}

bool log_output_open(enum log_target target, const char *socket_path)
{
    (void)pthread_mutex_lock(&output.mutex);
    if (output.socket >= 0) {
        (void)close(output.socket);
    }
    output.socket = -1;
    output.target = target;
    output.stalled = false;
    bool good = true;
    if (target == LOG_TO_SYSLOG) { /* now, since a sandbox may forbid it later */
        output.syslog = (struct sockaddr_un){.sun_family = AF_UNIX};
        (void)snprintf(output.syslog.sun_path, sizeof output.syslog.sun_path, "%s", socket_path);
        output.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        good = connect_syslog();
    }
    int saved = errno;
    (void)pthread_mutex_unlock(&output.mutex);
    errno = saved;
    return good;
}

static bool has_room(int fd, deadline until)
{
    struct pollfd polled = {.fd = fd, .events = POLLOUT};
    int ready;
    do {
        ready = poll(&polled, 1, deadline_poll_ms(until));
    } while (ready < 0 && errno == EINTR && !deadline_passed(until));
    return ready > 0;
}

/* poll(2) promises room for PIPE_BUF octets of a pipe, so a write of no more does not wait; nor is it torn (pipe(7)). */
static bool write_octets(const char *octets, size_t len, deadline until)
{
    size_t done = 0;
    while (done < len) {
        size_t piece = len - done < PIPE_BUF ? len - done : PIPE_BUF;
        if (!has_room(STDERR_FILENO, until)) {
            output.stalled = true;
            break;
        }
        ssize_t n = write(STDERR_FILENO, octets + done, piece);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break; /* there is nowhere to say it */
        }
        done += (size_t)n;
    }
    output.torn = done < len && (done > 0 || output.torn);
    return done == len;
}

static bool write_stderr(const struct log_line *line, deadline until)
{
    return (!output.torn || write_octets("\n", 1, until)) && write_octets(line->text, line->len, until);
}

static bool send_datagram(struct msghdr *message, deadline until)
{
    for (;;) {
        if (sendmsg(output.socket, message, MSG_NOSIGNAL) >= 0) {
            return true;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return false;
        }
        if (!has_room(output.socket, until)) {
            output.stalled = true;
            return false;
        }
    }
}

static bool write_syslog(enum log_level level, const struct log_line *line, deadline until)
{
    static const int priorities[] = {[LOG_LEVEL_ERROR] = LOG_ERR,
                                     [LOG_LEVEL_WARNING] = LOG_WARNING,
                                     [LOG_LEVEL_INFO] = LOG_INFO,
                                     [LOG_LEVEL_DEBUG] = LOG_DEBUG};
    char head[64];
    int len =
        snprintf(head, sizeof head, "<%d>fcgi-smtp[%ld]: ", LOG_MAIL | priorities[level], (long)getpid());
    struct iovec parts[] = {{head, (size_t)len}, {(void *)line->text, line->len - 1}}; /* without the LF */
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (send_datagram(&message, until)) {
        return true;
    }
    /* A daemon that was started anew has another socket there. */
    return !output.stalled && connect_syslog() && send_datagram(&message, until);
}

bool log_output_write(enum log_level level, const struct log_line *line)
{
    (void)pthread_mutex_lock(&output.mutex);
    deadline until = deadline_after(output.stalled ? 0 : LOG_OUTPUT_PATIENCE_MS);
    output.stalled = false;
    bool good = output.target == LOG_TO_SYSLOG ? write_syslog(level, line, until) : write_stderr(line, until);
    (void)pthread_mutex_unlock(&output.mutex);
    return good;
}
