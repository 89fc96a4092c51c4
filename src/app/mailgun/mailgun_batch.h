/*
 * mailgun_batch: recipient-variables: one mail for each recipient, made from one call's fields.
 */
#ifndef FCGI_SMTP_APP_MAILGUN_BATCH_H
#define FCGI_SMTP_APP_MAILGUN_BATCH_H

#include <stdbool.h>

struct exchange;
struct field_errors;

/* Reads the variables and the recipients; what is wrong with them goes to errors. False: a problem was answered. */
bool mailgun_batch_read(struct exchange *exchange, struct field_errors *errors);

/* Makes and checks every mail. False: a problem was answered. */
bool mailgun_batch_check(struct exchange *exchange);

/*
 * Delivers them, on one session where the server allows it, within one mail's time. Fills the outcome as if it had been
 * one mail: accepted if it was for one recipient. False: nothing was tried, and exchange->err says why.
 */
bool mailgun_batch_deliver(struct exchange *exchange);

#endif
