/*
 * Two moves that never wait (read_some, write_some) and one wait (poll) make up everything here. Each move
 * says which event it lacks, because under TLS a read may need the socket to be writable and the other way
 * round.
 */
#include "smtp/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi_smtp/secret.h"

#define READ_SIZE 4096

/* What a move came to. */
enum move { MOVED, NEEDS_READABLE, NEEDS_WRITABLE, ENDED, NO_MEMORY };

void stream_init(struct stream *stream, int fd)
{
    memset(stream, 0, sizeof *stream);
    stream->fd = fd;
    buf_init(&stream->in, STREAM_IN_LIMIT);
    buf_init(&stream->out, STREAM_OUT_LIMIT);
    int flags = fcntl(fd, F_GETFL);
    (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* fails harmlessly on a unix socket */
}

void stream_close(struct stream *stream)
{
    if (stream->fd < 0) {
        return;
    }
    tls_free(stream->tls);
    stream->tls = NULL;
    (void)close(stream->fd);
    stream->fd = -1;
    buf_free(&stream->in);
    buf_free(&stream->out);
}

static void note_errno(struct stream *stream, int error)
{
    char text[128];
    err_set(&stream->why, "%s", strerror_r(error, text, sizeof text));
}

/* --- moves --- */

static enum move move_of_errno(struct stream *stream, enum move needs)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        return needs;
    }
    note_errno(stream, errno);
    return ENDED;
}

static enum move move_of_tls(struct stream *stream, enum tls_io io)
{
    switch (io) {
    case TLS_DONE:
        return MOVED;
    case TLS_WANT_READ:
        return NEEDS_READABLE;
    case TLS_WANT_WRITE:
        return NEEDS_WRITABLE;
    case TLS_FAILED:
        err_set(&stream->why, "TLS: %s", tls_last_error());
        return ENDED;
    case TLS_REFUSED:
        stream->refused = true;
        return ENDED;
    default:
        return ENDED;
    }
}

static enum move read_some(struct stream *stream)
{
    size_t room = stream->in.limit - stream->in.len;
    size_t want = room < READ_SIZE ? room : READ_SIZE;
    char *to = want > 0 ? buf_reserve(&stream->in, want) : NULL;
    if (to == NULL) {
        return NO_MEMORY;
    }
    size_t got = 0;
    if (stream->tls != NULL) {
        enum tls_io io = tls_read(stream->tls, to, want, &got, &stream->why);
        stream->in.len += io == TLS_DONE ? got : 0;
        return move_of_tls(stream, io);
    }
    ssize_t n = recv(stream->fd, to, want, 0);
    stream->in.len += n > 0 ? (size_t)n : 0;
    if (n == 0) {
        return ENDED;
    }
    return n > 0 ? MOVED : move_of_errno(stream, NEEDS_READABLE);
}

static enum move write_some(struct stream *stream)
{
    const char *from = stream->out.data + stream->sent;
    size_t len = stream_unsent(stream);
    size_t written = 0;
    if (stream->tls != NULL) {
        enum tls_io io = tls_write(stream->tls, from, len, &written);
        stream->sent += io == TLS_DONE ? written : 0;
        return move_of_tls(stream, io);
    }
    ssize_t n = send(stream->fd, from, len, MSG_NOSIGNAL);
    stream->sent += n > 0 ? (size_t)n : 0;
    return n >= 0 ? MOVED : move_of_errno(stream, NEEDS_WRITABLE);
}

/* --- waits --- */

static short event_of(enum move move)
{
    return move == NEEDS_WRITABLE ? POLLOUT : POLLIN;
}

static enum stream_result wait_for(struct stream *stream, short events, struct limit limit)
{
    struct pollfd polled[2] = {{.fd = stream->fd, .events = events}};
    int ready = limit_poll(polled, 1, limit);
    if (ready < 0) {
        note_errno(stream, errno);
        return STREAM_CLOSED;
    }
    return ready > 0 ? STREAM_OK : STREAM_TIMED_OUT;
}

static enum stream_result result_of(enum move move)
{
    return move == NO_MEMORY ? STREAM_NO_MEMORY : move == ENDED ? STREAM_CLOSED : STREAM_OK;
}

