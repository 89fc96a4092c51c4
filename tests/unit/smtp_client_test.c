#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smtp/endpoint.h"
#include "smtp/session.h"
#include "smtp_fixture.h"
#include "unit.h"

#define HELLO "S: 220 mail ESMTP\nC: EHLO client.example\nS: 250-mail\nS: 250 8BITMIME\n"
#define MAIL  "C: MAIL FROM:<a@example.com>\nS: 250 ok\n"
#define RCPT  "C: RCPT TO:<b@example.com>\nS: 250 2.1.5 ok\n"
#define DATA  "C: DATA\nS: 354 go on\n"
#define QUIT  "C: QUIT\nWAIT-EOF\n"

/* --- the table "What a failure becomes" --- */

struct row {
    const char *name;
    const char *scenario;
    enum smtp_class class;
    enum smtp_delivery_state state;
    const char *stage;
    int code;
    const char *text;   /* is in the error */
    int64_t timeout_ms; /* 0: long */
};

#define NONE    SMTP_DELIVERY_NONE
#define UNKNOWN SMTP_DELIVERY_UNKNOWN

static const struct row rows[] = {
    /* connection and greeting */
    {"greeting 5yz", "S: 554 5.3.2 not today\n" QUIT, SMTP_UNAVAILABLE, NONE, "greeting", 554,
     "refused the connection: 554 5.3.2 not today", 0},
    {"greeting 4yz", "S: 450 busy\n" QUIT, SMTP_TEMPORARY, NONE, "greeting", 450, "450 busy", 0},
    {"greeting 421", "S: 421 4.3.2 busy\nCLOSE\n", SMTP_TEMPORARY, NONE, "greeting", 421, "421 4.3.2 busy",
     0},
    {"greeting of lines", "S: 554-no\nS: 554 never\n" QUIT, SMTP_UNAVAILABLE, NONE, "greeting", 554,
     "554 no never", 0},
    {"greeting 250", "S: 250 hello\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, NONE, "greeting", 250,
     "unexpected answer", 0},
    {"no greeting", "CLOSE\n", SMTP_UNAVAILABLE, NONE, "greeting", 0, "without a greeting", 0},
    {"half a greeting", "PART: 220 ma\nCLOSE\n", SMTP_UNAVAILABLE, NONE, "greeting", 0, "without a greeting",
     0},
    {"reset", "S: 220 x\nC: EHLO *\nRESET\n", SMTP_UNAVAILABLE, NONE, "EHLO", 0, "closed the connection", 0},
    {"another protocol", "S: SSH-2.0-OpenSSH_9.2\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, NONE, "greeting", 0,
     "\"SSH-2.0-OpenSSH_9.2\"", 0},
    {"silence", "STALL\n", SMTP_TIMED_OUT, NONE, "greeting", 0, "sent no greeting in time", 300},
    {"drip",
     "DRIP 10 \"220 "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n",
     SMTP_TIMED_OUT, NONE, "greeting", 0, "in time", 300},
    /* EHLO, HELO */
    {"EHLO and HELO refused", "S: 220 x\nC: EHLO *\nS: 502 what?\nC: HELO client.example\nS: 550 no\n" QUIT,
     SMTP_UNAVAILABLE, NONE, "EHLO", 550, "refused HELO client.example: 550 no", 0},
    {"EHLO 4yz", "S: 220 x\nC: EHLO *\nS: 451 later\n" QUIT, SMTP_TEMPORARY, NONE, "EHLO", 451, "451 later",
     0},
    {"EHLO 354", "S: 220 x\nC: EHLO *\nS: 354 go\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, NONE, "EHLO", 354, "", 0},
    {"EHLO lost", "S: 220 x\nC: EHLO *\nCLOSE\n", SMTP_UNAVAILABLE, NONE, "EHLO", 0,
     "instead of answering EHLO client.example", 0},
    {"EHLO of several codes", "S: 220 x\nC: EHLO *\nS: 250-a\nS: 251 b\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR,
     NONE, "EHLO", 0, "\"251 b\"", 0},
    {"EHLO silence", "S: 220 x\nC: EHLO *\nSTALL\n", SMTP_TIMED_OUT, NONE, "EHLO", 0, "did not answer EHLO",
     300},
    {"answered before asked", "RAW \"220 x\\r\\n250 y\\r\\n\"\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, NONE, "EHLO",
     0, "before it was asked", 0},
    {"421 before asked", "RAW \"220 x\\r\\n421 4.3.2 bye\\r\\n\"\nWAIT-EOF\n", SMTP_TEMPORARY, NONE, "EHLO",
     421, "421 4.3.2 bye", 0},
    /* MAIL */
    {"MAIL 4yz", HELLO "C: MAIL *\nS: 451 4.7.1 later\n" QUIT, SMTP_TEMPORARY, NONE, "MAIL", 451,
     "refused MAIL FROM:<a@example.com>: 451 4.7.1 later", 0},
    {"MAIL 5yz", HELLO "C: MAIL *\nS: 550 5.7.1 no\n" QUIT, SMTP_MESSAGE_REFUSED, NONE, "MAIL", 550,
     "550 5.7.1 no", 0},
    {"MAIL 530", HELLO "C: MAIL *\nS: 530 5.7.0 log in\n" QUIT, SMTP_AUTH_FAILED, NONE, "MAIL", 530, "530",
     0},
    {"MAIL x.7.8", HELLO "C: MAIL *\nS: 550 5.7.8 log in\n" QUIT, SMTP_AUTH_FAILED, NONE, "MAIL", 550,
     "5.7.8", 0},
    {"MAIL 421", HELLO "C: MAIL *\nS: 421 bye\nCLOSE\n", SMTP_TEMPORARY, NONE, "MAIL", 421, "421 bye", 0},
    {"MAIL lost", HELLO "C: MAIL *\nRESET\n", SMTP_UNAVAILABLE, NONE, "MAIL", 0, "closed the connection", 0},
    {"MAIL broken", HELLO "C: MAIL *\nRAW \"250 o\\0k\\r\\n\"\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, NONE, "MAIL",
     0, "250 o\\x00k", 0},
    /* RCPT */
    {"RCPT 4yz", HELLO MAIL "C: RCPT *\nS: 450 4.2.1 later\n" QUIT, SMTP_TEMPORARY, NONE, "RCPT", 450,
     "refused RCPT TO:<b@example.com>: 450 4.2.1 later", 0},
    {"RCPT 5yz", HELLO MAIL "C: RCPT *\nS: 550 5.1.1 No such user\n" QUIT, SMTP_RECIPIENTS_REFUSED, NONE,
     "RCPT", 550, "refused RCPT TO:<b@example.com>: 550 5.1.1 No such user", 0},
    {"RCPT 530", HELLO MAIL "C: RCPT *\nS: 530 5.7.0 log in\n" QUIT, SMTP_AUTH_FAILED, NONE, "RCPT", 530,
     "530", 0},
    {"RCPT 421", HELLO MAIL "C: RCPT *\nS: 421 4.7.0 too many\nCLOSE\n", SMTP_TEMPORARY, NONE, "RCPT", 421,
     "421", 0},
    {"RCPT 354", HELLO MAIL "C: RCPT *\nS: 354 go\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, NONE, "RCPT", 354,
     "354 go", 0},
    {"RCPT lost", HELLO MAIL "C: RCPT *\nCLOSE\n", SMTP_UNAVAILABLE, NONE, "RCPT", 0, "closed the connection",
     0},
    {"RCPT silence", HELLO MAIL "C: RCPT *\nSTALL\n", SMTP_TIMED_OUT, NONE, "RCPT", 0,
     "RCPT TO:<b@example.com>", 300},
    /* DATA */
    {"DATA 4yz", HELLO MAIL RCPT "C: DATA\nS: 451 later\n" QUIT, SMTP_TEMPORARY, NONE, "DATA", 451,
     "451 later", 0},
    {"DATA 5yz", HELLO MAIL RCPT "C: DATA\nS: 554 no\n" QUIT, SMTP_MESSAGE_REFUSED, NONE, "DATA", 554,
     "refused DATA: 554 no", 0},
    {"DATA 250", HELLO MAIL RCPT "C: DATA\nS: 250 ok\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, NONE, "DATA", 250, "",
     0},
    {"DATA lost", HELLO MAIL RCPT "C: DATA\nCLOSE\n", SMTP_UNAVAILABLE, NONE, "DATA", 0, "", 0},
    {"answered before the message",
     HELLO MAIL RCPT "C: DATA\nRAW \"354 go\\r\\n250 queued\\r\\n\"\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, NONE,
     "end of data", 0, "before the message had ended", 0},
    {"refused before the message",
     HELLO MAIL RCPT "C: DATA\nRAW \"354 go\\r\\n552 5.3.4 no\\r\\n\"\nWAIT-EOF\n", SMTP_MESSAGE_REFUSED,
     NONE, "end of data", 552, "552 5.3.4 no", 0},
    /* the end of the data */
    {"message 4yz", HELLO MAIL RCPT DATA "DATA\nS: 452 4.3.1 full\n" QUIT, SMTP_TEMPORARY, NONE,
     "end of data", 452, "refused the message: 452 4.3.1 full", 0},
    {"message 5yz", HELLO MAIL RCPT DATA "DATA\nS: 554 5.6.0 spam\n" QUIT, SMTP_MESSAGE_REFUSED, NONE,
     "end of data", 554, "refused the message: 554 5.6.0 spam", 0},
    {"message x.7.8", HELLO MAIL RCPT DATA "DATA\nS: 550 5.7.8 spam\n" QUIT, SMTP_AUTH_FAILED, NONE,
     "end of data", 550, "5.7.8", 0},
    {"message 421", HELLO MAIL RCPT DATA "DATA\nS: 421 bye\nCLOSE\n", SMTP_TEMPORARY, NONE, "end of data",
     421, "", 0},
    {"message lost", HELLO MAIL RCPT DATA "DATA\nCLOSE\n", SMTP_UNAVAILABLE, UNKNOWN, "end of data", 0,
     "instead of answering the message", 0},
    {"message reset", HELLO MAIL RCPT DATA "DATA\nRESET\n", SMTP_UNAVAILABLE, UNKNOWN, "end of data", 0, "",
     0},
    {"message half answered", HELLO MAIL RCPT DATA "DATA\nPART: 250 queu\nCLOSE\n", SMTP_UNAVAILABLE, UNKNOWN,
     "end of data", 0, "", 0},
    {"message garbage", HELLO MAIL RCPT DATA "DATA\nS: okay\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, UNKNOWN,
     "end of data", 0, "\"okay\"", 0},
    {"message two codes", HELLO MAIL RCPT DATA "DATA\nS: 250-a\nS: 550 b\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR,
     UNKNOWN, "end of data", 0, "\"550 b\"", 0},
    {"message 354", HELLO MAIL RCPT DATA "DATA\nS: 354 more\nWAIT-EOF\n", SMTP_PROTOCOL_ERROR, UNKNOWN,
     "end of data", 354, "unexpected answer", 0},
    {"message silence", HELLO MAIL RCPT DATA "DATA\nSTALL\n", SMTP_TIMED_OUT, UNKNOWN, "end of data", 0,
     "did not answer the message in time", 300},
};

static bool row_holds(const struct row *row, const struct smtp_fixture *f)
{
    const struct smtp_outcome *o = &f->outcome;
    bool connected = strcmp(o->stage, "connect") != 0;
    bool greeted = connected && strcmp(o->stage, "greeting") != 0;
    bool measured = (o->times.connect > 0) == connected && o->times.transaction == 0;
    return o->greeted == greeted && measured && o->class == row->class && o->state == row->state &&
           strcmp(o->stage, row->stage) == 0 && o->reply.code == row->code &&
           strstr(o->err.text, row->text) != NULL && o->err.text[0] != '\0' &&
           f->recipients[0].state == row->state;
}

static void failures(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        if (rows[i].timeout_ms > 0) {
            smtp_fixture_timeouts(&f, rows[i].timeout_ms);
        }
        smtp_fixture_run(&f, rows[i].scenario, rows[i].name);
        bool held = row_holds(&rows[i], &f);
        if (!held) {
            printf("\n%s: class %d state %d stage %s code %d: %s\n", rows[i].name, f.outcome.class,
                   f.outcome.state, f.outcome.stage, f.outcome.reply.code, f.outcome.err.text);
        }
        CU_ASSERT(held);
    }
}

