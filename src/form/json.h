/*
 * json: a body of application/json (RFC 8259) as a form.
 */
#ifndef FCGI_SMTP_FORM_JSON_H
#define FCGI_SMTP_FORM_JSON_H

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/form_fields.h"

struct json_form {
    struct buf text; /* may hold a password */
};

void json_form_init(struct json_form *parser, size_t limit);
void json_form_free(struct json_form *parser); /* takes a zeroed one */

enum form_result json_form_update(struct json_form *parser, struct slice octets, struct err *err);
enum form_result json_form_finish(struct json_form *parser, struct fields *fields, struct err *err);

#endif
