/* Taking new connections: who may connect, how many, and what to do when descriptors run out. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fcgi_smtp/log.h"
#include "http/acceptor.h"
#include "http/network.h"

#define ACCEPTS_PER_ROUND 64
#define ACCEPTS_AT_STOP   1024 /* as many as the backlog holds */
#define SEND_TIMEOUT_S    10   /* without any progress */
#define REFUSAL_LOG_MS    1000

static bool peer_ok(struct acceptor *acceptor, const struct http_address *peer)
{
    const struct http_server *server = acceptor->server;
    if (!server->listener.tcp ||
        network_allows(server->options.allowed, server->options.allowed_count, &peer->any)) {
        return true;
    }
    if (deadline_passed(acceptor->log_refusal_at)) { /* or a stranger could fill the log */
        log_message(LOG_LEVEL_WARNING,
                    "refused a FastCGI connection from a peer that is not in listen_allowed");
        acceptor->log_refusal_at = deadline_after(REFUSAL_LOG_MS);
    }
    return false;
}

static bool make_room(struct acceptor *acceptor)
{
    struct http_server *server = acceptor->server;
    while (server_connections(server) >= server->options.connections) {
        if (server->lists[CONNECTION_IDLE].first == NULL) {
            return false;
        }
        acceptor_end_idle(acceptor, server->lists[CONNECTION_IDLE].first);
    }
    return true;
}

static void set_options(const struct http_server *server, int fd)
{
    static const struct timeval send_timeout = {.tv_sec = SEND_TIMEOUT_S};
    static const int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send_timeout, sizeof send_timeout);
    if (server->listener.tcp) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
}

/* False: out of descriptors or memory; fd stays the caller's. */
static bool park_new(struct http_server *server, int fd)
{
    struct connection *connection = connection_new(fd);
    if (connection == NULL) {
        return false;
    }
    set_options(server, fd);
    connection->state = CONNECTION_IDLE;
    connection->due = deadline_after(server->options.idle_ms);
    connection_list_insert(&server->lists[CONNECTION_IDLE], connection);
    if (!server_watch(server, connection, CONNECTION_IDLE_EVENTS)) {
        server_close(server, connection);
    }
    return true;
}

/* Gives a descriptor back to the system, if any can be spared, and waits a moment before the next try. */
static void out_of_descriptors(struct acceptor *acceptor)
{
    struct http_server *server = acceptor->server;
    if (server->lists[CONNECTION_IDLE].first != NULL) {
        acceptor_end_idle(acceptor, server->lists[CONNECTION_IDLE].first);
    }
    acceptor_pause(acceptor, true);
    log_message(LOG_LEVEL_WARNING, "no descriptors for another FastCGI connection");
}

/* accept(2) wants a descriptor before it looks, so without one it fails also when nobody is there to be accepted. */
static bool somebody_waits(const struct acceptor *acceptor)
{
    struct pollfd listener = {.fd = acceptor->server->listener.fd, .events = POLLIN};
    return poll(&listener, 1, 0) > 0;
}

/*
 * accept(2): errors of a connection that is gone already are no reason to stop. False: nothing more can be
 * accepted now.
 */
static bool accept_failed(struct acceptor *acceptor, int error)
{
    if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
        if (somebody_waits(acceptor)) {
            out_of_descriptors(acceptor);
        }
        return false;
    }
    return error != EAGAIN && error != EBADF && error != EINVAL && error != ENOTSOCK;
}

static bool accept_one(struct acceptor *acceptor)
{
    struct http_address peer;
    int fd = listener_accept(&acceptor->server->listener, &peer);
    if (fd < 0) {
        return accept_failed(acceptor, errno);
    }
    if (!peer_ok(acceptor, &peer) || !make_room(acceptor)) {
        close(fd);
        return true;
    }
    if (!park_new(acceptor->server, fd)) {
        close(fd);
        out_of_descriptors(acceptor);
        return false;
    }
    return true;
}

void acceptor_new_connections(struct acceptor *acceptor)
{
    for (int i = 0; i < ACCEPTS_PER_ROUND && accept_one(acceptor); i++) {
    }
}

void acceptor_last_connections(struct acceptor *acceptor)
{
    struct listener *listener = &acceptor->server->listener;
    if (listener->taken) {
        return; /* they may be another process's, or a successor's */
    }
    listener_hide(listener);
    for (int i = 0; i < ACCEPTS_AT_STOP && accept_one(acceptor); i++) {
    }
}
