/*
 * dialogue: a trace as lines for a person (--verbose).
 *
 *      1.2 ms  * connected to 192.0.2.1
 *     10.5 ms  < 220 mail.example.com ESMTP
 *     10.6 ms  > EHLO web1.example.com
 */
#ifndef FCGI_SMTP_CLI_DIALOGUE_H
#define FCGI_SMTP_CLI_DIALOGUE_H

#include <stdint.h>
#include <stdio.h>

#include "fcgi_smtp/smtp_trace.h"

struct dialogue {
    FILE *out;
    int64_t begun_us; /* of the monotonic clock: where the times count from */
};

void dialogue_begin(struct dialogue *dialogue, FILE *out);

/* Writes one event; ctx is the struct dialogue, so that it can be a trace's function. */
void dialogue_event(void *ctx, const struct smtp_trace_event *event);

#endif
