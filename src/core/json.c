/*
 * A node of our own around each jansson value: it remembers what could not be added (json_write then fails
 * instead of writing half a value) and owns the nodes that were given to it, so that those stay usable while
 * it lives. Its names avoid those of jansson (json_object, json_array), which the linker would let ours
 * replace.
 *
 * What is read is jansson's too, but for the strings, which json_scan.c takes out of the text before.
 */
#include "fcgi_smtp/json.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/json_scan.h"
#include "core/json_write.h"
#include "fcgi_smtp/utf8.h"

/*
 * A value that jansson finds no memory for it calls malformed; so its allocations say themselves that one has failed.
 */
static _Thread_local bool starved;

static void *noting_malloc(size_t size)
{
    void *block = malloc(size);
    starved = starved || block == NULL;
    return block;
}

static void note_allocations(void)
{
    json_set_alloc_funcs(noting_malloc, free);
}

struct json {
    json_t *value; /* one reference is ours, one the parent's value's */
    struct json *children;
    struct json *sibling;
    bool incomplete;             /* something could not be added */
    struct json_string *strings; /* owned: of a value that was read, in which strings are their numbers */
    char *text;                  /* owned: what the strings are views of; NULL: it is the caller's */
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

static int append_piece(const char *octets, size_t len, void *out)
{
    return buf_append(out, octets, len) ? 0 : -1;
}

static void take_back(struct buf *out, size_t before)
{
    out->len = before;
    if (out->data != NULL) {
        out->data[before] = '\0';
    }
}

/* All of it, or nothing. */
static bool append_text(struct buf *out, const json_t *value, size_t flags)
{
    size_t before = out->len;
    if (json_dump_callback(value, append_piece, out, JSON_COMPACT | flags) != 0) {
        take_back(out, before);
        return false;
    }
    return true;
}

bool json_write(const struct json *json, struct buf *out)
{
    if (json == NULL || !is_complete(json)) {
        return false;
    }
    size_t before = out->len;
    if (!json_write_value(out, json->value)) {
        take_back(out, before);
        return false;
    }
    return true;
}

/* jansson's text; but what it quotes of the JSON may be a piece of a password, unless it is a key. */
static enum json_read tell(const struct json_scan *scan, const json_error_t *error, struct err *err)
{
    char what[JSON_ERROR_TEXT_LENGTH + 1];
    (void)snprintf(what, sizeof what, "%s", error->text);
    char *quoted = strstr(what, " near '");
    if (what[0] == '\0') { /* jansson has nothing to say of allocations that failed */
        return JSON_READ_NO_MEMORY;
    }
    switch (json_error_code(error)) {
    case json_error_out_of_memory:
        return JSON_READ_NO_MEMORY;
    case json_error_duplicate_key:
        break;
    case json_error_null_byte_in_key:
    case json_error_null_character:
        (void)snprintf(what, sizeof what, "a key holds a NUL (\\u0000)");
        break;
    case json_error_numeric_overflow:
        (void)snprintf(what, sizeof what, "a number is too large");
        break;
    default:
        if (quoted != NULL) {
            *quoted = '\0';
        }
        break;
    }
    size_t position = error->position > 0 ? (size_t)error->position - 1 : 0;
    json_scan_tell(scan, position, json_scan_origin(scan, position), what, err);
    return JSON_READ_MALFORMED;
}

static enum json_read build(struct json **out, struct json_scan *scan, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, note_allocations);
    starved = false;
    json_error_t error;
    const char *skeleton = buf_cstr(&scan->skeleton);
    json_t *value =
        json_loadb(skeleton, scan->skeleton.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (value == NULL && starved) {
        return JSON_READ_NO_MEMORY;
    }
    if (value == NULL) {
        return tell(scan, &error, err);
    }
    *out = node_new(value);
    if (*out == NULL) {
        return JSON_READ_NO_MEMORY;
    }
    (*out)->strings = scan->strings;
    scan->strings = NULL;
    return JSON_READ_OK;
}

enum json_read json_read_in_place(struct json **out, char *text, size_t len, const struct json_limits *limits,
                                  struct err *err)
{
    struct json_scan scan;
    *out = NULL;
    enum json_read result = json_scan(&scan, text, len, limits, err);
    result = result == JSON_READ_OK ? build(out, &scan, err) : result;
    json_scan_free(&scan);
    return result;
}

enum json_read json_read(struct json **out, struct slice text, const struct json_limits *limits,
                         struct err *err)
{
    char *copy = malloc(text.len + 1);
    *out = NULL;
    if (copy == NULL) {
        return JSON_READ_NO_MEMORY;
    }
    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    enum json_read result = json_read_in_place(out, copy, text.len, limits, err);
    if (result == JSON_READ_OK) {
        (*out)->text = copy;
    } else {
        free(copy);
    }
    return result;
}

static struct json_view view_of(const void *node, const struct json *json)
{
    return (struct json_view){node, json};
}

struct json_view json_view_of(const struct json *json)
{
    return view_of(json->value, json);
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
    const char *string = json_string_value(view.node);
    if (string == NULL || view.json->strings == NULL) { /* no string, or one of a value that was built */
        return (struct slice){string, json_string_length(view.node)};
    }
    return view.json->strings[strtoull(string, NULL, 10)].text;
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
    return view_of(json_array_get(view.node, i), view.json);
}

bool json_view_get(struct json_view view, struct slice key, struct json_view *value)
{
    *value = view_of(json_object_getn(view.node, key.data, key.len), view.json);
    return value->node != NULL;
}

/* A copy with the strings themselves in the places of their numbers; no deeper than json_read's limit. */
static json_t *restored(struct json_view view)
{
    struct json_member member = {0};
    json_t *copy = NULL;
    bool good = true;
    switch (json_view_kind(view)) {
    case JSON_KIND_STRING:
        return json_stringn_nocheck(json_view_text(view).data, json_view_text(view).len);
    case JSON_KIND_LIST:
        copy = json_array();
        for (size_t i = 0; good && i < json_view_count(view); i++) {
            good = json_array_append_new(copy, restored(json_view_item(view, i))) == 0;
        }
        break;
    case JSON_KIND_OBJECT:
        copy = json_object();
        while (good && json_view_next(view, &member)) {
            good = json_object_set_new_nocheck(copy, member.key, restored(member.value)) == 0;
        }
        break;
    default:
        return json_incref((json_t *)view.node);
    }
    if (!good) {
        json_decref(copy);
    }
    return good ? copy : NULL;
}

bool json_view_write(struct json_view view, struct buf *out)
{
    json_t *copy = restored(view);
    /* 15 digits are what a double surely holds: 1.1 is not written as 1.1000000000000001. */
    bool good = copy != NULL && append_text(out, copy, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    json_decref(copy);
    return good;
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
    member->value = view_of(json_object_iter_value(member->position), view.json);
    return true;
}
