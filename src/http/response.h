/* The octets of an answer as CGI gives them to the web server (RFC 3875, 6). */
#ifndef FCGI_SMTP_HTTP_RESPONSE_INTERNAL_H
#define FCGI_SMTP_HTTP_RESPONSE_INTERNAL_H

#include "fcgi_smtp/http_response.h"

#define HTTP_RESPONSE_HEAD_MAX (HTTP_RESPONSE_HEADERS_MAX + 512)

/* Appends the status line, all header fields and the empty line. False: no memory. */
bool http_response_head(const struct http_response *response, const char *request_id,
                        struct buf *out) BUF_MUST_CHECK;

/* Whether a body follows an answer of this status at all (RFC 9110, 6.4.1). */
bool http_response_has_body(const struct http_response *response);

#endif
