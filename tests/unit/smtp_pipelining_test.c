/* PIPELINING (RFC 2920): what goes in one flight, what comes of refusals in it, and that full buffers are no end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smtp/session.h"
#include "smtp_fixture.h"
#include "unit.h"

#define HELLO(capabilities) "S: 220 mail ESMTP\nC: EHLO *\nS: 250-mail\n" capabilities "S: 250 HELP\n"
#define PIPELINING          HELLO("S: 250-PIPELINING\n")
#define FLIGHT              "C: MAIL FROM:<a@example.com>\nC+: RCPT TO:<b@example.com>\nC+: DATA\n"
#define GO                  "S: 250 ok\nS: 250 ok\nS: 354 go\n"
#define MESSAGE             "DATA\nS: 250 2.0.0 queued\n"
#define QUIT                "C: QUIT\nWAIT-EOF\n"

#define EHLO_FLIGHT "EHLO client.example\\r\\n\n"
#define MAIL_FLIGHT "MAIL FROM:<a@example.com>\\r\\nRCPT TO:<b@example.com>\\r\\nDATA\\r\\n\n"
#define DATA_FLIGHT "Subject: test\\r\\n\\r\\nHello\\r\\n..dot\\r\\n...\\r\\n.\\r\\n\n"
#define QUIT_FLIGHT "QUIT\\r\\n\n"

static void warm(struct smtp_fixture *f)
{
    f->settings.pool_size = 1;
    f->settings.pool_idle_ms = 60000;
    f->settings.pool_max_messages = 100;
}

/* --- round trips --- */

static void two_round_trips(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    warm(&f);
    smtp_fixture_start(&f, PIPELINING "REPEAT 3\n" FLIGHT GO MESSAGE "END\n" QUIT);
    for (int i = 0; i < 3; i++) {
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        CU_ASSERT_EQUAL(f.outcome.reused, i > 0);
    }
    smtp_endpoint_free(f.endpoint);
    f.endpoint = NULL;
    CU_ASSERT(smtp_fixture_flights_are(
        &f, 1,
        EHLO_FLIGHT MAIL_FLIGHT DATA_FLIGHT MAIL_FLIGHT DATA_FLIGHT MAIL_FLIGHT DATA_FLIGHT QUIT_FLIGHT));
    smtp_fixture_end(&f, "two round trips");
}

/* Each of the secured dialogue's steps is one flight, and nothing else is said. */
static void secured(void)
{
    static const struct {
        enum smtp_tls tls;
        const char *scenario;
        const char *flights;
    } table[] = {
        {SMTP_TLS_IMPLICIT,
         "TLS\n" HELLO(
             "S: 250-PIPELINING\nS: 250-AUTH PLAIN\n") "C: AUTH PLAIN *\nS: 235 ok\n" FLIGHT GO MESSAGE QUIT,
         EHLO_FLIGHT "AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=\\r\\n\n" MAIL_FLIGHT DATA_FLIGHT QUIT_FLIGHT},
        {SMTP_TLS_STARTTLS,
         HELLO("S: 250-STARTTLS\n") "C: STARTTLS\nS: 220 go\nTLS\nC: EHLO *\nS: 250-mail\nS: 250-PIPELINING\n"
                                    "S: 250 AUTH PLAIN\nC: AUTH PLAIN *\nS: 235 ok\n" FLIGHT GO MESSAGE QUIT,
         EHLO_FLIGHT "STARTTLS\\r\\n\n" EHLO_FLIGHT
                     "AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=\\r\\n\n" MAIL_FLIGHT DATA_FLIGHT QUIT_FLIGHT},
    };
    char ca_file[80];
    (void)snprintf(ca_file, sizeof ca_file, "%s/ca.pem", smtp_fixture_ca());
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        f.ca_dir = smtp_fixture_ca();
        f.settings.ca_file = ca_file;
        f.settings.host = "localhost";
        f.settings.tls = table[i].tls;
        f.settings.user = "user";
        char password[] = "password";
        f.settings.password = (struct secret){password, sizeof password - 1};
        smtp_fixture_start(&f, table[i].scenario);
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        CU_ASSERT_STRING_EQUAL(f.outcome.err.text, "");
        CU_ASSERT(smtp_fixture_flights_are(&f, 1, table[i].flights));
        smtp_fixture_end(&f, "secured");
    }
    smtp_fixture_remove_ca();
}

