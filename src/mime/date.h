/* date: makes a Date (RFC 5322 3.3). */
#ifndef FCGI_SMTP_MIME_DATE_H
#define FCGI_SMTP_MIME_DATE_H

#include <stdbool.h>
#include <time.h>

#include "fcgi_smtp/buf.h"

/* Appends "Mon, 23 Nov 2026 09:48:00 +0000". */
bool date_make(struct buf *out, time_t now) __attribute__((warn_unused_result));

#endif
