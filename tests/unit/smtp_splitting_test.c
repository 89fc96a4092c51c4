/* 452 4.5.3 after some RCPTs: the rest go in further transactions on the session, while each accepts at least one. */
#include <stdio.h>
#include <string.h>

#include "smtp_fixture.h"
#include "unit.h"

#define START(capabilities) "S: 220 mail ESMTP\nC: EHLO *\nS: 250-mail\n" capabilities "S: 250 HELP\n"
#define MAIL                "C: MAIL *\nS: 250 ok\n"
#define RCPT(n, reply)      "C: RCPT TO:<" n "@example.com>\nS: " reply "\n"
#define DATA(reply)         "C: DATA\nS: 354 go\nDATA\nS: " reply "\n"
#define QUIT                "C: QUIT\nWAIT-EOF\n"
#define MANY                "452 4.5.3 too many"

#define NONE    SMTP_DELIVERY_NONE
#define DONE    SMTP_DELIVERY_DONE
#define UNKNOWN SMTP_DELIVERY_UNKNOWN

struct row {
    const char *name;
    const char *scenario;
    bool abort;
    size_t inline_limit;
    enum smtp_class class;
    size_t messages;
    int codes[4];
    enum smtp_delivery_state states[4];
    const char *text; /* in the error; "": there is none */
};

#define FIRST(one, two, three, four)                                                                         \
    START("") MAIL RCPT("1", one) RCPT("2", two) RCPT("3", three) RCPT("4", four)

