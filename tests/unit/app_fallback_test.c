/* Several servers for one mail: who is asked, what the answer says, and what is remembered for the next mail. */
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi_smtp/app.h"
#include "smtp_script.h"
#include "unit.h"

#define HELLO "S: 220 x\nC: EHLO *\nS: 250 x\n"
#define RCPT  HELLO "C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\n"
#define DATA  RCPT "C: DATA\nS: 354 go\nDATA\n"
#define END   "C?: RSET\nC?: QUIT\nREAD-UNTIL-EOF\n"
#define TAKES DATA "S: 250 queued\n" END
#define NONE  "== 1\n" /* nobody may come */

struct world {
    struct smtp_script *scripts[3];
    size_t count;
    struct config *config;
    struct app *app;
};

/* A port that nobody listens on. */
static uint16_t dead_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)(void *)&address, len), 0);
    CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)(void *)&address, &len), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

/* A server called a, b, c for each scenario; NULL: nobody listens there. more: of each entry. */
static void begin(struct world *w, const char *const *scenarios, size_t count, const char *more)
{
    struct buf yaml;
    *w = (struct world){.count = count};
    buf_init(&yaml, 65536);
    CU_ASSERT_TRUE(
        buf_append_string(&yaml, "allow: {recipients: ['*'], senders: ['*'], servers: [a, b]}\nservers:\n"));
    for (size_t i = 0; i < count; i++) {
        uint16_t port = scenarios[i] == NULL ? dead_port() : 0;
        if (scenarios[i] != NULL) {
            char *error = NULL;
            w->scripts[i] = smtp_script_start(
                &(struct smtp_script_options){.scenario = scenarios[i], .grace_ms = 1}, &error);
            CU_ASSERT_PTR_NOT_NULL_FATAL(w->scripts[i]);
            port = smtp_script_port(w->scripts[i]);
        }
        CU_ASSERT_TRUE(buf_printf(&yaml, "  %c: {host: 127.0.0.1, port: %u, tls: none, pool: {size: 0}%s}\n",
                                  (char)('a' + i), (unsigned)port, more));
    }
    CU_ASSERT_TRUE(buf_append_string(&yaml, count == 3 ? "server: [a, b, c]\n" : "server: [a, b]\n"));
    struct config_report report;
    config_report_init(&report);
    w->config = config_parse("test.yaml", buf_slice(&yaml), true, &report);
    fputs(buf_cstr(&report.problems), stderr);
    config_report_free(&report);
    buf_free(&yaml);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w->config);
    w->app = app_new(w->config, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w->app);
}

/* held: whether what the scenarios expect must have come. */
static void end(struct world *w, bool held)
{
    app_free(w->app);
    for (size_t i = 0; i < w->count; i++) {
        if (w->scripts[i] != NULL && !smtp_script_stop(w->scripts[i]) && held) {
            char *report = smtp_script_report(w->scripts[i]);
            CU_FAIL("a scenario did not hold");
            fputs(report, stderr);
            free(report);
        }
        smtp_script_free(w->scripts[i]);
    }
}

static enum form_result fill(void *ctx, struct fields *fields, struct err *err)
{
    static const char *const values[][2] = {{"from", "a@example.com"},
                                            {"to", "b@example.com"},
                                            {"text", "hello"},
                                            {"message_id", "<1@example.com>"}};
    const char *const *more = ctx; /* name, value, NULL */
    enum form_result result = FORM_OK;
    for (size_t i = 0; i < 4 && result == FORM_OK; i++) {
        struct form_field head = {.name = slice_of(values[i][0])};
        result = fields_begin(fields, &head, err);
        result = result == FORM_OK ? fields_append(fields, values[i][1], strlen(values[i][1]), err) : result;
        fields_end(fields);
    }
    for (; more != NULL && *more != NULL && result == FORM_OK; more += 2) {
        struct form_field head = {.name = slice_of(more[0])};
        result = fields_begin(fields, &head, err);
        result = result == FORM_OK ? fields_append(fields, more[1], strlen(more[1]), err) : result;
        fields_end(fields);
    }
    return result;
}

