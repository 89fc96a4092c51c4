/*
 * The count only rises through somebody's own reference, so it never rises from 0. The last decrement must see all that
 * others did with the server before theirs: release and acquire.
 */
#include "app/servers/mail_server.h"

#include <stdlib.h>

#include "app/servers/endpoint.h"

struct mail_server *mail_server_new(const struct config_server *settings, struct metrics *metrics,
                                    struct password_helper *helper, struct err *err)
{
    struct mail_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        err_set(err, "There is no memory left for the servers");
        return NULL;
    }
    atomic_init(&server->references, 1);
    server->counters = metrics_server_named(metrics, settings->name);
    if (server->counters == NULL) {
        err_set(err, "There is no memory left for the servers' counters");
        mail_server_release(server);
        return NULL;
    }
    if (endpoint_command(settings, helper, &server->command, err)) {
        server->endpoint = endpoint_new(settings, server->command, err);
    }
    if (server->endpoint == NULL) {
        mail_server_release(server);
        return NULL;
    }
    return server;
}

struct mail_server *mail_server_keep(struct mail_server *server)
{
    (void)atomic_fetch_add_explicit(&server->references, 1, memory_order_relaxed);
    return server;
}

void mail_server_release(struct mail_server *server)
{
    if (server == NULL || atomic_fetch_sub_explicit(&server->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    smtp_endpoint_free(server->endpoint);
    password_command_free(server->command);
    free(server);
}
