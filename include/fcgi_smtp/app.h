/*
 * app: one request from form to answer; the only part that knows all the others.
 *
 * It turns a configuration into endpoints and serves the routes: /send and /healthz.
 */
#ifndef FCGI_SMTP_APP_H
#define FCGI_SMTP_APP_H

#include <stdbool.h>

#include "fcgi_smtp/config.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/http_server.h"

struct app;

/*
 * Adds to the report what only the mail parsers can find in a configuration: addresses, header names and
 * message texts under defaults.
 */
void app_check(const struct config *config, struct config_report *report);

/* config must outlive the app. NULL: a trust store cannot be loaded, or a default is invalid (app_check says
 * which). */
struct app *app_new(const struct config *config, struct err *err);

/* The handler for http_server_new; valid until app_free. */
struct http_handler app_handler(struct app *app);

void app_free(struct app *app); /* takes NULL; no request may be in work */

#endif