static void post(struct app *app, const char *const *more, struct buf *json)
{
    struct app_mail mail = {.fill = fill, .ctx = (void *)(uintptr_t)more};
    buf_init(json, 65536);
    (void)app_send(app, &mail, json);
}

static bool says(const struct buf *json, const char *text)
{
    return strstr(buf_cstr(json), text) != NULL;
}

static void expect(const struct buf *json, const char *text, const char *name)
{
    bool held = says(json, text);
    if (!held) {
        fprintf(stderr, "%s: no %s in %s\n", name, text, buf_cstr(json));
    }
    CU_ASSERT(held);
}

/* --- what moves on and what does not --- */

struct row {
    const char *name;
    const char *first, *second; /* scenarios; NULL: nobody listens */
    const char *more;
    const char *texts[5]; /* in the answer */
};

static const struct row rows[] = {
    {"taken by the first", TAKES, NONE, "", {"\"status\":\"sent\"", "\"server\":\"a\""}},
    {"refused connection", NULL, TAKES, "", {"\"status\":\"sent\"", "\"server\":\"b\""}},
    {"5yz greeting", "S: 554 no\n" END, TAKES, "", {"\"server\":\"b\""}},
    {"4yz greeting", "S: 421 busy\n" END, TAKES, "", {"\"server\":\"b\""}},
    {"no greeting", "STALL\n", TAKES, ", timeouts: {greeting: 500ms}", {"\"server\":\"b\""}},
    {"garbage", "S: hello\n" END, TAKES, "", {"\"server\":\"b\""}},
    {"451 to MAIL", HELLO "C: MAIL *\nS: 451 later\n" END, TAKES, "", {"\"server\":\"b\""}},
    {"530 to MAIL", HELLO "C: MAIL *\nS: 530 5.7.0 who?\n" END, TAKES, "", {"\"server\":\"b\""}},
    {"450 to all RCPTs",
     HELLO "C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 450 greylisted\n" END,
     TAKES,
     "",
     {"\"server\":\"b\"", "\"rejected\":[]"}},
    {"452 to the data", DATA "S: 452 full\n" END, TAKES, "", {"\"server\":\"b\""}},
    {"lost before the data", RCPT "C: DATA\nCLOSE\n", TAKES, "", {"\"server\":\"b\""}},
    {"MAIL stalls", HELLO "C: MAIL *\nSTALL\n", TAKES, ", timeouts: {command: 500ms}", {"\"server\":\"b\""}},

    {"550 to MAIL",
     HELLO "C: MAIL *\nS: 550 no\n" END,
     NONE,
     "",
     {"message-refused", "\"server\":\"a\"", "\"status\":422"}},
    {"550 to all RCPTs",
     HELLO "C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 550 no\n" END,
     NONE,
     "",
     {"recipients-refused", "\"server\":\"a\"", "\"status\":422"}},
    {"554 to the data", DATA "S: 554 spam\n" END, NONE, "", {"message-refused", "\"server\":\"a\""}},
    {"lost after the data", DATA "CLOSE\n", NONE, "", {"smtp-unavailable", "\"delivery\":\"unknown\""}},
    {"garbage after the data",
     DATA "S: fine\n" END,
     NONE,
     "",
     {"smtp-protocol-error", "\"delivery\":\"unknown\"", "\"server\":\"a\""}},
    {"silence after the data",
     DATA "STALL\n",
     NONE,
     ", timeouts: {data: 500ms}",
     {"smtp-timeout", "\"delivery\":\"unknown\""}},

    {"both fail",
     "S: 554 not me\n" END,
     HELLO "C: MAIL *\nS: 451 nor me\n" END,
     "",
     {"smtp-temporary", "\"server\":\"b\"", "\"delivery\":\"none\"", "451 nor me",
      "(before that, a: 127.0.0.1:"}},
    {"both fail, the last for good",
     HELLO "C: MAIL *\nS: 451 later\n" END,
     HELLO "C: MAIL *\nS: 550 never\n" END,
     "",
     {"message-refused", "\"server\":\"b\"", "550 never", "451 later", "\"status\":422"}},
    {"unknown at the second",
     "S: 554 not me\n" END,
     DATA "CLOSE\n",
     "",
     {"\"delivery\":\"unknown\"", "\"server\":\"b\"", "554 not me"}},
};

