/* What http_request is made of; the server fills it. */
#ifndef FCGI_SMTP_HTTP_REQUEST_INTERNAL_H
#define FCGI_SMTP_HTTP_REQUEST_INTERNAL_H

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/http_request.h"
#include "http/responder.h"

#define HTTP_REQUEST_PATH_MAX ((size_t)64 * 1024) /* octets */
#define HTTP_REQUEST_ID_MAX   64                  /* octets */

struct http_request {
    struct responder *responder; /* the body's stream; NULL: there is none */
    char *const *params;         /* "NAME=value"..., NULL at the end */
    int64_t content_length;      /* as http_request_content_length says */
    uint64_t body_read;
    enum http_read body_end; /* HTTP_READ_DATA until the end was seen */
    deadline begun_at;
    deadline complete_at;
    char id[HTTP_REQUEST_ID_MAX + 1]; /* "" until it was asked for */
    struct slice path;                /* the whole decoded path; data == NULL until it was asked for */
    struct buf path_buf;              /* where path is, unless it is a parameter */
    void *data;
};

void http_request_init(struct http_request *request, char *const *params, struct responder *responder,
                       deadline begun_at);
void http_request_free(struct http_request *request);

#endif
