/*
 * message: the part of a transaction in which the message's octets go (RFC 5321 4.1.1.4, RFC 3030), with the replies that
 * come meanwhile.
 */
#ifndef FCGI_SMTP_SMTP_MESSAGE_H
#define FCGI_SMTP_SMTP_MESSAGE_H

#include "smtp/transaction.h"

/* By what the server offers and the settings want. */
enum message_way message_choose(const struct smtp_session *session, const struct smtp_delivery *delivery);

/* Adds to the flight of MAIL and RCPT what may go with them: DATA, or BDAT with the message. */
bool message_say_ahead(struct transaction *t);

/* Once MAIL and RCPT have been answered well: all the rest, up to the replies to the end of the data. */
bool message_give(struct transaction *t);

#endif
