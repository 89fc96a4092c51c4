/*
 * The mails are made twice: all of them before the first is sent, so that nothing is sent if one of them cannot be, and
 * each again when its turn comes, so that no more than one is held.
 */
#include "app/mailgun/mailgun_batch.h"

#include <stdio.h>

#include "app/mailgun/mailgun.h"
#include "app/mailgun/mailgun_personal.h"
#include "app/send.h"
#include "app/servers/delivery.h"
#include "fcgi_smtp/charset.h"

/* Times that a text may grow when it becomes UTF-8, and not be over limits.text. */
#define CHARSET_GROWTH_MAX 4

static bool no_memory(struct exchange *exchange)
{
    err_set(&exchange->err, "There is no memory left for the mails");
    return exchange_refuse(exchange, PROBLEM_INTERNAL);
}

/* --- what all mails have --- */

/* A text of another charset as UTF-8, once for all. False: memory, or the spill file: exchange->err says so. */
static bool convert(struct exchange *exchange, struct form_field **source, struct field_errors *errors)
{
    struct form_field *field = *source;
    struct form_field *copy = arena_alloc(&exchange->arena, sizeof *copy);
    struct slice text;
    struct buf utf8;
    if (copy == NULL || !blob_view(&field->content, &text, &exchange->err)) {
        return false;
    }
    *copy = (struct form_field){.name = field->name, .is_file = field->is_file, .type = field->type};
    buf_init(&utf8, (size_t)exchange->snapshot->config->limits.text * CHARSET_GROWTH_MAX);
    bool good = charset_to_utf8(field->charset, text, &utf8, NULL) == CHARSET_OK;
    if (utf8.starved) {
        buf_free(&utf8);
        return false;
    }
    if (!good) {
        field_errors_blame(errors, field, "%.*s is not a text in the charset %.*s", SLICE_ARGS(field->name),
                           SLICE_ARGS(field->charset));
    }
    blob_begin(&copy->content, &exchange->blobs);
    bool kept = !good || blob_append(&copy->content, utf8.data, utf8.len, &exchange->err);
    buf_free(&utf8);
    *source = copy;
    return kept;
}

static bool needs_conversion(const struct form_field *field)
{
    return field->charset.len > 0 && !slice_equal_nocase(field->charset, SLICE("UTF-8"));
}

static bool convert_texts(struct exchange *exchange, struct field_errors *errors)
{
    struct mailgun_fields *fields = &exchange->mailgun->fields;
    for (size_t i = 0; i < fields->send.count; i++) {
        struct send_value *value = &fields->send.values[i];
        bool is_text = value->field == SEND_TEXT || value->field == SEND_HTML;
        if (is_text && needs_conversion(value->source) && !convert(exchange, &value->source, errors)) {
            return false;
        }
    }
    return fields->amp == NULL || !needs_conversion(fields->amp) || convert(exchange, &fields->amp, errors);
}

static enum submission_result read_recipients(struct exchange *exchange, struct field_errors *errors)
{
    struct address_list *to = &exchange->submission.message.to;
    struct submission_reading reading = {
        .submission = &exchange->submission,
        .fields = &exchange->mailgun->fields.send,
        .config = exchange->snapshot->config,
        .arena = &exchange->arena,
        .errors = errors,
        .err = &exchange->err,
    };
    const struct recipients_source source = {to, "to"};
    enum submission_result result = submission_read_addresses(&reading, SEND_TO, to);
    return result == SUBMISSION_OK ? submission_collect_recipients(&reading, &source, 1, true) : result;
}

bool mailgun_batch_read(struct exchange *exchange, struct field_errors *errors)
{
    struct mailgun *mailgun = exchange->mailgun;
    struct err wrong = {0};
    switch (recipient_variables_read(&mailgun->variables, mailgun->fields.recipient_variables,
                                     &exchange->arena, &wrong)) {
    case RECIPIENT_VARIABLES_OK:
        break;
    case RECIPIENT_VARIABLES_INVALID:
        field_errors_add(errors, SLICE("recipient-variables"), "%s", wrong.text);
        break;
    case RECIPIENT_VARIABLES_FAILED:
        return no_memory(exchange);
    }
    if (!convert_texts(exchange, errors)) {
        return exchange->err.text[0] != '\0' ? exchange_refuse(exchange, PROBLEM_INTERNAL)
                                             : no_memory(exchange);
    }
    switch (read_recipients(exchange, errors)) {
    case SUBMISSION_OK:
        return true;
    case SUBMISSION_TOO_MANY:
        return exchange_refuse(exchange, PROBLEM_TOO_MANY_RECIPIENTS);
    case SUBMISSION_FAILED:
        break;
    }
    return exchange_refuse(exchange, PROBLEM_INTERNAL);
}

