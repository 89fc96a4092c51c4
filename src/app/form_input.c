/*
 * Everything that is wrong is collected, so that a visitor hears of all of it at once. Texts of problems do not name their
 * field: they stand beside it.
 */
#include "app/form_input.h"

#include <stdarg.h>
#include <stdio.h>

#include "app/field_text.h"

#define TYPES_SHOWN 256 /* octets of the list of types in a problem */

static const struct {
    struct slice name;
    enum form_control control;
} controls[] = {
    {SLICE_INIT("_replyto"), FORM_CONTROL_REPLY_TO}, {SLICE_INIT("_reply_to"), FORM_CONTROL_REPLY_TO},
    {SLICE_INIT("_subject"), FORM_CONTROL_SUBJECT},  {SLICE_INIT("_next"), FORM_CONTROL_NEXT},
    {SLICE_INIT("_redirect"), FORM_CONTROL_NEXT},    {SLICE_INIT("_gotcha"), FORM_CONTROL_HONEYPOT},
    {SLICE_INIT("_honey"), FORM_CONTROL_HONEYPOT},   {SLICE_INIT("botcheck"), FORM_CONTROL_HONEYPOT},
    {SLICE_INIT("_charset_"), FORM_CONTROL_CHARSET},
};

enum form_control form_control_of(const struct config_form *config, struct slice name)
{
    if (config->honeypot != NULL && slice_equal(name, slice_of(config->honeypot))) {
        return FORM_CONTROL_HONEYPOT;
    }
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        if (slice_equal(name, controls[i].name)) {
            return controls[i].control;
        }
    }
    return FORM_CONTROL_NONE;
}

uint64_t form_input_limit(void *ctx, struct slice name, bool is_file)
{
    (void)name;
    const struct config_limits *limits = ctx;
    return is_file ? UINT64_MAX : (uint64_t)limits->field; /* of files the request's own limit holds */
}

bool form_input_is_trap(const struct config_form *config, const struct form *form)
{
    for (const struct form_field *field = form->first; field != NULL; field = field->next) {
        if (field->content.size > 0 && form_control_of(config, field->name) == FORM_CONTROL_HONEYPOT) {
            return true;
        }
    }
    return false;
}

static void add_problem(struct form_input *input, struct slice field, bool missing, const char *text)
{
    if (input->problem_count == FORM_PROBLEMS_MAX) {
        return;
    }
    void *problems = input->problems;
    struct form_problem *problem =
        arena_push(input->arena, &problems, &input->problem_count, &input->problem_cap, sizeof *problem);
    const char *copy = arena_copy(input->arena, slice_of(text));
    input->problems = problems;
    if (problem == NULL || copy == NULL) {
        input->problem_count -= problem != NULL ? 1 : 0;
        input->no_memory = true;
        return;
    }
    *problem = (struct form_problem){field, copy, missing};
    input->missing += missing ? 1 : 0;
}

void form_input_wrong(struct form_input *input, struct slice field, const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    struct err err = {0};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    err_set(&err, "%s", text); /* printable */
    add_problem(input, field, false, err.text);
}

/* The first one that is not empty. */
static void note_control(struct form_input *input, const struct template_value *value,
                         enum form_control control)
{
    const struct template_value **place = control == FORM_CONTROL_REPLY_TO  ? &input->reply_to
                                          : control == FORM_CONTROL_SUBJECT ? &input->subject
                                          : control == FORM_CONTROL_NEXT    ? &input->next
                                                                            : NULL;
    if (place != NULL && *place == NULL && value->text.len > 0) {
        *place = value;
    }
}

static bool read_value(struct form_input *input, const struct config_form *config, struct form_field *field,
                       struct slice charset, struct err *err)
{
    struct template_value *value = &input->values[input->count];
    struct err wrong = {0};
    value->name = field->name;
    switch (field_text_read(field, charset, false, input->arena, &value->text, &wrong)) {
    case FIELD_TEXT_OK:
        break;
    case FIELD_TEXT_INVALID:
        form_input_wrong(input, field->name, "%s.", wrong.text);
        break;
    case FIELD_TEXT_FAILED:
        *err = wrong;
        return false;
    }
    if (slice_has(value->text, '\0')) {
        form_input_wrong(input, field->name, "There is a character in it that cannot be sent (NUL).");
        value->text = (struct slice){0};
    }
    note_control(input, value, form_control_of(config, field->name));
    input->count++;
    return true;
}

