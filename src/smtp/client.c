/*
 * The public call: a session, a transaction on it, and what is left over for the caller to release when its
 * own client has been answered.
 */
#include "fcgi_smtp/smtp_client.h"

#include <string.h>

#include "smtp/outcome.h"
#include "smtp/session.h"
#include "smtp/transaction.h"

void smtp_deliver(struct smtp_endpoint *endpoint, struct smtp_delivery *delivery,
                  struct smtp_outcome *outcome)
{
    outcome_init(outcome);
    for (size_t i = 0; i < delivery->recipient_count; i++) {
        delivery->recipients[i].state = SMTP_DELIVERY_NONE;
        memset(&delivery->recipients[i].reply, 0, sizeof delivery->recipients[i].reply);
    }
    struct session_order order = {.total = {delivery->total, delivery->cancel_fd}, .trace = delivery->trace};
    struct smtp_session *session = session_open(endpoint, &order, outcome);
    if (session == NULL) {
        return;
    }
    transaction_run(session, delivery, outcome);
    session->outcome = NULL;
    if (session->sound) {
        outcome->session = session;
    } else {
        session_close(session);
    }
}

void smtp_probe(struct smtp_endpoint *endpoint, const struct smtp_probe *probe, struct smtp_outcome *outcome)
{
    outcome_init(outcome);
    struct session_order order = {
        .total = {probe->total, probe->cancel_fd}, .trace = probe->trace, .anonymous = !probe->authenticate};
    struct smtp_session *session = session_open(endpoint, &order, outcome);
    if (session != NULL) {
        outcome->class = SMTP_ACCEPTED;
        outcome->stage = step_name(STEP_QUIT);
        session_end(session);
    }
}

void smtp_release(struct smtp_endpoint *endpoint, struct smtp_session *session)
{
    (void)endpoint;
    session_end(session);
}