static const struct row rows[] = {
    {"two transactions",
     FIRST("250 a", "250 b", MANY, MANY) DATA("250 one") MAIL RCPT("3", "250 c") RCPT("4", "250 d")
         DATA("250 two") QUIT,
     false,
     0,
     SMTP_ACCEPTED,
     2,
     {250, 250, 250, 250},
     {DONE, DONE, DONE, DONE},
     ""},
    {"one at a time",
     FIRST("250 a", MANY, MANY, MANY) DATA("250 one") MAIL RCPT("2", "250 b") RCPT("3", MANY) RCPT("4", MANY)
         DATA("250 two") MAIL RCPT("3", "250 c") RCPT("4", MANY) DATA("250 three") MAIL RCPT("4", "250 d")
             DATA("250 four") QUIT,
     false,
     0,
     SMTP_ACCEPTED,
     4,
     {250, 250, 250, 250},
     {DONE, DONE, DONE, DONE},
     ""},
    {"among other refusals",
     FIRST("550 no", "250 b", MANY, "452 4.2.2 full") DATA("250 one") MAIL RCPT("3", "250 c") DATA("250 two")
         QUIT,
     false,
     0,
     SMTP_ACCEPTED,
     2,
     {550, 250, 250, 452},
     {NONE, DONE, DONE, NONE},
     "refused RCPT TO:<4@example.com>: 452 4.2.2 full (and refused 1 more)"},
    {"no progress",
     FIRST("250 a", "250 b", MANY, MANY) DATA("250 one") MAIL RCPT("3", MANY) RCPT("4", MANY) QUIT,
     false,
     0,
     SMTP_ACCEPTED,
     1,
     {250, 250, 452, 452},
     {DONE, DONE, NONE, NONE},
     "refused RCPT TO:<3@example.com>: " MANY " (and refused 1 more)"},
    {"none accepted",
     FIRST(MANY, MANY, MANY, MANY) QUIT,
     false,
     0,
     SMTP_TEMPORARY,
     0,
     {452, 452, 452, 452},
     {NONE, NONE, NONE, NONE},
     MANY},
    {"abort",
     FIRST("250 a", "250 b", MANY, MANY) QUIT,
     true,
     0,
     SMTP_TEMPORARY,
     0,
     {250, 250, 452, 452},
     {NONE, NONE, NONE, NONE},
     MANY},
    {"the first message refused",
     FIRST("250 a", "250 b", MANY, MANY) DATA("554 spam") QUIT,
     false,
     0,
     SMTP_MESSAGE_REFUSED,
     1,
     {554, 554, 452, 452},
     {NONE, NONE, NONE, NONE},
     "refused the message: 554 spam"},
    {"the second MAIL refused",
     FIRST("250 a", "250 b", MANY, MANY) DATA("250 one") "C: MAIL *\nS: 451 4.7.1 slow\n" QUIT,
     false,
     0,
     SMTP_ACCEPTED,
     1,
     {250, 250, 451, 451},
     {DONE, DONE, NONE, NONE},
     "refused MAIL FROM:<a@example.com>: 451 4.7.1 slow"},
    {"the second MAIL 421",
     FIRST("250 a", "250 b", MANY, MANY) DATA("250 one") "C: MAIL *\nS: 421 bye\nCLOSE\n",
     false,
     0,
     SMTP_ACCEPTED,
     1,
     {250, 250, 421, 421},
     {DONE, DONE, NONE, NONE},
     "421 bye"},
    {"refused in the second",
     FIRST("250 a", "250 b", MANY, MANY) DATA("250 one") MAIL RCPT("3", "550 no") RCPT("4", "250 d")
         DATA("250 two") QUIT,
     false,
     0,
     SMTP_ACCEPTED,
     2,
     {250, 250, 550, 250},
     {DONE, DONE, NONE, DONE},
     "refused RCPT TO:<3@example.com>: 550 no"},
    {"the second message refused",
     FIRST("250 a", "250 b", MANY, MANY) DATA("250 one") MAIL RCPT("3", "250 c") RCPT("4", "250 d")
         DATA("452 4.3.1 full") QUIT,
     false,
     0,
     SMTP_ACCEPTED,
     2,
     {250, 250, 452, 452},
     {DONE, DONE, NONE, NONE},
     "refused the message: 452 4.3.1 full"},
    {"lost before the second message",
     FIRST("250 a", "250 b", MANY, MANY) DATA("250 one") MAIL RCPT("3", "250 c") "C: RCPT *\nCLOSE\n",
     false,
     0,
     SMTP_ACCEPTED,
     1,
     {250, 250, 250, 452},
     {DONE, DONE, NONE, NONE},
     "closed the connection"},
    {"lost after the second message",
     FIRST("250 a", "250 b", MANY, MANY) DATA("250 one") MAIL RCPT("3", "250 c")
         RCPT("4", "550 no") "C: DATA\nS: 354 go\nDATA\nCLOSE\n",
     false,
     0,
     SMTP_ACCEPTED,
     2,
     {250, 250, 250, 550},
     {DONE, DONE, UNKNOWN, NONE},
     "closed the connection"},
    {"garbage in the second",
     FIRST("250 a", "250 b", MANY, MANY) DATA("250 one") "C: MAIL *\nS: what?\nWAIT-EOF\n",
     false,
     0,
     SMTP_ACCEPTED,
     1,
     {250, 250, 452, 452},
     {DONE, DONE, NONE, NONE},
     "\"what?\""},
    {"421 behind the first message",
     FIRST("250 a", "250 b", MANY,
           MANY) "C: DATA\nS: 354 go\nDATA\nRAW \"250 one\\r\\n421 bye\\r\\n\"\nWAIT-EOF\n",
     false,
     0,
     SMTP_ACCEPTED,
     1,
     {250, 250, 452, 452},
     {DONE, DONE, NONE, NONE},
     "refused RCPT TO:<3@example.com>: " MANY " (and refused 1 more)"},
    {"in one flight each",
     START("S: 250-PIPELINING\nS: 250-CHUNKING\n") "C: MAIL *\nC+: RCPT *\nC+: RCPT *\nC+: RCPT *\nC+: RCPT "
                                                   "*\nBDAT\n"
                                                   "S: 250 ok\nS: 250 a\nS: 550 no\nS: " MANY "\nS: " MANY
                                                   "\nS: 250 one\n"
                                                   "C: MAIL *\nC+: RCPT TO:<3@*\nC+: RCPT TO:<4@*\nBDAT\n"
                                                   "S: 250 ok\nS: 250 c\nS: " MANY "\nS: 250 two\n"
                                                   "C: MAIL *\nC+: RCPT TO:<4@*\nBDAT\n"
                                                   "S: 250 ok\nS: 250 d\nS: 250 three\n" QUIT,
     false,
     65536,
     SMTP_ACCEPTED,
     3,
     {250, 550, 250, 250},
     {DONE, NONE, DONE, DONE},
     "refused RCPT TO:<2@example.com>: 550 no"},
    {"the second flight lost",
     START("S: 250-PIPELINING\nS: 250-CHUNKING\n") "C: MAIL *\nC+: RCPT *\nC+: RCPT *\nC+: RCPT *\nC+: RCPT "
                                                   "*\nBDAT\n"
                                                   "S: 250 ok\nS: 250 a\nS: 550 no\nS: " MANY "\nS: " MANY
                                                   "\nS: 250 one\n"
                                                   "C: MAIL *\nC+: RCPT TO:<3@*\nC+: RCPT TO:<4@*\nBDAT\n"
                                                   "S: 250 ok\nS: 250 c\nCLOSE\n",
     false,
     65536,
     SMTP_ACCEPTED,
     2,
     {250, 550, 250, 0},
     {DONE, NONE, UNKNOWN, UNKNOWN},
     "closed the connection"},
    {"the second MAIL refused in a flight",
     START("S: 250-PIPELINING\n") "C: MAIL *\nC+: RCPT *\nC+: RCPT *\nC+: RCPT *\nC+: RCPT *\nC+: DATA\n"
                                  "S: 250 ok\nS: 250 a\nS: 550 no\nS: " MANY "\nS: " MANY
                                  "\nS: 354 go\nDATA\nS: 250 one\n"
                                  "C: MAIL *\nC+: RCPT TO:<3@*\nC+: RCPT TO:<4@*\nC+: DATA\n"
                                  "S: 550 no more\nS: 503 a\nS: 503 b\nS: 503 c\n" QUIT,
     false,
     0,
     SMTP_ACCEPTED,
     1,
     {250, 550, 550, 550},
     {DONE, NONE, NONE, NONE},
     "refused MAIL FROM:<a@example.com>: 550 no more"},
};

