/*
 * The page reads the same counters as /metrics. It loads itself again every few seconds, which needs no script.
 */
#include "app/status_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "app/dashboard.h"
#include "app/exchange.h"
#include "app/latency_chart.h"
#include "app/monitor.h"

#define REFRESH_SECONDS 5
#define MOMENT_MAX      32
#define COUNT(array)    (sizeof(array) / sizeof((array)[0]))

static void moment_text(int64_t at, char out[MOMENT_MAX])
{
    time_t seconds = (time_t)at;
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, MOMENT_MAX, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
        (void)snprintf(out, MOMENT_MAX, "?");
    }
}

static void put_ready(struct dashboard *page, struct app *app)
{
    switch (readiness_known(&app->readiness)) {
    case READINESS_READY:
        dashboard_markup(page, "<p>A mail server answers.</p>\n");
        break;
    case READINESS_NOT_READY:
        dashboard_markup(page, "<p class=\"bad\">No mail server answers.</p>\n");
        break;
    default:
        dashboard_markup(page, "<p>Whether a mail server answers is not known yet.</p>\n");
        break;
    }
}

static void put_program(struct dashboard *page, struct app *app)
{
    char since[MOMENT_MAX];
    char loaded[MOMENT_MAX];
    char now[MOMENT_MAX];
    moment_text(app->metrics.started_at, since);
    moment_text(metrics_loaded_at(&app->metrics), loaded);
    moment_text((int64_t)time(NULL), now);
    dashboard_markup(page, "<p>Version " FCGI_SMTP_VERSION ", counting since ");
    dashboard_text(page, since);
    dashboard_markup(page, ", configuration of ");
    dashboard_text(page, loaded);
    dashboard_markup(page, "; now it is ");
    dashboard_text(page, now);
    dashboard_markup(page, ".</p>\n");
    put_ready(page, app);
}

static void put_workers(struct dashboard *page, const struct exchange *exchange)
{
    const struct app *app = exchange->app;
    if (app->server == NULL) {
        return;
    }
    struct http_server_counts counts = http_server_counts(app->server);
    dashboard_markup(page, "<p>");
    dashboard_number(page, counts.delivering);
    dashboard_markup(page, " of ");
    dashboard_number(page, (uint64_t)exchange->snapshot->config->workers);
    dashboard_markup(page, " workers deliver, ");
    dashboard_number(page, counts.waiting);
    dashboard_markup(page, " requests wait for one; ");
    dashboard_number(page, counts.connections);
    dashboard_markup(page, " FastCGI connections.</p>\n");
}

/* --- requests --- */

static void put_route(struct dashboard *page, const struct metrics_requests *requests,
                      enum metrics_route route)
{
    uint64_t results[METRICS_RESULTS] = {0};
    for (size_t cell = 0; cell < (size_t)METRICS_STATUSES * METRICS_RESULTS; cell++) {
        results[cell % METRICS_RESULTS] +=
            requests->cells[route][cell / METRICS_RESULTS][cell % METRICS_RESULTS];
    }
    uint64_t total = results[METRICS_ACCEPTED] + results[METRICS_REFUSED] + results[METRICS_FAILED];
    if (total == 0) {
        return;
    }
    dashboard_row(page, metrics_route_name(route));
    for (size_t i = 0; i < METRICS_RESULTS; i++) {
        dashboard_cell_number(page, results[i]);
    }
    dashboard_cell_number(page, total);
    dashboard_row_end(page);
}

static void put_requests(struct dashboard *page, const struct exchange *exchange)
{
    static const char *const names[] = {"Route", "Accepted", "Refused", "Failed", "All"};
    static const struct dashboard_columns columns = {names, COUNT(names), true};
    struct metrics_requests requests;
    metrics_requests(&exchange->app->metrics, &requests);
    dashboard_markup(page, "<h2>Requests</h2>\n");
    put_workers(page, exchange);
    dashboard_table(page, "Requests by route", &columns);
    for (int route = 0; route < METRICS_ROUTES; route++) {
        put_route(page, &requests, (enum metrics_route)route);
    }
    dashboard_row(page, "All");
    for (size_t i = 0; i < METRICS_RESULTS; i++) {
        dashboard_cell_number(page, requests.results[i]);
    }
    dashboard_cell_number(page, requests.total);
    dashboard_row_end(page);
    dashboard_table_end(page);
}

/* --- servers --- */

