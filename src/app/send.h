/*
 * send: POST /send, one message.
 */
#ifndef FCGI_SMTP_APP_SEND_H
#define FCGI_SMTP_APP_SEND_H

#include <stdbool.h>

#include "app/submission.h"
#include "fcgi_smtp/compose.h"
#include "fcgi_smtp/http_server.h"

struct exchange;

/* Reads the request's form, then send_prepare. */
enum http_verdict send_begin(struct exchange *exchange);

/* Checks the form and composes; HTTP_ANSWER when that was refused, or for a dry run. Sends nothing. */
enum http_verdict send_prepare(struct exchange *exchange);

/* Delivers the composed message and answers. */
void send_deliver(struct exchange *exchange);

/* --- its steps, for routes that go the same way. False: a problem was answered --- */

/* No page of another site may post here. */
bool send_check_origin(struct exchange *exchange);

/* What reading a submission gave. */
bool send_check_reading(struct exchange *exchange, enum submission_result read, struct field_errors *errors);

bool send_check_policy(struct exchange *exchange, const struct submission *submission);

/* The right side of a Message-ID that must be made, by the server that was chosen. */
struct slice send_domain(const struct exchange *exchange);

/*
 * Makes exchange->outgoing; submission must outlive it. Anything but COMPOSE_OK: exchange->err says why, and nothing is
 * answered yet.
 */
enum compose_result send_make(struct exchange *exchange, struct submission *submission, struct slice domain);

/* The same, but answers what is wrong. */
bool send_compose(struct exchange *exchange, struct submission *submission, struct slice domain);

#endif
