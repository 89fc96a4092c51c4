/*
 * Parameters of a header field's value (RFC 9110 5.6.6), which Content-Type and Content-Disposition share.
 */
#ifndef FCGI_SMTP_FORM_TYPE_H
#define FCGI_SMTP_FORM_TYPE_H

#include <stdbool.h>

#include "fcgi_smtp/slice.h"

struct form_parameter {
    struct slice name;
    struct slice value; /* without the quotes, its escapes as they were written */
    bool quoted;
};

enum form_parameter_result { FORM_PARAMETER_OK, FORM_PARAMETER_END, FORM_PARAMETER_MALFORMED };

/* Takes the next "; name=value" off *rest. All views are of *rest. */
enum form_parameter_result form_parameter_next(struct slice *rest, struct form_parameter *parameter);

/* The value before its parameters, without white space around it; *rest is what follows. */
struct slice form_value_split(struct slice value, struct slice *rest);

bool form_is_token(struct slice slice); /* RFC 9110 5.6.2; not empty */

#endif