/* --- large messages, of which the server takes only the beginning --- */

#define LARGE ((size_t)16 * 1024 * 1024)

static const struct row large_rows[] = {
    {"lost in the data", HELLO MAIL RCPT DATA "DATA 100000\nCLOSE\n", SMTP_UNAVAILABLE, NONE, "end of data",
     0, "", 0},
    {"reset in the data", HELLO MAIL RCPT DATA "DATA 100000\nRESET\n", SMTP_UNAVAILABLE, NONE, "end of data",
     0, "", 0},
    {"421 in the data", HELLO MAIL RCPT DATA "DATA 100000\nS: 421 4.4.2 bye\nSTALL\nREAD-UNTIL-EOF\n",
     SMTP_TEMPORARY, NONE, "end of data", 421, "421 4.4.2 bye", 0},
    {"552 in the data", HELLO MAIL RCPT DATA "DATA 100000\nS: 552 5.3.4 too big\nSTALL\nREAD-UNTIL-EOF\n",
     SMTP_MESSAGE_REFUSED, NONE, "end of data", 552, "552 5.3.4 too big", 0},
    {"552 in the data, read on", HELLO MAIL RCPT DATA "DATA 100000\nS: 552 too big\nREAD-UNTIL-EOF\n",
     SMTP_MESSAGE_REFUSED, NONE, "end of data", 552, "552 too big", 0},
    {"250 in the data", HELLO MAIL RCPT DATA "DATA 100000\nS: 250 queued\nSTALL\nREAD-UNTIL-EOF\n",
     SMTP_PROTOCOL_ERROR, NONE, "end of data", 0, "before the message had ended", 0},
    {"garbage in the data", HELLO MAIL RCPT DATA "DATA 100000\nS: oops\nSTALL\nREAD-UNTIL-EOF\n",
     SMTP_PROTOCOL_ERROR, NONE, "end of data", 0, "\"oops\"", 0},
    {"a server that stops reading", HELLO MAIL RCPT DATA "DATA 100000\nSTALL\nREAD-UNTIL-EOF\n",
     SMTP_TIMED_OUT, NONE, "end of data", 0, "in time", 300},
};

