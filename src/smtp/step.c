/*
 * One row per step, so that what is sent, how long it may take, what should come back and how an error names
 * it cannot drift apart.
 */
#include "smtp/step.h"

#include <stdio.h>

static const struct step_rule {
    const char *name;
    const char *before;
    const char *after;
    size_t timeout; /* where in struct smtp_settings */
    int expected;   /* a code, or the first digit of one */
} rules[] = {
#define TIMEOUT(which) offsetof(struct smtp_settings, which##_timeout_ms)
    [STEP_CONNECT] = {"connect", "the connection", "", TIMEOUT(connect), 0},
    [STEP_TLS] = {"TLS", "the TLS handshake", "", TIMEOUT(command), 0},
    [STEP_GREETING] = {"greeting", "the connection", "", TIMEOUT(greeting), 220},
    [STEP_EHLO] = {"EHLO", "EHLO ", "", TIMEOUT(command), 2},
    [STEP_HELO] = {"EHLO", "HELO ", "", TIMEOUT(command), 2},
    [STEP_LHLO] = {"EHLO", "LHLO ", "", TIMEOUT(command), 2},
    [STEP_STARTTLS] = {"STARTTLS", "STARTTLS", "", TIMEOUT(command), 220},
    [STEP_AUTH] = {"AUTH", "AUTH ", "", TIMEOUT(command), 2},
    [STEP_MAIL] = {"MAIL", "MAIL FROM:<", ">", TIMEOUT(command), 2},
    [STEP_RCPT] = {"RCPT", "RCPT TO:<", ">", TIMEOUT(command), 2},
    [STEP_DATA] = {"DATA", "DATA", "", TIMEOUT(command), 3},
    [STEP_BDAT] = {"end of data", "BDAT ", "", TIMEOUT(data), 2},
    [STEP_END_OF_DATA] = {"end of data", "the message", "", TIMEOUT(data), 2},
    [STEP_RSET] = {"RSET", "RSET", "", TIMEOUT(command), 2},
    [STEP_QUIT] = {"QUIT", "QUIT", "", TIMEOUT(command), 2},
#undef TIMEOUT
};

const char *step_name(enum step step)
{
    return rules[step].name;
}

bool step_expects(enum step step, int code)
{
    int expected = rules[step].expected;
    return expected < 10 ? code / 100 == expected : code == expected;
}

struct limit step_limit(enum step step, const struct smtp_settings *settings, struct limit total)
{
    int64_t ms = *(const int64_t *)(const void *)((const char *)settings + rules[step].timeout);
    return limit_by(total, deadline_after(ms));
}

void step_describe(struct said said, char *out, size_t cap)
{
    const struct step_rule *rule = &rules[said.step];
    (void)snprintf(out, cap, "%s%.*s%s", rule->before, SLICE_ARGS(said.argument), rule->after);
}

/* Joins pieces into one line. Room is made once, so that no copy of a secret stays behind in memory given
 * back. */
static bool write_pieces(struct buf *out, const struct slice *pieces, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (slice_has(pieces[i], '\r') || slice_has(pieces[i], '\n') || slice_has(pieces[i], '\0')) {
            return false;
        }
        total += pieces[i].len;
    }
    if (buf_reserve(out, total + 2) == NULL) {
        return false;
    }
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        ok = ok && buf_append_slice(out, pieces[i]);
    }
    return ok && buf_append(out, "\r\n", 2);
}

bool step_write(struct buf *out, struct said said, struct slice more)
{
    const struct step_rule *rule = &rules[said.step];
    struct slice space = more.len > 0 ? SLICE(" ") : SLICE("");
    const struct slice pieces[] = {slice_of(rule->before), said.argument, slice_of(rule->after), space, more};
    return write_pieces(out, pieces, sizeof pieces / sizeof pieces[0]);
}

bool step_write_line(struct buf *out, struct slice line)
{
    return write_pieces(out, &line, 1);
}
