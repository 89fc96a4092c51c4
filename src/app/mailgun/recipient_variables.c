/*
 * Addresses are sorted and keys hashed (by jansson, with a seed of its own), so that many of them in a text cost no more
 * than reading it. A replaced value is not looked at again.
 */
#include "app/mailgun/recipient_variables.h"

#include <stdio.h>
#include <stdlib.h>

#define MARK             "%recipient."
#define JSON_DEPTH_MAX   ((size_t)8)
#define JSON_VALUES_MAX  ((size_t)200 * 1000)
#define JSON_ENTRIES_MAX ((size_t)20 * 1000)   /* addresses */
#define VALUE_MAX        ((size_t)1024 * 1024) /* octets of one value that is no string */

static enum recipient_variables_result invalid(struct err *err, const char *text)
{
    err_set(err,
            "recipient-variables is not valid: %s; give a JSON object like {\"a@example.com\": {\"name\": "
            "\"A\"}}",
            text);
    return RECIPIENT_VARIABLES_INVALID;
}

static enum recipient_variables_result parse(struct recipient_variables *variables, struct slice text,
                                             struct err *err)
{
    static const struct json_limits limits = {JSON_DEPTH_MAX, JSON_VALUES_MAX};
    struct err wrong = {0};
    switch (json_read(&variables->json, text, &limits, &wrong)) {
    case JSON_READ_OK:
        break;
    case JSON_READ_MALFORMED:
        return invalid(err, wrong.text);
    case JSON_READ_TOO_DEEP:
        return invalid(err, "it has too many objects inside each other");
    case JSON_READ_TOO_MANY:
        return invalid(err, "it has too many values");
    case JSON_READ_NO_MEMORY:
        return RECIPIENT_VARIABLES_FAILED;
    }
    return json_view_kind(json_view_of(variables->json)) == JSON_KIND_OBJECT
               ? RECIPIENT_VARIABLES_OK
               : invalid(err, "it is no object");
}

static int compare(struct slice a, struct slice b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return a.len > 0 ? memcmp(a.data, b.data, a.len) : 0;
}

static int by_address(const void *left, const void *right)
{
    const struct recipient_entry *a = left;
    const struct recipient_entry *b = right;
    return compare(a->address, b->address);
}

static enum recipient_variables_result read_entry(struct recipient_variables *variables,
                                                  const struct json_member *member, struct arena *arena,
                                                  struct err *err)
{
    struct mailbox mailbox;
    struct err wrong = {0};
    switch (address_parse_one(&mailbox, slice_of(member->key), false, arena, &wrong)) {
    case ADDRESS_OK:
        break;
    case ADDRESS_NO_MEMORY:
        return RECIPIENT_VARIABLES_FAILED;
    default:
        return invalid(err, wrong.text);
    }
    if (json_view_kind(member->value) != JSON_KIND_OBJECT) {
        return invalid(err, "the variables of an address are no object");
    }
    variables->entries[variables->count++] = (struct recipient_entry){mailbox.address.text, member->value};
    return RECIPIENT_VARIABLES_OK;
}

static enum recipient_variables_result read_entries(struct recipient_variables *variables,
                                                    struct arena *arena, struct err *err)
{
    struct json_view object = json_view_of(variables->json);
    struct json_member member = {0};
    size_t count = 0;
    while (json_view_next(object, &member)) {
        count++;
    }
    if (count > JSON_ENTRIES_MAX) {
        return invalid(err, "it has too many addresses");
    }
    variables->entries = arena_array(arena, count + 1, sizeof *variables->entries);
    enum recipient_variables_result result =
        variables->entries != NULL ? RECIPIENT_VARIABLES_OK : RECIPIENT_VARIABLES_FAILED;
    member = (struct json_member){0};
    while (result == RECIPIENT_VARIABLES_OK && json_view_next(object, &member)) {
        result = read_entry(variables, &member, arena, err);
    }
    return result;
}

