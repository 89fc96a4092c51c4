/*
 * Relaxed order is enough: each counter stands for itself. What must add up is kept in one place (a request's cell, a
 * histogram's buckets) and added up by whoever looks.
 */
#include "app/pages/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const int statuses[] = {0,   200, 204, 303, 304, 400, 401, 403, 404, 405,
                               408, 409, 413, 415, 422, 429, 500, 502, 503, 504};
#define STATUS_COUNT (sizeof statuses / sizeof statuses[0])
_Static_assert(STATUS_COUNT <= METRICS_STATUSES, "each has a place");

static const struct {
    uint64_t us;
    const char *text;
} bounds[METRICS_BUCKETS] = {
    {500, "0.0005"},  {1000, "0.001"},      {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"},
    {25000, "0.025"}, {50000, "0.05"},      {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},
    {1000000, "1"},   {2500000, "2.5"},     {5000000, "5"},   {10000000, "10"}, {30000000, "30"},
    {60000000, "60"}, {UINT64_MAX, "+Inf"},
};

static const char *const route_names[METRICS_ROUTES] = {
    [METRICS_OTHER] = "other",     [METRICS_SEND] = "send",       [METRICS_FORM] = "form",
    [METRICS_MAILGUN] = "mailgun", [METRICS_HEALTHZ] = "healthz", [METRICS_READYZ] = "readyz",
    [METRICS_METRICS] = "metrics", [METRICS_STATUS] = "status",   [METRICS_COMPOSE] = "compose",
};
static const char *const result_names[METRICS_RESULTS] = {"accepted", "trapped", "refused", "failed"};
static const char *const step_names[METRICS_STEPS] = {"connect", "tls", "auth", "transaction"};
static const char *const outcome_names[METRICS_OUTCOMES] = {
    [METRICS_SENT] = "sent",
    [SMTP_ADDRESS_FORBIDDEN] = "address-forbidden",
    [SMTP_UNAVAILABLE] = "unavailable",
    [SMTP_TLS_FAILED] = "tls-failed",
    [SMTP_AUTH_FAILED] = "auth-failed",
    [SMTP_PROTOCOL_ERROR] = "protocol-error",
    [SMTP_TEMPORARY] = "temporary",
    [SMTP_MESSAGE_REFUSED] = "message-refused",
    [SMTP_RECIPIENTS_REFUSED] = "recipients-refused",
    [SMTP_TIMED_OUT] = "timed-out",
    [SMTP_LOCAL_FAILURE] = "local-failure",
    [METRICS_PARTIAL] = "partial",
    [METRICS_UNKNOWN] = "unknown",
};

void metrics_init(struct metrics *metrics)
{
    metrics->started_at = (int64_t)time(NULL);
    (void)snprintf(metrics->others.name, sizeof metrics->others.name,
                   "(override)"); /* no server's name has brackets */
    atomic_init(&metrics->loaded_at, metrics->started_at);
}

void metrics_free(struct metrics *metrics)
{
    struct metrics_server *server = atomic_exchange(&metrics->servers, NULL);
    while (server != NULL) {
        struct metrics_server *next = atomic_load(&server->next);
        free(server);
        server = next;
    }
}

/* Who looks meanwhile sees the list with or without the new one, whole: release here, acquire there. */
struct metrics_server *metrics_server_named(struct metrics *metrics, const char *name)
{
    _Atomic(struct metrics_server *) *link = &metrics->servers;
    struct metrics_server *server = NULL;
    while ((server = atomic_load_explicit(link, memory_order_acquire)) != NULL) {
        if (strcmp(server->name, name) == 0) {
            return server;
        }
        link = &server->next;
    }
    server = calloc(1, sizeof *server);
    if (server != NULL) {
        (void)snprintf(server->name, sizeof server->name, "%s", name);
        atomic_store_explicit(link, server, memory_order_release);
    }
    return server;
}

/* --- counting --- */

static void add(atomic_uint_least64_t *counter, uint64_t number)
{
    (void)atomic_fetch_add_explicit(counter, number, memory_order_relaxed);
}

static size_t place_of(int status)
{
    for (size_t i = 1; i < STATUS_COUNT; i++) {
        if (statuses[i] == status) {
            return i;
        }
    }
    return 0;
}

void metrics_count_request(struct metrics *metrics, const struct metrics_request *request)
{
    add(&metrics->requests[request->route][place_of(request->status)][request->result], 1);
    add(&metrics->octets_in, request->octets_in);
    add(&metrics->octets_out, request->octets_out);
}

void metrics_count_unread(struct metrics *metrics)
{
    add(&metrics->unread, 1);
}

static void observe(struct metrics_histogram *histogram, int64_t us)
{
    uint64_t value = us > 0 ? (uint64_t)us : 0;
    size_t bucket = 0;
    while (value > bounds[bucket].us) {
        bucket++;
    }
    add(&histogram->buckets[bucket], 1);
    add(&histogram->sum, value);
}

static enum metrics_outcome outcome_of(const struct smtp_outcome *outcome)
{
    if (outcome->state == SMTP_DELIVERY_UNKNOWN) {
        return METRICS_UNKNOWN;
    }
    bool partial = outcome->class == SMTP_ACCEPTED && outcome->err.text[0] != '\0';
    return partial ? METRICS_PARTIAL : (enum metrics_outcome)outcome->class;
}

void metrics_count_delivery(struct metrics *metrics, struct metrics_server *server,
                            const struct smtp_outcome *outcome, int64_t took_us, uint64_t octets)
{
    const int64_t steps[METRICS_STEPS] = {
        [METRICS_CONNECT] = outcome->times.connect,
        [METRICS_TLS] = outcome->times.tls,
        [METRICS_AUTH] = outcome->times.auth,
        [METRICS_TRANSACTION] = outcome->times.transaction,
    };
    add(&server->outcomes[outcome_of(outcome)], 1);
    observe(&server->delivery, took_us);
    for (size_t i = 0; i < METRICS_STEPS; i++) {
        if (steps[i] > 0) {
            observe(&server->steps[i], steps[i]);
        }
    }
    if (outcome->reused) {
        add(&server->reused, 1);
    } else if (outcome->times.connect > 0) {
        add(&server->opened, 1);
    }
    if (outcome->class == SMTP_ACCEPTED) {
        add(&metrics->message_octets, octets);
    }
}

void metrics_count_reload(struct metrics *metrics, enum metrics_reload result)
{
    add(&metrics->reloads[result], 1);
    if (result == METRICS_RELOAD_OK) {
        atomic_store_explicit(&metrics->loaded_at, (int64_t)time(NULL), memory_order_relaxed);
    }
}

static bool begins(struct slice path, const char *with)
{
    size_t len = strlen(with);
    return path.len >= len && memcmp(path.data, with, len) == 0;
}

enum metrics_route metrics_route_of(struct slice path)
{
    static const struct {
        const char *path;
        enum metrics_route route;
    } routes[] = {
        {"/send", METRICS_SEND},       {"/healthz", METRICS_HEALTHZ}, {"/readyz", METRICS_READYZ},
        {"/metrics", METRICS_METRICS}, {"/status", METRICS_STATUS},   {"/", METRICS_COMPOSE},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (slice_equal(path, slice_of(routes[i].path))) {
            return routes[i].route;
        }
    }
    return begins(path, "/form/") ? METRICS_FORM : begins(path, "/v3/") ? METRICS_MAILGUN : METRICS_OTHER;
}

/* --- looking --- */

const struct metrics_server *metrics_first_server(const struct metrics *metrics)
{
    struct metrics *shared =
        (struct metrics *)metrics; /* an atomic can only be read through one that is not const */
    return atomic_load_explicit(&shared->servers, memory_order_acquire);
}

const struct metrics_server *metrics_next_server(const struct metrics_server *server)
{
    struct metrics_server *shared = (struct metrics_server *)server;
    return atomic_load_explicit(&shared->next, memory_order_acquire);
}

int64_t metrics_loaded_at(const struct metrics *metrics)
{
    struct metrics *shared = (struct metrics *)metrics;
    return atomic_load_explicit(&shared->loaded_at, memory_order_relaxed);
}

void metrics_requests(const struct metrics *metrics, struct metrics_requests *requests)
{
    *requests = (struct metrics_requests){.total = 0};
    for (size_t route = 0; route < METRICS_ROUTES; route++) {
        for (size_t cell = 0; cell < STATUS_COUNT * METRICS_RESULTS; cell++) {
            size_t status = cell / METRICS_RESULTS;
            size_t result = cell % METRICS_RESULTS;
            uint64_t count = metrics_get(&metrics->requests[route][status][result]);
            requests->cells[route][status][result] = count;
            requests->results[result] += count;
            requests->total += count;
        }
    }
}

uint64_t metrics_requests_by(const struct metrics_requests *requests, enum metrics_route route, size_t status)
{
    uint64_t sum = 0;
    for (size_t result = 0; result < METRICS_RESULTS; result++) {
        sum += requests->cells[route][status][result];
    }
    return sum;
}

void metrics_times_add(struct metrics_times *times, const struct metrics_histogram *histogram)
{
    times->sum += metrics_get(&histogram->sum);
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        uint64_t count = metrics_get(&histogram->buckets[i]);
        times->buckets[i] += count;
        times->count += count;
    }
}

