/*
 * body: reads a request's body into the exchange's form, with all limits enforced while reading.
 */
#ifndef FCGI_SMTP_APP_BODY_H
#define FCGI_SMTP_APP_BODY_H

#include <stdbool.h>

#include "fcgi_smtp/form.h"

struct exchange;

/* False: a problem was answered (413, 415, 400, 500). */
bool body_read(struct exchange *exchange, const struct form_limits *limits);

/* The limits on the fields of /send's form. */
struct form_limits body_limits(const struct exchange *exchange);

/* Answers with the problem that result, which is not FORM_OK, becomes. Always false. */
bool body_refuse(struct exchange *exchange, enum form_result result);

#endif
