/* The field `message`: its envelope, what may stand beside it, and what policy says of the addresses inside. */
#include "app/whole_message.h"

#include <stdio.h>

#include "app/policy.h"
#include "app_fixture.h"
#include "unit.h"

#define MESSAGE(text) PART("message", text)
#define SIMPLE        "From: A <a@x.example>\r\nTo: b@x.example\r\n\r\nhi"

static enum submission_result read(struct app_fixture *fixture, const char *yaml, const char *body)
{
    app_fixture_init(fixture, yaml);
    app_fixture_sort(fixture, BOUNDARY, slice_of(body));
    CU_ASSERT_TRUE_FATAL(whole_message_given(&fixture->fields));
    struct submission_reading reading = {
        .submission = &fixture->submission,
        .fields = &fixture->fields,
        .defaults = &fixture->defaults,
        .config = fixture->config,
        .arena = &fixture->arena,
        .errors = &fixture->errors,
        .err = &fixture->err,
    };
    return whole_message_read(&reading, SLICE("web1.example.com"));
}

/* "path:" and each recipient behind the field that it came from. */
static void describe(const struct submission *submission, char *out, size_t room)
{
    int len = snprintf(out, room, "path:%.*s", SLICE_ARGS(submission->return_path.text));
    for (size_t i = 0; i < submission->recipients.count; i++) {
        len += snprintf(out + len, room - (size_t)len, " %s:%.*s", submission->recipients.fields[i],
                        SLICE_ARGS(submission->recipients.items[i].address->text));
    }
}

#define DEFAULTS                                                                                             \
    SERVER "defaults: {from: d@x.example, to: t@x.example, bcc: h@x.example, subject: s, "                   \
           "headers: {X-Own: y}}\n"
#define BOUNCES SERVER "defaults: {from: d@x.example, sender: bounces@x.example}\n"

