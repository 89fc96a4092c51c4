/*
 * A failed delivery's line alone must tell an operator what to do: who said what, in reply to what.
 * Recipients are counted, not named: their addresses are for the debug level.
 */
#include "app/request_log.h"

#include <inttypes.h>
#include <stdio.h>

#include "app/exchange.h"
#include "fcgi_smtp/encoded_word.h"
#include "fcgi_smtp/log.h"

#define LINE_FIELDS_MAX 32
#define NUMBER_MAX      24   /* octets of a printed 64-bit number */
#define SUBJECT_MAX     1000 /* octets of a subject that is shown decoded; a longer one is shown as it is */

struct line {
    struct log_field fields[LINE_FIELDS_MAX];
    char numbers[LINE_FIELDS_MAX][NUMBER_MAX];
    size_t count;
};

static void add(struct line *line, const char *key, struct slice value)
{
    if (value.len > 0 && line->count < LINE_FIELDS_MAX) {
        line->fields[line->count++] = (struct log_field){.key = key, .value = value};
    }
}

static void add_number(struct line *line, const char *key, int64_t value)
{
    if (line->count < LINE_FIELDS_MAX) {
        char *text = line->numbers[line->count];
        (void)snprintf(text, NUMBER_MAX, "%" PRId64, value);
        line->fields[line->count++] = (struct log_field){.key = key, .value = slice_of(text), .number = true};
    }
}

static const char *result_text(const struct exchange *exchange)
{
    static const char *const texts[] = {
        [RESULT_OK] = "ok",
        [RESULT_SENT] = "sent",
        [RESULT_PARTIAL] = "partial",
        [RESULT_DRY_RUN] = "dry-run",
        [RESULT_REFUSED] = "refused",
        [RESULT_FAILED] = "failed",
        [RESULT_TRAPPED] = "honeypot",
        [RESULT_REPLAYED] = "replayed",
    };
    bool unknown = exchange->delivery != NULL && strcmp(exchange->delivery, "unknown") == 0;
    return unknown ? "unknown" : texts[exchange->result];
}

static enum log_level level_of(const struct exchange *exchange)
{
    switch (exchange->result) {
    case RESULT_FAILED:
        return LOG_LEVEL_ERROR;
    case RESULT_PARTIAL:
        return LOG_LEVEL_WARNING;
    default: /* a mail that went to another server than it should is worth a look */
        return exchange->earlier.text[0] != '\0' ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
    }
}

static void add_tls(struct line *line, const struct smtp_tls_view *tls)
{
    if (!log_enabled(LOG_LEVEL_DEBUG) || tls->version[0] == '\0') {
        return;
    }
    add(line, "tls", slice_of(tls->version));
    add(line, "cipher", slice_of(tls->cipher));
    add(line, "verified", slice_of(tls->verified ? "yes" : "no"));
    add(line, "resumed", slice_of(tls->resumed ? "yes" : "no"));
}

static void add_delivery(struct line *line, const struct exchange *exchange)
{
    const struct smtp_reply_view *reply = &exchange->outcome.reply;
    if (exchange->outgoing.message_id.len > 0) {
        add(line, "message_id", exchange->outgoing.message_id);
        add_number(line, "recipients", (int64_t)exchange->submission.recipients.count);
        add_number(line, "size", (int64_t)exchange->outgoing.size);
    }
    if (exchange->delivery_begun == 0) {
        return;
    }
    add(line, "server", slice_of(server_choice_name(&exchange->choice)));
    if (exchange->result != RESULT_FAILED) { /* else it is in the detail */
        add(line, "earlier", slice_of(exchange->earlier.text));
    }
    add(line, "stage", slice_of(exchange->result == RESULT_FAILED ? exchange->outcome.stage : NULL));
    if (reply->code != 0) {
        add_number(line, "reply_code", reply->code);
        add(line, "reply", slice_of(reply->text));
    }
    add_tls(line, &exchange->outcome.tls);
    add_number(line, "wait_ms", exchange->delivery_begun - exchange->complete_at);
    add_number(line, "smtp_ms", exchange->delivery_ended - exchange->delivery_begun);
}

static void log_recipients(const struct exchange *exchange)
{
    if (!log_enabled(LOG_LEVEL_DEBUG)) {
        return;
    }
    for (size_t i = 0; i < exchange->submission.recipients.count; i++) {
        const struct smtp_recipient *recipient = &exchange->submission.recipients.items[i];
        struct line line = {.count = 0};
        add(&line, "request_id", slice_of(http_request_id(exchange->request)));
        add(&line, "address", recipient->address->text);
        add(&line, "delivery", slice_of(recipient->state == SMTP_DELIVERY_DONE ? "done" : "not done"));
        add(&line, "reply", slice_of(recipient->reply.text));
        log_event(LOG_LEVEL_DEBUG, "recipient", line.fields, line.count);
    }
}

/* A subject is the mail's content, so it is for the debug level, and readable there. */
static void add_subject(struct line *line, const struct exchange *exchange, struct buf *decoded)
{
    struct slice subject = exchange->submission.message.subject;
    buf_init(decoded, SUBJECT_MAX);
    if (log_enabled(LOG_LEVEL_DEBUG) && subject.len > 0) {
        add(line, "subject", encoded_word_decode(decoded, subject) ? buf_slice(decoded) : subject);
    }
}

void request_log(struct exchange *exchange, bool written)
{
    struct line line = {.count = 0};
    struct buf subject;
    const struct http_request *request = exchange->request;
    add(&line, "request_id", slice_of(http_request_id(exchange->request)));
    add(&line, "method", slice_of(http_request_method(request)));
    add(&line, "route", exchange->path);
    add(&line, "key", slice_of(exchange->key != NULL ? exchange->key->name : NULL));
    add(&line, "remote", slice_of(http_request_param(request, "REMOTE_ADDR")));
    add_number(&line, "status", exchange->response->status);
    add(&line, "outcome", slice_of(result_text(exchange)));
    add(&line, "problem", slice_of(exchange->token));
    add(&line, "field", slice_of(exchange->err.field));
    add(&line, "detail", slice_of(exchange->err.text));
    add_number(&line, "bytes", (int64_t)http_request_body_read(request));
    add_number(&line, "ms", deadline_now() - http_request_begun_at(request));
    add_subject(&line, exchange, &subject);
    add_delivery(&line, exchange);
    if (!written) {
        add(&line, "client", SLICE("gone before the answer"));
    }
    log_event(level_of(exchange), "request", line.fields, line.count);
    buf_free(&subject);
    log_recipients(exchange);
}
