#include "app/answer.h"

#include <stdio.h>

#include "app/exchange.h"
#include "app_fixture.h"
#include "unit.h"

#define FORM                                                                                                 \
    "from=a@y.example&to=b@y.example,c@y.example&message_id=<id@y.example>&text=hi&"                         \
    "date=Fri,+21+Nov+1997+09:55:06+-0600"
#define ALLOW "allow: {override: [server], hosts: [\"*\"]}\n"

/* An exchange whose mail is composed, as if it were about to be delivered. */
struct answering {
    struct app_fixture fixture;
    struct snapshot snapshot;
    struct http_response response;
    struct exchange exchange;
};

static void answering_init(struct answering *answering, const char *form)
{
    struct app_fixture *fixture = &answering->fixture;
    app_fixture_init(fixture, SERVER ALLOW);
    CU_ASSERT_EQUAL_FATAL(app_fixture_submit(fixture, form), SUBMISSION_OK);
    CU_ASSERT_EQUAL_FATAL(server_choice_make(&fixture->choice, &fixture->fields, fixture->config,
                                             &fixture->config->allow, &fixture->arena, &fixture->errors,
                                             &fixture->err),
                          SERVER_CHOSEN);
    http_response_init(&answering->response);
    answering->snapshot = (struct snapshot){.config = fixture->config};
    answering->exchange = (struct exchange){.snapshot = &answering->snapshot,
                                            .response = &answering->response,
                                            .submission = fixture->submission,
                                            .choice = fixture->choice};
    struct exchange *exchange = &answering->exchange;
    exchange->submission.message.domain = SLICE("y.example");
    CU_ASSERT_EQUAL_FATAL(compose_new(&exchange->compose, &exchange->submission.message, &exchange->err),
                          COMPOSE_OK);
    exchange->outgoing = outgoing_of_compose(exchange->compose);
}

static void answering_free(struct answering *answering)
{
    compose_free(answering->exchange.compose);
    http_response_free(&answering->response);
    app_fixture_free(&answering->fixture);
}

static struct smtp_reply_view reply(int code, const char *enhanced, const char *text)
{
    struct smtp_reply_view view = {.code = code};
    snprintf(view.enhanced, sizeof view.enhanced, "%s", enhanced);
    snprintf(view.text, sizeof view.text, "%s", text);
    return view;
}

static void check_body(const struct answering *answering, int status, const char *type, const char *body)
{
    const struct http_response *response = &answering->response;
    CU_ASSERT_EQUAL(response->status, status);
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&response->headers), type));
    if (strcmp(buf_cstr(&response->body), body) != 0) {
        fprintf(stderr, "  gave:     %s\n  expected: %s\n", buf_cstr(&response->body), body);
    }
    CU_ASSERT_STRING_EQUAL(buf_cstr(&response->body), body);
}

static void deliver_to(struct answering *answering, size_t index)
{
    struct smtp_recipient *recipient = &answering->exchange.submission.recipients.items[index];
    recipient->state = SMTP_DELIVERY_DONE;
    recipient->reply = reply(250, "2.0.0", "Ok: queued as 4F2C1");
}

static void test_sent(void)
{
    struct answering answering;
    answering_init(&answering, FORM);
    deliver_to(&answering, 0);
    deliver_to(&answering, 1);
    answering.exchange.outcome = (struct smtp_outcome){.class = SMTP_ACCEPTED,
                                                       .state = SMTP_DELIVERY_DONE,
                                                       .stage = "end of data",
                                                       .reply = reply(250, "2.0.0", "Ok: queued as 4F2C1")};
    answer_outcome(&answering.exchange);
    check_body(&answering, 200, "Content-Type: application/json\r\n",
               "{\"id\":\"<id@y.example>\",\"status\":\"sent\",\"server\":\"default\","
               "\"accepted\":[\"b@y.example\",\"c@y.example\"],\"rejected\":[],"
               "\"reply\":{\"code\":250,\"enhanced\":\"2.0.0\",\"text\":\"Ok: queued as 4F2C1\"}}");
    CU_ASSERT_EQUAL(answering.exchange.result, RESULT_SENT);
    CU_ASSERT_PTR_NULL(answering.exchange.token);
    answering_free(&answering);
}

