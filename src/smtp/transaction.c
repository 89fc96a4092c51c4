/*
 * A transaction is a list of steps like the session's: see transaction_run. What cannot go well is found
 * before MAIL: a message over the server's limit, an address that the server has no way to take.
 *
 * "After the data" begins with the write that holds the end of the data, not with its end: from there on the
 * server may have taken the mail, and only its reply can say that it has not.
 */
#include "smtp/transaction.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "smtp/data.h"
#include "smtp/trace.h"

struct transaction {
    struct smtp_session *session;
    struct smtp_delivery *delivery;
    struct smtp_outcome *outcome;
    const char *who;
    bool smtputf8;   /* MAIL is to say so */
    bool data_ended; /* the write that holds the data's end was begun */
};

/* --- recipients: no reply yet (code 0), accepted (2yz), or refused --- */

static bool is_accepted(const struct smtp_recipient *recipient)
{
    return recipient->reply.code / 100 == 2;
}

static bool is_refused(const struct smtp_recipient *recipient)
{
    return recipient->reply.code >= 400;
}

static size_t count_refused(const struct smtp_delivery *delivery)
{
    size_t count = 0;
    for (size_t i = 0; i < delivery->recipient_count; i++) {
        count += is_refused(&delivery->recipients[i]) ? 1 : 0;
    }
    return count;
}

