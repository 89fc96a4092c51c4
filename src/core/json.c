/*
 * struct json is jansson's json_t behind a name of our own, so that no other file sees the library.
 */
#include "fcgi_smtp/json.h"

#include <jansson.h>
#include <stdlib.h>

#include "fcgi_smtp/utf8.h"

static struct json *wrap(json_t *value)
{
    return (struct json *)value;
}

static json_t *unwrap(struct json *json)
{
    return (json_t *)json;
}

struct json *json_new_object(void)
{
    return wrap(json_object());
}

struct json *json_new_array(void)
{
    return wrap(json_array());
}

void json_free(struct json *json)
{
    json_decref(unwrap(json));
}

static struct json *string_of(struct slice value)
{
    if (utf8_valid_prefix(value) == value.len) {
        return wrap(json_stringn_nocheck(value.data != NULL ? value.data : "", value.len));
    }
    char *copy = malloc(value.len);
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, value.data, value.len);
    for (size_t i = 0; i < value.len;) {
        size_t len = utf8_char_len(copy + i, value.len - i);
        if (len == 0) {
            copy[i] = '?';
        }
        i += len > 0 ? len : 1;
    }
    json_t *string = json_stringn_nocheck(copy, value.len);
    free(copy);
    return wrap(string);
}

void json_set(struct json *object, const char *key, struct json *value)
{
    /* Takes the value over in any case; NULLs are refused without harm. */
    (void)json_object_set_new_nocheck(unwrap(object), key, unwrap(value));
}

void json_set_slice(struct json *object, const char *key, struct slice value)
{
    json_set(object, key, string_of(value));
}

void json_set_string(struct json *object, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        json_set_slice(object, key, slice_of(value));
    }
}

void json_set_int(struct json *object, const char *key, int64_t value)
{
    json_set(object, key, wrap(json_integer(value)));
}

void json_add(struct json *array, struct json *value)
{
    (void)json_array_append_new(unwrap(array), unwrap(value));
}

void json_add_slice(struct json *array, struct slice value)
{
    json_add(array, string_of(value));
}

static int append(const char *text, size_t len, void *out)
{
    return buf_append(out, text, len) ? 0 : -1;
}

bool json_write(const struct json *json, struct buf *out)
{
    return json != NULL && json_dump_callback((const json_t *)json, append, out, JSON_COMPACT) == 0;
}
