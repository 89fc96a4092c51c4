/*
 * A request's value wins over a default, a whole field at a time. Addresses are parsed here and nowhere else
 * after.
 */
#include "app/submission.h"

#include <stdint.h>
#include <time.h>

#include "app/dsn.h"

static enum submission_result no_memory(struct submission_reading *r)
{
    err_set(r->err, "There is no memory left for the message's fields");
    return SUBMISSION_FAILED;
}

static void blame(struct err *err, const struct form_field *source)
{
    char label[FORM_LABEL_MAX];
    struct slice name = form_field_label(source, label);
    err_set_field(err, name.data, name.len);
}

enum submission_result submission_read_addresses(struct submission_reading *r, enum send_field field,
                                                 struct address_list *list)
{
    size_t max = (size_t)r->config->limits.recipients;
    for (size_t i = 0; i < r->fields->count; i++) {
        const struct send_value *value = &r->fields->values[i];
        if (value->field != field) {
            continue;
        }
        struct err wrong = {0};
        switch (address_parse(list, value->text, max, r->arena, &wrong)) {
        case ADDRESS_OK:
            break;
        case ADDRESS_INVALID:
            field_errors_blame(r->errors, value->source, "%s", wrong.text);
            break;
        case ADDRESS_TOO_MANY:
            blame(r->err, value->source);
            err_set(r->err, "%s has more than %zu addresses; send to fewer at once, in several requests",
                    send_field_name(field), max);
            return SUBMISSION_TOO_MANY;
        case ADDRESS_NO_MEMORY:
            return no_memory(r);
        }
    }
    return SUBMISSION_OK;
}

static bool is_given(const struct submission_reading *r, enum send_field field)
{
    for (size_t i = 0; i < r->fields->count; i++) {
        if (r->fields->values[i].field == field) {
            return true;
        }
    }
    return false;
}

static bool gives_recipients(const struct submission_reading *r)
{
    return is_given(r, SEND_TO) || is_given(r, SEND_CC) || is_given(r, SEND_BCC) || is_given(r, SEND_RCPT);
}

/* to, cc and bcc of the request, or the defaults when it gives none of the four recipient fields. */
static enum submission_result read_recipient_fields(struct submission_reading *r, struct address_list *bcc,
                                                    struct address_list *rcpt)
{
    struct message *message = &r->submission->message;
    if (!gives_recipients(r)) {
        message->to = r->defaults->to;
        message->cc = r->defaults->cc;
        *bcc = r->defaults->bcc;
        return SUBMISSION_OK;
    }
    enum submission_result result = submission_read_addresses(r, SEND_TO, &message->to);
    result = result == SUBMISSION_OK ? submission_read_addresses(r, SEND_CC, &message->cc) : result;
    result = result == SUBMISSION_OK ? submission_read_addresses(r, SEND_BCC, bcc) : result;
    return result == SUBMISSION_OK ? submission_read_addresses(r, SEND_RCPT, rcpt) : result;
}

enum submission_result submission_collect_recipients(struct submission_reading *r,
                                                     const struct recipients_source *sources, size_t count,
                                                     bool limited)
{
    struct recipients *recipients = &r->submission->recipients;
    size_t max = limited ? (size_t)r->config->limits.recipients : SIZE_MAX;
    switch (recipients_collect(recipients, sources, count, max, r->arena)) {
    case RECIPIENTS_OK:
        return SUBMISSION_OK;
    case RECIPIENTS_TOO_MANY:
        err_set(
            r->err,
            "The mail has %zu recipients, more than the %zu that are allowed; send it in several requests",
            recipients->count, max);
        return SUBMISSION_TOO_MANY;
    case RECIPIENTS_NO_MEMORY:
        break;
    }
    return no_memory(r);
}

/* to, cc and bcc are the envelope, unless rcpt replaces it. */
static enum submission_result read_envelope(struct submission_reading *r)
{
    struct submission *s = r->submission;
    struct address_list bcc = {0};
    struct address_list rcpt = {0};
    enum submission_result result = read_recipient_fields(r, &bcc, &rcpt);
    if (result != SUBMISSION_OK) {
        return result;
    }
    bool replaced = is_given(r, SEND_RCPT);
    if (replaced && is_given(r, SEND_BCC)) {
        field_errors_add(r->errors, SLICE("bcc"),
                         "rcpt replaces the envelope's recipients, so bcc has no meaning "
                         "beside it; put its addresses into rcpt");
    }
    const struct recipients_source shown[] = {{&s->message.to, "to"}, {&s->message.cc, "cc"}, {&bcc, "bcc"}};
    const struct recipients_source instead[] = {{&rcpt, "rcpt"}};
    /* The operator's own defaults are not limited. */
    return submission_collect_recipients(r, replaced ? instead : shown, replaced ? 1 : 3,
                                         gives_recipients(r));
}

