/*
 * redact: takes mail addresses out of texts that SMTP servers and errors are made of. Pure.
 */
#ifndef FCGI_SMTP_APP_REDACT_H
#define FCGI_SMTP_APP_REDACT_H

#include <stddef.h>

#include "fcgi_smtp/slice.h"

#define REDACT_MARK "[address]"

/*
 * Copies text to out, NUL-terminated and cut where cap demands, with REDACT_MARK for whatever may be an address: what
 * stands in angle brackets, every word with "@" (or its "%40") in it, a quoted local part with it.
 */
void redact_addresses(struct slice text, char *out, size_t cap);

#endif
