/*
 * One function for each group of metrics, in the order in which they are written.
 */
#include "app/pages/monitor.h"

#include <stdio.h>
#include <time.h>

#include "app/exchange.h"
#include "app/pages/exposition.h"

#define NUMBER_MAX 24

/* --- counting --- */

static enum metrics_result result_of(const struct exchange *exchange)
{
    int status = exchange->response->status;
    switch (exchange->result) {
    case RESULT_TRAPPED:
        return METRICS_TRAPPED;
    case RESULT_REFUSED:
        return METRICS_REFUSED;
    case RESULT_FAILED:
        return METRICS_FAILED;
    case RESULT_REPLAYED:
        return status >= 500 ? METRICS_FAILED : status >= 400 ? METRICS_REFUSED : METRICS_ACCEPTED;
    default:
        return METRICS_ACCEPTED;
    }
}

static bool is_failure(const struct exchange *exchange, enum metrics_route route)
{
    bool mail = route == METRICS_SEND || route == METRICS_FORM || route == METRICS_MAILGUN;
    return mail && (exchange->result == RESULT_FAILED || exchange->result == RESULT_PARTIAL);
}

static void keep_failure(struct exchange *exchange, enum metrics_route route)
{
    struct failure failure = {.at = (int64_t)time(NULL), .status = exchange->response->status};
    bool asked = exchange->delivery_begun != 0;
    (void)snprintf(failure.route, sizeof failure.route, "%s", metrics_route_name(route));
    (void)snprintf(failure.server, sizeof failure.server, "%s",
                   asked ? server_choice_name(&exchange->choice) : "");
    (void)snprintf(failure.problem, sizeof failure.problem, "%s",
                   exchange->token != NULL ? exchange->token : "partial");
    (void)snprintf(failure.request_id, sizeof failure.request_id, "%s", http_request_id(exchange->request));
    failures_add(&exchange->app->failures, &failure, exchange->err.text);
}

void monitor_count(struct exchange *exchange)
{
    const struct metrics_request request = {
        .route = metrics_route_of(exchange->path),
        .status = exchange->response->status,
        .result = result_of(exchange),
        .octets_in = http_request_body_read(exchange->request),
        .octets_out = exchange->response->body.len,
    };
    metrics_count_request(&exchange->app->metrics, &request);
    if (is_failure(exchange, request.route)) {
        keep_failure(exchange, request.route);
    }
}

/* --- readiness --- */

void monitor_answer_ready(struct exchange *exchange)
{
    if (readiness_ask(&exchange->app->readiness, &exchange->err) == READINESS_READY) {
        struct json *body = json_object_new();
        json_set_string(body, "status", "ready");
        exchange->result = RESULT_OK;
        http_json_write(exchange->response, 200, body);
        return;
    }
    (void)exchange_refuse(exchange, PROBLEM_NOT_READY);
    exchange->result = RESULT_FAILED;
}

/* --- metrics --- */

static void put_plain(struct exposition *e, const char *name, const char *type, const char *help,
                      uint64_t value)
{
    exposition_metric(e, name, type, help);
    exposition_sample(e, name, NULL, 0, value);
}

static void put_requests(struct exposition *e, const struct metrics *metrics)
{
    struct metrics_requests requests;
    metrics_requests(metrics, &requests);
    exposition_metric(e, "fcgi_smtp_requests_total", "counter",
                      "Requests that were answered, by route and status.");
    for (size_t cell = 0; cell < (size_t)METRICS_ROUTES * METRICS_STATUSES; cell++) {
        enum metrics_route route = (enum metrics_route)(cell / METRICS_STATUSES);
        size_t status = cell % METRICS_STATUSES;
        uint64_t count = metrics_requests_by(&requests, route, status);
        char code[NUMBER_MAX] = "other";
        if (metrics_status(status) > 0) {
            (void)snprintf(code, sizeof code, "%d", metrics_status(status));
        }
        const struct exposition_label labels[] = {{"route", metrics_route_name(route)}, {"status", code}};
        if (count > 0) {
            exposition_sample(e, "fcgi_smtp_requests_total", labels, 2, count);
        }
    }
    exposition_metric(
        e, "fcgi_smtp_results_total", "counter",
        "The same requests by result: accepted (all went well), trapped (a form's honeypot was filled in), "
        "refused (the client's fault), failed.");
    for (int result = 0; result < METRICS_RESULTS; result++) {
        const struct exposition_label label = {"result", metrics_result_name((enum metrics_result)result)};
        exposition_sample(e, "fcgi_smtp_results_total", &label, 1, requests.results[result]);
    }
}

