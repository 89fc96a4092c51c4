/* What a delivery makes of the server's capabilities: SIZE, SMTPUTF8; and of several recipients. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp_fixture.h"
#include "unit.h"

#define HELLO(capabilities) "S: 220 mail ESMTP\nC: EHLO *\nS: 250-mail\n" capabilities "S: 250 HELP\n"
#define MAIL                "C: MAIL FROM:<a@example.com>\nS: 250 ok\n"
#define RCPT                "C: RCPT TO:<b@example.com>\nS: 250 2.1.5 ok\n"
#define SEND                "C: DATA\nS: 354 go on\nDATA\nS: 250 2.0.0 queued\nC: QUIT\nWAIT-EOF\n"
#define QUIT                "C: QUIT\nWAIT-EOF\n"
#define DELIVER             MAIL RCPT SEND

/* --- SIZE, 8BITMIME, SMTPUTF8 --- */

static void size_is_given(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    smtp_fixture_run(
        &f,
        HELLO("S: 250-SIZE\nS: 250-8BITMIME\n") "C: MAIL FROM:<a@example.com> SIZE=34\nS: 250 ok\n" RCPT SEND,
        "size");
    CU_ASSERT_EQUAL(f.delivery.size, 34);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
}

static void size_limits(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    smtp_fixture_run(&f,
                     HELLO("S: 250-SIZE 34\n") "C: MAIL FROM:<a@example.com> SIZE=34\nS: 250 ok\n" RCPT SEND,
                     "at limit");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    smtp_fixture_run(&f, HELLO("S: 250-SIZE 33\n") QUIT, "over the limit");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_MESSAGE_REFUSED);
    CU_ASSERT_STRING_EQUAL(f.outcome.stage, "MAIL");
    CU_ASSERT_EQUAL(f.outcome.reply.code, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.outcome.err.text, "at most 33 octets and the message has 34"));
}

#define UTF8_CAPABILITIES "S: 250-8BITMIME\nS: 250-SMTPUTF8\n"

static void utf8_offered(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    f.delivery.smtputf8 = true;
    smtp_fixture_run(
        &f,
        HELLO(UTF8_CAPABILITIES) "C: MAIL FROM:<a@example.com> BODY=8BITMIME SMTPUTF8\nS: 250 ok\n" RCPT SEND,
        "in a field");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    smtp_fixture_init(&f);
    f.return_path = smtp_fixture_address("\xc3\xbc@example.com");
    smtp_fixture_run(
        &f, HELLO(UTF8_CAPABILITIES) "C: MAIL FROM:<\\xc3\\xbc@example.com> SMTPUTF8\nS: 250 ok\n" RCPT SEND,
        "in the return path");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    smtp_fixture_init(&f);
    smtp_fixture_recipients(&f, (const char *const[]){"b@example.com", "\xc3\xbc@example.com"}, 2);
    smtp_fixture_run(&f,
                     HELLO(UTF8_CAPABILITIES) "C: MAIL FROM:<a@example.com> SMTPUTF8\nS: 250 ok\n" RCPT
                                              "C: RCPT TO:<\\xc3\\xbc@example.com>\nS: 250 ok\n" SEND,
                     "in a recipient");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
}

static void utf8_not_offered(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    f.delivery.smtputf8 = true;
    f.delivery.smtputf8_field = "reply_to";
    smtp_fixture_run(&f, HELLO("S: 250-8BITMIME\n") QUIT, "in a field");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_MESSAGE_REFUSED);
    CU_ASSERT_STRING_EQUAL(f.outcome.err.field, "reply_to");
    CU_ASSERT_PTR_NOT_NULL(strstr(f.outcome.err.text, "reply_to"));
    smtp_fixture_init(&f);
    f.return_path = smtp_fixture_address("\xc3\xbc@example.com");
    smtp_fixture_run(&f, HELLO("") QUIT, "in the return path");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_MESSAGE_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.outcome.err.text, "return path <\xc3\xbc@example.com>"));
    smtp_fixture_init(&f);
    smtp_fixture_recipients(&f, (const char *const[]){"\xc3\xbc@example.com", "b@example.com"}, 2);
    smtp_fixture_run(&f, HELLO("") DELIVER, "in one recipient");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_EQUAL(f.recipients[0].state, SMTP_DELIVERY_NONE);
    CU_ASSERT_EQUAL(f.recipients[0].reply.code, 553);
    CU_ASSERT_STRING_EQUAL(f.recipients[0].reply.enhanced, "5.6.7");
    CU_ASSERT_EQUAL(f.recipients[1].state, SMTP_DELIVERY_DONE);
    f.settings.abort_on_refused = true;
    smtp_fixture_run(&f, HELLO("") QUIT, "in one recipient, abort");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_RECIPIENTS_REFUSED);
    smtp_fixture_init(&f);
    smtp_fixture_recipients(&f, (const char *const[]){"\xc3\xbc@example.com"}, 1);
    smtp_fixture_run(&f, HELLO("") QUIT, "in all recipients");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_RECIPIENTS_REFUSED);
    CU_ASSERT_STRING_EQUAL(f.outcome.stage, "RCPT");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(f.outcome.err.text, "cannot be given RCPT TO:<\xc3\xbc@example.com>: 553 5.6.7"));
}

