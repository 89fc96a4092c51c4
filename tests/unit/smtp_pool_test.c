/* The pool: which session is taken, how long it is kept, when it is no longer fit, and RSET between two mails. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "smtp_fixture.h"
#include "unit.h"

#define HELLO   "S: 220 mail ESMTP\nC: EHLO client.example\nS: 250-mail\nS: 250 SIZE 1000\n"
#define MAIL    "C: MAIL FROM:<a@example.com>*\nS: 250 ok\n"
#define RCPT    "C: RCPT TO:*\nS: 250 ok\n"
#define DATA    "C: DATA\nS: 354 go on\n"
#define ONE     MAIL RCPT DATA "DATA\nS: 250 queued\n"
#define QUIT    "C: QUIT\nWAIT-EOF\n"
#define SESSION HELLO ONE QUIT
#define LONG_MS 20000

static void init(struct smtp_fixture *f)
{
    smtp_fixture_init(f);
    f->settings.pool_size = 4;
    f->settings.pool_idle_ms = 60000;
    f->settings.pool_max_messages = 100;
}

static char ca_file[96];

static void init_tls(struct smtp_fixture *f)
{
    init(f);
    f->ca_dir = smtp_fixture_ca();
    (void)snprintf(ca_file, sizeof ca_file, "%s/ca.pem", f->ca_dir);
    f->settings.ca_file = ca_file;
    f->settings.tls = SMTP_TLS_IMPLICIT;
    f->settings.host = "localhost";
}

/* Closes the pool before the server is asked whether all was as expected: QUIT is. */
static void end(struct smtp_fixture *f, const char *name)
{
    smtp_endpoint_free(f->endpoint);
    f->endpoint = NULL;
    smtp_fixture_end(f, name);
}

static void deliver(struct smtp_fixture *f, bool reused)
{
    smtp_fixture_deliver(f);
    CU_ASSERT_EQUAL(f->outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_STRING_EQUAL(f->outcome.err.text, "");
    CU_ASSERT_EQUAL(f->outcome.reused, reused);
}

/* Delivers and leaves the session unreleased. */
static struct smtp_session *hold(struct smtp_fixture *f)
{
    smtp_deliver(f->endpoint, &f->delivery, &f->outcome);
    CU_ASSERT_EQUAL(f->outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f->outcome.session);
    return f->outcome.session;
}

static bool has_quit(struct smtp_fixture *f, size_t connection)
{
    char *transcript = smtp_script_transcript(f->script, connection);
    bool has = strstr(transcript, "C: QUIT") != NULL;
    free(transcript);
    return has;
}

/* --- which, and how many --- */

static void one_after_the_other(void)
{
    struct smtp_fixture f;
    init(&f);
    smtp_fixture_start(&f, HELLO ONE ONE ONE QUIT);
    deliver(&f, false);
    deliver(&f, true);
    deliver(&f, true);
    CU_ASSERT_EQUAL(smtp_script_connections(f.script), 1);
    CU_ASSERT_EQUAL(smtp_script_messages(f.script), 3);
    CU_ASSERT_FALSE(has_quit(&f, 1));
    end(&f, "one after the other");
}

static void no_pool(void)
{
    struct smtp_fixture f;
    init(&f);
    f.settings.pool_size = 0;
    smtp_fixture_start(&f, "== 1\n" SESSION "== 2\n" SESSION);
    deliver(&f, false);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 1, LONG_MS));
    deliver(&f, false);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 2, LONG_MS));
    end(&f, "no pool");
}

/* A session that is given on needs no pool, and is not used when it is no longer fit. */
static void given_on(void)
{
    struct smtp_fixture f;
    init(&f);
    f.settings.pool_size = 0;
    f.settings.pool_max_messages = 3;
    smtp_fixture_start(&f, "== 1\n" HELLO ONE MAIL "C: RCPT *\nS: 550 no\nC: RSET\nS: 250 ok\n" ONE QUIT
                           "== 2\n" HELLO ONE "CLOSE\n== 3\n" HELLO ONE QUIT);
    (void)hold(&f);
    f.delivery.session = f.outcome.session;
    smtp_deliver(f.endpoint, &f.delivery, &f.outcome);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_RECIPIENTS_REFUSED);
    CU_ASSERT_TRUE(f.outcome.reused);
    CU_ASSERT_PTR_NULL(f.delivery.session);
    f.delivery.session = f.outcome.session;
    (void)hold(&f);
    CU_ASSERT_TRUE(f.outcome.reused);
    f.delivery.session = f.outcome.session; /* it has had pool_max_messages */
    (void)hold(&f);
    CU_ASSERT_FALSE(f.outcome.reused);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 1, LONG_MS));
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 2, LONG_MS)); /* and this one is closed by now */
    f.delivery.session = f.outcome.session;
    deliver(&f, false);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 3, LONG_MS));
    end(&f, "given on");
}