static void test_partial(void)
{
    struct answering answering;
    answering_init(&answering, FORM);
    deliver_to(&answering, 0);
    answering.exchange.submission.recipients.items[1].reply = reply(550, "5.1.1", "No \"such\" user");
    answering.exchange.outcome = (struct smtp_outcome){.class = SMTP_ACCEPTED,
                                                       .state = SMTP_DELIVERY_DONE,
                                                       .stage = "end of data",
                                                       .reply = reply(250, "", "Ok")};
    err_set(&answering.exchange.outcome.err, "refused RCPT TO:<c@y.example>");
    answer_outcome(&answering.exchange);
    check_body(&answering, 200, "Content-Type: application/json\r\n",
               "{\"id\":\"<id@y.example>\",\"status\":\"partial\",\"server\":\"default\","
               "\"accepted\":[\"b@y.example\"],\"rejected\":[{\"address\":\"c@y.example\",\"code\":550,"
               "\"enhanced\":\"5.1.1\",\"text\":\"No \\\"such\\\" user\",\"delivery\":\"none\"}],"
               "\"reply\":{\"code\":250,\"text\":\"Ok\"}}");
    CU_ASSERT_EQUAL(answering.exchange.result, RESULT_PARTIAL);
    /* for the log's line */
    CU_ASSERT_STRING_EQUAL(answering.exchange.err.text, "refused RCPT TO:<c@y.example>");
    answering_free(&answering);
}

/* A recipient whose fate is not known is rejected with that word. */
static void test_partial_unknown(void)
{
    struct answering answering;
    answering_init(&answering, FORM);
    deliver_to(&answering, 0);
    answering.exchange.submission.recipients.items[1].state = SMTP_DELIVERY_UNKNOWN;
    answering.exchange.outcome = (struct smtp_outcome){.class = SMTP_ACCEPTED, .stage = "end of data"};
    answer_outcome(&answering.exchange);
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&answering.response.body),
                                  "\"rejected\":[{\"address\":\"c@y.example\",\"delivery\":\"unknown\"}]"));
    CU_ASSERT_EQUAL(answering.exchange.result, RESULT_PARTIAL);
    answering_free(&answering);
}