size_t stream_unsent(const struct stream *stream)
{
    return stream->out.len - stream->sent;
}

/* Takes in all that is there. The move that ended it: NEEDS_..., ENDED or NO_MEMORY. */
static enum move read_all(struct stream *stream)
{
    enum move move = MOVED;
    while (move == MOVED && stream->in.len < stream->in.limit) {
        move = read_some(stream);
    }
    return move == MOVED ? NO_MEMORY : move;
}

/* One round of a flush: writes, and if that stalls, reads, then waits for either. */
static enum stream_result flush_round(struct stream *stream, struct limit limit)
{
    enum move out = write_some(stream);
    if (out == MOVED) {
        return STREAM_OK;
    }
    enum move in = read_all(stream);
    if (out == ENDED || in == ENDED) {
        return STREAM_CLOSED; /* what the peer said before it went is in by now */
    }
    if (stream->in.len > 0) {
        return STREAM_INPUT;
    }
    return in == NO_MEMORY ? STREAM_NO_MEMORY
                           : wait_for(stream, (short)(event_of(out) | event_of(in)), limit);
}

enum stream_result stream_flush(struct stream *stream, struct limit limit)
{
    enum stream_result result = STREAM_OK;
    while (result == STREAM_OK && stream_unsent(stream) > 0) {
        /* The clock is looked at each time: a peer that takes one octet at a time never makes write_some
         * stall. */
        result = deadline_passed(limit.until) ? STREAM_TIMED_OUT : flush_round(stream, limit);
    }
    if (result == STREAM_OK) {
        buf_clear(&stream->out);
        stream->sent = 0;
    }
    return result;
}

void stream_try_flush(struct stream *stream)
{
    if (stream_unsent(stream) > 0) {
        (void)write_some(stream);
    }
}

static bool is_stalled(enum move move)
{
    return move == NEEDS_READABLE || move == NEEDS_WRITABLE;
}

/*
 * What is awaited is an answer, which is hardly ever there at once: a read before the wait would only cost a system
 * call. Under TLS there may be more in a record that was read already, which no wait would tell.
 */
enum stream_result stream_fill(struct stream *stream, struct limit limit)
{
    if (deadline_passed(limit.until)) {
        return STREAM_TIMED_OUT;
    }
    enum move move = stream->tls != NULL ? read_some(stream) : NEEDS_READABLE;
    enum stream_result waited = STREAM_OK;
    while (is_stalled(move) && waited == STREAM_OK) {
        waited = wait_for(stream, event_of(move), limit);
        move = read_some(stream); /* what has come counts, even if the wait was cancelled */
        if (deadline_passed(limit.until)) {
            waited = STREAM_TIMED_OUT; /* a peer that drips a record never makes the wait fail */
        }
    }
    return is_stalled(move) ? waited : result_of(move);
}

enum stream_result stream_poll(struct stream *stream)
{
    return read_all(stream) == ENDED ? STREAM_CLOSED : STREAM_OK;
}

enum stream_result stream_start_tls(struct stream *stream, struct tls_context *context, const char *host,
                                    struct limit limit)
{
    stream->tls = tls_new(context, stream->fd, host);
    if (stream->tls == NULL) {
        return STREAM_NO_MEMORY;
    }
    for (;;) {
        enum tls_io io = tls_handshake(stream->tls, &stream->why);
        if (io == TLS_DONE) {
            return STREAM_OK;
        }
        if (io == TLS_FAILED || io == TLS_CLOSED) {
            return STREAM_TLS_FAILED;
        }
        if (deadline_passed(limit.until)) {
            return STREAM_TIMED_OUT; /* as in stream_fill */
        }
        enum stream_result result = wait_for(stream, io == TLS_WANT_WRITE ? POLLOUT : POLLIN, limit);
        if (result != STREAM_OK) {
            return result == STREAM_TIMED_OUT ? result : STREAM_TLS_FAILED;
        }
    }
}

void stream_wipe_out(struct stream *stream)
{
    if (stream->out.data != NULL) {
        secret_wipe(stream->out.data, stream->out.cap);
    }
    buf_clear(&stream->out);
    stream->sent = 0;
}
