/* Another configuration for a running app: what applies at once, what is kept, and what requests in work see of it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/exchange.h"
#include "fcgi_smtp/log.h"
#include "http/request.h"
#include "http/response.h"
#include "memory_search.h"
#include "smtp_fixture.h"
#include "unit.h"

#define HELLO   "S: 220 x\nC: EHLO *\nS: 250 x\n"
#define ONE     "C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\nS: 250 queued\n"
#define QUIT    "C: QUIT\nWAIT-EOF\n"
#define OPEN    "allow: {recipients: ['*'], senders: ['*']}\n"
#define PLAIN   "server: {host: mail.example.com, tls: none}\n"
#define WAIT_MS 20000

struct world {
    struct smtp_script *script;
    struct app *app;
    struct app_reloaded reloaded;
    struct err err;
};

static struct config *parse(const char *yaml)
{
    struct config_report report;
    config_report_init(&report);
    struct config *config = config_parse("test.yaml", slice_of(yaml), true, &report);
    fputs(buf_cstr(&report.problems), stderr);
    config_report_free(&report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    return config;
}

static void begin(struct world *w, const char *yaml)
{
    log_open(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT, LOG_TO_STDERR);
    *w = (struct world){.app = app_new(parse(yaml), NULL)};
    CU_ASSERT_PTR_NOT_NULL_FATAL(w->app);
}

static bool reload(struct world *w, const char *yaml)
{
    return app_reload(w->app, parse(yaml), &w->reloaded, &w->err);
}

/* more: keys of the server; rest: further lines. */
static const char *yaml_for(const struct world *w, const char *more, const char *rest)
{
    static char yaml[1024];
    (void)snprintf(yaml, sizeof yaml, "server: {host: 127.0.0.1, port: %u, tls: none%s}\n" OPEN "%s",
                   (unsigned)smtp_script_port(w->script), more, rest);
    return yaml;
}

