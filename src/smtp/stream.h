/*
 * stream: a connected, non-blocking socket, in clear or under TLS, whose waits all end at an absolute
 * deadline.
 *
 * Output is gathered in out and leaves in as few writes as possible (one per flight); while it leaves, what
 * the peer says is read into in, so that two full socket buffers cannot wait for each other.
 */
#ifndef FCGI_SMTP_SMTP_STREAM_H
#define FCGI_SMTP_SMTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/err.h"
#include "smtp/limit.h"
#include "smtp/tls.h"

/* Octets that were read and not yet taken; more stay with the peer. Whoever writes a long flight takes replies as they
 * come (stream_flush), so a few thousand of them need no more. */
#define STREAM_IN_LIMIT ((size_t)64 * 1024)

/* Octets of one flight. The longest has 10,000 recipients of 300 octets each and a message of the inline limit. */
#define STREAM_OUT_LIMIT ((size_t)16 * 1024 * 1024)

enum stream_result {
    STREAM_OK,
    STREAM_INPUT,      /* flush only: something was said before all was written */
    STREAM_CLOSED,     /* end of file or reset; in may still hold what was said before */
    STREAM_TIMED_OUT,  /* the limit */
    STREAM_TLS_FAILED, /* handshake only */
    STREAM_NO_MEMORY
};

struct stream {
    int fd; /* owned; -1 when closed */
    struct tls *tls;
    struct buf in;  /* read and not yet consumed (buf_consume) */
    struct buf out; /* to be written by the next flush */
    size_t sent;    /* octets of out that have left */
    bool refused;   /* CLOSED, because the server wants another certificate of ours than it got */
    struct err why; /* what the system or TLS said, when a result is not OK */
};

/* Takes the descriptor over: makes it non-blocking and switches Nagle's algorithm off. */
void stream_init(struct stream *stream, int fd);
void stream_close(struct stream *stream); /* takes a closed one; never waits */

/* The handshake as a client. host: what the certificate must be for. */
enum stream_result stream_start_tls(struct stream *stream, struct tls_context *context, const char *host,
                                    struct limit limit);

/*
 * Writes out. INPUT: the peer takes no more for now and has said something; take that from in and flush on. Once all was
 * written (OK), out is empty again.
 */
enum stream_result stream_flush(struct stream *stream, struct limit limit);
size_t stream_unsent(const struct stream *stream);

/* Writes of out what the socket takes at once; whether that was all is not said. */
void stream_try_flush(struct stream *stream);

/* Waits until in has more than it had. */
enum stream_result stream_fill(struct stream *stream, struct limit limit);

/* Takes in what is there already, without waiting: OK also if that is nothing, CLOSED at the end of file. */
enum stream_result stream_poll(struct stream *stream);

/* Overwrites what out held, for after a secret was flushed. */
void stream_wipe_out(struct stream *stream);

#endif
