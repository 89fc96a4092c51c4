/*
 * endpoint: a configuration's server as the SMTP client's settings.
 */
#ifndef FCGI_SMTP_APP_ENDPOINT_H
#define FCGI_SMTP_APP_ENDPOINT_H

#include "app/server_choice.h"
#include "fcgi_smtp/config.h"
#include "fcgi_smtp/smtp_client.h"

/* The endpoint of a configured server; NULL: its trust store cannot be loaded. */
struct smtp_endpoint *endpoint_new(const struct config_server *server, struct err *err);

/* One for a request that overrides settings of the server whose endpoint is base, sharing its trust store. */
struct smtp_endpoint *endpoint_derive(const struct smtp_endpoint *base, const struct server_choice *choice,
                                      struct err *err);

#endif
