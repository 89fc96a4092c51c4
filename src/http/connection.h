/*
 * connection: one FastCGI connection and the request on it.
 *
 * A connection has one state, and every state has its owner. Only the owner touches the connection; only the
 * state, the list links, the deadline and `late` are shared, under the server's lock.
 */
#ifndef FCGI_SMTP_HTTP_CONNECTION_H
#define FCGI_SMTP_HTTP_CONNECTION_H

#include "fcgi_smtp/deadline.h"
#include "fcgi_smtp/http_response.h"
#include "http/request.h"
#include "http/responder.h"

enum connection_state {
    CONNECTION_IDLE,      /* acceptor: between two requests; until idle_ms */
    CONNECTION_PARTIAL,   /* acceptor: a few octets of a first record came; until FIRST_RECORD_MS */
    CONNECTION_LINGERING, /* acceptor: answered; waits for the peer to close; until LINGER_MS */
    CONNECTION_READING,   /* queued for a worker, or a worker's: body to be read; until read_time_ms */
    CONNECTION_WAITING,   /* nobody: waits for a delivery; until queue_wait_ms */
    CONNECTION_WORKING,   /* a worker: body read, or the read deadline has passed; without a deadline */
    CONNECTION_STATES
};

struct connection {
    int fd;     /* closed with the connection, and never before: shutdown(fd) is always safe under the lock */
    int lib_fd; /* libfcgi's dup of fd; -1 when libfcgi has closed it */
    bool watched; /* fd is known to epoll */

    enum connection_state state;
    struct connection *prev, *next; /* in the list of the state, by deadline */
    struct connection *next_job;
    deadline due;  /* the end of the state */
    bool late;     /* the read deadline passed and the socket's reading side is shut down */
    bool has_slot; /* it is counted in the server's delivering; the worker's */

    deadline begun_at; /* the first octet of the request */
    size_t dropped;    /* octets read while lingering */
    struct responder responder;
    struct http_request request;
    struct http_response response;
};

/* The connections of one state, the earliest deadline first. */
struct connection_list {
    struct connection *first, *last;
    size_t count;
};

/* Connections that wait for a thread, the oldest first. */
struct connection_queue {
    struct connection *first, *last;
};

/* Inserts by deadline, searching from the end: deadlines of one state hardly ever come out of order. */
void connection_list_insert(struct connection_list *list, struct connection *connection);
void connection_list_remove(struct connection_list *list, struct connection *connection);

void connection_queue_push(struct connection_queue *queue, struct connection *connection);
struct connection *connection_queue_pop(struct connection_queue *queue); /* NULL: empty */

/* Takes over fd; NULL (no memory, no descriptors): fd stays the caller's. In no list yet. */
struct connection *connection_new(int fd);

/* Closes and frees. It must be in no list and not watched. */
void connection_free(struct connection *connection);

#endif
