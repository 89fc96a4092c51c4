/*
 * What a server may do to a mail on a reused session: when the mail is given once more on a new connection, when it
 * is not, and that no second copy of it ever leaves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/endpoint.h"
#include "smtp_fixture.h"
#include "unit.h"

#define EHLO  "S: 220 mail ESMTP\nC: EHLO client.example\nS: 250 mail\n"
#define MAIL  "C: MAIL FROM:<a@example.com>\nS: 250 ok\n"
#define RCPT  "C: RCPT TO:<b@example.com>\nS: 250 ok\n"
#define DATA  "C: DATA\nS: 354 go on\n"
#define ONE   MAIL RCPT DATA "DATA\nS: 250 queued\n"
#define QUIT  "C: QUIT\nWAIT-EOF\n"
#define WARM  "== 1\n" EHLO ONE
#define AGAIN "== 2\n" EHLO ONE QUIT

#define NONE    SMTP_DELIVERY_NONE
#define UNKNOWN SMTP_DELIVERY_UNKNOWN

enum { SCENARIO_MAX = 2000, LARGE = 16 * 1024 * 1024 };

static void init(struct smtp_fixture *f)
{
    smtp_fixture_init(f);
    f->settings.pool_size = 4;
    f->settings.pool_idle_ms = 60000;
    f->settings.pool_max_messages = 100;
}

static void close_all(struct smtp_fixture *f)
{
    smtp_endpoint_free(f->endpoint);
    f->endpoint = NULL;
    (void)smtp_script_stop(f->script);
}

static void end(struct smtp_fixture *f, const char *name)
{
    close_all(f);
    smtp_fixture_end(f, name);
}

/* Starts the server and makes a session warm. */
static void warm_up(struct smtp_fixture *f, const char *scenario)
{
    smtp_fixture_start(f, scenario);
    smtp_fixture_deliver(f);
    CU_ASSERT_EQUAL(f->outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_FALSE(f->outcome.reused);
}

static bool last_message_is(struct smtp_fixture *f, const char *text, size_t len)
{
    size_t size = 0;
    size_t count = smtp_script_messages(f->script);
    const unsigned char *got = count > 0 ? smtp_script_message(f->script, count - 1, &size) : NULL;
    return got != NULL && size == len && memcmp(got, text, size) == 0;
}

/* --- once more, and nobody notices --- */

struct stale_row {
    const char *name;
    const char *steps; /* what the second mail meets on the first connection */
};

static const struct stale_row stale_rows[] = {
    {"421 in MAIL's place", "C: MAIL *\nS: 421 4.4.2 bye\nCLOSE\n"},
    {"421 in MAIL's place, left open", "C: MAIL *\nS: 421 4.4.2 bye\nWAIT-EOF\n"},
    {"421 of lines", "C: MAIL *\nS: 421-4.4.2 good\nS: 421 4.4.2 bye\nCLOSE\n"},
    {"421 4.7.8", "C: MAIL *\nS: 421 4.7.8 who are you?\nCLOSE\n"},
    {"421 and reset", "C: MAIL *\nS: 421 bye\nRESET\n"},
    {"4yz and EOF", "C: MAIL *\nS: 451 4.4.2 idle for too long\nCLOSE\n"},
    {"4yz and reset", "C: MAIL *\nS: 451 4.4.2 idle for too long\nRESET\n"},
    {"4yz and EOF after RSET", "C: MAIL *\nS: 450 x\nC: RSET\nCLOSE\n"},
    {"4yz and EOF in a reply", "C: MAIL *\nS: 450 x\nC: RSET\nPART: 25\nCLOSE\n"},
    {"x.7.8 and EOF", "C: MAIL *\nS: 454 4.7.8 x\nCLOSE\n"},
    {"EOF for MAIL", "C: MAIL *\nCLOSE\n"},
    {"reset for MAIL", "C: MAIL *\nRESET\n"},
    {"half a reply to MAIL", "C: MAIL *\nPART: 250 o\nCLOSE\n"},
    {"half a 550 to MAIL", "C: MAIL *\nS: 550-no\nCLOSE\n"},
    {"EOF for RCPT", MAIL "C: RCPT *\nCLOSE\n"},
    {"reset for RCPT", MAIL "C: RCPT *\nRESET\n"},
    {"EOF for DATA", MAIL RCPT "C: DATA\nCLOSE\n"},
    {"reset for DATA", MAIL RCPT "C: DATA\nRESET\n"},
    {"half a reply to DATA", MAIL RCPT "C: DATA\nPART: 35\nCLOSE\n"},
};

static void given_once_more(void)
{
    for (size_t i = 0; i < sizeof stale_rows / sizeof stale_rows[0]; i++) {
        struct smtp_fixture f;
        char scenario[SCENARIO_MAX];
        init(&f);
        (void)snprintf(scenario, sizeof scenario, WARM "%s" AGAIN, stale_rows[i].steps);
        warm_up(&f, scenario);
        smtp_fixture_deliver(&f);
        bool held = f.outcome.class == SMTP_ACCEPTED && f.outcome.state == SMTP_DELIVERY_DONE &&
                    f.outcome.err.text[0] == '\0' && !f.outcome.reused &&
                    f.recipients[0].state == SMTP_DELIVERY_DONE && smtp_script_messages(f.script) == 2 &&
                    last_message_is(&f, f.message.text, f.message.len);
        if (!held) {
            printf("\n%s: class %d: %s\n", stale_rows[i].name, f.outcome.class, f.outcome.err.text);
        }
        CU_ASSERT(held);
        end(&f, stale_rows[i].name);
    }
}

static char *large_message(void)
{
    char *text = malloc(LARGE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    for (size_t i = 0; i < LARGE; i++) {
        text[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : (char)('a' + i / 64 % 26);
    }
    return text;
}

/* Broken off in the middle of the data, which never had an end. The message is given from its beginning again. */
static void broken_in_the_data(void)
{
    static const char *const steps[] = {"DATA 1000\nCLOSE\n", "DATA 1000\nRESET\n", "DATA 300000\nCLOSE\n"};
    char *text = large_message();
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct smtp_fixture f;
        char scenario[SCENARIO_MAX];
        init(&f);
        f.receive_buffer = 4096;
        (void)snprintf(scenario, sizeof scenario, WARM MAIL RCPT DATA "%s" AGAIN, steps[i]);
        warm_up(&f, scenario);
        smtp_fixture_message(&f, text, LARGE);
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        CU_ASSERT_EQUAL(smtp_script_messages(f.script), 2);
        CU_ASSERT(last_message_is(&f, text, LARGE));
        end(&f, steps[i]);
    }
    free(text);
}

/* What RCPT had accepted or refused on the lost connection is forgotten. */
static void recipients_begin_anew(void)
{
    struct smtp_fixture f;
    init(&f);
    warm_up(&f, WARM MAIL
            "C: RCPT TO:<b@example.com>\nS: 550 no\nC: RCPT TO:<c@example.com>\nCLOSE\n== 2\n" EHLO MAIL
            "C: RCPT TO:<b@example.com>\nS: 250 ok\nC: RCPT TO:<c@example.com>\nS: 250 ok\n" DATA
            "DATA\nS: 250 queued\n" QUIT);
    smtp_fixture_recipients(&f, (const char *const[]){"b@example.com", "c@example.com"}, 2);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_STRING_EQUAL(f.outcome.err.text, "");
    CU_ASSERT_EQUAL(f.recipients[0].state, SMTP_DELIVERY_DONE);
    CU_ASSERT_EQUAL(f.recipients[1].state, SMTP_DELIVERY_DONE);
    end(&f, "recipients begin anew");
}

/* --- never again --- */

struct final_row {
    const char *name;
    const char *steps;
    enum smtp_class class;
    enum smtp_delivery_state state;
    const char *stage;
    int code;
    size_t messages; /* whose end has left, that which warmed the session up included */
    int64_t timeout_ms;
};

static const struct final_row final_rows[] = {
    /* an answer is an answer */
    {"4yz to MAIL", "C: MAIL *\nS: 451 4.7.1 later\nC: RSET\nS: 250 ok\n" QUIT, SMTP_TEMPORARY, NONE, "MAIL",
     451, 1, 0},
    {"4yz to MAIL, RSET refused", "C: MAIL *\nS: 451 4.7.1 later\nC: RSET\nS: 502 what?\n" QUIT,
     SMTP_TEMPORARY, NONE, "MAIL", 451, 1, 0},
    {"4yz to MAIL, and silence", "C: MAIL *\nS: 451 4.7.1 later\nC: RSET\nSTALL\n", SMTP_TEMPORARY, NONE,
     "MAIL", 451, 1, 0},
    {"5yz to MAIL", "C: MAIL *\nS: 550 5.7.1 no\n" QUIT, SMTP_MESSAGE_REFUSED, NONE, "MAIL", 550, 1, 0},
    {"5yz to MAIL and EOF", "C: MAIL *\nS: 550 5.7.1 no\nCLOSE\n", SMTP_MESSAGE_REFUSED, NONE, "MAIL", 550, 1,
     0},
    {"530 to MAIL", "C: MAIL *\nS: 530 5.7.0 log in\n" QUIT, SMTP_AUTH_FAILED, NONE, "MAIL", 530, 1, 0},
    {"421 to RCPT", MAIL "C: RCPT *\nS: 421 bye\nCLOSE\n", SMTP_TEMPORARY, NONE, "RCPT", 421, 1, 0},
    {"421 to DATA", MAIL RCPT "C: DATA\nS: 421 bye\nCLOSE\n", SMTP_TEMPORARY, NONE, "DATA", 421, 1, 0},
    {"refused before the message", MAIL RCPT "C: DATA\nRAW \"354 go\\r\\n552 5.3.4 no\\r\\n\"\nWAIT-EOF\n",
     SMTP_MESSAGE_REFUSED, NONE, "end of data", 552, 1, 0},
    {"421 to the message", MAIL RCPT DATA "DATA\nS: 421 bye\nCLOSE\n", SMTP_TEMPORARY, NONE, "end of data",
     421, 2, 0},
    {"554 to the message and EOF", MAIL RCPT DATA "DATA\nS: 554 no\nCLOSE\n", SMTP_MESSAGE_REFUSED, NONE,
     "end of data", 554, 2, 0},
    /* broken replies */
    {"a NUL for MAIL", "C: MAIL *\nRAW \"250 o\\0k\\r\\n\"\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, NONE, "MAIL", 0,
     1, 0},
    {"garbage for MAIL and EOF", "C: MAIL *\nS: good morning\nCLOSE\n", SMTP_PROTOCOL_ERROR, NONE, "MAIL", 0,
     1, 0},
    {"mixed codes for MAIL", "C: MAIL *\nRAW \"421-a\\r\\n250 b\\r\\n\"\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR,
     NONE, "MAIL", 0, 1, 0},
    {"354 for MAIL", "C: MAIL *\nS: 354 go\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, NONE, "MAIL", 354, 1, 0},
    {"100,000 lines for MAIL", "C: MAIL *\nLINES 100000 250-\nREAD-UNTIL-EOF\n", SMTP_PROTOCOL_ERROR, NONE,
     "MAIL", 0, 1, 0},
    {"1 MiB without an end for MAIL", "C: MAIL *\nPART: 250 \nOCTETS 1048576\nREAD-UNTIL-EOF\n",
     SMTP_PROTOCOL_ERROR, NONE, "MAIL", 0, 1, 0},
    {"all replies at once", "C: MAIL *\nRAW \"250 a\\r\\n250 b\\r\\n354 c\\r\\n250 d\\r\\n\"\nWAIT-EOF\n",
     SMTP_PROTOCOL_ERROR, NONE, "RCPT", 0, 1, 0},
    {"250 for DATA", MAIL RCPT "C: DATA\nS: 250 ok\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, NONE, "DATA", 250, 1,
     0},
    {"accepted before the message", MAIL RCPT "C: DATA\nRAW \"354 go\\r\\n250 queued\\r\\n\"\nWAIT-EOF\n",
     SMTP_PROTOCOL_ERROR, NONE, "end of data", 0, 1, 0},
    /* deadlines */
    {"silence for MAIL", "C: MAIL *\nSTALL\n", SMTP_TIMED_OUT, NONE, "MAIL", 0, 1, 300},
    {"a drip for MAIL",
     "C: MAIL *\nDRIP 20 \"250 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n", SMTP_TIMED_OUT,
     NONE, "MAIL", 0, 1, 300},
    {"silence for RCPT", MAIL "C: RCPT *\nSTALL\n", SMTP_TIMED_OUT, NONE, "RCPT", 0, 1, 300},
    {"silence for DATA", MAIL RCPT "C: DATA\nSTALL\n", SMTP_TIMED_OUT, NONE, "DATA", 0, 1, 300},
    /* after the data */
    {"EOF for the message", MAIL RCPT DATA "DATA\nCLOSE\n", SMTP_UNAVAILABLE, UNKNOWN, "end of data", 0, 2,
     0},
    {"reset for the message", MAIL RCPT DATA "DATA\nRESET\n", SMTP_UNAVAILABLE, UNKNOWN, "end of data", 0, 2,
     0},
    {"half a 250 for the message", MAIL RCPT DATA "DATA\nPART: 250 que\nCLOSE\n", SMTP_UNAVAILABLE, UNKNOWN,
     "end of data", 0, 2, 0},
    {"half a 421 for the message", MAIL RCPT DATA "DATA\nPART: 421 by\nCLOSE\n", SMTP_UNAVAILABLE, UNKNOWN,
     "end of data", 0, 2, 0},
    {"garbage for the message", MAIL RCPT DATA "DATA\nS: thank you\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, UNKNOWN,
     "end of data", 0, 2, 0},
    {"354 for the message", MAIL RCPT DATA "DATA\nS: 354 more\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, UNKNOWN,
     "end of data", 354, 2, 0},
    {"silence for the message", MAIL RCPT DATA "DATA\nSTALL\n", SMTP_TIMED_OUT, UNKNOWN, "end of data", 0, 2,
     200},
};

static bool is_as_said(const struct smtp_fixture *f, const struct final_row *row)
{
    const struct smtp_outcome *outcome = &f->outcome;
    bool expected = outcome->class == row->class && outcome->state == row->state &&
                    strcmp(outcome->stage, row->stage) == 0 && outcome->reply.code == row->code &&
                    outcome->err.text[0] != '\0' && outcome->reused;
    return expected && f->recipients[0].state == row->state;
}

/* Only that of the step that is to run out, and only for the second mail: others may be slow on a busy machine. */
static void shorten_timeout(struct smtp_fixture *f, const struct final_row *row)
{
    struct smtp_settings *settings = &f->endpoint->settings;
    *(row->state == UNKNOWN ? &settings->data_timeout_ms : &settings->command_timeout_ms) = row->timeout_ms;
}

static void check_final(const struct final_row *row)
{
    struct smtp_fixture f;
    char scenario[SCENARIO_MAX];
    init(&f);
    (void)snprintf(scenario, sizeof scenario, WARM "%s",
                   row->steps); /* a second connection would be a failure */
    warm_up(&f, scenario);
    if (row->timeout_ms > 0) {
        shorten_timeout(&f, row);
    }
    smtp_fixture_deliver(&f);
    bool held = is_as_said(&f, row);
    if (!held) {
        printf("\n%s: class %d state %d stage %s code %d: %s\n", row->name, f.outcome.class, f.outcome.state,
               f.outcome.stage, f.outcome.reply.code, f.outcome.err.text);
    }
    CU_ASSERT(held);
    close_all(&f);
    CU_ASSERT_EQUAL(smtp_script_connections(f.script), 1);
    CU_ASSERT_EQUAL(smtp_script_messages(f.script), row->messages);
    end(&f, row->name);
}

static void never_again(void)
{
    for (size_t i = 0; i < sizeof final_rows / sizeof final_rows[0]; i++) {
        check_final(&final_rows[i]);
    }
}

/* --- only once --- */

static const struct final_row second_rows[] = {
    {"EOF for MAIL again", EHLO "C: MAIL *\nCLOSE\n", SMTP_UNAVAILABLE, NONE, "MAIL", 0, 1, 0},
    {"421 for MAIL again", EHLO "C: MAIL *\nS: 421 bye\nCLOSE\n", SMTP_TEMPORARY, NONE, "MAIL", 421, 1, 0},
    {"4yz for MAIL and EOF", EHLO "C: MAIL *\nS: 451 bye\nCLOSE\n", SMTP_TEMPORARY, NONE, "MAIL", 451, 1, 0},
    {"reset for RCPT", EHLO MAIL "C: RCPT *\nRESET\n", SMTP_UNAVAILABLE, NONE, "RCPT", 0, 1, 0},
    {"no greeting", "CLOSE\n", SMTP_UNAVAILABLE, NONE, "greeting", 0, 1, 0},
    {"421 greeting", "S: 421 busy\nCLOSE\n", SMTP_TEMPORARY, NONE, "greeting", 421, 1, 0},
    {"EOF for the message", EHLO MAIL RCPT DATA "DATA\nCLOSE\n", SMTP_UNAVAILABLE, UNKNOWN, "end of data", 0,
     2, 0},
};

/* What the new connection comes to is the answer. */
static void only_once(void)
{
    for (size_t i = 0; i < sizeof second_rows / sizeof second_rows[0]; i++) {
        const struct final_row *row = &second_rows[i];
        struct smtp_fixture f;
        char scenario[SCENARIO_MAX];
        init(&f);
        (void)snprintf(scenario, sizeof scenario, WARM "C: MAIL *\nCLOSE\n== 2\n%s", row->steps);
        warm_up(&f, scenario);
        smtp_fixture_deliver(&f);
        CU_ASSERT_FALSE(f.outcome.reused);
        f.outcome.reused = true; /* as the rows of the other table */
        CU_ASSERT(is_as_said(&f, row));
        close_all(&f);
        CU_ASSERT_EQUAL(smtp_script_connections(f.script), 2);
        CU_ASSERT_EQUAL(smtp_script_messages(f.script), row->messages);
        end(&f, row->name);
    }
}

/* A new connection that breaks is not tried again: nothing was reused. */
static void never_on_a_fresh_one(void)
{
    for (size_t i = 0; i < sizeof stale_rows / sizeof stale_rows[0]; i++) {
        struct smtp_fixture f;
        char scenario[SCENARIO_MAX];
        init(&f);
        bool asks = strstr(stale_rows[i].steps, "RSET") != NULL; /* only a reused session is asked */
        (void)snprintf(scenario, sizeof scenario, "== 1\n" EHLO "%s", stale_rows[i].steps);
        smtp_fixture_start(&f, scenario);
        smtp_fixture_deliver(&f);
        CU_ASSERT_NOT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        CU_ASSERT_EQUAL(f.outcome.state, NONE);
        CU_ASSERT_EQUAL(smtp_script_connections(f.script), 1);
        if (asks) {
            CU_ASSERT_EQUAL(f.outcome.reply.code, 450);
            smtp_endpoint_free(f.endpoint);
            smtp_script_free(f.script);
        } else {
            end(&f, stale_rows[i].name);
        }
    }
}

/* Others that waited in the pool are not tried in the place of the new connection. */
static void not_on_another_warm_one(void)
{
    struct smtp_fixture f;
    init(&f);
    smtp_fixture_start(&f, "== 1\n" EHLO ONE QUIT "== 2\n" EHLO ONE "C: MAIL *\nCLOSE\n== 3\n" EHLO ONE QUIT);
    smtp_deliver(f.endpoint, &f.delivery, &f.outcome);
    struct smtp_session *first = f.outcome.session;
    smtp_deliver(f.endpoint, &f.delivery, &f.outcome);
    smtp_release(first);
    smtp_release(f.outcome.session);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_FALSE(f.outcome.reused);
    end(&f, "not on another warm one");
}

/* The new connection has what is left of the same deadline. */
static void same_deadline(void)
{
    struct smtp_fixture f;
    init(&f);
    warm_up(&f, WARM "C: MAIL *\nWAIT 100\nCLOSE\n== 2\n" EHLO "C: MAIL *\nSTALL\n");
    deadline total = deadline_after(400);
    f.delivery.total = total;
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_TIMED_OUT);
    CU_ASSERT_EQUAL(f.outcome.state, NONE);
    CU_ASSERT(deadline_passed(total));
    CU_ASSERT_FALSE(deadline_passed(deadline_add(total, 10000))); /* the steps' own is 20 s */
    end(&f, "same deadline");
}

/* A delivery whose time is over does not spend a warm session. */
static void time_is_over(void)
{
    struct smtp_fixture f;
    init(&f);
    warm_up(&f, WARM ONE QUIT);
    f.delivery.total = deadline_now();
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_TIMED_OUT);
    f.delivery.total = deadline_after(30000);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_TRUE(f.outcome.reused);
    end(&f, "time is over");
}

static void source_fails(void)
{
    struct smtp_fixture f;
    init(&f);
    warm_up(&f, WARM MAIL RCPT DATA "WAIT-EOF\n");
    f.message.fail_at = f.message.len;
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_LOCAL_FAILURE);
    CU_ASSERT_EQUAL(f.outcome.state, NONE);
    CU_ASSERT_TRUE(f.outcome.reused);
    end(&f, "source fails");
}

