/* LMTP (RFC 2033): LHLO, and a reply for each accepted recipient after the data. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smtp_fixture.h"
#include "unit.h"

#define START(capabilities)                                                                                  \
    "S: 220 mail LMTP\nC: LHLO client.example\nS: 250-mail\n" capabilities "S: 250 HELP\n"
#define THREE  "C: RCPT TO:<1@*\nS: 250 a\nC: RCPT TO:<2@*\nS: 250 b\nC: RCPT TO:<3@*\nS: 250 c\n"
#define MAIL   "C: MAIL *\nS: 250 ok\n"
#define DATA   "C: DATA\nS: 354 go\nDATA\n"
#define QUIT   "C: QUIT\nWAIT-EOF\n"
#define BOTH   START("S: 250-PIPELINING\nS: 250-CHUNKING\n")
#define FLIGHT "C: MAIL *\nC+: RCPT TO:<1@*\nC+: RCPT TO:<2@*\nC+: RCPT TO:<3@*\n"

#define NONE    SMTP_DELIVERY_NONE
#define DONE    SMTP_DELIVERY_DONE
#define UNKNOWN SMTP_DELIVERY_UNKNOWN

struct row {
    const char *name;
    const char *scenario;
    size_t inline_limit;
    enum smtp_class class;
    enum smtp_delivery_state state;
    int codes[3];
    enum smtp_delivery_state states[3];
    const char *text;
};

static const struct row rows[] = {
    {"all accepted",
     START("") MAIL THREE DATA "S: 250 x\nS: 250 y\nS: 250 z\n" QUIT,
     0,
     SMTP_ACCEPTED,
     DONE,
     {250, 250, 250},
     {DONE, DONE, DONE},
     ""},
    {"one refused",
     START("") MAIL THREE DATA "S: 250 x\nS: 552 5.2.2 full\nS: 250 z\n" QUIT,
     0,
     SMTP_ACCEPTED,
     DONE,
     {250, 552, 250},
     {DONE, NONE, DONE},
     "refused <2@example.com>: 552 5.2.2 full"},
    {"refused by RCPT and at the end",
     START("") MAIL "C: RCPT *\nS: 550 no\nC: RCPT *\nS: 250 b\nC: RCPT *\nS: 250 c\n" DATA
                    "S: 450 later\nS: 250 z\n" QUIT,
     0,
     SMTP_ACCEPTED,
     DONE,
     {550, 450, 250},
     {NONE, NONE, DONE},
     "refused <2@example.com>: 450 later (and refused 1 more)"},
    {"all refused at the end",
     START("") MAIL THREE DATA "S: 552 x\nS: 554 y\nS: 550 z\n" QUIT,
     0,
     SMTP_MESSAGE_REFUSED,
     NONE,
     {552, 554, 550},
     {NONE, NONE, NONE},
     "refused <1@example.com>: 552 x (and refused 2 more)"},
    {"all refused at the end, one for now",
     START("") MAIL THREE DATA "S: 552 x\nS: 452 y\nS: 550 z\n" QUIT,
     0,
     SMTP_TEMPORARY,
     NONE,
     {552, 452, 550},
     {NONE, NONE, NONE},
     "452 y"},
    {"one reply missing",
     START("") MAIL THREE DATA "S: 250 x\nS: 250 y\nCLOSE\n",
     0,
     SMTP_ACCEPTED,
     DONE,
     {250, 250, 250},
     {DONE, DONE, UNKNOWN},
     "closed the connection"},
    {"replies missing, none accepted",
     START("") MAIL THREE DATA "S: 550 x\nCLOSE\n",
     0,
     SMTP_UNAVAILABLE,
     UNKNOWN,
     {550, 250, 250},
     {NONE, UNKNOWN, UNKNOWN},
     "closed the connection"},
    {"all replies missing",
     START("") MAIL THREE DATA "CLOSE\n",
     0,
     SMTP_UNAVAILABLE,
     UNKNOWN,
     {250, 250, 250},
     {UNKNOWN, UNKNOWN, UNKNOWN},
     "closed the connection"},
    {"garbage behind one",
     START("") MAIL THREE DATA "S: 250 x\nS: what?\nWAIT-EOF\n",
     0,
     SMTP_ACCEPTED,
     DONE,
     {250, 250, 250},
     {DONE, UNKNOWN, UNKNOWN},
     "\"what?\""},
    {"354 for one",
     START("") MAIL THREE DATA "S: 250 x\nS: 354 what?\nWAIT-EOF\n",
     0,
     SMTP_ACCEPTED,
     DONE,
     {250, 250, 250},
     {DONE, UNKNOWN, UNKNOWN},
     "354 what?"},
    {"421 for one",
     START("") MAIL THREE DATA "S: 250 x\nS: 421 4.3.2 bye\nCLOSE\n",
     0,
     SMTP_ACCEPTED,
     DONE,
     {250, 421, 250},
     {DONE, NONE, UNKNOWN},
     "closed the connection"},
    {"LHLO refused",
     "S: 220 x\nC: LHLO *\nS: 500 what?\n" QUIT,
     0,
     SMTP_UNAVAILABLE,
     NONE,
     {0, 0, 0},
     {NONE, NONE, NONE},
     "refused LHLO client.example: 500 what?"},
    {"too many for one transaction",
     START("") MAIL "C: RCPT *\nS: 250 a\nC: RCPT *\nS: 452 4.5.3 b\nC: RCPT *\nS: 452 4.5.3 c\n" DATA
                    "S: 250 x\n" MAIL "C: RCPT TO:<2@*\nS: 250 b\nC: RCPT TO:<3@*\nS: 250 c\n" DATA
                    "S: 250 y\nCLOSE\n",
     0,
     SMTP_ACCEPTED,
     DONE,
     {250, 250, 250},
     {DONE, DONE, UNKNOWN},
     "closed the connection"},
    {"pipelined",
     START("S: 250-PIPELINING\n") FLIGHT
     "C+: DATA\nS: 250 ok\nS: 250 a\nS: 550 b\nS: 250 c\nS: 354 go\nDATA\n"
     "S: 250 x\nS: 250 z\n" QUIT,
     0,
     SMTP_ACCEPTED,
     DONE,
     {250, 550, 250},
     {DONE, NONE, DONE},
     "550 b"},
    {"in one flight",
     BOTH FLIGHT "BDAT\nS: 250 ok\nS: 250 a\nS: 550 b\nS: 250 c\nS: 250 x\nS: 452 z\n" QUIT,
     65536,
     SMTP_ACCEPTED,
     DONE,
     {250, 550, 452},
     {DONE, NONE, NONE},
     "refused <3@example.com>: 452 z"},
    {"in one flight, a reply missing",
     BOTH FLIGHT "BDAT\nS: 250 ok\nS: 250 a\nS: 250 b\nS: 250 c\nS: 250 x\nCLOSE\n",
     65536,
     SMTP_ACCEPTED,
     DONE,
     {250, 250, 250},
     {DONE, UNKNOWN, UNKNOWN},
     "closed the connection"},
    {"in one flight, a reply too many",
     BOTH FLIGHT "BDAT\nRAW \"250 ok\\r\\n250 a\\r\\n250 b\\r\\n250 c\\r\\n250 x\\r\\n250 y\\r\\n250 z\\r\\n"
                 "554 spam\\r\\n\"\nWAIT-EOF\n",
     65536,
     SMTP_PROTOCOL_ERROR,
     UNKNOWN,
     {250, 250, 250},
     {UNKNOWN, UNKNOWN, UNKNOWN},
     "more replies than there were commands"},
    {"in one flight, lost before RCPT",
     BOTH FLIGHT "BDAT\nS: 250 ok\nCLOSE\n",
     65536,
     SMTP_UNAVAILABLE,
     UNKNOWN,
     {0, 0, 0},
     {UNKNOWN, UNKNOWN, UNKNOWN},
     "closed the connection"},
    {"in one flight, all refused",
     BOTH FLIGHT "BDAT\nS: 250 ok\nS: 550 a\nS: 550 b\nS: 550 c\nS: 503 none\nWAIT-EOF\n",
     65536,
     SMTP_RECIPIENTS_REFUSED,
     NONE,
     {550, 550, 550},
     {NONE, NONE, NONE},
     "550 a (and refused 2 more)"},
    {"all refused, yet 354",
     START("S: 250-PIPELINING\n") FLIGHT
     "C+: DATA\nS: 250 ok\nS: 550 a\nS: 550 b\nS: 550 c\nS: 354 go\nC: .\nC+: RSET\nWAIT-EOF\n",
     0,
     SMTP_RECIPIENTS_REFUSED,
     NONE,
     {550, 550, 550},
     {NONE, NONE, NONE},
     "550 a (and refused 2 more)"},
    {"BDAT when the recipients are known",
     BOTH FLIGHT "S: 250 ok\nS: 250 a\nS: 250 b\nS: 250 c\nBDAT\nS: 250 x\nS: 250 y\nS: 250 z\n" QUIT,
     0,
     SMTP_ACCEPTED,
     DONE,
     {250, 250, 250},
     {DONE, DONE, DONE},
     ""},
};

static void replies(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        f.settings.protocol = SMTP_PROTOCOL_LMTP;
        f.settings.inline_limit = row->inline_limit;
        smtp_fixture_recipients(&f, (const char *const[]){"1@example.com", "2@example.com", "3@example.com"},
                                3);
        smtp_fixture_start(&f, row->scenario);
        smtp_fixture_deliver(&f);
        bool held = f.outcome.class == row->class && f.outcome.state == row->state &&
                    strstr(f.outcome.err.text, row->text) != NULL &&
                    (row->text[0] != '\0' || f.outcome.err.text[0] == '\0');
        for (size_t r = 0; r < 3; r++) {
            held = held && f.recipients[r].reply.code == row->codes[r] &&
                   f.recipients[r].state == row->states[r];
        }
        if (!held) {
            printf("\n%s: class %d state %d, codes %d %d %d, states %d %d %d: %s\n", row->name,
                   f.outcome.class, f.outcome.state, f.recipients[0].reply.code, f.recipients[1].reply.code,
                   f.recipients[2].reply.code, f.recipients[0].state, f.recipients[1].state,
                   f.recipients[2].state, f.outcome.err.text);
        }
        CU_ASSERT(held);
        CU_ASSERT_EQUAL(smtp_script_connections(f.script), 1);
        smtp_fixture_end(&f, row->name);
    }
}

/* Chunks have one reply each; only the last one has as many as there are recipients. */
static void chunks(void)
{
    size_t len = (size_t)300 * 1024;
    char *text = malloc(len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, 'x', len);
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    f.settings.protocol = SMTP_PROTOCOL_LMTP;
    smtp_fixture_message(&f, text, len);
    smtp_fixture_recipients(&f, (const char *const[]){"1@example.com", "2@example.com", "3@example.com"}, 3);
    smtp_fixture_run(&f,
                     BOTH FLIGHT
                     "S: 250 ok\nS: 250 a\nS: 550 b\nS: 250 c\nBDAT\nS: 250 1\nBDAT\nS: 250 2\nBDAT\n"
                     "S: 250 x\nS: 250 z\n" QUIT,
                     "chunks");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_STRING_EQUAL(f.recipients[0].reply.text, "x");
    CU_ASSERT_STRING_EQUAL(f.recipients[2].reply.text, "z");
    free(text);
}