/* smtp.md's table, row by row. */
static void test_failures(void)
{
    static const struct {
        enum smtp_class class;
        enum smtp_delivery_state state;
        int status;
        const char *token;
        const char *delivery;
        bool retry_after;
        enum exchange_result result;
    } cases[] = {
        {SMTP_ADDRESS_FORBIDDEN, SMTP_DELIVERY_NONE, 403, "override-not-allowed", "none", false,
         RESULT_REFUSED},
        {SMTP_UNAVAILABLE, SMTP_DELIVERY_NONE, 502, "smtp-unavailable", "none", false, RESULT_FAILED},
        {SMTP_UNAVAILABLE, SMTP_DELIVERY_UNKNOWN, 502, "smtp-unavailable", "unknown", false, RESULT_FAILED},
        {SMTP_TLS_FAILED, SMTP_DELIVERY_NONE, 502, "smtp-tls-failed", "none", false, RESULT_FAILED},
        {SMTP_AUTH_FAILED, SMTP_DELIVERY_NONE, 502, "smtp-auth-failed", "none", false, RESULT_FAILED},
        {SMTP_PROTOCOL_ERROR, SMTP_DELIVERY_NONE, 502, "smtp-protocol-error", "none", false, RESULT_FAILED},
        {SMTP_PROTOCOL_ERROR, SMTP_DELIVERY_UNKNOWN, 502, "smtp-protocol-error", "unknown", false,
         RESULT_FAILED},
        {SMTP_TEMPORARY, SMTP_DELIVERY_NONE, 503, "smtp-temporary", "none", true, RESULT_FAILED},
        {SMTP_MESSAGE_REFUSED, SMTP_DELIVERY_NONE, 422, "message-refused", "none", false, RESULT_FAILED},
        {SMTP_RECIPIENTS_REFUSED, SMTP_DELIVERY_NONE, 422, "recipients-refused", "none", false,
         RESULT_FAILED},
        {SMTP_TIMED_OUT, SMTP_DELIVERY_NONE, 504, "smtp-timeout", "none", false, RESULT_FAILED},
        {SMTP_TIMED_OUT, SMTP_DELIVERY_UNKNOWN, 504, "smtp-timeout", "unknown", false, RESULT_FAILED},
        {SMTP_LOCAL_FAILURE, SMTP_DELIVERY_NONE, 500, "internal", "none", false, RESULT_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answering answering;
        char expected[256];
        answering_init(&answering, FORM);
        answering.exchange.outcome =
            (struct smtp_outcome){.class = cases[i].class, .state = cases[i].state, .stage = "connect"};
        err_set(&answering.exchange.outcome.err, "what happened");
        answer_outcome(&answering.exchange);
        const struct http_response *response = &answering.response;
        const char *body = buf_cstr(&response->body);
        CU_ASSERT_EQUAL(response->status, cases[i].status);
        CU_ASSERT_PTR_NOT_NULL(
            strstr(buf_cstr(&response->headers), "Content-Type: application/problem+json\r\n"));
        CU_ASSERT_EQUAL(strstr(buf_cstr(&response->headers), "Retry-After: ") != NULL, cases[i].retry_after);
        snprintf(expected, sizeof expected, "{\"type\":\"urn:fcgi-smtp:%s\"", cases[i].token);
        app_fixture_expect(body, expected, cases[i].token);
        snprintf(expected, sizeof expected, "\"delivery\":\"%s\"", cases[i].delivery);
        app_fixture_expect(body, expected, cases[i].token);
        app_fixture_expect(body, "\"smtp\":{\"server\":\"default\",\"stage\":\"connect\"}", cases[i].token);
        app_fixture_expect(body, "\"detail\":\"what happened", cases[i].token);
        CU_ASSERT_PTR_NULL(strstr(body, "\"rejected\""));
        CU_ASSERT_EQUAL(answering.exchange.result, cases[i].result);
        CU_ASSERT_STRING_EQUAL(answering.exchange.token, cases[i].token);
        CU_ASSERT_STRING_EQUAL(answering.exchange.delivery, cases[i].delivery);
        answering_free(&answering);
    }
}

static void test_recipients_refused(void)
{
    struct answering answering;
    answering_init(&answering, FORM);
    struct smtp_recipient *recipients = answering.exchange.submission.recipients.items;
    recipients[0].reply = reply(550, "5.1.1", "No such user");
    recipients[1].reply = reply(250, "", "Ok"); /* accepted, but on_refused: abort */
    answering.exchange.outcome = (struct smtp_outcome){
        .class = SMTP_RECIPIENTS_REFUSED, .stage = "RCPT", .reply = reply(550, "5.1.1", "No such user")};
    err_set(&answering.exchange.outcome.err, "it refused them");
    answer_outcome(&answering.exchange);
    check_body(&answering, 422, "Content-Type: application/problem+json\r\n",
               "{\"type\":\"urn:fcgi-smtp:recipients-refused\",\"title\":\"The SMTP server refused every "
               "recipient\",\"status\":422,\"detail\":\"it refused them\",\"delivery\":\"none\","
               "\"smtp\":{\"server\":\"default\",\"stage\":\"RCPT\",\"code\":550,\"enhanced\":\"5.1.1\","
               "\"text\":\"No such user\"},\"rejected\":[{\"address\":\"b@y.example\",\"code\":550,"
               "\"enhanced\":\"5.1.1\",\"text\":\"No such user\",\"delivery\":\"none\"}]}");
    answering_free(&answering);
}

/* Who was refused is certain, also when the fate of the others is not. */
static void test_refused_and_unknown(void)
{
    struct answering answering;
    answering_init(&answering, FORM);
    struct smtp_recipient *recipients = answering.exchange.submission.recipients.items;
    recipients[0].reply = reply(550, "", "No");
    recipients[1].reply = reply(250, "", "Ok");
    recipients[1].state = SMTP_DELIVERY_UNKNOWN;
    answering.exchange.outcome = (struct smtp_outcome){
        .class = SMTP_TIMED_OUT, .state = SMTP_DELIVERY_UNKNOWN, .stage = "end of data"};
    answer_outcome(&answering.exchange);
    const char *body = buf_cstr(&answering.response.body);
    app_fixture_expect(body,
                       "\"rejected\":[{\"address\":\"b@y.example\",\"code\":550,\"text\":\"No\","
                       "\"delivery\":\"none\"}]}",
                       "rejected");
    app_fixture_expect(body, "\"delivery\":\"unknown\",\"smtp\"", "delivery");
    answering_free(&answering);
}

/* A host of the request's own is named instead of the entry, and the problem says what to change. */
static void test_forbidden_host(void)
{
    struct answering answering;
    answering_init(&answering, FORM "&server=intranet.example");
    answering.exchange.outcome = (struct smtp_outcome){.class = SMTP_ADDRESS_FORBIDDEN, .stage = "connect"};
    err_set(&answering.exchange.outcome.err, "intranet.example:25 has no public address");
    answer_outcome(&answering.exchange);
    const char *body = buf_cstr(&answering.response.body);
    app_fixture_expect(body, "\"smtp\":{\"server\":\"intranet.example\",", "server");
    app_fixture_expect(body, "\"field\":\"server\"", "field");
    app_fixture_expect(body,
                       "intranet.example:25 has no public address; give another server, or ask the operator "
                       "to name it in allow.hosts",
                       "detail");
    answering_free(&answering);
}

static void test_dry_run(void)
{
    struct answering answering;
    char expected[512];
    answering_init(&answering, FORM "&dry_run=1&bcc=d@y.example&sender=<>");
    answer_dry_run(&answering.exchange);
    const char *body = buf_cstr(&answering.response.body);
    CU_ASSERT_EQUAL(answering.response.status, 200);
    app_fixture_expect(
        body,
        "{\"id\":\"<id@y.example>\",\"status\":\"dry-run\",\"server\":\"default\","
        "\"envelope\":{\"from\":\"\",\"to\":[\"b@y.example\",\"c@y.example\",\"d@y.example\"]},"
        "\"headers\":\"Date: Fri, 21 Nov 1997 09:55:06 -0600\\r\\nFrom: a@y.example\\r\\n",
        "dry run");
    snprintf(expected, sizeof expected, "\\r\\n\\r\\n\",\"size\":%llu}",
             (unsigned long long)compose_size(answering.exchange.compose));
    app_fixture_expect(body, expected, "dry run");
    CU_ASSERT_EQUAL(answering.exchange.result, RESULT_DRY_RUN);
    answering_free(&answering);
}

static void test_overloaded(void)
{
    struct answering answering;
    answering_init(&answering, FORM);
    answer_overloaded(&answering.exchange);
    CU_ASSERT_EQUAL(answering.response.status, 503);
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&answering.response.headers), "Retry-After: "));
    app_fixture_expect(buf_cstr(&answering.response.body), "urn:fcgi-smtp:overloaded", "overloaded");
    app_fixture_expect(buf_cstr(&answering.response.body), "All 32 workers are busy", "overloaded");
    CU_ASSERT_EQUAL(answering.exchange.result, RESULT_FAILED);
    answering_free(&answering);
}

static const struct unit_test tests[] = {
    {"sent", test_sent},
    {"partial", test_partial},
    {"partial, one unknown", test_partial_unknown},
    {"every class of failure", test_failures},
    {"recipients refused", test_recipients_refused},
    {"refused and unknown", test_refused_and_unknown},
    {"a host that may not be connected to", test_forbidden_host},
    {"dry run", test_dry_run},
    {"overloaded", test_overloaded},
};

UNIT_SUITE(app_answer, tests);
