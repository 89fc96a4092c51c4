/*
 * trace: the client's side of smtp_trace. Every call costs one comparison when there is no trace.
 */
#ifndef FCGI_SMTP_SMTP_TRACE_INSIDE_H
#define FCGI_SMTP_SMTP_TRACE_INSIDE_H

#include <stdint.h>

#include "fcgi_smtp/smtp_trace.h"
#include "smtp/reply.h"
#include "smtp/step.h"

#define TRACE_SECRET "***" /* what stands for a secret, whatever its length */

/* text is made printable. trace may be NULL in all of these. */
void trace_text(const struct smtp_trace *trace, enum smtp_trace_kind kind, struct slice text);

/* A certificate whose texts are printable already. */
void trace_certificate(const struct smtp_trace *trace, const struct smtp_certificate *certificate);

/* A command as step_write writes it; more is a secret where the step is AUTH. */
void trace_command(const struct smtp_trace *trace, struct said said, struct slice more);

/* Octets of a message, instead of them. */
void trace_data(const struct smtp_trace *trace, uint64_t octets);

/*
 * The lines of a reply, or of as much of it as has come. In AUTH the text of a 334 is left out: with what is known of
 * the mechanism it would let a password be guessed by trial.
 */
void trace_reply(const struct smtp_trace *trace, struct said said, const struct reply *reply);

#endif
