/*
 * What counts as the same request is the form as it was read, so boundaries and escapes don't matter, and neither does
 * the encoding as such. The look-up comes before all other checks of the fields: the first answer stands, whatever the
 * configuration has become.
 *
 * An answer is remembered unless its request may safely be sent again; a dry run's too, for a client that repeats it
 * wants to hear the same.
 */
#include "app/replay.h"

#include "app/exchange.h"
#include "fcgi_smtp/secret.h"

#define CHUNK ((size_t)16 * 1024) /* octets of a file read at once */

static bool is_visible_ascii(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '!' || text.data[i] > '~') {
            return false;
        }
    }
    return true;
}

bool replay_check_key(struct exchange *exchange)
{
    struct slice key = slice_of(http_request_param(exchange->request, "HTTP_IDEMPOTENCY_KEY"));
    bool good = key.len >= 1 && key.len <= REPLAY_KEY_MAX && is_visible_ascii(key);
    if (key.data == NULL || good) {
        exchange->idempotency_key = key;
        return true;
    }
    err_set_field(&exchange->err, "Idempotency-Key", strlen("Idempotency-Key"));
    err_set(&exchange->err,
            "Idempotency-Key is no key; give it once, with 1 to %zu visible ASCII characters, such as a UUID",
            REPLAY_KEY_MAX);
    return exchange_refuse(exchange, PROBLEM_INVALID_FIELD);
}

static bool digest_id(const struct exchange *exchange, struct slice route, unsigned char id[DIGEST_SIZE])
{
    struct digest digest;
    digest_begin(&digest);
    digest_add_slice(&digest, route);
    digest_add_slice(&digest, exchange->key != NULL ? slice_of(exchange->key->name) : SLICE(""));
    digest_add_slice(&digest, exchange->idempotency_key);
    return digest_end(&digest, id);
}

static bool digest_content(struct digest *digest, const struct blob *content, struct err *err)
{
    char chunk[CHUNK];
    size_t len = 1;
    bool good = true;
    const uint64_t size = content->size;
    digest_add(digest, &size, sizeof size);
    for (uint64_t offset = 0; good && len > 0; offset += len) {
        good = blob_read(content, offset, chunk, sizeof chunk, &len, err);
        digest_add(digest, chunk, len);
    }
    secret_wipe(chunk, content->size < sizeof chunk ? (size_t)content->size : sizeof chunk);
    return good;
}

/* Each field with all that is known of it, in the form's order. UTF-8 is what is meant when no charset is said. */
static bool digest_form(const struct form *form, unsigned char out[DIGEST_SIZE], struct err *err)
{
    struct digest digest;
    bool good = true;
    digest_begin(&digest);
    for (const struct form_field *field = form->first; field != NULL && good; field = field->next) {
        bool utf8 = slice_equal_nocase(field->charset, SLICE("UTF-8"));
        digest_add_slice(&digest, field->name);
        digest_add(&digest, field->is_file ? "f" : "v", 1);
        digest_add_slice(&digest, field->file_name);
        digest_add_slice(&digest, field->type);
        digest_add_slice(&digest, utf8 ? SLICE("") : field->charset);
        good = digest_content(&digest, &field->content, err);
    }
    return digest_end(&digest, out) && good;
}

static bool answer_again(struct exchange *exchange, struct idempotency_answer *first)
{
    struct http_response *response = exchange->response;
    http_response_reset(response, first->status);
    bool copied = first->status != 0 && buf_append_slice(&response->headers, buf_slice(&first->headers)) &&
                  buf_append_slice(&response->body, buf_slice(&first->body));
    idempotency_answer_free(first);
    if (!copied) {
        err_set(&exchange->err,
                "This request was answered before, and is not sent again; but the answer was too "
                "long to be kept. See the log, or the mail server's");
        exchange_problem(exchange, PROBLEM_INTERNAL, "unknown", NULL);
    }
    exchange->result = RESULT_REPLAYED;
    (void)!http_response_header(response, "Idempotent-Replayed", "true"); /* it fits: headers are few */
    return false;
}

