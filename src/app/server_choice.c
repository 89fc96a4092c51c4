/*
 * The configuration's credentials go only to the configured host, port and TLS mode: a request that changes
 * one of these brings its own or goes without AUTH.
 */
#include "app/server_choice.h"

#include <string.h>

#include "app/policy.h"

struct choosing {
    struct server_choice *choice;
    const struct send_fields *fields;
    const struct config *config;
    struct arena *arena;
    struct field_errors *errors;
    struct err *err;
};

const char *server_choice_name(const struct server_choice *choice)
{
    bool elsewhere = choice->overrides && strcmp(choice->settings.host, choice->server->host) != 0;
    return elsewhere ? choice->settings.host : choice->server->name;
}

static struct slice given(const struct choosing *c, enum send_field field)
{
    const struct send_value *value = c->fields->single[field];
    return value != NULL ? value->text : (struct slice){0};
}

static enum server_choice_result refuse(struct choosing *c, enum send_field field, const char *key)
{
    const char *name = send_field_name(field);
    err_set_field(c->err, name, strlen(name));
    err_set(c->err, "A request may not set %s here; leave it out, or ask the operator to allow it by %s",
            name, key);
    return SERVER_NOT_ALLOWED;
}

static bool server_is_listed(const struct choosing *c, const struct config_server *server)
{
    const struct config_strings *listed = &c->config->allow.servers;
    for (size_t i = 0; i < listed->count; i++) {
        if (strcmp(listed->items[i], server->name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < c->config->server.count; i++) {
        if (server == &c->config->servers[c->config->server.items[i]]) {
            return true;
        }
    }
    return false;
}

static bool is_host_text(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c == 0x7f || c == '/' || c == '@') {
            return false;
        }
    }
    return text.len > 0 && text.len < 256;
}

/* server: the name of an entry, or with override: [server] a host. */
static enum server_choice_result choose_server(struct choosing *c)
{
    struct slice name = given(c, SEND_SERVER);
    const struct config_allow *allow = &c->config->allow;
    c->choice->server = &c->config->servers[c->config->server.items[0]];
    if (name.len == 0) {
        return SERVER_CHOSEN;
    }
    const struct config_server *named = config_find_server(c->config, name);
    if (named != NULL) {
        c->choice->server = named;
        return server_is_listed(c, named) ? SERVER_CHOSEN : refuse(c, SEND_SERVER, "allow.servers");
    }
    if ((allow->override & CONFIG_OVERRIDE_SERVER) == 0) {
        return refuse(c, SEND_SERVER, "allow.servers or allow.override: [server]");
    }
    if (!is_host_text(name)) {
        field_errors_add(c->errors, SLICE("server"),
                         "server is no host; give a name, an IPv4 or an IPv6 address");
        return SERVER_CHOSEN;
    }
    if (!policy_host_allowed(allow, name)) {
        return refuse(c, SEND_SERVER, "allow.hosts");
    }
    c->choice->overrides = true;
    c->choice->public_only = !policy_host_named(allow, name);
    c->choice->settings.host = arena_copy(c->arena, name);
    return c->choice->settings.host != NULL ? SERVER_CHOSEN : SERVER_CHOICE_FAILED;
}

static bool port_is_listed(const struct config_allow *allow, int64_t port)
{
    for (size_t i = 0; i < allow->ports.count; i++) {
        if (allow->ports.items[i] == port) {
            return true;
        }
    }
    return false;
}

static int64_t parse_port(struct slice text)
{
    int64_t port = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || port > 65535) {
            return 0;
        }
        port = port * 10 + (text.data[i] - '0');
    }
    return port <= 65535 ? port : 0;
}

static enum server_choice_result choose_port(struct choosing *c)
{
    struct slice text = given(c, SEND_PORT);
    if (text.len == 0) {
        return SERVER_CHOSEN;
    }
    if ((c->config->allow.override & CONFIG_OVERRIDE_PORT) == 0) {
        return refuse(c, SEND_PORT, "allow.override: [port]");
    }
    c->choice->overrides = true;
    c->choice->settings.port = parse_port(text);
    if (c->choice->settings.port == 0) {
        field_errors_add(c->errors, SLICE("port"), "port is \"%.*s\"; give a number from 1 to 65535",
                         SLICE_ARGS(text));
        return SERVER_CHOSEN;
    }
    return port_is_listed(&c->config->allow, c->choice->settings.port) ? SERVER_CHOSEN
                                                                       : refuse(c, SEND_PORT, "allow.ports");
}

static enum server_choice_result choose_tls(struct choosing *c)
{
    static const struct {
        const char *name;
        enum config_tls tls;
    } modes[] = {
        {"starttls", CONFIG_TLS_STARTTLS}, {"implicit", CONFIG_TLS_IMPLICIT}, {"none", CONFIG_TLS_NONE}};
    struct slice text = given(c, SEND_TLS);
    if (text.len == 0) {
        return SERVER_CHOSEN;
    }
    if ((c->config->allow.override & CONFIG_OVERRIDE_TLS) == 0) {
        return refuse(c, SEND_TLS, "allow.override: [tls]");
    }
    c->choice->overrides = true;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (slice_equal(text, slice_of(modes[i].name))) {
            c->choice->settings.tls = modes[i].tls;
            return SERVER_CHOSEN;
        }
    }
    field_errors_add(c->errors, SLICE("tls"), "tls is \"%.*s\"; give starttls, implicit or none",
                     SLICE_ARGS(text));
    return SERVER_CHOSEN;
}

