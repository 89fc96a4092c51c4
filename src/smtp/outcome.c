/*
 * The classes here are the rows of the table "What a failure becomes"; whether a failure came after the data
 * is for the transaction to say.
 */
#include "smtp/outcome.h"

#include <stdio.h>
#include <string.h>

#define SAID_MAX  400
#define REPLY_MAX 600

void outcome_init(struct smtp_outcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    outcome->class = SMTP_LOCAL_FAILURE;
    outcome->state = SMTP_DELIVERY_NONE;
    outcome->stage = step_name(STEP_CONNECT);
}

int64_t outcome_took(int64_t begun)
{
    int64_t took = deadline_clock_us() - begun;
    return took > 0 ? took : 1;
}

/* RFC 4954 6, and x.7.8 "authentication credentials invalid" of any class (RFC 5248 2.4). */
static bool is_about_auth(const struct smtp_reply_view *reply)
{
    int code = reply->code;
    return code == 530 || code == 534 || code == 535 || code == 538 ||
           (reply->enhanced[0] != '\0' && strcmp(reply->enhanced + 1, ".7.8") == 0);
}

static enum smtp_class classify_permanent(enum step step)
{
    switch (step) {
    case STEP_AUTH:
        return SMTP_AUTH_FAILED;
    case STEP_MAIL:
    case STEP_DATA:
    case STEP_END_OF_DATA:
        return SMTP_MESSAGE_REFUSED;
    case STEP_RCPT:
        return SMTP_RECIPIENTS_REFUSED;
    default:
        return SMTP_UNAVAILABLE;
    }
}

enum smtp_class outcome_classify(enum step step, const struct smtp_reply_view *reply)
{
    int class = reply->code / 100;
    if (class != 4 && class != 5) {
        return SMTP_PROTOCOL_ERROR;
    }
    if (step == STEP_STARTTLS) {
        return SMTP_TLS_FAILED;
    }
    if (is_about_auth(reply)) {
        return SMTP_AUTH_FAILED;
    }
    return class == 4 ? SMTP_TEMPORARY : classify_permanent(step);
}

void outcome_reply_text(const struct smtp_reply_view *reply, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%d%s%s%s%s", reply->code, reply->enhanced[0] != '\0' ? " " : "",
                   reply->enhanced, reply->text[0] != '\0' ? " " : "", reply->text);
}

struct err *outcome_failed(struct smtp_outcome *outcome, enum smtp_class class, enum step step)
{
    outcome->class = class;
    outcome->cause = SMTP_CAUSE_OTHER;
    outcome->stage = step_name(step);
    return &outcome->err;
}

void outcome_refused(struct smtp_outcome *outcome, const char *who, struct said said,
                     const struct smtp_reply_view *reply)
{
    enum smtp_class class = outcome_classify(said.step, reply);
    char what[SAID_MAX];
    char answer[REPLY_MAX];
    step_describe(said, what, sizeof what);
    outcome_reply_text(reply, answer, sizeof answer);
    const char *format =
        class == SMTP_PROTOCOL_ERROR ? "%s gave an unexpected answer to %s: %s" : "%s refused %s: %s";
    err_set(outcome_failed(outcome, class, said.step), format, who, what, answer);
    outcome->reply = *reply;
}

/* The connection went away, or the system says that it cannot be used. */
static void lost(struct smtp_outcome *outcome, const char *who, struct said said, const char *why)
{
    char what[SAID_MAX];
    step_describe(said, what, sizeof what);
    bool greeting = said.step == STEP_GREETING;
    err_set(outcome_failed(outcome, SMTP_UNAVAILABLE, said.step), "%s closed the connection %s%s%s%s%s", who,
            greeting ? "without a greeting" : "instead of answering ", greeting ? "" : what,
            why[0] != '\0' ? " (" : "", why, why[0] != '\0' ? ")" : "");
}

void outcome_stream_failed(struct smtp_outcome *outcome, const char *who, struct said said,
                           enum stream_result result, const char *why)
{
    char what[SAID_MAX];
    step_describe(said, what, sizeof what);
    switch (result) {
    case STREAM_TIMED_OUT:
        err_set(outcome_failed(outcome, SMTP_TIMED_OUT, said.step),
                said.step == STEP_GREETING ? "%s sent no greeting in time" : "%s did not answer %s in time",
                who, what);
        break;
    case STREAM_TLS_FAILED:
        err_set(outcome_failed(outcome, SMTP_TLS_FAILED, said.step), "TLS with %s failed: %s", who, why);
        break;
    case STREAM_NO_MEMORY:
        err_set(outcome_failed(outcome, SMTP_LOCAL_FAILURE, said.step), "out of memory during %s with %s",
                what, who);
        break;
    default:
        lost(outcome, who, said, why);
        break;
    }
}

void outcome_broken(struct smtp_outcome *outcome, const char *who, struct said said,
                    const struct reply *reply)
{
    char what[SAID_MAX];
    char quote[4 * REPLY_QUOTE_MAX + 1];
    step_describe(said, what, sizeof what);
    reply_quote(reply, quote, sizeof quote);
    err_set(outcome_failed(outcome, SMTP_PROTOCOL_ERROR, said.step),
            "%s broke the protocol in reply to %s: \"%s\"", who, what, quote);
}
