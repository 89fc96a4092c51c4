/*
 * The routes, and the life of an exchange. What a route does stands in its own file.
 */
#include "fcgi_smtp/app.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "app/answer.h"
#include "app/compose_page.h"
#include "app/endpoint.h"
#include "app/exchange.h"
#include "app/mailgun.h"
#include "app/monitor.h"
#include "app/replay.h"
#include "app/request_log.h"
#include "app/send.h"
#include "app/status_page.h"
#include "fcgi_smtp/http_router.h"
#include "fcgi_smtp/log.h"

enum route {
    ROUTE_SEND = 1,
    ROUTE_MAILGUN,
    ROUTE_MAILGUN_MIME,
    ROUTE_FORM,
    ROUTE_HEALTHZ,
    ROUTE_READYZ,
    ROUTE_METRICS,
    ROUTE_STATUS,
    ROUTE_COMPOSE
};

static const struct http_route routes[] = {
    {"/send", "POST", ROUTE_SEND},
    {WEBSITE_FORM_PREFIX "*", "POST, OPTIONS", ROUTE_FORM},
    {"/v3/*/messages", "POST", ROUTE_MAILGUN},
    {"/v3/*/messages.mime", "POST", ROUTE_MAILGUN_MIME},
    {"/healthz", "GET, HEAD", ROUTE_HEALTHZ},
    {"/readyz", "GET, HEAD", ROUTE_READYZ},
    {"/metrics", "GET, HEAD", ROUTE_METRICS},
    {"/status", "GET, HEAD", ROUTE_STATUS},
    {"/", "GET, HEAD", ROUTE_COMPOSE},
};

static enum http_verdict refuse_method(struct exchange *exchange, const struct http_route *route)
{
    err_set(&exchange->err, "%s is not answered here; use %s", http_request_method(exchange->request),
            route->allow);
    exchange_refuse(exchange, PROBLEM_METHOD_NOT_ALLOWED);
    /* It fits: the problem's own fields are few. */
    (void)!http_response_header(exchange->response, "Allow", route->allow);
    return HTTP_ANSWER;
}

static enum http_verdict answer_health(struct exchange *exchange)
{
    struct json *body = json_object_new();
    json_set_string(body, "status", "ok");
    exchange->result = RESULT_OK;
    http_json_write(exchange->response, 200, body);
    return HTTP_ANSWER;
}

/* 0: the route is no page. */
static unsigned page_of(int route)
{
    switch (route) {
    case ROUTE_METRICS:
        return CONFIG_PAGE_METRICS;
    case ROUTE_STATUS:
        return CONFIG_PAGE_STATUS;
    case ROUTE_COMPOSE:
        return CONFIG_PAGE_COMPOSE;
    default:
        return 0;
    }
}

static void answer_page(struct exchange *exchange, int route)
{
    switch (route) {
    case ROUTE_METRICS:
        monitor_answer_metrics(exchange);
        break;
    case ROUTE_STATUS:
        status_page_answer(exchange);
        break;
    default:
        compose_page_answer(exchange);
        break;
    }
}

static enum http_verdict run_route(struct exchange *exchange, const struct http_route *route,
                                   bool method_allowed)
{
    unsigned page = page_of(route->id);
    if (page != 0 && (exchange->app->config->pages & page) == 0) {
        (void)page_allowed(exchange,
                           (enum config_page)page); /* says that there is none, whatever the method */
        return HTTP_ANSWER;
    }
    if (route->id == ROUTE_MAILGUN || route->id == ROUTE_MAILGUN_MIME) {
        exchange->write_problem = mailgun_write_problem;
    }
    if (route->id == ROUTE_FORM && !website_form_choose(exchange)) {
        return HTTP_ANSWER;
    }
    if (!method_allowed) {
        return refuse_method(exchange, route);
    }
    if (page != 0) {
        if (page_allowed(exchange, (enum config_page)page)) {
            answer_page(exchange, route->id);
        }
        return HTTP_ANSWER;
    }
    switch (route->id) {
    case ROUTE_SEND:
        return send_begin(exchange);
    case ROUTE_MAILGUN:
        return mailgun_begin(exchange, MAILGUN_MESSAGES, http_route_segment(route, exchange->path));
    case ROUTE_MAILGUN_MIME:
        return mailgun_begin(exchange, MAILGUN_MIME, http_route_segment(route, exchange->path));
    case ROUTE_FORM:
        return website_form_begin(exchange);
    case ROUTE_READYZ:
        monitor_answer_ready(exchange);
        return HTTP_ANSWER;
    default:
        return answer_health(exchange);
    }
}