static enum server_choice_result choose_credentials(struct choosing *c)
{
    struct slice user = given(c, SEND_USER);
    struct slice password = given(c, SEND_PASSWORD);
    if (user.len == 0 && password.len == 0) {
        return SERVER_CHOSEN;
    }
    if ((c->config->allow.override & CONFIG_OVERRIDE_CREDENTIALS) == 0) {
        return refuse(c, user.len > 0 ? SEND_USER : SEND_PASSWORD, "allow.override: [credentials]");
    }
    if (user.len == 0 || password.len == 0) {
        const char *missing = user.len == 0 ? "user" : "password";
        field_errors_add(c->errors, slice_of(missing), "user and password belong together; give %s too",
                         missing);
        return SERVER_CHOSEN;
    }
    c->choice->overrides = true;
    c->choice->settings.user = arena_copy(c->arena, user);
    /* A view: the request's octets are wiped when it ends. */
    c->choice->settings.password = (struct secret){(char *)(uintptr_t)password.data, password.len};
    return c->choice->settings.user != NULL ? SERVER_CHOSEN : SERVER_CHOICE_FAILED;
}

static enum server_choice_result choose_domain(struct choosing *c)
{
    struct slice text = given(c, SEND_DOMAIN);
    if (text.len == 0) {
        return SERVER_CHOSEN;
    }
    if ((c->config->allow.override & CONFIG_OVERRIDE_DOMAIN) == 0) {
        return refuse(c, SEND_DOMAIN, "allow.override: [domain]");
    }
    struct slice ascii;
    if (!address_domain_to_ascii(text, c->arena, &ascii)) {
        field_errors_add(c->errors, SLICE("domain"),
                         "domain is no domain name; give one like web1.example.com");
        return SERVER_CHOSEN;
    }
    c->choice->overrides = true;
    c->choice->settings.domain = arena_copy(c->arena, ascii);
    return c->choice->settings.domain != NULL ? SERVER_CHOSEN : SERVER_CHOICE_FAILED;
}

/* Whether the entry's tls is what its host and port would have made of it, had it not been given. */
static bool tls_is_derived(const struct config_server *server)
{
    struct config_server derived = *server;
    derived.tls = CONFIG_TLS_UNSET;
    config_server_complete(&derived);
    return derived.tls == server->tls;
}

/* All that says to a server who we are; the mechanism goes with it. */
static void forget_credentials(struct config_server *settings)
{
    settings->user = NULL;
    settings->password = (struct secret){0};
    settings->password_command = (struct config_strings){0};
    settings->client_cert = NULL;
    settings->client_key = NULL;
    settings->auth = settings->auth == CONFIG_AUTH_EXTERNAL ? CONFIG_AUTH_AUTO : settings->auth;
}

/* Lays the request's changes over the entry's settings. */
static void merge(struct server_choice *choice)
{
    struct config_server changes = choice->settings;
    struct config_server *settings = &choice->settings;
    const struct config_server *entry = choice->server;
    *settings = *entry;
    bool elsewhere = changes.host != NULL || changes.port != 0 || changes.tls != CONFIG_TLS_UNSET;
    if (elsewhere) {
        forget_credentials(settings);
    }
    if (changes.host != NULL) {
        settings->host = changes.host;
        settings->port = 0;
        settings->tls = CONFIG_TLS_UNSET;
        settings->verify = CONFIG_VERIFY_FULL; /* "none" was written for the entry's host alone, */
        settings->fingerprint = NULL;          /* and it alone has that key */
    } else if (changes.port != 0 && tls_is_derived(entry)) {
        settings->tls = CONFIG_TLS_UNSET;
    }
    settings->port = changes.port != 0 ? changes.port : settings->port;
    settings->tls = changes.tls != CONFIG_TLS_UNSET ? changes.tls : settings->tls;
    if (changes.user != NULL) {
        forget_credentials(settings);
        settings->user = changes.user;
        settings->password = changes.password;
    }
    settings->domain = changes.domain != NULL ? changes.domain : settings->domain;
    config_server_complete(settings);
}

enum server_choice_result server_choice_make(struct server_choice *choice, const struct send_fields *fields,
                                             const struct config *config, struct arena *arena,
                                             struct field_errors *errors, struct err *err)
{
    static enum server_choice_result (*const steps[])(struct choosing *) = {
        choose_server, choose_port, choose_tls, choose_credentials, choose_domain,
    };
    *choice = (struct server_choice){0};
    struct choosing c = {choice, fields, config, arena, errors, err};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        enum server_choice_result result = steps[i](&c);
        if (result == SERVER_CHOICE_FAILED) {
            err_set(err, "There is no memory left for the server's settings");
        }
        if (result != SERVER_CHOSEN) {
            return result;
        }
    }
    if (choice->overrides) {
        merge(choice);
    }
    return SERVER_CHOSEN;
}
