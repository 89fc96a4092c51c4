/*
 * Fields and their limits.
 *
 * Every field that begins counts, also one that is left out at its end: memory for it was taken. A name is bounded and
 * checked here, once for both encodings, so that it can stand in error texts, logs and look-ups as it is. Contents are
 * left raw: which charset they are in is known only when all fields are (_charset_).
 */
#include "fcgi_smtp/form_fields.h"

#include "fcgi_smtp/utf8.h"

static bool is_text(struct slice slice)
{
    return utf8_valid_prefix(slice) == slice.len && !slice_has(slice, '\0');
}

static void blame(const struct form_field *field, struct err *err)
{
    char label[FORM_LABEL_MAX];
    struct slice name = form_field_label(field, label);
    err_set_field(err, name.data, name.len);
}

static enum form_result check_head(const struct fields *fields, const struct form_field *head,
                                   struct err *err)
{
    size_t number = fields->begun + 1;
    if (number > fields->limits.fields) {
        err_set(err,
                "The form has more than the %zu fields and files that are allowed; send fewer, or ask the "
                "operator to "
                "raise limits.fields",
                fields->limits.fields);
        return FORM_TOO_MANY_FIELDS;
    }
    if (head->name.len == 0) {
        err_set(err, "Field %zu of the form has no name; give it one", number);
    } else if (head->name.len > FORM_NAME_MAX) {
        err_set(err, "The name of field %zu is longer than %zu octets; use a shorter one", number,
                FORM_NAME_MAX);
    } else if (!is_text(head->name)) {
        err_set(err, "The name of field %zu is not UTF-8 text without NUL; encode it in UTF-8", number);
    } else if (head->file_name.len > FORM_FILE_NAME_MAX) {
        err_set(err, "The file name of field %zu (\"%.*s\") is longer than %zu octets; use a shorter one",
                number, SLICE_ARGS(head->name), FORM_FILE_NAME_MAX);
    } else if (!is_text(head->file_name)) {
        err_set(err,
                "The file name of field %zu (\"%.*s\") is not UTF-8 text without NUL; encode it in UTF-8",
                number, SLICE_ARGS(head->name));
    } else if (!is_text(head->type)) {
        err_set(err, "The Content-Type of field %zu (\"%.*s\") is not UTF-8 text; send it in ASCII", number,
                SLICE_ARGS(head->name));
    } else {
        return FORM_OK;
    }
    blame(head, err);
    return FORM_MALFORMED;
}

static bool copy(struct slice *out, struct slice in, struct arena *arena)
{
    if (in.len == 0) {
        return true;
    }
    *out = (struct slice){arena_copy(arena, in), in.len};
    return out->data != NULL;
}

static struct form_field *new_field(const struct fields *fields, const struct form_field *head)
{
    struct arena *arena = fields->arena;
    struct form_field *field = arena_alloc(arena, sizeof *field);
    if (field == NULL || !copy(&field->name, head->name, arena) ||
        !copy(&field->file_name, head->file_name, arena) || !copy(&field->type, head->type, arena)) {
        return NULL;
    }
    field->is_file = head->is_file;
    field->from_json = head->from_json;
    field->item = head->item;
    field->charset = fields->charset;
    if (field->type.len > 0) {
        (void)form_type_parameter(field->type, "charset", arena, &field->charset);
    }
    return field;
}

enum form_result fields_begin(struct fields *fields, const struct form_field *head, struct err *err)
{
    enum form_result result = check_head(fields, head, err);
    if (result != FORM_OK) {
        return result;
    }
    struct form_field *field = new_field(fields, head);
    if (field == NULL) {
        err_set(err, "There is no memory for field %zu of the form", fields->begun + 1);
        return FORM_FAILED;
    }
    if (fields->limits.secret != NULL && fields->limits.secret(fields->limits.ctx, field->name)) {
        blob_begin_secret(&field->content, fields->store);
    } else {
        blob_begin(&field->content, fields->store);
    }
    fields->begun++;
    fields->open = field;
    fields->most = fields->limits.content(fields->limits.ctx, field->name, field->is_file);
    return FORM_OK;
}

enum form_result fields_append(struct fields *fields, const void *octets, size_t len, struct err *err)
{
    struct form_field *field = fields->open;
    if (len == 0) {
        return FORM_OK;
    }
    if (len > fields->most - field->content.size) { /* size never passes most */
        blame(field, err);
        err_set(err, "The %s \"%.*s\" is larger than the %llu octets that are allowed; send less",
                field->is_file ? "file of field" : "field", SLICE_ARGS(field->name),
                (unsigned long long)fields->most);
        return FORM_TOO_LARGE;
    }
    return blob_append(&field->content, octets, len, err) ? FORM_OK : FORM_FAILED;
}

void fields_end(struct fields *fields)
{
    struct form_field *field = fields->open;
    fields->open = NULL;
    blob_end(&field->content);
    if (field->is_file && field->file_name.len == 0 && field->content.size == 0) {
        return;
    }
    struct form *form = fields->form;
    if (form->last != NULL) {
        form->last->next = field;
    } else {
        form->first = field;
    }
    form->last = field;
    form->count++;
}
