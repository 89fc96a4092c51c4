#include "app/access.h"

#include <stdio.h>

#include "app/exchange.h"
#include "app_fixture.h"
#include "http/request.h"
#include "unit.h"

/* The SHA-256 of "first". */
#define KEYS                                                                                                 \
    SERVER "keys: {name: one, sha256: a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e}\n"

struct asking {
    struct config *config;
    struct app *app;
    struct http_request request;
    struct http_response response;
    struct exchange *exchange;
};

static void ask(struct asking *asking, const char *yaml, char *const *params)
{
    struct config_report report;
    config_report_init(&report);
    *asking = (struct asking){.config = config_parse("f", slice_of(yaml), true, &report)};
    config_report_free(&report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(asking->config);
    struct err err = {0};
    asking->app = app_new(asking->config, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(asking->app);
    http_request_init(&asking->request, params, NULL, 1000);
    http_response_init(&asking->response);
    asking->exchange = exchange_new(asking->app, &asking->request, &asking->response);
    CU_ASSERT_PTR_NOT_NULL_FATAL(asking->exchange);
}

static void done(struct asking *asking)
{
    exchange_free(asking->exchange);
    http_response_free(&asking->response);
    http_request_free(&asking->request);
    app_free(asking->app);
}

static void test_check(void)
{
    static char known[] = "HTTP_AUTHORIZATION=Bearer first";
    static char unknown[] = "HTTP_AUTHORIZATION=Bearer other";
    static char empty[] = "HTTP_AUTHORIZATION=";
    char *const params[][2] = {{known, NULL}, {unknown, NULL}, {empty, NULL}, {NULL, NULL}};
    static const bool good[] = {true, false, true, true};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct asking asking;
        ask(&asking, KEYS, params[i]);
        const struct exchange *exchange = asking.exchange;
        CU_ASSERT_EQUAL(access_check(asking.exchange), good[i]);
        CU_ASSERT_EQUAL(exchange->key != NULL, i == 0);
        CU_ASSERT_PTR_EQUAL(exchange->allow, i == 0 ? &asking.config->keys[0].allow : &asking.config->allow);
        if (!good[i]) {
            CU_ASSERT_EQUAL(asking.response.status, 401);
            app_fixture_expect(buf_cstr(&asking.response.body), "urn:fcgi-smtp:key-unknown", "body");
            app_fixture_expect(buf_cstr(&asking.response.headers), "error=\"invalid_token\"", "headers");
        }
        done(&asking);
    }
}

static void test_require(void)
{
    char *const params[] = {NULL};
    struct asking asking;
    ask(&asking, KEYS, params);
    CU_ASSERT_FALSE(access_require(asking.exchange));
    CU_ASSERT_EQUAL(asking.response.status, 401);
    app_fixture_expect(buf_cstr(&asking.response.body), "urn:fcgi-smtp:key-required", "body");
    app_fixture_expect(buf_cstr(&asking.response.headers), "WWW-Authenticate: Bearer realm=\"fcgi-smtp\"\r\n",
                       "headers");
    done(&asking);
}

static void test_explain(void)
{
    static char known[] = "HTTP_AUTHORIZATION=Bearer first";
    static const struct {
        const char *yaml;
        bool with_key;
        const char *text;
    } cases[] = {
        {KEYS, true, "add it to allow.senders of the key one"},
        {KEYS, false, "add it to allow.senders; or send an API key that may (Authorization: Bearer KEY)"},
        {SERVER, false, "add it to allow.senders"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *const params[] = {cases[i].with_key ? known : NULL, NULL};
        struct asking asking;
        ask(&asking, cases[i].yaml, params);
        CU_ASSERT_TRUE(access_check(asking.exchange));
        err_set(&asking.exchange->err, "add it to allow.senders");
        access_explain(asking.exchange);
        CU_ASSERT_STRING_EQUAL(asking.exchange->err.text, cases[i].text);
        done(&asking);
    }
}

static const struct unit_test tests[] = {
    {"check", test_check},
    {"require", test_require},
    {"explain", test_explain},
};
UNIT_SUITE(app_access, tests);
