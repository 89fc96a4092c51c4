/*
 * The rules for a server's password and for how it logs in. A password is in exactly one place, and problems never
 * show it.
 */
#include "config/check.h"

/* The password may stand in one of four places. */
static const char *const password_keys[] = {"password", "password_file", "password_env", "password_command"};
#define PASSWORD_KEYS (sizeof password_keys / sizeof password_keys[0])

static void read_password_file(struct reading *r, struct config_server *server, const struct node *node)
{
    char reason[CHECK_REASON_MAX];
    char shown[CHECK_SHOWN_MAX];
    bool others;
    if (!check_file(server->password_file, &others, reason)) {
        node_problem(r->problems, node,
                     "cannot be read: %s%s; a file with the password in its first line is expected",
                     check_shown(node, server->password_file, shown), reason);
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

/* Nothing is run here, and no word of the command is shown: one of them may be the secret. */
static void check_command(struct reading *r, const struct config_server *server, const struct node *node)
{
    const struct config_strings *command = &server->password_command;
    const struct node *program = node->kind == NODE_SEQUENCE ? node->first : node;
    char reason[CHECK_REASON_MAX];
    if (program == NULL) {
        node_problem(r->problems, node, "is an empty list; a program's path and its arguments are expected");
    } else if (command->count == 0 || !slice_equal(program->text, slice_of(command->items[0]))) {
        return; /* as was reported */
    } else if (command->items[0][0] != '/') {
        node_problem(r->problems, program, "is no absolute path; a program's absolute path is expected");
    } else if (!check_executable(command->items[0], reason)) {
        node_problem(r->problems, program, "cannot be run: %s; a program's absolute path is expected",
                     reason);
    }
}

/* EXTERNAL goes by the client's certificate (RFC 4422 A), every other mechanism by user and password. */
static void check_mechanism(struct reading *r, const struct config_server *server, const struct node *node)
{
    const struct node *auth = node_find(node, "auth");
    if (server->auth == CONFIG_AUTH_EXTERNAL && node_find(node, "client_cert") == NULL) {
        node_problem(r->problems, auth, "stands without client_cert; a client's certificate is expected");
    }
    if (server->auth != CONFIG_AUTH_EXTERNAL && server->auth != CONFIG_AUTH_AUTO &&
        node_find(node, "user") == NULL) {
        node_problem(r->problems, auth, "stands without a user; a user and a password are expected");
    }
}

/* The one place where the password is; NULL if there is none or if there are several. */
static const struct node *find_password(struct reading *r, const struct config_server *server,
                                        const struct node *node)
{
    bool external = server->auth == CONFIG_AUTH_EXTERNAL;
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
    if (first != NULL && external) {
        node_key_problem(r->problems, first, "has no meaning beside auth: external; no password is expected");
    } else if (first != NULL && user == NULL) {
        node_key_problem(r->problems, first, "stands without a user; both or none are expected");
    }
    if (first == NULL && user != NULL && !external) {
        node_key_problem(r->problems, user,
                         "stands without a password; password, password_file, password_env or "
                         "password_command is expected");
    }
    return several ? NULL : first;
}

void check_password(struct reading *r, struct config_server *server, const struct node *node)
{
    const struct node *password = find_password(r, server, node);
    check_mechanism(r, server, node);
    if (password == NULL) {
        return;
    }
    if (server->password_file != NULL) {
        read_password_file(r, server, password);
    } else if (server->password_env != NULL) {
        read_password_env(r, server, password);
    } else if (slice_equal(password->key, SLICE("password_command"))) {
        check_command(r, server, password);
    } else if (r->others_can_read) {
        node_warning(r->problems, password,
                     "everybody can read this configuration file; mode 0640 or stricter is expected");
    }
}
