/*
 * A failed delivery's line alone must tell an operator what to do: who said what, in reply to what, and which setting to look
 * at. Recipients are counted, not named: their addresses are for the debug level, and whatever may be one is taken out of what
 * servers and errors say.
 */
#include "app/request_log.h"

#include <inttypes.h>
#include <stdio.h>

#include "app/exchange.h"
#include "app/hint.h"
#include "app/redact.h"
#include "fcgi_smtp/encoded_word.h"
#include "fcgi_smtp/log.h"

#define LINE_FIELDS_MAX 40
#define TEXT_MAX        2048 /* octets of a text without addresses: their marks may be longer than they were */
#define PEER_TEXT_MAX   256  /* octets of what a client chose freely, so that the rest of the line has room */
#define NUMBER_MAX      24   /* octets of a printed 64-bit number */
#define SUBJECT_MAX     1000 /* octets of a subject that is shown decoded; a longer one is shown as it is */

struct line {
    struct log_field fields[LINE_FIELDS_MAX];
    char numbers[LINE_FIELDS_MAX][NUMBER_MAX];
    char field[TEXT_MAX];
    char detail[TEXT_MAX];
    char earlier[TEXT_MAX];
    char reply[TEXT_MAX];
    char hint[HINT_MAX];
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

/* In milliseconds; 0 is left out, for a step that was not taken. */
static void add_time(struct line *line, const char *key, int64_t us)
{
    if (us > 0 && line->count < LINE_FIELDS_MAX) {
        char *text = line->numbers[line->count];
        (void)snprintf(text, NUMBER_MAX, "%" PRId64 ".%03d", us / 1000, (int)(us % 1000));
        line->fields[line->count++] = (struct log_field){.key = key, .value = slice_of(text), .number = true};
    }
}

static void add_cut(struct line *line, const char *key, struct slice value)
{
    value.len = value.len < PEER_TEXT_MAX ? value.len : PEER_TEXT_MAX;
    add(line, key, value);
}

/* With addresses at the debug level only. */
static void add_text(struct line *line, const char *key, const char *text, char room[TEXT_MAX])
{
    if (log_enabled(LOG_LEVEL_DEBUG)) {
        (void)snprintf(room, TEXT_MAX, "%s", text);
    } else {
        redact_addresses(slice_of(text), room, TEXT_MAX);
    }
    add(line, key, slice_of(room));
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
    return exchange_delivery_is_unknown(exchange) ? "unknown" : texts[exchange->result];
}

/* The first recipient who did not get the mail, where others did; one whose fate is unknown before all. NULL: there is none. */
static const struct smtp_recipient *left_out(const struct exchange *exchange)
{
    const struct recipients *recipients = &exchange->submission.recipients;
    const struct smtp_recipient *found = NULL;
    for (size_t i = 0; exchange->result == RESULT_PARTIAL && i < recipients->count; i++) {
        const struct smtp_recipient *recipient = &recipients->items[i];
        if (recipient->state == SMTP_DELIVERY_UNKNOWN) {
            return recipient;
        }
        found = found == NULL && recipient->state == SMTP_DELIVERY_NONE ? recipient : found;
    }
    return found;
}

static enum log_level level_of(const struct exchange *exchange)
{
    const struct smtp_recipient *recipient = left_out(exchange);
    if (recipient != NULL && recipient->state == SMTP_DELIVERY_UNKNOWN) {
        return LOG_LEVEL_ERROR;
    }
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

/* Where the configuration speaks of the server; NULL: the request brought it. */
static const char *settings_path(const struct exchange *exchange, char *path, size_t cap)
{
    const struct server_choice *choice = &exchange->choice;
    if (choice->overrides) {
        return NULL;
    }
    bool short_form =
        exchange->snapshot->config->server_count == 1 && strcmp(choice->server->name, "default") == 0;
    (void)snprintf(path, cap, "%s%s", short_form ? "server" : "servers.",
                   short_form ? "" : choice->server->name);
    return path;
}

static void hint_of_delivery(const struct exchange *exchange, char *out)
{
    char path[128];
    struct smtp_outcome outcome = exchange->outcome;
    const struct smtp_recipient *recipient = left_out(exchange);
    if (recipient != NULL) {
        bool later = recipient->reply.code / 100 == 4;
        outcome.class = later ? SMTP_TEMPORARY : SMTP_RECIPIENTS_REFUSED;
        outcome.state = recipient->state;
        outcome.cause = SMTP_CAUSE_OTHER;
        outcome.stage = "RCPT";
        outcome.reply = recipient->reply;
    }
    hint_of_outcome(&outcome, settings_path(exchange, path, sizeof path), out, HINT_MAX);
}

static bool begins(const char *text, const char *with)
{
    return with != NULL && strncmp(text, with, strlen(with)) == 0;
}

/* What went wrong before any server was asked. */
static const char *hint_of_problem(const struct exchange *exchange)
{
    if (exchange->token == NULL) {
        return "";
    }
    switch (exchange->problem) {
    case PROBLEM_OVERLOADED:
        return "raise workers, or find out why the SMTP server is slow: see smtp_ms of other lines";
    case PROBLEM_INTERNAL:
        return begins(exchange->err.text, exchange->snapshot->config->spill_dir)
                   ? "check spill_dir: it has to exist, to be writable for the program and to have free "
                     "space; one that was made anew is used after a restart"
                   : "the machine or the program's limit is short of memory or descriptors";
    default:
        return ""; /* the client's fault, and told to it */
    }
}

static void add_hint(struct line *line, const struct exchange *exchange)
{
    if (exchange->result != RESULT_FAILED && exchange->result != RESULT_PARTIAL) {
        return;
    }
    (void)snprintf(line->hint, sizeof line->hint, "%s", hint_of_problem(exchange));
    if (exchange->delivery_begun != 0 && line->hint[0] == '\0') {
        hint_of_delivery(exchange, line->hint);
    }
    add(line, "hint", slice_of(line->hint));
}

static void add_reply(struct line *line, const struct smtp_reply_view *reply)
{
    char text[sizeof reply->enhanced + sizeof reply->text + 1];
    if (reply->code == 0) {
        return;
    }
    (void)snprintf(text, sizeof text, "%s%s%s", reply->enhanced, reply->enhanced[0] != '\0' ? " " : "",
                   reply->text);
    add_number(line, "reply_code", reply->code);
    add_text(line, "reply", text, line->reply);
}

static void add_times(struct line *line, const struct exchange *exchange)
{
    const struct smtp_times *times = &exchange->outcome.times;
    add_number(line, "wait_ms", exchange->delivery_begun - exchange->complete_at);
    add_time(line, "connect_ms", times->connect);
    add_time(line, "tls_ms", times->tls);
    add_time(line, "auth_ms", times->auth);
    add_time(line, "transaction_ms", times->transaction);
    add_number(line, "smtp_ms", exchange->delivery_ended - exchange->delivery_begun);
}

static void add_delivery(struct line *line, const struct exchange *exchange)
{
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
        add_text(line, "earlier", exchange->earlier.text, line->earlier);
    }
    add(line, "stage", slice_of(exchange->result == RESULT_FAILED ? exchange->outcome.stage : NULL));
    add_reply(line, &exchange->outcome.reply);
    add(line, "session", slice_of(exchange->outcome.reused ? "reused" : NULL));
    add_tls(line, &exchange->outcome.tls);
    add_times(line, exchange);
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

/* What is known of every request. */
static void add_request(struct line *line, struct http_request *request, struct slice path, const char *key)
{
    add(line, "request_id", slice_of(http_request_id(request)));
    add_cut(line, "method", slice_of(http_request_method(request)));
    add_cut(line, "route", path);
    add_cut(line, "key", slice_of(key));
    add_cut(line, "remote", slice_of(http_request_param(request, "REMOTE_ADDR")));
}

static void add_end(struct line *line, const struct http_request *request, bool written)
{
    add(line, "client", slice_of(written ? NULL : "gone before the answer"));
    add_number(line, "bytes", (int64_t)http_request_body_read(request));
    add_number(line, "ms", deadline_now() - http_request_begun_at(request));
}

void request_log_no_memory(struct http_request *request, const struct http_response *response, bool written)
{
    struct line line;
    line.count = 0;
    add_request(&line, request, (struct slice){NULL, 0}, NULL);
    add_number(&line, "status", response->status);
    add(&line, "outcome", SLICE("failed"));
    add(&line, "problem", slice_of(http_problem_token(PROBLEM_INTERNAL)));
    add(&line, "detail", SLICE(EXCHANGE_NO_MEMORY));
    add(&line, "hint", SLICE("the machine or the program's limit is short of memory"));
    add_end(&line, request, written);
    log_event(LOG_LEVEL_ERROR, "request", line.fields, line.count);
}

void request_log(struct exchange *exchange, bool written)
{
    struct line line;
    struct buf subject;
    line.count = 0;
    add_request(&line, exchange->request, exchange->path, exchange->key != NULL ? exchange->key->name : NULL);
    add_number(&line, "status", exchange->response->status);
    add(&line, "outcome", slice_of(result_text(exchange)));
    add(&line, "problem", slice_of(exchange->token));
    add_text(&line, "field", exchange->err.field, line.field); /* a client chose its name */
    add_text(&line, "detail", exchange->err.text, line.detail);
    add_hint(&line, exchange);
    add_end(&line, exchange->request, written);
    add_subject(&line, exchange, &subject);
    add_delivery(&line, exchange);
    log_event(level_of(exchange), "request", line.fields, line.count);
    buf_free(&subject);
    log_recipients(exchange);
}