/* A server that accepts for all recipients when it has read the beginning of a long flight has not got the message. */
static void accepted_before_the_end_of_the_flight(void)
{
    size_t len = (size_t)8 * 1024 * 1024;
    char *text = malloc(len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, 'x', len);
    memcpy(text + len - 2, "\r\n", 2);
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    f.settings.protocol = SMTP_PROTOCOL_LMTP;
    f.settings.inline_limit = len;
    f.receive_buffer = 65536;
    smtp_fixture_message(&f, text, len);
    smtp_fixture_recipients(&f, (const char *const[]){"1@example.com", "2@example.com", "3@example.com"}, 3);
    smtp_fixture_start(&f, BOTH "C: MAIL *\nS: 250 ok\nS: 250 a\nS: 250 b\nS: 250 c\nS: 250 x\nS: 250 y\n"
                                "S: 250 z\nSTALL\nREAD-UNTIL-EOF\n");
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_PROTOCOL_ERROR);
    CU_ASSERT_EQUAL(f.outcome.state, UNKNOWN);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(f.recipients[i].state, UNKNOWN);
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(f.outcome.err.text, "before the message had ended"));
    CU_ASSERT_PTR_NULL(f.outcome.session);
    smtp_fixture_end(&f, "early");
    free(text);
}

/* The usual place of an LMTP server; the session is kept like any other. */
static void through_a_unix_socket(void)
{
    char directory[] = "/tmp/smtp-test-XXXXXX";
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
    char host[64];
    (void)snprintf(host, sizeof host, "unix:%s/lmtp", directory);
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    f.settings.host = host;
    f.settings.protocol = SMTP_PROTOCOL_LMTP;
    f.settings.inline_limit = 65536;
    f.settings.pool_size = 1;
    f.settings.pool_idle_ms = 60000;
    f.settings.pool_max_messages = 100;
    smtp_fixture_start(
        &f, BOTH "REPEAT 2\nC: MAIL *\nC+: RCPT *\nBDAT\nS: 250 ok\nS: 250 ok\nS: 250 stored\nEND\n" QUIT);
    for (int i = 0; i < 2; i++) {
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        CU_ASSERT_EQUAL(f.outcome.reused, i > 0);
    }
    smtp_endpoint_free(f.endpoint);
    f.endpoint = NULL;
    smtp_fixture_end(&f, "unix");
    CU_ASSERT_EQUAL(rmdir(directory), 0);
}

static const struct unit_test tests[] = {
    {"replies", replies},
    {"chunks", chunks},
    {"accepted before the end of the flight", accepted_before_the_end_of_the_flight},
    {"a unix socket", through_a_unix_socket},
};

UNIT_SUITE(smtp_lmtp, tests);
