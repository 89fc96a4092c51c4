/*
 * A transaction is a list of steps like the session's: see `converse`. With PIPELINING all that does not depend on a reply is
 * said at once, and the replies are heard in the order of the commands; without, each command is followed by its reply. What is
 * said and what is heard are the same functions in both.
 *
 * A refusal ends it; what the server still owes is heard then, so that the session can be used again, but decides nothing.
 */
#include "smtp/transaction.h"

#include "smtp/message.h"
#include "smtp/parameters.h"
#include "smtp/precheck.h"
#include "smtp/recipients.h"
#include "smtp/trace.h"

/* --- MAIL and RCPT --- */

static bool say(struct transaction *t, struct said said, const char *parameters)
{
    bool ok = session_say(t->session, said, slice_of(parameters));
    t->unheard += ok ? 1 : 0;
    t->begun = t->begun || ok;
    return ok;
}

static struct said mail_of(const struct transaction *t)
{
    return (struct said){STEP_MAIL, t->delivery->return_path->text};
}

static bool say_mail(struct transaction *t)
{
    char parameters[PARAMETERS_MAX];
    parameters_of_mail(parameters, t->delivery, &t->session->capabilities, t->smtputf8,
                       t->session->endpoint->settings.require_tls);
    return say(t, mail_of(t), parameters);
}

static bool hear_mail(struct transaction *t)
{
    t->unheard--;
    return session_await_first(t->session, mail_of(t)) && session_expect(t->session, mail_of(t));
}

/* False when the dialogue cannot go on; a refusal is the recipient's own matter. */
static bool hear_recipient(struct transaction *t, size_t i, bool first)
{
    struct smtp_recipient *recipient = &t->delivery->recipients[i];
    struct said said = {STEP_RCPT, recipient->address->text};
    t->unheard--;
    if (first ? !session_await_first(t->session, said) : !session_await(t->session, said)) {
        return false;
    }
    if (t->session->view.code / 100 == 3) { /* no answer to RCPT: what became of it is not known */
        return session_expect(t->session, said);
    }
    recipient->reply = t->session->view;
    t->next_unheard = i + 1;
    bool closing = recipient->reply.code == 421; /* RFC 5321 3.8: it is no answer to this command */
    bool refused = recipient_is_refused(recipient) && !closing;
    return refused || session_expect(t->session, said);
}

/* --- the two dialogues --- */

/* RFC 2920 3.1: one flight, then all replies. */
static bool converse_at_once(struct transaction *t, const char *parameters)
{
    size_t count = t->delivery->recipient_count;
    bool ok = say_mail(t);
    for (size_t i = recipients_due(t, 0); ok && i < count; i = recipients_due(t, i + 1)) {
        ok = say(t, (struct said){STEP_RCPT, t->delivery->recipients[i].address->text}, parameters);
    }
    if (!ok || !message_say_ahead(t)) {
        return false;
    }
    /* A reply that is there already keeps the flight from leaving (session_await_first). */
    t->data_ended = t->way == MESSAGE_BDAT_AHEAD && t->session->stream.in.len == 0;
    ok = hear_mail(t);
    for (size_t i = recipients_due(t, 0); ok && i < count; i = recipients_due(t, i + 1)) {
        ok = hear_recipient(t, i, false);
    }
    return ok;
}

static bool converse_in_turn(struct transaction *t, const char *parameters)
{
    size_t count = t->delivery->recipient_count;
    bool ok = say_mail(t) && hear_mail(t);
    for (size_t i = recipients_due(t, 0); ok && i < count; i = recipients_due(t, i + 1)) {
        ok = say(t, (struct said){STEP_RCPT, t->delivery->recipients[i].address->text}, parameters) &&
             hear_recipient(t, i, true);
    }
    return ok;
}

static bool converse(struct transaction *t)
{
    char parameters[PARAMETERS_MAX];
    const struct capabilities *capabilities = &t->session->capabilities;
    parameters_of_rcpt(parameters, t->delivery, capabilities);
    bool ok = capabilities->pipelining ? converse_at_once(t, parameters) : converse_in_turn(t, parameters);
    return ok && recipients_some_left(t) && message_give(t);
}

/* --- after a refusal --- */

/* RFC 2920 3.1: a server that wants the data although it has refused gets none. */
static void end_unwanted_data(struct transaction *t)
{
    struct smtp_session *session = t->session;
    if (!step_write_line(&session->stream.out, SLICE("."))) {
        session->sound = false;
        return;
    }
    trace_text(session->trace, SMTP_TRACE_SENT, SLICE("."));
    session->owed++;
    (void)session_reset(session);
    /* RFC 2033 4.2: how many replies that is to have is anybody's guess. */
    session->sound = session->sound && !t->lmtp;
}