static void put_octets(struct exposition *e, const struct metrics *metrics)
{
    put_plain(e, "fcgi_smtp_request_body_bytes_total", "counter", "Octets of request bodies that were read.",
              metrics_get(&metrics->octets_in));
    put_plain(e, "fcgi_smtp_response_body_bytes_total", "counter", "Octets of the answers' bodies.",
              metrics_get(&metrics->octets_out));
    put_plain(e, "fcgi_smtp_message_bytes_total", "counter", "Octets of messages that servers took.",
              metrics_get(&metrics->message_octets));
    put_plain(e, "fcgi_smtp_answers_unread_total", "counter",
              "Answers whose client was gone before they were written.", metrics_get(&metrics->unread));
}

static bool is_used(const struct metrics_server *server)
{
    return metrics_deliveries(server) > 0;
}

const struct metrics_server *monitor_server(const struct exchange *exchange,
                                            const struct metrics_server *last)
{
    const struct metrics *metrics = &exchange->app->metrics;
    const struct metrics_server *server =
        last == NULL ? metrics_first_server(metrics) : metrics_next_server(last);
    while (server != NULL && !is_used(server) && snapshot_server(exchange->snapshot, server->name) == NULL) {
        server = metrics_next_server(server);
    }
    bool at_end = server == NULL && last != &metrics->others;
    return at_end && is_used(&metrics->others) ? &metrics->others : server;
}

static struct exposition_label label_of(const struct metrics_server *server)
{
    return (struct exposition_label){"server", server->name};
}

static void put_outcomes(struct exposition *e, const struct exchange *exchange)
{
    const struct metrics_server *server = NULL;
    exposition_metric(e, "fcgi_smtp_deliveries_total", "counter",
                      "Messages that a server was asked to take, by what came of it.");
    while ((server = monitor_server(exchange, server)) != NULL) {
        for (int k = 0; k < METRICS_OUTCOMES; k++) {
            const struct exposition_label labels[] = {
                label_of(server), {"outcome", metrics_outcome_name((enum metrics_outcome)k)}};
            exposition_sample(e, "fcgi_smtp_deliveries_total", labels, 2, metrics_get(&server->outcomes[k]));
        }
    }
}

static void put_histogram(struct exposition *e, const char *name, const struct exposition_label *labels,
                          size_t count, const struct metrics_histogram *histogram)
{
    struct metrics_times times = {.count = 0};
    metrics_times_add(&times, histogram);
    exposition_histogram(e, name, labels, count, &times);
}

/* Servers that nobody asked have no times: a configuration may list many. */
static void put_times(struct exposition *e, const struct exchange *exchange)
{
    const struct metrics_server *server = NULL;
    exposition_metric(e, "fcgi_smtp_delivery_seconds", "histogram",
                      "Whole deliveries to a server, good or bad.");
    while ((server = monitor_server(exchange, server)) != NULL) {
        const struct exposition_label label = label_of(server);
        if (is_used(server)) {
            put_histogram(e, "fcgi_smtp_delivery_seconds", &label, 1, &server->delivery);
        }
    }
    exposition_metric(
        e, "fcgi_smtp_step_seconds", "histogram",
        "Steps of deliveries that went well: connect, tls, auth, transaction (MAIL to the data's reply).");
    while ((server = monitor_server(exchange, server)) != NULL) {
        for (int k = 0; k < METRICS_STEPS && is_used(server); k++) {
            const struct exposition_label labels[] = {label_of(server),
                                                      {"step", metrics_step_name((enum metrics_step)k)}};
            put_histogram(e, "fcgi_smtp_step_seconds", labels, 2, &server->steps[k]);
        }
    }
}

