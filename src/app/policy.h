/*
 * policy: what a request may do: closed unless the configuration opens it.
 *
 * Checked on the envelope's parsed addresses, on From's and on the Sender that the request shows. The defaults' own
 * addresses are always allowed in the role in which the configuration uses them.
 */
#ifndef FCGI_SMTP_APP_POLICY_H
#define FCGI_SMTP_APP_POLICY_H

#include <stdbool.h>

#include "app/defaults.h"
#include "app/submission.h"
#include "fcgi_smtp/config.h"

enum policy_result { POLICY_ALLOWED, POLICY_RECIPIENT, POLICY_SENDER };

/* For a refusal err says which address, in which field, and what would allow it. */
enum policy_result policy_check(const struct config_allow *allow, const struct defaults *defaults,
                                const struct submission *submission, struct err *err);

#define POLICY_HOST_MAX 255 /* octets; a longer host matches nothing */

/* A shell-style pattern (*, ?) on a host name, case-insensitive. */
bool policy_host_allowed(const struct config_allow *allow, struct slice host);

/* Whether an entry of allow.hosts names the host without a wildcard. */
bool policy_host_named(const struct config_allow *allow, struct slice host);

#endif