static char *large_message(void)
{
    char *text = malloc(LARGE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    for (size_t i = 0; i < LARGE; i++) {
        text[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : i % 64 == 0 && i % 1024 == 0 ? '.' : 'x';
    }
    return text;
}

static void failures_in_the_data(void)
{
    char *text = large_message();
    for (size_t i = 0; i < sizeof large_rows / sizeof large_rows[0]; i++) {
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        smtp_fixture_message(&f, text, LARGE);
        f.receive_buffer = 65536;
        if (large_rows[i].timeout_ms > 0) {
            f.settings.data_timeout_ms = large_rows[i].timeout_ms;
        }
        smtp_fixture_run(&f, large_rows[i].scenario, large_rows[i].name);
        bool held = row_holds(&large_rows[i], &f);
        if (!held) {
            printf("\n%s: class %d state %d stage %s code %d: %s\n", large_rows[i].name, f.outcome.class,
                   f.outcome.state, f.outcome.stage, f.outcome.reply.code, f.outcome.err.text);
        }
        CU_ASSERT(held);
    }
    free(text);
}

static void large_is_whole(void)
{
    char *text = large_message();
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    smtp_fixture_message(&f, text, LARGE);
    smtp_fixture_start(&f, HELLO MAIL RCPT DATA "DATA\nS: 250 queued\n" QUIT);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    size_t size = 0;
    const unsigned char *got = smtp_script_message(f.script, 0, &size);
    CU_ASSERT(got != NULL && size == LARGE && memcmp(got, text, LARGE) == 0);
    smtp_fixture_end(&f, "large");
    free(text);
}

/* --- what works --- */

static void accepted(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    smtp_fixture_start(&f, HELLO MAIL RCPT DATA "DATA\nS: 250 2.0.0 Ok: queued as 4F2C1\n" QUIT);
    smtp_deliver(f.endpoint, &f.delivery, &f.outcome);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_EQUAL(f.outcome.state, SMTP_DELIVERY_DONE);
    CU_ASSERT_STRING_EQUAL(f.outcome.err.text, "");
    CU_ASSERT_STRING_EQUAL(f.outcome.reply.text, "Ok: queued as 4F2C1");
    CU_ASSERT_STRING_EQUAL(f.outcome.reply.enhanced, "2.0.0");
    CU_ASSERT_EQUAL(f.recipients[0].state, SMTP_DELIVERY_DONE);
    CU_ASSERT_STRING_EQUAL(f.recipients[0].reply.text, "Ok: queued as 4F2C1");
    CU_ASSERT_PTR_NOT_NULL(f.outcome.session);
    CU_ASSERT_TRUE(f.outcome.greeted);
    CU_ASSERT_TRUE(f.outcome.times.connect > 0 && f.outcome.times.transaction > 0);
    CU_ASSERT_EQUAL(f.outcome.times.tls + f.outcome.times.auth, 0);
    char *transcript = smtp_script_transcript(f.script, 1);
    CU_ASSERT_PTR_NULL(strstr(transcript, "QUIT")); /* the answer does not wait for it */
    free(transcript);
    smtp_release(f.outcome.session);
    size_t size = 0;
    const unsigned char *got = smtp_script_message(f.script, 0, &size);
    CU_ASSERT(got != NULL && size == f.message.len && memcmp(got, f.message.text, size) == 0);
    smtp_fixture_end(&f, "accepted");
}

/* Each command is one write, and so is the message with its end. */
static void flights(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    smtp_fixture_start(&f, HELLO MAIL RCPT DATA "DATA\nS: 250 ok\n" QUIT);
    smtp_fixture_deliver(&f);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 1, 10000));
    char *text = smtp_script_flights(f.script, 1);
    CU_ASSERT_STRING_EQUAL(text, "EHLO client.example\\r\\n\n"
                                 "MAIL FROM:<a@example.com>\\r\\n\n"
                                 "RCPT TO:<b@example.com>\\r\\n\n"
                                 "DATA\\r\\n\n"
                                 "Subject: test\\r\\n\\r\\nHello\\r\\n..dot\\r\\n...\\r\\n.\\r\\n\n"
                                 "QUIT\\r\\n\n");
    free(text);
    smtp_fixture_end(&f, "flights");
}

