/*
 * body: reads a request's body into the exchange's form, with all limits enforced while reading.
 */
#ifndef FCGI_SMTP_APP_BODY_H
#define FCGI_SMTP_APP_BODY_H

#include <stdbool.h>

struct exchange;

/* False: a problem was answered (413, 415, 400, 500). */
bool body_read(struct exchange *exchange);

#endif
