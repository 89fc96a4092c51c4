/*
 * What must be true of a form before anybody looks at its templates and addresses. A form's mail must have somebody to go
 * to and somebody to come from, for a visitor can give neither.
 */
#include "config/check.h"

static void check_recipients(struct reading *r, const struct node *node)
{
    static const char *const keys[] = {"to", "cc", "bcc"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct node *given = node_find(node, keys[i]);
        if (given != NULL && (given->kind != NODE_SEQUENCE || given->count > 0)) {
            return;
        }
    }
    node_key_problem(r->problems, node, "has no recipient; to, cc or bcc is expected");
}

static void check_from(struct reading *r, const struct node *node)
{
    const struct node *fallback = node_find(node_find(r->tree->root, "defaults"), "from");
    if (node_find(node, "from") == NULL && fallback == NULL) {
        node_key_problem(r->problems, node, "has no sender; from is expected, here or under defaults");
    }
}

static void check_attachments(struct reading *r, const struct node *node)
{
    const struct node *attachments = node_find(node, "attachments");
    if (node_find(attachments, "types") != NULL && node_find(attachments, "max") == NULL) {
        node_key_problem(r->problems, attachments, "says which files but not how many; max is expected too");
    }
}

void check_form(struct reading *reading, const struct config_form *form, const struct node *node)
{
    if (node->kind != NODE_MAPPING && !node->empty) {
        return; /* was reported */
    }
    check_recipients(reading, node);
    check_from(reading, node);
    check_attachments(reading, node);
    if (form->server != NULL) {
        (void)check_server_name(reading, node_find(node, "server"));
    }
}
