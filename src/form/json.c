/*
 * JSON cannot be read piece by piece here, so the text is kept until it is whole, within a limit of its own; files in
 * base64 are decoded into their blobs a chunk at a time. Behind this the fields are the same as any form's.
 *
 * Every error names the path of the value that is to blame.
 */
#include "form/json.h"

#include <inttypes.h>
#include <stdio.h>

#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/json.h"
#include "fcgi_smtp/nearest.h"
#include "fcgi_smtp/utf8.h"
#include "form/label.h"

#define DEPTH_MAX        ((size_t)8) /* 3 are enough: the form, a list, a file; more are for a good error */
#define VALUES_PER_FIELD ((size_t)8) /* a file with its members is 4 */
#define CHUNK            ((size_t)8 * 1024) /* characters decoded at once */

/* What is being read, for its path. */
struct place {
    struct slice name;
    size_t item;        /* FORM_NO_ITEM: it stands alone */
    const char *member; /* of a file; NULL: the value itself */
};

void json_form_init(struct json_form *parser, size_t limit)
{
    buf_init_secret(&parser->text, limit);
}

void json_form_free(struct json_form *parser)
{
    buf_free(&parser->text);
}

enum form_result json_form_update(struct json_form *parser, struct slice octets, struct err *err)
{
    struct buf *text = &parser->text;
    if (octets.len > text->limit - text->len) {
        err_set(err,
                "The JSON is larger than the %zu octets that are allowed; send files as multipart/form-data, "
                "or ask the operator to raise limits.json",
                text->limit);
        return FORM_TOO_LARGE;
    }
    if (!buf_append_slice(text, octets)) {
        err_set(err, "There is no memory to read the JSON");
        return FORM_FAILED;
    }
    return FORM_OK;
}

static enum form_result malformed(const struct place *place, const char *what, struct err *err)
{
    struct label label;
    label_begin(&label);
    label_add_name(&label, place->name);
    if (place->item != FORM_NO_ITEM) {
        label_add_index(&label, place->item);
    }
    if (place->member != NULL) {
        label_add_name(&label, slice_of(place->member));
    }
    err_set_field(err, label.text, label.len);
    err_set(err, "%s %s", label.text, what);
    return FORM_MALFORMED;
}

static struct form_field head_of(const struct place *place)
{
    return (struct form_field){.name = place->name, .from_json = true, .item = place->item};
}

/* A string is UTF-8, whatever _charset_ says of other forms. */
static enum form_result add_text(struct fields *fields, const struct place *place, struct slice text,
                                 struct err *err)
{
    const struct form_field head = head_of(place);
    fields->charset = SLICE("UTF-8");
    enum form_result result = fields_begin(fields, &head, err);
    if (result == FORM_OK) {
        result = fields_append(fields, text.data, text.len, err);
        fields_end(fields);
    }
    return result;
}

struct file {
    struct slice filename, type, content;
    bool has_content;
};

static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.len;) {
        size_t len = utf8_char_len(text.data + i, text.len - i); /* never 0: JSON is UTF-8 */
        if (utf8_is_control(text.data + i, len)) {
            return true;
        }
        i += len;
    }
    return false;
}

static enum form_result report_unknown(const struct place *place, struct err *err)
{
    static const char *const known[] = {"filename", "type", "content"};
    const char *nearest = nearest_name(slice_of(place->member), known, sizeof known / sizeof known[0]);
    char what[128];
    (void)snprintf(what, sizeof what, "is not known; a file has content (base64), filename and type%s%s%s",
                   nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "\"?" : "");
    return malformed(place, what, err);
}

static enum form_result read_member(struct file *file, const struct place *place, struct json_view value,
                                    struct err *err)
{
    struct slice *target = NULL;
    if (strcmp(place->member, "filename") == 0) {
        target = &file->filename;
    } else if (strcmp(place->member, "type") == 0) {
        target = &file->type;
    } else if (strcmp(place->member, "content") == 0) {
        target = &file->content;
    }
    if (target == NULL) {
        return report_unknown(place, err);
    }
    if (json_view_kind(value) == JSON_KIND_NULL) { /* not given */
        return FORM_OK;
    }
    if (json_view_kind(value) != JSON_KIND_STRING) {
        return malformed(place, "is no string; give one", err);
    }
    *target = json_view_text(value);
    file->has_content = file->has_content || target == &file->content;
    if (target == &file->type && has_control(*target)) {
        return malformed(place, "holds a control character; give a media type like text/plain", err);
    }
    return FORM_OK;
}