/* A mail that was answered on a session that stays can be followed by another one. */
static void refused_and_kept(void)
{
    struct smtp_fixture f;
    init(&f);
    warm_up(&f, WARM "C: MAIL *\nS: 451 4.7.1 later\nC: RSET\nS: 250 ok\n" ONE QUIT);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_TEMPORARY);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_TRUE(f.outcome.reused);
    end(&f, "refused and kept");
}

/* --- TLS and AUTH --- */

static const struct stale_row secure_rows[] = {
    {"421 in MAIL's place", "C: MAIL *\nS: 421 bye\nCLOSE\n"},
    {"close_notify for MAIL", "C: MAIL *\nCLOSE\n"},
    {"EOF for MAIL", "C: MAIL *\nCLOSE abrupt\n"},
    {"reset for MAIL", "C: MAIL *\nRESET\n"},
    {"4yz and close_notify", "C: MAIL *\nS: 451 x\nCLOSE\n"},
    {"4yz and EOF", "C: MAIL *\nS: 451 x\nCLOSE abrupt\n"},
    {"a ticket and EOF for DATA", MAIL RCPT "C: DATA\nTICKET\nCLOSE abrupt\n"},
};

#define SECURE                                                                                               \
    "TLS\nS: 220 mail ESMTP\nC: EHLO *\nS: 250-mail\nS: 250 AUTH PLAIN\nC: AUTH PLAIN AHUAcA==\nS: 235 ok\n"

