/*
 * Everything that is wrong with a form's fields, gathered so that a client hears of all of it in one answer.
 */
#include <stdarg.h>
#include <stdio.h>

#include "app/send_fields.h"

static void add_error(struct field_errors *errors, struct slice label, const char *format, va_list arguments)
{
    char text[ERR_TEXT_MAX];
    (void)vsnprintf(text, sizeof text, format, arguments);

    struct err err = {0};
    err_set_field(&err, label.data, label.len);
    err_set(&err, "%s", text);
    if (errors->count++ == 0) {
        errors->first = err;
        errors->list = json_array_new();
    }
    if (errors->count > FIELD_ERRORS_LISTED_MAX) {
        return;
    }
    struct json *entry = json_object_new();
    json_set_string(entry, "field", err.field);
    json_set_string(entry, "detail", err.text);
    json_add(errors->list, entry);
}

void field_errors_add(struct field_errors *errors, struct slice field, const char *format, ...)
{
    const struct form form = {.from_json = errors->from_json};
    char label[FORM_LABEL_MAX];
    va_list arguments;
    va_start(arguments, format);
    add_error(errors, form_label(&form, field, label), format, arguments);
    va_end(arguments);
}

void field_errors_blame(struct field_errors *errors, const struct form_field *source, const char *format, ...)
{
    char label[FORM_LABEL_MAX];
    va_list arguments;
    va_start(arguments, format);
    add_error(errors, form_field_label(source, label), format, arguments);
    va_end(arguments);
}

void field_errors_free(struct field_errors *errors)
{
    json_free(errors->list);
    *errors = (struct field_errors){0};
}
