/*
 * answer: what came of a submission, as the interface's JSON.
 */
#ifndef FCGI_SMTP_APP_ANSWER_H
#define FCGI_SMTP_APP_ANSWER_H

struct exchange;

/*
 * 200 with id, status, server, accepted, rejected, reply; or the problem that the outcome becomes. To a visitor of a web
 * site's form a success is answered by website_form_present alone.
 */
void answer_outcome(struct exchange *exchange);

/* 200 with the composed header section and size; nothing was sent. */
void answer_dry_run(struct exchange *exchange);

/* 503: no delivery worker was free in time. */
void answer_overloaded(struct exchange *exchange);

#endif
