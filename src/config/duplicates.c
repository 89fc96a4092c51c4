/*
 * Keys that stand twice in one mapping. YAML forbids them, libyaml doesn't look.
 */
#include <stdlib.h>

#include "config/tree.h"

static int compare_keys(const struct node *a, const struct node *b)
{
    size_t len = a->key.len < b->key.len ? a->key.len : b->key.len;
    int order = len > 0 ? memcmp(a->key.data, b->key.data, len) : 0;
    if (order != 0) {
        return order;
    }
    return (a->key.len > b->key.len) - (a->key.len < b->key.len);
}

static int compare_keys_nocase(const struct node *a, const struct node *b)
{
    size_t len = a->key.len < b->key.len ? a->key.len : b->key.len;
    int order = strncasecmp(a->key.data, b->key.data, len);
    if (order != 0) {
        return order;
    }
    return (a->key.len > b->key.len) - (a->key.len < b->key.len);
}

/* Equal keys stay in the document's order. */
static int by_key(const void *left, const void *right)
{
    const struct node *a = *(struct node *const *)left;
    const struct node *b = *(struct node *const *)right;
    int order = compare_keys(a, b);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

static int by_key_nocase(const void *left, const void *right)
{
    const struct node *a = *(struct node *const *)left;
    const struct node *b = *(struct node *const *)right;
    int order = compare_keys_nocase(a, b);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

/* Sorting instead of comparing each with each: a hostile file may have very many. */
bool tree_mark_duplicates(const struct node *mapping, bool nocase, struct problems *problems)
{
    if (mapping->count < 2) {
        return true;
    }
    struct node **nodes = calloc(mapping->count, sizeof(struct node *));
    if (nodes == NULL) {
        return false;
    }
    size_t count = 0;
    for (struct node *child = mapping->first; child != NULL; child = child->next) {
        nodes[count++] = child;
    }
    qsort(nodes, count, sizeof(struct node *), nocase ? by_key_nocase : by_key);
    const struct node *first = nodes[0];
    for (size_t i = 1; i < count; i++) {
        int order = nocase ? compare_keys_nocase(first, nodes[i]) : compare_keys(first, nodes[i]);
        if (order != 0) {
            first = nodes[i];
        } else if (!nodes[i]->ignored) {
            nodes[i]->ignored = true;
            node_key_problem(problems, nodes[i], "is there twice; it stands in line %u already",
                             first->key_place.line);
        }
    }
    free(nodes);
    return true;
}
