/*
 * The rules for one server.
 */
#include <unistd.h>

#include "config/check.h"
#include "config/syntax.h"

#define NGINX_TIMEOUT INT64_C(60000) /* ms: nginx's default fastcgi_read_timeout */

/* The password may stand in one of three places. */
static const char *const password_keys[] = {"password", "password_file", "password_env"};
#define PASSWORD_KEYS (sizeof password_keys / sizeof password_keys[0])

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
}

static void check_trust(struct reading *r, const struct config_server *server, const struct node *node)
{
    const struct node *file = node_find(node, "ca_file");
    const struct node *path = node_find(node, "ca_path");
    char reason[CHECK_REASON_MAX];
    bool others;
    if (file != NULL && path != NULL) {
        node_key_problem(r->problems, path, "stands beside ca_file; only one of them is expected");
    }
    if (server->ca_file != NULL && !check_file(server->ca_file, &others, reason)) {
        node_problem(r->problems, file, "cannot be read: %s; a file of PEM certificates is expected", reason);
    }
    if (server->ca_path != NULL && !check_directory(server->ca_path, R_OK | X_OK, reason)) {
        node_problem(r->problems, path, "cannot be read: %s; a directory of certificates is expected",
                     reason);
    }
    if (server->verify == CONFIG_VERIFY_NONE) {
        node_warning(
            r->problems, node_find(node, "verify"),
            "the server's certificate is not verified, so anybody on the way can read mails and password");
    }
}

static void read_password_file(struct reading *r, struct config_server *server, const struct node *node)
{
    char reason[CHECK_REASON_MAX];
    bool others;
    if (!check_file(server->password_file, &others, reason)) {
        node_problem(r->problems, node,
                     "cannot be read: %s; a file with the password in its first line is expected", reason);
        return;
    }
    if (!secret_read_file(&server->password, server->password_file, NULL)) {
        node_problem(r->problems, node,
                     "its first line is empty or too long; the password is expected there");
    }
    if (others) {
        node_warning(r->problems, node, "everybody can read this file; mode 0640 or stricter is expected");
    }
}

/* The variable is not named in the problem, lest somebody wrote the password itself there. */
static void read_password_env(struct reading *r, struct config_server *server, const struct node *node)
{
    if (!secret_read_env(&server->password, server->password_env, NULL)) {
        node_problem(
            r->problems, node,
            "this environment variable is not set or empty; the name of one with the password is expected");
    }
}

/* The one place where the password is; NULL if there is none or if there are several. */
static const struct node *find_password(struct reading *r, const struct node *node)
{
    const struct node *first = NULL;
    bool several = false;
    for (size_t i = 0; i < PASSWORD_KEYS; i++) {
        const struct node *found = node_find(node, password_keys[i]);
        if (found != NULL && first != NULL) {
            several = true;
            node_key_problem(r->problems, found, "stands beside %.*s; only one of them is expected",
                             SLICE_ARGS(first->key));
        }
        first = first != NULL ? first : found;
    }
    const struct node *user = node_find(node, "user");
    if (first != NULL && user == NULL) {
        node_key_problem(r->problems, first, "stands without a user; both or none are expected");
    }
    if (first == NULL && user != NULL) {
        node_key_problem(r->problems, user,
                         "stands without a password; password, password_file or password_env is expected");
    }
    return several ? NULL : first;
}

static void check_password(struct reading *r, struct config_server *server, const struct node *node)
{
    const struct node *password = find_password(r, node);
    if (password == NULL) {
        return;
    }
    if (server->password_file != NULL) {
        read_password_file(r, server, password);
    } else if (server->password_env != NULL) {
        read_password_env(r, server, password);
    } else if (r->others_can_read) {
        node_warning(r->problems, password,
                     "everybody can read this configuration file; mode 0640 or stricter is expected");
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
    check_host(reading, server, node);
    check_trust(reading, server, node);
    check_password(reading, server, node);
    check_cleartext(reading, server, node);
    check_total(reading, server, node);
}