/* A flight behind an unanswered one leaves at once (RFC 896's algorithm is off). */
static void no_delay(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    smtp_fixture_start(&f, HELLO MAIL RCPT DATA "DATA\nS: 250 ok\n" QUIT);
    smtp_deliver(f.endpoint, &f.delivery, &f.outcome);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f.outcome.session);
    int on = 0;
    socklen_t len = sizeof on;
    CU_ASSERT_EQUAL(getsockopt(f.outcome.session->stream.fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    CU_ASSERT_NOT_EQUAL(on, 0);
    smtp_release(f.outcome.session);
    smtp_fixture_end(&f, "no delay");
}

static void hello_falls_back(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    smtp_fixture_run(&f,
                     "S: 220 x\nC: EHLO *\nS: 500 what?\nC: HELO client.example\nS: 250 x\n" MAIL RCPT DATA
                     "DATA\nS: 250 ok\n" QUIT,
                     "HELO");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
}

static void own_names(void)
{
    static const char *const table[][2] = {{"web1", "[127.0.0.1]"},
                                           {NULL, "[127.0.0.1]"},
                                           {"web1.example.com", "web1.example.com"},
                                           {"[IPv6:::1]", "[IPv6:::1]"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        f.settings.domain = table[i][0];
        char scenario[200];
        (void)snprintf(scenario, sizeof scenario, "S: 220 x\nC: EHLO %s\nS: 451 x\n" QUIT, table[i][1]);
        smtp_fixture_run(&f, scenario, "own name");
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_TEMPORARY);
    }
}

static void through_a_unix_socket(void)
{
    char directory[] = "/tmp/smtp-test-XXXXXX";
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
    char host[64];
    (void)snprintf(host, sizeof host, "unix:%s/socket", directory);
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    f.settings.host = host;
    smtp_fixture_run(&f, HELLO MAIL RCPT DATA "DATA\nS: 250 ok\n" QUIT, "unix");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_EQUAL(rmdir(directory), 0);
}

static void nobody_listens(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    smtp_fixture_start(&f, "==? 1\nCLOSE\n");
    CU_ASSERT_TRUE(smtp_script_stop(f.script));
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_UNAVAILABLE);
    CU_ASSERT_STRING_EQUAL(f.outcome.stage, "connect");
    CU_ASSERT_PTR_NOT_NULL(strstr(f.outcome.err.text, "127.0.0.1: Connection refused"));
    smtp_fixture_end(&f, "nobody");
}

