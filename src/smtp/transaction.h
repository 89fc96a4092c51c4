/*
 * transaction: one mail on a session (RFC 5321 3.3): MAIL, RCPT for each recipient, DATA, the message.
 */
#ifndef FCGI_SMTP_SMTP_TRANSACTION_H
#define FCGI_SMTP_SMTP_TRANSACTION_H

#include "fcgi_smtp/smtp_client.h"
#include "smtp/session.h"

/* Fills in each recipient's result and the outcome but for outcome->session. */
void transaction_run(struct smtp_session *session, struct smtp_delivery *delivery,
                     struct smtp_outcome *outcome);

#endif
