/*
 * The way of POST /send without HTTP: only where the form comes from and where the answer goes differ.
 */
#include "app/body.h"
#include "app/exchange.h"
#include "app/send.h"

struct smtp_endpoint *app_endpoint(const struct app *app, const struct config_server *server)
{
    const struct snapshot *snapshot = app->snapshots.current;
    return snapshot->servers[server - snapshot->config->servers]->endpoint;
}

static bool fill_form(struct exchange *exchange, const struct app_mail *mail)
{
    struct fields fields = {
        .limits = body_limits(exchange),
        .arena = &exchange->arena,
        .store = &exchange->blobs,
        .form = &exchange->form,
    };
    enum form_result result = mail->fill(mail->ctx, &fields, &exchange->err);
    return result == FORM_OK || body_refuse(exchange, result);
}

static enum exchange_result send_mail(struct app *app, const struct app_mail *mail,
                                      struct http_response *response)
{
    struct exchange *exchange = exchange_new(app, NULL, response);
    if (exchange == NULL) {
        http_problem_write(response, PROBLEM_INTERNAL, "There is no memory left for the mail", "none", NULL);
        return RESULT_FAILED;
    }
    exchange->trace = mail->trace;
    bool filled = fill_form(exchange, mail);
    exchange->complete_at = deadline_now();
    if (filled && send_prepare(exchange) == HTTP_DELIVER) {
        send_deliver(exchange);
    }
    enum exchange_result result = exchange->result;
    exchange_free(exchange);
    return result;
}

bool app_send(struct app *app, const struct app_mail *mail, struct buf *json)
{
    struct http_response response;
    http_response_init(&response);
    enum exchange_result result = send_mail(app, mail, &response);
    bool told = buf_append_slice(json, buf_slice(&response.body));
    http_response_free(&response);
    return told && (result == RESULT_SENT || result == RESULT_DRY_RUN);
}
