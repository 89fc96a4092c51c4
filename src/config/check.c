/*
 * Rules across keys. They go by the tree, not by the struct: a key that was given with a wrong value is not
 * missing, and its problem was reported already.
 */
#include <grp.h>
#include <unistd.h>

#include "config/check.h"
#include "config/reading.h"
#include "config/schema.h"
#include "config/syntax.h"

#define NAMES_TEXT 512 /* octets of the names of all servers in a problem; longer ones are cut */

/* What getgrnam_r needs for one entry; a larger group exists all the same. */
#define GROUP_MEMORY (16 * 1024)

static const struct node *top(const struct reading *r, const char *key)
{
    return node_find(r->tree->root, key);
}

/* The names that would have been right. */
static const char *server_names(const struct config *config, char text[NAMES_TEXT])
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < config->server_count && used < NAMES_TEXT; i++) {
        used += (size_t)snprintf(text + used, NAMES_TEXT - used, "%s%s", i > 0 ? ", " : "",
                                 config->servers[i].name);
    }
    return config->server_count > 0 ? text : "an entry of servers (there is none)";
}

static void check_listen(struct reading *r)
{
    const struct config *config = r->config;
    const struct node *listen = top(r, "listen");
    const struct node *allowed = top(r, "listen_allowed");
    bool as_given = listen != NULL && slice_equal(listen->text, slice_of(config->listen));
    bool none_allowed = allowed == NULL || (allowed->kind == NODE_SEQUENCE && allowed->count == 0);
    if (r->handed_over) {
        return;
    }
    if (as_given && syntax_listen_exposed(listen->text) && none_allowed) {
        node_problem(r->problems, listen,
                     "can be reached from other hosts; listen_allowed is expected to say which may connect");
    }
    if ((as_given || listen == NULL) && syntax_is_unix(slice_of(config->listen)) &&
        config->listen_allowed.count > 0) {
        node_warning(r->problems, allowed,
                     "is for TCP; a unix socket is guarded by listen_mode and listen_group");
    }
}

static void check_listen_group(struct reading *r)
{
    const char *name = r->config->listen_group;
    struct group group;
    struct group *found = NULL;
    char memory[GROUP_MEMORY];
    if (name == NULL || r->handed_over) {
        return;
    }
    if (getgrnam_r(name, &group, memory, sizeof memory, &found) == 0 && found == NULL) {
        node_problem(r->problems, top(r, "listen_group"),
                     "\"%.64s\" is not a group of this system; one is expected", name);
    }
}

static void check_spill_dir(struct reading *r)
{
    const struct node *node = top(r, "spill_dir");
    char reason[CHECK_REASON_MAX];
    if (check_directory(r->config->spill_dir, W_OK | X_OK, reason)) {
        return;
    }
    if (node != NULL) {
        node_problem(r->problems, node, "cannot be used: %s; a writable directory is expected", reason);
    } else {
        problems_add(r->problems, (struct place){0, 0}, "spill_dir",
                     "its default %s cannot be used: %s; a writable directory is expected",
                     r->config->spill_dir, reason);
    }
}

/* "/mail/" is "/mail". The syntax was checked: there is one trailing slash at most. */
static void normalise_base_path(struct config *config)
{
    size_t len = strlen(config->base_path);
    if (len > 1 && config->base_path[len - 1] == '/') {
        config->base_path[len - 1] = '\0';
    }
}

static void choose_only_server(struct reading *r)
{
    const struct node *servers = top(r, "servers");
    char names[NAMES_TEXT];
    if (r->config->server_count > 1) {
        problems_add(r->problems, servers->key_place, "server",
                     "is missing, and there are several servers; one of %s is expected",
                     server_names(r->config, names));
    } else if (r->config->server_count == 0 &&
               (servers == NULL || servers->empty || servers->first == NULL)) {
        struct place place = servers != NULL ? servers->key_place : (struct place){1, 1};
        problems_add(r->problems, place, "server", "is missing; a server with its host is expected");
    } else {
        r->config->server.count = r->config->server_count; /* the one */
    }
}