static bool row_holds(const struct row *row, const struct smtp_fixture *f)
{
    bool accepted = row->class == SMTP_ACCEPTED;
    bool held = f->outcome.class == row->class && f->outcome.state == (accepted ? DONE : NONE) &&
                strstr(f->outcome.err.text, row->text) != NULL &&
                (row->text[0] != '\0' || f->outcome.err.text[0] == '\0');
    for (size_t i = 0; i < 4; i++) {
        held =
            held && f->recipients[i].reply.code == row->codes[i] && f->recipients[i].state == row->states[i];
    }
    return held && smtp_script_messages(f->script) == row->messages &&
           smtp_script_connections(f->script) == 1;
}

/* Each transaction has the whole message: the source was rewound. */
static void check_messages(const struct smtp_fixture *f, const char *name)
{
    for (size_t i = 0; i < smtp_script_messages(f->script); i++) {
        size_t size = 0;
        const unsigned char *got = smtp_script_message(f->script, i, &size);
        bool whole = size == f->message.len && memcmp(got, f->message.text, size) == 0;
        if (!whole) {
            printf("\n%s: message %zu has %zu octets\n", name, i, size);
        }
        CU_ASSERT(whole);
    }
}

static void splitting(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        f.settings.abort_on_refused = row->abort;
        f.settings.inline_limit = row->inline_limit;
        smtp_fixture_recipients(
            &f, (const char *const[]){"1@example.com", "2@example.com", "3@example.com", "4@example.com"}, 4);
        smtp_fixture_start(&f, row->scenario);
        smtp_fixture_deliver(&f);
        bool held = row_holds(row, &f);
        if (!held) {
            printf("\n%s: class %d, %zu messages, codes %d %d %d %d, states %d %d %d %d: %s\n", row->name,
                   f.outcome.class, smtp_script_messages(f.script), f.recipients[0].reply.code,
                   f.recipients[1].reply.code, f.recipients[2].reply.code, f.recipients[3].reply.code,
                   f.recipients[0].state, f.recipients[1].state, f.recipients[2].state, f.recipients[3].state,
                   f.outcome.err.text);
        }
        CU_ASSERT(held);
        check_messages(&f, row->name);
        smtp_fixture_end(&f, row->name);
    }
}

/* After a first acceptance nothing is tried again, not even where a warm session turns out to have gone. */
static void no_retry_after_an_acceptance(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    f.settings.pool_size = 1;
    f.settings.pool_idle_ms = 60000;
    f.settings.pool_max_messages = 100;
    smtp_fixture_recipients(&f, (const char *const[]){"1@example.com", "2@example.com"}, 2);
    smtp_fixture_start(&f, START("") MAIL RCPT("1", "250 a") RCPT("2", "250 b") DATA("250 zero")
                               MAIL RCPT("1", "250 a") RCPT("2", MANY)
                                   DATA("250 one") "C: MAIL *\nS: 421 bye\nCLOSE\n");
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    smtp_fixture_deliver(&f);
    CU_ASSERT_TRUE(f.outcome.reused);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_EQUAL(f.recipients[0].state, DONE);
    CU_ASSERT_EQUAL(f.recipients[1].state, NONE);
    CU_ASSERT_EQUAL(smtp_script_connections(f.script), 1);
    smtp_fixture_end(&f, "no retry");
}

static const struct unit_test tests[] = {
    {"splitting", splitting},
    {"no retry after an acceptance", no_retry_after_an_acceptance},
};

UNIT_SUITE(smtp_splitting, tests);
