/*
 * The order of checks is the interface's: each function here is one of them, and not one octet of SMTP is
 * sent before all have passed.
 */
#include "app/send.h"

#include "app/access.h"
#include "app/answer.h"
#include "app/body.h"
#include "app/exchange.h"
#include "app/policy.h"
#include "app/replay.h"
#include "app/servers/delivery.h"
#include "app/whole_message.h"

/* Another site's page in a browser may not use this program as its visitor: Fetch Metadata says so. */
bool send_check_origin(struct exchange *exchange)
{
    const char *site = http_request_param(exchange->request, "HTTP_SEC_FETCH_SITE");
    if (site == NULL || (strcmp(site, "cross-site") != 0 && strcmp(site, "same-site") != 0)) {
        return true;
    }
    err_set(&exchange->err,
            "A browser sent this from a page of another origin (Sec-Fetch-Site: %s); post from the same "
            "origin, or from a program",
            site);
    return exchange_refuse(exchange, PROBLEM_CROSS_SITE);
}

/* With the errors; always false. */
static bool refuse_fields(struct exchange *exchange, struct field_errors *errors)
{
    exchange->err = errors->first;
    struct json *more = json_object_new();
    json_set(more, "errors", errors->list);
    errors->list = NULL;
    bool unknown_only = errors->unknown == errors->count;
    exchange_problem(exchange, unknown_only ? PROBLEM_UNKNOWN_FIELD : PROBLEM_INVALID_FIELD, "none", more);
    return false;
}

/* By the policy that holds for the request. */
static bool refuse_by_policy(struct exchange *exchange, enum http_problem problem)
{
    access_explain(exchange);
    return exchange_refuse(exchange, problem);
}

static enum submission_result read_submission(struct exchange *exchange, struct field_errors *errors)
{
    const struct snapshot *snapshot = exchange->snapshot;
    if (!whole_message_given(&exchange->fields)) {
        return submission_read(&exchange->submission, &exchange->fields, &snapshot->defaults,
                               snapshot->config, &exchange->arena, errors, &exchange->err);
    }
    struct submission_reading reading = {
        .submission = &exchange->submission,
        .fields = &exchange->fields,
        .defaults = &snapshot->defaults,
        .config = snapshot->config,
        .arena = &exchange->arena,
        .errors = errors,
        .err = &exchange->err,
    };
    return whole_message_read(&reading, send_domain(exchange));
}

bool send_check_reading(struct exchange *exchange, enum submission_result read, struct field_errors *errors)
{
    switch (read) {
    case SUBMISSION_FAILED:
        return exchange_refuse(exchange, PROBLEM_INTERNAL);
    case SUBMISSION_TOO_MANY:
        return exchange_refuse(exchange, PROBLEM_TOO_MANY_RECIPIENTS);
    case SUBMISSION_OK:
        break;
    }
    return errors->count == 0 || refuse_fields(exchange, errors);
}

/* Unknown and invalid fields, all at once; then missing ones; then policy. */
static bool check_fields(struct exchange *exchange, struct field_errors *errors)
{
    struct submission *submission = &exchange->submission;
    struct err *err = &exchange->err;
    if (!send_fields_sort(&exchange->fields, &exchange->form, &exchange->arena, errors, err)) {
        return exchange_refuse(exchange, PROBLEM_INTERNAL);
    }
    struct err not_allowed = {0}; /* told when all else is good */
    enum server_choice_result chosen =
        server_choice_make(&exchange->choice, &exchange->fields, exchange->snapshot->config, exchange->allow,
                           &exchange->arena, errors, &not_allowed);
    enum submission_result read = read_submission(exchange, errors);
    if (chosen == SERVER_CHOICE_FAILED) {
        *err = not_allowed;
        return exchange_refuse(exchange, PROBLEM_INTERNAL);
    }
    if (!send_check_reading(exchange, read, errors)) {
        return false;
    }
    if (!submission_complete(submission, err)) {
        return exchange_refuse(exchange, PROBLEM_MISSING_FIELD);
    }
    if (chosen == SERVER_NOT_ALLOWED) {
        *err = not_allowed;
        return refuse_by_policy(exchange, PROBLEM_OVERRIDE_NOT_ALLOWED);
    }
    return send_check_policy(exchange, submission);
}

bool send_check_policy(struct exchange *exchange, const struct submission *submission)
{
    switch (policy_check(exchange->allow, &exchange->snapshot->defaults, submission, &exchange->err)) {
    case POLICY_RECIPIENT:
        return refuse_by_policy(exchange, PROBLEM_RECIPIENT_NOT_ALLOWED);
    case POLICY_SENDER:
        return refuse_by_policy(exchange, PROBLEM_SENDER_NOT_ALLOWED);
    case POLICY_ALLOWED:
        break;
    }
    return true;
}

struct slice send_domain(const struct exchange *exchange)
{
    return slice_of(server_choice_settings(&exchange->choice)->domain);
}

enum compose_result send_make(struct exchange *exchange, struct submission *submission, struct slice domain)
{
    if (submission->whole != NULL) {
        exchange->outgoing = outgoing_of_whole(submission->whole, send_field_name(SEND_MESSAGE));
        return COMPOSE_OK;
    }
    submission->message.domain = domain;
    compose_free(exchange->compose); /* of a message before this one */
    exchange->compose = NULL;
    enum compose_result result = compose_new(&exchange->compose, &submission->message, &exchange->err);
    if (result == COMPOSE_OK) {
        exchange->outgoing = outgoing_of_compose(exchange->compose);
    }
    return result;
}

bool send_compose(struct exchange *exchange, struct submission *submission, struct slice domain)
{
    switch (send_make(exchange, submission, domain)) {
    case COMPOSE_OK:
        return true;
    case COMPOSE_INVALID:
        return exchange_refuse(exchange, PROBLEM_INVALID_FIELD);
    case COMPOSE_FAILED:
        break;
    }
    return exchange_refuse(exchange, PROBLEM_INTERNAL);
}

enum http_verdict send_begin(struct exchange *exchange)
{
    const struct form_limits limits = body_limits(exchange);
    if (!access_check(exchange) || !send_check_origin(exchange) || !replay_check_key(exchange) ||
        !body_read(exchange, &limits)) {
        return HTTP_ANSWER;
    }
    exchange->complete_at = http_request_complete_at(exchange->request);
    return replay_begin(exchange, SLICE("/send")) ? send_prepare(exchange) : HTTP_ANSWER;
}

enum http_verdict send_prepare(struct exchange *exchange)
{
    struct field_errors errors = {.from_json = exchange->form.from_json};
    bool good = check_fields(exchange, &errors);
    field_errors_free(&errors);
    if (!good || !send_compose(exchange, &exchange->submission, send_domain(exchange))) {
        return HTTP_ANSWER;
    }
    if (exchange->submission.dry_run) {
        answer_dry_run(exchange);
        return HTTP_ANSWER;
    }
    return HTTP_DELIVER;
}

void send_deliver(struct exchange *exchange)
{
    exchange->delivery_begun = deadline_now();
    bool tried = delivery_run(exchange);
    exchange->delivery_ended = deadline_now();
    if (tried) {
        answer_outcome(exchange);
    } else {
        (void)exchange_refuse(exchange, PROBLEM_INTERNAL);
    }
}
