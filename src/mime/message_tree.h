/*
 * message_tree: the tree of a mail's parts (alternative in related in mixed), before anything of it is written.
 */
#ifndef FCGI_SMTP_MIME_MESSAGE_TREE_H
#define FCGI_SMTP_MIME_MESSAGE_TREE_H

#include "fcgi_smtp/message.h"

enum node_kind { NODE_MULTIPART, NODE_TEXT, NODE_AMP, NODE_HTML, NODE_INLINE, NODE_ATTACHMENT };

struct node {
    enum node_kind kind;
    const char *subtype;             /* of a multipart */
    const struct message_part *part; /* of any other; its content may be NULL: empty */
    struct node *children;           /* of a multipart, in their order */
    size_t count;
};

struct message_tree {
    struct node root;
    struct node *nodes; /* owned: all children are in it */
    size_t used;
    size_t bodies; /* nodes that are no multipart */
};

/* False: no memory. Freed by message_tree_free in either case. */
bool message_tree_build(struct message_tree *tree, const struct message *message);
void message_tree_free(struct message_tree *tree);

#endif