const struct config_server *check_server_name(struct reading *r, const struct node *node)
{
    char names[NAMES_TEXT];
    if (node->kind != NODE_SCALAR || node->empty) {
        return NULL;
    }
    const struct config_server *server = config_find_server(r->config, node->text);
    if (server == NULL) {
        node_problem(r->problems, node, "\"%.64s\" is not a server; one of %s is expected", node->text.data,
                     server_names(r->config, names));
    }
    return server;
}

/* Each once: what failed at a server a moment ago fails there again. */
static void choose_named_server(struct reading *r, const struct node *node)
{
    struct config_indexes *chosen = &r->config->server;
    const struct config_server *server = check_server_name(r, node);
    if (server == NULL) {
        return;
    }
    size_t index = (size_t)(server - r->config->servers);
    for (size_t i = 0; i < chosen->count; i++) {
        if (chosen->items[i] == index) {
            node_problem(r->problems, node, "names %s again; each server once is expected", server->name);
            return;
        }
    }
    chosen->items[chosen->count++] = index;
}

static void choose_server(struct reading *r)
{
    const struct node *node = top(r, "server");
    if (node == NULL) {
        choose_only_server(r);
    } else if (node->kind == NODE_MAPPING && top(r, "servers") != NULL) {
        node_key_problem(
            r->problems, node,
            "is a server of its own, and there is servers as well; only one of them is expected");
    } else if (node->kind == NODE_MAPPING) {
        r->config->server.count = r->config->server_count; /* the one */
    } else if (node->kind == NODE_SEQUENCE) {
        for (const struct node *entry = node->first; entry != NULL; entry = entry->next) {
            choose_named_server(r, entry);
        }
    } else {
        choose_named_server(r, node);
    }
}

/* The servers that an allow names, which may be NULL. */
static void check_allowed_servers(struct reading *r, const struct node *allow)
{
    const struct node *allowed = node_find(allow, "servers");
    if (allowed == NULL) {
        return;
    }
    (void)check_server_name(r, allowed);
    for (const struct node *entry = allowed->first; entry != NULL; entry = entry->next) {
        (void)check_server_name(r, entry);
    }
}

/* Linux's own name as it is: asking DNS for a longer one could take a minute, and a bare name is provided for. */
static char *own_name(struct arena *arena)
{
    char name[SYNTAX_HOST_MAX + 1];
    bool usable = gethostname(name, sizeof name - 1) == 0;
    name[sizeof name - 1] = '\0';
    usable = usable && syntax_host_name(slice_of(name));
    return arena_copy(arena, usable ? slice_of(name) : SLICE("localhost"));
}

bool check_config(struct reading *reading)
{
    struct config *config = reading->config;
    char *name = own_name(&config->memory->arena);
    size_t *chosen = arena_array(&config->memory->arena, config->server_count + 1, sizeof *chosen);
    if (name == NULL || chosen == NULL) {
        return false;
    }
    config->server.items = chosen; /* all zero: the only one */
    check_listen(reading);
    check_listen_group(reading);
    check_spill_dir(reading);
    normalise_base_path(config);
    choose_server(reading);
    check_allowed_servers(reading, top(reading, "allow"));
    for (size_t i = 0; i < config->key_count; i++) {
        check_allowed_servers(reading, node_find(reading->key_nodes[i], "allow"));
    }
    check_keys(reading);
    for (size_t i = 0; i < config->server_count; i++) {
        struct config_server *server = &config->servers[i];
        server->domain = server->domain != NULL ? server->domain : name;
        config_server_complete(server);
        check_server(reading, server, reading->server_nodes[i]);
    }
    for (size_t i = 0; i < config->form_count; i++) {
        check_form(reading, &config->forms[i], reading->form_nodes[i]);
    }
    return !reading->no_memory;
}
