/*
 * http_request: one HTTP request as nginx hands it over in CGI parameters (RFC 3875) and a stream of body
 * octets.
 *
 * Views are valid until the handler's finished call returns.
 */
#ifndef FCGI_SMTP_HTTP_REQUEST_H
#define FCGI_SMTP_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi_smtp/deadline.h"
#include "fcgi_smtp/slice.h"

struct http_request;

const char *http_request_method(const struct http_request *request); /* "" if the server sent none */

/* A CGI parameter ("CONTENT_TYPE", "HTTP_ACCEPT"); NULL if not given. */
const char *http_request_param(const struct http_request *request, const char *name);

/*
 * The decoded path below base_path: DOCUMENT_URI, else SCRIPT_NAME + PATH_INFO, else REQUEST_URI without its
 * query, decoded once. base_path ("/", "/mail") matches whole segments. One trailing slash is cut off
 * ("/send/" is "/send"). False: outside base_path, or not a path. *path is "/..." and lives as long as the
 * request.
 */
bool http_request_path(struct http_request *request, const char *base_path, struct slice *path);

/* nginx's REQUEST_ID (CGI parameter) when it is 1..64 octets of [A-Za-z0-9._-], else 32 random hexadecimal
 * digits. */
const char *http_request_id(struct http_request *request);

/* Octets announced by CONTENT_LENGTH; -1: none given (a chunked upload with request buffering off); -2: not a
 * number. */
int64_t http_request_content_length(const struct http_request *request);

enum http_read {
    HTTP_READ_DATA,      /* at least one octet */
    HTTP_READ_END,       /* the body is complete: its length is CONTENT_LENGTH and the stream ended cleanly */
    HTTP_READ_TRUNCATED, /* it ended early, or the read deadline passed: nothing may be sent for it */
};

/*
 * The next octets of the body, where they were read: valid until the next call or the answer, and wiped after. Waits for
 * some, not for many. After END or TRUNCATED the same comes again. A body longer than CONTENT_LENGTH is TRUNCATED.
 */
enum http_read http_request_read(struct http_request *request, struct slice *octets);

/* Octets of body read so far. */
uint64_t http_request_body_read(const struct http_request *request);

/* Moments: of the first octet, and of the body's end (0 before that). */
deadline http_request_begun_at(const struct http_request *request);
deadline http_request_complete_at(const struct http_request *request);

/* The handler's own pointer. */
void http_request_set_data(struct http_request *request, void *data);
void *http_request_data(const struct http_request *request);

#endif
