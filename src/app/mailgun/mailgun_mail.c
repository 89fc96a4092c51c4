/*
 * All that /send has too is read by the same functions; here is what comes to it.
 */
#include "app/mailgun/mailgun_mail.h"

#include "app/mailgun/mailgun_variables.h"
#include "app/whole_message.h"

#define VARIABLES_MAX ((size_t)1024 * 1024) /* octets of the field X-Mailgun-Variables */

static enum submission_result no_memory(struct submission_reading *r)
{
    err_set(r->err, "There is no memory left for the message's fields");
    return SUBMISSION_FAILED;
}

/* h:Sender is shown, and is the return path unless the configuration has another one. */
static enum submission_result read_sender(struct submission_reading *r, const struct send_value *value)
{
    struct submission *s = r->submission;
    struct mailbox *mailbox = arena_alloc(r->arena, sizeof *mailbox);
    struct err wrong = {0};
    enum address_result result = mailbox != NULL
                                     ? address_parse_one(mailbox, value->text, false, r->arena, &wrong)
                                     : ADDRESS_NO_MEMORY;
    if (result == ADDRESS_NO_MEMORY) {
        return no_memory(r);
    }
    if (result != ADDRESS_OK) {
        field_errors_blame(r->errors, value->source, "%s", wrong.text);
        return SUBMISSION_OK;
    }
    s->message.sender = (struct address_list){.mailboxes = mailbox, .count = 1, .cap = 1};
    s->message.sender_shown = true;
    if (!r->defaults->has_sender) {
        s->return_path = mailbox->address;
    }
    return SUBMISSION_OK;
}

static void name_files(struct message_part *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (files[i].file_name.len == 0) {
            files[i].file_name = SLICE("attachment");
        }
    }
}

/* Gives the octets of X-Mailgun-Variables; empty: no memory, or an error was added. */
static enum submission_result write_variables(struct submission_reading *r,
                                              const struct mailgun_fields *fields, struct buf *out)
{
    struct mailgun_variables variables;
    enum mailgun_variables_result result = mailgun_variables_begin(&variables, out);
    for (size_t i = 0; i < fields->variable_count && result == MAILGUN_VARIABLES_OK; i++) {
        const struct mailgun_variable *variable = &fields->variables[i];
        result = mailgun_variables_add(&variables, variable->key, variable->value);
        if (result == MAILGUN_VARIABLES_TOO_LONG) {
            field_errors_blame(
                r->errors, variable->source,
                "%.*s has a word of more than %zu octets, which no header field can hold; give a "
                "shorter one",
                SLICE_ARGS(variable->source->name), MAILGUN_VARIABLE_WORD_MAX);
            return SUBMISSION_OK;
        }
    }
    result = result == MAILGUN_VARIABLES_OK ? mailgun_variables_end(&variables) : result;
    return result == MAILGUN_VARIABLES_OK ? SUBMISSION_OK : no_memory(r);
}

static enum submission_result add_variables(struct submission_reading *r, const struct mailgun_fields *fields)
{
    struct message *message = &r->submission->message;
    struct buf text;
    if (fields->variable_count == 0) {
        return SUBMISSION_OK;
    }
    buf_init(&text, VARIABLES_MAX);
    enum submission_result result = write_variables(r, fields, &text);
    const char *copy = result == SUBMISSION_OK ? arena_copy(r->arena, buf_slice(&text)) : "";
    struct slice value = {copy, text.len};
    buf_free(&text);
    if (copy == NULL) {
        return no_memory(r);
    }
    message->headers[message->header_count++] = (struct message_header){SLICE("X-Mailgun-Variables"), value};
    return result;
}

/* Behind those that are given: what v: and o:tag become. */
static enum submission_result add_headers(struct submission_reading *r, const struct mailgun_fields *fields)
{
    struct message *message = &r->submission->message;
    struct message_header *headers =
        arena_array(r->arena, message->header_count + fields->tag_count + 1, sizeof *headers);
    if (headers == NULL) {
        return no_memory(r);
    }
    if (message->header_count > 0) {
        memcpy(headers, message->headers, message->header_count * sizeof *headers);
    }
    message->headers = headers;
    for (size_t i = 0; i < fields->tag_count; i++) {
        headers[message->header_count++] =
            (struct message_header){SLICE("X-Mailgun-Tag"), fields->tags[i]->text};
    }
    return add_variables(r, fields);
}

enum submission_result mailgun_mail_read(struct submission_reading *r, const struct mailgun_fields *fields,
                                         struct slice domain)
{
    struct submission *s = r->submission;
    r->fields = &fields->send;
    if (fields->call == MAILGUN_MIME) {
        enum submission_result result = whole_message_read(r, domain);
        s->dry_run = fields->test_mode;
        return result;
    }
    enum submission_result result =
        submission_read(s, &fields->send, r->defaults, r->config, r->arena, r->errors, r->err);
    if (result == SUBMISSION_OK && fields->sender != NULL) {
        result = read_sender(r, fields->sender);
    }
    if (fields->amp != NULL) {
        s->message.amp = (struct message_part){
            .field = "amp-html", .content = &fields->amp->content, .charset = fields->amp->charset};
    }
    name_files(s->message.attachments, s->message.attachment_count);
    name_files(s->message.inlines, s->message.inline_count);
    s->dry_run = fields->test_mode;
    return result == SUBMISSION_OK ? add_headers(r, fields) : result;
}

bool mailgun_mail_complete(const struct submission *submission, struct err *err)
{
    const struct message *message = &submission->message;
    if (message->from.count > 1 && message->sender.count == 0) {
        err_set_field(err, "h:Sender", strlen("h:Sender"));
        err_set(err, "from has several mailboxes; give the one that sends the mail in h:Sender");
        return false;
    }
    if (submission->recipients.count == 0) { /* an empty group */
        err_set_field(err, "to", 2);
        err_set(err, "The mail has no recipient; give at least one address in to");
        return false;
    }
    return submission_complete(submission, err);
}