static void which_failures_move_on(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        bool alone = row->second != NULL && strcmp(row->second, NONE) == 0;
        struct world w;
        struct buf json;
        begin(&w, (const char *const[]){row->first, row->second}, 2, row->more);
        post(w.app, NULL, &json);
        for (size_t k = 0; k < 5 && row->texts[k] != NULL; k++) {
            expect(&json, row->texts[k], row->name);
        }
        if (alone) {
            CU_ASSERT_EQUAL(smtp_script_connections(w.scripts[1]), 0);
        }
        buf_free(&json);
        end(&w, !alone);
    }
}

#define CHUNKED                                                                                              \
    "S: 220 x\nC: EHLO *\nS: 250-x\nS: 250-PIPELINING\nS: 250 CHUNKING\nC: MAIL *\nC: RCPT *\nBDAT\nS: 250 " \
    "ok\n"                                                                                                   \
    "S: 250 ok\n"

/* The whole message goes to the second one, though the first has had all of it. */
static void check_anew(const char *first_scenario, const char *second_scenario)
{
    struct world w;
    struct buf json;
    begin(&w, (const char *const[]){first_scenario, second_scenario}, 2, "");
    post(w.app, NULL, &json);
    expect(&json, "\"server\":\"b\"", "anew");
    size_t first_size = 0;
    size_t second_size = 0;
    const unsigned char *first = smtp_script_message(w.scripts[0], 0, &first_size);
    const unsigned char *second = smtp_script_message(w.scripts[1], 0, &second_size);
    CU_ASSERT_FATAL(first != NULL && second != NULL);
    CU_ASSERT_EQUAL_FATAL(first_size, second_size);
    CU_ASSERT_EQUAL(memcmp(first, second, first_size), 0);
    buf_free(&json);
    end(&w, true);
}

static void the_message_begins_anew(void)
{
    check_anew(DATA "S: 451 later\n" END, TAKES);
    check_anew(CHUNKED "S: 451 later\n" END, TAKES);
    check_anew(DATA "S: 451 later\n" END, CHUNKED "S: 250 queued\n" END);
}

/* RFC 5321 4.5.3.1.10: the rest goes in a second transaction, which fails; but somebody has got the mail. */
static void nothing_moves_on_after_a_first_acceptance(void)
{
    static const char *const more[] = {"cc", "c@example.com", NULL};
    struct world w;
    struct buf json;
    begin(&w,
          (const char *const[]){HELLO "C: MAIL *\nS: 250 ok\nC: RCPT TO:<b@*\nS: 250 ok\nC: RCPT TO:<c@*\n"
                                      "S: 452 4.5.3 too many\nC: DATA\nS: 354 go\nDATA\nS: 250 queued\n"
                                      "C: MAIL *\nCLOSE\n",
                                NONE},
          2, "");
    post(w.app, more, &json);
    expect(&json, "\"status\":\"partial\"", "acceptance");
    expect(&json, "\"server\":\"a\"", "acceptance");
    CU_ASSERT_EQUAL(smtp_script_connections(w.scripts[1]), 0);
    buf_free(&json);
    end(&w, false);
}

static void a_server_of_the_requests_choice_stands_alone(void)
{
    static const char *const choice[] = {"server", "a", NULL};
    struct world w;
    struct buf json;
    begin(&w, (const char *const[]){NULL, NONE}, 2, "");
    post(w.app, choice, &json);
    expect(&json, "smtp-unavailable", "chosen");
    expect(&json, "\"server\":\"a\"", "chosen");
    CU_ASSERT_EQUAL(smtp_script_connections(w.scripts[1]), 0);
    buf_free(&json);
    end(&w, false);
}

