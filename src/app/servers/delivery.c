/*
 * One mail, one time limit, one server after the other. The next one is asked only where it is certain that nobody has
 * got anything yet, and where the failure is the server's and not the message's: what one refuses for good, another
 * should not be talked into.
 */
#include "app/servers/delivery.h"

#include <poll.h>

#include "app/exchange.h"
#include "app/servers/endpoint.h"

/* The failures that become a 502, 503 or 504. */
static bool moves_on(const struct smtp_outcome *outcome)
{
    switch (outcome->class) {
    case SMTP_UNAVAILABLE:
    case SMTP_TLS_FAILED:
    case SMTP_AUTH_FAILED:
    case SMTP_PROTOCOL_ERROR:
    case SMTP_TEMPORARY:
    case SMTP_TIMED_OUT:
        return outcome->state == SMTP_DELIVERY_NONE;
    default:
        return false;
    }
}

/* Whether there is no time for anything more, be it that the program ends. */
static bool is_over(const struct smtp_delivery *delivery)
{
    struct pollfd cancelled = {.fd = delivery->cancel_fd, .events = POLLIN};
    return deadline_passed(delivery->total) || poll(&cancelled, 1, 0) > 0;
}

/* Nobody there, or somebody who says nothing. */
static bool is_dead(const struct smtp_outcome *outcome)
{
    bool connecting = strcmp(outcome->stage, "connect") == 0;
    bool silent = strcmp(outcome->stage, "greeting") == 0 || strcmp(outcome->stage, "TLS") == 0;
    bool unreachable = outcome->class == SMTP_UNAVAILABLE && outcome->cause != SMTP_CAUSE_DESCRIPTORS;
    return (connecting && unreachable) || ((connecting || silent) && outcome->class == SMTP_TIMED_OUT);
}

static void note_state(struct exchange *exchange, size_t server, bool over)
{
    const struct smtp_outcome *outcome = &exchange->outcome;
    bool says_nothing = outcome->class == SMTP_TIMED_OUT || outcome->class == SMTP_LOCAL_FAILURE;
    if (is_dead(outcome) && !over) {
        standby_failed(&exchange->snapshot->standby, server, deadline_now());
    } else if (!is_dead(outcome) && !says_nothing) {
        standby_answered(&exchange->snapshot->standby, server);
    }
}

static void deliver(struct exchange *exchange, struct smtp_delivery *delivery,
                    struct metrics_server *counters)
{
    int64_t begun = deadline_clock_us();
    smtp_deliver(exchange->endpoint, delivery, &exchange->outcome);
    metrics_count_delivery(&exchange->app->metrics, counters, &exchange->outcome, deadline_clock_us() - begun,
                           delivery->size);
}

/* "main: cannot connect to ...; other: ..." */
static void note_earlier(struct exchange *exchange)
{
    struct err before = exchange->earlier;
    err_set(&exchange->earlier, "%s%s%s: %s", before.text, before.text[0] != '\0' ? "; " : "",
            server_choice_name(&exchange->choice), exchange->outcome.err.text);
}

/* A server that does not get ready must leave the others their share of the time. */
static deadline share(const struct smtp_delivery *delivery, size_t servers_left)
{
    deadline now = deadline_now();
    return servers_left < 2 ? 0 : deadline_add(now, (delivery->total - now) / (int64_t)servers_left);
}

/* A session that is left from an exchange's mail before this one goes on, if it is to the same server. */
static void use_endpoint(struct exchange *exchange, struct smtp_endpoint *endpoint,
                         struct smtp_delivery *delivery)
{
    struct smtp_session *left = exchange->outcome.session;
    exchange->outcome.session = NULL;
    if (exchange->endpoint == endpoint) {
        delivery->session = left;
    } else {
        smtp_release(left);
    }
    exchange->endpoint = endpoint;
}

static void deliver_to_list(struct exchange *exchange, struct smtp_delivery *delivery, const size_t *order,
                            size_t count)
{
    const struct snapshot *snapshot = exchange->snapshot;
    for (size_t i = 0; i < count; i++) {
        const struct mail_server *server = snapshot->servers[order[i]];
        exchange->choice.server = &snapshot->config->servers[order[i]];
        use_endpoint(exchange, server->endpoint, delivery);
        delivery->ready_by = share(delivery, count - i);
        deliver(exchange, delivery, server->counters);
        bool over = is_over(delivery);
        note_state(exchange, order[i], over);
        if (over || i + 1 == count || !moves_on(&exchange->outcome)) {
            return;
        }
        note_earlier(exchange);
    }
}

static bool deliver_by_settings(struct exchange *exchange, struct smtp_delivery *delivery)
{
    const struct snapshot *snapshot = exchange->snapshot;
    const struct mail_server *base = snapshot->servers[exchange->choice.server - snapshot->config->servers];
    exchange->own_endpoint =
        endpoint_derive(base->endpoint, &exchange->choice, base->command, &exchange->err);
    exchange->endpoint = exchange->own_endpoint;
    if (exchange->endpoint == NULL) {
        return false;
    }
    deliver(exchange, delivery, &exchange->app->metrics.others);
    return true;
}

static struct smtp_delivery delivery_of(struct exchange *exchange)
{
    const struct submission *submission = &exchange->submission;
    const struct config_server *settings = server_choice_settings(&exchange->choice);
    const struct outgoing *outgoing = &exchange->outgoing;
    return (struct smtp_delivery){
        .return_path = &submission->return_path,
        .recipients = submission->recipients.items,
        .recipient_count = submission->recipients.count,
        .message = outgoing->source,
        .size = outgoing->size,
        .smtputf8 = outgoing->smtputf8,
        .smtputf8_field = outgoing->smtputf8_field,
        .eight_bit = outgoing->eight_bit,
        .notify = submission->notify,
        .ret = submission->ret,
        .total = deadline_add(exchange->complete_at, settings->timeouts.total),
        .cancel_fd = exchange->app->cancel_fd,
        .trace = exchange->trace,
    };
}

static bool no_memory(struct exchange *exchange)
{
    err_set(&exchange->err, "There is no memory left for the delivery");
    return false;
}

bool delivery_run(struct exchange *exchange)
{
    struct snapshot *snapshot = exchange->snapshot;
    struct smtp_delivery delivery = delivery_of(exchange);
    delivery.envid = arena_copy(&exchange->arena, exchange->outgoing.message_id);
    if (delivery.envid == NULL) {
        return no_memory(exchange);
    }
    if (exchange->choice.overrides) {
        return deliver_by_settings(exchange, &delivery);
    }
    if (exchange->choice.named) {
        size_t index = (size_t)(exchange->choice.server - snapshot->config->servers);
        deliver_to_list(exchange, &delivery, &index, 1);
        return true;
    }
    size_t count = snapshot->config->server.count;
    size_t *order = arena_array(&exchange->arena, count, sizeof *order);
    if (order == NULL) {
        return no_memory(exchange);
    }
    standby_order(&snapshot->standby, deadline_now(), order);
    deliver_to_list(exchange, &delivery, order, count);
    if (snapshots_is_current(&exchange->app->snapshots, snapshot)) { /* or the servers may be others by now */
        readiness_note(&exchange->app->readiness, &exchange->outcome);
    }
    return true;
}