/* The order in which refusals of several kinds decide for all of them. */
static int weight(const struct smtp_recipient *recipient)
{
    if (!is_refused(recipient)) {
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

/* Puts the refusals into words: the one that decides, and how many others there are. */
static void describe_refusals(struct transaction *t)
{
    const struct smtp_recipient *recipient = deciding(t->delivery);
    size_t others = count_refused(t->delivery) - 1;
    char answer[600];
    char more[48] = "";
    outcome_reply_text(&recipient->reply, answer, sizeof answer);
    if (others > 0) {
        (void)snprintf(more, sizeof more, " (and refused %zu more)", others);
    }
    bool ours = recipient->address->utf8 && !t->session->capabilities.smtputf8;
    err_set(&t->outcome->err, "%s %s RCPT TO:<%.*s>: %s%s", t->who, ours ? "cannot be given" : "refused",
            SLICE_ARGS(recipient->address->text), answer, more);
}

/* Whether the mail still goes to somebody. */
static bool some_left(struct transaction *t)
{
    const struct smtp_delivery *delivery = t->delivery;
    size_t refused = count_refused(delivery);
    bool abort = t->session->endpoint->settings.abort_on_refused && refused > 0;
    if (refused < delivery->recipient_count && !abort) {
        return true;
    }
    t->outcome->reply = deciding(delivery)->reply;
    t->outcome->class = outcome_classify(STEP_RCPT, &t->outcome->reply);
    t->outcome->stage = step_name(STEP_RCPT);
    describe_refusals(t);
    return false;
}

/* --- before anything is sent --- */

static bool check_size(struct transaction *t)
{
    const struct capabilities *capabilities = &t->session->capabilities;
    /* RFC 1870 4: a limit of 0 is none. */
    if (capabilities->size_limit == 0 || t->delivery->size <= capabilities->size_limit) {
        return true;
    }
    err_set(outcome_failed(t->outcome, SMTP_MESSAGE_REFUSED, STEP_MAIL),
            "%s takes at most %" PRIu64 " octets and the message has %" PRIu64, t->who,
            capabilities->size_limit, t->delivery->size);
    return false;
}

/* A non-ASCII address in the envelope alone concerns its recipient alone (RFC 6531 3.2, RFC 3463: 5.6.7). */
static void refuse_utf8(struct smtp_recipient *recipient)
{
    recipient->reply.code = 553;
    (void)snprintf(recipient->reply.enhanced, sizeof recipient->reply.enhanced, "5.6.7");
    (void)snprintf(recipient->reply.text, sizeof recipient->reply.text,
                   "the server does not offer SMTPUTF8, which this address needs");
}

static bool check_utf8(struct transaction *t)
{
    struct smtp_delivery *delivery = t->delivery;
    bool offered = t->session->capabilities.smtputf8;
    t->smtputf8 = delivery->smtputf8 || delivery->return_path->utf8;
    if (!offered && delivery->smtputf8) {
        const char *field = delivery->smtputf8_field != NULL ? delivery->smtputf8_field : "header";
        err_set_field(&t->outcome->err, field, strlen(field));
        err_set(outcome_failed(t->outcome, SMTP_MESSAGE_REFUSED, STEP_MAIL),
                "%s does not offer SMTPUTF8, which an address in %s needs", t->who, field);
        return false;
    }
    if (!offered && delivery->return_path->utf8) {
        err_set(outcome_failed(t->outcome, SMTP_MESSAGE_REFUSED, STEP_MAIL),
                "%s does not offer SMTPUTF8, which the return path <%.*s> needs", t->who,
                SLICE_ARGS(delivery->return_path->text));
        return false;
    }
    for (size_t i = 0; i < delivery->recipient_count; i++) {
        bool utf8 = delivery->recipients[i].address->utf8;
        t->smtputf8 = t->smtputf8 || utf8;
        if (utf8 && !offered) {
            refuse_utf8(&delivery->recipients[i]);
        }
    }
    t->smtputf8 = t->smtputf8 && offered;
    return some_left(t);
}

/* --- the steps --- */

static bool say_mail(struct transaction *t)
{
    const struct capabilities *capabilities = &t->session->capabilities;
    struct said said = {STEP_MAIL, t->delivery->return_path->text};
    char size[32] = "";
    char parameters[80];
    if (capabilities->size) {
        (void)snprintf(size, sizeof size, " SIZE=%" PRIu64, t->delivery->size);
    }
    /* A message whose header is UTF-8 is the only one with octets over 127: all else is encoded. */
    bool eight_bit = capabilities->eightbitmime && t->delivery->smtputf8;
    (void)snprintf(parameters, sizeof parameters, "%s%s%s", size, eight_bit ? " BODY=8BITMIME" : "",
                   t->smtputf8 ? " SMTPUTF8" : "");
    struct slice more = slice_of(parameters[0] == ' ' ? parameters + 1 : parameters);
    return session_exchange(t->session, said, more) && session_expect(t->session, said);
}

/* False when the dialogue cannot go on; a refusal is the recipient's own matter. */
static bool say_recipient(struct transaction *t, struct smtp_recipient *recipient)
{
    struct said said = {STEP_RCPT, recipient->address->text};
    if (!session_exchange(t->session, said, (struct slice){NULL, 0})) {
        return false;
    }
    recipient->reply = t->session->view;
    bool closing = recipient->reply.code == 421; /* RFC 5321 4.2.1: it is no answer to this command */
    bool refused = is_refused(recipient) && !closing;
    return refused || session_expect(t->session, said);
}

static bool say_recipients(struct transaction *t)
{
    for (size_t i = 0; i < t->delivery->recipient_count; i++) {
        struct smtp_recipient *recipient = &t->delivery->recipients[i];
        if (!is_refused(recipient) && !say_recipient(t, recipient)) {
            return false;
        }
    }
    return some_left(t);
}

static bool say_data(struct transaction *t)
{
    struct said said = {STEP_DATA, {NULL, 0}};
    return session_exchange(t->session, said, (struct slice){NULL, 0}) && session_expect(t->session, said);
}

/* The server spoke, or went, before the whole message was sent. Its answer can only be a refusal. */
static bool interrupted(struct transaction *t, struct said said)
{
    struct smtp_session *session = t->session;
    session->sound = false;
    stream_wipe_out(&session->stream); /* what has not left stays here */
    if (!session_await(session, said)) {
        return false;
    }
    if (session->view.code < 400) {
        err_set(outcome_failed(t->outcome, SMTP_PROTOCOL_ERROR, said.step),
                "%s broke the protocol: it answered before the message had ended: %d %s", t->who,
                session->view.code, session->view.text);
        return false;
    }
    return session_expect(session, said);
}

static bool send_message(struct transaction *t)
{
    struct smtp_session *session = t->session;
    struct said said = {STEP_END_OF_DATA, {NULL, 0}};
    struct err why = {.text = ""};
    trace_data(session->trace, t->delivery->size);
    enum data_result result = data_send(&session->stream, &t->delivery->message, &session->endpoint->settings,
                                        session->total, &t->data_ended, &why);
    switch (result) {
    case DATA_SENT:
        return session_await(session, said) && session_expect(session, said);
    case DATA_INTERRUPTED:
        return interrupted(t, said);
    case DATA_SOURCE_FAILED:
        session->sound = false;
        err_set(outcome_failed(t->outcome, SMTP_LOCAL_FAILURE, said.step), "the message cannot be read: %s",
                why.text);
        return false;
    case DATA_TIMED_OUT:
        return session_stream_failed(session, said, STREAM_TIMED_OUT);
    default:
        return session_stream_failed(session, said, STREAM_NO_MEMORY);
    }
}

/* --- results --- */

/* What became of the recipients that RCPT had accepted. */
static void settle(struct transaction *t, enum smtp_delivery_state state, bool data_decided)
{
    t->outcome->state = state;
    for (size_t i = 0; i < t->delivery->recipient_count; i++) {
        struct smtp_recipient *recipient = &t->delivery->recipients[i];
        if (!is_accepted(recipient)) {
            continue;
        }
        recipient->state = state;
        if (data_decided) {
            recipient->reply = t->session->view;
        }
    }
}

static void settle_accepted(struct transaction *t)
{
    t->outcome->class = SMTP_ACCEPTED;
    t->outcome->stage = step_name(STEP_END_OF_DATA);
    t->outcome->reply = t->session->view;
    if (count_refused(t->delivery) > 0) {
        describe_refusals(t);
    }
    settle(t, SMTP_DELIVERY_DONE, true);
}

/* After the data only one well-formed reply proves that nothing was delivered. */
static void settle_failed(struct transaction *t)
{
    enum smtp_class class = t->outcome->class;
    bool replied = class == SMTP_TEMPORARY || class == SMTP_MESSAGE_REFUSED || class == SMTP_AUTH_FAILED;
    bool unknown = t->data_ended && !replied;
    bool by_data = replied && t->outcome->stage == step_name(STEP_END_OF_DATA);
    settle(t, unknown ? SMTP_DELIVERY_UNKNOWN : SMTP_DELIVERY_NONE, by_data);
}

void transaction_run(struct smtp_session *session, struct smtp_delivery *delivery,
                     struct smtp_outcome *outcome)
{
    struct transaction t = {
        .session = session, .delivery = delivery, .outcome = outcome, .who = session->endpoint->label};
    bool ok = check_size(&t) && check_utf8(&t) && say_mail(&t) && say_recipients(&t) && say_data(&t) &&
              send_message(&t);
    if (ok) {
        settle_accepted(&t);
    } else {
        settle_failed(&t);
    }
}