static enum http_verdict choose_route(struct exchange *exchange)
{
    const struct app *app = exchange->app;
    const struct http_route *route = NULL;
    bool method_allowed = false;
    if (http_request_path(exchange->request, app->config->base_path, &exchange->path)) {
        route = http_route_find(routes, sizeof routes / sizeof routes[0], exchange->path,
                                http_request_method(exchange->request), &method_allowed);
    }
    if (route == NULL) {
        err_set(&exchange->err,
                "There is nothing at this path; mails are posted to /send below base_path (%s)",
                app->config->base_path);
        exchange_refuse(exchange, PROBLEM_NO_SUCH_ROUTE);
        return HTTP_ANSWER;
    }
    return run_route(exchange, route, method_allowed);
}

/* The answer is complete: nothing changes it any more. */
static void settle(struct exchange *exchange)
{
    replay_settle(exchange);
    website_form_present(exchange);
    monitor_count(exchange);
}

static enum http_verdict begin(void *ctx, struct http_request *request, struct http_response *response)
{
    struct app *app = ctx;
    struct exchange *exchange = exchange_new(app, request, response);
    if (exchange == NULL) {
        http_problem_write(response, PROBLEM_INTERNAL, EXCHANGE_NO_MEMORY, "none", NULL);
        metrics_count_request(
            &app->metrics, &(struct metrics_request){.status = response->status, .result = METRICS_FAILED});
        return HTTP_ANSWER;
    }
    http_request_set_data(request, exchange);
    enum http_verdict verdict = choose_route(exchange);
    if (verdict == HTTP_DELIVER && exchange->arena.starved) { /* then something may be missing in the mail */
        err_set(&exchange->err, EXCHANGE_NO_MEMORY);
        exchange_refuse(exchange, PROBLEM_INTERNAL);
        verdict = HTTP_ANSWER;
    }
    if (verdict == HTTP_ANSWER) {
        settle(exchange);
    }
    return verdict;
}

static void deliver(void *ctx, struct http_request *request, struct http_response *response)
{
    (void)ctx;
    (void)response;
    struct exchange *exchange = http_request_data(request);
    if (exchange->mailgun != NULL) {
        mailgun_deliver(exchange);
    } else {
        send_deliver(exchange);
    }
    settle(exchange);
}

static void overloaded(void *ctx, struct http_request *request, struct http_response *response)
{
    (void)ctx;
    (void)response;
    struct exchange *exchange = http_request_data(request);
    answer_overloaded(exchange);
    settle(exchange);
}

static void finished(void *ctx, struct http_request *request, struct http_response *response, bool written)
{
    struct app *app = ctx;
    (void)response;
    struct exchange *exchange = http_request_data(request);
    if (!written) {
        metrics_count_unread(&app->metrics);
    }
    if (exchange == NULL) {
        request_log_no_memory(request, response, written);
        return;
    }
    request_log(exchange, written);
    exchange_free(exchange);
    http_request_set_data(request, NULL);
}

/* Wakes every delivery that is under way, for good. */
static void cancel(void *ctx)
{
    const struct app *app = ctx;
    (void)!write(app->cancel_fd, &(uint64_t){1}, sizeof(uint64_t));
}

struct http_handler app_handler(struct app *app)
{
    return (struct http_handler){
        .ctx = app,
        .begin = begin,
        .deliver = deliver,
        .overloaded = overloaded,
        .finished = finished,
        .cancel = cancel,
    };
}

static void note_problem(void *ctx, const char *path, const char *text)
{
    err_set(ctx, "%s: %s", path, text);
}

