/*
 * Threads are alike: each takes the next thing to do. There are more of them than deliveries may run at once,
 * so that however many deliveries hang, some threads are left for requests that need none, and a request in
 * the queue for a delivery holds no thread.
 *
 * The thread that has rested for the shortest time is woken first: so under a load below the limit the same few threads
 * work, with their stacks and memory still in the processor's caches, and the others cost nothing.
 */
#include "http/exchange.h"

enum job { JOB_QUIT, JOB_BEGIN, JOB_DELIVER, JOB_OVERLOADED };

/* The next job, if there is one. With the lock held. */
static bool next_job(struct http_server *server, enum job *job, struct connection **connection)
{
    *connection = connection_queue_pop(&server->expired);
    if (*connection != NULL) {
        *job = JOB_OVERLOADED;
        return true;
    }
    struct connection *waiting = server->lists[CONNECTION_WAITING].first;
    if (waiting != NULL && server->delivering < server->options.workers) {
        server->delivering++;
        waiting->has_slot = true;
        server_move(server, waiting, CONNECTION_WORKING, DEADLINE_NEVER);
        *connection = waiting;
        *job = JOB_DELIVER;
        return true;
    }
    *connection = connection_queue_pop(&server->ready);
    if (*connection != NULL) {
        *job = JOB_BEGIN;
        return true;
    }
    *job = JOB_QUIT;
    return server->quit;
}

/* Called and returns with the lock held. */
static void rest(struct http_server *server, struct idle_worker *self)
{
    self->next = server->idle;
    server->idle = self;
    pthread_mutex_unlock(&server->lock);
    while (sem_wait(&self->wake) != 0) { /* EINTR */
    }
    pthread_mutex_lock(&server->lock);
}

static enum job take(struct http_server *server, struct idle_worker *self, struct connection **connection)
{
    enum job job;
    pthread_mutex_lock(&server->lock);
    while (!next_job(server, &job, connection)) {
        rest(server, self);
    }
    pthread_mutex_unlock(&server->lock);
    return job;
}

void *worker_run(void *argument)
{
    struct http_server *server = argument;
    struct idle_worker self = {.next = NULL};
    (void)sem_init(&self.wake, 0, 0); /* with these arguments it cannot fail */
    for (;;) {
        struct connection *connection;
        switch (take(server, &self, &connection)) {
        case JOB_QUIT:
            (void)sem_destroy(&self.wake);
            return NULL;
        case JOB_BEGIN:
            exchange_begin(server, connection);
            break;
        case JOB_DELIVER:
            exchange_deliver(server, connection);
            break;
        case JOB_OVERLOADED:
            exchange_overloaded(server, connection);
            break;
        }
    }
}
