#include "smtp/step.h"

#include <string.h>

#include "smtp/outcome.h"
#include "unit.h"

static void commands(void)
{
    static const struct {
        enum step step;
        const char *argument;
        const char *more;
        const char *expected;
    } table[] = {
        {STEP_EHLO, "web1.example.com", "", "EHLO web1.example.com\r\n"},
        {STEP_HELO, "[127.0.0.1]", "", "HELO [127.0.0.1]\r\n"},
        {STEP_LHLO, "web1.example.com", "", "LHLO web1.example.com\r\n"},
        {STEP_STARTTLS, "", "", "STARTTLS\r\n"},
        {STEP_AUTH, "PLAIN", "AHUAcA==", "AUTH PLAIN AHUAcA==\r\n"},
        {STEP_AUTH, "LOGIN", "", "AUTH LOGIN\r\n"},
        {STEP_MAIL, "", "", "MAIL FROM:<>\r\n"},
        {STEP_MAIL, "a@example.com", "SIZE=5", "MAIL FROM:<a@example.com> SIZE=5\r\n"},
        {STEP_RCPT, "\"b c\"@example.com", "", "RCPT TO:<\"b c\"@example.com>\r\n"},
        {STEP_DATA, "", "", "DATA\r\n"},
        {STEP_BDAT, "5 LAST", "", "BDAT 5 LAST\r\n"},
        {STEP_RSET, "", "", "RSET\r\n"},
        {STEP_QUIT, "", "", "QUIT\r\n"},
    };
    struct buf out;
    buf_init(&out, 1024);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct said said = {table[i].step, slice_of(table[i].argument)};
        buf_clear(&out);
        CU_ASSERT_TRUE(step_write(&out, said, slice_of(table[i].more)));
        CU_ASSERT_STRING_EQUAL(buf_cstr(&out), table[i].expected);
    }
    buf_free(&out);
}

