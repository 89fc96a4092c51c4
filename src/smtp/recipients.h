/*
 * recipients: who takes part in a transaction, and what became of them.
 *
 * A recipient's reply says where it stands: code 0: nothing was said of it yet; 2yz with state NONE: accepted by RCPT; 4yz or
 * 5yz: refused.
 */
#ifndef FCGI_SMTP_SMTP_RECIPIENTS_H
#define FCGI_SMTP_SMTP_RECIPIENTS_H

#include "smtp/transaction.h"

bool recipient_is_refused(const struct smtp_recipient *recipient);

/* Whether RCPT has accepted it, and the message has not yet gone. */
bool recipient_is_waiting(const struct smtp_recipient *recipient);

/* 452 4.5.3 (RFC 5321 4.5.3.1.10): not for itself, but one too many for its transaction. */
bool recipient_is_excess(const struct smtp_recipient *recipient);

/* The next one from index on that the transaction names, and that has no reply in it yet; recipient_count if there is
 * none. */
size_t recipients_due(const struct transaction *t, size_t from);

/* Whether the mail still goes to somebody. False: the outcome has the refusal that decides. */
bool recipients_some_left(struct transaction *t);

/* Puts the refusals, if there are any, into the outcome's text: the one that decides, and how many others there are. */
void recipients_describe(struct transaction *t);

/* The class and reply of an outcome in which each was refused at the end of the data (LMTP). */
void recipients_decide(struct transaction *t);

/* The state of all that take part and were not refused; the outcome's reply becomes theirs if it decided on them. */
void recipients_settle(struct transaction *t, enum smtp_delivery_state state, bool replied);

#endif
