/* The text of a value that was built (see json.c): no booleans, no reals. */
#ifndef FCGI_SMTP_CORE_JSON_WRITE_H
#define FCGI_SMTP_CORE_JSON_WRITE_H

#include "fcgi_smtp/buf.h"

struct json_t; /* jansson's */

/* Appends the compact text, keys in the order of their setting. False: no memory, or over out's limit. */
bool json_write_value(struct buf *out, const struct json_t *value) BUF_MUST_CHECK;

#endif
