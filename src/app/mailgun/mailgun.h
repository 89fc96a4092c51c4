/*
 * mailgun: POST /v3/DOMAIN/messages and /v3/DOMAIN/messages.mime, as programs written for Mailgun's API send them.
 */
#ifndef FCGI_SMTP_APP_MAILGUN_H
#define FCGI_SMTP_APP_MAILGUN_H

#include "app/exchange.h"
#include "app/mailgun/mailgun_fields.h"
#include "app/mailgun/recipient_variables.h"
#include "fcgi_smtp/http_server.h"

/* What a call has beside all that an exchange has. */
struct mailgun {
    struct mailgun_fields fields;
    struct slice domain; /* of the path: the right side of the Message-ID */

    /* With recipient-variables, which make one mail for each of the submission's recipients: */
    struct recipient_variables variables;
    struct slice id; /* the Message-ID of all of them; empty: not made yet */
};

/* domain: the path's segment, decoded once. */
enum http_verdict mailgun_begin(struct exchange *exchange, enum mailgun_call call, struct slice domain);

void mailgun_deliver(struct exchange *exchange);

/* An exchange_problem_writer: {"message": ...}. */
void mailgun_write_problem(struct exchange *exchange, enum http_problem problem, struct json *more);

void mailgun_free(struct mailgun *mailgun); /* takes NULL */

#endif