static void total_is_over(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    f.delivery.total = deadline_now();
    smtp_fixture_run(&f, "==? 1\nSTALL\n", "total");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_TIMED_OUT);
    CU_ASSERT_EQUAL(f.outcome.state, SMTP_DELIVERY_NONE);
}

static void source_fails(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    f.message.fail_at = f.message.len;
    smtp_fixture_run(&f, HELLO MAIL RCPT DATA "WAIT-EOF\n", "source");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_LOCAL_FAILURE);
    CU_ASSERT_EQUAL(f.outcome.state, SMTP_DELIVERY_NONE);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.outcome.err.text, "the spill file is gone"));
}

/* --- cancelling --- */

static void *deliver_one(void *argument)
{
    smtp_fixture_deliver(argument);
    return NULL;
}

struct cancel_row {
    const char *scenario;
    const char *line; /* of the transcript: cancelled once it is there */
    enum smtp_delivery_state state;
    const char *stage;
};

static const struct cancel_row cancel_rows[] = {
    {"STALL\n", NULL, NONE, "connect"},
    {"S: 220 x\nC: EHLO *\nSTALL\n", "C: EHLO *", NONE, "EHLO"},
    {HELLO MAIL RCPT "C: DATA\nSTALL\n", "C: DATA", NONE, "DATA"},
    {HELLO MAIL RCPT DATA "DATA\nSTALL\n", "\\* data *", UNKNOWN, "end of data"},
};

