/*
 * The two halves of the acceptor: connections that are there (acceptor.c), new ones (accept.c). All under the
 * lock.
 */
#ifndef FCGI_SMTP_HTTP_ACCEPTOR_H
#define FCGI_SMTP_HTTP_ACCEPTOR_H

#include "http/server.h"

#define FIRST_RECORD_MS 5000 /* for the octets of a first record, once one has come */
#define ACCEPT_PAUSE_MS 100  /* when the system has no descriptor or no memory for another connection */

struct acceptor {
    struct http_server *server;
    deadline accept_again;      /* the end of a pause; DEADLINE_NEVER: there is none */
    deadline stop_by;           /* the end of the shutdown; DEADLINE_NEVER: not stopping */
    bool cancelled;             /* stop_by has passed once */
    deadline log_refusal_at;    /* when a refused peer is worth a line again */
    struct idle_worker *chosen; /* to be woken once the lock is released */
};

void acceptor_pause(struct acceptor *acceptor, bool pause);

/*
 * Closes a connection without a request, unless one has come that the acceptor was not told of yet: that one
 * is served.
 */
void acceptor_end_idle(struct acceptor *acceptor, struct connection *connection);

void acceptor_new_connections(struct acceptor *acceptor);

/* Before the listening socket is closed: takes those who were told that they are connected. */
void acceptor_last_connections(struct acceptor *acceptor);

#endif
