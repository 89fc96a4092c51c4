/*
 * The acceptor owns the listening socket and every connection without a request in work. It peeks at a
 * connection's first record before libfcgi may read it, because some record lengths make libfcgi abort the
 * process.
 *
 * In one round the events of connections come before that of the listening socket: only the latter can close
 * another connection (to make room), whose own event has then been seen already.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi_smtp/log.h"
#include "http/acceptor.h"

#define EVENTS_PER_ROUND 64

static void listen_watch(struct acceptor *acceptor, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = &acceptor->server->listener};
    epoll_ctl(acceptor->server->epoll_fd, operation, acceptor->server->listener.fd, &event);
}

void acceptor_pause(struct acceptor *acceptor, bool pause)
{
    listen_watch(acceptor, EPOLL_CTL_MOD, pause ? 0 : EPOLLIN);
    acceptor->accept_again = pause ? deadline_after(ACCEPT_PAUSE_MS) : DEADLINE_NEVER;
}

enum first_record { FIRST_NONE, FIRST_PARTIAL, FIRST_REQUEST, FIRST_CLOSED, FIRST_GARBAGE };

static enum first_record peek_first_record(const struct connection *connection)
{
    unsigned char record[RESPONDER_FIRST_RECORD];
    ssize_t got = recv(connection->fd, record, sizeof record, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR ? FIRST_NONE : FIRST_CLOSED;
    }
    if (got == 0) {
        return FIRST_CLOSED;
    }
    if (got < (ssize_t)sizeof record) {
        return FIRST_PARTIAL;
    }
    return responder_first_record_ok(record) ? FIRST_REQUEST : FIRST_GARBAGE;
}

/* Hands the request that begins over to the threads. epoll must be silent about the connection. */
static void dispatch(struct acceptor *acceptor, struct connection *connection, deadline begun_at)
{
    struct http_server *server = acceptor->server;
    connection->begun_at = begun_at;
    connection->late = false;
    server_move(server, connection, CONNECTION_READING, deadline_add(begun_at, server->options.read_time_ms));
    connection_queue_push(&server->ready, connection);
    server_choose_worker(server, &acceptor->chosen);
}

/*
 * Reported once and then only for further octets (EPOLLET), or a single octet would keep the acceptor
 * spinning.
 */
static void await_rest(struct acceptor *acceptor, struct connection *connection)
{
    if (connection->state == CONNECTION_PARTIAL) {
        return;
    }
    connection->begun_at = deadline_now();
    server_move(acceptor->server, connection, CONNECTION_PARTIAL,
                deadline_add(connection->begun_at, FIRST_RECORD_MS));
    if (!server_watch(acceptor->server, connection, EPOLLIN | EPOLLRDHUP | EPOLLET)) {
        server_close(acceptor->server, connection);
    }
}

/* Something happened on a connection without a request. */
static void first_octets(struct acceptor *acceptor, struct connection *connection, enum first_record found,
                         uint32_t events)
{
    struct http_server *server = acceptor->server;
    bool partial = connection->state == CONNECTION_PARTIAL;
    switch (found) {
    case FIRST_REQUEST:
        if (partial) {
            server_unwatch(server, connection); /* its events are not EPOLLONESHOT */
        }
        dispatch(acceptor, connection, partial ? connection->begun_at : deadline_now());
        break;
    case FIRST_PARTIAL:
        if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
            server_close(server, connection); /* the rest will never come */
        } else {
            await_rest(acceptor, connection);
        }
        break;
    case FIRST_NONE:
        if (!partial && !server_watch(server, connection, CONNECTION_IDLE_EVENTS)) {
            server_close(server, connection);
        }
        break;
    case FIRST_GARBAGE:
        log_message(LOG_LEVEL_DEBUG,
                    "closed a FastCGI connection that began with something else than a request");
        server_close(server, connection);
        break;
    case FIRST_CLOSED:
        server_close(server, connection);
        break;
    }
}

void acceptor_end_idle(struct acceptor *acceptor, struct connection *connection)
{
    if (peek_first_record(connection) == FIRST_REQUEST) {
        server_unwatch(acceptor->server, connection);
        dispatch(acceptor, connection, deadline_now());
    } else {
        server_close(acceptor->server, connection);
    }
}

