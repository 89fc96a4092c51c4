/*
 * request_log: the one line that every request leaves.
 */
#ifndef FCGI_SMTP_APP_REQUEST_LOG_H
#define FCGI_SMTP_APP_REQUEST_LOG_H

#include <stdbool.h>

#include "fcgi_smtp/http_request.h"
#include "fcgi_smtp/http_response.h"

struct exchange;

/* written: the client got the answer. */
void request_log(struct exchange *exchange, bool written);

/* The same for a request that could not even have an exchange. */
void request_log_no_memory(struct http_request *request, const struct http_response *response, bool written);

#endif