static void newest_first(void)
{
    struct smtp_fixture f;
    init(&f);
    smtp_fixture_start(&f, "== 1\n" SESSION "== 2\n" HELLO ONE ONE QUIT);
    struct smtp_session *first = hold(&f);
    struct smtp_session *second = hold(&f);
    smtp_release(first);
    smtp_release(second);
    deliver(&f, true);
    end(&f, "the second is the newest");
    init(&f);
    smtp_fixture_start(&f, "== 1\n" HELLO ONE ONE ONE QUIT "== 2\n" SESSION);
    first = hold(&f);
    second = hold(&f);
    smtp_release(second);
    smtp_release(first);
    deliver(&f, true);
    deliver(&f, true);
    end(&f, "the first is the newest");
}

/* The ones that have waited longest make room. */
static void bounded_in_number(void)
{
    struct smtp_fixture f;
    init(&f);
    f.settings.pool_size = 2;
    smtp_fixture_start(&f, "== 1\n" SESSION "== 2\n" SESSION "== 3\n" HELLO ONE ONE QUIT
                           "== 4\n" HELLO ONE ONE QUIT);
    struct smtp_session *sessions[4];
    for (size_t i = 0; i < 4; i++) {
        sessions[i] = hold(&f);
    }
    for (size_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(smtp_endpoint_idle(f.endpoint), i < 2 ? i : 2);
        smtp_release(sessions[i]);
    }
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 2, LONG_MS));
    CU_ASSERT_TRUE(has_quit(&f, 1) && has_quit(&f, 2));
    CU_ASSERT_FALSE(has_quit(&f, 3) || has_quit(&f, 4));
    sessions[0] = hold(&f);
    CU_ASSERT_TRUE(f.outcome.reused);
    CU_ASSERT_FALSE(f.outcome.greeted);
    CU_ASSERT_EQUAL(f.outcome.times.connect, 0);
    CU_ASSERT_EQUAL(smtp_endpoint_idle(f.endpoint), 1);
    sessions[1] = hold(&f);
    CU_ASSERT_TRUE(f.outcome.reused);
    smtp_release(sessions[0]);
    smtp_release(sessions[1]);
    end(&f, "bounded in number");
}

static void bounded_in_messages(void)
{
    struct smtp_fixture f;
    init(&f);
    f.settings.pool_max_messages = 2;
    smtp_fixture_start(&f, "== 1\n" HELLO ONE ONE QUIT "== 2\n" HELLO ONE QUIT);
    deliver(&f, false);
    deliver(&f, true);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 1, LONG_MS)); /* with QUIT, and at once */
    deliver(&f, false);
    end(&f, "bounded in messages");
}

/* No further mail comes, and yet the idle sessions are closed. */
static void bounded_in_time(void)
{
    struct smtp_fixture f;
    init(&f);
    f.settings.pool_idle_ms = 100;
    smtp_fixture_start(&f, "== 1\n" SESSION "== 2\n" SESSION "== 3\n" SESSION);
    struct smtp_session *first = hold(&f);
    struct smtp_session *second = hold(&f);
    deadline released = deadline_now();
    smtp_release(first);
    smtp_release(second);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 2, LONG_MS));
    CU_ASSERT(deadline_now() >= released + 100);
    CU_ASSERT_TRUE(has_quit(&f, 1) && has_quit(&f, 2));
    deliver(&f, false);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 3, LONG_MS)); /* the reaper had nothing to do, and woke again */
    end(&f, "bounded in time");
}