bool mailgun_batch_check(struct exchange *exchange)
{
    const struct recipients *all = &exchange->submission.recipients;
    bool good = all->count > 0;
    if (!good) { /* an empty group */
        err_set(&exchange->err, "The mail has no recipient; give at least one address in to");
        (void)exchange_refuse(exchange, PROBLEM_MISSING_FIELD);
    }
    for (size_t i = 0; i < all->count && good; i++) {
        struct personal one;
        personal_init(&one, exchange);
        good = personal_make(&one, all, i);
        personal_free(&one);
    }
    return good;
}

/* --- the deliveries --- */

static bool deliver_one(struct exchange *exchange, const struct recipients *all, size_t index)
{
    struct submission *submission = &exchange->submission;
    struct personal one;
    personal_init(&one, exchange);
    bool good = personal_make(&one, all, index);
    if (good) {
        submission->return_path = one.submission.return_path;
        submission->recipients = one.submission.recipients;
        good = delivery_run(exchange);
        submission->recipients = *all;
        submission->return_path = (struct addr_spec){0}; /* it was the mail's */
    }
    personal_free(&one);
    return good;
}

/* The outcome of several mails. */
struct merging {
    struct smtp_outcome first_failure;
    struct smtp_outcome last_success;
    size_t accepted;
    size_t failed;
    bool unknown; /* the fate of one of them */
};

static void merge(struct merging *merging, const struct smtp_outcome *outcome)
{
    if (outcome->class == SMTP_ACCEPTED) {
        merging->last_success = *outcome;
        merging->accepted++;
        return;
    }
    if (merging->failed++ == 0) {
        merging->first_failure = *outcome;
    }
    merging->unknown = merging->unknown || outcome->state == SMTP_DELIVERY_UNKNOWN;
}

/* Accepted, where one was; the session stays the exchange's. */
static void settle(struct exchange *exchange, const struct merging *merging)
{
    struct smtp_session *session = exchange->outcome.session;
    exchange->outcome = merging->accepted > 0 ? merging->last_success : merging->first_failure;
    exchange->outcome.session = session;
    if (merging->accepted > 0 && merging->failed > 0) {
        exchange->outcome.err = merging->first_failure.err;
    }
    if (merging->accepted == 0 && merging->unknown) {
        exchange->outcome.state = SMTP_DELIVERY_UNKNOWN;
    }
}

/* Those whose turn did not come, or whom no reply was for, are told why. */
static void explain(const struct recipients *all, const struct smtp_outcome *failure)
{
    for (size_t i = 0; i < all->count; i++) {
        struct smtp_recipient *recipient = &all->items[i];
        if (recipient->state != SMTP_DELIVERY_DONE && recipient->reply.code == 0) {
            (void)snprintf(recipient->reply.text, sizeof recipient->reply.text, "%.*s",
                           (int)sizeof recipient->reply.text - 1, failure->err.text);
            err_make_printable(recipient->reply.text, strlen(recipient->reply.text));
        }
    }
}

/* A server that has closed after a refusal, or cannot be talked to, is not asked again for each of the others. */
static bool may_go_on(const struct smtp_outcome *outcome)
{
    return outcome->class == SMTP_ACCEPTED || outcome->session != NULL;
}

bool mailgun_batch_deliver(struct exchange *exchange)
{
    const struct recipients all = exchange->submission.recipients;
    struct merging merging = {0};
    bool go_on = true;
    for (size_t i = 0; i < all.count && go_on; i++) {
        if (!deliver_one(exchange, &all, i)) {
            exchange->outcome.class = SMTP_LOCAL_FAILURE;
            exchange->outcome.state = SMTP_DELIVERY_NONE;
            exchange->outcome.reply = (struct smtp_reply_view){0};
            exchange->outcome.err = exchange->err;
            go_on = false;
        }
        merge(&merging, &exchange->outcome);
        go_on = go_on && may_go_on(&exchange->outcome);
    }
    settle(exchange, &merging);
    explain(&all, &merging.first_failure);
    return true;
}
