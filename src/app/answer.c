/*
 * One table says which failure of a delivery becomes which problem.
 */
#include "app/answer.h"

#include "app/exchange.h"

static const enum http_problem problems[] = {
    [SMTP_ACCEPTED] = PROBLEM_INTERNAL, /* answered as a success */
    [SMTP_UNAVAILABLE] = PROBLEM_SMTP_UNAVAILABLE,
    [SMTP_ADDRESS_FORBIDDEN] = PROBLEM_OVERRIDE_NOT_ALLOWED,
    [SMTP_TLS_FAILED] = PROBLEM_SMTP_TLS_FAILED,
    [SMTP_AUTH_FAILED] = PROBLEM_SMTP_AUTH_FAILED,
    [SMTP_PROTOCOL_ERROR] = PROBLEM_SMTP_PROTOCOL_ERROR,
    [SMTP_TEMPORARY] = PROBLEM_SMTP_TEMPORARY,
    [SMTP_MESSAGE_REFUSED] = PROBLEM_MESSAGE_REFUSED,
    [SMTP_RECIPIENTS_REFUSED] = PROBLEM_RECIPIENTS_REFUSED,
    [SMTP_TIMED_OUT] = PROBLEM_SMTP_TIMEOUT,
    [SMTP_LOCAL_FAILURE] = PROBLEM_INTERNAL,
};

static const char *delivery_text(enum smtp_delivery_state state)
{
    return state == SMTP_DELIVERY_UNKNOWN ? "unknown" : "none";
}

static void set_reply(struct json *object, const struct smtp_reply_view *reply)
{
    if (reply->code != 0) {
        json_set_int(object, "code", reply->code);
    }
    json_set_string(object, "enhanced", reply->enhanced);
    json_set_string(object, "text", reply->text);
}

/* Beside an accepted mail every recipient who did not get it; beside a failure those whom the server refused. */
static bool is_rejected(const struct smtp_recipient *recipient, bool accepted)
{
    return accepted ? recipient->state != SMTP_DELIVERY_DONE : recipient->reply.code >= 400;
}

struct json *answer_rejected(const struct exchange *exchange, size_t *count)
{
    const struct recipients *recipients = &exchange->submission.recipients;
    bool accepted = exchange->outcome.class == SMTP_ACCEPTED;
    struct json *list = json_array_new();
    for (size_t i = 0; i < recipients->count; i++) {
        const struct smtp_recipient *recipient = &recipients->items[i];
        if (!is_rejected(recipient, accepted)) {
            continue;
        }
        struct json *entry = json_object_new();
        json_set_slice(entry, "address", recipient->address->text);
        set_reply(entry, &recipient->reply);
        json_set_string(entry, "delivery", delivery_text(recipient->state));
        json_add(list, entry);
        ++*count;
    }
    return list;
}

/* For the log, and for whoever answers in words of its own. */
static void note_accepted(struct exchange *exchange)
{
    const struct recipients *recipients = &exchange->submission.recipients;
    exchange->result = RESULT_SENT;
    for (size_t i = 0; i < recipients->count; i++) {
        if (is_rejected(&recipients->items[i], true)) {
            exchange->result = RESULT_PARTIAL;
        }
    }
    exchange->err = exchange->outcome.err; /* who was refused */
}

static void answer_accepted(struct exchange *exchange)
{
    const struct submission *submission = &exchange->submission;
    struct json *accepted = json_array_new();
    for (size_t i = 0; i < submission->recipients.count; i++) {
        if (submission->recipients.items[i].state == SMTP_DELIVERY_DONE) {
            json_add_slice(accepted, submission->recipients.items[i].address->text);
        }
    }
    size_t refused = 0;
    struct json *rejected = answer_rejected(exchange, &refused);
    struct json *reply = json_object_new();
    set_reply(reply, &exchange->outcome.reply);

    struct json *body = json_object_new();
    json_set_slice(body, "id", exchange->outgoing.message_id);
    json_set_string(body, "status", exchange->result == RESULT_PARTIAL ? "partial" : "sent");
    json_set_string(body, "server", server_choice_name(&exchange->choice));
    json_set(body, "accepted", accepted);
    json_set(body, "rejected", rejected);
    json_set(body, "reply", reply);
    http_json_write(exchange->response, 200, body);
}

/* What was wrong, with the servers that were tried before. */
static void set_error(struct exchange *exchange)
{
    const struct err *err = &exchange->outcome.err;
    const char *earlier = exchange->earlier.text;
    err_set(&exchange->err, earlier[0] != '\0' ? "%s (before that, %s)" : "%s", err->text, earlier);
}

static void answer_failure(struct exchange *exchange)
{
    const struct smtp_outcome *outcome = &exchange->outcome;
    struct json *smtp = json_object_new();
    json_set_string(smtp, "server", server_choice_name(&exchange->choice));
    json_set_string(smtp, "stage", outcome->stage);
    set_reply(smtp, &outcome->reply);
    struct json *more = json_object_new();
    json_set(more, "smtp", smtp);
    size_t refused = 0;
    struct json *rejected = answer_rejected(exchange, &refused);
    if (refused > 0) {
        json_set(more, "rejected", rejected);
    } else {
        json_free(rejected);
    }
    set_error(exchange);
    if (outcome->class == SMTP_ADDRESS_FORBIDDEN) { /* only a host of the request's own can be */
        err_set_field(&exchange->err, "server", 6);
        err_set(&exchange->err, "%s; give another server, or ask the operator to name it in allow.hosts",
                outcome->err.text);
    }
    exchange_problem(exchange, problems[outcome->class], delivery_text(outcome->state), more);
    exchange->result = outcome->class == SMTP_ADDRESS_FORBIDDEN ? RESULT_REFUSED : RESULT_FAILED;
}

void answer_outcome(struct exchange *exchange)
{
    if (exchange->outcome.class != SMTP_ACCEPTED) {
        answer_failure(exchange);
        return;
    }
    note_accepted(exchange);
    if (!exchange->visit.begun) {
        answer_accepted(exchange);
    }
}

void answer_dry_run(struct exchange *exchange)
{
    const struct submission *submission = &exchange->submission;
    struct json *to = json_array_new();
    for (size_t i = 0; i < submission->recipients.count; i++) {
        json_add_slice(to, submission->recipients.items[i].address->text);
    }
    struct json *envelope = json_object_new();
    json_set_slice(envelope, "from", submission->return_path.text);
    json_set(envelope, "to", to);

    struct json *body = json_object_new();
    json_set_slice(body, "id", exchange->outgoing.message_id);
    json_set_string(body, "status", "dry-run");
    json_set_string(body, "server", server_choice_name(&exchange->choice));
    json_set(body, "envelope", envelope);
    json_set_slice(body, "headers", exchange->outgoing.header_section);
    json_set_int(body, "size", (int64_t)exchange->outgoing.size);
    exchange->result = RESULT_DRY_RUN;
    http_json_write(exchange->response, 200, body);
}

void answer_overloaded(struct exchange *exchange)
{
    err_set(
        &exchange->err,
        "All %lld workers are busy with other mails; send the request again after the time in Retry-After",
        (long long)exchange->snapshot->config->workers);
    exchange_problem(exchange, PROBLEM_OVERLOADED, "none", NULL);
    exchange->result = RESULT_FAILED;
}
