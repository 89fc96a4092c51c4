/*
 * The page reads the same counters as /metrics. It loads itself again every few seconds, which needs no script.
 */
#include "app/pages/status_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "app/exchange.h"
#include "app/pages/latency_chart.h"
#include "app/pages/monitor.h"
#include "app/pages/page_table.h"

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

static void put_ready(struct page *page, struct app *app)
{
    switch (readiness_known(&app->readiness)) {
    case READINESS_READY:
        page_markup(page, "<p>A mail server answers.</p>\n");
        break;
    case READINESS_NOT_READY:
        page_markup(page, "<p class=\"bad\">No mail server answers.</p>\n");
        break;
    default:
        page_markup(page, "<p>Whether a mail server answers is not known yet.</p>\n");
        break;
    }
}

static void put_program(struct page *page, struct app *app)
{
    char since[MOMENT_MAX];
    char loaded[MOMENT_MAX];
    char now[MOMENT_MAX];
    moment_text(app->metrics.started_at, since);
    moment_text(metrics_loaded_at(&app->metrics), loaded);
    moment_text((int64_t)time(NULL), now);
    page_markup(page, "<p>Version " FCGI_SMTP_VERSION ", counting since ");
    page_string(page, since);
    page_markup(page, ", configuration of ");
    page_string(page, loaded);
    page_markup(page, "; now it is ");
    page_string(page, now);
    page_markup(page, ".</p>\n");
    put_ready(page, app);
}

static void put_workers(struct page *page, const struct exchange *exchange)
{
    const struct app *app = exchange->app;
    if (app->server == NULL) {
        return;
    }
    struct http_server_counts counts = http_server_counts(app->server);
    page_markup(page, "<p>");
    page_number(page, counts.delivering);
    page_markup(page, " of ");
    page_number(page, (uint64_t)exchange->snapshot->config->workers);
    page_markup(page, " workers deliver, ");
    page_number(page, counts.waiting);
    page_markup(page, " requests wait for one; ");
    page_number(page, counts.connections);
    page_markup(page, " FastCGI connections.</p>\n");
}

/* --- requests --- */

static void put_route(struct page *page, const struct metrics_requests *requests, enum metrics_route route)
{
    uint64_t results[METRICS_RESULTS] = {0};
    uint64_t total = 0;
    for (size_t cell = 0; cell < (size_t)METRICS_STATUSES * METRICS_RESULTS; cell++) {
        uint64_t count = requests->cells[route][cell / METRICS_RESULTS][cell % METRICS_RESULTS];
        results[cell % METRICS_RESULTS] += count;
        total += count;
    }
    if (total == 0) {
        return;
    }
    page_row(page, metrics_route_name(route));
    for (size_t i = 0; i < METRICS_RESULTS; i++) {
        page_cell_number(page, results[i]);
    }
    page_cell_number(page, total);
    page_row_end(page);
}

static void put_requests(struct page *page, const struct exchange *exchange)
{
    static const char *const names[] = {"Route", "Accepted", "Trapped", "Refused", "Failed", "All"};
    static const struct page_columns columns = {names, COUNT(names), true};
    struct metrics_requests requests;
    metrics_requests(&exchange->app->metrics, &requests);
    page_markup(page, "<h2>Requests</h2>\n");
    put_workers(page, exchange);
    page_table(page, "Requests by route", &columns);
    for (int route = 0; route < METRICS_ROUTES; route++) {
        put_route(page, &requests, (enum metrics_route)route);
    }
    page_row(page, "All");
    for (size_t i = 0; i < METRICS_RESULTS; i++) {
        page_cell_number(page, requests.results[i]);
    }
    page_cell_number(page, requests.total);
    page_row_end(page);
    page_table_end(page);
}

/* --- servers --- */

static void put_server(struct page *page, const struct exchange *exchange,
                       const struct metrics_server *server)
{
    const struct mail_server *configured = snapshot_server(exchange->snapshot, server->name);
    bool of_requests = server == &exchange->app->metrics.others;
    uint64_t all = metrics_deliveries(server);
    uint64_t sent = metrics_get(&server->outcomes[METRICS_SENT]);
    uint64_t partial = metrics_get(&server->outcomes[METRICS_PARTIAL]);
    struct metrics_times times = {.count = 0};
    metrics_times_add(&times, &server->delivery);
    page_row(page, of_requests ? "(of requests)" : server->name);
    page_cell_number(page, sent);
    page_cell_number(page, partial);
    page_cell_number(page, all > sent + partial ? all - sent - partial : 0);
    page_cell_number(page, metrics_get(&server->opened));
    page_cell_number(page, metrics_get(&server->reused));
    page_cell_number(page, configured != NULL ? smtp_endpoint_idle(configured->endpoint) : 0);
    page_cell_time(page, metrics_times_quantile(&times, 0.5));
    page_cell_time(page, metrics_times_quantile(&times, 0.95));
    page_row_end(page);
}

