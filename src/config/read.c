/*
 * The tree meets the schema. Nothing here knows a single key; all follows from the table (but for what makes structs:
 * read_structs.c). A value with a problem is skipped and the reading goes on, so that one run finds everything.
 *
 * Values are quoted in problems, but never those of keys about passwords.
 */
#include "config/read.h"
#include "config/value.h"
#include "fcgi_smtp/nearest.h"

#define VALUE_SHOWN 60   /* octets of a value in a problem */
#define NAMES_TEXT  1024 /* octets of all names of a section */

const char *read_kind_name(const struct node *node)
{
    switch (node->kind) {
    case NODE_SEQUENCE:
        return "a list";
    case NODE_MAPPING:
        return "a mapping";
    default:
        return "a single value";
    }
}

struct arena *read_memory(const struct reading *r)
{
    return &r->config->memory->arena;
}

/* Notes where a value stands, for config_report_add. */
static void note_position(struct reading *r, const struct node *node)
{
    struct config_memory *m = r->config->memory;
    char path[TREE_PATH_MAX];
    node_path(node, path);
    void *items = m->positions;
    struct position *position =
        arena_push(&m->arena, &items, &m->position_count, &m->position_cap, sizeof *position);
    char *copy = arena_copy(&m->arena, slice_of(path));
    m->positions = items;
    if (position == NULL || copy == NULL) {
        m->position_count -= position != NULL ? 1 : 0;
        r->no_memory = true;
        return;
    }
    *position = (struct position){copy, node->place};
}

static void report_fault(struct reading *r, const struct node *node, const struct schema_key *key,
                         enum value_fault fault)
{
    char expected[VALUE_EXPECTED_MAX];
    value_expected(key, expected);
    int len = node->text.len < VALUE_SHOWN ? (int)node->text.len : VALUE_SHOWN;
    switch (fault) {
    case VALUE_CONTROL:
        node_problem(r->problems, node, "holds a control character; plain text is expected");
        break;
    case VALUE_LENGTH:
        if (node->text.len == 0) {
            node_problem(r->problems, node, "is empty; %s is expected", expected);
        } else {
            node_problem(r->problems, node, "is %zu octets long; at most %lld are expected", node->text.len,
                         (long long)key->max);
        }
        break;
    case VALUE_INVALID:
        if (key->unquoted) {
            node_problem(r->problems, node, "is not valid; %s is expected", expected);
            break;
        }
        node_problem(r->problems, node, "\"%.*s%s\" is not valid; %s is expected", len, node->text.data,
                     node->text.len > VALUE_SHOWN ? "..." : "", expected);
        break;
    case VALUE_NO_MEMORY:
        r->no_memory = true;
        break;
    case VALUE_OK:
        note_position(r, node);
        break;
    }
}

/* Whether the node is a single value that was written out; reports it otherwise. */
static bool is_single(struct reading *r, const struct node *node, const struct schema_key *key)
{
    if (node->kind == NODE_SCALAR && !node->empty) {
        return true;
    }
    char expected[VALUE_EXPECTED_MAX];
    value_expected(key, expected);
    if (node->kind == NODE_SCALAR) {
        node_problem(r->problems, node, "has no value; %s is expected", expected);
    } else if (node->kind != NODE_NOTHING) {
        node_problem(r->problems, node, "is %s; %s is expected", read_kind_name(node), expected);
    }
    return false;
}

static void read_single(struct reading *r, const struct node *node, const struct schema_key *key, void *base)
{
    if (is_single(r, node, key)) {
        report_fault(r, node, key, value_store(key, node->text, base, read_memory(r)));
    }
}

static void read_entry(struct reading *r, const struct node *node, const struct schema_key *key, void *base)
{
    if (is_single(r, node, key)) {
        report_fault(r, node, key, value_add(key, node->text, base, read_memory(r)));
    }
}

static void read_list(struct reading *r, const struct node *node, const struct schema_key *key, void *base)
{
    bool one = node->kind != NODE_SEQUENCE;
    if (!value_begin_list(key, one ? 1 : node->count, base, read_memory(r))) {
        r->no_memory = true;
        return;
    }
    if (one) {
        read_entry(r, node, key, base);
        return;
    }
    for (const struct node *entry = node->first; entry != NULL; entry = entry->next) {
        read_entry(r, entry, key, base);
    }
}