/* Reads and drops what the peer of an answered connection still sends. True: it may send more. */
static bool drop_octets(struct connection *connection)
{
    char waste[16 * 1024];
    for (int reads = 0; reads < 4; reads++) { /* then others have their turn */
        ssize_t got = recv(connection->fd, waste, sizeof waste, MSG_DONTWAIT);
        if (got <= 0) {
            return got < 0 && (errno == EAGAIN || errno == EINTR);
        }
        connection->dropped += (size_t)got;
    }
    return connection->dropped <= LINGER_OCTETS;
}

static void linger(struct acceptor *acceptor, struct connection *connection)
{
    if (!drop_octets(connection) || !server_watch(acceptor->server, connection, EPOLLIN | EPOLLONESHOT)) {
        server_close(acceptor->server, connection);
    }
}

static void expire_waiting(struct acceptor *acceptor, struct connection *connection)
{
    struct http_server *server = acceptor->server;
    server_move(server, connection, CONNECTION_WORKING, DEADLINE_NEVER);
    connection_queue_push(&server->expired, connection);
    server_choose_worker(server, &acceptor->chosen);
}

/*
 * Shut down for reading, the rest of the request looks cut off to whoever reads it, and can still be
 * answered.
 */
static void expire_reading(struct acceptor *acceptor, struct connection *connection)
{
    connection->late = true;
    shutdown(connection->fd, SHUT_RD);
    server_move(acceptor->server, connection, CONNECTION_WORKING, DEADLINE_NEVER);
}

static void expire_lingering(struct acceptor *acceptor, struct connection *connection)
{
    (void)drop_octets(connection);
    server_close(acceptor->server, connection);
}

static void expire_parked(struct acceptor *acceptor, struct connection *connection)
{
    acceptor_end_idle(acceptor, connection);
}

static void timers(struct acceptor *acceptor)
{
    static void (*const expire[CONNECTION_STATES])(struct acceptor *, struct connection *) = {
        [CONNECTION_IDLE] = expire_parked,         [CONNECTION_PARTIAL] = expire_parked,
        [CONNECTION_LINGERING] = expire_lingering, [CONNECTION_READING] = expire_reading,
        [CONNECTION_WAITING] = expire_waiting,
    };
    deadline now = deadline_now();
    for (size_t state = 0; state < CONNECTION_STATES; state++) {
        struct connection_list *list = &acceptor->server->lists[state];
        while (list->first != NULL && list->first->due <= now) {
            expire[state](acceptor, list->first);
        }
    }
    if (acceptor->accept_again <= now) {
        acceptor_pause(acceptor, false);
    }
}

/*
 * Idle connections are not closed at once: nginx may be about to send on one of them. What comes within the
 * grace is served, and then the connection ends together with the answer, which nginx sees before it takes
 * the connection for another request.
 */
static void stop(struct acceptor *acceptor)
{
    struct http_server *server = acceptor->server;
    server->stopping = true;
    acceptor->stop_by = deadline_after(server->options.shutdown_timeout_ms);
    listen_watch(acceptor, EPOLL_CTL_DEL, 0); /* closing would not do when others hold the socket, too */
    acceptor_last_connections(acceptor);
    listener_close(&server->listener);
    acceptor->accept_again = DEADLINE_NEVER;
    deadline grace = deadline_after(STOP_GRACE_MS);
    for (struct connection *idle = server->lists[CONNECTION_IDLE].first; idle != NULL; idle = idle->next) {
        idle->due = deadline_min(idle->due, grace); /* the list stays in order */
    }
}

/* What has not ended by itself is ended: each request still gets its answer. */
static void cancel(struct acceptor *acceptor)
{
    struct http_server *server = acceptor->server;
    acceptor->cancelled = true;
    acceptor->stop_by = deadline_after(HTTP_CANCEL_GRACE_MS);
    if (server->handler.cancel != NULL) {
        pthread_mutex_unlock(&server->lock); /* as with all calls of the handler */
        server->handler.cancel(server->handler.ctx);
        pthread_mutex_lock(&server->lock);
    }
    while (server->lists[CONNECTION_READING].first != NULL) {
        expire_reading(acceptor, server->lists[CONNECTION_READING].first);
    }
    while (server->lists[CONNECTION_WAITING].first != NULL) {
        expire_waiting(acceptor, server->lists[CONNECTION_WAITING].first);
    }
}