enum submission_result submission_read_sender(struct submission_reading *r)
{
    struct submission *s = r->submission;
    const struct send_value *given = r->fields->single[SEND_SENDER];
    struct mailbox sender = {0};
    bool known = true;
    if (given != NULL) {
        struct err wrong = {0};
        enum address_result result = address_parse_one(&sender, given->text, true, r->arena, &wrong);
        if (result == ADDRESS_NO_MEMORY) {
            return no_memory(r);
        }
        if (result != ADDRESS_OK) {
            field_errors_add(r->errors, SLICE("sender"), "%s", wrong.text);
        }
    } else if (r->defaults->has_sender) {
        sender = r->defaults->sender;
    } else {
        known = false;
    }
    if (known) {
        s->return_path = sender.address;
    } else if (s->message.sender.count > 0) {
        s->return_path = s->message.sender.mailboxes[0].address;
    } else if (s->message.from.count > 0) {
        s->return_path = s->message.from.mailboxes[0].address;
    }
    if (known && sender.address.text.len > 0) {
        struct mailbox *mailbox = arena_alloc(r->arena, sizeof *mailbox);
        if (mailbox == NULL) {
            return no_memory(r);
        }
        *mailbox = sender;
        s->message.sender = (struct address_list){.mailboxes = mailbox, .count = 1, .cap = 1};
    }
    return SUBMISSION_OK;
}

static enum submission_result read_people(struct submission_reading *r)
{
    struct message *message = &r->submission->message;
    enum submission_result result = SUBMISSION_OK;
    if (r->fields->single[SEND_FROM] != NULL) {
        result = submission_read_addresses(r, SEND_FROM, &message->from);
    } else {
        message->from = r->defaults->from;
    }
    if (result == SUBMISSION_OK && is_given(r, SEND_REPLY_TO)) {
        result = submission_read_addresses(r, SEND_REPLY_TO, &message->reply_to);
    } else if (result == SUBMISSION_OK) {
        message->reply_to = r->defaults->reply_to;
    }
    result = result == SUBMISSION_OK ? submission_read_sender(r) : result;
    return result == SUBMISSION_OK ? read_envelope(r) : result;
}

static struct slice single(const struct submission_reading *r, enum send_field field)
{
    const struct send_value *value = r->fields->single[field];
    return value != NULL ? value->text : (struct slice){0};
}

