/*
 * Where all are refused, one refusal must speak for them: one about AUTH before one that may pass, that before one for
 * good, so that the caller neither gives up too early nor asks its client for what would not help.
 */
#include "smtp/recipients.h"

#include <stdio.h>
#include <string.h>

bool recipient_is_refused(const struct smtp_recipient *recipient)
{
    return recipient->reply.code >= 400;
}

bool recipient_is_waiting(const struct smtp_recipient *recipient)
{
    return recipient->reply.code / 100 == 2 && recipient->state == SMTP_DELIVERY_NONE;
}

bool recipient_is_excess(const struct smtp_recipient *recipient)
{
    return recipient->reply.code == 452 && strcmp(recipient->reply.enhanced, "4.5.3") == 0;
}

/* Whether the transaction names it, provided that it has no reply in it yet. */
static bool is_due(const struct transaction *t, size_t i)
{
    const struct smtp_recipient *recipient = &t->delivery->recipients[i];
    return t->again ? recipient_is_excess(recipient) : recipient->reply.code == 0;
}

size_t recipients_due(const struct transaction *t, size_t from)
{
    size_t i = from;
    while (i < t->delivery->recipient_count && !is_due(t, i)) {
        i++;
    }
    return i;
}

static size_t count_refused(const struct smtp_delivery *delivery)
{
    size_t count = 0;
    for (size_t i = 0; i < delivery->recipient_count; i++) {
        count += recipient_is_refused(&delivery->recipients[i]) ? 1 : 0;
    }
    return count;
}

/* The order in which refusals of several kinds decide for all of them. */
static int weight(const struct smtp_recipient *recipient)
{
    if (!recipient_is_refused(recipient)) {
        return 0;
    }
    enum smtp_class class = outcome_classify(STEP_RCPT, &recipient->reply);
    return class == SMTP_AUTH_FAILED ? 3 : class == SMTP_TEMPORARY ? 2 : 1;
}

static const struct smtp_recipient *deciding(const struct smtp_delivery *delivery)
{
    const struct smtp_recipient *found = &delivery->recipients[0];
    for (size_t i = 1; i < delivery->recipient_count; i++) {
        found = weight(&delivery->recipients[i]) > weight(found) ? &delivery->recipients[i] : found;
    }
    return found;
}

void recipients_describe(struct transaction *t)
{
    const struct smtp_recipient *recipient = deciding(t->delivery);
    size_t refused = count_refused(t->delivery);
    if (refused == 0) {
        return;
    }
    char answer[600];
    char more[48] = "";
    outcome_reply_text(&recipient->reply, answer, sizeof answer);
    if (refused > 1) {
        (void)snprintf(more, sizeof more, " (and refused %zu more)", refused - 1);
    }
    bool ours = recipient->address->utf8 && !t->session->capabilities.smtputf8;
    /* In LMTP a recipient may have been refused by RCPT or at the end. */
    const char *what = t->lmtp && t->over ? "" : "RCPT TO:";
    err_set(&t->outcome->err, "%s %s %s<%.*s>: %s%s", t->who, ours ? "cannot be given" : "refused", what,
            SLICE_ARGS(recipient->address->text), answer, more);
}

static void decide(struct transaction *t, enum step step)
{
    t->outcome->reply = deciding(t->delivery)->reply;
    t->outcome->class = outcome_classify(step, &t->outcome->reply);
    t->outcome->stage = step_name(step);
    recipients_describe(t);
}

void recipients_decide(struct transaction *t)
{
    decide(t, STEP_END_OF_DATA);
}

/* Not refused: accepted, or yet to be named. */
static bool takes_part(const struct transaction *t, size_t i)
{
    return recipient_is_waiting(&t->delivery->recipients[i]) || (i >= t->next_unheard && is_due(t, i));
}

bool recipients_some_left(struct transaction *t)
{
    size_t left = 0;
    for (size_t i = 0; i < t->delivery->recipient_count; i++) {
        left += takes_part(t, i) ? 1 : 0;
    }
    bool abort = t->session->endpoint->settings.abort_on_refused && count_refused(t->delivery) > 0;
    if (left == 0 || abort) {
        decide(t, STEP_RCPT);
        return false;
    }
    return true;
}

void recipients_settle(struct transaction *t, enum smtp_delivery_state state, bool replied)
{
    for (size_t i = 0; i < t->delivery->recipient_count; i++) {
        struct smtp_recipient *recipient = &t->delivery->recipients[i];
        if (!takes_part(t, i)) {
            continue;
        }
        bool named = recipient_is_waiting(recipient);
        if (replied && (named || t->again)) {
            recipient->reply = t->outcome->reply;
        } else if (!named && state == SMTP_DELIVERY_UNKNOWN) {
            memset(&recipient->reply, 0, sizeof recipient->reply); /* 452 is not what became of it */
        }
        recipient->state = state;
    }
}
