/*
 * The call's fields with other values in the places of %recipient.KEY%, read and composed as any mail is. So all checks,
 * policy included, hold for what is really sent.
 */
#include "app/mailgun/mailgun_personal.h"

#include <stddef.h>

#include "app/mailgun/mailgun_mail.h"
#include "app/send.h"

static bool no_memory(struct exchange *exchange)
{
    err_set(&exchange->err, "There is no memory left for the mails");
    return exchange_refuse(exchange, PROBLEM_INTERNAL);
}

enum replaced {
    REPLACED,
    REPLACED_TOO_LONG,
    REPLACED_FAILED /* memory, or the spill file: exchange->err says so */
};

static bool into_buf(void *ctx, struct slice piece)
{
    return buf_append_slice(ctx, piece);
}

/* A value of a header field. */
static enum replaced replace_value(struct personal *one, struct slice *text)
{
    struct buf out;
    size_t most = (size_t)one->exchange->snapshot->config->limits.header_value;
    if (!recipient_variables_used(*text)) {
        return REPLACED;
    }
    buf_init(&out, most);
    bool good = recipient_variables_replace(*text, one->values, into_buf, &out);
    bool too_long = !good && !out.starved;
    const char *copy = good ? arena_copy(&one->arena, buf_slice(&out)) : NULL;
    *text = (struct slice){copy, out.len};
    buf_free(&out);
    return copy != NULL ? REPLACED : too_long ? REPLACED_TOO_LONG : REPLACED_FAILED;
}

/* A text that grows in a blob. */
struct growing {
    struct blob *blob;
    uint64_t most;
    bool too_long;
    struct err *err;
};

static bool into_blob(void *ctx, struct slice piece)
{
    struct growing *growing = ctx;
    growing->too_long = growing->blob->size + piece.len > growing->most;
    return !growing->too_long && blob_append(growing->blob, piece.data, piece.len, growing->err);
}

static enum replaced replace_text(struct personal *one, struct form_field **source)
{
    struct exchange *exchange = one->exchange;
    struct slice text;
    if (!blob_view(&(*source)->content, &text, &exchange->err)) {
        return REPLACED_FAILED;
    }
    if (!recipient_variables_used(text)) {
        return REPLACED;
    }
    struct form_field *copy = arena_alloc(&one->arena, sizeof *copy);
    if (copy == NULL) {
        return REPLACED_FAILED;
    }
    *copy =
        (struct form_field){.name = (*source)->name, .is_file = (*source)->is_file, .type = (*source)->type};
    struct growing growing = {.blob = &copy->content,
                              .most = (uint64_t)exchange->snapshot->config->limits.text,
                              .err = &exchange->err};
    blob_begin(&copy->content, &one->blobs);
    bool good = recipient_variables_replace(text, one->values, into_blob, &growing);
    *source = copy;
    return good ? REPLACED : growing.too_long ? REPLACED_TOO_LONG : REPLACED_FAILED;
}

static bool is_header(const struct send_value *value)
{
    struct slice name = value->source->name;
    return value->field == SEND_SUBJECT || (name.len > 2 && memcmp(name.data, "h:", 2) == 0);
}

static enum replaced replace_in(struct personal *one, struct send_value *value)
{
    if (is_header(value)) {
        return replace_value(one, &value->text);
    }
    bool is_text = value->field == SEND_TEXT || value->field == SEND_HTML;
    return is_text ? replace_text(one, &value->source) : REPLACED;
}

/* Where other is in the copy of the values. */
static struct send_value *moved(const struct send_fields *from, struct send_value *to,
                                const struct send_value *other)
{
    return other != NULL ? &to[other - from->values] : NULL;
}

/* The fields' own copy of all that can differ. Its recipient is set later. */
static bool copy_fields(struct personal *one, const struct mailgun_fields *all)
{
    const struct send_fields *from = &all->send;
    struct send_value *values = arena_array(&one->arena, from->count + 1, sizeof *values);
    one->fields = *all;
    one->fields.variables = arena_array(&one->arena, all->variable_count + 1, sizeof *one->fields.variables);
    if (values == NULL || one->fields.variables == NULL) {
        return false;
    }
    for (size_t i = 0; i < from->count; i++) {
        values[i] = from->values[i];
        values[i].field = values[i].field == SEND_TO ? SEND_UNKNOWN : values[i].field;
    }
    for (size_t i = 0; i < all->variable_count; i++) {
        one->fields.variables[i] = all->variables[i];
    }
    one->fields.send.values = values;
    for (size_t i = 0; i < SEND_FIELD_COUNT; i++) {
        one->fields.send.single[i] = moved(from, values, from->single[i]);
    }
    one->fields.sender = moved(from, values, all->sender);
    one->fields.send.single[SEND_TO] = NULL;
    return true;
}

