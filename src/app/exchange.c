/*
 * An exchange has no request when its mail was not asked for over HTTP (direct.c); its answer is then read by whoever
 * asked.
 */
#include "app/exchange.h"

#include <stdlib.h>

#include "app/mailgun/mailgun.h"
#include "app/replay.h"

struct exchange *exchange_new(struct app *app, struct http_request *request, struct http_response *response)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->app = app;
    exchange->snapshot = snapshots_take(&app->snapshots);
    const struct config *config = exchange->snapshot->config;
    exchange->request = request;
    exchange->response = response;
    exchange->allow = &config->allow;
    arena_init(&exchange->arena, EXCHANGE_ARENA_MAX);
    /* The rest is for what the body is read into, and later for what the message is sent from. */
    size_t memory = (size_t)config->limits.memory_per_request;
    blob_store_init(&exchange->blobs, config->spill_dir, memory - memory / 4);
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    replay_settle(exchange);
    smtp_release(exchange->outcome.session);
    smtp_endpoint_free(exchange->own_endpoint);
    compose_free(exchange->compose);
    mailgun_free(exchange->mailgun);
    submission_free(&exchange->submission);
    send_fields_wipe(&exchange->fields);
    blob_store_free(&exchange->blobs);
    arena_free(&exchange->arena);
    snapshot_release(exchange->snapshot);
    free(exchange);
}

/* What the client calls the field. Only a path begins with "$": no field of a form that is known by its name does. */
static void name_field(struct exchange *exchange)
{
    struct err *err = &exchange->err;
    if (exchange->form.from_json && err->field[0] != '\0' && err->field[0] != '$') {
        char label[FORM_LABEL_MAX];
        struct slice path = form_label(&exchange->form, slice_of(err->field), label);
        err_set_field(err, path.data, path.len);
    }
}

void exchange_problem(struct exchange *exchange, enum http_problem problem, const char *delivery,
                      struct json *more)
{
    /* What could not be kept looks as if it had not been there, or had been wrong: that is not the client's fault. */
    if (exchange->arena.starved && http_problem_status(problem) < 500 && exchange->delivery_begun == 0) {
        exchange->err = (struct err){.text = EXCHANGE_NO_MEMORY};
        problem = PROBLEM_INTERNAL;
        json_free(more);
        more = NULL;
    }
    name_field(exchange);
    exchange->problem = problem;
    exchange->token = http_problem_token(problem);
    exchange->delivery = delivery;
    exchange->result = problem == PROBLEM_INTERNAL ? RESULT_FAILED : RESULT_REFUSED;
    if (exchange->write_problem != NULL) {
        exchange->write_problem(exchange, problem, more);
        return;
    }
    more = more != NULL ? more : json_object_new();
    json_set_string(more, "field", exchange->err.field);
    http_problem_write(exchange->response, problem, exchange->err.text, delivery, more);
}
