/*
 * The two enums of each setting are mapped by tables, so that neither module knows the other.
 */
#include "app/endpoint.h"

static struct smtp_settings settings_of(const struct config_server *server)
{
    static const enum smtp_tls tls[] = {
        [CONFIG_TLS_UNSET] = SMTP_TLS_STARTTLS, /* never left unset by config_server_complete */
        [CONFIG_TLS_STARTTLS] = SMTP_TLS_STARTTLS,
        [CONFIG_TLS_IMPLICIT] = SMTP_TLS_IMPLICIT,
        [CONFIG_TLS_NONE] = SMTP_TLS_NONE,
    };
    static const enum smtp_auth auth[] = {
        [CONFIG_AUTH_AUTO] = SMTP_AUTH_AUTO,
        [CONFIG_AUTH_PLAIN] = SMTP_AUTH_PLAIN,
        [CONFIG_AUTH_LOGIN] = SMTP_AUTH_LOGIN,
    };
    return (struct smtp_settings){
        .name = server->name,
        .host = server->host,
        .port = (uint16_t)server->port,
        .tls = tls[server->tls],
        .tls_1_3 = server->tls_min == CONFIG_TLS_1_3,
        .verify = server->verify == CONFIG_VERIFY_FULL,
        .ca_file = server->ca_file,
        .ca_path = server->ca_path,
        .user = server->user,
        .password = server->password, /* a view: copied by the endpoint */
        .auth = auth[server->auth],
        .allow_cleartext_auth = server->allow_cleartext_auth,
        .domain = server->domain,
        .abort_on_refused = server->on_refused == CONFIG_REFUSED_ABORT,
        .connect_timeout_ms = server->timeouts.connect,
        .greeting_timeout_ms = server->timeouts.greeting,
        .command_timeout_ms = server->timeouts.command,
        .data_timeout_ms = server->timeouts.data,
    };
}

struct smtp_endpoint *endpoint_new(const struct config_server *server, struct err *err)
{
    struct smtp_settings settings = settings_of(server);
    return smtp_endpoint_new(&settings, err);
}

struct smtp_endpoint *endpoint_derive(const struct smtp_endpoint *base, const struct server_choice *choice,
                                      struct err *err)
{
    struct smtp_settings settings = settings_of(&choice->settings);
    settings.public_only = choice->public_only;
    return smtp_endpoint_derive(base, &settings, err);
}
