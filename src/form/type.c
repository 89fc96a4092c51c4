/*
 * Media types and parameters.
 *
 * Values without quotes are taken more widely than RFC 9110 5.6.6 has it, up to white space or a semicolon: boundaries
 * with "=", "/", "(" and the like are sent without quotes by many programs. What a value may hold is checked where it
 * is used. A parameter that is there twice is as good as malformed: two readers could choose differently.
 */
#include "form/type.h"

#include "fcgi_smtp/form.h"

static bool is_token_char(char c)
{
    return ascii_is_alphanumeric(c) || ascii_is_one_of(c, "!#$%&'*+-.^_`|~");
}

bool form_is_token(struct slice slice)
{
    for (size_t i = 0; i < slice.len; i++) {
        if (!is_token_char(slice.data[i])) {
            return false;
        }
    }
    return slice.len > 0;
}

static void skip_space(struct slice *slice)
{
    size_t len = 0;
    while (len < slice->len && ascii_is_blank(slice->data[len])) {
        len++;
    }
    slice_skip(slice, len);
}

struct slice form_value_split(struct slice value, struct slice *rest)
{
    const char *semicolon = value.len > 0 ? memchr(value.data, ';', value.len) : NULL;
    struct slice head = value;
    if (semicolon != NULL) {
        head.len = (size_t)(semicolon - value.data);
    }
    *rest = value;
    slice_skip(rest, head.len);
    return slice_trim(head);
}

/* The octets before the closing quote; false when there is none. A backslash takes the octet after it along. */
static bool take_quoted(struct slice *rest, struct slice *value)
{
    slice_skip(rest, 1);
    *value = *rest;
    for (size_t i = 0; i < rest->len; i++) {
        if (rest->data[i] == '"') {
            value->len = i;
            slice_skip(rest, i + 1);
            return true;
        }
        i += rest->data[i] == '\\';
    }
    if (rest->len == 0 || rest->data[rest->len - 1] != '"') {
        return false;
    }
    /* A browser's file name that ends in a backslash; there is no other reading. */
    value->len = rest->len - 1;
    slice_skip(rest, rest->len);
    return true;
}

static bool take_unquoted(struct slice *rest, struct slice *value)
{
    *value = *rest;
    size_t len = 0;
    while (len < rest->len && !ascii_is_blank(rest->data[len]) && rest->data[len] != ';') {
        if (rest->data[len] == '"') {
            return false;
        }
        len++;
    }
    value->len = len;
    slice_skip(rest, len);
    return true;
}

enum form_parameter_result form_parameter_next(struct slice *rest, struct form_parameter *parameter)
{
    skip_space(rest);
    if (rest->len > 0 && rest->data[0] != ';') {
        return FORM_PARAMETER_MALFORMED;
    }
    /* Empty ones may stand between. */
    while (rest->len > 0 && (rest->data[0] == ';' || ascii_is_blank(rest->data[0]))) {
        slice_skip(rest, 1);
    }
    if (rest->len == 0) {
        return FORM_PARAMETER_END;
    }
    const char *equals = memchr(rest->data, '=', rest->len);
    if (equals == NULL) {
        return FORM_PARAMETER_MALFORMED;
    }
    parameter->name = (struct slice){rest->data, (size_t)(equals - rest->data)};
    if (!form_is_token(parameter->name)) {
        return FORM_PARAMETER_MALFORMED;
    }
    slice_skip(rest, parameter->name.len + 1);
    parameter->quoted = rest->len > 0 && rest->data[0] == '"';
    bool good =
        parameter->quoted ? take_quoted(rest, &parameter->value) : take_unquoted(rest, &parameter->value);
    return good ? FORM_PARAMETER_OK : FORM_PARAMETER_MALFORMED;
}

struct slice form_media_type(struct slice content_type)
{
    struct slice rest;
    return form_value_split(content_type, &rest);
}

/* Into arena, quoted pairs resolved (RFC 9110 5.6.4). */
static bool unquote(const struct form_parameter *parameter, struct arena *arena, struct slice *value)
{
    char *copy = arena_copy(arena, parameter->value);
    if (copy == NULL) {
        return false;
    }
    size_t len = 0;
    for (size_t i = 0; i < parameter->value.len; i++) {
        i += parameter->quoted && copy[i] == '\\' && i + 1 < parameter->value.len;
        copy[len++] = copy[i];
    }
    copy[len] = '\0';
    *value = (struct slice){copy, len};
    return true;
}

bool form_type_parameter(struct slice content_type, const char *name, struct arena *arena,
                         struct slice *value)
{
    struct slice rest;
    (void)form_value_split(content_type, &rest);
    struct form_parameter found = {0};
    for (;;) {
        struct form_parameter parameter;
        switch (form_parameter_next(&rest, &parameter)) {
        case FORM_PARAMETER_OK:
            break;
        case FORM_PARAMETER_END:
            return found.name.len > 0 && unquote(&found, arena, value);
        case FORM_PARAMETER_MALFORMED:
            return false;
        }
        bool wanted = slice_equal_nocase(parameter.name, slice_of(name));
        if (wanted && found.name.len > 0) {
            return false;
        }
        found = wanted ? parameter : found;
    }
}
