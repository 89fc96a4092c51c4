/*
 * What a delivery's failure says is for the operator: a visitor hears whether to try again. What a refusal says is for the
 * visitor, who can correct it, or for the site's author, who tries the form out.
 */
#include "app/exchange.h"
#include "app/pages/page.h"
#include "app/website/page_correction.h"
#include "app/website/web_origin.h"

#define NOT_SENT "Your message was not sent"

static const struct config_form *config_of(const struct exchange *exchange)
{
    return exchange->visit.form->config;
}

/* Where the visitor came from, if that is a page that may post here; empty otherwise. */
static struct slice back_of(const struct exchange *exchange)
{
    struct slice referer = slice_of(http_request_param(exchange->request, "HTTP_REFERER"));
    return exchange->visit.allowed && web_origin_target_valid(referer) ? referer : (struct slice){0};
}

static void redirect(struct exchange *exchange, struct slice target)
{
    struct buf location;
    buf_init(&location, WEB_ORIGIN_TARGET_MAX);
    http_response_reset(exchange->response, 303);
    if (!web_origin_append_target(&location, target) ||
        !http_response_header(exchange->response, "Location", buf_cstr(&location))) {
        http_response_reset(exchange->response, 500);
    }
    buf_free(&location);
}

/* The form's own choice of where to go after, else the configuration's; empty: a page of ours. */
static struct slice success_target(const struct exchange *exchange)
{
    const struct template_value *next = exchange->visit.input.next;
    if (next != NULL && web_origin_target_allowed(next->text, &config_of(exchange)->redirect_origins)) {
        return next->text;
    }
    return slice_of(config_of(exchange)->success);
}

static void present_success(struct exchange *exchange)
{
    if (!exchange->visit.wants_page) {
        struct json *body = json_object_new();
        json_set_slice(body, "id", exchange->outgoing.message_id);
        json_set_string(body, "status", exchange->result == RESULT_PARTIAL ? "partial" : "sent");
        http_json_write(exchange->response, 200, body);
        return;
    }
    struct slice target = success_target(exchange);
    if (target.len > 0) {
        redirect(exchange, target);
        return;
    }
    page_write_message(exchange->response, 200, "Thank you", "Your message has been sent.",
                       back_of(exchange));
}

static const char *failure_text(const struct exchange *exchange)
{
    if (exchange_delivery_is_unknown(exchange)) {
        return "It is not certain whether your message was sent. Sending it again may send it twice.";
    }
    return "Something went wrong on our side, and your message was not sent. Please try again later.";
}

static void present_failure(struct exchange *exchange)
{
    struct http_response *response = exchange->response;
    const struct website_visit *visit = &exchange->visit;
    const char *text = failure_text(exchange);
    if (!visit->wants_page) {
        http_problem_write(response, exchange->problem, text, exchange->delivery, NULL);
        return;
    }
    struct slice failure = slice_of(visit->form != NULL ? config_of(exchange)->failure : NULL);
    if (failure.len > 0) {
        redirect(exchange, failure);
        return;
    }
    if (visit->input.values == NULL) {
        page_write_message(response, response->status, NOT_SENT, text, back_of(exchange));
        return;
    }
    bool unknown = exchange_delivery_is_unknown(exchange);
    page_correction_write(response, &(struct page_correction){
                                        .status = response->status,
                                        .title = unknown ? "Was your message sent?" : NOT_SENT,
                                        .text = text,
                                        .form = visit->form,
                                        .input = &visit->input,
                                    });
}

static void present_refusal(struct exchange *exchange)
{
    struct http_response *response = exchange->response;
    const struct website_visit *visit = &exchange->visit;
    if (!visit->wants_page) {
        return;
    }
    if (visit->input.problem_count == 0) {
        page_write_message(response, response->status, NOT_SENT, exchange->err.text, back_of(exchange));
        return;
    }
    page_correction_write(response, &(struct page_correction){
                                        .status = 422,
                                        .title = NOT_SENT,
                                        .text = "Please correct it here and send it again.",
                                        .form = visit->form,
                                        .input = &visit->input,
                                    });
}

/* WHATWG Fetch 3.2.3. Who is not allowed gets none of these, and so its scripts get nothing at all. */
static void add_headers(struct exchange *exchange)
{
    struct http_response *response = exchange->response;
    const char *origin = http_request_param(exchange->request, "HTTP_ORIGIN");
    bool good = http_response_header(response, "Vary", "Accept, Origin, X-Requested-With");
    if (good && exchange->visit.allowed && origin != NULL && origin[0] != '\0') {
        good = http_response_header(response, "Access-Control-Allow-Origin", origin) &&
               http_response_header(response, "Access-Control-Expose-Headers", "Retry-After, X-Request-Id");
    }
    if (!good) {
        http_response_reset(response, response->status); /* no room: the status is what matters */
    }
}

void website_form_present(struct exchange *exchange)
{
    if (!exchange->visit.begun) {
        return;
    }
    switch (exchange->result) {
    case RESULT_SENT:
    case RESULT_PARTIAL:
    case RESULT_TRAPPED:
        present_success(exchange);
        break;
    case RESULT_FAILED:
        present_failure(exchange);
        break;
    case RESULT_REFUSED:
        present_refusal(exchange);
        break;
    case RESULT_OK:
    case RESULT_DRY_RUN:
    case RESULT_REPLAYED:
        break;
    }
    add_headers(exchange);
}
