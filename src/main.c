/*
 * The command line and the wiring: configuration -> app -> server. The only place that exits.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/handover.h"
#include "cli/health.h"
#include "cli/new_key.h"
#include "cli/options.h"
#include "cli/send_command.h"
#include "cli/service.h"
#include "cli/test_server.h"
#include "fcgi_smtp/app.h"
#include "fcgi_smtp/config.h"
#include "fcgi_smtp/http_server.h"
#include "fcgi_smtp/log.h"

#define LARGE_BUFFER (48 * 1024) /* octets, from which on a buffer is one */

/* Secrets must not get into a core file or be read by a debugger of the same user. */
static void protect_memory(void)
{
#ifndef FCGI_SMTP_SANITIZED
    (void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

/*
 * The buffers of large uploads are given back when they are freed: otherwise malloc keeps, for each of its arenas, the
 * most that was ever in use there.
 */
static void return_large_buffers(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BUFFER);
    (void)mallopt(M_TRIM_THRESHOLD, LARGE_BUFFER);
    (void)mallopt(M_TOP_PAD, LARGE_BUFFER / 4);
}

/* Connections and deliveries take a few descriptors each; the soft limit is often 1,024. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Loads and checks the file; what is wrong with it goes to standard error. */
static struct config *load(const char *path, int handed_over)
{
    struct config_report report;
    config_report_init(&report);
    report.further = app_check;
    struct config *config = config_load(path, handed_over >= 0, &report);
    (void)fputs(buf_cstr(&report.warnings), stderr);
    (void)fputs(buf_cstr(&report.problems), stderr);
    config_report_free(&report);
    return config;
}

static int print_config(const struct config *config)
{
    struct buf text;
    buf_init(&text, (size_t)4 * 1024 * 1024);
    bool good = config_print(config, &text) && fwrite(text.data, 1, text.len, stdout) == text.len;
    buf_free(&text);
    return good && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

struct signal_waiter {
    sigset_t signals;
    struct http_server *server;
    const struct service *service;
    int64_t shutdown_timeout;
};

static void *wait_for_signal(void *argument)
{
    struct signal_waiter *waiter = argument;
    int number = 0;
    (void)sigwait(&waiter->signals, &number);
    log_message(LOG_LEVEL_INFO, "%s: finishing the requests in work", strsignal(number));
    service_stopping(waiter->service, waiter->shutdown_timeout + HTTP_CANCEL_GRACE_MS,
                     "Finishing the requests in work");
    http_server_stop(waiter->server);
    return NULL;
}

/* Serves until a signal asks for the end. */
static int run(struct http_server *server, const struct config *config, const struct service *service)
{
    struct signal_waiter waiter = {
        .server = server, .service = service, .shutdown_timeout = config->shutdown_timeout};
    (void)sigemptyset(&waiter.signals);
    (void)sigaddset(&waiter.signals, SIGTERM);
    (void)sigaddset(&waiter.signals, SIGINT);
    (void)sigaddset(&waiter.signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &waiter.signals, NULL);
    pthread_t thread;
    if (pthread_create(&thread, NULL, wait_for_signal, &waiter) != 0) {
        log_message(LOG_LEVEL_ERROR, "cannot start a thread");
        return EXIT_FAILURE;
    }
    struct err err = {0};
    log_message(LOG_LEVEL_INFO, "fcgi-smtp " FCGI_SMTP_VERSION " serves at %s", http_server_address(server));
    service_ready(service, "Serving");
    bool finished = http_server_run(server, &err);
    if (!finished) {
        /* Threads may still be in a delivery: nothing that they use can be freed. */
        log_message(LOG_LEVEL_ERROR, "%s", err.text);
        _exit(EXIT_FAILURE);
    }
    (void)pthread_join(thread, NULL); /* the server ends only when it has been told to */
    log_message(LOG_LEVEL_INFO, "all requests are answered; bye");
    return EXIT_SUCCESS;
}

/* The networks of listen_allowed, which the configuration's check has found good. */
static struct http_network *allowed_networks(const struct config *config)
{
    struct http_network *networks = calloc(config->listen_allowed.count + 1, sizeof *networks);
    for (size_t i = 0; networks != NULL && i < config->listen_allowed.count; i++) {
        (void)http_network_parse(&networks[i], config->listen_allowed.items[i]);
    }
    return networks;
}

static int serve_with(const struct config *config, struct app *app, int handed_over,
                      const struct service *service)
{
    struct http_network *networks = allowed_networks(config);
    if (networks == NULL) {
        log_message(LOG_LEVEL_ERROR, "there is no memory left for listen_allowed");
        return EXIT_FAILURE;
    }
    struct http_server_options options = {
        .listen = handed_over >= 0 ? NULL : config->listen,
        .fd = handed_over,
        .listen_mode = (mode_t)config->listen_mode,
        .listen_group = config->listen_group,
        .allowed = networks,
        .allowed_count = config->listen_allowed.count,
        .workers = (unsigned)config->workers,
        .connections = (unsigned)config->connections,
        .queue_wait_ms = config->queue_wait,
        .idle_ms = config->idle,
        .read_time_ms = config->limits.read_time,
        .shutdown_timeout_ms = config->shutdown_timeout,
    };
    struct http_handler handler = app_handler(app);
    struct err err = {0};
    struct http_server *server = http_server_new(&options, &handler, &err);
    int status = EXIT_FAILURE;
    if (server == NULL) {
        log_message(LOG_LEVEL_ERROR, "%s", err.text);
    } else {
        app_watch(app, server);
        status = run(server, config, service);
    }
    http_server_free(server);
    free(networks);
    return status;
}

static int serve(const struct config *config, int handed_over)
{
    struct err err = {0};
    struct service service;
    log_open(config->log.level, config->log.format, config->log.to);
    if (!service_open(&service, &err)) {
        log_message(LOG_LEVEL_WARNING, "%s", err.text);
    }
    struct app *app = app_new(config, &err);
    if (app == NULL) {
        log_message(LOG_LEVEL_ERROR, "%s", err.text);
        service_close(&service);
        return EXIT_FAILURE;
    }
    int status = serve_with(config, app, handed_over, &service);
    app_free(app);
    service_close(&service);
    return status;
}

static int ask_health(const char *address, const struct config *config)
{
    struct err err = {0};
    if (health_ask(address != NULL ? address : config->listen, config->base_path, HEALTH_TIMEOUT_MS, &err)) {
        return EXIT_SUCCESS;
    }
    (void)fprintf(stderr, "fcgi-smtp: %s\n", err.text);
    return EXIT_FAILURE;
}

static int run_with_config(const struct cli_options *options)
{
    int handed_over = -1;
    struct err err = {0};
    log_open(LOG_LEVEL_WARNING, LOG_FORMAT_LOGFMT, LOG_TO_STDERR); /* until the configuration says how */
    if (!handover_find(&handed_over, &err)) {
        log_message(LOG_LEVEL_ERROR, "%s", err.text);
        return EX_CONFIG;
    }
    struct config *config = load(options->config, handed_over);
    if (config == NULL) {
        return EX_CONFIG;
    }
    int status = EXIT_SUCCESS;
    switch (options->command) {
    case CLI_CHECK:
        status = printf("%s: ok\n", options->config) > 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        break;
    case CLI_PRINT_CONFIG:
        status = print_config(config);
        break;
    case CLI_HEALTH:
        status = ask_health(options->operand, config);
        break;
    case CLI_TEST_SERVER:
        status = test_server(config, options->operand, options->verbose) ? EXIT_SUCCESS : EXIT_FAILURE;
        break;
    case CLI_SEND:
        status = send_command(config, options->fields, options->field_count, options->verbose) ? EXIT_SUCCESS
                                                                                               : EXIT_FAILURE;
        break;
    default:
        status = serve(config, handed_over);
        break;
    }
    config_free(config);
    return status;
}

int main(int argc, char **argv)
{
    struct cli_options options = cli_parse(argc, argv);
    switch (options.command) {
    case CLI_USAGE_ERROR:
        return EX_USAGE;
    case CLI_HELP:
        (void)fputs(cli_help, stdout);
        return EXIT_SUCCESS;
    case CLI_VERSION:
        (void)puts("fcgi-smtp " FCGI_SMTP_VERSION);
        return EXIT_SUCCESS;
    case CLI_NEW_KEY:
        protect_memory();
        return new_key(options.operand, stdout, stderr) ? EXIT_SUCCESS : EXIT_FAILURE;
    default:
        protect_memory();
        raise_descriptor_limit();
        return_large_buffers();
        return run_with_config(&options);
    }
}