/* With abort nothing of the data may be begun before all recipients are known to be accepted. */
static void abort_waits(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    f.settings.abort_on_refused = true;
    smtp_fixture_start(&f, PIPELINING
                       "C: MAIL *\nC+: RCPT *\nS: 250 ok\nS: 250 ok\nC: DATA\nS: 354 go\n" MESSAGE QUIT);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT(smtp_fixture_flights_are(
        &f, 1,
        EHLO_FLIGHT "MAIL FROM:<a@example.com>\\r\\nRCPT TO:<b@example.com>\\r\\n\nDATA\\r\\n\n" DATA_FLIGHT
            QUIT_FLIGHT));
    smtp_fixture_end(&f, "abort");
}

/* --- refusals --- */

struct row {
    const char *name;
    const char *scenario; /* behind EHLO */
    bool abort;
    bool kept; /* the session goes on to another mail */
    enum smtp_class class;
    const char *stage;
    int codes[3];
    const char *text;
};

#define THREE      "C: MAIL *\nC+: RCPT TO:<1@*\nC+: RCPT TO:<2@*\nC+: RCPT TO:<3@*\n"
#define THREE_DATA THREE "C+: DATA\n"
#define RESET      "C: RSET\nS: 250 flushed\n"
#define NEXT       FLIGHT GO MESSAGE QUIT /* the next mail, to one recipient */
#define DOT_RESET  "C: .\nC+: RSET\n"

static const struct row rows[] = {
    {"some refused",
     THREE_DATA "S: 250 ok\nS: 550 no\nS: 250 ok\nS: 250 ok\nS: 354 go\n" MESSAGE NEXT,
     false,
     true,
     SMTP_ACCEPTED,
     "end of data",
     {550, 250, 250},
     "refused RCPT TO:<1@example.com>: 550 no"},
    {"MAIL refused",
     THREE_DATA "S: 550 no\nS: 503 a\nS: 503 b\nS: 503 c\nS: 503 d\n" RESET NEXT,
     false,
     true,
     SMTP_MESSAGE_REFUSED,
     "MAIL",
     {0, 0, 0},
     "refused MAIL FROM:<a@example.com>: 550 no"},
    {"MAIL refused for now",
     THREE_DATA "S: 451 no\nS: 503 a\nS: 503 b\nS: 503 c\nS: 503 d\n" RESET NEXT,
     false,
     true,
     SMTP_TEMPORARY,
     "MAIL",
     {0, 0, 0},
     "451 no"},
    {"MAIL refused, RCPT accepted",
     THREE_DATA "S: 550 no\nS: 250 a\nS: 250 b\nS: 503 c\nS: 503 d\n" RESET NEXT,
     false,
     true,
     SMTP_MESSAGE_REFUSED,
     "MAIL",
     {0, 0, 0},
     "550 no"},
    {"MAIL refused, yet 354",
     THREE_DATA "S: 550 no\nS: 503 a\nS: 503 b\nS: 503 c\nS: 354 d\n" DOT_RESET
                "S: 554 none\nS: 250 flushed\n" NEXT,
     false,
     true,
     SMTP_MESSAGE_REFUSED,
     "MAIL",
     {0, 0, 0},
     "550 no"},
    {"all refused",
     THREE_DATA "S: 250 ok\nS: 550 a\nS: 551 b\nS: 552 c\nS: 503 d\n" RESET NEXT,
     false,
     true,
     SMTP_RECIPIENTS_REFUSED,
     "RCPT",
     {550, 551, 552},
     "550 a (and refused 2 more)"},
    {"all refused, yet 354, and accepted",
     THREE_DATA "S: 250 ok\nS: 550 a\nS: 551 b\nS: 552 c\nS: 354 d\n" DOT_RESET
                "S: 250 queued\nS: 250 flushed\n" NEXT,
     false,
     true,
     SMTP_RECIPIENTS_REFUSED,
     "RCPT",
     {550, 551, 552},
     "550 a (and refused 2 more)"},
    {"all refused, yet 354, and RSET refused",
     "== 1\n" PIPELINING THREE_DATA "S: 250 ok\nS: 550 a\nS: 551 b\nS: 552 c\nS: 354 d\n" DOT_RESET
     "S: 554 none\nS: 500 what?\n" QUIT ""
     "== 2\n" PIPELINING NEXT,
     false,
     false,
     SMTP_RECIPIENTS_REFUSED,
     "RCPT",
     {550, 551, 552},
     "550 a (and refused 2 more)"},
    {"all refused, one for now, and DATA lost",
     "== 1\n" PIPELINING THREE_DATA "S: 250 ok\nS: 550 a\nS: 450 b\nS: 552 c\nCLOSE\n"
     "== 2\n" PIPELINING NEXT,
     false,
     false,
     SMTP_TEMPORARY,
     "RCPT",
     {550, 450, 552},
     "refused RCPT TO:<2@example.com>: 450 b"},
    {"all refused, and DATA garbage",
     "== 1\n" PIPELINING THREE_DATA "S: 250 ok\nS: 550 a\nS: 551 b\nS: 552 c\nS: what?\nWAIT-EOF\n"
     "== 2\n" PIPELINING NEXT,
     false,
     false,
     SMTP_RECIPIENTS_REFUSED,
     "RCPT",
     {550, 551, 552},
     "550 a (and refused 2 more)"},
    {"DATA refused",
     THREE_DATA "S: 250 ok\nS: 550 a\nS: 250 b\nS: 250 c\nS: 451 4.3.0 d\n" RESET NEXT,
     false,
     true,
     SMTP_TEMPORARY,
     "DATA",
     {550, 250, 250},
     "refused DATA: 451 4.3.0 d"},
    {"message refused",
     THREE_DATA "S: 250 ok\nS: 550 a\nS: 250 b\nS: 250 c\nS: 354 d\nDATA\nS: 554 spam\n" RESET NEXT,
     false,
     true,
     SMTP_MESSAGE_REFUSED,
     "end of data",
     {550, 554, 554},
     "refused the message: 554 spam"},
    {"one refused, abort",
     "== 1\n" PIPELINING THREE "S: 250 ok\nS: 250 a\nS: 550 b\nS: 250 c\n" QUIT "== 2\n" PIPELINING
     "C: MAIL *\nC+: RCPT *\nS: 250 ok\nS: 250 ok\nC: DATA\nS: 354 go\n" MESSAGE QUIT,
     true,
     false,
     SMTP_RECIPIENTS_REFUSED,
     "RCPT",
     {250, 550, 250},
     "refused RCPT TO:<2@example.com>: 550 b"},
};

