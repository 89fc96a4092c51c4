/*
 * The tree is built from the inside out: what there is is wrapped in another multipart whenever something comes to it.
 */
#include "mime/message.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
    BODY_NODES_MAX = 4 /* text, html and what wraps them */
};

static struct node leaf(struct message_tree *tree, enum node_kind kind, const struct message_part *part)
{
    tree->bodies++;
    return (struct node){.kind = kind, .part = part};
}

/* A multipart with room for count children, none in it yet. */
static struct node multipart(struct message_tree *tree, const char *subtype, size_t count)
{
    struct node node = {.kind = NODE_MULTIPART, .subtype = subtype, .children = tree->nodes + tree->used};
    tree->used += count;
    return node;
}

static void add_child(struct node *parent, struct node child)
{
    parent->children[parent->count++] = child;
}

/* What is read first: the text, the html or both (RFC 2046 5.1.4: the plainest first). */
static struct node build_body(struct message_tree *tree, const struct message *message)
{
    if (message->html.content == NULL) {
        return leaf(tree, NODE_TEXT, &message->text);
    }
    struct node html = leaf(tree, NODE_HTML, &message->html);
    if (message->text.content == NULL) {
        return html;
    }
    struct node both = multipart(tree, "alternative", 2);
    add_child(&both, leaf(tree, NODE_TEXT, &message->text));
    add_child(&both, html);
    return both;
}

/* The body with the files behind it; without a body the files alone. */
static struct node build_mixed(struct message_tree *tree, const struct message *message)
{
    bool has_body = message->text.content != NULL || message->html.content != NULL;
    if (message->attachment_count == 0) {
        return build_body(tree, message);
    }
    struct node mixed = multipart(tree, "mixed", message->attachment_count + 1);
    if (has_body) {
        add_child(&mixed, build_body(tree, message));
    }
    for (size_t i = 0; i < message->attachment_count; i++) {
        add_child(&mixed, leaf(tree, NODE_FILE, &message->attachments[i]));
    }
    return mixed;
}

bool message_tree_build(struct message_tree *tree, const struct message *message)
{
    *tree = (struct message_tree){0};
    tree->nodes = calloc(message->attachment_count + BODY_NODES_MAX, sizeof *tree->nodes);
    if (tree->nodes == NULL) {
        return false;
    }
    tree->root = build_mixed(tree, message);
    return true;
}

void message_tree_free(struct message_tree *tree)
{
    free(tree->nodes);
    *tree = (struct message_tree){0};
}