static void three_servers(void)
{
    struct world w;
    struct buf json;
    begin(&w, (const char *const[]){NULL, "S: 554 no\n" END, HELLO "C: MAIL *\nS: 451 later\n" END}, 3, "");
    post(w.app, NULL, &json);
    expect(&json, "\"server\":\"c\"", "three");
    expect(&json, "(before that, a: cannot connect to 127.0.0.1:", "three");
    expect(&json, "; b: 127.0.0.1:", "three");
    buf_free(&json);
    end(&w, true);
}

/* --- time --- */

/* One limit for all: the second server has what the first one left. */
static void one_total_for_all(void)
{
    struct world w;
    struct buf json;
    begin(&w, (const char *const[]){HELLO "C: MAIL *\nSTALL\n", HELLO "C: MAIL *\nSTALL\n"}, 2,
          ", timeouts: {command: 1s, total: 1500ms}");
    deadline before = deadline_now();
    post(w.app, NULL, &json);
    deadline took = deadline_now() - before;
    CU_ASSERT(took >= 1500 && took < 10000);
    expect(&json, "smtp-timeout", "total");
    expect(&json, "\"server\":\"b\"", "total");
    buf_free(&json);
    end(&w, true);
}

/* The time of the whole list would not be enough for the first server's greeting alone. */
static void a_silent_server_leaves_time_for_the_next(void)
{
    struct world w;
    struct buf json;
    begin(&w, (const char *const[]){"STALL\n", TAKES}, 2, ", timeouts: {greeting: 50s, total: 2s}");
    post(w.app, NULL, &json);
    expect(&json, "\"server\":\"b\"", "share");
    buf_free(&json);
    end(&w, true);
}

/* A server that is only slow with the mail itself keeps the whole time. */
static void a_slow_server_is_not_cut_short(void)
{
    struct world w;
    struct buf json;
    begin(&w, (const char *const[]){DATA "WAIT 1600\nS: 250 queued\n" END, NONE}, 2,
          ", timeouts: {total: 3s}");
    post(w.app, NULL, &json);
    expect(&json, "\"server\":\"a\"", "slow");
    expect(&json, "\"status\":\"sent\"", "slow");
    CU_ASSERT_EQUAL(smtp_script_connections(w.scripts[1]), 0);
    buf_free(&json);
    end(&w, false);
}

/* --- what is remembered --- */

static void expect_server(struct world *w, const char *server, const char *name)
{
    struct buf json;
    post(w->app, NULL, &json);
    expect(&json, server, name);
    buf_free(&json);
}

static void a_dead_server_costs_one_mail(void)
{
    struct world w;
    begin(&w, (const char *const[]){"== *\nSTALL\n", "== *\n" TAKES}, 2,
          ", timeouts: {greeting: 500ms}, retry_after: 1h");
    for (size_t i = 0; i < 5; i++) {
        expect_server(&w, "\"server\":\"b\"", "dead");
    }
    CU_ASSERT_EQUAL(smtp_script_connections(w.scripts[0]), 1);
    CU_ASSERT_EQUAL(smtp_script_messages(w.scripts[1]), 5);
    end(&w, true);
}

/* Tried last is not given up: it takes what the others cannot, and then it is well again. */
static void a_dead_server_is_still_there_for_need(void)
{
    struct world w;
    begin(&w,
          (const char *const[]){"== 1\nSTALL\n== *\n" TAKES,
                                "== 1\n" TAKES "== 2\nS: 421 busy\n" END "== *\nS: 421 busy\n" END},
          2, ", timeouts: {greeting: 500ms}, retry_after: 1h");
    expect_server(&w, "\"server\":\"b\"", "first mail");
    expect_server(&w, "\"server\":\"a\"", "second mail");
    expect_server(&w, "\"server\":\"a\"", "third mail");
    CU_ASSERT_EQUAL(smtp_script_connections(w.scripts[1]), 2);
    end(&w, true);
}

