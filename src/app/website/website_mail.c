/*
 * What a visitor wrote can get into the subject, into Reply-To, into the texts and into the files: never into the
 * envelope, and into a header field only as one line.
 */
#include "app/website/website_mail.h"

#include <stdint.h>
#include <time.h>

#include "app/website/website_text.h"

#define OCTET_STREAM "application/octet-stream"

static enum website_mail_result no_memory(struct website_mail *mail)
{
    err_set(mail->err, "There is no memory left for the message");
    return WEBSITE_MAIL_FAILED;
}

static bool one_mailbox(struct website_mail *mail, const struct mailbox *mailbox, struct address_list *list)
{
    struct mailbox *copy = arena_alloc(mail->arena, sizeof *copy);
    if (copy == NULL) {
        return false;
    }
    *copy = *mailbox;
    *list = (struct address_list){.mailboxes = copy, .count = 1, .cap = 1};
    return true;
}

enum website_mail_result website_mail_address(struct website_mail *mail)
{
    const struct website_form *form = mail->form;
    const struct defaults *defaults = mail->defaults;
    struct submission *submission = mail->submission;
    struct message *message = &submission->message;
    message->now = time(NULL);
    message->from = form->from.count > 0 ? form->from : defaults->from; /* checked: there is one */
    message->to = form->to;
    message->cc = form->cc;
    const struct mailbox *sender = defaults->has_sender ? &defaults->sender : &message->from.mailboxes[0];
    submission->return_path = sender->address;
    /* RFC 5322 3.6.2: several authors need one Sender. The null path names nobody. */
    const struct mailbox *named = sender->address.text.len > 0 ? sender : &message->from.mailboxes[0];
    const struct recipients_source sources[] = {{&form->to, "to"}, {&form->cc, "cc"}, {&form->bcc, "bcc"}};
    bool good =
        one_mailbox(mail, named, &message->sender) &&
        recipients_collect(&submission->recipients, sources, 3, SIZE_MAX, mail->arena) == RECIPIENTS_OK;
    return good ? WEBSITE_MAIL_MADE : no_memory(mail);
}

static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.data[i] < 0x20 && text.data[i] != '\t') {
            return true;
        }
    }
    return false;
}

/* Whether the value may stand in a header field. */
static bool is_line(struct website_mail *mail, const struct template_value *value)
{
    if (!has_control(value->text)) {
        return true;
    }
    form_input_wrong(mail->input, value->name, "Please write this in one line.");
    return false;
}

static bool are_lines(struct website_mail *mail, const struct template *template)
{
    bool good = true;
    for (size_t i = 0; i < mail->input->count; i++) {
        const struct template_value *value = &mail->input->values[i];
        good = (!template_uses(template, value->name) || is_line(mail, value)) && good;
    }
    return good;
}

/* The value that a template uses and that is the longest: who is to blame when all of it is too long. */
static struct slice longest(const struct form_input *input, const struct template *template)
{
    const struct template_value *found = NULL;
    for (size_t i = 0; i < input->count; i++) {
        const struct template_value *value = &input->values[i];
        if (template_uses(template, value->name) && (found == NULL || value->text.len > found->text.len)) {
            found = value;
        }
    }
    return found != NULL ? found->name : (struct slice){0};
}

/* A header template with its values, in arena; empty when a problem was found. False without memory. */
static bool fill_line(struct website_mail *mail, const struct template *template, struct slice *line)
{
    *line = (struct slice){0};
    if (!are_lines(mail, template)) {
        return true;
    }
    struct buf out;
    buf_init(&out, (size_t)mail->config->limits.header_value);
    const struct form_input *input = mail->input;
    if (!template_fill(template, input->values, input->count, TEMPLATE_PLAIN, &out)) {
        bool starved = out.starved;
        buf_free(&out);
        if (!starved) {
            form_input_wrong(mail->input, longest(input, template), "This is too long.");
        }
        return !starved;
    }
    const char *copy = arena_copy(mail->arena, buf_slice(&out));
    *line = (struct slice){copy, out.len};
    buf_free(&out);
    return copy != NULL;
}

static bool make_subject(struct website_mail *mail)
{
    struct slice *subject = &mail->submission->message.subject;
    const struct template_value *given = mail->input->subject;
    if (given != NULL) {
        *subject = is_line(mail, given) ? given->text : (struct slice){0};
        if (subject->len > (size_t)mail->config->limits.header_value) {
            form_input_wrong(mail->input, given->name, "This is too long.");
        }
        return true;
    }
    if (!fill_line(mail, &mail->form->subject, subject)) {
        return false;
    }
    if (subject->len == 0) {
        const char *usual = mail->config->defaults.subject;
        *subject = slice_of(usual != NULL ? usual : mail->form->config->name);
    }
    return true;
}

