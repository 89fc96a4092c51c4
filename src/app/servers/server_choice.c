/*
 * The configuration's credentials go only to the configured host, port and TLS mode: a request that changes
 * one of these brings its own or goes without AUTH.
 */
#include "app/servers/server_choice.h"

#include <string.h>

#include "app/policy.h"

/* Each step looks at one setting: wrong values go to errors, so that all are found; the first that is not allowed to
 * err. False without memory. */
struct choosing {
    struct server_choice *choice;
    const struct send_fields *fields;
    const struct config *config;
    const struct config_allow *allow;
    struct arena *arena;
    struct field_errors *errors;
    struct err *err;
    bool refused;
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

static void refuse(struct choosing *c, enum send_field field, const char *key)
{
    if (c->refused) {
        return;
    }
    const char *name = send_field_name(field);
    c->refused = true;
    err_set_field(c->err, name, strlen(name));
    err_set(c->err, "A request may not set %s here; leave it out, or ask the operator to allow it by %s",
            name, key);
}

static bool may_override(struct choosing *c, enum config_override what, enum send_field field,
                         const char *key)
{
    bool may = (c->allow->override & what) != 0;
    if (!may) {
        refuse(c, field, key);
    }
    return may;
}

static bool server_is_listed(const struct choosing *c, const struct config_server *server)
{
    const struct config_strings *listed = &c->allow->servers;
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

/* What the pattern of an allow.hosts entry can be compared with; unix: is never a request's. */
static bool is_host_text(struct slice text)
{
    static const char local[] = "unix:";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c == 0x7f || c == '/' || c == '@') {
            return false;
        }
    }
    bool is_unix = text.len >= sizeof local - 1 && strncasecmp(text.data, local, sizeof local - 1) == 0;
    return text.len > 0 && text.len <= POLICY_HOST_MAX && !is_unix;
}

/* A host in the place of the entry's. */
static bool choose_host(struct choosing *c, struct slice host)
{
    const struct config_allow *allow = c->allow;
    if (!may_override(c, CONFIG_OVERRIDE_SERVER, SEND_SERVER, "allow.servers or allow.override: [server]")) {
        return true;
    }
    if (!is_host_text(host)) {
        field_errors_add(c->errors, SLICE("server"),
                         "server is no host; give a name, an IPv4 or an IPv6 address");
        return true;
    }
    if (!policy_host_allowed(allow, host)) {
        refuse(c, SEND_SERVER, "allow.hosts");
        return true;
    }
    c->choice->overrides = true;
    c->choice->public_only = !policy_host_named(allow, host);
    c->choice->settings.host = arena_copy(c->arena, host);
    return c->choice->settings.host != NULL;
}

/* server: the name of an entry, or with override: [server] a host. */
static bool choose_server(struct choosing *c)
{
    struct slice name = given(c, SEND_SERVER);
    c->choice->server = &c->config->servers[c->config->server.items[0]];
    if (name.len == 0) {
        return true;
    }
    const struct config_server *named = config_find_server(c->config, name);
    if (named == NULL) {
        return choose_host(c, name);
    }
    c->choice->server = named;
    c->choice->named = true;
    if (!server_is_listed(c, named)) {
        refuse(c, SEND_SERVER, "allow.servers");
    }
    return true;
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

/* 0: not a port. */
static int64_t parse_port(struct slice text)
{
    int64_t port = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.data[i]) || port > 65535) {
            return 0;
        }
        port = port * 10 + (text.data[i] - '0');
    }
    return port <= 65535 ? port : 0;
}

static bool choose_port(struct choosing *c)
{
    struct slice text = given(c, SEND_PORT);
    if (text.len == 0) {
        return true;
    }
    int64_t port = parse_port(text);
    if (port == 0) {
        field_errors_add(c->errors, SLICE("port"), "port is \"%.*s\"; give a number from 1 to 65535",
                         SLICE_ARGS(text));
    } else if (may_override(c, CONFIG_OVERRIDE_PORT, SEND_PORT, "allow.override: [port]") &&
               !port_is_listed(c->allow, port)) {
        refuse(c, SEND_PORT, "allow.ports");
    }
    c->choice->overrides = true;
    c->choice->settings.port = port;
    return true;
}

