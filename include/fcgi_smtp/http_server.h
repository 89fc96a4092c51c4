/*
 * http_server: a FastCGI 1.0 responder (libfcgi) that serves requests from nginx with threads.
 *
 * One acceptor thread owns the listening socket and the idle connections; worker threads own requests. A
 * request passes through the handler in up to three calls: begin (read the body, decide), then, if it asked
 * for a delivery, deliver or overloaded, then finished when the answer is written. At most `workers` deliver
 * calls run at once; a request that waits for its turn costs no thread, so begin never waits behind a
 * delivery.
 */
#ifndef FCGI_SMTP_HTTP_SERVER_H
#define FCGI_SMTP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fcgi_smtp/err.h"
#include "fcgi_smtp/http_request.h"
#include "fcgi_smtp/http_response.h"

/* One entry of listen_allowed: an IPv4 or IPv6 network. */
struct http_network {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned prefix;     /* 0..128 */
};

/* Parses "192.0.2.7", "192.0.2.0/24", "::1", "2001:db8::/32"; host bits must be zero. */
bool http_network_parse(struct http_network *network, const char *text);

/* Whether an address, as REMOTE_ADDR gives it, is in one of the networks. False also if it is none. */
bool http_network_has(const struct http_network *networks, size_t count, const char *address);

struct http_server_options {
    const char *listen;                 /* unix:/path, A.B.C.D:PORT, [v6]:PORT; NULL: fd is used */
    int fd;                             /* a listening socket that was handed over; -1 if none */
    mode_t listen_mode;                 /* of a unix socket */
    const char *listen_group;           /* NULL: unchanged */
    const struct http_network *allowed; /* TCP peers; for a listening socket that was handed over too */
    size_t allowed_count;
    unsigned workers;
    unsigned connections;
    int64_t queue_wait_ms;
    int64_t idle_ms;
    int64_t read_time_ms; /* from the first octet of a request to the end of its body */
    int64_t shutdown_timeout_ms;
};

enum http_verdict {
    HTTP_ANSWER, /* the response is complete */
    /*
     * The body was read to HTTP_READ_END: call deliver when a worker is free, or overloaded after queue_wait.
     */
    HTTP_DELIVER
};

/* Called from worker threads, several at once; the calls for one request never overlap. */
struct http_handler {
    void *ctx;
    enum http_verdict (*begin)(void *ctx, struct http_request *request, struct http_response *response);
    void (*deliver)(void *ctx, struct http_request *request, struct http_response *response);
    void (*overloaded)(void *ctx, struct http_request *request, struct http_response *response);
    /* The answer is written (written) or the client was gone. Frees what http_request_data holds. Always
     * called. */
    void (*finished)(void *ctx, struct http_request *request, struct http_response *response, bool written);
    /*
     * shutdown_timeout has passed: every deliver call, running or still to come, shall answer at once. Called
     * once, from the thread of http_server_run. May be NULL.
     */
    void (*cancel)(void *ctx);
};

struct http_server;

/*
 * Binds and listens, or takes fd over; a failure leaves fd the caller's. NULL: the error says which address
 * and why.
 */
struct http_server *http_server_new(const struct http_server_options *options,
                                    const struct http_handler *handler, struct err *err);

/*
 * Takes from options what may change while it serves: allowed, which must come from malloc and is taken over,
 * connections and the times. Connections that are there stay, but wait for no longer than the new times, counted from now.
 * From any thread.
 */
void http_server_configure(struct http_server *server, const struct http_server_options *options);

#define HTTP_CANCEL_GRACE_MS 2000 /* for answers after the cancel call */

/*
 * Serves until http_server_stop. Then no connection is accepted, requests in work finish within
 * shutdown_timeout; what is then left is cancelled and has HTTP_CANCEL_GRACE_MS to answer. True if all did.
 * Starts and joins the threads; call it from one thread, once.
 *
 * Its threads block all signals, so that a handler in the calling thread can call http_server_stop. SIGPIPE
 * is ignored (by http_server_new). Every connection takes two descriptors.
 *
 * False: the error says why. Threads may be left that hang in a call of the handler, which therefore must
 * stay valid, as must the server: do not free it, end the process (_exit).
 */
bool http_server_run(struct http_server *server, struct err *err);

/* Asks for the end; async-signal-safe and callable from any thread, more than once. */
void http_server_stop(struct http_server *server);

void http_server_free(struct http_server *server); /* takes NULL */

/* Where it listens, as the options write it, with the port that was chosen for port 0. Valid until
 * http_server_free. */
const char *http_server_address(const struct http_server *server);

/* A snapshot of the server's state for health and log; each number is exact at some moment. */
struct http_server_counts {
    unsigned connections;
    unsigned waiting; /* requests that wait for a delivery worker */
    unsigned delivering;
};
struct http_server_counts http_server_counts(const struct http_server *server);

#endif