/* What is too old is not taken, whether the reaper has come or not. */
static void too_old_at_once(void)
{
    struct smtp_fixture f;
    init(&f);
    f.settings.pool_idle_ms = 0;
    smtp_fixture_start(&f, "== *\n" SESSION);
    for (size_t i = 0; i < 20; i++) {
        deliver(&f, false);
    }
    CU_ASSERT_EQUAL(smtp_script_connections(f.script), 20);
    end(&f, "too old at once");
}

static void nothing_is_shared(void)
{
    struct smtp_fixture f;
    init(&f);
    smtp_fixture_start(&f, "== 1\n" HELLO ONE ONE QUIT "== 2\n" HELLO ONE ONE QUIT "== 3\n" SESSION
                           "== 4\n" SESSION);
    struct smtp_endpoint *mine = f.endpoint;
    struct smtp_endpoint *other = smtp_endpoint_new(&f.settings, NULL);
    struct smtp_endpoint *derived = smtp_endpoint_derive(mine, &f.settings, NULL);
    CU_ASSERT_FATAL(other != NULL && derived != NULL);
    deliver(&f, false);
    f.endpoint = other;
    deliver(&f, false);
    f.endpoint = derived; /* for a request that overrides settings: it has no pool, and says QUIT */
    deliver(&f, false);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 1, LONG_MS));
    CU_ASSERT_TRUE(has_quit(&f, 3));
    deliver(&f, false);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 2, LONG_MS));
    f.endpoint = mine;
    deliver(&f, true);
    f.endpoint = other;
    deliver(&f, true);
    smtp_endpoint_free(derived);
    smtp_endpoint_free(mine);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 3, LONG_MS));
    CU_ASSERT_TRUE(has_quit(&f, 1));
    CU_ASSERT_FALSE(has_quit(&f, 2));
    end(&f, "nothing is shared");
}

/* --- dead while idle --- */

struct idle_row {
    const char *name;
    const char *steps; /* behind the first mail; end the connection, or come to gate "said" */
    bool ends;
    bool fit; /* and yet it is fit */
};

static const struct idle_row idle_rows[] = {
    {"421", "S: 421 4.4.2 idle for too long\nGATE said\nWAIT-EOF\n", false, false},
    {"421 and EOF", "S: 421 4.4.2 idle for too long\nCLOSE\n", true, false},
    {"EOF", "CLOSE\n", true, false},
    {"reset", "RESET\n", true, false},
    {"half a reply", "PART: 42\nGATE said\nWAIT-EOF\n", false, false},
    {"a reply before its command", "S: 250 ok\nGATE said\nWAIT-EOF\n", false, false},
    {"garbage", "RAW \"\\0\\r\\n\"\nGATE said\nWAIT-EOF\n", false, false},
    {"nothing", "GATE said\n" ONE QUIT, false, true},
};

static const struct idle_row tls_rows[] = {
    {"421 in TLS", "S: 421 4.4.2 idle for too long\nGATE said\nWAIT-EOF\n", false, false},
    {"a ticket and 421", "TICKET\nS: 421 4.4.2 idle for too long\nGATE said\nWAIT-EOF\n", false, false},
    {"close_notify", "CLOSE\n", true, false},
    {"EOF in TLS", "CLOSE abrupt\n", true, false},
    {"reset in TLS", "RESET\n", true, false},
    {"tickets", "TICKET\nTICKET\nGATE said\n" ONE QUIT, false, true},
};

static void check_idle(struct smtp_fixture *f, const struct idle_row *row, const char *tls)
{
    char scenario[1600];
    (void)snprintf(scenario, sizeof scenario, "== 1\n%s" HELLO ONE "GATE idle\n%s%s%s%s", tls, row->steps,
                   row->fit ? "" : "== 2\n", row->fit ? "" : tls, row->fit ? "" : SESSION);
    smtp_fixture_start(f, scenario);
    deliver(f, false);
    smtp_script_open(f->script,
                     "idle"); /* not before: what comes with the reply to the mail is not said while idle */
    CU_ASSERT_TRUE(row->ends ? smtp_script_wait(f->script, 1, LONG_MS)
                             : smtp_script_wait_line(f->script, 1, "\\* at gate said", LONG_MS));
    smtp_script_open(f->script, "said");
    deliver(f, row->fit);
    CU_ASSERT_STRING_EQUAL(f->outcome.tls.version,
                           tls[0] != '\0' ? "TLSv1.3" : ""); /* a reused session's, too */
    CU_ASSERT_EQUAL(smtp_script_messages(f->script), 2);
    end(f, row->name);
}

