/*
 * The keys that make structs: server, servers, forms, keys. How many there will be is known before the first is read, so
 * that none moves afterwards.
 */
#include "config/read.h"

static void read_server(struct reading *r, const struct node *node, struct slice name)
{
    struct config *config = r->config;
    struct config_server *server = &config->servers[config->server_count]; /* read_make_room made it */
    server->name = arena_copy(read_memory(r), name);
    if (server->name == NULL || !read_store_defaults(r, SCHEMA_SERVER, server)) {
        r->no_memory = true;
        return;
    }
    r->server_nodes[config->server_count] = node;
    config->server_count++;
    read_section(r, node, SCHEMA_SERVER, server);
}

static void read_form(struct reading *r, const struct node *node, struct slice name)
{
    struct config *config = r->config;
    struct config_form *form = &config->forms[config->form_count]; /* read_make_room made it */
    form->name = arena_copy(read_memory(r), name);
    if (form->name == NULL || !read_store_defaults(r, SCHEMA_FORM, form)) {
        r->no_memory = true;
        return;
    }
    r->form_nodes[config->form_count] = node;
    config->form_count++;
    read_section(r, node, SCHEMA_FORM, form);
}

/* A mapping of names to structs, each of them "a server" or "a form". */
static void read_structs(struct reading *r, const struct node *node, const char *what, size_t most,
                         void (*read_one)(struct reading *r, const struct node *node, struct slice name))
{
    if (node->count > most) {
        node_problem(r->problems, node, "has %zu entries; at most %zu are expected", node->count, most);
        return;
    }
    if (!read_is_mapping(r, node, false)) {
        return;
    }
    for (const struct node *child = node->first; child != NULL && !r->no_memory; child = child->next) {
        if (child->ignored) {
            continue;
        }
        if (!config_name_valid(child->key)) {
            node_key_problem(
                r->problems, child,
                "is no name for %s; 1 to 64 letters, digits, \"-\", \"_\" and \".\" are expected", what);
            continue;
        }
        read_one(r, child, child->key);
    }
}

void read_servers(struct reading *r, const struct node *node)
{
    read_structs(r, node, "a server", SCHEMA_SERVERS_MAX, read_server);
}

void read_forms(struct reading *r, const struct node *node)
{
    read_structs(r, node, "a form", SCHEMA_FORMS_MAX, read_form);
}

static void read_api_key(struct reading *r, const struct node *node)
{
    struct config_key *key = &r->config->keys[r->config->key_count]; /* read_api_keys made it */
    if (node->kind != NODE_MAPPING) {
        node_problem(r->problems, node, "is %s; a key's name and sha256 are expected", read_kind_name(node));
        return;
    }
    r->key_nodes[r->config->key_count] = node;
    r->config->key_count++;
    if (read_store_defaults(r, SCHEMA_API_KEY, key)) {
        read_section(r, node, SCHEMA_API_KEY, key);
    }
}

/* A list, or a single key. */
void read_api_keys(struct reading *r, const struct node *node)
{
    bool one = node->kind != NODE_SEQUENCE;
    size_t count = one ? 1 : node->count;
    if (count > SCHEMA_KEYS_MAX) {
        node_problem(r->problems, node, "has %zu entries; at most %d are expected", count, SCHEMA_KEYS_MAX);
        return;
    }
    r->config->keys = arena_array(read_memory(r), count + 1, sizeof *r->config->keys);
    r->key_nodes = arena_array(&r->tree->arena, count + 1, sizeof(struct node *));
    if (r->config->keys == NULL || r->key_nodes == NULL) {
        r->no_memory = true;
        return;
    }
    if (one && !node->empty) {
        read_api_key(r, node);
    }
    for (const struct node *entry = one ? NULL : node->first; entry != NULL && !r->no_memory;
         entry = entry->next) {
        read_api_key(r, entry);
    }
}

/* Names are looked up when all servers are known: check.c. */
void read_choice(struct reading *r, const struct node *node)
{
    if (node->kind == NODE_MAPPING) {
        read_server(r, node, slice_of(SCHEMA_SHORT_FORM));
    } else if (node->empty || (node->kind == NODE_SEQUENCE && node->count == 0)) {
        node_problem(r->problems, node,
                     "has no value; the name of a server, a list of names, or a server's keys is expected");
    }
    for (const struct node *entry = node->first; node->kind == NODE_SEQUENCE && entry != NULL;
         entry = entry->next) {
        if (entry->kind == NODE_SEQUENCE || entry->kind == NODE_MAPPING) {
            node_problem(r->problems, entry, "is %s; the name of a server is expected",
                         read_kind_name(entry));
        } else if (entry->empty) {
            node_problem(r->problems, entry, "has no value; the name of a server is expected");
        }
    }
}

static bool make_room_for_servers(struct reading *r)
{
    const struct node *servers = node_find(r->tree->root, "servers");
    size_t named = servers != NULL && servers->count <= SCHEMA_SERVERS_MAX ? servers->count : 0;
    size_t room = named + 1; /* and the short form */
    r->config->servers = arena_array(read_memory(r), room, sizeof *r->config->servers);
    r->server_nodes = arena_array(&r->tree->arena, room, sizeof(struct node *));
    return r->config->servers != NULL && r->server_nodes != NULL;
}

static bool make_room_for_forms(struct reading *r)
{
    const struct node *forms = node_find(r->tree->root, "forms");
    size_t room = forms != NULL && forms->count <= SCHEMA_FORMS_MAX ? forms->count : 0;
    r->config->forms = arena_array(read_memory(r), room + 1, sizeof *r->config->forms);
    r->form_nodes = arena_array(&r->tree->arena, room + 1, sizeof(struct node *));
    return r->config->forms != NULL && r->form_nodes != NULL;
}

bool read_make_room(struct reading *r)
{
    return make_room_for_servers(r) && make_room_for_forms(r);
}
