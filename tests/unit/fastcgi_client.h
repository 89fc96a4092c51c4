/*
 * fastcgi_client: the web server's side of FastCGI 1.0 for tests, record by record, so that every wrong order
 * and every cut can be sent. Building is separate from sending.
 */
#ifndef FCGI_SMTP_TESTS_FASTCGI_CLIENT_H
#define FCGI_SMTP_TESTS_FASTCGI_CLIENT_H

#include <stdbool.h>

#include "fcgi_smtp/buf.h"

#define FASTCGI_REQUEST_ID 1

/* Appends one record of type with len octets of content (at most 65535) and padding. */
void fastcgi_record(struct buf *out, int type, const void *content, size_t len, unsigned padding);

void fastcgi_begin(struct buf *out, bool keep);

/* One name-value pair, as it stands in the content of FCGI_PARAMS. */
void fastcgi_pair(struct buf *content, const char *name, const char *value);

struct fastcgi_form {
    const char *method;
    const char *path;           /* DOCUMENT_URI */
    const char *content_length; /* NULL: the body's; "": none */
    struct slice body;
    bool keep;
};

/* A whole request: begin, parameters, body, and the ends of both streams. */
void fastcgi_request(struct buf *out, const struct fastcgi_form *form);

/* The socket; -1: refused. address as http_server_address gives it. */
int fastcgi_connect(const char *address);

/* False: the peer is gone. */
bool fastcgi_send(int fd, struct slice octets);

enum fastcgi_ending {
    FASTCGI_END_REQUEST, /* the answer is complete */
    FASTCGI_CLOSED,      /* the connection ended before */
    FASTCGI_RESET,       /* likewise, by an error */
    FASTCGI_NOTHING      /* nothing came in time */
};

struct fastcgi_answer {
    enum fastcgi_ending ending;
    int status;      /* of its Status line; 0: none */
    struct buf text; /* head and body */
};

/* Reads one answer; the caller frees it by buf_free(&answer.text). */
struct fastcgi_answer fastcgi_answer(int fd);

/*
 * What comes next if no request is pending: FASTCGI_CLOSED, FASTCGI_RESET, or FASTCGI_NOTHING within ms. The record that
 * says that the connection is not kept is read over.
 */
enum fastcgi_ending fastcgi_next(int fd, int ms);

#endif
