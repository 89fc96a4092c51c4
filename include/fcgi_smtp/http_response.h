/*
 * http_response: status, header fields and body of one answer (RFC 9110), written by the server after the
 * handler.
 *
 * Filled by the handler; one writer of header fields that refuses CR, LF and NUL. The server adds
 * X-Request-Id, Cache-Control: no-store and Content-Length. HEAD: the body is not sent.
 */
#ifndef FCGI_SMTP_HTTP_RESPONSE_H
#define FCGI_SMTP_HTTP_RESPONSE_H

#include <stdbool.h>

#include "fcgi_smtp/buf.h"

#define HTTP_RESPONSE_HEADERS_MAX ((size_t)16 * 1024)        /* octets */
#define HTTP_RESPONSE_BODY_MAX    ((size_t)16 * 1024 * 1024) /* octets: 10,000 recipients, each with a reply */

struct http_response {
    int status;         /* 200..599 */
    struct buf headers; /* "Name: value\r\n"... */
    struct buf body;
};

void http_response_init(struct http_response *response);
void http_response_free(struct http_response *response);

/* Back to an empty one, so that another answer can be written. */
void http_response_reset(struct http_response *response, int status);

/* False when name is no token (RFC 9110 5.1), value holds CR, LF, NUL, or the limit is reached; nothing is
 * added then. */
bool http_response_header(struct http_response *response, const char *name, const char *value) BUF_MUST_CHECK;

/* The reason phrase of RFC 9110 15 for the statuses that this program uses, else "Unknown". */
const char *http_reason(int status);

#endif
