/*
 * responder: one FastCGI request in the responder role, as libfcgi reads and writes it.
 *
 * The only module that calls libfcgi. It never lets libfcgi accept, and gives it a descriptor that is a dup
 * of the connection's own: whatever libfcgi closes, the connection's descriptor stays valid until its owner
 * closes it.
 */
#ifndef FCGI_SMTP_HTTP_RESPONDER_H
#define FCGI_SMTP_HTTP_RESPONDER_H

#include <fcgiapp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi_smtp/deadline.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/slice.h"

#define RESPONDER_FIRST_RECORD 16 /* octets of an FCGI_BEGIN_REQUEST record without padding */

struct responder {
    FCGX_Request fcgi;
    bool tcp;
    bool keep;  /* the peer asked to keep the connection after this request (FCGI_KEEP_CONN) */
    bool ended; /* the end was written past libfcgi */
};

/* Starts libfcgi, which may be done again. SIGPIPE is ignored then; other signal actions are as before. */
bool responder_setup(struct err *err);

/* Whether a request begins here that libfcgi can be trusted with: FCGI_BEGIN_REQUEST, role responder. */
bool responder_first_record_ok(const unsigned char record[RESPONDER_FIRST_RECORD]);

/* Reads the request's parameters from fd (blocks). False: broken, or there is no memory; fd is closed then. */
bool responder_accept(struct responder *responder, int fd, bool tcp);

char *const *responder_params(const struct responder *responder); /* "NAME=value"..., NULL at the end */

/* What libfcgi reads at once: its own measure, and one for large bodies. */
#define RESPONDER_NARROW 8192
#define RESPONDER_WIDE   65536

/* Gives libfcgi a buffer of that size for the body. The old one is wiped. Without memory all stays as it is. */
void responder_resize(struct responder *responder, size_t size);

/* The next octets of the body, in libfcgi's buffer: valid until the next call. False: see responder_ended. */
bool responder_next(struct responder *responder, struct slice *octets);

enum responder_end {
    RESPONDER_OPEN,  /* more may come */
    RESPONDER_CLEAN, /* the empty FCGI_STDIN record was read */
    RESPONDER_BROKEN /* the peer vanished, aborted, or broke the protocol */
};
enum responder_end responder_ended(const struct responder *responder);

/*
 * Reads and drops what is left of the body: about limit octets, for about ms. A stream that stands still is
 * broken then.
 */
enum responder_end responder_drain(struct responder *responder, int64_t ms, size_t limit);

/*
 * Octets behind the request that libfcgi has already taken off the socket. They are lost when the request is
 * freed, so that such a connection must be closed. Also not 0 when libfcgi's buffer does not look as
 * expected.
 */
size_t responder_leftover(const struct responder *responder);

/* Appends to the answer. False: the peer is gone. */
bool responder_write(struct responder *responder, const void *octets, size_t len);

/*
 * Writes the rest of the answer and FCGI_END_REQUEST. False: the peer is gone. The parameters stay valid.
 *
 * part: nginx is not to use the connection again, although it asked to keep it. It is told so in the same write, since
 * it may have sent the next request before it sees that the connection is closed.
 */
bool responder_finish(struct responder *responder, bool part);

/* Wipes what is left of the body and frees the request. False: libfcgi has closed fd. */
bool responder_free(struct responder *responder);

#endif