static void line_ends_are_refused(void)
{
    const struct slice bad[] = {SLICE("a@b>\r\nRCPT TO:<c@d"), SLICE("a\r"), SLICE("\na"), SLICE("a\0b")};
    struct buf out;
    buf_init(&out, 1024);
    CU_ASSERT_TRUE(buf_append_string(&out, "NOOP\r\n"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_FALSE(step_write(&out, (struct said){STEP_RCPT, bad[i]}, SLICE("")));
        CU_ASSERT_FALSE(step_write(&out, (struct said){STEP_MAIL, SLICE("a@b")}, bad[i]));
        CU_ASSERT_FALSE(step_write_line(&out, bad[i]));
    }
    CU_ASSERT_STRING_EQUAL(buf_cstr(&out), "NOOP\r\n");
    buf_free(&out);
}

static void too_long_appends_nothing(void)
{
    struct buf out;
    buf_init(&out, 12);
    CU_ASSERT_FALSE(step_write(&out, (struct said){STEP_EHLO, SLICE("abcdef")}, SLICE("")));
    CU_ASSERT_EQUAL(out.len, 0);
    CU_ASSERT_TRUE(step_write(&out, (struct said){STEP_EHLO, SLICE("abcde")}, SLICE("")));
    buf_free(&out);
}

static void expectations(void)
{
    CU_ASSERT_TRUE(step_expects(STEP_GREETING, 220));
    CU_ASSERT_FALSE(step_expects(STEP_GREETING, 250));
    CU_ASSERT_TRUE(step_expects(STEP_RCPT, 251));
    CU_ASSERT_FALSE(step_expects(STEP_RCPT, 354));
    CU_ASSERT_TRUE(step_expects(STEP_DATA, 354));
    CU_ASSERT_FALSE(step_expects(STEP_DATA, 250));
    CU_ASSERT_FALSE(step_expects(STEP_STARTTLS, 250));
    CU_ASSERT_TRUE(step_expects(STEP_AUTH, 235));
}

static void deadlines(void)
{
    struct smtp_settings settings = {.connect_timeout_ms = 1000,
                                     .greeting_timeout_ms = 2000,
                                     .command_timeout_ms = 3000,
                                     .data_timeout_ms = 4000};
    static const struct {
        enum step step;
        int64_t ms;
    } table[] = {{STEP_CONNECT, 1000}, {STEP_GREETING, 2000}, {STEP_RCPT, 3000}, {STEP_END_OF_DATA, 4000}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        deadline before = deadline_now();
        struct limit total = {DEADLINE_NEVER, 7};
        struct limit limit = step_limit(table[i].step, &settings, total);
        CU_ASSERT(limit.until >= before + table[i].ms && limit.until <= deadline_now() + table[i].ms);
        CU_ASSERT_EQUAL(limit.cancel_fd, 7);
        total.until = before + 5;
        CU_ASSERT_EQUAL(step_limit(table[i].step, &settings, total).until, before + 5);
    }
}

/* The rows of the table "What a failure becomes" that a reply decides. */
static void classes(void)
{
    static const struct {
        enum step step;
        int code;
        const char *enhanced;
        enum smtp_class class;
    } table[] = {
        {STEP_GREETING, 421, "", SMTP_TEMPORARY},
        {STEP_GREETING, 554, "", SMTP_UNAVAILABLE},
        {STEP_GREETING, 250, "", SMTP_PROTOCOL_ERROR},
        {STEP_GREETING, 554, "5.7.8", SMTP_AUTH_FAILED},
        {STEP_EHLO, 421, "", SMTP_TEMPORARY},
        {STEP_EHLO, 530, "", SMTP_AUTH_FAILED},
        {STEP_HELO, 502, "", SMTP_UNAVAILABLE},
        {STEP_STARTTLS, 454, "", SMTP_TLS_FAILED},
        {STEP_STARTTLS, 502, "", SMTP_TLS_FAILED},
        {STEP_STARTTLS, 530, "", SMTP_TLS_FAILED},
        {STEP_STARTTLS, 250, "", SMTP_PROTOCOL_ERROR},
        {STEP_AUTH, 535, "5.7.8", SMTP_AUTH_FAILED},
        {STEP_AUTH, 534, "", SMTP_AUTH_FAILED},
        {STEP_AUTH, 538, "", SMTP_AUTH_FAILED},
        {STEP_AUTH, 504, "", SMTP_AUTH_FAILED},
        {STEP_AUTH, 454, "4.7.0", SMTP_TEMPORARY},
        {STEP_AUTH, 454, "4.7.8", SMTP_AUTH_FAILED},
        {STEP_AUTH, 334, "", SMTP_PROTOCOL_ERROR},
        {STEP_MAIL, 450, "", SMTP_TEMPORARY},
        {STEP_MAIL, 550, "5.7.1", SMTP_MESSAGE_REFUSED},
        {STEP_MAIL, 530, "5.7.0", SMTP_AUTH_FAILED},
        {STEP_MAIL, 550, "5.7.8", SMTP_AUTH_FAILED},
        {STEP_MAIL, 534, "", SMTP_AUTH_FAILED},
        {STEP_MAIL, 535, "", SMTP_AUTH_FAILED},
        {STEP_MAIL, 538, "", SMTP_AUTH_FAILED},
        {STEP_RCPT, 450, "4.2.1", SMTP_TEMPORARY},
        {STEP_RCPT, 550, "5.1.1", SMTP_RECIPIENTS_REFUSED},
        {STEP_RCPT, 530, "", SMTP_AUTH_FAILED},
        {STEP_RCPT, 354, "", SMTP_PROTOCOL_ERROR},
        {STEP_DATA, 451, "", SMTP_TEMPORARY},
        {STEP_DATA, 554, "", SMTP_MESSAGE_REFUSED},
        {STEP_DATA, 250, "", SMTP_PROTOCOL_ERROR},
        {STEP_END_OF_DATA, 452, "", SMTP_TEMPORARY},
        {STEP_END_OF_DATA, 554, "5.7.1", SMTP_MESSAGE_REFUSED},
        {STEP_END_OF_DATA, 550, "5.17.8", SMTP_MESSAGE_REFUSED},
        {STEP_END_OF_DATA, 530, "", SMTP_AUTH_FAILED},
        {STEP_END_OF_DATA, 354, "", SMTP_PROTOCOL_ERROR},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct smtp_reply_view reply = {.code = table[i].code};
        strcpy(reply.enhanced, table[i].enhanced);
        CU_ASSERT_EQUAL(outcome_classify(table[i].step, &reply), table[i].class);
    }
}

static void refused_text(void)
{
    struct smtp_outcome outcome;
    struct smtp_reply_view reply = {.code = 550, .enhanced = "5.1.1", .text = "No such user"};
    outcome_init(&outcome);
    outcome_refused(&outcome, "mail.example.com:587", (struct said){STEP_RCPT, SLICE("b@example.com")},
                    &reply);
    CU_ASSERT_STRING_EQUAL(outcome.err.text,
                           "mail.example.com:587 refused RCPT TO:<b@example.com>: 550 5.1.1 No such user");
    CU_ASSERT_STRING_EQUAL(outcome.stage, "RCPT");
    CU_ASSERT_EQUAL(outcome.reply.code, 550);
}

static const struct unit_test tests[] = {
    {"commands", commands},
    {"line ends are refused", line_ends_are_refused},
    {"what is too long appends nothing", too_long_appends_nothing},
    {"expectations", expectations},
    {"deadlines", deadlines},
    {"classes of replies", classes},
    {"the text of a refusal", refused_text},
};

UNIT_SUITE(smtp_step, tests);
