/*
 * Signals are waited for by a thread, so that what they ask for is done in ordinary code. It is the only one that loads
 * configurations while the program runs.
 */
#include "cli/serve.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/reload.h"
#include "cli/server_options.h"
#include "fcgi_smtp/app.h"
#include "fcgi_smtp/http_server.h"
#include "fcgi_smtp/log.h"

struct waiter {
    sigset_t signals;
    struct reload reload;
};

static void *wait_for_signals(void *argument)
{
    struct waiter *waiter = argument;
    int number = 0;
    while (sigwait(&waiter->signals, &number) == 0 && number == SIGHUP) {
        reload_now(&waiter->reload);
    }
    log_message(LOG_LEVEL_INFO, "%s: finishing the requests in work", strsignal(number));
    http_server_stop(waiter->reload.server);
    return NULL;
}

/* Serves until a signal asks for the end. */
static enum serve_result run(struct waiter *waiter)
{
    struct http_server *server = waiter->reload.server;
    struct err err = {0};
    pthread_t thread;
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
    waiter.reload.app = app_new(config, &err);
    if (waiter.reload.app == NULL) {
        log_message(LOG_LEVEL_ERROR, "%s", err.text);
        return SERVE_FAILED;
    }
    waiter.reload.server = open_server(waiter.reload.app, handed_over);
    if (waiter.reload.server != NULL) {
        result = run(&waiter);
    }
    if (result != SERVE_STUCK) {
        http_server_free(waiter.reload.server);
        app_free(waiter.reload.app);
    }
    return result;
}