static void cancelled(void)
{
    for (size_t i = 0; i < sizeof cancel_rows / sizeof cancel_rows[0]; i++) {
        const struct cancel_row *row = &cancel_rows[i];
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        int cancel_fd = eventfd(row->line == NULL ? 1 : 0, EFD_CLOEXEC);
        CU_ASSERT_FATAL(cancel_fd >= 0);
        f.delivery.cancel_fd = cancel_fd;
        char scenario[800];
        (void)snprintf(scenario, sizeof scenario, "==%s 1\n%s", row->line == NULL ? "?" : "", row->scenario);
        smtp_fixture_start(&f, scenario);
        pthread_t thread;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, deliver_one, &f), 0);
        CU_ASSERT_TRUE(row->line == NULL || smtp_script_wait_line(f.script, 1, row->line, 10000));
        CU_ASSERT_EQUAL(eventfd_write(cancel_fd, 1), 0);
        pthread_join(thread, NULL);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_TIMED_OUT);
        CU_ASSERT_EQUAL(f.outcome.state, row->state);
        CU_ASSERT_STRING_EQUAL(f.outcome.stage, row->stage);
        smtp_fixture_end(&f, row->stage);
        (void)close(cancel_fd);
    }
}

static void public_only(void)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "::ffff:127.0.0.1", "unix:/tmp/none"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        smtp_fixture_start(&f, "==? 1\nSTALL\n");
        struct smtp_settings settings = f.endpoint->settings;
        settings.public_only = true;
        settings.host = hosts[i];
        struct smtp_endpoint *base = f.endpoint;
        f.endpoint = smtp_endpoint_derive(base, &settings, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(f.endpoint);
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ADDRESS_FORBIDDEN);
        CU_ASSERT_EQUAL(f.outcome.state, NONE);
        CU_ASSERT_PTR_NOT_NULL(strstr(f.outcome.err.text, hosts[i]));
        CU_ASSERT_EQUAL(smtp_script_connections(f.script), 0);
        smtp_fixture_end(&f, "public_only");
        smtp_endpoint_free(base);
    }
}

