/*
 * form_input: what a visitor wrote into a web site's form, and what is wrong with it.
 *
 * No field is unknown here. Control fields steer the mail and its answer; the others are what it is made of.
 */
#ifndef FCGI_SMTP_APP_FORM_INPUT_H
#define FCGI_SMTP_APP_FORM_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "app/website/template.h"
#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/config.h"
#include "fcgi_smtp/form.h"

#define FORM_PROBLEMS_MAX 100 /* that are shown; there are no fewer fields to correct for that */

/* What a field is for. */
enum form_control {
    FORM_CONTROL_NONE, /* the mail's text */
    FORM_CONTROL_REPLY_TO,
    FORM_CONTROL_SUBJECT,
    FORM_CONTROL_NEXT, /* where to go after */
    FORM_CONTROL_HONEYPOT,
    FORM_CONTROL_CHARSET
};

enum form_control form_control_of(const struct config_form *config, struct slice name);

struct form_problem {
    struct slice field; /* empty: none alone is to blame */
    const char *text;   /* a sentence for the visitor */
    bool missing;       /* it was left empty */
};

struct form_input {
    struct arena *arena;
    struct template_value *values; /* all plain fields, in the form's order */
    size_t count;
    struct form_field **files; /* likewise */
    size_t file_count;
    const struct template_value *reply_to, *subject, *next; /* of values; NULL: not given, or empty */
    struct form_problem *problems;
    size_t problem_count;
    size_t problem_cap;
    size_t missing; /* how many of the problems are of that kind */
    bool no_memory; /* a problem could not be noted */
};

/* The limit on a field's content, for form_limits. ctx is the struct config_limits. */
uint64_t form_input_limit(void *ctx, struct slice name, bool is_file);

/* Whether a field that people do not see was filled in. */
bool form_input_is_trap(const struct config_form *config, const struct form *form);

/* Reads all values; octets that are no text become problems. False: memory or the spill file failed (err says). */
bool form_input_read(struct form_input *input, const struct config_form *config, struct form *form,
                     struct arena *arena, struct err *err);

/* The form's own rules: required fields, and how many files of which types there may be. */
void form_input_check(struct form_input *input, const struct config_form *config);

void form_input_wrong(struct form_input *input, struct slice field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether there is nothing but white space in it. */
bool form_input_is_blank(struct slice text);

/* A file's media type without parameters: "application/octet-stream" when none was declared, or one that is none. */
struct slice form_input_file_type(const struct form_field *file);

#endif
