/*
 * app: one request from form to answer; the only part that knows all the others.
 *
 * It turns a configuration into endpoints and serves the routes: /send, /form/NAME, /v3/DOMAIN/messages, /healthz,
 * /readyz and the pages. The command line uses the same endpoints, and the same way from a form to an answer.
 */
#ifndef FCGI_SMTP_APP_H
#define FCGI_SMTP_APP_H

#include <stdbool.h>

#include "fcgi_smtp/config.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/form_fields.h"
#include "fcgi_smtp/http_server.h"
#include "fcgi_smtp/smtp_client.h"

struct app;

/*
 * Adds to the report what only the mail parsers can find in a configuration: addresses, header names and
 * message texts under defaults, addresses, templates and origins under forms.
 */
void app_check(const struct config *config, struct config_report *report);

/*
 * Takes config over, also when it fails. Where a server has a password_command it forks the process that runs it: call it
 * before there are threads and before the sandbox. NULL, err says why: there is no memory, a trust store cannot be loaded,
 * that process cannot be started, or a default or form is invalid (app_check says which).
 */
struct app *app_new(struct config *config, struct err *err);

/* The configuration that requests begin with now; valid until the next app_reload. */
const struct config *app_config(const struct app *app);

/* What app_reload did. Servers are kept with their sessions where nothing about them has changed. */
struct app_reloaded {
    size_t servers_kept, servers_opened, servers_closed;
};

/*
 * From now on requests begin with another configuration, which is taken over, also when it fails; those in work end with
 * theirs. Whether it may be taken without a restart (config_reload_check) is the caller's to find out. Sessions of servers
 * that are gone or changed get their QUIT. Call it from one thread at a time. False: err says why, and everything is as it
 * was before.
 */
bool app_reload(struct app *app, struct config *config, struct app_reloaded *reloaded, struct err *err);

/* Counts a configuration that was not even given to app_reload. */
void app_reload_refused(struct app *app);

/* The handler for http_server_new; valid until app_free. */
struct http_handler app_handler(struct app *app);

/* The server whose counts /metrics and /status show. Call it before the server runs; it must outlive that. */
void app_watch(struct app *app, const struct http_server *server);

/* The endpoint of an entry of app_config's servers; valid as long as that. */
struct smtp_endpoint *app_endpoint(const struct app *app, const struct config_server *server);

/* A mail that is not asked for over HTTP. */
struct app_mail {
    /* Fills the form of /send. Anything but FORM_OK is answered as it would be for a request's body; err says why. */
    enum form_result (*fill)(void *ctx, struct fields *fields, struct err *err);
    void *ctx;
    const struct smtp_trace *trace; /* NULL: none */
};

/*
 * Does what POST /send does, by the same defaults, limits and policy, and appends the answer's JSON. True: the mail was
 * sent to all recipients, or it was a dry run. Blocks until the answer is there.
 */
bool app_send(struct app *app, const struct app_mail *mail, struct buf *json);

void app_free(struct app *app); /* takes NULL; no request may be in work */

#endif