/* The text as Reply-To. Text that is no address is the fault of the field that is to blame; NULL: nobody's. */
static bool set_reply_to(struct website_mail *mail, struct slice text, const struct slice *blamed)
{
    struct err err = {0};
    struct mailbox mailbox;
    switch (address_parse_one(&mailbox, text, false, mail->arena, &err)) {
    case ADDRESS_OK:
        return one_mailbox(mail, &mailbox, &mail->submission->message.reply_to);
    case ADDRESS_NO_MEMORY:
        return false;
    default:
        if (blamed != NULL) {
            form_input_wrong(mail->input, *blamed, "%s.", err.text);
        }
        return true;
    }
}

/* The text of the last field of that name that has one; empty: there is none. */
static struct slice value_of(const struct form_input *input, struct slice name)
{
    struct slice text = {0};
    for (size_t i = 0; i < input->count; i++) {
        if (slice_equal(input->values[i].name, name) && !form_input_is_blank(input->values[i].text)) {
            text = input->values[i].text;
        }
    }
    return text;
}

/* The last field that a template names, which in "Name <address>" is the address; NULL when one of them is empty, for then
 * it is no wonder that there is no address. */
static const struct slice *blamed_for(const struct form_input *input, const struct template *template)
{
    const struct slice *last = NULL;
    for (size_t i = 0; i < template->count; i++) {
        const struct slice *name = &template->pieces[i].name;
        if (name->len > 0 && value_of(input, *name).len == 0) {
            return NULL;
        }
        last = name->len > 0 ? name : last;
    }
    return last;
}

/* The control field, else what the form's template gives, else a field `email` that is one address. */
static bool make_reply_to(struct website_mail *mail)
{
    const struct template_value *given = mail->input->reply_to;
    const struct template *template = &mail->form->reply_to;
    struct address_list *reply_to = &mail->submission->message.reply_to;
    size_t before = mail->input->problem_count;
    if (given != NULL) {
        return !is_line(mail, given) || set_reply_to(mail, given->text, &given->name);
    }
    struct slice line;
    if (!fill_line(mail, template, &line)) {
        return false;
    }
    if (!form_input_is_blank(line) && !set_reply_to(mail, line, blamed_for(mail->input, template))) {
        return false;
    }
    bool settled = reply_to->count > 0 || mail->input->problem_count > before;
    struct slice email = value_of(mail->input, SLICE("email"));
    if (!settled && email.len > 0 && !set_reply_to(mail, email, NULL)) {
        return false;
    }
    if (reply_to->count == 0) {
        *reply_to = mail->defaults->reply_to;
    }
    return true;
}

/* A file goes out as what it was allowed as. */
static bool add_file(struct website_mail *mail, struct form_field *file)
{
    struct message *message = &mail->submission->message;
    bool declared = form_input_file_type(file).data == file->type.data;
    const char *field = arena_copy(mail->arena, file->name);
    message->attachments[message->attachment_count++] = (struct message_part){
        .field = field,
        .content = &file->content,
        .type = declared ? file->type : SLICE(OCTET_STREAM),
        .file_name = file->file_name,
    };
    return field != NULL;
}

static bool make_attachments(struct website_mail *mail)
{
    struct message *message = &mail->submission->message;
    message->attachments =
        arena_array(mail->arena, mail->input->file_count + 1, sizeof *message->attachments);
    bool good = message->attachments != NULL;
    for (size_t i = 0; good && i < mail->input->file_count; i++) {
        good = add_file(mail, mail->input->files[i]);
    }
    return good;
}

static bool make_headers(struct website_mail *mail)
{
    const struct config_pairs *given = &mail->config->defaults.headers;
    struct message *message = &mail->submission->message;
    message->headers = arena_array(mail->arena, given->count + 1, sizeof *message->headers);
    for (size_t i = 0; message->headers != NULL && i < given->count; i++) {
        message->headers[message->header_count++] =
            (struct message_header){slice_of(given->items[i].name), slice_of(given->items[i].value)};
    }
    return message->headers != NULL;
}

enum website_mail_result website_mail_make(struct website_mail *mail)
{
    enum website_mail_result result = website_mail_address(mail);
    if (result != WEBSITE_MAIL_MADE) {
        return result;
    }
    if (!make_subject(mail) || !make_reply_to(mail) || !make_attachments(mail) || !make_headers(mail)) {
        return no_memory(mail);
    }
    return website_text_make(mail);
}
