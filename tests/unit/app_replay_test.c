#include "app/replay.h"

#include <stdio.h>

#include "app/exchange.h"
#include "app_fixture.h"
#include "http/request.h"
#include "unit.h"

#define FORM "from=a@y.example&to=b@y.example&text=hi"

/* An app, and requests to it that have been read. */
struct world {
    struct config *config;
    struct app *app;
};

struct asking {
    struct http_request request;
    struct http_response response;
    struct exchange *exchange;
};

static void world_init(struct world *world, const char *yaml)
{
    struct config_report report;
    config_report_init(&report);
    *world = (struct world){.config = config_parse("f", slice_of(yaml), true, &report)};
    fputs(buf_cstr(&report.problems), stderr);
    config_report_free(&report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(world->config);
    struct err err = {0};
    world->app = app_new(world->config, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(world->app);
}

static void world_free(struct world *world)
{
    app_free(world->app);
}

static void parse(struct asking *asking, const char *type, const char *body)
{
    struct exchange *exchange = asking->exchange;
    const struct form_limits limits = {.fields = 100,
                                       .content = send_field_limit,
                                       .ctx = (void *)&exchange->snapshot->config->limits,
                                       .json = 10000};
    struct form_parser *parser = NULL;
    CU_ASSERT_EQUAL_FATAL(form_parser_new(&parser, slice_of(type), &limits, &exchange->arena,
                                          &exchange->blobs, &exchange->form, &exchange->err),
                          FORM_OK);
    CU_ASSERT_EQUAL(form_parser_update(parser, body, strlen(body), &exchange->err), FORM_OK);
    CU_ASSERT_EQUAL(form_parser_finish(parser, &exchange->err), FORM_OK);
    form_parser_free(parser);
}

/* header: "HTTP_IDEMPOTENCY_KEY=..." or NULL. */
static void ask(struct asking *asking, struct world *world, const char *header, const char *type,
                const char *body)
{
    char copy[400];
    char *params[] = {copy, NULL};
    (void)snprintf(copy, sizeof copy, "%s", header != NULL ? header : "X=y");
    http_request_init(&asking->request, params, NULL, 1000);
    http_response_init(&asking->response);
    asking->exchange = exchange_new(world->app, &asking->request, &asking->response);
    CU_ASSERT_PTR_NOT_NULL_FATAL(asking->exchange);
    if (replay_check_key(asking->exchange)) {
        /* The parameters live no longer than this call. */
        struct slice key = asking->exchange->idempotency_key;
        asking->exchange->idempotency_key.data =
            key.data != NULL ? arena_copy(&asking->exchange->arena, key) : NULL;
        parse(asking, type, body);
    }
}

static void done(struct asking *asking)
{
    exchange_free(asking->exchange);
    http_response_free(&asking->response);
    http_request_free(&asking->request);
}

/* What a delivery would have answered. */
static void answer(struct asking *asking, enum exchange_result result)
{
    struct json *body = json_object_new();
    json_set_string(body, "status", "whatever");
    http_json_write(&asking->response, 200, body);
    asking->exchange->result = result;
    replay_settle(asking->exchange);
}

static bool says(const struct asking *asking, int status, const char *text)
{
    bool good = asking->response.status == status && strstr(buf_cstr(&asking->response.body), text) != NULL;
    if (!good) {
        fprintf(stderr, "%d %s\n", asking->response.status, buf_cstr(&asking->response.body));
    }
    return good;
}

static void test_header(void)
{
    char longest[300] = "HTTP_IDEMPOTENCY_KEY=";
    char too_long[300];
    memset(longest + strlen(longest), 'k', REPLAY_KEY_MAX);
    (void)snprintf(too_long, sizeof too_long, "%sk", longest);
    const struct {
        const char *header;
        bool good;
    } cases[] = {
        {NULL, true},
        {"HTTP_IDEMPOTENCY_KEY=k", true},
        {"HTTP_IDEMPOTENCY_KEY=!\"8e03978e-40d5-43e8-bc93-6894a57f9324\"~", true},
        {longest, true},
        {too_long, false},
        {"HTTP_IDEMPOTENCY_KEY=", false},
        {"HTTP_IDEMPOTENCY_KEY=a b", false},
        {"HTTP_IDEMPOTENCY_KEY=a, b", false},
        {"HTTP_IDEMPOTENCY_KEY=a\tb", false},
        {"HTTP_IDEMPOTENCY_KEY=a\x7f", false},
        {"HTTP_IDEMPOTENCY_KEY=\xc3\xa9", false},
    };
    struct world world;
    world_init(&world, SERVER);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct asking asking;
        ask(&asking, &world, cases[i].header, URLENCODED, FORM);
        CU_ASSERT_EQUAL(asking.exchange->form.count, cases[i].good ? 3 : 0);
        if (!cases[i].good) {
            CU_ASSERT_TRUE(says(&asking, 400, "\"field\":\"Idempotency-Key\""));
            CU_ASSERT_TRUE(says(&asking, 400, "invalid-field"));
        } else {
            CU_ASSERT_TRUE(replay_begin(asking.exchange, SLICE("/send")));
            CU_ASSERT_EQUAL(asking.exchange->claimed, cases[i].header != NULL);
        }
        done(&asking);
    }
    world_free(&world);
}

/* What came of the first request decides what the second one hears. */
static void test_outcomes(void)
{
    static const struct {
        enum exchange_result result;
        const char *delivery;
        bool remembered;
    } cases[] = {
        {RESULT_SENT, NULL, true},         {RESULT_PARTIAL, NULL, true},   {RESULT_DRY_RUN, NULL, true},
        {RESULT_FAILED, "unknown", true},  {RESULT_FAILED, "none", false}, {RESULT_REFUSED, "none", false},
        {RESULT_REFUSED, "unknown", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        struct asking first;
        struct asking second;
        world_init(&world, SERVER);
        ask(&first, &world, "HTTP_IDEMPOTENCY_KEY=k", URLENCODED, FORM);
        CU_ASSERT_TRUE(replay_begin(first.exchange, SLICE("/send")));
        ask(&second, &world, "HTTP_IDEMPOTENCY_KEY=k", URLENCODED, FORM);
        CU_ASSERT_FALSE(replay_begin(second.exchange, SLICE("/send")));
        CU_ASSERT_TRUE(says(&second, 409, "idempotency-in-progress"));
        replay_settle(second.exchange); /* has nothing to settle */
        done(&second);

        first.exchange->delivery = cases[i].delivery;
        answer(&first, cases[i].result);
        ask(&second, &world, "HTTP_IDEMPOTENCY_KEY=k", URLENCODED, FORM);
        CU_ASSERT_EQUAL(replay_begin(second.exchange, SLICE("/send")), !cases[i].remembered);
        if (cases[i].remembered) {
            CU_ASSERT_TRUE(says(&second, 200, "{\"status\":\"whatever\"}"));
            CU_ASSERT_STRING_EQUAL(buf_cstr(&second.response.headers),
                                   "Content-Type: application/json\r\nIdempotent-Replayed: true\r\n");
            CU_ASSERT_EQUAL(second.exchange->result, RESULT_REPLAYED);
        }
        done(&second);
        done(&first);
        world_free(&world);
    }
}

/* A request that ends without an answer, whatever the reason, gives its key free. */
static void test_freed(void)
{
    struct world world;
    struct asking first;
    struct asking second;
    world_init(&world, SERVER);
    ask(&first, &world, "HTTP_IDEMPOTENCY_KEY=k", URLENCODED, FORM);
    CU_ASSERT_TRUE(replay_begin(first.exchange, SLICE("/send")));
    done(&first);
    ask(&second, &world, "HTTP_IDEMPOTENCY_KEY=k", URLENCODED, "from=other");
    CU_ASSERT_TRUE(replay_begin(second.exchange, SLICE("/send")));
    done(&second);
    world_free(&world);
}

static void test_scope(void)
{
    static const struct config_key shop = {.name = (char *)"shop"};
    static const struct config_key site = {.name = (char *)"site"};
    static const struct {
        const struct config_key *key;
        const char *header;
        const char *route;
    } cases[] = {
        {NULL, "HTTP_IDEMPOTENCY_KEY=k", "/send"},     {&shop, "HTTP_IDEMPOTENCY_KEY=k", "/send"},
        {&site, "HTTP_IDEMPOTENCY_KEY=k", "/send"},    {NULL, "HTTP_IDEMPOTENCY_KEY=K", "/send"},
        {NULL, "HTTP_IDEMPOTENCY_KEY=k", "/v3/a"},     {&shop, "HTTP_IDEMPOTENCY_KEY=k", "/v3/a"},
        {NULL, "HTTP_IDEMPOTENCY_KEY=shopk", "/send"},
    };
    enum { CASES = sizeof cases / sizeof cases[0] };
    struct world world;
    struct asking askings[CASES];
    world_init(&world, SERVER);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < CASES; i++) {
            struct asking *asking = &askings[i];
            ask(asking, &world, cases[i].header, URLENCODED, FORM);
            asking->exchange->key = cases[i].key;
            CU_ASSERT_EQUAL(replay_begin(asking->exchange, slice_of(cases[i].route)), round == 0);
            if (round == 0) {
                answer(asking, RESULT_SENT);
            }
            done(asking);
        }
    }
    world_free(&world);
}

