/*
 * What is read is jansson's, but for the strings, which json_scan.c takes out of the text before: there they are checked
 * and decoded once, in place, and never copied.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_node.h"
#include "fcgi_smtp/json.h"

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
    *out = json_node_new(value);
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

static int append_piece(const char *octets, size_t len, void *out)
{
    return buf_append(out, octets, len) ? 0 : -1;
}

/* All of it, or nothing. */
static bool append_text(struct buf *out, const json_t *value, size_t flags)
{
    size_t before = out->len;
    if (json_dump_callback(value, append_piece, out, JSON_COMPACT | flags) != 0) {
        json_take_back(out, before);
        return false;
    }
    return true;
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
