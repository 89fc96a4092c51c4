/*
 * exchange: one request from its first octet to its answer, on a worker's thread. Each call may give the
 * connection away.
 */
#ifndef FCGI_SMTP_HTTP_EXCHANGE_H
#define FCGI_SMTP_HTTP_EXCHANGE_H

#include "http/server.h"

void exchange_begin(struct http_server *server, struct connection *connection);
void exchange_deliver(struct http_server *server, struct connection *connection); /* has a slot */
void exchange_overloaded(struct http_server *server, struct connection *connection);

#endif