static void test_envelope(void)
{
    static const struct {
        const char *yaml;
        const char *body;
        const char *expected;
    } cases[] = {
        {SERVER, MESSAGE(SIMPLE), "path:a@x.example message:b@x.example"},
        {SERVER, FILE_PART("message", "m.eml", SIMPLE), "path:a@x.example message:b@x.example"},
        {SERVER,
         MESSAGE(
             "From: a@x.example\r\nTo: b@x.example, c@x.example\r\nBcc: d@x.example,\r\n e@x.example\r\nCc: "
             "b@X.example, f@x.example\r\n\r\n"),
         "path:a@x.example message:b@x.example message:c@x.example message:d@x.example message:e@x.example "
         "message:f@x.example"},
        {SERVER, MESSAGE(SIMPLE) PART("rcpt", "r@x.example") PART("rcpt", "s@x.example,r@x.example"),
         "path:a@x.example rcpt:r@x.example rcpt:s@x.example"},
        /* With rcpt nobody reads what stands in To. */
        {SERVER, MESSAGE("From: a@x.example\r\nTo: everybody\r\n\r\n") PART("rcpt", "r@x.example"),
         "path:a@x.example rcpt:r@x.example"},
        {SERVER, MESSAGE(SIMPLE) PART("sender", "s@x.example"), "path:s@x.example message:b@x.example"},
        {SERVER, MESSAGE(SIMPLE) PART("sender", "<>"), "path: message:b@x.example"},
        {SERVER, MESSAGE("Sender: s@x.example\r\n" SIMPLE), "path:s@x.example message:b@x.example"},
        {SERVER, MESSAGE("Sender: s@x.example\r\n" SIMPLE) PART("sender", "q@x.example"),
         "path:q@x.example message:b@x.example"},
        {SERVER, MESSAGE("From: a@x.example, c@x.example\r\nSender: s@x.example\r\nTo: b@x.example\r\n\r\n"),
         "path:s@x.example message:b@x.example"},
        /* Of the defaults the return path alone. */
        {DEFAULTS, MESSAGE(SIMPLE), "path:a@x.example message:b@x.example"},
        {BOUNCES, MESSAGE("Sender: s@x.example\r\n" SIMPLE), "path:bounces@x.example message:b@x.example"},
        {BOUNCES, MESSAGE(SIMPLE) PART("sender", "s@x.example"), "path:s@x.example message:b@x.example"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_fixture fixture;
        char body[2000];
        char text[400];
        (void)snprintf(body, sizeof body, "%s" LAST, cases[i].body);
        CU_ASSERT_EQUAL(read(&fixture, cases[i].yaml, body), SUBMISSION_OK);
        CU_ASSERT_EQUAL(fixture.errors.count, 0);
        describe(&fixture.submission, text, sizeof text);
        CU_ASSERT_STRING_EQUAL(text, cases[i].expected);
        CU_ASSERT_TRUE(submission_complete(&fixture.submission, &fixture.err));
        struct slice header = passthrough_header_section(fixture.submission.whole);
        CU_ASSERT_PTR_NULL(memmem(header.data, header.len, "X-Own", 5));
        CU_ASSERT_PTR_NULL(memmem(header.data, header.len, "Subject", 7));
        CU_ASSERT_PTR_NULL(memmem(header.data, header.len, "Bcc", 3));
        app_fixture_free(&fixture);
    }
}

/* Each error of a form: the first one, and how many there are. */
static void test_errors(void)
{
    static const struct {
        const char *body;
        const char *field;
        const char *text;
        size_t count;
    } cases[] = {
        {MESSAGE(SIMPLE) PART("subject", "x"), "subject", "subject has no meaning beside it", 1},
        {MESSAGE(SIMPLE) PART("from", "a@x.example"), "from", "from has no meaning", 1},
        {MESSAGE(SIMPLE) PART("to", "a@x.example"), "to", "to has no meaning", 1},
        {MESSAGE(SIMPLE) PART("h:X-A", "x"), "h:X-A", "h:X-A has no meaning", 1},
        {MESSAGE(SIMPLE) FILE_PART("attachment", "a", ""), "attachment", "attachment has no meaning", 1},
        {MESSAGE(SIMPLE) FILE_PART("inline", "a", "x"), "inline", "inline has no meaning", 1},
        {MESSAGE(SIMPLE) PART("cc", "a@x.example") PART("bcc", "a@x.example") PART("text", "x")
             PART("body", "x") PART("html", "x") PART("reply_to", "x@x.example") PART("message_id", "<a@b>")
                 PART("in_reply_to", "<a@b>") PART("references", "<a@b>")
                     PART("date", "Mon, 23 Nov 2026 09:48:00 +0000"),
         "body", "text and body mean the same", 11},
        {PART("sender", "nobody") MESSAGE("To: everybody\r\n\r\n"), "message", "no From field", 2},
        {MESSAGE("From: a@x.example\r\nTo: everybody\r\n\r\n"), "message", "To in line 2: \"everybody\"", 1},
        {MESSAGE(SIMPLE) PART("rcpt", "everybody"), "rcpt", "\"everybody\"", 1},
        {MESSAGE(SIMPLE) PART("dry_run", "yes"), "dry_run", "give 1 for a trial", 1},
        {MESSAGE(SIMPLE) MESSAGE(SIMPLE), "message", "given more than once", 1},
        {FILE_PART("message", "m.eml", ""), "message", "no From field", 1},
        {MESSAGE("hello\r\n" SIMPLE), "message", "line 1, \"hello\", is no header field", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_fixture fixture;
        char body[3000];
        (void)snprintf(body, sizeof body, "%s" LAST, cases[i].body);
        CU_ASSERT_EQUAL(read(&fixture, DEFAULTS, body), SUBMISSION_OK);
        CU_ASSERT_EQUAL(fixture.errors.count, cases[i].count);
        CU_ASSERT_STRING_EQUAL(fixture.errors.first.field, cases[i].field);
        app_fixture_expect(fixture.errors.first.text, cases[i].text, cases[i].body);
        app_fixture_free(&fixture);
    }
}

/* What means nothing, or says how the mail goes, may be there. */
static void test_beside(void)
{
    struct app_fixture fixture;
    CU_ASSERT_EQUAL(read(&fixture, SERVER,
                         PART("_charset_", "iso-8859-1") PART("text", "") PART("subject", "")
                             PART("attachment", "") MESSAGE(SIMPLE) PART("server", "default")
                                 PART("port", "25") PART("tls", "none") PART("user", "u")
                                     PART("password", "p") PART("domain", "d.example") PART("dry_run", "1")
                                         PART("dsn", "delay") PART("ret", "full") LAST),
                    SUBMISSION_OK);
    app_fixture_expect(fixture.errors.first.text, "", "fields beside a message");
    CU_ASSERT_TRUE(fixture.submission.dry_run);
    CU_ASSERT_EQUAL(fixture.submission.notify, SMTP_NOTIFY_DELAY);
    CU_ASSERT_EQUAL(fixture.submission.ret, SMTP_RET_FULL);
    /* Octets stay as they are, whatever _charset_ says. */
    CU_ASSERT_PTR_NOT_NULL_FATAL(fixture.submission.whole);
    struct slice header = passthrough_header_section(fixture.submission.whole);
    CU_ASSERT(header.len > 23 && memcmp(header.data, "From: A <a@x.example>\r\n", 23) == 0);
    CU_ASSERT_PTR_NOT_NULL(memmem(header.data, header.len, "@web1.example.com>", 18));
    app_fixture_free(&fixture);
    /* An empty field is none. */
    app_fixture_init(&fixture, SERVER);
    app_fixture_sort(&fixture, URLENCODED, SLICE("message=&from=a@x.example"));
    CU_ASSERT_FALSE(whole_message_given(&fixture.fields));
    app_fixture_free(&fixture);
}

static void test_missing_and_too_many(void)
{
    struct app_fixture fixture;
    CU_ASSERT_EQUAL(read(&fixture, DEFAULTS, MESSAGE("From: a@x.example\r\n\r\n") LAST), SUBMISSION_OK);
    CU_ASSERT_EQUAL(fixture.errors.count, 0);
    CU_ASSERT_FALSE(submission_complete(&fixture.submission, &fixture.err));
    CU_ASSERT_STRING_EQUAL(fixture.err.field, "rcpt");
    app_fixture_expect(fixture.err.text, "no recipient in To, Cc and Bcc; give the envelope's in rcpt",
                       "no To");
    app_fixture_free(&fixture);
    static const char limit[] = SERVER "limits: {recipients: 2}\n";
    CU_ASSERT_EQUAL(read(&fixture, limit,
                         MESSAGE("From: a@x.example\r\nTo: a@x.example,b@x.example,c@x.example\r\n\r\n")
                             LAST),
                    SUBMISSION_TOO_MANY);
    app_fixture_expect(fixture.err.text, "more than 2 addresses in To, Cc and Bcc", "To");
    CU_ASSERT_STRING_EQUAL(fixture.err.field, "message");
    app_fixture_free(&fixture);
    CU_ASSERT_EQUAL(
        read(&fixture, limit, MESSAGE(SIMPLE) PART("rcpt", "a@x.example,b@x.example,c@x.example") LAST),
        SUBMISSION_TOO_MANY);
    CU_ASSERT_STRING_EQUAL(fixture.err.field, "rcpt");
    app_fixture_free(&fixture);
}

#define ALLOW "allow: {recipients: [\"*\"], senders: [\"*@y.example\"]}\n"

static void test_policy(void)
{
    static const struct {
        const char *yaml;
        const char *body;
        enum policy_result result;
        const char *field;
        const char *text;
    } cases[] = {
        /* Closed: nothing but the defaults, each in its role. */
        {DEFAULTS, MESSAGE("From: d@x.example\r\nTo: t@x.example\r\nBcc: h@x.example\r\n\r\n"),
         POLICY_ALLOWED, "", ""},
        {DEFAULTS, MESSAGE("From: d@x.example\r\nTo: o@x.example\r\n\r\n"), POLICY_RECIPIENT, "message",
         "The recipient <o@x.example>"},
        {DEFAULTS, MESSAGE("From: d@x.example\r\nTo: t@x.example\r\nBcc: o@x.example\r\n\r\n"),
         POLICY_RECIPIENT, "message", "The recipient <o@x.example>"},
        {DEFAULTS, MESSAGE("From: d@x.example\r\nTo: t@x.example\r\n\r\n") PART("rcpt", "o@x.example"),
         POLICY_RECIPIENT, "rcpt", "<o@x.example>"},
        {DEFAULTS, MESSAGE("From: t@x.example\r\nTo: t@x.example\r\n\r\n"), POLICY_SENDER, "message",
         "The sender <t@x.example>"},
        {DEFAULTS, MESSAGE("From: d@x.example\r\nTo: t@x.example\r\n\r\n") PART("sender", "e@x.example"),
         POLICY_SENDER, "sender", "The return path <e@x.example>"},
        {DEFAULTS, MESSAGE("From: d@x.example\r\nSender: e@x.example\r\nTo: t@x.example\r\n\r\n"),
         POLICY_SENDER, "message", "The sender <e@x.example>"},
        {DEFAULTS, MESSAGE("From: d@x.example\r\nSender: d@x.example\r\nTo: t@x.example\r\n\r\n"),
         POLICY_ALLOWED, "", ""},
        /* Every From and Sender mailbox. */
        {SERVER ALLOW, MESSAGE("From: a@y.example\r\nTo: o@x.example\r\n\r\n"), POLICY_ALLOWED, "", ""},
        {SERVER ALLOW,
         MESSAGE("From: a@y.example, \"a@y.example\" <e@evil.example>\r\nSender: a@y.example\r\nTo: "
                 "o@x.example\r\n\r\n"),
         POLICY_SENDER, "message", "<e@evil.example>"},
        {SERVER ALLOW, MESSAGE("From: a@y.example\r\nSender: e@evil.example\r\nTo: o@x.example\r\n\r\n"),
         POLICY_SENDER, "message", "<e@evil.example>"},
        /* The envelope says nothing about the message. */
        {SERVER ALLOW,
         MESSAGE("From: e@evil.example\r\nTo: o@x.example\r\n\r\n") PART("sender", "a@y.example")
             PART("rcpt", "o@x.example"),
         POLICY_SENDER, "message", "<e@evil.example>"},
        {SERVER ALLOW, MESSAGE("From: a@y.example\r\nTo: o@x.example\r\n\r\n") PART("sender", "<>"),
         POLICY_ALLOWED, "", ""},
        /* The default return path, and a Sender that is it. */
        {BOUNCES ALLOW, MESSAGE("From: a@y.example\r\nTo: o@x.example\r\n\r\n"), POLICY_ALLOWED, "", ""},
        {BOUNCES ALLOW, MESSAGE("From: a@y.example\r\nSender: bounces@x.example\r\nTo: o@x.example\r\n\r\n"),
         POLICY_ALLOWED, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_fixture fixture;
        char body[2000];
        (void)snprintf(body, sizeof body, "%s" LAST, cases[i].body);
        CU_ASSERT_EQUAL(read(&fixture, cases[i].yaml, body), SUBMISSION_OK);
        CU_ASSERT_EQUAL(fixture.errors.count, 0);
        CU_ASSERT_EQUAL(
            policy_check(&fixture.config->allow, &fixture.defaults, &fixture.submission, &fixture.err),
            cases[i].result);
        CU_ASSERT_STRING_EQUAL(fixture.err.field, cases[i].field);
        app_fixture_expect(fixture.err.text, cases[i].text, cases[i].body);
        app_fixture_free(&fixture);
    }
}

/* Whatever memory there is: an answer, never a crash. */
static void test_no_memory(void)
{
    unsigned failed = 0;
    unsigned good = 0;
    for (size_t room = 0; room < 6000; room += 16) {
        struct app_fixture fixture;
        app_fixture_init(&fixture, SERVER);
        app_fixture_sort(&fixture, BOUNDARY,
                         SLICE(MESSAGE("Sender: s@x.example\r\n" SIMPLE) PART("sender", "q@x.example") LAST));
        struct submission_reading reading = {&fixture.submission, &fixture.fields, &fixture.defaults,
                                             fixture.config,      &fixture.arena,  &fixture.errors,
                                             &fixture.err};
        fixture.arena.limit = fixture.arena.used + room;
        enum submission_result result = whole_message_read(&reading, SLICE("x.example"));
        failed += result == SUBMISSION_FAILED ? 1 : 0;
        good += result == SUBMISSION_OK && fixture.errors.count == 0 ? 1 : 0;
        CU_ASSERT(result != SUBMISSION_FAILED || fixture.err.text[0] != '\0');
        CU_ASSERT(result != SUBMISSION_OK || fixture.errors.count > 0 ||
                  fixture.submission.recipients.count == 1);
        app_fixture_free(&fixture);
    }
    CU_ASSERT_TRUE(failed > 5 && good > 5);
}

static const struct unit_test tests[] = {
    {"envelope", test_envelope},
    {"wrong values, all at once", test_errors},
    {"what may stand beside it", test_beside},
    {"missing and too many recipients", test_missing_and_too_many},
    {"policy", test_policy},
    {"no memory", test_no_memory},
};

UNIT_SUITE(app_whole_message, tests);