static void dead_while_idle(void)
{
    for (size_t i = 0; i < sizeof idle_rows / sizeof idle_rows[0]; i++) {
        struct smtp_fixture f;
        init(&f);
        check_idle(&f, &idle_rows[i], "");
    }
}

static void dead_while_idle_in_tls(void)
{
    for (size_t i = 0; i < sizeof tls_rows / sizeof tls_rows[0]; i++) {
        struct smtp_fixture f;
        init_tls(&f);
        check_idle(&f, &tls_rows[i], "TLS min=1.3\n");
    }
}

static void all_dead(void)
{
    struct smtp_fixture f;
    init(&f);
    smtp_fixture_start(&f, "== 1\n" HELLO ONE "GATE die\nCLOSE\n== 2\n" HELLO ONE
                           "GATE die\nS: 421 x\nCLOSE\n== 3\n" HELLO ONE "GATE die\nRESET\n== 4\n" SESSION);
    struct smtp_session *sessions[3];
    for (size_t i = 0; i < 3; i++) {
        sessions[i] = hold(&f);
    }
    for (size_t i = 0; i < 3; i++) {
        smtp_release(sessions[i]);
    }
    smtp_script_open(f.script, "die");
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 3, LONG_MS));
    deliver(&f, false);
    CU_ASSERT_EQUAL(smtp_script_connections(f.script), 4);
    end(&f, "all dead");
}

/* A warm session's connection is gone; the new one resumes its TLS session, from a ticket that came while idle. */
static void resumed_on_reconnect(void)
{
    static const char *const versions[] = {"TLS min=1.3\n", "TLS max=1.2\n"};
    for (size_t i = 0; i < 2; i++) {
        struct smtp_fixture f;
        init_tls(&f);
        char scenario[1200];
        (void)snprintf(scenario, sizeof scenario, "== 1\n%s" HELLO ONE "%sCLOSE\n== 2\n%s" SESSION,
                       versions[i], i == 0 ? "TICKET\n" : "", versions[i]);
        smtp_fixture_start(&f, scenario);
        deliver(&f, false);
        CU_ASSERT_FALSE(f.outcome.tls.resumed);
        CU_ASSERT_TRUE(smtp_script_wait(f.script, 1, LONG_MS));
        deliver(&f, false);
        CU_ASSERT_TRUE(f.outcome.tls.resumed);
        CU_ASSERT_TRUE(smtp_script_wait_line(f.script, 2, "\\* tls *resumed*", LONG_MS));
        end(&f, versions[i]);
    }
}

/* --- RSET --- */

struct refusal_row {
    const char *name;
    const char *first;  /* what the first mail meets */
    const char *second; /* and what comes behind it, up to the second mail's reply */
    bool reused;
};

