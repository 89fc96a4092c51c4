/*
 * One acceptor and some threads. A connection between two requests costs no thread, because libfcgi would
 * block in reading from it: the acceptor watches all of them by epoll and hands over those on which a request
 * begins.
 */
#include "http/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static bool open_listener(struct http_server *server, const struct http_server_options *options,
                          struct err *err)
{
    if (options->fd >= 0) {
        return listener_take(&server->listener, options->fd, err);
    }
    if (options->listen == NULL) {
        err_set(err, "no address to listen on");
        return false;
    }
    return listener_open(&server->listener, options->listen, options->listen_mode, options->listen_group,
                         err);
}

static bool copy_options(struct http_server *server, const struct http_server_options *options,
                         struct err *err)
{
    server->options = *options;
    server->options.listen = NULL;
    server->options.listen_group = NULL;
    server->options.allowed = NULL;
    if (options->workers == 0 || options->connections == 0) {
        err_set(err, "workers and connections must be at least 1");
        return false;
    }
    if (options->allowed_count > 0) {
        server->allowed = calloc(options->allowed_count, sizeof *server->allowed);
        if (server->allowed == NULL) {
            err_set(err, "no memory");
            return false;
        }
        memcpy(server->allowed, options->allowed, options->allowed_count * sizeof *server->allowed);
    }
    server->options.allowed = server->allowed;
    return true;
}

static bool open_epoll(struct http_server *server, struct err *err)
{
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event wake = {.events = EPOLLIN, .data.ptr = &server->wake_fd};
    if (server->epoll_fd < 0 || server->wake_fd < 0 ||
        epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->wake_fd, &wake) != 0) {
        err_set(err, "cannot wait for connections: %s", strerror(errno));
        return false;
    }
    return true;
}

struct http_server *http_server_new(const struct http_server_options *options,
                                    const struct http_handler *handler, struct err *err)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        err_set(err, "no memory");
        return NULL;
    }
    server->handler = *handler;
    server->listener.fd = -1;
    server->epoll_fd = -1;
    server->wake_fd = -1;
    pthread_mutex_init(&server->lock, NULL);
    /*
     * The listening socket is the last that can fail: one that was handed over is taken only by a whole
     * server.
     */
    if (!copy_options(server, options, err) || !responder_setup(err) || !open_epoll(server, err) ||
        !open_listener(server, options, err)) {
        http_server_free(server);
        return NULL;
    }
    return server;
}

void http_server_free(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    listener_close(&server->listener);
    if (server->epoll_fd >= 0) {
        close(server->epoll_fd);
    }
    if (server->wake_fd >= 0) {
        close(server->wake_fd);
    }
    pthread_mutex_destroy(&server->lock);
    free(server->allowed);
    free(server);
}

/*
 * Signals go to the thread that called http_server_run, never to one of these. Returns how many could be
 * started.
 */
static unsigned start_threads(struct http_server *server, pthread_t *threads, unsigned count)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    unsigned started = 0;
    while (started < count && pthread_create(&threads[started], NULL, worker_run, server) == 0) {
        started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void quit_threads(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->quit = true;
    struct idle_worker *all = server->idle;
    server->idle = NULL;
    pthread_mutex_unlock(&server->lock);
    server_wake_workers(all);
}

static bool run_with(struct http_server *server, pthread_t *threads, unsigned count, struct err *err)
{
    unsigned started = start_threads(server, threads, count);
    bool done = started == count && acceptor_run(server);
    if (started < count) {
        err_set(err, "cannot start %u threads", count);
    } else if (!done) {
        err_set(err, "requests were still in work after shutdown_timeout");
    }
    quit_threads(server);
    for (unsigned i = 0; i < started; i++) {
        if (done || started < count) {
            pthread_join(threads[i], NULL);
        } else {
            pthread_detach(
                threads[i]); /* one that is stuck in a delivery cannot be ended; the process has to */
        }
    }
    return done;
}

bool http_server_run(struct http_server *server, struct err *err)
{
    unsigned count = server->options.workers + SERVER_EXTRA_THREADS;
    pthread_t *threads = calloc(count, sizeof *threads);
    if (threads == NULL) {
        err_set(err, "no memory");
        return false;
    }
    bool done = run_with(server, threads, count, err);
    free(threads);
    return done;
}

/* The list stays in order: what would be over later is over then. */
static void shorten(struct connection_list *list, int64_t ms)
{
    deadline due = deadline_after(ms);
    for (struct connection *connection = list->first; connection != NULL; connection = connection->next) {
        connection->due = deadline_min(connection->due, due);
    }
}

void http_server_configure(struct http_server *server, const struct http_server_options *options)
{
    pthread_mutex_lock(&server->lock);
    free(server->allowed);
    server->allowed = (struct http_network *)options->allowed;
    server->options.allowed = server->allowed;
    server->options.allowed_count = options->allowed_count;
    server->options.connections = options->connections;
    server->options.queue_wait_ms = options->queue_wait_ms;
    server->options.idle_ms = options->idle_ms;
    server->options.read_time_ms = options->read_time_ms;
    server->options.shutdown_timeout_ms = options->shutdown_timeout_ms;
    shorten(&server->lists[CONNECTION_IDLE], options->idle_ms);
    shorten(&server->lists[CONNECTION_READING], options->read_time_ms);
    shorten(&server->lists[CONNECTION_WAITING], options->queue_wait_ms);
    pthread_mutex_unlock(&server->lock);
    server_wake_acceptor(server); /* it may have meant to sleep for longer */
}

void http_server_stop(struct http_server *server)
{
    atomic_store(&server->stop_asked, true);
    server_wake_acceptor(server);
}

const char *http_server_address(const struct http_server *server)
{
    return server->listener.address;
}

struct http_server_counts http_server_counts(const struct http_server *server)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&server->lock;
    pthread_mutex_lock(lock);
    struct http_server_counts counts = {
        .connections = (unsigned)server_connections(server),
        .waiting = (unsigned)server->lists[CONNECTION_WAITING].count,
        .delivering = server->delivering,
    };
    pthread_mutex_unlock(lock);
    return counts;
}
