/* What the acceptor and the workers share. Everything below `lock` is read and written under it. */
#ifndef FCGI_SMTP_HTTP_SERVER_INTERNAL_H
#define FCGI_SMTP_HTTP_SERVER_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/epoll.h>

#include "fcgi_smtp/http_server.h"
#include "http/connection.h"
#include "http/listener.h"

/* Threads beyond `workers`: however many deliveries hang, these serve what needs none. */
#define SERVER_EXTRA_THREADS 16

#define STOP_GRACE_MS 200  /* for idle connections when the server stops */
#define LINGER_MS     2000 /* for the peer to close after an answer that came before the body's end */
#define LINGER_OCTETS ((size_t)64 * 1024 * 1024) /* that are dropped meanwhile */

#define CONNECTION_IDLE_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLONESHOT)

/* A thread that has nothing to do, waiting to be woken; it lives on that thread's stack. */
struct idle_worker {
    struct idle_worker *next;
    sem_t wake;
};

struct http_server {
    /* Under lock, but for workers, which never changes. Without its pointers, but for allowed. */
    struct http_server_options options;
    struct http_network *allowed; /* the same as in options, owned */
    struct http_handler handler;
    struct listener listener; /* the acceptor's */
    int epoll_fd;
    int wake_fd; /* an eventfd in epoll: something for the acceptor to look at */
    atomic_bool stop_asked;

    pthread_mutex_t lock;
    struct idle_worker *idle; /* the latest first */
    struct connection_list lists[CONNECTION_STATES];
    struct connection_queue ready;   /* READING: a request to begin */
    struct connection_queue expired; /* WORKING: waited for a delivery in vain */
    unsigned delivering;
    deadline wake_at; /* when the acceptor wakes by itself */
    bool stopping;    /* no connection is kept any more */
    bool quit;        /* the threads are to end */
};

/* All with the lock held. */

size_t server_connections(const struct http_server *server);
size_t server_in_work(const struct http_server *server); /* those with a request */

/* Moves the connection to another state, which ends at due. Wakes the acceptor if it would sleep longer. */
void server_move(struct http_server *server, struct connection *connection, enum connection_state state,
                 deadline due);

/* Tells epoll what to wait for; EPOLLONESHOT is the caller's choice. False: no memory. */
bool server_watch(struct http_server *server, struct connection *connection, uint32_t events);
void server_unwatch(struct http_server *server, struct connection *connection);

/*
 * There is another job, or the end: takes a thread that is to be woken off the idle ones, before those in *chain. NULL
 * there means that all are busy; each looks for a job before it rests.
 */
void server_choose_worker(struct http_server *server, struct idle_worker **chain);

/* Without the lock, which they take at once: wakes the chosen ones. */
void server_wake_workers(struct idle_worker *chain);

/* Out of its list and of epoll, closed and freed. */
void server_close(struct http_server *server, struct connection *connection);

/* Without the lock; async-signal-safe. */
void server_wake_acceptor(const struct http_server *server);

/* acceptor.c: accepts, watches and times out until the server has stopped. True: no request is in work. */
bool acceptor_run(struct http_server *server);

/* workers.c: the body of every worker thread. */
void *worker_run(void *argument); /* a struct http_server */

#endif
