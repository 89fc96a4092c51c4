/*
 * answer: what came of a submission, as the interface's JSON.
 */
#ifndef FCGI_SMTP_APP_ANSWER_H
#define FCGI_SMTP_APP_ANSWER_H

#include <stddef.h>

struct exchange;
struct json;

/*
 * 200 with id, status, server, accepted, rejected, reply; or the problem that the outcome becomes. To a visitor of a web
 * site's form a success is answered by website_form_present alone.
 */
void answer_outcome(struct exchange *exchange);

/* 200 with the composed header section and size; nothing was sent. */
void answer_dry_run(struct exchange *exchange);

/* A list of those who did not get the mail (beside a failure: whom the server refused), each with its reply; *count is
 * raised by their number. */
struct json *answer_rejected(const struct exchange *exchange, size_t *count);

/* 503: no delivery worker was free in time. */
void answer_overloaded(struct exchange *exchange);

#endif
