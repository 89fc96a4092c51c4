/*
 * A node of our own around each jansson value: it remembers what could not be added (json_write then fails
 * instead of writing half a value) and owns the nodes that were given to it, so that those stay usable while
 * it lives. Its names avoid those of jansson (json_object, json_array), which the linker would let ours
 * replace.
 */
#include "fcgi_smtp/json.h"

#include <stdlib.h>
#include <string.h>

#include "core/json_node.h"
#include "core/json_write.h"
#include "fcgi_smtp/utf8.h"

struct json *json_node_new(json_t *value)
{
    struct json *json = value != NULL ? calloc(1, sizeof *json) : NULL;
    if (json == NULL) {
        json_decref(value);
        return NULL;
    }
    json->value = value;
    return json;
}

struct json *json_object_new(void)
{
    return json_node_new(json_object());
}

struct json *json_array_new(void)
{
    return json_node_new(json_array());
}

void json_free(struct json *json)
{
    if (json == NULL) {
        return;
    }
    for (struct json *child = json->children; child != NULL;) {
        struct json *next = child->sibling;
        json_free(child);
        child = next;
    }
    json_decref(json->value);
    free(json->strings);
    free(json->text);
    free(json);
}

/* A copy in which octets that are not UTF-8 are '?'. */
static char *repaired_copy(struct slice text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    size_t i = 0;
    while ((i += utf8_valid_prefix((struct slice){copy + i, text.len - i})) < text.len) {
        copy[i] = '?';
    }
    return copy;
}

static json_t *string_value(struct slice text)
{
    if (text.len == 0) {
        return json_stringn_nocheck("", 0);
    }
    if (utf8_valid_prefix(text) == text.len) {
        return json_stringn_nocheck(text.data, text.len);
    }
    char *copy = repaired_copy(text);
    json_t *value = copy != NULL ? json_stringn_nocheck(copy, text.len) : NULL;
    free(copy);
    return value;
}

/* Takes value over, which may be NULL. */
static void set_value(struct json *object, const char *key, json_t *value)
{
    if (object == NULL) {
        json_decref(value);
        return;
    }
    struct slice name = slice_of(key);
    char *copy = utf8_valid_prefix(name) == name.len ? NULL : repaired_copy(name);
    if (json_object_set_new(object->value, copy != NULL ? copy : key, value) != 0) {
        object->incomplete = true;
    }
    free(copy);
}

static void add_value(struct json *array, json_t *value)
{
    if (array == NULL) {
        json_decref(value);
        return;
    }
    if (json_array_append_new(array->value, value) != 0) {
        array->incomplete = true;
    }
}

static void adopt(struct json *parent, struct json *child)
{
    if (parent == NULL) {
        json_free(child);
        return;
    }
    if (child == NULL) {
        parent->incomplete = true;
        return;
    }
    child->sibling = parent->children;
    parent->children = child;
}

void json_set(struct json *object, const char *key, struct json *value)
{
    if (value != NULL) {
        set_value(object, key, json_incref(value->value));
    }
    adopt(object, value);
}

void json_set_slice(struct json *object, const char *key, struct slice value)
{
    set_value(object, key, string_value(value));
}

void json_set_string(struct json *object, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        json_set_slice(object, key, slice_of(value));
    }
}

void json_set_int(struct json *object, const char *key, int64_t value)
{
    set_value(object, key, json_integer(value));
}

void json_add(struct json *array, struct json *value)
{
    if (value != NULL) {
        add_value(array, json_incref(value->value));
    }
    adopt(array, value);
}

void json_add_slice(struct json *array, struct slice value)
{
    add_value(array, string_value(value));
}

static bool is_complete(const struct json *json)
{
    bool complete = !json->incomplete;
    for (const struct json *child = json->children; complete && child != NULL; child = child->sibling) {
        complete = is_complete(child);
    }
    return complete;
}

void json_take_back(struct buf *out, size_t len)
{
    out->len = len;
    if (out->data != NULL) {
        out->data[len] = '\0';
    }
}

bool json_write(const struct json *json, struct buf *out)
{
    if (json == NULL || !is_complete(json)) {
        return false;
    }
    size_t before = out->len;
    if (!json_write_value(out, json->value)) {
        json_take_back(out, before);
        return false;
    }
    return true;
}
