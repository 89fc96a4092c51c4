/*
 * A form's request is answered in two steps: first as on every other route, by a problem or the delivery's outcome, then
 * that answer becomes the page, the redirect or the short JSON that a visitor gets. So all checks are the same ones.
 */
#include "app/website/website_form.h"

#include "app/body.h"
#include "app/exchange.h"
#include "app/send.h"
#include "app/website/accept_header.h"
#include "app/website/web_origin.h"
#include "app/website/website_mail.h"

#define PREFLIGHT_AGE "3600" /* seconds that a browser remembers it */

static const char *param(const struct exchange *exchange, const char *name)
{
    return http_request_param(exchange->request, name);
}

static const struct config_form *config_of(const struct exchange *exchange)
{
    return exchange->visit.form->config;
}

bool website_form_choose(struct exchange *exchange)
{
    struct website_visit *visit = &exchange->visit;
    size_t prefix = sizeof WEBSITE_FORM_PREFIX - 1;
    struct slice name = {exchange->path.data + prefix, exchange->path.len - prefix};
    visit->begun = true;
    visit->wants_page = param(exchange, "HTTP_X_REQUESTED_WITH") == NULL &&
                        !accept_header_prefers_json(param(exchange, "HTTP_ACCEPT"));
    visit->form = website_forms_find(&exchange->snapshot->forms, name);
    if (visit->form == NULL) {
        err_set(&exchange->err, "There is no form \"%.*s\" here; correct the address, or add it to forms",
                SLICE_ARGS(name));
        return exchange_refuse(exchange, PROBLEM_NO_SUCH_FORM);
    }
    visit->allowed =
        web_origin_request_allowed(param(exchange, "HTTP_ORIGIN"), param(exchange, "HTTP_REFERER"),
                                   param(exchange, "HTTP_HOST"), &config_of(exchange)->origins);
    return true;
}

/* A filter, not authentication: who is no browser says what it likes. */
static bool check_origin(struct exchange *exchange)
{
    if (exchange->visit.allowed) {
        return true;
    }
    const char *origin = param(exchange, "HTTP_ORIGIN");
    bool said = origin != NULL && origin[0] != '\0';
    err_set(
        &exchange->err,
        "This form does not take messages from %.200s; post from the site itself, or add that origin to the "
        "form's origins",
        said ? origin : param(exchange, "HTTP_REFERER"));
    return exchange_refuse(exchange, PROBLEM_ORIGIN_NOT_ALLOWED);
}

/* A preflight (WHATWG Fetch 3.2.2), or somebody who asks what may be done. */
static enum http_verdict answer_options(struct exchange *exchange)
{
    struct http_response *response = exchange->response;
    if (!check_origin(exchange)) {
        return HTTP_ANSWER;
    }
    http_response_reset(response, 204);
    exchange->result = RESULT_OK;
    /* They fit: the answer has no others. */
    (void)!http_response_header(response, "Allow", "POST, OPTIONS");
    (void)!http_response_header(response, "Access-Control-Allow-Methods", "POST");
    (void)!http_response_header(response, "Access-Control-Allow-Headers",
                                "Accept, Content-Type, X-Requested-With");
    (void)!http_response_header(response, "Access-Control-Max-Age", PREFLIGHT_AGE);
    return HTTP_ANSWER;
}

/* All problems at once: 422 if something is only missing, else 400. */
static bool refuse_input(struct exchange *exchange)
{
    const struct form_input *input = &exchange->visit.input;
    const struct form_problem *first = &input->problems[0];
    if (input->no_memory) {
        err_set(&exchange->err, "There is no memory left for what is wrong with the form");
        return exchange_refuse(exchange, PROBLEM_INTERNAL);
    }
    struct json *errors = json_array_new();
    for (size_t i = 0; i < input->problem_count; i++) {
        struct json *entry = json_object_new();
        json_set_slice(entry, "field", input->problems[i].field);
        json_set_string(entry, "detail", input->problems[i].text);
        json_add(errors, entry);
    }
    struct json *more = json_object_new();
    json_set(more, "errors", errors);
    bool only_missing = input->missing == input->problem_count;
    err_set_field(&exchange->err, first->field.data, first->field.len);
    err_set(&exchange->err, "%.*s: %s", SLICE_ARGS(first->field), first->text);
    exchange_problem(exchange, only_missing ? PROBLEM_MISSING_FIELD : PROBLEM_INVALID_FIELD, "none", more);
    return false;
}

