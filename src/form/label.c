/*
 * A path is made only when an error is told, so that forms without one pay nothing.
 */
#include "form/label.h"

#include <stdio.h>

static void add(struct label *label, const char *octets, size_t len)
{
    size_t room = sizeof label->text - 1 - label->len;
    size_t fits = len < room ? len : room;
    memcpy(label->text + label->len, octets, fits);
    label->len += fits;
    label->text[label->len] = '\0';
}

static void add_string(struct label *label, const char *text)
{
    add(label, text, strlen(text));
}

void label_begin(struct label *label)
{
    label->len = 0;
    add_string(label, "$");
}

/* RFC 9535 2.5.1: member-name-shorthand. */
static bool is_shorthand(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return name.len > 0;
}

void label_add_name(struct label *label, struct slice name)
{
    if (is_shorthand(name)) {
        add_string(label, ".");
        add(label, name.data, name.len);
        return;
    }
    add_string(label, "['");
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '\'' || name.data[i] == '\\') {
            add_string(label, "\\");
        }
        add(label, name.data + i, 1);
    }
    add_string(label, "']");
}

void label_add_index(struct label *label, size_t index)
{
    char text[32];
    (void)snprintf(text, sizeof text, "[%zu]", index);
    add_string(label, text);
}

struct slice form_field_label(const struct form_field *field, char out[FORM_LABEL_MAX])
{
    if (!field->from_json) {
        return field->name;
    }
    struct label label;
    label_begin(&label);
    label_add_name(&label, field->name);
    if (field->item != FORM_NO_ITEM) {
        label_add_index(&label, field->item);
    }
    memcpy(out, label.text, label.len + 1);
    return (struct slice){out, label.len};
}

struct slice form_label(const struct form *form, struct slice name, char out[FORM_LABEL_MAX])
{
    const struct form_field field = {.name = name, .from_json = form->from_json, .item = FORM_NO_ITEM};
    return form_field_label(&field, out);
}