#define JSON "application/json"

/* What is the same request, and what another. */
static void test_content(void)
{
    static const char first[] = PART("to", "b@y") FILE_PART("attachment", "a.txt", "x") LAST;
    static const struct {
        const char *type, *body;
        bool same;
    } cases[] = {
        {BOUNDARY, PART("to", "b@y") FILE_PART("attachment", "a.txt", "x") LAST, true},
        {"multipart/form-data; boundary=CC",
         "--CC\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nb@y\r\n--CC\r\nContent-Disposition: "
         "form-data; name=\"attachment\"; filename=\"a.txt\"\r\n\r\nx\r\n--CC--\r\n",
         true},
        {JSON, "{\"to\":\"b@y\",\"attachment\":{\"content\":\"eA==\",\"filename\":\"a.txt\"}}", true},
        {BOUNDARY, FILE_PART("attachment", "a.txt", "x") PART("to", "b@y") LAST, false},
        {BOUNDARY, PART("to", "b@y") FILE_PART("attachment", "a.txt", "y") LAST, false},
        {BOUNDARY, PART("to", "b@y") FILE_PART("attachment", "b.txt", "x") LAST, false},
        {BOUNDARY, PART("to", "b@y") FILE_PART("inline", "a.txt", "x") LAST, false},
        {BOUNDARY, PART("to", "b@y") PART("attachment", "x") LAST, false},
        {BOUNDARY, PART("to", "b@y") LAST, false},
        {BOUNDARY, PART("to", "b@y") FILE_PART("attachment", "a.txt", "x") PART("cc", "") LAST, false},
        {JSON,
         "{\"to\":\"b@y\",\"attachment\":{\"content\":\"eA==\",\"filename\":\"a.txt\",\"type\":\"a/b\"}}",
         false},
    };
    struct world world;
    struct asking asking;
    world_init(&world, SERVER);
    ask(&asking, &world, "HTTP_IDEMPOTENCY_KEY=k", BOUNDARY, first);
    CU_ASSERT_TRUE(replay_begin(asking.exchange, SLICE("/send")));
    answer(&asking, RESULT_SENT);
    done(&asking);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask(&asking, &world, "HTTP_IDEMPOTENCY_KEY=k", cases[i].type, cases[i].body);
        CU_ASSERT_FALSE(replay_begin(asking.exchange, SLICE("/send")));
        if (cases[i].same) {
            CU_ASSERT_TRUE(says(&asking, 200, "whatever"));
        } else {
            CU_ASSERT_TRUE(says(&asking, 422, "idempotency-key-reused"));
        }
        done(&asking);
    }
    world_free(&world);
}

