/*
 * accept_header: whether whoever asks wants JSON or a page (RFC 9110 12.5.1). Pure.
 */
#ifndef FCGI_SMTP_APP_ACCEPT_HEADER_H
#define FCGI_SMTP_APP_ACCEPT_HEADER_H

#include <stdbool.h>

/*
 * Whether an Accept header (NULL: none) prefers application/json to text/html: by its quality, and with equal ones where
 * only JSON is named. A wildcard over all types counts as HTML, and so does an Accept that cannot be read.
 */
bool accept_header_prefers_json(const char *accept);

#endif