static bool read_fields(struct form_input *input, const struct config_form *config, struct form *form,
                        struct err *err)
{
    struct err wrong = {0};
    struct slice charset;
    const struct form_field *source = NULL;
    enum field_text_result result = field_text_charset(form, &source, &charset, &wrong);
    if (result == FIELD_TEXT_INVALID) {
        form_input_wrong(input, source->name, "%s.", wrong.text);
    } else if (result == FIELD_TEXT_FAILED) {
        *err = wrong;
        return false;
    }
    for (struct form_field *field = form->first; field != NULL; field = field->next) {
        if (field->is_file) {
            input->files[input->file_count++] = field;
        } else if (!read_value(input, config, field, charset, err)) {
            return false;
        }
    }
    return true;
}

bool form_input_read(struct form_input *input, const struct config_form *config, struct form *form,
                     struct arena *arena, struct err *err)
{
    *input = (struct form_input){.arena = arena};
    input->values = arena_array(arena, form->count + 1, sizeof *input->values);
    input->files = arena_array(arena, form->count + 1, sizeof(struct form_field *));
    if (input->values == NULL || input->files == NULL) {
        err_set(err, "There is no memory left for the form's fields");
        return false;
    }
    return read_fields(input, config, form, err);
}

bool form_input_is_blank(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_one_of(text.data[i], " \t\r\n")) {
            return false;
        }
    }
    return true;
}

static bool is_given(const struct form_input *input, struct slice name)
{
    for (size_t i = 0; i < input->count; i++) {
        if (slice_equal(input->values[i].name, name) && !form_input_is_blank(input->values[i].text)) {
            return true;
        }
    }
    for (size_t i = 0; i < input->file_count; i++) {
        if (slice_equal(input->files[i]->name, name)) {
            return true;
        }
    }
    return false;
}

/* RFC 9110 8.3.1: a type, "/", a subtype. */
struct slice form_input_file_type(const struct form_field *file)
{
    struct slice type = file->type;
    size_t len = 0;
    size_t slashes = 0;
    while (len < type.len &&
           (ascii_is_alphanumeric(type.data[len]) || ascii_is_one_of(type.data[len], "/!#$%&'*+-.^_`|~"))) {
        slashes += type.data[len++] == '/' ? 1 : 0;
    }
    bool ends = len == type.len || ascii_is_one_of(type.data[len], "; \t");
    bool good = ends && slashes == 1 && type.data[0] != '/' && type.data[len - 1] != '/';
    return good ? (struct slice){type.data, len} : SLICE("application/octet-stream");
}

static bool matches(struct slice type, struct slice pattern)
{
    size_t family = pattern.len - 1; /* "image/" of "image/" and "*" */
    bool any = pattern.data[family] == '*';
    if (!any) {
        return slice_equal_nocase(type, pattern);
    }
    return type.len > family && strncasecmp(type.data, pattern.data, family) == 0;
}

static bool type_allowed(const struct config_strings *types, struct slice type)
{
    for (size_t i = 0; i < types->count; i++) {
        if (matches(type, slice_of(types->items[i]))) {
            return true;
        }
    }
    return types->count == 0;
}

static const char *list_types(const struct config_strings *types, char text[TYPES_SHOWN])
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < types->count && used < TYPES_SHOWN; i++) {
        used += (size_t)snprintf(text + used, TYPES_SHOWN - used, "%s%s", i > 0 ? ", " : "", types->items[i]);
    }
    return text;
}

static void check_files(struct form_input *input, const struct config_form *config)
{
    size_t most = (size_t)config->attachments.max;
    for (size_t i = 0; i < input->file_count; i++) {
        const struct form_field *file = input->files[i];
        struct slice type = form_input_file_type(file);
        char types[TYPES_SHOWN];
        if (most == 0) {
            form_input_wrong(input, file->name, "No files can be sent with this form.");
        } else if (i == most) {
            form_input_wrong(input, file->name, "At most %zu %s can be sent with this form.", most,
                             most == 1 ? "file" : "files");
        } else if (i < most && !type_allowed(&config->attachments.types, type)) {
            form_input_wrong(input, file->name, "The file \"%.*s\" is %.*s; only %s can be sent.",
                             SLICE_ARGS(file->file_name), SLICE_ARGS(type),
                             list_types(&config->attachments.types, types));
        }
    }
}

void form_input_check(struct form_input *input, const struct config_form *config)
{
    for (size_t i = 0; i < config->required.count; i++) {
        struct slice name = slice_of(config->required.items[i]);
        if (!is_given(input, name)) {
            add_problem(input, name, true, "Please fill this in.");
        }
    }
    check_files(input, config);
}
