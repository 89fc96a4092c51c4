/*
 * A node of our own around each jansson value: it remembers what could not be added (json_write then fails
 * instead of writing half a value) and owns the nodes that were given to it, so that those stay usable while
 * it lives. Its names avoid those of jansson (json_object, json_array), which the linker would let ours
 * replace.
 */
#include "fcgi_smtp/json.h"

#include <jansson.h>
#include <stdlib.h>

#include "fcgi_smtp/secret.h"
#include "fcgi_smtp/utf8.h"

struct json {
    json_t *value; /* one reference is ours, one the parent's value's */
    struct json *children;
    struct json *sibling;
    bool incomplete; /* something could not be added */
};

static struct json *node_new(json_t *value)
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
    return node_new(json_object());
}

struct json *json_array_new(void)
{
    return node_new(json_array());
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

static int append_piece(const char *octets, size_t len, void *out)
{
    return buf_append(out, octets, len) ? 0 : -1;
}

/* All of it, or nothing. */
static bool append_text(struct buf *out, const json_t *value, size_t flags)
{
    size_t before = out->len;
    if (json_dump_callback(value, append_piece, out, JSON_COMPACT | flags) != 0) {
        out->len = before;
        if (out->data != NULL) {
            out->data[before] = '\0';
        }
        return false;
    }
    return true;
}

bool json_write(const struct json *json, struct buf *out)
{
    return json != NULL && is_complete(json) && append_text(out, json->value, 0);
}

/*
 * Counts what would be built, without judging the text: no value stands in it without a bracket, a comma or the
 * beginning before it.
 */
static enum json_read check_limits(struct slice text, const struct json_limits *limits)
{
    size_t depth = 0;
    size_t values = 1;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            values++;
            depth++;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        } else if (c == ',') {
            values++;
        }
        if (depth > limits->depth) {
            return JSON_READ_TOO_DEEP;
        }
        if (values > limits->values) {
            return JSON_READ_TOO_MANY;
        }
    }
    return JSON_READ_OK;
}

/* jansson's text; but what it quotes of the JSON may be a piece of a password, unless it is a key. */
static enum json_read tell(const json_error_t *error, struct err *err)
{
    const char *what = error->text;
    const char *quoted = strstr(what, " near '");
    size_t len = quoted != NULL ? (size_t)(quoted - what) : strlen(what);
    switch (json_error_code(error)) {
    case json_error_out_of_memory:
        return JSON_READ_NO_MEMORY;
    case json_error_null_character:
    case json_error_null_byte_in_key:
        what = "a string holds a NUL (\\u0000)";
        len = strlen(what);
        break;
    case json_error_numeric_overflow:
        what = "a number is too large";
        len = strlen(what);
        break;
    case json_error_duplicate_key:
        len = strlen(what);
        break;
    default:
        break;
    }
    err_set(err, "The JSON is malformed in line %d, column %d: %.*s", error->line, error->column, (int)len,
            what);
    return JSON_READ_MALFORMED;
}

enum json_read json_read(struct json **out, struct slice text, const struct json_limits *limits,
                         struct err *err)
{
    *out = NULL;
    enum json_read result = check_limits(text, limits);
    if (result != JSON_READ_OK) {
        return result;
    }
    json_error_t error;
    const char *octets = text.len > 0 ? text.data : "";
    json_t *value = json_loadb(octets, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (value == NULL) {
        return tell(&error, err);
    }
    *out = node_new(value);
    return *out != NULL ? JSON_READ_OK : JSON_READ_NO_MEMORY;
}

/* No deeper than json_read's limit. */
static void wipe_strings(json_t *value)
{
    const char *key = NULL;
    json_t *member = NULL;
    size_t index = 0;
    if (json_is_string(value)) {
        /* The string is the value's own; only the interface is const. */
        secret_wipe((char *)json_string_value(value), json_string_length(value));
    }
    json_array_foreach(value, index, member)
    {
        wipe_strings(member);
    }
    json_object_foreach(value, key, member)
    {
        wipe_strings(member);
    }
}

void json_wipe(struct json *json)
{
    if (json != NULL) {
        wipe_strings(json->value);
    }
    json_free(json);
}

struct json_view json_view_of(const struct json *json)
{
    return (struct json_view){json->value};
}

enum json_kind json_view_kind(struct json_view view)
{
    static const enum json_kind kinds[] = {
        [JSON_OBJECT] = JSON_KIND_OBJECT,   [JSON_ARRAY] = JSON_KIND_LIST,
        [JSON_STRING] = JSON_KIND_STRING,   [JSON_REAL] = JSON_KIND_REAL,
        [JSON_INTEGER] = JSON_KIND_INTEGER, [JSON_TRUE] = JSON_KIND_BOOLEAN,
        [JSON_FALSE] = JSON_KIND_BOOLEAN,   [JSON_NULL] = JSON_KIND_NULL,
    };
    return kinds[json_typeof((const json_t *)view.node)];
}

struct slice json_view_text(struct json_view view)
{
    return (struct slice){json_string_value(view.node), json_string_length(view.node)};
}

int64_t json_view_integer(struct json_view view)
{
    return json_integer_value(view.node);
}

bool json_view_is_true(struct json_view view)
{
    return json_is_true((const json_t *)view.node);
}

size_t json_view_count(struct json_view view)
{
    return json_array_size(view.node);
}

struct json_view json_view_item(struct json_view view, size_t i)
{
    return (struct json_view){json_array_get(view.node, i)};
}

bool json_view_get(struct json_view view, struct slice key, struct json_view *value)
{
    value->node = json_object_getn(view.node, key.data, key.len);
    return value->node != NULL;
}

bool json_view_write(struct json_view view, struct buf *out)
{
    /* 15 digits are what a double surely holds: 1.1 is not written as 1.1000000000000001. */
    return append_text(out, view.node, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

bool json_view_next(struct json_view view, struct json_member *member)
{
    json_t *object = (json_t *)view.node; /* only read */
    member->position =
        member->position == NULL ? json_object_iter(object) : json_object_iter_next(object, member->position);
    if (member->position == NULL) {
        return false;
    }
    member->key = json_object_iter_key(member->position);
    member->value.node = json_object_iter_value(member->position);
    return true;
}