static struct website_mail mail_of(struct exchange *exchange)
{
    return (struct website_mail){
        .submission = &exchange->submission,
        .form = exchange->visit.form,
        .input = &exchange->visit.input,
        .defaults = &exchange->snapshot->defaults,
        .config = exchange->snapshot->config,
        .arena = &exchange->arena,
        .blobs = &exchange->blobs,
        .err = &exchange->err,
    };
}

/* To whoever filled in what people do not see: the answer of a message that was sent, id and all. */
static bool answer_trapped(struct exchange *exchange)
{
    struct website_mail mail = mail_of(exchange);
    if (website_mail_address(&mail) != WEBSITE_MAIL_MADE ||
        send_make(exchange, &exchange->submission, send_domain(exchange)) != COMPOSE_OK) {
        return exchange_refuse(exchange, PROBLEM_INTERNAL);
    }
    exchange->outgoing.source.read = NULL; /* it goes nowhere */
    exchange->result = RESULT_TRAPPED;
    return false;
}

static bool has_problems(const struct exchange *exchange)
{
    return exchange->visit.input.problem_count > 0 || exchange->visit.input.no_memory;
}

static void check_target(struct exchange *exchange)
{
    struct form_input *input = &exchange->visit.input;
    const struct template_value *next = input->next;
    if (next != NULL && !web_origin_target_allowed(next->text, &config_of(exchange)->redirect_origins)) {
        form_input_wrong(input, next->name,
                         "This is no place to go to after the form; a path like /thanks is.");
    }
}

static bool compose_mail(struct exchange *exchange)
{
    struct website_mail mail = mail_of(exchange);
    switch (website_mail_make(&mail)) {
    case WEBSITE_MAIL_TOO_LARGE:
        return exchange_refuse(exchange, PROBLEM_REQUEST_TOO_LARGE);
    case WEBSITE_MAIL_FAILED:
        return exchange_refuse(exchange, PROBLEM_INTERNAL);
    case WEBSITE_MAIL_MADE:
        break;
    }
    if (has_problems(exchange)) {
        return refuse_input(exchange);
    }
    switch (send_make(exchange, &exchange->submission, send_domain(exchange))) {
    case COMPOSE_OK:
        return true;
    case COMPOSE_INVALID:
        form_input_wrong(mail.input, slice_of(arena_copy(&exchange->arena, slice_of(exchange->err.field))),
                         "%s.", exchange->err.text);
        return refuse_input(exchange);
    case COMPOSE_FAILED:
        break;
    }
    return exchange_refuse(exchange, PROBLEM_INTERNAL);
}

static bool accept_form(struct exchange *exchange)
{
    const struct config_form *config = config_of(exchange);
    struct form_input *input = &exchange->visit.input;
    const struct form_limits limits = body_limits(exchange);
    if (!body_read(exchange, &limits)) {
        return false;
    }
    exchange->complete_at = http_request_complete_at(exchange->request);
    server_choice_default(&exchange->choice, exchange->snapshot->config, exchange->visit.form->server);
    bool trapped = form_input_is_trap(config, &exchange->form);
    if (!trapped && !check_origin(exchange)) {
        return false;
    }
    if (!form_input_read(input, config, &exchange->form, &exchange->arena, &exchange->err)) {
        return exchange_refuse(exchange, PROBLEM_INTERNAL);
    }
    if (trapped) {
        return answer_trapped(exchange);
    }
    form_input_check(input, config);
    check_target(exchange);
    return compose_mail(exchange);
}

enum http_verdict website_form_begin(struct exchange *exchange)
{
    if (strcmp(http_request_method(exchange->request), "OPTIONS") == 0) {
        return answer_options(exchange);
    }
    return accept_form(exchange) ? HTTP_DELIVER : HTTP_ANSWER;
}
