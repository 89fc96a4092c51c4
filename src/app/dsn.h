/*
 * dsn: what a request says of delivery status notifications (RFC 3461), as text. Pure.
 */
#ifndef FCGI_SMTP_APP_DSN_H
#define FCGI_SMTP_APP_DSN_H

#include <stdbool.h>

#include "fcgi_smtp/slice.h"
#include "fcgi_smtp/smtp_client.h"

/* "never", or any of "success", "failure" and "delay" with commas or spaces between them, to SMTP_NOTIFY_ bits. */
bool dsn_notify(struct slice text, unsigned *bits);

/* "full" or "headers". */
bool dsn_ret(struct slice text, enum smtp_ret *ret);

#endif
