/*
 * precheck: what cannot go well is found before MAIL: a message over the server's limit, a protection or an encoding that
 * the server does not offer, an address that it has no way to take.
 */
#ifndef FCGI_SMTP_SMTP_PRECHECK_H
#define FCGI_SMTP_SMTP_PRECHECK_H

#include "smtp/transaction.h"

/* True when the mail can go to somebody; t->smtputf8 is decided. False: the outcome says why not. */
bool precheck(struct transaction *t);

#endif