/* JSON's members are different ones, but two spellings may be one address: which of them counts nobody could say. */
static enum recipient_variables_result sort_entries(struct recipient_variables *variables, struct err *err)
{
    qsort(variables->entries, variables->count, sizeof *variables->entries, by_address);
    for (size_t i = 1; i < variables->count; i++) {
        struct slice address = variables->entries[i].address;
        if (slice_equal(variables->entries[i - 1].address, address)) {
            char text[ERR_TEXT_MAX];
            (void)snprintf(text, sizeof text, "%.*s is there twice", SLICE_ARGS(address));
            return invalid(err, text);
        }
    }
    return RECIPIENT_VARIABLES_OK;
}

enum recipient_variables_result recipient_variables_read(struct recipient_variables *variables,
                                                         struct slice text, struct arena *arena,
                                                         struct err *err)
{
    *variables = (struct recipient_variables){0};
    enum recipient_variables_result result = parse(variables, text, err);
    result = result == RECIPIENT_VARIABLES_OK ? read_entries(variables, arena, err) : result;
    result = result == RECIPIENT_VARIABLES_OK ? sort_entries(variables, err) : result;
    if (result != RECIPIENT_VARIABLES_OK) {
        recipient_variables_free(variables);
    }
    return result;
}

void recipient_variables_free(struct recipient_variables *variables)
{
    json_free(variables->json);
    *variables = (struct recipient_variables){0};
}

struct json_view recipient_variables_find(const struct recipient_variables *variables,
                                          const struct addr_spec *address)
{
    const struct recipient_entry wanted = {.address = address->text};
    const struct recipient_entry *found =
        variables->count > 0
            ? bsearch(&wanted, variables->entries, variables->count, sizeof *variables->entries, by_address)
            : NULL;
    return found != NULL ? found->values : (struct json_view){0};
}

static const char *find_mark(struct slice text)
{
    return text.len > 0 ? memmem(text.data, text.len, MARK, sizeof MARK - 1) : NULL;
}

bool recipient_variables_used(struct slice text)
{
    return find_mark(text) != NULL;
}

/* The KEY of a text that begins with the mark; empty: what follows is no place. */
static struct slice key_of(struct slice text)
{
    struct slice key = {text.data + sizeof MARK - 1, text.len - (sizeof MARK - 1)};
    size_t most = key.len <= RECIPIENT_VARIABLE_KEY_MAX ? key.len : RECIPIENT_VARIABLE_KEY_MAX + 1;
    const char *end = most > 0 ? memchr(key.data, '%', most) : NULL;
    key.len = end != NULL ? (size_t)(end - key.data) : 0;
    return key;
}

static bool give_value(struct json_view value, recipient_variables_sink *sink, void *ctx)
{
    struct buf text;
    switch (json_view_kind(value)) {
    case JSON_KIND_NULL:
        return true;
    case JSON_KIND_STRING:
        return json_view_text(value).len == 0 || sink(ctx, json_view_text(value));
    default:
        break;
    }
    buf_init(&text, VALUE_MAX);
    bool good = json_view_write(value, &text) && sink(ctx, buf_slice(&text));
    buf_free(&text);
    return good;
}

bool recipient_variables_replace(struct slice text, struct json_view values, recipient_variables_sink *sink,
                                 void *ctx)
{
    if (text.len == 0) {
        return true; /* its data may be NULL */
    }
    size_t given = 0; /* octets of text */
    size_t at = 0;
    const char *mark;
    while ((mark = find_mark((struct slice){text.data + at, text.len - at})) != NULL) {
        size_t begin = (size_t)(mark - text.data);
        struct slice key = key_of((struct slice){mark, text.len - begin});
        struct json_view value;
        at = begin + sizeof MARK - 1;
        if (key.len == 0 || !json_view_get(values, key, &value)) {
            continue;
        }
        struct slice before = {text.data + given, begin - given};
        if ((before.len > 0 && !sink(ctx, before)) || !give_value(value, sink, ctx)) {
            return false;
        }
        at += key.len + 1;
        given = at;
    }
    return given == text.len || sink(ctx, (struct slice){text.data + given, text.len - given});
}