static bool row_holds(const struct row *row, const struct smtp_fixture *f)
{
    const struct smtp_outcome *o = &f->outcome;
    bool accepted = row->class == SMTP_ACCEPTED;
    bool held = o->class == row->class && strcmp(o->stage, row->stage) == 0 &&
                o->state == (accepted ? SMTP_DELIVERY_DONE : SMTP_DELIVERY_NONE) &&
                strstr(o->err.text, row->text) != NULL;
    for (size_t i = 0; i < 3; i++) {
        bool done = accepted && row->codes[i] / 100 == 2;
        held = held && f->recipients[i].reply.code == row->codes[i] &&
               f->recipients[i].state == (done ? SMTP_DELIVERY_DONE : SMTP_DELIVERY_NONE);
    }
    return held;
}

static void refusals(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        warm(&f);
        f.settings.abort_on_refused = row->abort;
        char scenario[1500];
        (void)snprintf(scenario, sizeof scenario, "%s%s", row->scenario[0] == '=' ? "" : PIPELINING,
                       row->scenario);
        smtp_fixture_recipients(&f, (const char *const[]){"1@example.com", "2@example.com", "3@example.com"},
                                3);
        smtp_fixture_start(&f, scenario);
        smtp_fixture_deliver(&f);
        bool held = row_holds(row, &f);
        if (!held) {
            printf("\n%s: class %d state %d stage %s: %s\n", row->name, f.outcome.class, f.outcome.state,
                   f.outcome.stage, f.outcome.err.text);
        }
        CU_ASSERT(held);
        smtp_fixture_recipients(&f, (const char *const[]){"b@example.com"}, 1);
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        CU_ASSERT_EQUAL(f.outcome.reused, row->kept);
        smtp_endpoint_free(f.endpoint);
        f.endpoint = NULL;
        smtp_fixture_end(&f, row->name);
    }
}

/* The answer is there while the server has not yet replied to the dot and to RSET. */
static void nobody_waits_for_reset(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    warm(&f);
    smtp_fixture_start(&f,
                       PIPELINING FLIGHT "S: 250 ok\nS: 550 no\nS: 354 go\n" DOT_RESET
                                         "GATE reset\nS: 554 none\nS: 250 flushed\n" FLIGHT GO MESSAGE QUIT);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_RECIPIENTS_REFUSED);
    CU_ASSERT_TRUE(smtp_script_wait_line(f.script, 1, "C: RSET", 10000));
    smtp_script_open(f.script, "reset");
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_TRUE(f.outcome.reused);
    smtp_endpoint_free(f.endpoint);
    f.endpoint = NULL;
    smtp_fixture_end(&f, "RSET");
}

