/*
 * form_fields: a form that is filled field by field; it keeps the limits.
 *
 * The parsers put here what they read, and so does whoever makes a form without a body. One field is open at a time:
 * fields_begin, fields_append as often as need be, fields_end.
 */
#ifndef FCGI_SMTP_FORM_FIELDS_H
#define FCGI_SMTP_FORM_FIELDS_H

#include "fcgi_smtp/form.h"

#define FORM_NAME_MAX      ((size_t)256)  /* octets of a field's name, decoded */
#define FORM_FILE_NAME_MAX ((size_t)1024) /* octets of a file's name, decoded */

struct fields {
    struct form_limits limits;
    struct arena *arena;
    struct blob_store *store;
    struct form *form;
    struct slice charset;    /* of fields that do not say themselves */
    size_t begun;            /* fields begun so far, also those that were left out of the form */
    struct form_field *open; /* NULL between fields */
    uint64_t most;           /* octets that the open one may hold */
};

/* Checks and copies *head, but for charset, content and next, which are not read, and begins the content. */
enum form_result fields_begin(struct fields *fields, const struct form_field *head, struct err *err);

enum form_result fields_append(struct fields *fields, const void *octets, size_t len, struct err *err);

/* Puts the open field into the form; but a file without a name and content, an empty file input, is left out. */
void fields_end(struct fields *fields);

#endif