/* Whether the node holds keys, which may be none at all; reports it otherwise. */
bool read_is_mapping(struct reading *r, const struct node *node, bool nocase)
{
    if (node->kind == NODE_MAPPING) {
        r->no_memory = !tree_mark_duplicates(node, nocase, r->problems) || r->no_memory;
        return true;
    }
    if (node->kind != NODE_NOTHING && !node->empty) {
        node_problem(r->problems, node, "is %s; keys with values are expected", read_kind_name(node));
    }
    return false;
}

static void read_pairs(struct reading *r, const struct node *node, const struct schema_key *key, void *base)
{
    if (!value_begin_list(key, node->count, base, read_memory(r))) {
        r->no_memory = true;
        return;
    }
    if (!read_is_mapping(r, node, true)) {
        return;
    }
    struct schema_key value = *key; /* in problems, a value is any text */
    value.expected = NULL;
    for (const struct node *entry = node->first; entry != NULL; entry = entry->next) {
        if (entry->ignored || !is_single(r, entry, &value)) {
            continue;
        }
        enum value_fault fault = value_add_pair(key, entry->key, entry->text, base, read_memory(r));
        if (fault == VALUE_INVALID) {
            node_key_problem(r->problems, entry, "is no name for a header field; %s is expected",
                             key->expected);
        } else {
            report_fault(r, entry, &value, fault);
        }
    }
}

static void append_names(char text[NAMES_TEXT], char names[SCHEMA_NAMES_MAX][SCHEMA_PATH_MAX], size_t count)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < NAMES_TEXT; i++) {
        used += (size_t)snprintf(text + used, NAMES_TEXT - used, "%s%s", i > 0 ? ", " : "", names[i]);
    }
}

static void report_unknown(struct reading *r, const struct node *node, const char *section)
{
    char names[SCHEMA_NAMES_MAX][SCHEMA_PATH_MAX];
    const char *known[SCHEMA_NAMES_MAX];
    size_t count = schema_names(section, names);
    for (size_t i = 0; i < count; i++) {
        known[i] = names[i];
    }
    const char *nearest = nearest_name(node->key, known, count);
    char elsewhere[SCHEMA_PATH_MAX];
    char all[NAMES_TEXT];
    if (schema_elsewhere(node->key, elsewhere)) {
        node_key_problem(r->problems, node, "is an unknown key here; it is known as %s%s", elsewhere,
                         strchr(elsewhere, '.') == NULL ? " at the top level" : "");
    } else if (nearest != NULL) {
        node_key_problem(r->problems, node, "is an unknown key; the nearest known one is %s", nearest);
    } else {
        append_names(all, names, count);
        node_key_problem(r->problems, node, "is an unknown key; known ones are %s", all);
    }
}

static void read_key(struct reading *r, struct node *node, const struct schema_key *key, void *base);

void read_section(struct reading *r, const struct node *node, const char *section, void *base)
{
    if (!read_is_mapping(r, node, false)) {
        return;
    }
    for (struct node *child = node->first; child != NULL; child = child->next) {
        const struct schema_key *key = NULL;
        char path[SCHEMA_PATH_MAX];
        if (child->ignored) {
            continue;
        }
        switch (schema_find(section, child->key, &key, path)) {
        case SCHEMA_KEY:
            read_key(r, child, key, base);
            break;
        case SCHEMA_SECTION:
            read_section(r, child, path, base);
            break;
        case SCHEMA_UNKNOWN:
            report_unknown(r, child, section);
            break;
        }
    }
}

bool read_store_defaults(struct reading *r, const char *section, void *base)
{
    for (size_t i = 0; i < schema_key_count; i++) {
        if (schema_within(&schema_keys[i], section) &&
            !value_store_default(&schema_keys[i], base, read_memory(r))) {
            r->no_memory = true;
            return false;
        }
    }
    return true;
}

static void read_key(struct reading *r, struct node *node, const struct schema_key *key, void *base)
{
    switch (key->type) {
    case SCHEMA_CHOICE:
        read_choice(r, node);
        break;
    case SCHEMA_SERVERS:
        read_servers(r, node);
        break;
    case SCHEMA_FORMS:
        read_forms(r, node);
        break;
    case SCHEMA_KEYS:
        read_api_keys(r, node);
        break;
    case SCHEMA_PAIRS:
        read_pairs(r, node, key, base);
        break;
    default:
        if (value_is_list(key)) {
            read_list(r, node, key, base);
        } else {
            read_single(r, node, key, base);
        }
        break;
    }
}

bool read_tree(struct reading *reading)
{
    if (!read_store_defaults(reading, "", reading->config) || !read_make_room(reading)) {
        return false;
    }
    if (reading->tree->root != NULL) {
        read_section(reading, reading->tree->root, "", reading->config);
    }
    return !reading->no_memory;
}
