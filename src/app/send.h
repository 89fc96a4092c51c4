/*
 * send: POST /send, one message.
 */
#ifndef FCGI_SMTP_APP_SEND_H
#define FCGI_SMTP_APP_SEND_H

#include "fcgi_smtp/compose.h"
#include "fcgi_smtp/http_server.h"

struct exchange;

/* Reads the request's form, then send_prepare. */
enum http_verdict send_begin(struct exchange *exchange);

/* Checks the form and composes; HTTP_ANSWER when that was refused, or for a dry run. Sends nothing. */
enum http_verdict send_prepare(struct exchange *exchange);

/* Composes exchange->submission, or takes its whole message. Anything but COMPOSE_OK: exchange->err says why. */
enum compose_result send_compose(struct exchange *exchange);

/* Delivers the composed message and answers. */
void send_deliver(struct exchange *exchange);

#endif