static void a_server_is_tried_again_after_a_while(void)
{
    struct world w;
    begin(&w, (const char *const[]){"== 1\nSTALL\n== *\n" TAKES, "== *\n" TAKES}, 2,
          ", timeouts: {greeting: 500ms}, retry_after: 500ms");
    expect_server(&w, "\"server\":\"b\"", "dead");
    deadline limit = deadline_after(20000);
    bool back = false;
    while (!back && !deadline_passed(limit)) {
        struct buf json;
        post(w.app, NULL, &json);
        back = says(&json, "\"server\":\"a\"");
        CU_ASSERT(back || says(&json, "\"server\":\"b\""));
        buf_free(&json);
    }
    CU_ASSERT_TRUE(back);
    expect_server(&w, "\"server\":\"a\"", "well");
    end(&w, true);
}

/* What says 451 is not dead, and is asked first by the next mail. */
static void a_server_that_answers_is_not_dead(void)
{
    struct world w;
    begin(&w, (const char *const[]){"== *\nS: 421 busy\n" END, "== *\n" TAKES}, 2, ", retry_after: 1h");
    for (size_t i = 0; i < 3; i++) {
        expect_server(&w, "\"server\":\"b\"", "busy");
    }
    CU_ASSERT_EQUAL(smtp_script_connections(w.scripts[0]), 3);
    end(&w, true);
}

/* When the time is over for reasons of our own, that says nothing of the server. */
static void a_total_that_ends_marks_nobody(void)
{
    struct world w;
    begin(&w, (const char *const[]){"== 1\nSTALL\n== *\n" TAKES, NONE}, 2,
          ", timeouts: {greeting: 20s, total: 1s}, retry_after: 1h");
    static const char *const only_a[] = {"server", "a", NULL};
    struct buf json;
    post(w.app, only_a, &json);
    expect(&json, "smtp-timeout", "total");
    buf_free(&json);
    CU_ASSERT_TRUE(smtp_script_wait(w.scripts[0], 1, 20000));
    expect_server(&w, "\"server\":\"a\"", "not dead");
    end(&w, false);
}

#define SENDERS 4

static void *send_mails(void *app)
{
    for (size_t i = 0; i < 10; i++) {
        struct buf json;
        post(app, NULL, &json);
        CU_ASSERT(says(&json, "\"server\":\"b\""));
        buf_free(&json);
    }
    return NULL;
}

static void many_at_once(void)
{
    struct world w;
    begin(&w, (const char *const[]){NULL, "== *\n" TAKES}, 2, ", retry_after: 1ms");
    pthread_t senders[SENDERS];
    for (size_t i = 0; i < SENDERS; i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_create(&senders[i], NULL, send_mails, w.app), 0);
    }
    for (size_t i = 0; i < SENDERS; i++) {
        (void)pthread_join(senders[i], NULL);
    }
    CU_ASSERT_EQUAL(smtp_script_messages(w.scripts[1]), 10 * SENDERS);
    end(&w, true);
}

static const struct unit_test tests[] = {
    {"which failures move on", which_failures_move_on},
    {"the message begins anew", the_message_begins_anew},
    {"a server of the request's choice stands alone", a_server_of_the_requests_choice_stands_alone},
    {"nothing moves on after a first acceptance", nothing_moves_on_after_a_first_acceptance},
    {"three servers", three_servers},
    {"one total for all", one_total_for_all},
    {"a silent server leaves time for the next", a_silent_server_leaves_time_for_the_next},
    {"a slow server is not cut short", a_slow_server_is_not_cut_short},
    {"a dead server costs one mail", a_dead_server_costs_one_mail},
    {"a dead server is still there for need", a_dead_server_is_still_there_for_need},
    {"a server is tried again after a while", a_server_is_tried_again_after_a_while},
    {"a server that answers is not dead", a_server_that_answers_is_not_dead},
    {"a total that ends marks nobody", a_total_that_ends_marks_nobody},
    {"many at once", many_at_once},
};
UNIT_SUITE(app_fallback, tests);