static void wake_read(const struct http_server *server)
{
    uint64_t count;
    ssize_t got = read(server->wake_fd, &count, sizeof count); /* EAGAIN: it was read already */
    (void)got;
}

static bool is_connection(const struct http_server *server, const struct epoll_event *event)
{
    return event->data.ptr != &server->wake_fd && event->data.ptr != &server->listener;
}

/*
 * What happened in one round. Connections are peeked at before the lock is taken, or the workers would wait for the
 * system: one with an event has no other owner, so its descriptor stays.
 */
struct round {
    int count;
    struct epoll_event events[EVENTS_PER_ROUND];
    enum first_record found[EVENTS_PER_ROUND];
};

static void await_round(struct acceptor *acceptor, struct round *round, int timeout)
{
    const struct http_server *server = acceptor->server;
    round->count = epoll_wait(server->epoll_fd, round->events, EVENTS_PER_ROUND, timeout);
    for (int i = 0; i < round->count; i++) {
        if (is_connection(server, &round->events[i])) {
            round->found[i] = peek_first_record(round->events[i].data.ptr);
        }
    }
}

static void handle(struct acceptor *acceptor, const struct round *round)
{
    struct http_server *server = acceptor->server;
    bool accept = false;
    for (int i = 0; i < round->count; i++) {
        const struct epoll_event *event = &round->events[i];
        struct connection *connection = event->data.ptr;
        if (event->data.ptr == &server->wake_fd) {
            wake_read(server);
        } else if (event->data.ptr == &server->listener) {
            accept = true;
        } else if (connection->state == CONNECTION_LINGERING) {
            linger(acceptor, connection);
        } else {
            first_octets(acceptor, connection, round->found[i], event->events);
        }
    }
    if (accept) {
        acceptor_new_connections(acceptor);
    }
    timers(acceptor);
    if (atomic_load(&server->stop_asked) && !server->stopping) {
        stop(acceptor);
    }
    if (!acceptor->cancelled && deadline_passed(acceptor->stop_by)) {
        cancel(acceptor);
    }
}

static int sleep_ms(const struct acceptor *acceptor)
{
    struct http_server *server = acceptor->server;
    server->wake_at = deadline_min(acceptor->accept_again, acceptor->stop_by);
    for (size_t state = 0; state < CONNECTION_STATES; state++) {
        const struct connection *first = server->lists[state].first;
        server->wake_at = deadline_min(server->wake_at, first != NULL ? first->due : DEADLINE_NEVER);
    }
    return deadline_poll_ms(server->wake_at);
}

static bool ended(const struct acceptor *acceptor)
{
    struct http_server *server = acceptor->server;
    bool overdue = acceptor->cancelled && deadline_passed(acceptor->stop_by);
    return server->stopping && (server_connections(server) == 0 || overdue);
}

/* The lock; threads that were woken under it would only wait for it. */
static void release(struct acceptor *acceptor)
{
    struct idle_worker *chosen = acceptor->chosen;
    acceptor->chosen = NULL;
    pthread_mutex_unlock(&acceptor->server->lock);
    server_wake_workers(chosen);
}

bool acceptor_run(struct http_server *server)
{
    struct acceptor acceptor = {
        .server = server, .accept_again = DEADLINE_NEVER, .stop_by = DEADLINE_NEVER, .log_refusal_at = 0};
    struct round round;
    listen_watch(&acceptor, EPOLL_CTL_ADD, EPOLLIN);
    pthread_mutex_lock(&server->lock);
    while (!ended(&acceptor)) {
        int timeout = sleep_ms(&acceptor);
        release(&acceptor);
        await_round(&acceptor, &round, timeout);
        pthread_mutex_lock(&server->lock);
        server->wake_at = 0; /* awake */
        handle(&acceptor, &round);
    }
    for (enum connection_state state = CONNECTION_IDLE; state <= CONNECTION_LINGERING; state++) {
        while (server->lists[state].first != NULL) {
            server_close(server, server->lists[state].first);
        }
    }
    bool done = server_in_work(server) == 0;
    release(&acceptor);
    return done;
}
