/*
 * Signals are waited for by a thread, so that what they ask for is done in ordinary code. It is the only one that loads
 * configurations while the program runs.
 */
#include "cli/serve.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/reload.h"
#include "cli/sandbox.h"
#include "cli/server_options.h"
#include "cli/service.h"
#include "fcgi_smtp/app.h"
#include "fcgi_smtp/http_server.h"
#include "fcgi_smtp/log.h"

#define UNIX              "unix:" /* what listen begins with for a path */
#define OTHER_DESCRIPTORS 64      /* the log, the socket, the libraries' */

struct waiter {
    sigset_t signals;
    struct reload reload;
    struct service service;
};

static void reload_and_tell(const struct waiter *waiter)
{
    service_reloading(&waiter->service);
    bool taken = reload_now(&waiter->reload);
    service_ready(&waiter->service,
                  taken ? "Serving" : "Serving; the changed configuration was refused, see the log");
}

static void stop_and_tell(const struct waiter *waiter)
{
    int64_t timeout = app_config(waiter->reload.app)->shutdown_timeout + HTTP_CANCEL_GRACE_MS;
    service_stopping(&waiter->service, timeout, "Finishing the requests in work");
    http_server_stop(waiter->reload.server);
}

static void *wait_for_signals(void *argument)
{
    struct waiter *waiter = argument;
    int number = 0;
    while (sigwait(&waiter->signals, &number) == 0 && number == SIGHUP) {
        reload_and_tell(waiter);
    }
    log_message(LOG_LEVEL_INFO, "%s: finishing the requests in work", strsignal(number));
    stop_and_tell(waiter);
    return NULL;
}

/* Serves until a signal asks for the end. */
static enum serve_result run(struct waiter *waiter)
{
    struct http_server *server = waiter->reload.server;
    struct err err = {0};
    pthread_t thread;
    service_ready(&waiter->service, "Serving"); /* the socket listens; before any other word to the manager */
    if (pthread_create(&thread, NULL, wait_for_signals, waiter) != 0) {
        log_message(LOG_LEVEL_ERROR, "cannot start a thread");
        return SERVE_FAILED;
    }
    log_message(LOG_LEVEL_INFO, "fcgi-smtp " FCGI_SMTP_VERSION " serves at %s", http_server_address(server));
    if (!http_server_run(server, &err)) {
        log_message(LOG_LEVEL_ERROR, "%s", err.text);
        return SERVE_STUCK;
    }
    (void)pthread_join(thread, NULL); /* the server ends only when it has been told to */
    log_message(LOG_LEVEL_INFO, "all requests are answered; bye");
    return SERVE_DONE;
}

static struct http_server *open_server(struct app *app, int handed_over)
{
    struct err err = {0};
    struct http_server_options options;
    struct http_handler handler = app_handler(app);
    if (!server_options_of(&options, app_config(app), handed_over)) {
        log_message(LOG_LEVEL_ERROR, "there is no memory left for listen_allowed");
        return NULL;
    }
    struct http_server *server = http_server_new(&options, &handler, &err);
    if (server == NULL) {
        log_message(LOG_LEVEL_ERROR, "%s", err.text);
    } else {
        app_watch(app, server);
    }
    server_options_free(&options);
    return server;
}

/* What works at first, and fails when it matters. */
static void warn_of_surroundings(const struct config *config)
{
    struct rlimit limit;
    int64_t needed = 2 * config->connections + config->workers + OTHER_DESCRIPTORS;
    if (geteuid() == 0) {
        log_message(LOG_LEVEL_WARNING, "runs as root, which is never needed: start it as a user of its own");
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)needed) {
        log_message(LOG_LEVEL_WARNING,
                    "only %llu files may be open, and with these connections and workers it may take %lld: "
                    "raise the limit (ulimit -n, LimitNOFILE), or lower connections",
                    (unsigned long long)limit.rlim_cur, (long long)needed);
    }
}

/* Everything is open, and there are no threads yet. */
static enum serve_result run_in_sandbox(struct waiter *waiter)
{
    struct reload *reload = &waiter->reload;
    const struct config *config = app_config(reload->app);
    bool made_socket = reload->handed_over < 0 && strncmp(config->listen, UNIX, strlen(UNIX)) == 0;
    struct err err = {0};
    reload->sandbox =
        sandbox_enter(config, reload->path, made_socket ? config->listen + strlen(UNIX) : NULL, &err);
    if (reload->sandbox == NULL) {
        log_message(LOG_LEVEL_ERROR, "%s", err.text);
        return SERVE_REFUSED;
    }
    enum serve_result result = run(waiter);
    if (result != SERVE_STUCK) {
        sandbox_free(reload->sandbox);
    }
    return result;
}

enum serve_result serve(struct config *config, const char *path, int handed_over)
{
    struct waiter waiter = {.reload = {.path = path, .handed_over = handed_over}};
    struct err err = {0};
    enum serve_result result = SERVE_FAILED;
    (void)sigemptyset(&waiter.signals);
    (void)sigaddset(&waiter.signals, SIGTERM);
    (void)sigaddset(&waiter.signals, SIGINT);
    (void)sigaddset(&waiter.signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &waiter.signals, NULL);
    log_open(config->log.level, config->log.format, config->log.to);
    if (!service_open(&waiter.service, &err)) {
        log_message(LOG_LEVEL_WARNING, "%s", err.text);
    }
    waiter.reload.app = app_new(config, &err);
    if (waiter.reload.app == NULL) {
        log_message(LOG_LEVEL_ERROR, "%s", err.text);
        service_close(&waiter.service);
        return SERVE_FAILED;
    }
    waiter.reload.server = open_server(waiter.reload.app, handed_over);
    if (waiter.reload.server != NULL) {
        warn_of_surroundings(app_config(waiter.reload.app));
        result = run_in_sandbox(&waiter);
    }
    if (result != SERVE_STUCK) {
        http_server_free(waiter.reload.server);
        app_free(waiter.reload.app);
        service_close(&waiter.service);
    }
    return result;
}
