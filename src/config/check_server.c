/*
 * The rules for one server: where it is and whom to trust.
 */
#include <unistd.h>

#include "config/check.h"
#include "config/syntax.h"

#define NGINX_TIMEOUT INT64_C(60000) /* ms: nginx's default fastcgi_read_timeout */

/* A problem with a key that isn't there. */
static void missing(struct reading *r, const struct node *node, const char *key, const char *expected)
{
    char path[TREE_PATH_MAX];
    node_path(node, path);
    size_t used = strlen(path);
    (void)snprintf(path + used, sizeof path - used, ".%s", key);
    problems_add(r->problems, node->key_place, path, "is missing; %s is expected", expected);
}

static void check_host(struct reading *r, const struct config_server *server, const struct node *node)
{
    if (node_find(node, "host") == NULL) {
        missing(r, node, "host", "the server's name, address or unix:/path");
    }
    if (server->host == NULL || !syntax_is_unix(slice_of(server->host))) {
        return;
    }
    if (node_find(node, "port") != NULL) {
        node_problem(r->problems, node_find(node, "port"),
                     "has no meaning beside host: unix:/path; no port is expected");
    }
    if (node_find(node, "tls") != NULL && server->tls != CONFIG_TLS_NONE) {
        node_problem(r->problems, node_find(node, "tls"),
                     "has no meaning beside host: unix:/path; no tls is expected");
    }
    if (server->source_address != NULL) {
        node_problem(r->problems, node_find(node, "source_address"),
                     "has no meaning beside host: unix:/path; no source_address is expected");
    }
}

static void check_source(struct reading *r, const struct config_server *server, const struct node *node)
{
    if (server->host != NULL && server->source_address != NULL &&
        syntax_families_differ(slice_of(server->host), slice_of(server->source_address))) {
        node_problem(r->problems, node_find(node, "source_address"),
                     "cannot reach host; an address of the same kind (IPv4 or IPv6) is expected");
    }
}

static void check_lmtp(struct reading *r, const struct config_server *server, const struct node *node)
{
    if (server->protocol == CONFIG_PROTOCOL_LMTP && server->port == 25) { /* RFC 2033 5 */
        node_problem(r->problems, node_find(node, "port"),
                     "is SMTP's, and LMTP must not be spoken there; another one is expected, usually 24");
    }
}

static void check_trust(struct reading *r, const struct config_server *server, const struct node *node)
{
    const struct node *file = node_find(node, "ca_file");
    const struct node *path = node_find(node, "ca_path");
    char reason[CHECK_REASON_MAX];
    char shown[CHECK_SHOWN_MAX];
    bool others;
    if (file != NULL && path != NULL) {
        node_key_problem(r->problems, path, "stands beside ca_file; only one of them is expected");
    }
    if (server->ca_file != NULL && !check_file(server->ca_file, &others, reason)) {
        node_problem(r->problems, file, "cannot be read: %s%s; a file of PEM certificates is expected",
                     check_shown(file, server->ca_file, shown), reason);
    }
    if (server->ca_path != NULL && !check_directory(server->ca_path, R_OK | X_OK, reason)) {
        node_problem(r->problems, path, "cannot be read: %s%s; a directory of certificates is expected",
                     check_shown(path, server->ca_path, shown), reason);
    }
    if (server->verify == CONFIG_VERIFY_NONE) {
        node_warning(
            r->problems, node_find(node, "verify"),
            server->fingerprint != NULL
                ? "the server's certificate is not verified; only its key is compared to fingerprint"
                : "the server's certificate is not verified, so anybody on the way can read mails and "
                  "password");
    }
}

static void check_client_cert(struct reading *r, const struct config_server *server, const struct node *node)
{
    const struct node *cert = node_find(node, "client_cert");
    const struct node *key = node_find(node, "client_key");
    char reason[CHECK_REASON_MAX];
    char shown[CHECK_SHOWN_MAX];
    bool others = false;
    if ((cert != NULL) != (key != NULL)) {
        node_key_problem(r->problems, cert != NULL ? cert : key,
                         "stands without %s; both or none are expected",
                         cert != NULL ? "client_key" : "client_cert");
    }
    if (server->client_cert != NULL && !check_file(server->client_cert, &others, reason)) {
        node_problem(r->problems, cert, "cannot be read: %s%s; a PEM file with a certificate is expected",
                     check_shown(cert, server->client_cert, shown), reason);
    }
    if (server->client_key != NULL && !check_file(server->client_key, &others, reason)) {
        node_problem(r->problems, key, "cannot be read: %s%s; a PEM file with a private key is expected",
                     check_shown(key, server->client_key, shown), reason);
    } else if (server->client_key != NULL && others) {
        node_warning(r->problems, key, "everybody can read this file; mode 0640 or stricter is expected");
    }
}

/* What protects a connection must not be left out in silence where there is no TLS, be it that tls was not given. */
static void check_needs_tls(struct reading *r, const struct config_server *server, const struct node *node)
{
    const struct {
        const char *key;
        bool given;
    } needs[] = {
        {"fingerprint", server->fingerprint != NULL},
        {"client_cert", server->client_cert != NULL},
        {"require_tls", server->require_tls},
        {"auth",
         server->auth == CONFIG_AUTH_SCRAM_SHA_1_PLUS || server->auth == CONFIG_AUTH_SCRAM_SHA_256_PLUS},
    };
    for (size_t i = 0; server->tls == CONFIG_TLS_NONE && i < sizeof needs / sizeof needs[0]; i++) {
        if (needs[i].given) {
            node_key_problem(r->problems, node_find(node, needs[i].key),
                             "needs TLS, and tls is none here; tls: starttls or implicit is expected");
        }
    }
}

static bool is_local(const char *host)
{
    struct slice name = slice_of(host);
    return syntax_is_unix(name) || syntax_loopback(name) || slice_equal_nocase(name, SLICE("localhost"));
}

static void check_cleartext(struct reading *r, const struct config_server *server, const struct node *node)
{
    if (server->user != NULL && server->host != NULL && server->tls == CONFIG_TLS_NONE &&
        !server->allow_cleartext_auth && !is_local(server->host)) {
        node_warning(
            r->problems, node_find(node, "user"),
            "without TLS the password is sent only to this host itself; tls: starttls or implicit, or "
            "allow_cleartext_auth: true is expected");
    }
}

static void check_total(struct reading *r, const struct config_server *server, const struct node *node)
{
    const struct node *total = node_find(node_find(node, "timeouts"), "total");
    if (total != NULL && server->timeouts.total >= NGINX_TIMEOUT) {
        node_warning(
            r->problems, total,
            "nginx itself gives up after 60s unless its fastcgi_read_timeout is raised; less is expected");
    }
}

void check_server(struct reading *reading, struct config_server *server, const struct node *node)
{
    if (node->kind != NODE_MAPPING && !node->empty) {
        return; /* not a server at all, as was reported */
    }
    check_complete_paths(reading, server);
    check_host(reading, server, node);
    check_source(reading, server, node);
    check_lmtp(reading, server, node);
    check_trust(reading, server, node);
    check_client_cert(reading, server, node);
    check_needs_tls(reading, server, node);
    check_password(reading, server, node);
    check_cleartext(reading, server, node);
    check_total(reading, server, node);
}