static const struct refusal_row refusal_rows[] = {
    {"MAIL refused: nothing to reset", "C: MAIL *\nS: 550 no\n", ONE, true},
    {"RCPT refused", MAIL "C: RCPT *\nS: 550 no\n", "C: RSET\nS: 250 ok\n" ONE, true},
    {"DATA refused", MAIL RCPT "C: DATA\nS: 554 no\n", "C: RSET\nS: 250 ok\n" ONE, true},
    {"message refused", MAIL RCPT DATA "DATA\nS: 554 no\n", "C: RSET\nS: 250 ok\n" ONE, true},
    {"message refused for now", MAIL RCPT DATA "DATA\nS: 451 no\n", "C: RSET\nS: 250 ok\n" ONE, true},
    {"lines in reply to RSET", MAIL "C: RCPT *\nS: 550 no\n", "C: RSET\nS: 250-all\nS: 250 gone\n" ONE, true},
    {"a slow reply to RSET", MAIL "C: RCPT *\nS: 550 no\n", "C: RSET\nGATE reset\nWAIT 30\nS: 250 ok\n" ONE,
     true},
    {"RSET refused", MAIL "C: RCPT *\nS: 550 no\n", "C: RSET\nS: 502 what?\n", false},
    {"421 to RSET", MAIL "C: RCPT *\nS: 550 no\n", "C: RSET\nS: 421 bye\nWAIT-EOF\n", false},
    {"EOF to RSET", MAIL "C: RCPT *\nS: 550 no\n", "C: RSET\nCLOSE\n", false},
    {"two replies to RSET", MAIL "C: RCPT *\nS: 550 no\n",
     "C: RSET\nRAW \"250 ok\\r\\n250 ok\\r\\n\"\nWAIT-EOF\n", false},
    {"garbage to RSET", MAIL "C: RCPT *\nS: 550 no\n", "C: RSET\nS: hello\nWAIT-EOF\n", false},
    {"no reply to RSET", MAIL "C: RCPT *\nS: 550 no\n", "C: RSET\nSTALL\n", false},
    {"421 to RCPT", MAIL "C: RCPT *\nS: 421 bye\nWAIT-EOF\n", "", false},
    {"421 to the message", MAIL RCPT DATA "DATA\nS: 421 bye\nWAIT-EOF\n", "", false},
    {"broken reply", MAIL "C: RCPT *\nS: hello\nWAIT-EOF\n", "", false},
    {"unexpected reply", MAIL "C: RCPT *\nS: 354 hello\nWAIT-EOF\n", "", false},
    {"no reply", MAIL "C: RCPT *\nSTALL\n", "", false},
    {"a reply too many", MAIL RCPT DATA "DATA\nRAW \"554 no\\r\\n250 yes\\r\\n\"\nC?: QUIT\nWAIT-EOF\n", "",
     false},
};

static void after_a_refusal(void)
{
    for (size_t i = 0; i < sizeof refusal_rows / sizeof refusal_rows[0]; i++) {
        const struct refusal_row *row = &refusal_rows[i];
        struct smtp_fixture f;
        char scenario[1600];
        init(&f);
        f.settings.command_timeout_ms = strcmp(row->name, "no reply") == 0 ? 600 : LONG_MS;
        (void)snprintf(scenario, sizeof scenario, "== 1\n" HELLO "%s%s%s", row->first, row->second,
                       row->reused ? QUIT : "C?: QUIT\n== 2\n" SESSION);
        smtp_fixture_start(&f, scenario);
        smtp_fixture_deliver(&f); /* does not wait for the reply to RSET: the gate is closed */
        CU_ASSERT_NOT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        CU_ASSERT_EQUAL(f.outcome.state, SMTP_DELIVERY_NONE);
        smtp_script_open(f.script, "reset");
        deliver(&f, row->reused);
        end(&f, row->name);
    }
}

/* What was found before MAIL was never said, so there is nothing to reset. */
static void refused_by_us(void)
{
    static const char too_long[1200] = "Subject: x\r\n\r\n";
    struct smtp_fixture f;
    init(&f);
    smtp_fixture_start(&f, HELLO ONE ONE QUIT);
    deliver(&f, false);
    struct smtp_fixture_message message = f.message;
    smtp_fixture_message(&f, too_long, sizeof too_long);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_MESSAGE_REFUSED);
    CU_ASSERT_TRUE(f.outcome.reused);
    smtp_fixture_message(&f, message.text, message.len);
    deliver(&f, true);
    end(&f, "refused by us");
}

/* on_refused: abort leaves a transaction in its middle. */
static void aborted(void)
{
    struct smtp_fixture f;
    init(&f);
    f.settings.abort_on_refused = true;
    smtp_fixture_start(&f, "== 1\n" HELLO MAIL RCPT "C: RCPT *\nS: 550 no\n" QUIT "== 2\n" SESSION);
    smtp_fixture_recipients(&f, (const char *const[]){"b@example.com", "c@example.com"}, 2);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_RECIPIENTS_REFUSED);
    smtp_fixture_recipients(&f, (const char *const[]){"b@example.com"}, 1);
    deliver(&f, false);
    end(&f, "aborted");
}

static void *deliver_one(void *argument)
{
    smtp_fixture_deliver(argument);
    return NULL;
}