static void begin_with_script(struct world *w, const char *scenario)
{
    char *error = NULL;
    struct smtp_script *script =
        smtp_script_start(&(struct smtp_script_options){.scenario = scenario, .grace_ms = 1}, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    struct world first = {.script = script};
    begin(w, yaml_for(&first, "", ""));
    w->script = script;
}

static void end(struct world *w)
{
    app_free(w->app);
    if (w->script != NULL && !smtp_script_stop(w->script)) {
        char *report = smtp_script_report(w->script);
        CU_FAIL("a scenario did not hold");
        fputs(report, stderr);
        free(report);
    }
    smtp_script_free(w->script);
}

static enum form_result fill(void *ctx, struct fields *fields, struct err *err)
{
    static const char *const values[][2] = {
        {"from", "a@example.com"}, {"to", "b@example.com"}, {"text", "hello"}};
    enum form_result result = FORM_OK;
    (void)ctx;
    for (size_t i = 0; i < 3 && result == FORM_OK; i++) {
        struct form_field head = {.name = slice_of(values[i][0])};
        result = fields_begin(fields, &head, err);
        result = result == FORM_OK ? fields_append(fields, values[i][1], strlen(values[i][1]), err) : result;
        fields_end(fields);
    }
    return result;
}

static bool send_mail(struct app *app)
{
    struct app_mail mail = {.fill = fill};
    struct buf json;
    buf_init(&json, 65536);
    bool sent = app_send(app, &mail, &json);
    if (!sent) {
        fprintf(stderr, "%s\n", buf_cstr(&json));
    }
    buf_free(&json);
    return sent;
}

/* The status of a GET. */
static int get(struct app *app, const char *uri, const char *header)
{
    char *const params[] = {(char *)(uintptr_t) "REQUEST_METHOD=GET",
                            (char *)(uintptr_t) "REMOTE_ADDR=127.0.0.1", (char *)(uintptr_t)uri,
                            (char *)(uintptr_t)header, NULL};
    struct http_request request;
    struct http_response response;
    struct http_handler handler = app_handler(app);
    http_request_init(&request, params, NULL, deadline_now());
    http_response_init(&response);
    CU_ASSERT_EQUAL(handler.begin(handler.ctx, &request, &response), HTTP_ANSWER);
    int status = response.status;
    handler.finished(handler.ctx, &request, &response, true);
    http_response_free(&response);
    http_request_free(&request);
    return status;
}

/* --- servers --- */

static void a_server_that_stays_keeps_its_session(void)
{
    struct world w;
    begin_with_script(&w, "== 1\n" HELLO ONE ONE ONE QUIT);
    CU_ASSERT_TRUE(send_mail(w.app));
    CU_ASSERT_TRUE(reload(&w, yaml_for(&w, "", "limits: {recipients: 3}\n")));
    CU_ASSERT_EQUAL(w.reloaded.servers_kept, 1);
    CU_ASSERT_EQUAL(w.reloaded.servers_opened + w.reloaded.servers_closed, 0);
    CU_ASSERT_EQUAL(app_config(w.app)->limits.recipients, 3);
    CU_ASSERT_TRUE(send_mail(w.app));
    /* Another one, and in another place. */
    char both[512];
    (void)snprintf(both, sizeof both,
                   "server: [default]\nservers:\n  new: {host: h}\n  default: {host: 127.0.0.1, port: %u, "
                   "tls: none}\n" OPEN,
                   (unsigned)smtp_script_port(w.script));
    CU_ASSERT_TRUE(reload(&w, both));
    CU_ASSERT_EQUAL(w.reloaded.servers_kept, 1);
    CU_ASSERT_EQUAL(w.reloaded.servers_opened, 1);
    CU_ASSERT_TRUE(send_mail(w.app));
    CU_ASSERT_EQUAL(smtp_script_connections(w.script), 1);
    end(&w);
}

static void a_changed_server_s_sessions_quit(void)
{
    struct world w;
    begin_with_script(&w, "== 1\n" HELLO ONE QUIT "== 2\n" HELLO ONE QUIT);
    CU_ASSERT_TRUE(send_mail(w.app));
    CU_ASSERT_TRUE(reload(&w, yaml_for(&w, ", pool: {size: 3}", "")));
    CU_ASSERT_EQUAL(w.reloaded.servers_kept, 0);
    CU_ASSERT_EQUAL(w.reloaded.servers_opened, 1);
    CU_ASSERT_EQUAL(w.reloaded.servers_closed, 1);
    CU_ASSERT_TRUE(smtp_script_wait(w.script, 1, WAIT_MS)); /* before any other mail */
    CU_ASSERT_TRUE(send_mail(w.app));
    CU_ASSERT_TRUE(reload(&w, PLAIN));
    CU_ASSERT_TRUE(smtp_script_wait(w.script, 2, WAIT_MS));
    end(&w);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_TRUE(fputs(text, file) >= 0);
    CU_ASSERT_EQUAL(fclose(file), 0);
}

/* The same octets in another file. */
static void replace_by_copy(const char *dir, const char *name)
{
    char path[128];
    char other[140];
    static char text[65536];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    (void)snprintf(other, sizeof other, "%s.new", path);
    FILE *file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    CU_ASSERT_EQUAL(fclose(file), 0);
    write_file(other, text);
    CU_ASSERT_EQUAL(rename(other, path), 0);
}

/* Files that the configuration only names: what is in them counts. */
static void a_changed_file_changes_its_server(void)
{
    char dir[] = "/tmp/fcgi-smtp-reload-XXXXXX";
    char password[64];
    char yaml[512];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    (void)snprintf(password, sizeof password, "%s/password", dir);
    write_file(password, "first\n");
    const char *ca = smtp_fixture_ca();
    (void)snprintf(yaml, sizeof yaml,
                   "server: a\nservers:\n  a: {host: h, user: u, password_file: %s}\n"
                   "  b: {host: h, ca_file: %s/ca.pem}\n  c: {host: h, client_cert: %s/client.pem, "
                   "client_key: %s/client.key}\n",
                   password, ca, ca, ca);
    struct world w;
    begin(&w, yaml);
    CU_ASSERT_TRUE(reload(&w, yaml));
    CU_ASSERT_EQUAL(w.reloaded.servers_kept, 3);
    write_file(password, "second\n");
    CU_ASSERT_TRUE(reload(&w, yaml));
    CU_ASSERT_EQUAL(w.reloaded.servers_kept, 2);
    const char *const files[] = {"ca.pem", "client.pem", "client.key"};
    for (size_t i = 0; i < 3; i++) {
        replace_by_copy(ca, files[i]);
        CU_ASSERT_TRUE(reload(&w, yaml));
        CU_ASSERT_EQUAL(w.reloaded.servers_kept, 2);
        CU_ASSERT_TRUE(reload(&w, yaml));
        CU_ASSERT_EQUAL(w.reloaded.servers_kept, 3);
    }
    end(&w);
    CU_ASSERT_EQUAL(unlink(password), 0);
    CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static void what_is_known_of_a_server_stays(void)
{
    struct world w;
    begin(&w, "server: [a, b]\nservers: {a: {host: h}, b: {host: h}}\n");
    struct standby *standby = &w.app->snapshots.current->standby;
    standby_failed(standby, 0, deadline_now());
    CU_ASSERT_TRUE(reload(&w, "server: [b, a]\nservers: {b: {host: h, port: 26}, a: {host: h}}\n"));
    standby = &w.app->snapshots.current->standby;
    size_t order[2];
    standby_order(standby, deadline_now(), order);
    CU_ASSERT_TRUE(atomic_load(&standby->retry_at[1]) > 0);
    standby_failed(standby, 0, deadline_now());
    CU_ASSERT_TRUE(
        reload(&w, "server: [b, a]\nservers: {b: {host: h}, a: {host: h}}\n")); /* b is another one now */
    standby = &w.app->snapshots.current->standby;
    CU_ASSERT_TRUE(atomic_load(&standby->retry_at[0]) == 0 && atomic_load(&standby->retry_at[1]) > 0);
    end(&w);
}

static void counters_go_on(void)
{
    struct world w;
    begin_with_script(&w, "== *\n" HELLO ONE QUIT);
    CU_ASSERT_TRUE(send_mail(w.app));
    const struct metrics_server *counters = metrics_first_server(&w.app->metrics);
    CU_ASSERT_EQUAL(metrics_deliveries(counters), 1);
    CU_ASSERT_TRUE(reload(&w, "server: {host: h}\n" OPEN)); /* as default, like the first */
    CU_ASSERT_TRUE(reload(&w, "server: other\nservers: {other: {host: h}}\n"));
    CU_ASSERT_TRUE(reload(&w, yaml_for(&w, "", "")));
    CU_ASSERT_TRUE(send_mail(w.app));
    CU_ASSERT_PTR_EQUAL(metrics_first_server(&w.app->metrics), counters);
    CU_ASSERT_EQUAL(metrics_deliveries(counters), 2);
    CU_ASSERT_EQUAL(metrics_get(&w.app->metrics.reloads[METRICS_RELOAD_OK]), 3);
    end(&w);
}

/* --- requests --- */

#define KEY                                                                                                  \
    "keys: {name: one, sha256: a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e}\n" /* "first" */
#define ALL      "pages: [metrics, status, compose]\n"
#define WITH_KEY "HTTP_AUTHORIZATION=Bearer first"

static void it_applies_at_once(void)
{
    struct world w;
    begin(&w, PLAIN KEY ALL);
    CU_ASSERT_EQUAL(get(w.app, "REQUEST_URI=/status", WITH_KEY), 200);
    CU_ASSERT_TRUE(reload(&w, PLAIN ALL));
    CU_ASSERT_EQUAL(get(w.app, "REQUEST_URI=/status", WITH_KEY), 401); /* no longer a key */
    CU_ASSERT_EQUAL(get(w.app, "REQUEST_URI=/status", NULL), 200);
    CU_ASSERT_TRUE(reload(&w, PLAIN ALL "pages_from: 192.0.2.1\n"));
    CU_ASSERT_EQUAL(get(w.app, "REQUEST_URI=/status", NULL), 401);
    CU_ASSERT_TRUE(reload(&w, PLAIN "pages: metrics\nbase_path: /mail\n"));
    CU_ASSERT_EQUAL(get(w.app, "REQUEST_URI=/metrics", NULL), 404);
    CU_ASSERT_EQUAL(get(w.app, "REQUEST_URI=/mail/metrics", NULL), 200);
    CU_ASSERT_EQUAL(get(w.app, "REQUEST_URI=/mail/form/contact", NULL), 404);
    CU_ASSERT_TRUE(reload(&w, PLAIN "forms: {contact: {to: b@example.com, from: a@example.com}}\n"));
    CU_ASSERT_EQUAL(get(w.app, "REQUEST_URI=/form/contact", NULL), 405);
    end(&w);
}

/* Also the secrets: they go with the last request that may need them. */
static void a_request_keeps_what_it_began_with(void)
{
    struct world w;
    char secret[MEMORY_SECRET_LEN + 1];
    char yaml[256];
    memory_secret(7, secret);
    (void)snprintf(yaml, sizeof yaml, "server: {host: h, user: u, password: %s}\nbase_path: /old\n", secret);
    begin(&w, yaml);
    secret_wipe(secret, sizeof secret);
    secret_wipe(yaml, sizeof yaml);
    struct http_response response;
    http_response_init(&response);
    struct exchange *exchange = exchange_new(w.app, NULL, &response);
    CU_ASSERT_TRUE(reload(&w, PLAIN));
    CU_ASSERT_STRING_EQUAL(exchange->snapshot->config->base_path, "/old");
    CU_ASSERT_STRING_EQUAL(app_config(w.app)->base_path, "/");
    CU_ASSERT_TRUE(memory_search(7) > 0);
    exchange_free(exchange);
    CU_ASSERT_EQUAL(memory_search(7), 0);
    http_response_free(&response);
    end(&w);
}

/* --- failures --- */

static void a_failure_changes_nothing(void)
{
    struct world w;
    begin_with_script(&w, "== 1\n" HELLO ONE ONE QUIT);
    CU_ASSERT_TRUE(send_mail(w.app));
    const struct config *config = app_config(w.app);
    char yaml[512];
    (void)snprintf(
        yaml, sizeof yaml,
        "base_path: /x\nserver: default\nservers:\n  default: {host: 127.0.0.1, port: %u, tls: none}\n"
        "  b: {host: h, ca_file: /proc/self/maps}\n",
        (unsigned)smtp_script_port(w.script));
    CU_ASSERT_FALSE(reload(&w, yaml));
    CU_ASSERT_PTR_NOT_NULL(strstr(w.err.text, "ca_file /proc/self/maps"));
    CU_ASSERT_PTR_EQUAL(app_config(w.app), config);
    CU_ASSERT_EQUAL(metrics_get(&w.app->metrics.reloads[METRICS_RELOAD_REFUSED]), 1);
    CU_ASSERT_EQUAL(metrics_get(&w.app->metrics.reloads[METRICS_RELOAD_OK]), 0);
    CU_ASSERT_TRUE(send_mail(w.app));
    CU_ASSERT_EQUAL(smtp_script_connections(w.script), 1);
    end(&w);
}

/* --- many at once --- */

#define THREADS 4
#define RELOADS 100

struct load {
    struct app *app;
    atomic_bool stop;
    atomic_uint good, bad;
};

static void *ask_and_send(void *argument)
{
    struct load *load = argument;
    while (!atomic_load(&load->stop)) {
        bool good = get(load->app, "REQUEST_URI=/status", NULL) == 200 && send_mail(load->app);
        atomic_fetch_add(good ? &load->good : &load->bad, 1);
    }
    return NULL;
}

static void reloads_under_load(void)
{
    struct world w;
    begin_with_script(&w, "== *\n" HELLO
                          "C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\nS: 250 "
                          "queued\nC?: MAIL *\nS: 250 ok\nC?: RCPT *\nS: 250 ok\nREAD-UNTIL-EOF\n");
    char yaml[2][1024];
    for (size_t i = 0; i < 2; i++) { /* each change closes the pool, so that no session has a second mail */
        (void)snprintf(
            yaml[i], sizeof yaml[i], "%s",
            yaml_for(&w, i == 0 ? ", pool: {size: 0}" : ", pool: {size: 0}, inline_limit: 1", ALL));
    }
    CU_ASSERT_TRUE(reload(&w, yaml[0]));
    struct load load = {.app = w.app};
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, ask_and_send, &load), 0);
    }
    for (size_t i = 0; i < RELOADS; i++) {
        CU_ASSERT_TRUE(reload(&w, yaml[i % 2]));
    }
    while (atomic_load(&load.good) + atomic_load(&load.bad) < 2 * THREADS) {
        CU_ASSERT_TRUE(reload(&w, yaml[0]));
    }
    atomic_store(&load.stop, true);
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    CU_ASSERT_EQUAL(atomic_load(&load.bad), 0);
    end(&w);
}

static void clean_up(void)
{
    smtp_fixture_remove_ca();
}

static const struct unit_test tests[] = {
    {"a server that stays keeps its session", a_server_that_stays_keeps_its_session},
    {"a changed server's sessions quit", a_changed_server_s_sessions_quit},
    {"a changed file changes its server", a_changed_file_changes_its_server},
    {"what is known of a server stays", what_is_known_of_a_server_stays},
    {"counters go on", counters_go_on},
    {"it applies at once", it_applies_at_once},
    {"a request keeps what it began with", a_request_keeps_what_it_began_with},
    {"a failure changes nothing", a_failure_changes_nothing},
    {"reloads under load", reloads_under_load},
    {"clean up", clean_up},
};
UNIT_SUITE(app_reload, tests);
