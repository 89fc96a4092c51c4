/*
 * The tree is built from the inside out: what there is is wrapped in another multipart whenever something comes to it.
 */
#include "mime/message_tree.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
    BODY_NODES_MAX = 5 /* the texts, and what wraps them in related and in mixed */
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

/* The texts that are given, the plainest first (RFC 2046 5.1.4); nothing at all is an empty text. */
static struct node build_texts(struct message_tree *tree, const struct message *message)
{
    const struct {
        enum node_kind kind;
        const struct message_part *part;
    } texts[] = {{NODE_TEXT, &message->text}, {NODE_AMP, &message->amp}, {NODE_HTML, &message->html}};
    enum { TEXTS = sizeof texts / sizeof texts[0] };
    struct node nodes[TEXTS];
    size_t count = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        if (texts[i].part->content != NULL) {
            nodes[count++] = leaf(tree, texts[i].kind, texts[i].part);
        }
    }
    if (count == 0) {
        return leaf(tree, NODE_TEXT, &message->text);
    }
    if (count == 1) {
        return nodes[0];
    }
    struct node all = multipart(tree, "alternative", count);
    for (size_t i = 0; i < count; i++) {
        add_child(&all, nodes[i]);
    }
    return all;
}

static void add_inlines(struct message_tree *tree, struct node *parent, const struct message *message)
{
    for (size_t i = 0; i < message->inline_count; i++) {
        add_child(parent, leaf(tree, NODE_INLINE, &message->inlines[i]));
    }
}

/* What is read first, with the files that the html refers to (RFC 2387). */
static struct node build_body(struct message_tree *tree, const struct message *message)
{
    struct node texts = build_texts(tree, message);
    if (message->html.content == NULL || message->inline_count == 0) {
        return texts;
    }
    struct node related = multipart(tree, "related", message->inline_count + 1);
    add_child(&related, texts);
    add_inlines(tree, &related, message);
    return related;
}

/* The body with the files behind it; without a body the files alone. Without an html nothing refers to inline files. */
static struct node build_mixed(struct message_tree *tree, const struct message *message)
{
    bool has_html = message->html.content != NULL;
    bool has_body = has_html || message->text.content != NULL || message->amp.content != NULL;
    size_t files = message->attachment_count + (has_html ? 0 : message->inline_count);
    if (files == 0) {
        return build_body(tree, message);
    }
    struct node mixed = multipart(tree, "mixed", files + 1);
    if (has_body) {
        add_child(&mixed, build_body(tree, message));
    }
    if (!has_html) {
        add_inlines(tree, &mixed, message);
    }
    for (size_t i = 0; i < message->attachment_count; i++) {
        add_child(&mixed, leaf(tree, NODE_ATTACHMENT, &message->attachments[i]));
    }
    return mixed;
}

bool message_tree_build(struct message_tree *tree, const struct message *message)
{
    *tree = (struct message_tree){0};
    tree->nodes =
        calloc(message->attachment_count + message->inline_count + BODY_NODES_MAX, sizeof *tree->nodes);
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
