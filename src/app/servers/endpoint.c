/*
 * The two enums of each setting are mapped by tables, so that neither module knows the other.
 */
#include "app/servers/endpoint.h"

#include <stdio.h>
#include <string.h>

#define PATH_MAX_SHOWN 128 /* octets; a name is no longer than what is shown of it */

static const enum smtp_tls tls_modes[] = {
    [CONFIG_TLS_UNSET] = SMTP_TLS_STARTTLS, /* never left unset by config_server_complete */
    [CONFIG_TLS_STARTTLS] = SMTP_TLS_STARTTLS,
    [CONFIG_TLS_IMPLICIT] = SMTP_TLS_IMPLICIT,
    [CONFIG_TLS_NONE] = SMTP_TLS_NONE,
};

static const enum smtp_auth auth_mechanisms[] = {
    [CONFIG_AUTH_AUTO] = SMTP_AUTH_AUTO,
    [CONFIG_AUTH_PLAIN] = SMTP_AUTH_PLAIN,
    [CONFIG_AUTH_LOGIN] = SMTP_AUTH_LOGIN,
    [CONFIG_AUTH_CRAM_MD5] = SMTP_AUTH_CRAM_MD5,
    [CONFIG_AUTH_SCRAM_SHA_1] = SMTP_AUTH_SCRAM_SHA_1,
    [CONFIG_AUTH_SCRAM_SHA_256] = SMTP_AUTH_SCRAM_SHA_256,
    [CONFIG_AUTH_SCRAM_SHA_1_PLUS] = SMTP_AUTH_SCRAM_SHA_1_PLUS,
    [CONFIG_AUTH_SCRAM_SHA_256_PLUS] = SMTP_AUTH_SCRAM_SHA_256_PLUS,
    [CONFIG_AUTH_XOAUTH2] = SMTP_AUTH_XOAUTH2,
    [CONFIG_AUTH_OAUTHBEARER] = SMTP_AUTH_OAUTHBEARER,
    [CONFIG_AUTH_EXTERNAL] = SMTP_AUTH_EXTERNAL,
};

static struct smtp_settings settings_of(const struct config_server *server, struct password_command *command)
{
    /* EXTERNAL without a user: the certificate alone says who we are (RFC 4422 A.1). */
    bool by_certificate = server->auth == CONFIG_AUTH_EXTERNAL && server->user == NULL;
    bool by_command = command != NULL && server->password_command.count > 0;
    return (struct smtp_settings){
        .name = server->name,
        .host = server->host,
        .port = (uint16_t)server->port,
        .protocol = server->protocol == CONFIG_PROTOCOL_LMTP ? SMTP_PROTOCOL_LMTP : SMTP_PROTOCOL_SMTP,
        .tls = tls_modes[server->tls],
        .tls_1_3 = server->tls_min == CONFIG_TLS_1_3,
        .verify = server->verify == CONFIG_VERIFY_FULL,
        .ca_file = server->ca_file,
        .ca_path = server->ca_path,
        .fingerprint = server->fingerprint,
        .client_cert = server->client_cert,
        .client_key = server->client_key,
        .require_tls = server->require_tls,
        .user = by_certificate ? "" : server->user,
        .password = server->password, /* a view: copied by the endpoint */
        .password_source = by_command ? password_command_source(command) : (struct smtp_password_source){0},
        .auth = auth_mechanisms[server->auth],
        .allow_cleartext_auth = server->allow_cleartext_auth,
        .domain = server->domain,
        .abort_on_refused = server->on_refused == CONFIG_REFUSED_ABORT,
        .source_address = server->source_address,
        .inline_limit = (size_t)server->inline_limit,
        .pool_size = (size_t)server->pool.size,
        .pool_idle_ms = server->pool.idle,
        .pool_max_messages = (unsigned)server->pool.max_messages,
        .connect_timeout_ms = server->timeouts.connect,
        .greeting_timeout_ms = server->timeouts.greeting,
        .command_timeout_ms = server->timeouts.command,
        .data_timeout_ms = server->timeouts.data,
    };
}

bool endpoint_command(const struct config_server *server, struct password_helper *helper,
                      struct password_command **command, struct err *err)
{
    size_t index;
    const struct config_strings *argv = &server->password_command;
    *command = NULL;
    if (argv->count == 0) {
        return true;
    }
    if (!password_helper_find(helper, argv, &index)) {
        err_set(err, "servers.%s.password_command: a program that is new needs a restart", server->name);
        return false;
    }
    *command = password_command_new(helper, index, server->password_ttl);
    if (*command == NULL) {
        err_set(err, "There is no memory left for password_command");
    }
    return *command != NULL;
}

struct smtp_endpoint *endpoint_new(const struct config_server *server, struct password_command *command,
                                   struct err *err)
{
    struct smtp_settings settings = settings_of(server, command);
    return smtp_endpoint_new(&settings, err);
}

/* An error of TLS begins with the key of the file that it is about. */
void endpoint_check(const struct config *config, const struct config_server *server,
                    struct config_report *report)
{
    static const char *const keys[] = {"ca_file", "ca_path", "client_cert", "client_key"};
    if (server->ca_file == NULL && server->ca_path == NULL && server->client_cert == NULL) {
        return; /* the system's store is not worth the time */
    }
    struct err err = {0};
    struct smtp_endpoint *endpoint = endpoint_new(server, NULL, &err);
    const char *key = "host";
    const char *text = err.text;
    for (size_t i = 0; endpoint == NULL && i < sizeof keys / sizeof keys[0]; i++) {
        size_t len = strlen(keys[i]);
        if (strncmp(err.text, keys[i], len) == 0 && err.text[len] == ' ') {
            key = keys[i];
            text = err.text + len + 1;
        }
    }
    if (endpoint == NULL) {
        char path[PATH_MAX_SHOWN];
        (void)snprintf(path, sizeof path, "servers.%s.%s", server->name, key);
        config_report_add(report, config, path, text);
    }
    smtp_endpoint_free(endpoint);
}

struct smtp_endpoint *endpoint_derive(const struct smtp_endpoint *base, const struct server_choice *choice,
                                      struct password_command *command, struct err *err)
{
    struct smtp_settings settings = settings_of(&choice->settings, command);
    settings.public_only = choice->public_only;
    settings.pool_size = 0; /* nobody else has these settings */
    return smtp_endpoint_derive(base, &settings, err);
}