/* As Prometheus' histogram_quantile: evenly spread inside a bucket, and never above the last bound. */
uint64_t metrics_times_quantile(const struct metrics_times *times, double part)
{
    double rank = part * (double)times->count;
    double below = 0;
    for (size_t i = 0; i < METRICS_BOUNDS && times->count > 0; i++) {
        double in = (double)times->buckets[i];
        if (in > 0 && below + in >= rank) {
            double from = i > 0 ? (double)bounds[i - 1].us : 0;
            return (uint64_t)(from + ((double)bounds[i].us - from) * (rank - below) / in);
        }
        below += in;
    }
    return times->count > 0 ? bounds[METRICS_BOUNDS - 1].us : 0;
}

uint64_t metrics_deliveries(const struct metrics_server *server)
{
    uint64_t total = 0;
    for (size_t i = 0; i < METRICS_OUTCOMES; i++) {
        total += metrics_get(&server->outcomes[i]);
    }
    return total;
}

const char *metrics_route_name(enum metrics_route route)
{
    return route_names[route];
}

const char *metrics_result_name(enum metrics_result result)
{
    return result_names[result];
}

const char *metrics_outcome_name(enum metrics_outcome outcome)
{
    return outcome_names[outcome];
}

const char *metrics_reload_name(enum metrics_reload result)
{
    return result == METRICS_RELOAD_OK ? "ok" : "refused";
}

const char *metrics_step_name(enum metrics_step step)
{
    return step_names[step];
}

int metrics_status(size_t place)
{
    return place < STATUS_COUNT ? statuses[place] : -1;
}

uint64_t metrics_bound(size_t bucket)
{
    return bounds[bucket].us;
}

const char *metrics_bound_text(size_t bucket)
{
    return bounds[bucket].text;
}
