/*
 * auth_session: AUTH (RFC 4954) on a session, and where its secret comes from.
 */
#ifndef FCGI_SMTP_SMTP_AUTH_SESSION_H
#define FCGI_SMTP_SMTP_AUTH_SESSION_H

#include <stdbool.h>

#include "fcgi_smtp/secret.h"
#include "smtp/session.h"

/*
 * Authenticates, if the settings want it. secret is where one that comes from a password source is kept: empty, it is
 * asked for; else it is used as it is. False: the outcome says why.
 */
bool auth_session_run(struct smtp_session *session, struct secret *secret);

/*
 * After a session that did not come about: whether another connection with another secret may help. True when the
 * server said 535, there is a password source, and it now gives something else, which is in secret then.
 */
bool auth_session_renew(const struct smtp_endpoint *endpoint, struct limit total, struct secret *secret,
                        struct smtp_outcome *outcome);

#endif
