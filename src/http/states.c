/*
 * Moving connections between their states. Whoever moves one holds the lock, so that the acceptor can act on
 * a connection that a worker owns (shut it down when it is late) without ever meeting a descriptor that is
 * closed or somebody else's by now.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "http/server.h"

size_t server_connections(const struct http_server *server)
{
    size_t count = 0;
    for (size_t state = 0; state < CONNECTION_STATES; state++) {
        count += server->lists[state].count;
    }
    return count;
}

size_t server_in_work(const struct http_server *server)
{
    return server->lists[CONNECTION_READING].count + server->lists[CONNECTION_WAITING].count +
           server->lists[CONNECTION_WORKING].count;
}

void server_move(struct http_server *server, struct connection *connection, enum connection_state state,
                 deadline due)
{
    connection_list_remove(&server->lists[connection->state], connection);
    connection->state = state;
    connection->due = due;
    connection_list_insert(&server->lists[state], connection);
    if (due < server->wake_at) {
        server_wake_acceptor(server);
    }
}

bool server_watch(struct http_server *server, struct connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    int operation = connection->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(server->epoll_fd, operation, connection->fd, &event) != 0) {
        return false;
    }
    connection->watched = true;
    return true;
}

void server_unwatch(struct http_server *server, struct connection *connection)
{
    if (connection->watched) {
        /* Closing would not do: libfcgi's dup keeps the open file, and epoll goes by that. */
        epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
        connection->watched = false;
    }
}

void server_close(struct http_server *server, struct connection *connection)
{
    server_unwatch(server, connection);
    connection_list_remove(&server->lists[connection->state], connection);
    connection_free(connection);
}

void server_choose_worker(struct http_server *server, struct idle_worker **chain)
{
    struct idle_worker *chosen = server->idle;
    if (chosen != NULL) {
        server->idle = chosen->next;
        chosen->next = *chain;
        *chain = chosen;
    }
}

void server_wake_workers(struct idle_worker *chain)
{
    while (chain != NULL) {
        struct idle_worker *next = chain->next; /* once it is awake it is not ours to read */
        (void)sem_post(&chain->wake);
        chain = next;
    }
}

void server_wake_acceptor(const struct http_server *server)
{
    int saved = errno;
    static const uint64_t one = 1;
    ssize_t written = write(server->wake_fd, &one, sizeof one); /* EAGAIN: it is awake already */
    (void)written;
    errno = saved;
}