/* --- 8BITMIME --- */

static void eight_bit(void)
{
    static const struct {
        const char *capabilities;
        bool smtputf8;
        const char *mail; /* NULL: refused */
    } table[] = {
        {"S: 250-8BITMIME\n", false, "C: MAIL FROM:<a@example.com> BODY=8BITMIME\nS: 250 ok\n"},
        {UTF8_CAPABILITIES, false, "C: MAIL FROM:<a@example.com> BODY=8BITMIME\nS: 250 ok\n"},
        {"", false, NULL},
        {"S: 250-SMTPUTF8\n", false, NULL},
        {"S: 250-SMTPUTF8\n", true, "C: MAIL FROM:<a@example.com> SMTPUTF8\nS: 250 ok\n"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        f.delivery.eight_bit = true;
        f.delivery.smtputf8 = table[i].smtputf8;
        char scenario[600];
        (void)snprintf(scenario, sizeof scenario, "S: 220 x\nC: EHLO *\nS: 250-mail\n%sS: 250 HELP\n%s%s",
                       table[i].capabilities, table[i].mail != NULL ? table[i].mail : "",
                       table[i].mail != NULL ? RCPT SEND : QUIT);
        smtp_fixture_run(&f, scenario, "8BITMIME");
        CU_ASSERT_EQUAL(f.outcome.class, table[i].mail != NULL ? SMTP_ACCEPTED : SMTP_MESSAGE_REFUSED);
        CU_ASSERT_EQUAL(strstr(f.outcome.err.text, "does not offer 8BITMIME") != NULL, table[i].mail == NULL);
    }
}

/* --- DSN --- */

static void dsn(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    f.delivery.notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE;
    f.delivery.ret = SMTP_RET_HDRS;
    f.delivery.envid = "<a+1@example.com>";
    smtp_fixture_run(
        &f,
        HELLO("S: 250-DSN\n") "C: MAIL FROM:<a@example.com> RET=HDRS ENVID=<a+2B1@example.com>\nS: 250 ok\n"
                              "C: RCPT TO:<b@example.com> NOTIFY=SUCCESS,FAILURE\nS: 250 ok\n" SEND,
        "DSN");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    smtp_fixture_run(&f, HELLO("") DELIVER, "DSN not offered");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    smtp_fixture_init(&f);
    smtp_fixture_run(&f, HELLO("S: 250-DSN\n") DELIVER, "DSN not asked for");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
}

/* --- REQUIRETLS --- */

static void require_tls(void)
{
    static const struct {
        enum smtp_tls tls;
        const char *scenario;
        const char *text; /* NULL: accepted */
    } table[] = {
        {SMTP_TLS_NONE, HELLO("S: 250-REQUIRETLS\n") QUIT, "is not spoken to under TLS"},
        {SMTP_TLS_IMPLICIT, "TLS\n" HELLO("") QUIT, "does not offer REQUIRETLS"},
        {SMTP_TLS_IMPLICIT,
         "TLS\n" HELLO(
             "S: 250-REQUIRETLS\n") "C: MAIL FROM:<a@example.com> REQUIRETLS\nS: 250 ok\n" RCPT SEND,
         NULL},
        {SMTP_TLS_STARTTLS,
         HELLO("S: 250-STARTTLS\nS: 250-REQUIRETLS\n") "C: STARTTLS\nS: 220 go\nTLS\nC: EHLO *\nS: 250 "
                                                       "mail\n" QUIT,
         "does not offer REQUIRETLS"},
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
        f.settings.require_tls = true;
        smtp_fixture_run(&f, table[i].scenario, "REQUIRETLS");
        CU_ASSERT_EQUAL(f.outcome.class, table[i].text == NULL ? SMTP_ACCEPTED : SMTP_TLS_FAILED);
        CU_ASSERT_EQUAL(f.outcome.state, table[i].text == NULL ? SMTP_DELIVERY_DONE : SMTP_DELIVERY_NONE);
        CU_ASSERT(table[i].text == NULL || strstr(f.outcome.err.text, table[i].text) != NULL);
    }
    smtp_fixture_remove_ca();
}

/* --- several recipients --- */

#define RCPTS(one, two, three)                                                                               \
    "C: RCPT TO:<1@example.com>\nS: " one "\nC: RCPT TO:<2@example.com>\nS: " two                            \
    "\nC: RCPT TO:<3@example.com>\nS: " three "\n"

struct recipients_row {
    const char *name;
    const char *scenario;
    bool abort;
    enum smtp_class class;
    int code; /* of the outcome */
    int codes[3];
    enum smtp_delivery_state states[3];
    const char *text;
};

#define NONE    SMTP_DELIVERY_NONE
#define DONE    SMTP_DELIVERY_DONE
#define UNKNOWN SMTP_DELIVERY_UNKNOWN

static const struct recipients_row recipients_rows[] = {
    {"all",
     RCPTS("250 ok", "251 forwarded", "252 perhaps") SEND,
     false,
     SMTP_ACCEPTED,
     250,
     {250, 250, 250},
     {DONE, DONE, DONE},
     ""},
    {"some",
     RCPTS("550 5.1.1 no", "250 ok", "452 4.2.2 full") SEND,
     false,
     SMTP_ACCEPTED,
     250,
     {550, 250, 452},
     {NONE, DONE, NONE},
     "refused RCPT TO:<3@example.com>: 452 4.2.2 full (and refused 1 more)"},
    {"some, abort",
     RCPTS("250 ok", "550 5.1.1 no", "250 ok") QUIT,
     true,
     SMTP_RECIPIENTS_REFUSED,
     550,
     {250, 550, 250},
     {NONE, NONE, NONE},
     "refused RCPT TO:<2@example.com>: 550 5.1.1 no"},
    {"none",
     RCPTS("550 a", "551 b", "552 c") QUIT,
     false,
     SMTP_RECIPIENTS_REFUSED,
     550,
     {550, 551, 552},
     {NONE, NONE, NONE},
     "550 a (and refused 2 more)"},
    {"none, one for now",
     RCPTS("550 a", "450 b", "550 c") QUIT,
     false,
     SMTP_TEMPORARY,
     450,
     {550, 450, 550},
     {NONE, NONE, NONE},
     "refused RCPT TO:<2@example.com>: 450 b"},
    {"none, one about AUTH",
     RCPTS("450 a", "530 b", "550 c") QUIT,
     false,
     SMTP_AUTH_FAILED,
     530,
     {450, 530, 550},
     {NONE, NONE, NONE},
     "530 b"},
    {"421",
     "C: RCPT TO:<1@example.com>\nS: 250 ok\nC: RCPT *\nS: 421 4.7.0 bye\nCLOSE\n",
     false,
     SMTP_TEMPORARY,
     421,
     {250, 421, 0},
     {NONE, NONE, NONE},
     "refused RCPT TO:<2@example.com>: 421 4.7.0 bye"},
    {"message refused",
     RCPTS("550 no", "250 ok", "250 ok") "C: DATA\nS: 354 go\nDATA\nS: 554 spam\n" QUIT,
     false,
     SMTP_MESSAGE_REFUSED,
     554,
     {550, 554, 554},
     {NONE, NONE, NONE},
     "refused the message: 554 spam"},
    {"DATA refused",
     RCPTS("550 no", "250 ok", "250 ok") "C: DATA\nS: 451 no\n" QUIT,
     false,
     SMTP_TEMPORARY,
     451,
     {550, 250, 250},
     {NONE, NONE, NONE},
     "refused DATA: 451 no"},
    {"message lost",
     RCPTS("550 no", "250 ok", "250 ok") "C: DATA\nS: 354 go\nDATA\nCLOSE\n",
     false,
     SMTP_UNAVAILABLE,
     0,
     {550, 250, 250},
     {NONE, UNKNOWN, UNKNOWN},
     "closed the connection"},
};

static void recipients(void)
{
    for (size_t i = 0; i < sizeof recipients_rows / sizeof recipients_rows[0]; i++) {
        const struct recipients_row *row = &recipients_rows[i];
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        smtp_fixture_recipients(&f, (const char *const[]){"1@example.com", "2@example.com", "3@example.com"},
                                3);
        f.settings.abort_on_refused = row->abort;
        char scenario[1000];
        (void)snprintf(scenario, sizeof scenario, "%s%s", HELLO("") MAIL, row->scenario);
        smtp_fixture_run(&f, scenario, row->name);
        bool held = f.outcome.class == row->class && f.outcome.reply.code == row->code &&
                    strstr(f.outcome.err.text, row->text) != NULL &&
                    (row->text[0] != '\0' || f.outcome.err.text[0] == '\0');
        for (size_t r = 0; r < 3; r++) {
            held = held && f.recipients[r].reply.code == row->codes[r] &&
                   f.recipients[r].state == row->states[r];
        }
        if (!held) {
            printf("\n%s: class %d code %d: %s\n", row->name, f.outcome.class, f.outcome.reply.code,
                   f.outcome.err.text);
        }
        CU_ASSERT(held);
    }
}

/* An address with a line end never gets onto the wire, whoever let it through. */
static void line_ends_never_leave(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    smtp_fixture_recipients(&f, (const char *const[]){"b@example.com>\r\nRCPT TO:<c@example.com"}, 1);
    smtp_fixture_run(&f, HELLO("") MAIL "WAIT-EOF\n", "line end");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_LOCAL_FAILURE);
    CU_ASSERT_EQUAL(f.outcome.state, SMTP_DELIVERY_NONE);
}

static const struct unit_test tests[] = {
    {"SIZE is given", size_is_given},
    {"SIZE's limit", size_limits},
    {"SMTPUTF8 offered", utf8_offered},
    {"SMTPUTF8 not offered", utf8_not_offered},
    {"8BITMIME", eight_bit},
    {"DSN", dsn},
    {"REQUIRETLS", require_tls},
    {"recipients", recipients},
    {"line ends never leave", line_ends_never_leave},
};

UNIT_SUITE(smtp_extensions, tests);
