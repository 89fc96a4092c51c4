/*
 * request_log: the one line that every request leaves.
 */
#ifndef FCGI_SMTP_APP_REQUEST_LOG_H
#define FCGI_SMTP_APP_REQUEST_LOG_H

#include <stdbool.h>

struct exchange;

/* written: the client got the answer. */
void request_log(struct exchange *exchange, bool written);

#endif