/* A delivery that is cancelled takes its session with it. */
static void cancelled(void)
{
    struct smtp_fixture f;
    init(&f);
    smtp_fixture_start(&f, "== 1\n" HELLO ONE "C: MAIL *\nSTALL\n== 2\n" SESSION);
    deliver(&f, false);
    int cancel_fd = eventfd(0, EFD_CLOEXEC);
    CU_ASSERT_FATAL(cancel_fd >= 0);
    f.delivery.cancel_fd = cancel_fd;
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, deliver_one, &f), 0);
    CU_ASSERT_TRUE(smtp_script_wait_line(f.script, 1, "\\* stalled", LONG_MS));
    CU_ASSERT_EQUAL(eventfd_write(cancel_fd, 1), 0);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_TIMED_OUT);
    CU_ASSERT_TRUE(f.outcome.reused);
    f.delivery.cancel_fd = -1;
    deliver(&f, false);
    end(&f, "cancelled");
    (void)close(cancel_fd);
}

/* --- threads --- */

enum { THREADS = 8, MAILS = 25 };

struct sender {
    struct smtp_fixture f;
    struct smtp_endpoint *endpoint;
    pthread_t thread;
    unsigned accepted;
    unsigned fresh;
};

static void *send_many(void *argument)
{
    struct sender *sender = argument;
    for (size_t i = 0; i < MAILS; i++) {
        smtp_deliver(sender->endpoint, &sender->f.delivery, &sender->f.outcome);
        sender->accepted += sender->f.outcome.class == SMTP_ACCEPTED ? 1 : 0;
        sender->fresh += sender->f.outcome.reused ? 0 : 1;
        smtp_release(sender->f.outcome.session);
    }
    return NULL;
}

static void run_threads(struct smtp_fixture *f, unsigned most)
{
    static struct sender senders[THREADS];
    smtp_fixture_start(f, "== *\n" HELLO "WHILE MAIL *\nS: 250 ok\n" RCPT DATA
                          "DATA discard\nS: 250 queued\nEND\n" QUIT);
    for (size_t i = 0; i < THREADS; i++) {
        smtp_fixture_init(&senders[i].f);
        senders[i].endpoint = f->endpoint;
        senders[i].accepted = 0;
        senders[i].fresh = 0;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&senders[i].thread, NULL, send_many, &senders[i]), 0);
    }
    unsigned accepted = 0;
    unsigned fresh = 0;
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(senders[i].thread, NULL);
        accepted += senders[i].accepted;
        fresh += senders[i].fresh;
    }
    CU_ASSERT_EQUAL(accepted, THREADS * MAILS);
    CU_ASSERT_EQUAL(smtp_script_connections(f->script), fresh);
    CU_ASSERT(fresh >= 1 && fresh <= most);
    end(f, "threads");
}

static void many_threads(void)
{
    struct smtp_fixture f;
    init(&f);
    f.settings.pool_size = THREADS;
    f.settings.pool_max_messages = THREADS * MAILS;
    run_threads(&f, THREADS); /* a new one only while all others are in use */
}

/* Eviction, old age and the bound of messages, all at once. */
static void many_threads_and_little_room(void)
{
    struct smtp_fixture f;
    init(&f);
    f.settings.pool_size = 2;
    f.settings.pool_idle_ms = 1;
    f.settings.pool_max_messages = 3;
    run_threads(&f, THREADS * MAILS);
}

static void clean_up(void)
{
    smtp_fixture_remove_ca();
    CU_ASSERT_STRING_NOT_EQUAL(ca_file, "");
}

static const struct unit_test tests[] = {
    {"one after the other", one_after_the_other},
    {"no pool", no_pool},
    {"given on", given_on},
    {"newest first", newest_first},
    {"bounded in number", bounded_in_number},
    {"bounded in messages", bounded_in_messages},
    {"bounded in time", bounded_in_time},
    {"too old at once", too_old_at_once},
    {"nothing is shared", nothing_is_shared},
    {"dead while idle", dead_while_idle},
    {"dead while idle, TLS", dead_while_idle_in_tls},
    {"all dead", all_dead},
    {"resumed on reconnect", resumed_on_reconnect},
    {"after a refusal", after_a_refusal},
    {"refused by us", refused_by_us},
    {"aborted", aborted},
    {"cancelled", cancelled},
    {"many threads", many_threads},
    {"many threads and little room", many_threads_and_little_room},
    {"clean up", clean_up},
};

UNIT_SUITE(smtp_pool, tests);