static void put_servers(struct page *page, const struct exchange *exchange)
{
    static const char *const names[] = {"Server", "Sent", "Partial", "Failed", "Opened",
                                        "Reused", "Idle", "Median",  "95 %"};
    static const struct page_columns columns = {names, COUNT(names), true};
    page_markup(page, "<h2>Servers</h2>\n");
    page_table(
        page,
        "Deliveries, SMTP sessions (opened, reused, idle) and about how long a delivery took, by server",
        &columns);
    const struct metrics_server *server = NULL;
    while ((server = monitor_server(exchange, server)) != NULL) {
        put_server(page, exchange, server);
    }
    page_table_end(page);
}

/* --- times --- */

static void put_steps(struct page *page, const struct exchange *exchange)
{
    static const char *const names[] = {"Step", "Taken", "Mean", "Median", "95 %"};
    static const struct page_columns columns = {names, COUNT(names), true};
    page_table(page, "Steps that went well", &columns);
    for (int step = 0; step < METRICS_STEPS; step++) {
        struct metrics_times times = {.count = 0};
        const struct metrics_server *server = NULL;
        while ((server = monitor_server(exchange, server)) != NULL) {
            metrics_times_add(&times, &server->steps[step]);
        }
        page_row(page, metrics_step_name((enum metrics_step)step));
        page_cell_number(page, times.count);
        page_cell_time(page, times.count > 0 ? times.sum / times.count : 0);
        page_cell_time(page, metrics_times_quantile(&times, 0.5));
        page_cell_time(page, metrics_times_quantile(&times, 0.95));
        page_row_end(page);
    }
    page_table_end(page);
}

static void put_times(struct page *page, const struct exchange *exchange)
{
    struct metrics_times times = {.count = 0};
    const struct metrics_server *server = NULL;
    while ((server = monitor_server(exchange, server)) != NULL) {
        metrics_times_add(&times, &server->delivery);
    }
    page_markup(page, "<h2>Times</h2>\n");
    page_markup(page, "<p>Deliveries by the time that they took at most:</p>\n");
    latency_chart(page, &times, "Deliveries by the time that they took at most");
    put_steps(page, exchange);
}

/* --- failures --- */

static void put_failure(struct page *page, const struct failure *failure)
{
    char at[MOMENT_MAX];
    char status[16];
    moment_text(failure->at, at);
    (void)snprintf(status, sizeof status, "%d", failure->status);
    page_row(page, at);
    page_cell(page, failure->route);
    page_cell(page, status);
    page_cell(page, failure->problem);
    page_cell(page, failure->server);
    page_cell_long(page, failure->reason);
    page_cell_long(page, failure->request_id);
    page_row_end(page);
}

static void put_failures(struct page *page, struct app *app)
{
    static const char *const names[] = {"Time",   "Route",  "Status",      "Problem",
                                        "Server", "Reason", "X-Request-Id"};
    static const struct page_columns columns = {names, COUNT(names), false};
    struct failure failures[FAILURES_KEPT];
    size_t count = failures_copy(&app->failures, failures);
    page_markup(page, "<h2>Last failures</h2>\n");
    if (count == 0) {
        page_markup(page, "<p>There was none.</p>\n");
        return;
    }
    page_table(page, "The newest first; mail addresses are taken out", &columns);
    for (size_t i = 0; i < count; i++) {
        put_failure(page, &failures[i]);
    }
    page_table_end(page);
}

void status_page_answer(struct exchange *exchange)
{
    const struct page_head head = {
        .status = 200, .title = "fcgi-smtp: status", .refresh = REFRESH_SECONDS, .wide = true};
    struct app *app = exchange->app;
    struct page page;
    page_begin(&page, exchange->response, &head);
    put_program(&page, app);
    put_requests(&page, exchange);
    put_servers(&page, exchange);
    put_times(&page, exchange);
    put_failures(&page, app);
    pages_end(exchange, &page);
}