static void put_pool(struct exposition *e, const struct exchange *exchange)
{
    const struct snapshot *snapshot = exchange->snapshot;
    const struct metrics_server *server = NULL;
    exposition_metric(e, "fcgi_smtp_sessions_total", "counter",
                      "SMTP sessions that deliveries got: opened, or reused from the pool.");
    while ((server = monitor_server(exchange, server)) != NULL) {
        const struct exposition_label opened[] = {label_of(server), {"origin", "opened"}};
        const struct exposition_label reused[] = {label_of(server), {"origin", "reused"}};
        exposition_sample(e, "fcgi_smtp_sessions_total", opened, 2, metrics_get(&server->opened));
        exposition_sample(e, "fcgi_smtp_sessions_total", reused, 2, metrics_get(&server->reused));
    }
    exposition_metric(e, "fcgi_smtp_pool_idle_sessions", "gauge", "SMTP sessions that wait in the pool.");
    for (size_t i = 0; i < snapshot->config->server_count; i++) {
        const struct exposition_label label = {"server", snapshot->config->servers[i].name};
        exposition_sample(e, "fcgi_smtp_pool_idle_sessions", &label, 1,
                          smtp_endpoint_idle(snapshot->servers[i]->endpoint));
    }
}

static void put_server(struct exposition *e, const struct exchange *exchange)
{
    const struct app *app = exchange->app;
    put_plain(e, "fcgi_smtp_workers", "gauge", "Deliveries that may be in work at once.",
              (uint64_t)exchange->snapshot->config->workers);
    if (app->server != NULL) {
        struct http_server_counts counts = http_server_counts(app->server);
        put_plain(e, "fcgi_smtp_workers_busy", "gauge", "Deliveries in work.", counts.delivering);
        put_plain(e, "fcgi_smtp_requests_waiting", "gauge", "Requests that wait for a worker.",
                  counts.waiting);
        put_plain(e, "fcgi_smtp_connections", "gauge", "FastCGI connections, idle ones included.",
                  counts.connections);
    }
    if (readiness_known(&app->readiness) != READINESS_NOT_KNOWN) {
        put_plain(e, "fcgi_smtp_ready", "gauge",
                  "Whether the last delivery or probe was greeted by a server.",
                  readiness_known(&app->readiness) == READINESS_READY ? 1 : 0);
    }
}

static void put_program(struct exposition *e, const struct app *app)
{
    const struct exposition_label version = {"version", FCGI_SMTP_VERSION};
    exposition_metric(e, "fcgi_smtp_build_info", "gauge", "The program's version.");
    exposition_sample(e, "fcgi_smtp_build_info", &version, 1, 1);
    put_plain(e, "fcgi_smtp_start_time_seconds", "gauge", "When it was started, in seconds since 1970.",
              (uint64_t)app->metrics.started_at);
}

static void put_reloads(struct exposition *e, const struct metrics *metrics)
{
    exposition_metric(e, "fcgi_smtp_reloads_total", "counter",
                      "Configurations that SIGHUP brought: ok, or refused (the running one stayed).");
    for (int result = 0; result < METRICS_RELOADS; result++) {
        const struct exposition_label label = {"result", metrics_reload_name((enum metrics_reload)result)};
        exposition_sample(e, "fcgi_smtp_reloads_total", &label, 1, metrics_get(&metrics->reloads[result]));
    }
    put_plain(e, "fcgi_smtp_config_loaded_timestamp_seconds", "gauge",
              "When the running configuration was loaded, in seconds since 1970.",
              (uint64_t)metrics_loaded_at(metrics));
}

void monitor_answer_metrics(struct exchange *exchange)
{
    const struct app *app = exchange->app;
    http_response_reset(exchange->response, 200);
    struct exposition e = {&exchange->response->body,
                           http_response_header(exchange->response, "Content-Type", EXPOSITION_TYPE)};
    put_requests(&e, &app->metrics);
    put_octets(&e, &app->metrics);
    put_outcomes(&e, exchange);
    put_times(&e, exchange);
    put_pool(&e, exchange);
    put_server(&e, exchange);
    put_program(&e, app);
    put_reloads(&e, &app->metrics);
    exchange->result = RESULT_OK;
    if (!e.good) {
        err_set(&exchange->err, "There is no room for the metrics");
        (void)exchange_refuse(exchange, PROBLEM_INTERNAL);
    }
}