static bool refuse_look_up(struct exchange *exchange)
{
    if (exchange->err.text[0] == '\0') { /* else the form's spill file failed */
        err_set(&exchange->err, "There is no memory left to look up the Idempotency-Key");
    }
    return exchange_refuse(exchange, PROBLEM_INTERNAL);
}

bool replay_begin(struct exchange *exchange, struct slice route)
{
    const struct idempotency_store *store = &exchange->app->idempotency;
    struct idempotency_request *request = &exchange->idempotency;
    struct idempotency_answer first = {0};
    if (exchange->idempotency_key.data == NULL) {
        return true;
    }
    if (!digest_id(exchange, route, request->id) ||
        !digest_form(&exchange->form, request->content, &exchange->err)) {
        return refuse_look_up(exchange);
    }
    switch (store->begin(store->ctx, request, &first)) {
    case IDEMPOTENCY_NEW:
        exchange->claimed = true;
        return true;
    case IDEMPOTENCY_REPLAY:
        return answer_again(exchange, &first);
    case IDEMPOTENCY_IN_PROGRESS:
        err_set(&exchange->err,
                "The first request with this Idempotency-Key is still in work; send this again "
                "when that is answered");
        return exchange_refuse(exchange, PROBLEM_IDEMPOTENCY_IN_PROGRESS);
    case IDEMPOTENCY_REUSED:
        err_set(&exchange->err,
                "This Idempotency-Key was used for other fields or files; send a key of its own "
                "with each mail");
        return exchange_refuse(exchange, PROBLEM_IDEMPOTENCY_KEY_REUSED);
    case IDEMPOTENCY_FULL:
        err_set(&exchange->err,
                "All %lld places for Idempotency-Keys are taken; send the request again later, "
                "or ask the operator to raise idempotency.entries",
                (long long)exchange->snapshot->config->idempotency.entries);
        (void)exchange_refuse(exchange, PROBLEM_OVERLOADED);
        exchange->result = RESULT_FAILED;
        return false;
    case IDEMPOTENCY_FAILED:
        break;
    }
    return refuse_look_up(exchange);
}

/* Whether a second request could deliver a second mail, or was answered as if the first had. */
static bool is_final(const struct exchange *exchange)
{
    return exchange_delivery_is_unknown(exchange) || exchange->result == RESULT_SENT ||
           exchange->result == RESULT_PARTIAL || exchange->result == RESULT_DRY_RUN;
}

/* Of an answer whose lists are too long to be kept: what the client needs in order not to send the mail again. */
static void remember_brief(struct exchange *exchange)
{
    bool partial = exchange->result == RESULT_PARTIAL;
    const char *status = exchange->result == RESULT_DRY_RUN ? "dry-run" : partial ? "partial" : "sent";
    const struct idempotency_store *store = &exchange->app->idempotency;
    struct http_response brief;
    struct json *body = json_object_new();
    json_set_slice(body, "id", exchange->outgoing.message_id);
    json_set_string(body, "status", status);
    json_set_string(body, "detail", "The rest of the first answer was too long to be kept");
    http_response_init(&brief);
    http_json_write(&brief, 200, body);
    store->remember(store->ctx, &exchange->idempotency, brief.status, buf_slice(&brief.headers),
                    buf_slice(&brief.body));
    http_response_free(&brief);
}

void replay_settle(struct exchange *exchange)
{
    const struct idempotency_store *store = &exchange->app->idempotency;
    const struct http_response *response = exchange->response;
    if (!exchange->claimed) {
        return;
    }
    exchange->claimed = false;
    bool final = is_final(exchange);
    if (final && response->status == 200 && response->body.len > IDEMPOTENCY_BODY_MAX) {
        remember_brief(exchange);
    } else if (final) {
        store->remember(store->ctx, &exchange->idempotency, response->status, buf_slice(&response->headers),
                        buf_slice(&response->body));
    } else {
        store->release(store->ctx, &exchange->idempotency);
    }
}
