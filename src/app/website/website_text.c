/*
 * A text goes to its blob a piece at a time, so that a large one spills to disk as a large file does.
 */
#include "app/website/website_text.h"

#define INDENT "    " /* of a value with several lines */

/* A text of the mail while it is written. */
struct writing {
    struct website_mail *mail;
    struct message_part *part;
    struct buf pending; /* what is not yet in the blob */
    enum website_mail_result result;
};

static void write_begin(struct writing *writing, struct website_mail *mail, struct message_part *part,
                        const char *field)
{
    *writing = (struct writing){.mail = mail, .part = part, .result = WEBSITE_MAIL_MADE};
    buf_init(&writing->pending, (size_t)mail->config->limits.text);
    *part = (struct message_part){.field = field, .content = arena_alloc(mail->arena, sizeof(struct blob))};
    if (part->content == NULL) {
        err_set(mail->err, "There is no memory left for the mail's %s", field);
        writing->result = WEBSITE_MAIL_FAILED;
    } else {
        blob_begin(part->content, mail->blobs);
    }
}

/* Moves what is pending, which was written whole, into the blob. */
static void write_piece(struct writing *writing, bool whole)
{
    struct website_mail *mail = writing->mail;
    uint64_t most = (uint64_t)mail->config->limits.text;
    if (writing->result != WEBSITE_MAIL_MADE) {
        return;
    }
    if (writing->pending.starved) {
        err_set(mail->err, "There is no memory left for the mail's %s", writing->part->field);
        writing->result = WEBSITE_MAIL_FAILED;
    } else if (!whole || writing->part->content->size + writing->pending.len > most) {
        err_set(
            mail->err,
            "The mail's %s would be over %llu octets; write less, or ask the operator to raise limits.text",
            writing->part->field, (unsigned long long)most);
        writing->result = WEBSITE_MAIL_TOO_LARGE;
    } else if (!blob_append(writing->part->content, writing->pending.data, writing->pending.len, mail->err)) {
        writing->result = WEBSITE_MAIL_FAILED;
    }
    buf_clear(&writing->pending);
}

static enum website_mail_result write_end(struct writing *writing)
{
    buf_free(&writing->pending);
    return writing->result;
}

static enum website_mail_result write_template(struct website_mail *mail, const struct template *template,
                                               enum template_escape escape, struct message_part *part,
                                               const char *field)
{
    const struct form_input *input = mail->input;
    struct writing writing;
    write_begin(&writing, mail, part, field);
    for (size_t i = 0; i < template->count && writing.result == WEBSITE_MAIL_MADE; i++) {
        const struct template one = {.pieces = &template->pieces[i], .count = 1};
        write_piece(&writing, template_fill(&one, input->values, input->count, escape, &writing.pending));
    }
    return write_end(&writing);
}

/* A name may hold line ends, which would make it look like further fields. */
static bool append_name(struct buf *out, struct slice name)
{
    size_t begin = out->len;
    if (!buf_append_slice(out, name)) {
        return false;
    }
    err_make_printable(out->data + begin, name.len);
    return buf_append_char(out, ':');
}

/* Cuts the first line off text, without its end. */
static struct slice next_line(struct slice *text)
{
    size_t len = 0;
    while (len < text->len && text->data[len] != '\r' && text->data[len] != '\n') {
        len++;
    }
    struct slice line = {text->data, len};
    bool pair = len + 1 < text->len && text->data[len] == '\r' && text->data[len + 1] == '\n';
    slice_skip(text, len + (pair ? 2 : len < text->len ? 1 : 0));
    return line;
}

/* "name: value", or the name and behind it the lines of the value, each indented. */
static bool append_field(struct buf *out, const struct template_value *value)
{
    bool one_line = !slice_has(value->text, '\n') && !slice_has(value->text, '\r');
    if (!append_name(out, value->name)) {
        return false;
    }
    if (one_line) {
        return (value->text.len == 0 || buf_append_char(out, ' ')) && buf_append_slice(out, value->text) &&
               buf_append_char(out, '\n');
    }
    bool good = buf_append_char(out, '\n');
    struct slice rest = value->text;
    while (good && rest.len > 0) {
        struct slice line = next_line(&rest);
        good = (line.len == 0 || buf_append_string(out, INDENT)) && buf_append_slice(out, line) &&
               buf_append_char(out, '\n');
    }
    return good;
}

static enum website_mail_result write_fields(struct website_mail *mail, struct message_part *part)
{
    const struct form_input *input = mail->input;
    struct writing writing;
    write_begin(&writing, mail, part, "text");
    for (size_t i = 0; i < input->count && writing.result == WEBSITE_MAIL_MADE; i++) {
        const struct template_value *value = &input->values[i];
        if (form_control_of(mail->form->config, value->name) == FORM_CONTROL_NONE) {
            write_piece(&writing, append_field(&writing.pending, value));
        }
    }
    return write_end(&writing);
}

enum website_mail_result website_text_make(struct website_mail *mail)
{
    const struct website_form *form = mail->form;
    struct message *message = &mail->submission->message;
    enum website_mail_result result =
        form->text.count > 0 ? write_template(mail, &form->text, TEMPLATE_PLAIN, &message->text, "text")
                             : write_fields(mail, &message->text);
    if (result != WEBSITE_MAIL_MADE || form->html.count == 0) {
        return result;
    }
    return write_template(mail, &form->html, TEMPLATE_HTML, &message->html, "html");
}
