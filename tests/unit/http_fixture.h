/* A server with a handler for tests, run in a thread of its own. */
#ifndef FCGI_SMTP_TESTS_HTTP_FIXTURE_H
#define FCGI_SMTP_TESTS_HTTP_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>

#include "fastcgi_client.h"
#include "fcgi_smtp/http_server.h"

#define FIXTURE_WAIT_MS 20000 /* for anything that is to happen: far more than it takes */

/*
 * Paths of the handler:
 *   /ping     200, the body is not read      /large    413, the body is not read
 *   /echo     200 with the body              /deliver  200 from deliver, the body is read
 *   /stall    likewise, once fixture_release was called (or at once after it)
 *   /rash     asks for a delivery without reading the body
 *   /stuck    begin itself waits for fixture_release
 *   A body that is cut short gives 400.
 */
struct fixture {
    char dir[64]; /* holds the unix socket "s" */
    char listen[96];
    struct http_server_options options;
    struct http_server *server;
    pthread_t thread;
    bool ended_well; /* http_server_run's result */
    struct err err;

    atomic_uint begun, delivering, most_delivering, delivered, overloaded, finished, written, cancelled;
    pthread_mutex_t lock;
    pthread_cond_t released;
    bool release;
    bool obeys_cancel; /* the handler's cancel does what fixture_release does */
};

/* Options with a unix socket in a directory of its own; they may be changed before fixture_start. */
void fixture_init(struct fixture *fixture);
void fixture_start(struct fixture *fixture);
void fixture_release(struct fixture *fixture);
/* Stops the server and waits for it; returns http_server_run's result. */
bool fixture_stop(struct fixture *fixture);
void fixture_free(struct fixture *fixture); /* after fixture_stop */

int fixture_connect(const struct fixture *fixture); /* fails the test if that fails */

/* Sends one whole request. */
void fixture_send(int fd, const char *method, const char *path, const char *body, bool keep);

/* Reads an answer and checks its status and that it is complete. */
void fixture_expect(int fd, int status);

/* Waits until *counter is at least count. */
bool fixture_wait(const atomic_uint *counter, unsigned count);

/* Waits until the server has that many connections. */
bool fixture_wait_connections(const struct fixture *fixture, unsigned connections);

unsigned count_descriptors(void); /* of this process */

#endif
