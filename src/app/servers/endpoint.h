/*
 * endpoint: a configuration's server as the SMTP client's settings.
 */
#ifndef FCGI_SMTP_APP_ENDPOINT_H
#define FCGI_SMTP_APP_ENDPOINT_H

#include <stdbool.h>

#include "app/servers/password_command.h"
#include "app/servers/server_choice.h"
#include "fcgi_smtp/config.h"
#include "fcgi_smtp/smtp_client.h"

/* The program that gives the server's password; *command is NULL if it has none. helper may be NULL and must outlive
 * *command. False without memory, or when the helper does not know the program. */
bool endpoint_command(const struct config_server *server, struct password_helper *helper,
                      struct password_command **command, struct err *err) __attribute__((warn_unused_result));

/* The endpoint of a configured server; NULL: its trust store cannot be loaded. command is what endpoint_command gave, and
 * outlives the endpoint. */
struct smtp_endpoint *endpoint_new(const struct config_server *server, struct password_command *command,
                                   struct err *err);

/* One for a request that overrides settings of the server whose endpoint is base, sharing its trust store, and command
 * where the credentials stay the server's. */
struct smtp_endpoint *endpoint_derive(const struct smtp_endpoint *base, const struct server_choice *choice,
                                      struct password_command *command, struct err *err);

#endif