/* Many threads, one endpoint. */
static void *deliver_some(void *argument)
{
    struct smtp_fixture *f = argument;
    size_t *accepted_count = calloc(1, sizeof *accepted_count);
    CU_ASSERT_PTR_NOT_NULL_FATAL(accepted_count);
    for (int i = 0; i < 5; i++) {
        struct smtp_fixture own;
        smtp_fixture_init(&own);
        own.endpoint = f->endpoint;
        smtp_fixture_deliver(&own);
        *accepted_count += own.outcome.class == SMTP_ACCEPTED ? 1 : 0;
    }
    return accepted_count;
}

static void many_threads(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    f.ca_dir = smtp_fixture_ca();
    char ca_file[80];
    (void)snprintf(ca_file, sizeof ca_file, "%s/ca.pem", f.ca_dir);
    f.settings.ca_file = ca_file;
    f.settings.host = "localhost";
    f.settings.tls = SMTP_TLS_IMPLICIT;
    smtp_fixture_start(&f, "== *\nTLS\n" HELLO MAIL RCPT DATA "DATA\nS: 250 ok\n" QUIT);
    pthread_t threads[4];
    size_t total = 0;
    for (size_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, deliver_some, &f), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *count = NULL;
        pthread_join(threads[i], &count);
        total += *(size_t *)count;
        free(count);
    }
    CU_ASSERT_EQUAL(total, 20);
    smtp_fixture_end(&f, "threads");
    smtp_fixture_remove_ca();
}

static const struct unit_test tests[] = {
    {"what a failure becomes", failures},
    {"failures in the data", failures_in_the_data},
    {"a large message is whole", large_is_whole},
    {"accepted", accepted},
    {"flights", flights},
    {"no delay", no_delay},
    {"HELO", hello_falls_back},
    {"the name in EHLO", own_names},
    {"a unix socket", through_a_unix_socket},
    {"nobody listens", nobody_listens},
    {"the total is over", total_is_over},
    {"the source fails", source_fails},
    {"cancelled", cancelled},
    {"public addresses only", public_only},
    {"many threads", many_threads},
};

UNIT_SUITE(smtp_client, tests);
