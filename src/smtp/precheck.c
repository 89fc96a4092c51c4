/*
 * All of it follows from the reply to EHLO. The server's own refusals would come to the same, but some only after the
 * message was sent.
 */
#include "smtp/precheck.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "smtp/recipients.h"

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
    t->outcome->cause = SMTP_CAUSE_SIZE;
    return false;
}

/* RFC 8689 3: only what is offered under TLS can be relied on. */
static bool check_require_tls(struct transaction *t)
{
    bool secure = t->session->stream.tls != NULL;
    if (!t->session->endpoint->settings.require_tls || (secure && t->session->capabilities.requiretls)) {
        return true;
    }
    err_set(outcome_failed(t->outcome, SMTP_TLS_FAILED, STEP_MAIL), "%s %s, which require_tls demands",
            t->who, secure ? "does not offer REQUIRETLS" : "is not spoken to under TLS");
    t->outcome->cause = SMTP_CAUSE_REQUIRE_TLS;
    return false;
}

/* RFC 6152 3; RFC 6531 3.1: who offers SMTPUTF8 takes eight bits. */
static bool check_eight_bit(struct transaction *t)
{
    const struct capabilities *capabilities = &t->session->capabilities;
    bool by_utf8 = t->delivery->smtputf8 && capabilities->smtputf8;
    if (!t->delivery->eight_bit || capabilities->eightbitmime || by_utf8) {
        return true;
    }
    err_set(outcome_failed(t->outcome, SMTP_MESSAGE_REFUSED, STEP_MAIL),
            "%s does not offer 8BITMIME, which the message needs: it has octets over 127", t->who);
    t->outcome->cause = SMTP_CAUSE_EIGHT_BIT;
    return false;
}

static bool refuse_utf8(struct transaction *t, const char *field, const char *what)
{
    if (field != NULL) {
        err_set_field(&t->outcome->err, field, strlen(field));
    }
    err_set(outcome_failed(t->outcome, SMTP_MESSAGE_REFUSED, STEP_MAIL),
            "%s does not offer SMTPUTF8, which %s needs", t->who, what);
    t->outcome->cause = SMTP_CAUSE_UTF8;
    return false;
}

/* A non-ASCII address in the envelope alone concerns its recipient alone (RFC 6531 3.2, RFC 3463: 5.6.7). */
static void refuse_utf8_recipient(struct smtp_recipient *recipient)
{
    recipient->reply.code = 553;
    (void)snprintf(recipient->reply.enhanced, sizeof recipient->reply.enhanced, "5.6.7");
    (void)snprintf(recipient->reply.text, sizeof recipient->reply.text,
                   "the server does not offer SMTPUTF8, which this address needs");
}

/* What is not a single recipient's matter. */
static bool check_utf8_message(struct transaction *t)
{
    const struct smtp_delivery *delivery = t->delivery;
    char what[360];
    if (delivery->smtputf8) {
        const char *field = delivery->smtputf8_field != NULL ? delivery->smtputf8_field : "header";
        (void)snprintf(what, sizeof what, "an address in %s", field);
        return refuse_utf8(t, field, what);
    }
    if (delivery->return_path->utf8) {
        (void)snprintf(what, sizeof what, "the return path <%.*s>", SLICE_ARGS(delivery->return_path->text));
        return refuse_utf8(t, NULL, what);
    }
    return true;
}

static bool check_utf8(struct transaction *t)
{
    struct smtp_delivery *delivery = t->delivery;
    bool offered = t->session->capabilities.smtputf8;
    if (!offered && !check_utf8_message(t)) {
        return false;
    }
    bool needed = delivery->smtputf8 || delivery->return_path->utf8;
    for (size_t i = 0; i < delivery->recipient_count; i++) {
        bool utf8 = delivery->recipients[i].address->utf8;
        needed = needed || utf8;
        if (utf8 && !offered) {
            refuse_utf8_recipient(&delivery->recipients[i]);
        }
    }
    t->smtputf8 = needed && offered;
    return recipients_some_left(t);
}

bool precheck(struct transaction *t)
{
    return check_require_tls(t) && check_size(t) && check_eight_bit(t) && check_utf8(t);
}
