/* date: makes a Date (RFC 5322 3.3). */
#ifndef FCGI_SMTP_MIME_DATE_H
#define FCGI_SMTP_MIME_DATE_H

#include <stdbool.h>
#include <time.h>

enum {
    DATE_SIZE = 64 /* octets, NUL included */
};

/* Writes "Mon, 23 Nov 2026 09:48:00 +0000". */
bool date_make(char out[DATE_SIZE], time_t now) __attribute__((warn_unused_result));

#endif
