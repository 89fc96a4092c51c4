/*
 * What can be asked of a tree. Building one is yaml.c's job, giving it a meaning is read.c's.
 */
#include "config/tree.h"

#include <stdarg.h>

#include "fcgi_smtp/secret.h"

#define KEY_SHOWN 60 /* octets of one key in a path */

/* The texts are the arena's own copies: made by yaml.c, seen as const by everybody else. */
static void wipe_text(struct slice text)
{
    if (text.len > 0) {
        secret_wipe((char *)text.data, text.len);
    }
}

/* Keys too: "password: {secret}" has one that is no key. */
static void wipe(struct node *node)
{
    wipe_text(node->text);
    wipe_text(node->key);
    for (struct node *child = node->first; child != NULL; child = child->next) {
        wipe(child); /* no deeper than TREE_DEPTH_MAX */
    }
}

void tree_free(struct tree *tree)
{
    if (tree->root != NULL) {
        wipe(tree->root);
    }
    arena_free(&tree->arena);
    tree->root = NULL;
}

struct node *node_find(const struct node *node, const char *key)
{
    if (node == NULL || node->kind != NODE_MAPPING) {
        return NULL;
    }
    for (struct node *child = node->first; child != NULL; child = child->next) {
        if (!child->ignored && slice_equal(child->key, slice_of(key))) {
            return child;
        }
    }
    return NULL;
}

/* Appends what fits, as snprintf does. */
static void append(char path[TREE_PATH_MAX], const struct node *node)
{
    size_t used = strlen(path);
    size_t room = TREE_PATH_MAX - used;
    if (node->key.data == NULL) {
        (void)snprintf(path + used, room, "[%zu]", node->index);
        return;
    }
    int len = node->key.len < KEY_SHOWN ? (int)node->key.len : KEY_SHOWN;
    (void)snprintf(path + used, room, "%s%.*s%s", used > 0 ? "." : "", len, node->key.data,
                   node->key.len > KEY_SHOWN ? "..." : "");
}

/* False when what is below must not be shown. */
static bool build(const struct node *node, char path[TREE_PATH_MAX])
{
    if (node->parent == NULL) {
        return true;
    }
    if (!build(node->parent, path)) {
        return false;
    }
    append(path, node);
    return node->key.data == NULL || !slice_equal_nocase(node->key, SLICE("password"));
}

void node_path(const struct node *node, char path[TREE_PATH_MAX])
{
    path[0] = '\0';
    (void)build(node, path);
}

static void note(struct problems *problems, bool warning, struct place place, const struct node *node,
                 const char *text)
{
    char path[TREE_PATH_MAX];
    node_path(node, path);
    problems_put(problems, warning, place, path, text);
}

void node_problem(struct problems *problems, const struct node *node, const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    note(problems, false, node->place, node, text);
}

void node_key_problem(struct problems *problems, const struct node *node, const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    note(problems, false, node->key.data != NULL ? node->key_place : node->place, node, text);
}

void node_warning(struct problems *problems, const struct node *node, const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    note(problems, true, node->place, node, text);
}