/* Replaces in all of them; *name is the field where that ended. */
static enum replaced replace_all(struct personal *one, struct slice *name)
{
    struct mailgun_fields *fields = &one->fields;
    enum replaced result = REPLACED;
    for (size_t i = 0; i < fields->send.count && result == REPLACED; i++) {
        *name = fields->send.values[i].source->name;
        result = replace_in(one, &fields->send.values[i]);
    }
    for (size_t i = 0; i < fields->variable_count && result == REPLACED; i++) {
        *name = fields->variables[i].source->name;
        result = replace_value(one, &fields->variables[i].value);
    }
    if (fields->amp != NULL && result == REPLACED) {
        *name = SLICE("amp-html");
        result = replace_text(one, &fields->amp);
    }
    return result;
}

static bool fill(struct personal *one)
{
    struct exchange *exchange = one->exchange;
    struct slice name = {0};
    if (!copy_fields(one, &exchange->mailgun->fields)) {
        return no_memory(exchange);
    }
    switch (replace_all(one, &name)) {
    case REPLACED:
        return true;
    case REPLACED_TOO_LONG:
        err_set_field(&exchange->err, name.data, name.len);
        err_set(&exchange->err, "%.*s is over its limit with its variables in place; make it or them shorter",
                SLICE_ARGS(name));
        return exchange_refuse(exchange, PROBLEM_REQUEST_TOO_LARGE);
    case REPLACED_FAILED:
        break;
    }
    return exchange->err.text[0] != '\0' ? exchange_refuse(exchange, PROBLEM_INTERNAL) : no_memory(exchange);
}

/* --- one mail: reading and composing it --- */

static const struct mailbox *mailbox_of(const struct addr_spec *address)
{
    return (const struct mailbox *)(const void *)((const char *)address - offsetof(struct mailbox, address));
}

/* To is this recipient alone, and so is the envelope. */
static bool address_to(struct personal *one, const struct recipients *all, size_t index)
{
    struct message *message = &one->submission.message;
    struct mailbox *mailbox = arena_alloc(&one->arena, sizeof *mailbox);
    if (mailbox == NULL) {
        return no_memory(one->exchange);
    }
    *mailbox = *mailbox_of(all->items[index].address);
    message->to = (struct address_list){.mailboxes = mailbox, .count = 1, .cap = 1};
    message->cc = (struct address_list){0};
    one->submission.recipients = (struct recipients){&all->items[index], &all->fields[index], 1};
    return true;
}

static bool read_mail(struct personal *one)
{
    struct exchange *exchange = one->exchange;
    struct mailgun *mailgun = exchange->mailgun;
    struct field_errors errors = {0};
    struct submission_reading reading = {
        .submission = &one->submission,
        .defaults = &exchange->snapshot->defaults,
        .config = exchange->snapshot->config,
        .arena = &one->arena,
        .errors = &errors,
        .err = &exchange->err,
    };
    enum submission_result read = mailgun_mail_read(&reading, &one->fields, mailgun->domain);
    bool good = send_check_reading(exchange, read, &errors);
    field_errors_free(&errors);
    return good;
}

/* The first mail's Message-ID is that of all, as it is at Mailgun's: it is what the client gets to know. */
static bool keep_id(struct exchange *exchange)
{
    struct mailgun *mailgun = exchange->mailgun;
    if (mailgun->id.data == NULL) {
        struct slice id = exchange->outgoing.message_id;
        mailgun->id = (struct slice){arena_copy(&exchange->arena, id), id.len};
    }
    return mailgun->id.data != NULL || no_memory(exchange);
}

bool personal_make(struct personal *one, const struct recipients *all, size_t index)
{
    struct exchange *exchange = one->exchange;
    struct mailgun *mailgun = exchange->mailgun;
    one->values = recipient_variables_find(&mailgun->variables, all->items[index].address);
    if (!fill(one) || !read_mail(one) || !address_to(one, all, index)) {
        return false;
    }
    struct message *message = &one->submission.message;
    if (message->message_id.len == 0 && mailgun->id.len > 0) {
        message->message_id = mailgun->id;
    }
    if (!mailgun_mail_complete(&one->submission, &exchange->err)) {
        return exchange_refuse(exchange, PROBLEM_MISSING_FIELD);
    }
    return send_check_policy(exchange, &one->submission) &&
           send_compose(exchange, &one->submission, mailgun->domain) && keep_id(exchange);
}

void personal_init(struct personal *one, struct exchange *exchange)
{
    const struct config *config = exchange->snapshot->config;
    *one = (struct personal){.exchange = exchange};
    arena_init(&one->arena, EXCHANGE_ARENA_MAX);
    blob_store_init(&one->blobs, config->spill_dir, (size_t)config->limits.memory_per_request);
}

void personal_free(struct personal *one)
{
    struct exchange *exchange = one->exchange;
    compose_free(exchange->compose);
    exchange->compose = NULL;
    exchange->outgoing =
        (struct outgoing){.message_id = exchange->mailgun->id, .size = exchange->outgoing.size};
    submission_free(&one->submission);
    blob_store_free(&one->blobs);
    arena_free(&one->arena);
}
