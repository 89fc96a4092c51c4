/*
 * The message's addresses come from the same parser as a form's, so policy and envelope judge what readers will see.
 * Octets are octets here: the charset that a form or part declares is not a message's.
 */
#include "app/whole_message.h"

#include <time.h>

bool whole_message_given(const struct send_fields *fields)
{
    return fields->single[SEND_MESSAGE] != NULL;
}

/* The envelope, the way it goes, and what has no meaning here. All else would have to be put into the message. */
static bool may_stand_beside(enum send_field field)
{
    switch (field) {
    case SEND_MESSAGE:
    case SEND_SENDER:
    case SEND_RCPT:
    case SEND_DSN:
    case SEND_RET:
    case SEND_SERVER:
    case SEND_PORT:
    case SEND_TLS:
    case SEND_USER:
    case SEND_PASSWORD:
    case SEND_DOMAIN:
    case SEND_DRY_RUN:
    case SEND_CHARSET:
        return true;
    default:
        return false;
    }
}

static void check_fields(struct submission_reading *r)
{
    for (size_t i = 0; i < r->fields->count; i++) {
        const struct send_value *value = &r->fields->values[i];
        bool empty_text = !value->source->is_file && value->source->content.size == 0;
        if (!may_stand_beside(value->field) && !empty_text) {
            field_errors_blame(
                r->errors, value->source,
                "message is a whole message, so %.*s has no meaning beside it; write it into the message",
                SLICE_ARGS(value->source->name));
        }
    }
}

/* What is wrong with the message itself is reported with all others. */
static enum submission_result parse(struct submission_reading *r, struct slice domain)
{
    struct submission *s = r->submission;
    const struct form_field *source = r->fields->single[SEND_MESSAGE]->source;
    const struct passthrough_input input = {
        .content = &source->content,
        .field = send_field_name(SEND_MESSAGE),
        .domain = domain,
        .now = time(NULL),
    };
    struct err wrong = {0};
    switch (passthrough_new(&s->whole, &input, r->arena, &wrong)) {
    case PASSTHROUGH_OK:
        break;
    case PASSTHROUGH_INVALID:
        field_errors_add(r->errors, slice_of(input.field), "%s", wrong.text);
        return SUBMISSION_OK;
    case PASSTHROUGH_FAILED:
        *r->err = wrong;
        return SUBMISSION_FAILED;
    }
    s->message.from = *passthrough_from(s->whole);
    s->message.sender = *passthrough_sender(s->whole);
    s->message.subject = passthrough_subject(s->whole);
    return SUBMISSION_OK;
}

static enum submission_result read_recipients(struct submission_reading *r, struct address_list *list)
{
    size_t max = (size_t)r->config->limits.recipients;
    struct err wrong = {0};
    switch (passthrough_recipients(r->submission->whole, list, max, r->arena, &wrong)) {
    case ADDRESS_OK:
        return SUBMISSION_OK;
    case ADDRESS_INVALID:
        field_errors_add(r->errors, slice_of(wrong.field), "%s", wrong.text);
        return SUBMISSION_OK;
    case ADDRESS_TOO_MANY:
        *r->err = wrong;
        err_set(r->err,
                "The message has more than %zu addresses in To, Cc and Bcc; send it in several requests",
                max);
        return SUBMISSION_TOO_MANY;
    case ADDRESS_NO_MEMORY:
        break;
    }
    *r->err = wrong;
    return SUBMISSION_FAILED;
}

static bool rcpt_given(const struct send_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->values[i].field == SEND_RCPT) {
            return true;
        }
    }
    return false;
}

static enum submission_result read_envelope(struct submission_reading *r)
{
    bool replaced = rcpt_given(r->fields);
    struct address_list list = {0};
    enum submission_result result = SUBMISSION_OK;
    if (replaced) {
        result = submission_read_addresses(r, SEND_RCPT, &list);
    } else if (r->submission->whole != NULL) {
        result = read_recipients(r, &list);
    }
    const struct recipients_source source = {&list, send_field_name(replaced ? SEND_RCPT : SEND_MESSAGE)};
    return result == SUBMISSION_OK ? submission_collect_recipients(r, &source, 1, true) : result;
}

enum submission_result whole_message_read(struct submission_reading *r, struct slice domain)
{
    *r->submission = (struct submission){0};
    submission_read_dry_run(r);
    submission_read_dsn(r);
    check_fields(r);
    enum submission_result result = parse(r, domain);
    result = result == SUBMISSION_OK ? submission_read_sender(r) : result;
    return result == SUBMISSION_OK ? read_envelope(r) : result;
}
