/*
 * tree: a YAML document as nodes with positions, without any meaning yet. Made by tree_parse (yaml.c).
 *
 * Only what the configuration allows gets into a tree: one document; no alias, anchor, tag or merge key (each
 * is a problem with its position); keys are scalars. All memory is the tree's; scalars are wiped when it
 * goes, for one of them may be a password.
 */
#ifndef FCGI_SMTP_CONFIG_TREE_H
#define FCGI_SMTP_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/problems.h"
#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/slice.h"

#define TREE_DEPTH_MAX 8      /* mappings and sequences inside each other */
#define TREE_NODES_MAX 100000 /* scalars, mappings and sequences of a document */
#define TREE_PATH_MAX  256    /* octets of a path in a problem, the NUL included */

enum node_kind {
    NODE_NOTHING, /* a key whose value is still to come, or an alias: was reported */
    NODE_SCALAR,
    NODE_SEQUENCE,
    NODE_MAPPING
};

struct node {
    enum node_kind kind;
    struct place place;     /* of the value */
    struct place key_place; /* of its key */
    struct slice key;       /* an entry of a mapping; data == NULL: not one */
    size_t index;           /* an entry of a sequence: from 0 */
    struct slice text;      /* a scalar's; may hold NUL */
    bool empty;             /* a plain scalar without text: nothing was written there */
    bool ignored;           /* a duplicate or merge key: was reported */
    struct node *parent;    /* NULL: the root */
    struct node *next;      /* the parent's next entry */
    struct node *first;     /* of a mapping or sequence */
    struct node *last;
    size_t count; /* of entries */
};

struct tree {
    struct arena arena;
    struct node *root; /* NULL: an empty document */
    bool complete;     /* false: the reading ended early at a problem, so that keys may be missing */
    size_t nodes;
};

/*
 * Reads yaml; what is wrong becomes problems. The tree holds whatever was read before a syntax error. False
 * without memory. tree_free in any case.
 */
bool tree_parse(struct tree *tree, struct slice yaml, struct problems *problems);
void tree_free(struct tree *tree);

/* The value under key in a mapping; NULL if there is none (or node is NULL or no mapping). */
struct node *node_find(const struct node *node, const char *key);

/*
 * Reports every key of a mapping that stood there before and marks its node as ignored; nocase: whatever the
 * case of ASCII letters. False without memory.
 */
bool tree_mark_duplicates(const struct node *mapping, bool nocase, struct problems *problems);

/*
 * "servers.main.host", "defaults.to[1]"; "" for the root. What stands below a password's key is left out: it
 * may be a piece of the password.
 */
void node_path(const struct node *node, char path[TREE_PATH_MAX]);

/* A problem with a node's value or with its key. */
void node_problem(struct problems *problems, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void node_key_problem(struct problems *problems, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void node_warning(struct problems *problems, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
