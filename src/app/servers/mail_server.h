/*
 * mail_server: one of a configuration's servers and what deliveries to it share: warm sessions, the program that gives its
 * password, its counters.
 *
 * Reference-counted: a new configuration that says the same of a server goes on with the very same one.
 */
#ifndef FCGI_SMTP_APP_MAIL_SERVER_H
#define FCGI_SMTP_APP_MAIL_SERVER_H

#include <stdatomic.h>

#include "app/pages/metrics.h"
#include "app/servers/password_command.h"
#include "fcgi_smtp/config.h"
#include "fcgi_smtp/smtp_client.h"

struct mail_server {
    atomic_uint references;
    struct smtp_endpoint *endpoint;
    struct password_command *command; /* NULL where the password comes from elsewhere */
    struct metrics_server *counters;  /* those of the metrics that have its name */
};

/* With one reference. NULL: there is no memory, its trust store cannot be loaded, or the helper, which
 * may be NULL, does not know its password_command. Nothing of settings is kept. */
struct mail_server *mail_server_new(const struct config_server *settings, struct metrics *metrics,
                                    struct password_helper *helper, struct err *err);

/* One more reference; the caller has or borrows one. */
struct mail_server *mail_server_keep(struct mail_server *server);

/* One less; the last one frees it. Takes NULL. */
void mail_server_release(struct mail_server *server);

#endif
