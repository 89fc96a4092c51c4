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
#include "app/exchange.h"
#include "app/mailgun/mailgun.h"
#include "app/pages/compose_page.h"
#include "app/pages/monitor.h"
#include "app/pages/status_page.h"
#include "app/replay.h"
#include "app/request_log.h"
#include "app/send.h"
#include "app/servers/endpoint.h"
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
    (void)exchange_refuse(exchange, PROBLEM_METHOD_NOT_ALLOWED);
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
    if (page != 0 && (exchange->snapshot->config->pages & page) == 0) {
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
    const struct config *config = exchange->snapshot->config;
    const struct http_route *route = NULL;
    bool method_allowed = false;
    if (http_request_path(exchange->request, config->base_path, &exchange->path)) {
        route = http_route_find(routes, sizeof routes / sizeof routes[0], exchange->path,
                                http_request_method(exchange->request), &method_allowed);
    }
    if (route == NULL) {
        err_set(&exchange->err,
                "There is nothing at this path; mails are posted to /send below base_path (%s)",
                config->base_path);
        (void)exchange_refuse(exchange, PROBLEM_NO_SUCH_ROUTE);
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
        (void)exchange_refuse(exchange, PROBLEM_INTERNAL);
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

static bool open_parts(struct app *app, struct err *err)
{
    const struct config_idempotency *idempotency = &app->snapshots.current->config->idempotency;
    const struct idempotency_options options = {
        .entries = (size_t)idempotency->entries, .keep_ms = idempotency->keep, .now = deadline_now};
    app->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (app->cancel_fd < 0 || !readiness_init(&app->readiness, &app->snapshots)) {
        err_set(err, "eventfd: %s", strerror(errno));
        return false;
    }
    if (!idempotency_table_new(&app->idempotency, &options)) {
        err_set(err, "There is no memory left for idempotency.entries");
        return false;
    }
    return true;
}

struct app *app_new(struct config *config, struct err *err)
{
    struct app *app = calloc(1, sizeof *app);
    if (app == NULL) {
        config_free(config);
        err_set(err, "There is no memory left");
        return NULL;
    }
    app->cancel_fd = -1;
    failures_init(&app->failures);
    metrics_init(&app->metrics);
    if (!password_helper_start(&app->helper, config, err)) {
        config_free(config);
        app_free(app);
        return NULL;
    }
    snapshots_init(&app->snapshots, snapshot_new(config, NULL, &app->metrics, app->helper, err));
    if (app->snapshots.current == NULL || !open_parts(app, err)) {
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
    for (size_t i = 0; config_report_clean(config) && i < config->server_count; i++) {
        endpoint_check(config, &config->servers[i], report);
    }
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
    snapshots_free(&app->snapshots);
    password_helper_free(app->helper);
    metrics_free(&app->metrics);
    failures_free(&app->failures);
    if (app->idempotency.free != NULL) {
        app->idempotency.free(app->idempotency.ctx);
    }
    if (app->cancel_fd >= 0) {
        (void)close(app->cancel_fd);
    }
    free(app);
}