static void hear_rest(struct transaction *t)
{
    struct smtp_session *session = t->session;
    struct smtp_outcome ignored;
    outcome_init(&ignored);
    session->outcome = &ignored;
    bool heard = false;
    bool unwanted = false;
    while (t->unheard > 0 && session->sound) {
        t->unheard--;
        heard = session_await(session, (struct said){STEP_DATA, {NULL, 0}});
        unwanted = heard && t->way == MESSAGE_DATA_AHEAD && t->unheard == 0 && session->view.code == 354;
    }
    session->outcome = t->outcome;
    session->sound = session->sound && session->stream.in.len == 0 && stream_unsent(&session->stream) == 0;
    if (unwanted && session->sound) {
        end_unwanted_data(t);
    }
}

static void wind_up(struct transaction *t)
{
    struct smtp_session *session = t->session;
    /* RFC 2033 4.3: nor is it known how many replies BDAT has when there is nobody to have one. */
    bool countable = t->unheard == 0 || !t->lmtp || t->way != MESSAGE_BDAT_AHEAD;
    session->sound = session->sound && countable;
    if (!session->sound || !t->begun) {
        return;
    }
    hear_rest(t);
    /* What was said behind a refused MAIL may have been taken all the same. */
    bool open = session->needs_reset || (session->capabilities.pipelining && !t->over);
    session->needs_reset = open && session->owed == 0;
}

/* --- results --- */

static void settle_accepted(struct transaction *t)
{
    t->outcome->class = SMTP_ACCEPTED;
    t->outcome->stage = step_name(STEP_END_OF_DATA);
    t->outcome->reply = t->session->view;
    t->outcome->state = SMTP_DELIVERY_DONE;
    recipients_settle(t, SMTP_DELIVERY_DONE, true);
    recipients_describe(t);
}

/* After the data only one well-formed reply proves that nothing was delivered. */
static void settle_failed(struct transaction *t)
{
    enum smtp_class class = t->outcome->class;
    bool replied = class == SMTP_TEMPORARY || class == SMTP_MESSAGE_REFUSED || class == SMTP_AUTH_FAILED ||
                   class == SMTP_RECIPIENTS_REFUSED;
    bool unknown = t->data_ended && !replied;
    bool by_data = replied && (t->again || t->outcome->stage == step_name(STEP_END_OF_DATA));
    t->outcome->state = unknown ? SMTP_DELIVERY_UNKNOWN : SMTP_DELIVERY_NONE;
    recipients_settle(t, t->outcome->state, by_data);
}

/* Plays it from MAIL to its end. */
static bool play(struct transaction *t)
{
    struct smtp_session *session = t->session;
    bool ok = converse(t);
    if (!t->settled && ok) {
        settle_accepted(t);
    } else if (!t->settled) {
        settle_failed(t);
    }
    if (!ok) {
        wind_up(t);
    }
    /* What else was said is no reply to anything. */
    session->sound = session->sound && session->stream.in.len == 0;
    return ok;
}

/* Another one for those that were too many for the last. It can only add to what was accepted. */
static bool play_again(const struct transaction *last, struct smtp_outcome *outcome)
{
    struct smtp_outcome later;
    outcome_init(&later);
    struct transaction t = {.session = last->session,
                            .delivery = last->delivery,
                            .outcome = &later,
                            .who = last->who,
                            .way = last->way,
                            .lmtp = last->lmtp,
                            .smtputf8 = last->smtputf8,
                            .again = true};
    t.session->outcome = &later;
    bool ok = play(&t);
    t.session->outcome = outcome;
    outcome->err = later.err;
    return ok;
}

static bool has_excess(const struct smtp_delivery *delivery)
{
    bool found = false;
    for (size_t i = 0; i < delivery->recipient_count; i++) {
        found = found || recipient_is_excess(&delivery->recipients[i]);
    }
    return found;
}

void transaction_run(struct smtp_session *session, struct smtp_delivery *delivery,
                     struct smtp_outcome *outcome)
{
    struct transaction t = {.session = session,
                            .delivery = delivery,
                            .outcome = outcome,
                            .who = session->endpoint->label,
                            .way = message_choose(session, delivery),
                            .lmtp = session->endpoint->settings.protocol == SMTP_PROTOCOL_LMTP};
    bool more = precheck(&t) && play(&t);
    while (more && session->sound && has_excess(delivery)) {
        more = play_again(&t, outcome);
    }
}
