/*
 * outcome: what a failure becomes. Pure: a step and a reply (or a broken stream) give a class and a sentence.
 */
#ifndef FCGI_SMTP_SMTP_OUTCOME_H
#define FCGI_SMTP_SMTP_OUTCOME_H

#include "fcgi_smtp/smtp_client.h"
#include "smtp/reply.h"
#include "smtp/step.h"
#include "smtp/stream.h"

/* Nothing has happened yet: no reply, no error, delivery none. */
void outcome_init(struct smtp_outcome *outcome);

/* What a step took that began then (deadline_clock_us), for smtp_times. */
int64_t outcome_took(int64_t begun);

/* The class of a reply that the step did not hope for. */
enum smtp_class outcome_classify(enum step step, const struct smtp_reply_view *reply);

/* "550 5.1.1 No such user" */
void outcome_reply_text(const struct smtp_reply_view *reply, char *out, size_t cap);

/* who is the server's label in all of these. reply is what the server answered to said. */
void outcome_refused(struct smtp_outcome *outcome, const char *who, struct said said,
                     const struct smtp_reply_view *reply);

/* result is not STREAM_OK or STREAM_INPUT. why may be "". */
void outcome_stream_failed(struct smtp_outcome *outcome, const char *who, struct said said,
                           enum stream_result result, const char *why);

/* The reply broke the grammar. */
void outcome_broken(struct smtp_outcome *outcome, const char *who, struct said said,
                    const struct reply *reply);

/* Any other failure at a step; the caller puts it into words: err_set(outcome_failed(...), "..."). The cause is then "other",
 * until the caller says more. */
struct err *outcome_failed(struct smtp_outcome *outcome, enum smtp_class class, enum step step);

#endif
