/*
 * The way of POST /send with other names and other answers. A client of Mailgun's reads "id" and "message" alone, so a
 * message says all that there is to say.
 */
#include "app/mailgun/mailgun.h"

#include <stdlib.h>

#include "app/access.h"
#include "app/answer.h"
#include "app/body.h"
#include "app/mailgun/mailgun_batch.h"
#include "app/mailgun/mailgun_mail.h"
#include "app/replay.h"
#include "app/send.h"
#include "app/servers/delivery.h"

#define MESSAGE_MAX ((size_t)32 * 1024) /* octets of what is wrong */

void mailgun_free(struct mailgun *mailgun)
{
    if (mailgun != NULL) {
        recipient_variables_free(&mailgun->variables);
        free(mailgun);
    }
}

/* All errors of fields, one after the other; as many as there is room for. */
static void join_errors(struct buf *text, const struct json *more)
{
    struct json_view list;
    if (more == NULL || !json_view_get(json_view_of(more), SLICE("errors"), &list)) {
        return;
    }
    for (size_t i = 1; i < json_view_count(list); i++) { /* the first is the problem's own text */
        struct json_view detail;
        if (json_view_get(json_view_item(list, i), SLICE("detail"), &detail)) {
            (void)!(text->len + json_view_text(detail).len + 2 <= text->limit &&
                    buf_append_string(text, "; ") && buf_append_slice(text, json_view_text(detail)));
        }
    }
}

void mailgun_write_problem(struct exchange *exchange, enum http_problem problem, struct json *more)
{
    struct buf text;
    bool unknown = exchange_delivery_is_unknown(exchange);
    buf_init(&text, MESSAGE_MAX);
    bool told = buf_append_string(&text, exchange->err.text);
    if (http_problem_status(problem) == 401) {
        buf_clear(&text);
        told = buf_append_string(&text, "Forbidden");
    } else if (told && unknown) {
        told = buf_append_string(&text, ". It is not known whether the mail was delivered");
    }
    join_errors(&text, more);
    struct json *body = json_object_new();
    json_set_slice(body, "message", told ? buf_slice(&text) : SLICE("There is no memory left"));
    http_json_write(exchange->response, http_problem_status(problem), body);
    const char *retry_after = http_problem_retry_after(problem);
    if (retry_after != NULL) { /* it fits: there is but the type */
        (void)!http_response_header(exchange->response, "Retry-After", retry_after);
    }
    buf_free(&text);
    json_free(more);
}

/* --- before the delivery --- */

static bool prepare(struct exchange *exchange, enum mailgun_call call, struct slice segment)
{
    struct slice domain = {0};
    bool is_domain = address_domain_to_ascii(segment, &exchange->arena, &domain) && slice_has(domain, '.');
    if (!is_domain) {
        err_set(&exchange->err, "\"%.*s\" in the path is no domain; give one like mg.example.com",
                SLICE_ARGS(segment));
        return exchange_refuse(exchange, PROBLEM_NO_SUCH_ROUTE);
    }
    exchange->mailgun = calloc(1, sizeof *exchange->mailgun);
    if (exchange->mailgun == NULL) {
        err_set(&exchange->err, "There is no memory left for the request");
        return exchange_refuse(exchange, PROBLEM_INTERNAL);
    }
    exchange->mailgun->fields.call = call;
    exchange->mailgun->domain = domain;
    return true;
}

static bool read_form(struct exchange *exchange)
{
    const struct config_limits *limits = &exchange->snapshot->config->limits;
    const struct form_limits form_limits = {
        .fields = (size_t)limits->fields,
        .content = mailgun_field_limit,
        .ctx = (void *)limits, /* only read */
    };
    if (!access_check(exchange) || (exchange->key == NULL && !access_require(exchange))) {
        return false;
    }
    if (!send_check_origin(exchange) || !replay_check_key(exchange) || !body_read(exchange, &form_limits)) {
        return false;
    }
    exchange->complete_at = http_request_complete_at(exchange->request);
    return replay_begin(exchange, exchange->path);
}

static bool is_verified(const struct config_server *server)
{
    return server->tls != CONFIG_TLS_NONE &&
           (server->verify == CONFIG_VERIFY_FULL || server->fingerprint != NULL);
}

/* Any server of the list may get the mail. */
static void check_tls(struct exchange *exchange, struct field_errors *errors)
{
    const struct config *config = exchange->snapshot->config;
    for (size_t i = 0; exchange->mailgun->fields.require_tls && i < config->server.count; i++) {
        const struct config_server *server = &config->servers[config->server.items[i]];
        if (!is_verified(server)) {
            field_errors_add(
                errors, SLICE("o:require-tls"),
                "o:require-tls cannot be kept: the server %s is not used with verified TLS; leave it "
                "out, or ask the operator to set tls and verify",
                server->name);
            return;
        }
    }
}