/* The new connection is as secure as the first, and says who it is again. */
static void secure(void)
{
    char ca_file[96];
    char password[] = "p";
    for (size_t i = 0; i < sizeof secure_rows / sizeof secure_rows[0]; i++) {
        struct smtp_fixture f;
        char scenario[SCENARIO_MAX];
        init(&f);
        f.ca_dir = smtp_fixture_ca();
        (void)snprintf(ca_file, sizeof ca_file, "%s/ca.pem", f.ca_dir);
        f.settings.ca_file = ca_file;
        f.settings.tls = SMTP_TLS_IMPLICIT;
        f.settings.host = "localhost";
        f.settings.user = "u";
        f.settings.password = (struct secret){password, 1};
        (void)snprintf(scenario, sizeof scenario, "== 1\n" SECURE ONE "%s== 2\n" SECURE ONE QUIT,
                       secure_rows[i].steps);
        warm_up(&f, scenario);
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        CU_ASSERT_FALSE(f.outcome.reused);
        CU_ASSERT_TRUE(smtp_script_wait_line(f.script, 2, "\\* tls *resumed*", 10000));
        end(&f, secure_rows[i].name);
    }
    smtp_fixture_remove_ca();
}

static const struct unit_test tests[] = {
    {"given once more", given_once_more},
    {"broken in the data", broken_in_the_data},
    {"recipients begin anew", recipients_begin_anew},
    {"never again", never_again},
    {"only once", only_once},
    {"never on a fresh one", never_on_a_fresh_one},
    {"not on another warm one", not_on_another_warm_one},
    {"same deadline", same_deadline},
    {"time is over", time_is_over},
    {"source fails", source_fails},
    {"refused and kept", refused_and_kept},
    {"secure", secure},
};

UNIT_SUITE(smtp_pool_retry, tests);