static bool open_endpoints(struct app *app, struct err *err)
{
    if (!standby_init(&app->standby, app->config)) {
        err_set(err, "There is no memory left for the servers");
        return false;
    }
    app->endpoints = calloc(app->config->server_count,
                            sizeof *app->endpoints); /* NOLINT(bugprone-sizeof-expression): pointers */
    app->commands = calloc(app->config->server_count,
                           sizeof *app->commands); /* NOLINT(bugprone-sizeof-expression): pointers */
    if (app->endpoints == NULL || app->commands == NULL) {
        err_set(err, "There is no memory left for the servers");
        return false;
    }
    for (size_t i = 0; i < app->config->server_count; i++) {
        const struct config_server *server = &app->config->servers[i];
        if (!endpoint_command(server, &app->commands[i], err)) {
            return false;
        }
        app->endpoints[i] = endpoint_new(server, app->commands[i], err);
        if (app->endpoints[i] == NULL) {
            return false;
        }
    }
    return true;
}

static bool open_monitor(struct app *app, struct err *err)
{
    if (!metrics_init(&app->metrics, app->config->server_count) || !pages_init(&app->pages, app->config) ||
        !readiness_init(&app->readiness, app->config, app->endpoints)) {
        err_set(err, "There is no memory or descriptor left for the counters and pages");
        return false;
    }
    return true;
}

static bool open_access(struct app *app, struct err *err)
{
    const struct config_idempotency *idempotency = &app->config->idempotency;
    const struct idempotency_options options = {
        .entries = (size_t)idempotency->entries, .keep_ms = idempotency->keep, .now = deadline_now};
    if (!keys_init(&app->keys, app->config) || !idempotency_table_new(&app->idempotency, &options)) {
        err_set(err, "There is no memory left for keys and idempotency.entries");
        return false;
    }
    return true;
}

struct app *app_new(const struct config *config, struct err *err)
{
    struct app *app = calloc(1, sizeof *app);
    if (app == NULL) {
        err_set(err, "There is no memory left");
        return NULL;
    }
    app->config = config;
    failures_init(&app->failures);
    app->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (app->cancel_fd < 0) {
        err_set(err, "eventfd: %s", strerror(errno));
        app_free(app);
        return NULL;
    }
    if (!defaults_parse(&app->defaults, config, note_problem, err) ||
        !website_forms_parse(&app->forms, config, note_problem, err) || !open_access(app, err) ||
        !open_endpoints(app, err) || !open_monitor(app, err)) {
        app_free(app);
        return NULL;
    }
    return app;
}

void app_watch(struct app *app, const struct http_server *server)
{
    app->server = server;
}

struct checking {
    const struct config *config;
    struct config_report *report;
};

static void report_problem(void *ctx, const char *path, const char *text)
{
    const struct checking *checking = ctx;
    config_report_add(checking->report, checking->config, path, text);
}

void app_check(const struct config *config, struct config_report *report)
{
    struct checking checking = {config, report};
    struct defaults defaults;
    struct website_forms forms;
    (void)defaults_parse(&defaults, config, report_problem, &checking);
    (void)website_forms_parse(&forms, config, report_problem, &checking);
    defaults_free(&defaults);
    website_forms_free(&forms);
}

void app_free(struct app *app)
{
    if (app == NULL) {
        return;
    }
    readiness_free(&app->readiness);
    for (size_t i = 0; app->endpoints != NULL && i < app->config->server_count; i++) {
        smtp_endpoint_free(app->endpoints[i]);
    }
    free(app->endpoints);
    for (size_t i = 0; app->commands != NULL && i < app->config->server_count; i++) {
        password_command_free(app->commands[i]);
    }
    free(app->commands);
    standby_free(&app->standby);
    metrics_free(&app->metrics);
    failures_free(&app->failures);
    pages_free(&app->pages);
    if (app->idempotency.free != NULL) {
        app->idempotency.free(app->idempotency.ctx);
    }
    keys_free(&app->keys);
    defaults_free(&app->defaults);
    website_forms_free(&app->forms);
    if (app->cancel_fd >= 0) {
        (void)close(app->cancel_fd);
    }
    free(app);
}
