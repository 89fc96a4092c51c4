/*
 * API keys: each has a name, for logs, and a digest, and shares neither with another.
 */
#include "config/check.h"

static void check_given(struct reading *r, const struct node *node)
{
    if (node_find(node, "name") == NULL) {
        node_problem(r->problems, node, "has no name; one is expected, for logs and messages");
    }
    if (node_find(node, "sha256") == NULL) {
        node_problem(r->problems, node,
                     "has no sha256; that of the key is expected, as fcgi-smtp --new-key NAME prints it");
    }
}

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && slice_equal_nocase(slice_of(a), slice_of(b));
}

/* Names that differ in case alone would be confused by people; digits may be of either case. */
static void check_unique(struct reading *r, size_t i)
{
    const struct config_key *keys = r->config->keys;
    const struct node *node = r->key_nodes[i];
    for (size_t k = 0; k < i; k++) {
        if (same(keys[i].name, keys[k].name)) {
            node_problem(r->problems, node_find(node, "name"),
                         "\"%s\" is the name of keys[%zu] already; one of its own is expected", keys[i].name,
                         k);
            break;
        }
    }
    for (size_t k = 0; k < i; k++) {
        if (same(keys[i].sha256, keys[k].sha256)) {
            node_problem(r->problems, node_find(node, "sha256"),
                         "is that of keys[%zu] already; a key of its own is expected", k);
            break;
        }
    }
}

void check_keys(struct reading *reading)
{
    for (size_t i = 0; i < reading->config->key_count; i++) {
        check_given(reading, reading->key_nodes[i]);
        check_unique(reading, i);
    }
}
