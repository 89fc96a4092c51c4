/*
 * replay: what the Idempotency-Key header asks for.
 *
 * In the order of a request: replay_check_key before its body is read, replay_begin when its form is complete,
 * replay_settle when its answer is complete and not yet written.
 */
#ifndef FCGI_SMTP_APP_REPLAY_H
#define FCGI_SMTP_APP_REPLAY_H

#include <stdbool.h>

#include "fcgi_smtp/slice.h"

struct exchange;

#define REPLAY_KEY_MAX ((size_t)255) /* octets of an Idempotency-Key */

/* False: the header is malformed, and a problem was answered. */
bool replay_check_key(struct exchange *exchange);

/*
 * route: what the key is scoped to, beside the API key. True: the request is to be worked on, as one without the header
 * is. False: it was answered: by the first answer again, or because the key cannot be used.
 */
bool replay_begin(struct exchange *exchange, struct slice route);

/* Remembers the answer, or gives the key free if surely nothing was delivered. Nothing happens without a claim. */
void replay_settle(struct exchange *exchange);

#endif