static void put_server(struct dashboard *page, const struct exchange *exchange,
                       const struct metrics_server *server)
{
    const struct mail_server *configured = snapshot_server(exchange->snapshot, server->name);
    bool of_requests = server == &exchange->app->metrics.others;
    uint64_t all = metrics_deliveries(server);
    uint64_t sent = metrics_get(&server->outcomes[METRICS_SENT]);
    uint64_t partial = metrics_get(&server->outcomes[METRICS_PARTIAL]);
    struct metrics_times times = {.count = 0};
    metrics_times_add(&times, &server->delivery);
    dashboard_row(page, of_requests ? "(of requests)" : server->name);
    dashboard_cell_number(page, sent);
    dashboard_cell_number(page, partial);
    dashboard_cell_number(page, all > sent + partial ? all - sent - partial : 0);
    dashboard_cell_number(page, metrics_get(&server->opened));
    dashboard_cell_number(page, metrics_get(&server->reused));
    dashboard_cell_number(page, configured != NULL ? smtp_endpoint_idle(configured->endpoint) : 0);
    dashboard_cell_time(page, metrics_times_quantile(&times, 0.5));
    dashboard_cell_time(page, metrics_times_quantile(&times, 0.95));
    dashboard_row_end(page);
}

static void put_servers(struct dashboard *page, const struct exchange *exchange)
{
    static const char *const names[] = {"Server", "Sent", "Partial", "Failed", "Sessions opened",
                                        "reused", "idle", "Median",  "95 %"};
    static const struct dashboard_columns columns = {names, COUNT(names), true};
    dashboard_markup(page, "<h2>Servers</h2>\n");
    dashboard_table(page, "Deliveries and sessions by server; times are about right", &columns);
    const struct metrics_server *server = NULL;
    while ((server = monitor_server(exchange, server)) != NULL) {
        put_server(page, exchange, server);
    }
    dashboard_table_end(page);
}

/* --- times --- */

static void put_steps(struct dashboard *page, const struct exchange *exchange)
{
    static const char *const names[] = {"Step", "Taken", "Mean", "Median", "95 %"};
    static const struct dashboard_columns columns = {names, COUNT(names), true};
    dashboard_table(page, "Steps that went well", &columns);
    for (int step = 0; step < METRICS_STEPS; step++) {
        struct metrics_times times = {.count = 0};
        const struct metrics_server *server = NULL;
        while ((server = monitor_server(exchange, server)) != NULL) {
            metrics_times_add(&times, &server->steps[step]);
        }
        dashboard_row(page, metrics_step_name((enum metrics_step)step));
        dashboard_cell_number(page, times.count);
        dashboard_cell_time(page, times.count > 0 ? times.sum / times.count : 0);
        dashboard_cell_time(page, metrics_times_quantile(&times, 0.5));
        dashboard_cell_time(page, metrics_times_quantile(&times, 0.95));
        dashboard_row_end(page);
    }
    dashboard_table_end(page);
}

static void put_times(struct dashboard *page, const struct exchange *exchange)
{
    struct metrics_times times = {.count = 0};
    const struct metrics_server *server = NULL;
    while ((server = monitor_server(exchange, server)) != NULL) {
        metrics_times_add(&times, &server->delivery);
    }
    dashboard_markup(page, "<h2>Times</h2>\n");
    dashboard_markup(page, "<p>Deliveries by the time that they took at most:</p>\n");
    latency_chart(page, &times, "Deliveries by the time that they took at most");
    put_steps(page, exchange);
}

/* --- failures --- */

static void put_failure(struct dashboard *page, const struct failure *failure)
{
    char at[MOMENT_MAX];
    char status[16];
    moment_text(failure->at, at);
    (void)snprintf(status, sizeof status, "%d", failure->status);
    dashboard_row(page, at);
    dashboard_cell(page, failure->route);
    dashboard_cell(page, status);
    dashboard_cell(page, failure->problem);
    dashboard_cell(page, failure->server);
    dashboard_markup(page, "<td class=\"reason\">");
    dashboard_text(page, failure->reason);
    dashboard_markup(page, "</td>");
    dashboard_cell(page, failure->request_id);
    dashboard_row_end(page);
}

static void put_failures(struct dashboard *page, struct app *app)
{
    static const char *const names[] = {"Time",   "Route",  "Status",      "Problem",
                                        "Server", "Reason", "X-Request-Id"};
    static const struct dashboard_columns columns = {names, COUNT(names), false};
    struct failure failures[FAILURES_KEPT];
    size_t count = failures_copy(&app->failures, failures);
    dashboard_markup(page, "<h2>Last failures</h2>\n");
    if (count == 0) {
        dashboard_markup(page, "<p>There was none.</p>\n");
        return;
    }
    dashboard_table(page, "The newest first; mail addresses are taken out", &columns);
    for (size_t i = 0; i < count; i++) {
        put_failure(page, &failures[i]);
    }
    dashboard_table_end(page);
}

void status_page_answer(struct exchange *exchange)
{
    const struct dashboard_head head = {.title = "fcgi-smtp: status", .refresh = REFRESH_SECONDS};
    struct app *app = exchange->app;
    struct dashboard page;
    dashboard_begin(&page, exchange, &head);
    put_program(&page, app);
    put_requests(&page, exchange);
    put_servers(&page, exchange);
    put_times(&page, exchange);
    put_failures(&page, app);
    dashboard_end(&page);
}