static bool header_is_given(const struct message *message, struct slice name, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_nocase(message->headers[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* The request's own headers, then those of the defaults whose names the request does not use. */
static enum submission_result read_headers(struct submission_reading *r)
{
    struct message *message = &r->submission->message;
    const struct config_pairs *defaults = &r->config->defaults.headers;
    message->headers =
        arena_array(r->arena, r->fields->count + defaults->count + 1, sizeof *message->headers);
    if (message->headers == NULL) {
        return no_memory(r);
    }
    for (size_t i = 0; i < r->fields->count; i++) {
        const struct send_value *value = &r->fields->values[i];
        if (value->field != SEND_HEADER) {
            continue;
        }
        struct slice name = {value->source->name.data + 2, value->source->name.len - 2};
        struct err wrong = {0};
        if (!compose_header_name_allowed(name, &wrong)) {
            field_errors_blame(r->errors, value->source, "%s", wrong.text);
            continue;
        }
        message->headers[message->header_count++] = (struct message_header){name, value->text};
    }
    size_t given = message->header_count;
    for (size_t i = 0; i < defaults->count; i++) {
        struct slice name = slice_of(defaults->items[i].name);
        if (!header_is_given(message, name, given)) {
            message->headers[message->header_count++] =
                (struct message_header){name, slice_of(defaults->items[i].value)};
        }
    }
    return SUBMISSION_OK;
}

static struct message_part part_of(const struct submission_reading *r, const struct send_value *value)
{
    struct form_field *source = value->source;
    bool is_text = value->field != SEND_ATTACHMENT && value->field != SEND_INLINE;
    struct slice charset = source->charset.len > 0 || !is_text ? source->charset : r->fields->charset;
    return (struct message_part){
        .field = send_field_name(value->field),
        .content = &source->content,
        .type = source->type,
        .file_name = source->file_name,
        .charset = charset,
    };
}

static enum submission_result read_files(struct submission_reading *r, enum send_field field,
                                         struct message_part **files, size_t *count)
{
    *files = arena_array(r->arena, r->fields->count + 1, sizeof **files);
    if (*files == NULL) {
        return no_memory(r);
    }
    for (size_t i = 0; i < r->fields->count; i++) {
        if (r->fields->values[i].field == field) {
            (*files)[(*count)++] = part_of(r, &r->fields->values[i]);
        }
    }
    return SUBMISSION_OK;
}

static enum submission_result read_bodies(struct submission_reading *r)
{
    struct message *message = &r->submission->message;
    const struct send_value *text = r->fields->single[SEND_TEXT];
    text = text != NULL ? text : r->fields->single[SEND_BODY];
    if (text != NULL) {
        message->text = part_of(r, text);
    }
    if (r->fields->single[SEND_HTML] != NULL) {
        message->html = part_of(r, r->fields->single[SEND_HTML]);
    }
    enum submission_result result =
        read_files(r, SEND_ATTACHMENT, &message->attachments, &message->attachment_count);
    return result == SUBMISSION_OK ? read_files(r, SEND_INLINE, &message->inlines, &message->inline_count)
                                   : result;
}

void submission_read_dry_run(struct submission_reading *r)
{
    struct submission *s = r->submission;
    struct slice dry_run = single(r, SEND_DRY_RUN);
    s->dry_run = slice_equal(dry_run, SLICE("1")) || slice_equal(dry_run, SLICE("true"));
    bool not_dry = slice_equal(dry_run, SLICE("0")) || slice_equal(dry_run, SLICE("false"));
    if (dry_run.len > 0 && !s->dry_run && !not_dry) {
        field_errors_add(r->errors, SLICE("dry_run"),
                         "dry_run is \"%.*s\"; give 1 for a trial, 0 or nothing for a mail",
                         SLICE_ARGS(dry_run));
    }
}

static void read_singles(struct submission_reading *r)
{
    struct submission *s = r->submission;
    s->message.subject = single(r, SEND_SUBJECT);
    if (s->message.subject.len == 0) {
        s->message.subject = slice_of(r->config->defaults.subject);
    }
    s->message.message_id = single(r, SEND_MESSAGE_ID);
    s->message.in_reply_to = single(r, SEND_IN_REPLY_TO);
    s->message.references = single(r, SEND_REFERENCES);
    s->message.date = single(r, SEND_DATE);
    s->message.now = time(NULL);
    submission_read_dry_run(r);
}

void submission_read_dsn(struct submission_reading *r)
{
    struct slice notify = single(r, SEND_DSN);
    struct slice ret = single(r, SEND_RET);
    if (notify.len > 0 && !dsn_notify(notify, &r->submission->notify)) {
        field_errors_add(r->errors, SLICE("dsn"),
                         "dsn is \"%.*s\"; give never, or any of success, failure and delay, like "
                         "\"success,failure\"",
                         SLICE_ARGS(notify));
    }
    if (ret.len > 0 && !dsn_ret(ret, &r->submission->ret)) {
        field_errors_add(r->errors, SLICE("ret"), "ret is \"%.*s\"; give full or headers", SLICE_ARGS(ret));
    }
}

/* The fields whose form is checked by compose too, so that they are reported with all others. */
static void check_formats(struct submission_reading *r)
{
    const struct message *message = &r->submission->message;
    if (message->message_id.len > 0 && !compose_message_ids_valid(message->message_id, 1)) {
        field_errors_add(r->errors, SLICE("message_id"),
                         "message_id is not a message id; give one as <left@right>, or none and it is made");
    }
    if (message->in_reply_to.len > 0 && !compose_message_ids_valid(message->in_reply_to, SIZE_MAX)) {
        field_errors_add(
            r->errors, SLICE("in_reply_to"),
            "in_reply_to is not a list of message ids; give them as <left@right>, separated by spaces");
    }
    if (message->references.len > 0 && !compose_message_ids_valid(message->references, SIZE_MAX)) {
        field_errors_add(
            r->errors, SLICE("references"),
            "references is not a list of message ids; give them as <left@right>, separated by spaces");
    }
    if (message->date.len > 0 && !compose_date_valid(message->date)) {
        field_errors_add(
            r->errors, SLICE("date"),
            "date is not a date-time of RFC 5322; give one like \"Fri, 21 Nov 1997 09:55:06 -0600\"");
    }
}

enum submission_result submission_read(struct submission *submission, const struct send_fields *fields,
                                       const struct defaults *defaults, const struct config *config,
                                       struct arena *arena, struct field_errors *errors, struct err *err)
{
    *submission = (struct submission){0};
    struct submission_reading r = {submission, fields, defaults, config, arena, errors, err};
    read_singles(&r);
    submission_read_dsn(&r);
    check_formats(&r);
    enum submission_result result = read_people(&r);
    result = result == SUBMISSION_OK ? read_headers(&r) : result;
    return result == SUBMISSION_OK ? read_bodies(&r) : result;
}

void submission_free(struct submission *submission)
{
    passthrough_free(submission->whole);
    submission->whole = NULL;
}

bool submission_complete(const struct submission *submission, struct err *err)
{
    const struct message *message = &submission->message;
    if (message->from.count == 0) {
        err_set_field(err, "from", 4);
        err_set(err, "The mail has no sender; give from, or set defaults.from in the configuration");
        return false;
    }
    /* RFC 5322 3.6.2: several authors need one Sender. */
    if (message->from.count > 1 && message->sender.count == 0) {
        err_set_field(err, "sender", 6);
        err_set(err, "from has several mailboxes; give the one that sends the mail in sender");
        return false;
    }
    if (submission->recipients.count == 0 && submission->whole != NULL) {
        err_set_field(err, "rcpt", 4);
        err_set(err, "The message has no recipient in To, Cc and Bcc; give the envelope's in rcpt");
        return false;
    }
    if (submission->recipients.count == 0) {
        err_set_field(err, "to", 2);
        err_set(
            err,
            "The mail has no recipient; give to, cc, bcc or rcpt, or set defaults.to in the configuration");
        return false;
    }
    return true;
}
