/*
 * hint: what an operator can do about a mail that was not delivered. Pure.
 */
#ifndef FCGI_SMTP_APP_HINT_H
#define FCGI_SMTP_APP_HINT_H

#include <stddef.h>

#include "fcgi_smtp/smtp_client.h"

#define HINT_MAX 600

/*
 * Writes one sentence, NUL-terminated and cut where cap demands. settings: where the configuration speaks of the server
 * ("servers.main", "server"), so that the keys to look at can be named; NULL: the request brought the server itself.
 */
void hint_of_outcome(const struct smtp_outcome *outcome, const char *settings, char *out, size_t cap);

#endif
