/*
 * parameters: what MAIL and RCPT carry beside the path, as pure functions. A parameter is given where it is needed or asked
 * for and the server offers it.
 */
#ifndef FCGI_SMTP_SMTP_PARAMETERS_H
#define FCGI_SMTP_SMTP_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/smtp_client.h"
#include "smtp/capabilities.h"

#define PARAMETERS_MAX 512 /* octets that all parameters of a command may need, NUL included */

/* SIZE, BODY, SMTPUTF8, RET, ENVID, REQUIRETLS, joined by spaces; "" for none. */
void parameters_of_mail(char out[PARAMETERS_MAX], const struct smtp_delivery *delivery,
                        const struct capabilities *capabilities, bool smtputf8, bool require_tls);

/* NOTIFY. Those of all recipients are the same. */
void parameters_of_rcpt(char out[PARAMETERS_MAX], const struct smtp_delivery *delivery,
                        const struct capabilities *capabilities);

/* xtext (RFC 3461 4). False, and "" in out, when it does not fit or text holds what may not be in an ENVID (4.4: printable
 * ASCII only). */
bool parameters_xtext(const char *text, char *out, size_t cap);

#endif