static void test_full(void)
{
    struct world world;
    struct asking first;
    struct asking second;
    world_init(&world, SERVER "idempotency: {entries: 1}\n");
    ask(&first, &world, "HTTP_IDEMPOTENCY_KEY=1", URLENCODED, FORM);
    CU_ASSERT_TRUE(replay_begin(first.exchange, SLICE("/send")));
    ask(&second, &world, "HTTP_IDEMPOTENCY_KEY=2", URLENCODED, FORM);
    CU_ASSERT_FALSE(replay_begin(second.exchange, SLICE("/send")));
    CU_ASSERT_TRUE(says(&second, 503, "overloaded"));
    CU_ASSERT_TRUE(says(&second, 503, "All 1 places"));
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&second.response.headers), "Retry-After: "));
    done(&second);
    ask(&second, &world, NULL, URLENCODED, FORM);
    CU_ASSERT_TRUE(replay_begin(second.exchange, SLICE("/send")));
    done(&second);
    done(&first);
    world_free(&world);
}

/* The mail is not sent again, though the answer cannot be told again, or not all of it. */
static void test_too_long_to_keep(void)
{
    static const struct {
        enum exchange_result result;
        int status;
        const char *text;
    } cases[] = {
        {RESULT_SENT, 200, "{\"id\":\"<1@y>\",\"status\":\"sent\",\"detail\":\"The rest of "},
        {RESULT_PARTIAL, 200, "{\"id\":\"<1@y>\",\"status\":\"partial\","},
        {RESULT_DRY_RUN, 200, "{\"id\":\"<1@y>\",\"status\":\"dry-run\","},
        {RESULT_FAILED, 500, "\"delivery\":\"unknown\""},
    };
    static char text[IDEMPOTENCY_BODY_MAX + 1];
    memset(text, 'x', sizeof text - 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        struct asking asking;
        struct json *body = json_object_new();
        world_init(&world, SERVER);
        ask(&asking, &world, "HTTP_IDEMPOTENCY_KEY=k", URLENCODED, FORM);
        CU_ASSERT_TRUE(replay_begin(asking.exchange, SLICE("/send")));
        json_set_string(body, "lists", text);
        http_json_write(&asking.response, cases[i].result == RESULT_FAILED ? 504 : 200, body);
        asking.exchange->outgoing.message_id = SLICE("<1@y>");
        asking.exchange->result = cases[i].result;
        asking.exchange->delivery = cases[i].result == RESULT_FAILED ? "unknown" : NULL;
        replay_settle(asking.exchange);
        done(&asking);
        for (size_t again = 0; again < 2; again++) {
            ask(&asking, &world, "HTTP_IDEMPOTENCY_KEY=k", URLENCODED, FORM);
            CU_ASSERT_FALSE(replay_begin(asking.exchange, SLICE("/send")));
            CU_ASSERT_TRUE(says(&asking, cases[i].status, cases[i].text));
            CU_ASSERT_PTR_NOT_NULL(
                strstr(buf_cstr(&asking.response.headers), "Idempotent-Replayed: true\r\n"));
            done(&asking);
        }
        world_free(&world);
    }
}

static const struct unit_test tests[] = {
    {"header", test_header},
    {"outcomes", test_outcomes},
    {"freed", test_freed},
    {"scope", test_scope},
    {"content", test_content},
    {"full", test_full},
    {"too long to keep", test_too_long_to_keep},
};
UNIT_SUITE(app_replay, tests);