static enum submission_result read_one(struct exchange *exchange, struct field_errors *errors)
{
    struct submission_reading reading = {
        .submission = &exchange->submission,
        .defaults = &exchange->snapshot->defaults,
        .config = exchange->snapshot->config,
        .arena = &exchange->arena,
        .errors = errors,
        .err = &exchange->err,
    };
    return mailgun_mail_read(&reading, &exchange->mailgun->fields, exchange->mailgun->domain);
}

/* Unknown and invalid fields, all at once; then missing ones. */
static bool read_fields(struct exchange *exchange, struct field_errors *errors)
{
    struct mailgun *mailgun = exchange->mailgun;
    struct err *err = &exchange->err;
    if (!mailgun_fields_sort(&mailgun->fields, &exchange->form, &exchange->arena, errors, err) ||
        server_choice_make(&exchange->choice, &mailgun->fields.send, exchange->snapshot->config,
                           exchange->allow, &exchange->arena, errors, err) == SERVER_CHOICE_FAILED) {
        return exchange_refuse(exchange, PROBLEM_INTERNAL);
    }
    check_tls(exchange, errors);
    if (mailgun->fields.is_batch && !mailgun_batch_read(exchange, errors)) {
        return false;
    }
    struct err missing = {0};
    bool complete = mailgun_fields_complete(&mailgun->fields, &missing);
    bool reads = !mailgun->fields.is_batch && (complete || mailgun->fields.call == MAILGUN_MESSAGES);
    enum submission_result read = reads ? read_one(exchange, errors) : SUBMISSION_OK;
    if (!send_check_reading(exchange, read, errors)) {
        return false;
    }
    if (!complete) {
        *err = missing;
        return exchange_refuse(exchange, PROBLEM_MISSING_FIELD);
    }
    return true;
}

static bool check_one(struct exchange *exchange)
{
    struct submission *submission = &exchange->submission;
    if (!mailgun_mail_complete(submission, &exchange->err)) {
        return exchange_refuse(exchange, PROBLEM_MISSING_FIELD);
    }
    return send_check_policy(exchange, submission) &&
           send_compose(exchange, submission, exchange->mailgun->domain);
}

static void answer(struct exchange *exchange, struct json *rejected)
{
    struct json *body = json_object_new();
    json_set_slice(body, "id", exchange->outgoing.message_id);
    json_set_string(body, "message", "Queued. Thank you.");
    if (rejected != NULL) {
        json_set(body, "rejected", rejected);
    }
    http_json_write(exchange->response, 200, body);
}

enum http_verdict mailgun_begin(struct exchange *exchange, enum mailgun_call call, struct slice domain)
{
    if (!prepare(exchange, call, domain) || !read_form(exchange)) {
        return HTTP_ANSWER;
    }
    struct field_errors errors = {0};
    bool good = read_fields(exchange, &errors);
    field_errors_free(&errors);
    good = good && (exchange->mailgun->fields.is_batch ? mailgun_batch_check(exchange) : check_one(exchange));
    if (good && exchange->mailgun->fields.test_mode) {
        exchange->result = RESULT_DRY_RUN;
        answer(exchange, NULL);
        return HTTP_ANSWER;
    }
    return good ? HTTP_DELIVER : HTTP_ANSWER;
}

/* --- the delivery --- */

static void answer_accepted(struct exchange *exchange)
{
    size_t refused = 0;
    struct json *rejected = answer_rejected(exchange, &refused);
    if (refused == 0) {
        json_free(rejected);
        rejected = NULL;
    }
    exchange->result = refused > 0 ? RESULT_PARTIAL : RESULT_SENT;
    exchange->err = exchange->outcome.err; /* for the log: who was refused */
    exchange->token = NULL;                /* a batch may have ended early by a problem */
    exchange->delivery = NULL;
    answer(exchange, rejected);
}

void mailgun_deliver(struct exchange *exchange)
{
    exchange->delivery_begun = deadline_now();
    bool tried =
        exchange->mailgun->fields.is_batch ? mailgun_batch_deliver(exchange) : delivery_run(exchange);
    exchange->delivery_ended = deadline_now();
    if (!tried) {
        (void)exchange_refuse(exchange, PROBLEM_INTERNAL);
    } else if (exchange->outcome.class == SMTP_ACCEPTED) {
        answer_accepted(exchange);
    } else {
        answer_outcome(exchange);
    }
}
