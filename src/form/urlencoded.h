/*
 * urlencoded: application/x-www-form-urlencoded (WHATWG URL 5.1) as a push parser.
 */
#ifndef FCGI_SMTP_FORM_URLENCODED_H
#define FCGI_SMTP_FORM_URLENCODED_H

#include "fcgi_smtp/form_fields.h"

#define URLENCODED_ESCAPE ((size_t)3) /* octets of "%41" */

struct urlencoded { /* zeroed: at a body's first octet */
    bool in_value;
    size_t name_len;
    size_t escape_len;
    char escape[URLENCODED_ESCAPE]; /* a percent escape that is not complete yet */
    char name[FORM_NAME_MAX + URLENCODED_ESCAPE];
};

enum form_result urlencoded_update(struct urlencoded *parser, struct fields *fields, struct slice octets,
                                   struct err *err);
enum form_result urlencoded_finish(struct urlencoded *parser, struct fields *fields, struct err *err);

#endif