/* --- full buffers --- */

#define MANY 1000

struct crowd {
    char texts[MANY][240];
    struct addr_spec addresses[MANY];
    struct smtp_recipient recipients[MANY];
};

static struct crowd *make_crowd(struct smtp_fixture *f)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    CU_ASSERT_PTR_NOT_NULL_FATAL(crowd);
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(crowd->texts[i], sizeof crowd->texts[i], "r%zu@%.*s.example.com", i, 200,
                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
                       "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb."
                       "cccccccccccccccccccccccccccccccccccccccccccccccccc."
                       "dddddddddddddddddddddddddddddddddddddddddddddddd");
        crowd->addresses[i] = smtp_fixture_address(crowd->texts[i]);
        crowd->recipients[i].address = &crowd->addresses[i];
    }
    f->delivery.recipients = crowd->recipients;
    f->delivery.recipient_count = MANY;
    return crowd;
}

#define LONG_REPLY                                                                                           \
    "S: 250 2.1.5 "                                                                                          \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"             \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"  \
    "\n"

struct crowd_row {
    const char *name;
    const char *capabilities;
    const char *end;
    bool unix_socket;
};

static const struct crowd_row crowd_rows[] = {
    {"DATA", "S: 250-PIPELINING\n", "C: DATA\nS: 354 go\nDATA\nS: 250 queued\n", true},
    {"BDAT", "S: 250-PIPELINING\nS: 250-CHUNKING\n", "BDAT\nS: 250 queued\n", true},
    {"DATA over TCP", "S: 250-PIPELINING\n", "C: DATA\nS: 354 go\nDATA\nS: 250 queued\n", false},
};

/*
 * The server sends each reply before it reads on, through the smallest buffers that the system gives. Of a unix socket
 * these are full with a few commands; over TCP, where the smallest ones only test timers, they are a little larger.
 */
static void run_crowd(const struct crowd_row *row, const char *host)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    warm(&f);
    f.settings.inline_limit = 65536;
    f.settings.host = row->unix_socket ? host : "127.0.0.1";
    f.send_buffer = row->unix_socket ? 1 : 16384;
    f.receive_buffer = f.send_buffer;
    char scenario[2000];
    (void)snprintf(
        scenario, sizeof scenario,
        "%s%sS: 250 HELP\nC: MAIL *\nC+: RCPT *\nIF DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nDATA\nELSE\n"
        "BDAT\nS: 250 ok\nS: 250 ok\nEND\nS: 250 ok\n"
        "C: MAIL *\nS: 250 ok\nREPEAT %d\nC: RCPT *\n" LONG_REPLY "END\n%s" QUIT,
        "S: 220 mail\nC: EHLO *\nS: 250-mail\n", row->capabilities, MANY, row->end);
    smtp_fixture_start(&f, scenario);
    smtp_deliver(f.endpoint, &f.delivery, &f.outcome);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f.outcome.session);
    int fd = f.outcome.session->stream.fd;
    CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &f.send_buffer, sizeof(int)), 0);
    CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &f.send_buffer, sizeof(int)), 0);
    smtp_release(f.outcome.session);
    struct crowd *crowd = make_crowd(&f);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_STRING_EQUAL(f.outcome.err.text, "");
    CU_ASSERT_TRUE(f.outcome.reused);
    size_t done = 0;
    for (size_t i = 0; i < MANY; i++) {
        done += crowd->recipients[i].state == SMTP_DELIVERY_DONE ? 1 : 0;
    }
    CU_ASSERT_EQUAL(done, MANY);
    smtp_endpoint_free(f.endpoint);
    f.endpoint = NULL;
    smtp_fixture_end(&f, row->name);
    free(crowd);
}

static void full_buffers(void)
{
    char directory[] = "/tmp/smtp-test-XXXXXX";
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
    char host[64];
    (void)snprintf(host, sizeof host, "unix:%s/socket", directory);
    for (size_t i = 0; i < sizeof crowd_rows / sizeof crowd_rows[0]; i++) {
        run_crowd(&crowd_rows[i], host);
    }
    CU_ASSERT_EQUAL(rmdir(directory), 0);
}

static const struct unit_test tests[] = {
    {"two round trips on a warm session", two_round_trips}, {"secured", secured},
    {"abort waits for the recipients", abort_waits},        {"refusals", refusals},
    {"nobody waits for RSET", nobody_waits_for_reset},      {"full buffers", full_buffers},
};

UNIT_SUITE(smtp_pipelining, tests);
