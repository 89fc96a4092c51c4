/*
 * Masking is decided here by the step alone, not by looking for what might be a secret, so that nothing has to be
 * recognised: all that follows a mechanism's name, every line that answers a challenge, and the challenges.
 */
#include "smtp/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/deadline.h"

#define LINE_MAX_PRINTED ((size_t)4 * REPLY_LINE_MAX) /* every octet may be escaped */
#define COMMAND_MAX      ((size_t)16 * 1024)

void trace_text(const struct smtp_trace *trace, enum smtp_trace_kind kind, struct slice text)
{
    if (trace == NULL) {
        return;
    }
    char printable[LINE_MAX_PRINTED + 1];
    size_t len = reply_escape(text, printable, sizeof printable);
    struct smtp_trace_event event = {.kind = kind, .at_us = deadline_clock_us(), .text = {printable, len}};
    trace->event(trace->ctx, &event);
}

void trace_certificate(const struct smtp_trace *trace, const struct smtp_certificate *certificate)
{
    if (trace == NULL) {
        return;
    }
    struct smtp_trace_event event = {
        .kind = SMTP_TRACE_CERTIFICATE, .at_us = deadline_clock_us(), .certificate = certificate};
    trace->event(trace->ctx, &event);
}

void trace_command(const struct smtp_trace *trace, struct said said, struct slice more)
{
    if (trace == NULL) {
        return;
    }
    bool secret = said.step == STEP_AUTH && more.len > 0;
    struct buf line;
    buf_init(&line, COMMAND_MAX);
    if (step_write(&line, said, secret ? SLICE(TRACE_SECRET) : more)) {
        struct slice text = {line.data, line.len - strlen("\r\n")};
        trace_text(trace, SMTP_TRACE_SENT, text);
    }
    buf_free(&line);
}

void trace_data(const struct smtp_trace *trace, uint64_t octets)
{
    if (trace == NULL) {
        return;
    }
    char text[64];
    (void)snprintf(text, sizeof text, "[%" PRIu64 " octets of data]", octets);
    trace_text(trace, SMTP_TRACE_SENT, slice_of(text));
}

/* Takes the next line off *rest. */
static struct slice next_line(struct slice *rest)
{
    const char *end = memchr(rest->data, '\n', rest->len);
    struct slice line = {rest->data, end != NULL ? (size_t)(end - rest->data) : rest->len};
    slice_skip(rest, line.len + (end != NULL ? 1 : 0));
    line.len -= line.len > 0 && line.data[line.len - 1] == '\r' ? 1 : 0;
    return line;
}

static bool is_challenge(struct slice line)
{
    return line.len > 3 && memcmp(line.data, "334", 3) == 0;
}

void trace_reply(const struct smtp_trace *trace, struct said said, const struct reply *reply)
{
    if (trace == NULL || reply->lines.len == 0) {
        return;
    }
    struct slice rest = buf_slice(&reply->lines);
    while (rest.len > 0) {
        struct slice line = next_line(&rest);
        bool secret = said.step == STEP_AUTH && is_challenge(line);
        trace_text(trace, SMTP_TRACE_RECEIVED, secret ? SLICE("334 " TRACE_SECRET) : line);
    }
}