/* CONFIG_TLS_UNSET: not a mode. */
static enum config_tls parse_tls(struct slice text)
{
    static const struct {
        const char *name;
        enum config_tls tls;
    } modes[] = {
        {"starttls", CONFIG_TLS_STARTTLS}, {"implicit", CONFIG_TLS_IMPLICIT}, {"none", CONFIG_TLS_NONE}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (slice_equal(text, slice_of(modes[i].name))) {
            return modes[i].tls;
        }
    }
    return CONFIG_TLS_UNSET;
}

static bool choose_tls(struct choosing *c)
{
    struct slice text = given(c, SEND_TLS);
    if (text.len == 0) {
        return true;
    }
    enum config_tls tls = parse_tls(text);
    if (tls == CONFIG_TLS_UNSET) {
        field_errors_add(c->errors, SLICE("tls"), "tls is \"%.*s\"; give starttls, implicit or none",
                         SLICE_ARGS(text));
    } else {
        (void)may_override(c, CONFIG_OVERRIDE_TLS, SEND_TLS, "allow.override: [tls]");
    }
    c->choice->overrides = true;
    c->choice->settings.tls = tls;
    return true;
}

static bool choose_credentials(struct choosing *c)
{
    struct slice user = given(c, SEND_USER);
    struct slice password = given(c, SEND_PASSWORD);
    if (user.len == 0 && password.len == 0) {
        return true;
    }
    enum send_field first = user.len > 0 ? SEND_USER : SEND_PASSWORD;
    if (!may_override(c, CONFIG_OVERRIDE_CREDENTIALS, first, "allow.override: [credentials]")) {
        return true;
    }
    if (user.len == 0 || password.len == 0) {
        const char *missing = user.len == 0 ? "user" : "password";
        field_errors_add(c->errors, slice_of(missing), "user and password belong together; give %s too",
                         missing);
        return true;
    }
    if (password.len > SECRET_MAX) {
        field_errors_add(c->errors, SLICE("password"),
                         "password is longer than %zu octets; give a shorter one", SECRET_MAX);
        return true;
    }
    c->choice->overrides = true;
    c->choice->settings.user = arena_copy(c->arena, user);
    /* A view: the request's octets are wiped when it ends. */
    c->choice->settings.password = (struct secret){(char *)password.data, password.len};
    return c->choice->settings.user != NULL;
}

static bool choose_domain(struct choosing *c)
{
    struct slice text = given(c, SEND_DOMAIN);
    if (text.len == 0) {
        return true;
    }
    struct slice ascii;
    if (!address_domain_to_ascii(text, c->arena, &ascii)) {
        field_errors_add(c->errors, SLICE("domain"),
                         "domain is no domain name; give one like web1.example.com");
        return true;
    }
    (void)may_override(c, CONFIG_OVERRIDE_DOMAIN, SEND_DOMAIN, "allow.override: [domain]");
    c->choice->overrides = true;
    c->choice->settings.domain = arena_copy(c->arena, ascii);
    return c->choice->settings.domain != NULL;
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
        /* These were written for the entry's host alone. */
        settings->verify = CONFIG_VERIFY_FULL;
        settings->fingerprint = NULL;
        settings->allow_cleartext_auth = false;
        settings->auth = CONFIG_AUTH_AUTO;
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

void server_choice_default(struct server_choice *choice, const struct config *config,
                           const struct config_server *server)
{
    const struct config_server *usual = &config->servers[config->server.items[0]];
    *choice = (struct server_choice){.server = server != NULL ? server : usual, .named = server != NULL};
}

enum server_choice_result server_choice_make(struct server_choice *choice, const struct send_fields *fields,
                                             const struct config *config, const struct config_allow *allow,
                                             struct arena *arena, struct field_errors *errors,
                                             struct err *err)
{
    static bool (*const steps[])(struct choosing *) = {
        choose_server, choose_port, choose_tls, choose_credentials, choose_domain,
    };
    *choice = (struct server_choice){0};
    struct choosing c = {choice, fields, config, allow, arena, errors, err, false};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (!steps[i](&c)) {
            err_set(err, "There is no memory left for the server's settings");
            return SERVER_CHOICE_FAILED;
        }
    }
    if (choice->overrides) {
        merge(choice);
    }
    return c.refused ? SERVER_NOT_ALLOWED : SERVER_CHOSEN;
}
