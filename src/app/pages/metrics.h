/*
 * metrics: what has been counted since the start, without a lock.
 *
 * Every request is counted in one cell, by route, status and result, just before its answer is written: so in whatever
 * moment one looks, accepted + trapped + refused + failed is the number of requests.
 */
#ifndef FCGI_SMTP_APP_METRICS_H
#define FCGI_SMTP_APP_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi_smtp/slice.h"
#include "fcgi_smtp/smtp_client.h"

enum metrics_route {
    METRICS_OTHER, /* there is no such route */
    METRICS_SEND,
    METRICS_FORM,
    METRICS_MAILGUN,
    METRICS_HEALTHZ,
    METRICS_READYZ,
    METRICS_METRICS,
    METRICS_STATUS,
    METRICS_COMPOSE,
    METRICS_ROUTES
};

enum metrics_result {
    METRICS_ACCEPTED,
    METRICS_TRAPPED, /* a form filled in by a program: answered as if it had been accepted */
    METRICS_REFUSED,
    METRICS_FAILED,
    METRICS_RESULTS
};

enum metrics_reload { METRICS_RELOAD_OK, METRICS_RELOAD_REFUSED, METRICS_RELOADS };

#define METRICS_STATUSES 24 /* at most, with one for those that have no place of their own */

enum metrics_step { METRICS_CONNECT, METRICS_TLS, METRICS_AUTH, METRICS_TRANSACTION, METRICS_STEPS };

/* What came of a delivery: a class of failure, or one of these in its place. */
enum metrics_outcome {
    METRICS_SENT = SMTP_ACCEPTED,
    METRICS_PARTIAL = SMTP_LOCAL_FAILURE + 1, /* some recipients did not get it */
    METRICS_UNKNOWN,                          /* nobody knows whether the server took it */
    METRICS_OUTCOMES
};

#define METRICS_BOUNDS  16                   /* of histograms */
#define METRICS_BUCKETS (METRICS_BOUNDS + 1) /* the last one is for what is above all of them */

struct metrics_histogram {
    atomic_uint_least64_t buckets[METRICS_BUCKETS];
    atomic_uint_least64_t sum; /* microseconds */
};

#define METRICS_NAME_MAX 65 /* octets of a server's name, the NUL included */

struct metrics_server {
    char name[METRICS_NAME_MAX];
    _Atomic(struct metrics_server *) next;
    atomic_uint_least64_t outcomes[METRICS_OUTCOMES];
    atomic_uint_least64_t opened; /* connections, for deliveries */
    atomic_uint_least64_t reused; /* warm sessions that a delivery got */
    struct metrics_histogram delivery;
    struct metrics_histogram steps[METRICS_STEPS];
};

struct metrics {
    atomic_uint_least64_t requests[METRICS_ROUTES][METRICS_STATUSES][METRICS_RESULTS];
    atomic_uint_least64_t unread; /* answers whose client was gone */
    atomic_uint_least64_t octets_in, octets_out;
    atomic_uint_least64_t message_octets;
    _Atomic(struct metrics_server *)
        servers; /* owned; never shortened, so that counters go on when a server comes back */
    struct metrics_server others; /* all servers that requests bring themselves */
    int64_t started_at;           /* seconds since 1970 */
    atomic_uint_least64_t reloads[METRICS_RELOADS];
    atomic_int_least64_t loaded_at; /* when the configuration was, in seconds since 1970 */
};

void metrics_init(struct metrics *metrics); /* a zeroed one */
void metrics_free(struct metrics *metrics); /* takes a zeroed one */

/* --- counting --- */

/* A request whose answer is ready. Octets are those of the two bodies. */
struct metrics_request {
    enum metrics_route route;
    int status;
    enum metrics_result result;
    uint64_t octets_in, octets_out;
};
void metrics_count_request(struct metrics *metrics, const struct metrics_request *request);
void metrics_count_unread(struct metrics *metrics);

/* The counters of a server of that name, which are made if there are none. NULL without memory. Not by two threads at once. */
struct metrics_server *metrics_server_named(struct metrics *metrics, const char *name);

/* One server was asked to take a message of so many octets. */
void metrics_count_delivery(struct metrics *metrics, struct metrics_server *server,
                            const struct smtp_outcome *outcome, int64_t took_us, uint64_t octets);

/* A configuration was loaded anew, or would have been. */
void metrics_count_reload(struct metrics *metrics, enum metrics_reload result);

/* The route of a path below base_path. */
enum metrics_route metrics_route_of(struct slice path);

/* --- looking --- */

static inline uint64_t metrics_get(const atomic_uint_least64_t *counter)
{
    return atomic_load_explicit((atomic_uint_least64_t *)counter, memory_order_relaxed);
}

/* The servers in the order in which they were first configured; NULL: there is no further one. */
const struct metrics_server *metrics_first_server(const struct metrics *metrics);
const struct metrics_server *metrics_next_server(const struct metrics_server *server);

int64_t metrics_loaded_at(const struct metrics *metrics); /* seconds since 1970 */

/* All requests at one moment. */
struct metrics_requests {
    uint64_t cells[METRICS_ROUTES][METRICS_STATUSES][METRICS_RESULTS];
    uint64_t results[METRICS_RESULTS];
    uint64_t total;
};
void metrics_requests(const struct metrics *metrics, struct metrics_requests *requests);
uint64_t metrics_requests_by(const struct metrics_requests *requests, enum metrics_route route,
                             size_t status);

struct metrics_times {
    uint64_t buckets[METRICS_BUCKETS]; /* not added up */
    uint64_t count;
    uint64_t sum; /* microseconds */
};
/* Adds what is in the histogram. */
void metrics_times_add(struct metrics_times *times, const struct metrics_histogram *histogram);

/* About how many microseconds that part (0..1) of all took at most; from the buckets. 0: there are none. */
uint64_t metrics_times_quantile(const struct metrics_times *times, double part);

uint64_t metrics_deliveries(const struct metrics_server *server); /* all outcomes */

const char *metrics_route_name(enum metrics_route route);
const char *metrics_result_name(enum metrics_result result);
const char *metrics_outcome_name(enum metrics_outcome outcome);
const char *metrics_reload_name(enum metrics_reload result);
const char *metrics_step_name(enum metrics_step step);
int metrics_status(size_t place);              /* 0: others; -1: the place is not used */
uint64_t metrics_bound(size_t bucket);         /* microseconds */
const char *metrics_bound_text(size_t bucket); /* the same in seconds; "+Inf" for the last bucket */

#endif
