/*
 * The public call: a session, warm or new, a transaction on it, and what is left over for the caller to release
 * when its own client has been answered.
 *
 * A warm session may have died without a sign. Where that is what happened, and only where it is proved that
 * nothing was accepted, the mail is given once more, on a new connection. A new connection is not a reused one,
 * so there is no third time.
 */
#include "fcgi_smtp/smtp_client.h"

#include <string.h>

#include "fcgi_smtp/log.h"
#include "smtp/outcome.h"
#include "smtp/pool.h"
#include "smtp/session.h"
#include "smtp/transaction.h"

static void note(const struct smtp_session *session, const char *event)
{
    log_message(LOG_LEVEL_DEBUG, "session with %s: %s", session->endpoint->label, event);
}

/* As if nothing had been tried yet. */
static void prepare(struct smtp_delivery *delivery, struct smtp_outcome *outcome)
{
    outcome_init(outcome);
    for (size_t i = 0; i < delivery->recipient_count; i++) {
        delivery->recipients[i].state = SMTP_DELIVERY_NONE;
        memset(&delivery->recipients[i].reply, 0, sizeof delivery->recipients[i].reply);
    }
}

/* on_refused: abort left the server with recipients that it would have served. */
static bool was_aborted(const struct smtp_delivery *delivery, const struct smtp_outcome *outcome)
{
    bool accepted = false;
    for (size_t i = 0; i < delivery->recipient_count; i++) {
        accepted = accepted || delivery->recipients[i].reply.code / 100 == 2;
    }
    return accepted && outcome->class != SMTP_ACCEPTED && outcome->stage == step_name(STEP_RCPT);
}

static void run(struct smtp_session *session, struct smtp_delivery *delivery, struct smtp_outcome *outcome)
{
    session_lend(session, (struct limit){delivery->total, delivery->cancel_fd}, outcome);
    int64_t begun = deadline_clock_us();
    transaction_run(session, delivery, outcome);
    if (outcome->class == SMTP_ACCEPTED) {
        outcome->times.transaction = outcome_took(begun);
    }
    session_lend(session, session->total, NULL);
    session->spent = session->spent || was_aborted(delivery, outcome);
}

/* Keeps the session for the caller to release, if there is something to release. */
static void keep(struct smtp_session *session, struct smtp_outcome *outcome)
{
    if (session->sound) {
        outcome->session = session;
    } else {
        session_close(session);
    }
}

/*
 * Whether what went wrong on a reused session is only that it was no longer one. Once the write that holds the
 * data's last octet was begun, a lost connection makes the state unknown (see transaction.c) and proves nothing.
 * A refusal in MAIL's place does, whatever was written behind MAIL.
 */
static bool was_stale(struct smtp_session *session, const struct smtp_outcome *outcome)
{
    if (outcome->state != SMTP_DELIVERY_NONE || outcome->class == SMTP_ACCEPTED) {
        return false;
    }
    if (outcome->stage == step_name(STEP_MAIL) && outcome->reply.code / 100 == 4) {
        return outcome->reply.code == 421 || session_has_left(session, session->total);
    }
    return outcome->class == SMTP_UNAVAILABLE && session->lost;
}

/* False: it is as if nothing had been tried. */
static bool deliver_warm(struct smtp_session *session, struct smtp_delivery *delivery,
                         struct smtp_outcome *outcome)
{
    outcome->reused = true;
    note(session, "comes from the pool");
    run(session, delivery, outcome);
    if (!was_stale(session, outcome)) {
        keep(session, outcome);
        return true;
    }
    note(session, "the server had closed it");
    session_end(session);
    prepare(delivery, outcome);
    return false;
}

/* The session that the caller has left from its last mail, or a waiting one; NULL: there is none that is fit. */
static struct smtp_session *take_warm(struct smtp_endpoint *endpoint, struct smtp_delivery *delivery,
                                      struct limit limit)
{
    struct smtp_session *left = delivery->session;
    delivery->session = NULL;
    if (left != NULL && !limit_passed(limit) && session_rest(left) && session_recheck(left, limit)) {
        return left;
    }
    session_end(left);
    bool may_wait = delivery->trace == NULL && !limit_passed(limit);
    return may_wait ? pool_take(endpoint->pool, limit) : NULL;
}

void smtp_deliver(struct smtp_endpoint *endpoint, struct smtp_delivery *delivery,
                  struct smtp_outcome *outcome)
{
    deadline ready_by = delivery->ready_by != 0 ? delivery->ready_by : delivery->total;
    struct session_order order = {.total = {deadline_min(ready_by, delivery->total), delivery->cancel_fd},
                                  .trace = delivery->trace};
    prepare(delivery, outcome);
    struct smtp_session *session = take_warm(endpoint, delivery, order.total);
    if (session != NULL && deliver_warm(session, delivery, outcome)) {
        return;
    }
    session = session_open(endpoint, &order, outcome);
    if (session != NULL) {
        note(session, "opened");
        run(session, delivery, outcome);
        keep(session, outcome);
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

void smtp_release(struct smtp_session *session)
{
    if (session == NULL) {
        return;
    }
    struct pool *pool = session->trace == NULL ? session->endpoint->pool : NULL; /* a trace ends here */
    bool rests = pool != NULL && session_rest(session);
    note(session, rests ? "goes into the pool" : "ended"); /* before another thread may have it */
    if (!rests || !pool_put(pool, session)) {
        session_end(session);
    }
}

size_t smtp_endpoint_idle(const struct smtp_endpoint *endpoint)
{
    return pool_count(endpoint->pool);
}