/* Line breaks between the characters, as some encoders make them, are no harm. */
static enum form_result add_decoded(struct fields *fields, struct place place, struct slice content,
                                    struct err *err)
{
    struct base64_decoder decoder;
    char octets[BASE64_DECODER_UPDATE_MAX(CHUNK)];
    bool good = true;
    base64_decoder_init(&decoder, BASE64_MIME);
    for (size_t i = 0; i < content.len && good; i += CHUNK) {
        size_t len = 0;
        good = base64_decoder_update(&decoder, content.data + i,
                                     content.len - i < CHUNK ? content.len - i : CHUNK, octets, &len);
        enum form_result result = fields_append(fields, octets, len, err);
        if (result != FORM_OK) {
            return result;
        }
    }
    if (good && base64_decoder_finish(&decoder)) {
        return FORM_OK;
    }
    place.member = "content";
    return malformed(&place, "is not base64 (RFC 4648 4, with padding)", err);
}

static enum form_result add_file(struct fields *fields, struct place place, struct json_view object,
                                 struct err *err)
{
    struct file file = {0};
    struct json_member member = {0};
    while (json_view_next(object, &member)) {
        place.member = member.key;
        enum form_result result = read_member(&file, &place, member.value, err);
        if (result != FORM_OK) {
            return result;
        }
    }
    place.member = "content";
    if (!file.has_content) {
        return malformed(&place, "is missing; a file has content (base64), filename and type", err);
    }
    place.member = NULL;
    struct form_field head = head_of(&place);
    head.is_file = true;
    head.file_name = file.filename;
    head.type = file.type;
    fields->charset = (struct slice){0};
    enum form_result result = fields_begin(fields, &head, err);
    if (result == FORM_OK) {
        result = add_decoded(fields, place, file.content, err);
        fields_end(fields);
    }
    return result;
}

static enum form_result add_value(struct fields *fields, const struct place *place, struct json_view value,
                                  struct err *err)
{
    char number[32];
    switch (json_view_kind(value)) {
    case JSON_KIND_STRING:
        return add_text(fields, place, json_view_text(value), err);
    case JSON_KIND_INTEGER:
        (void)snprintf(number, sizeof number, "%" PRId64, json_view_integer(value));
        return add_text(fields, place, slice_of(number), err);
    case JSON_KIND_BOOLEAN:
        return add_text(fields, place, json_view_is_true(value) ? SLICE("true") : SLICE("false"), err);
    case JSON_KIND_OBJECT:
        return add_file(fields, *place, value, err);
    case JSON_KIND_REAL:
        return malformed(place, "is a number with a fraction or exponent; give it as a string", err);
    case JSON_KIND_LIST:
        return malformed(place, "is a list in a list; give one list of strings or files", err);
    case JSON_KIND_NULL:
        break;
    }
    return malformed(place, "is null; give a string or a file, or leave it out", err);
}

/* A list is a field that repeats; null is one that is not given. */
static enum form_result add_field(struct fields *fields, struct slice name, struct json_view value,
                                  struct err *err)
{
    struct place place = {.name = name, .item = FORM_NO_ITEM};
    enum form_result result = FORM_OK;
    switch (json_view_kind(value)) {
    case JSON_KIND_NULL:
        return FORM_OK;
    case JSON_KIND_LIST:
        for (size_t i = 0; i < json_view_count(value) && result == FORM_OK; i++) {
            place.item = i;
            result = add_value(fields, &place, json_view_item(value, i), err);
        }
        return result;
    default:
        return add_value(fields, &place, value, err);
    }
}

static enum form_result add_fields(struct fields *fields, struct json_view root, struct err *err)
{
    if (json_view_kind(root) != JSON_KIND_OBJECT) {
        err_set_field(err, "$", 1);
        err_set(err, "The JSON is no object; send one with the fields as its members");
        return FORM_MALFORMED;
    }
    enum form_result result = FORM_OK;
    struct json_member member = {0};
    while (result == FORM_OK && json_view_next(root, &member)) {
        result = add_field(fields, slice_of(member.key), member.value, err);
    }
    return result;
}

enum form_result json_form_finish(struct json_form *parser, struct fields *fields, struct err *err)
{
    const struct json_limits limits = {.depth = DEPTH_MAX,
                                       .values = (fields->limits.fields + 1) * VALUES_PER_FIELD};
    struct json *json = NULL;
    enum form_result result = FORM_FAILED;
    fields->form->from_json = true;
    switch (json_read_in_place(&json, parser->text.data, parser->text.len, &limits, err)) {
    case JSON_READ_OK:
        result = add_fields(fields, json_view_of(json), err);
        break;
    case JSON_READ_MALFORMED:
        result = FORM_MALFORMED;
        break;
    case JSON_READ_TOO_DEEP:
        err_set(err, "The JSON has more than %zu levels; a form has 3: fields, a list, a file", DEPTH_MAX);
        result = FORM_MALFORMED;
        break;
    case JSON_READ_TOO_MANY:
        err_set(err,
                "The JSON has more than %zu values; send fewer, or ask the operator to raise limits.fields",
                limits.values);
        result = FORM_TOO_MANY_FIELDS;
        break;
    case JSON_READ_NO_MEMORY:
        err_set(err, "There is no memory to read the JSON");
        break;
    }
    json_free(json);
    return result;
}
