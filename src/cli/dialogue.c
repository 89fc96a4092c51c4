/*
 * Texts come printable and without secrets (smtp_trace.h): here they are only laid out.
 */
#include "cli/dialogue.h"

#include <time.h>

void dialogue_begin(struct dialogue *dialogue, FILE *out)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    *dialogue = (struct dialogue){.out = out, .begun_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000};
}

static const char *lead(enum smtp_trace_kind kind)
{
    static const char *const leads[] = {
        [SMTP_TRACE_RESOLVED] = "* addresses: ",
        [SMTP_TRACE_CONNECTED] = "* connected to ",
        [SMTP_TRACE_TLS] = "* ",
        [SMTP_TRACE_CERTIFICATE] = "* certificate ",
        [SMTP_TRACE_VERIFIED] = "* verified: ",
        [SMTP_TRACE_UNVERIFIED] = "* ",
        [SMTP_TRACE_SENT] = "> ",
        [SMTP_TRACE_RECEIVED] = "< ",
    };
    return leads[kind];
}

void dialogue_event(void *ctx, const struct smtp_trace_event *event)
{
    const struct dialogue *dialogue = ctx;
    double ms = (double)(event->at_us - dialogue->begun_us) / 1000;
    (void)fprintf(dialogue->out, "%9.1f ms  %s%.*s%s\n", ms, lead(event->kind), SLICE_ARGS(event->text),
                  event->certificate != NULL ? event->certificate->subject : "");
}
