/* The table of Mailgun's fields: what each becomes, and what is refused with which reason. */
#include "app/mailgun/mailgun_fields.h"

#include <stdio.h>

#include "app/mailgun/mailgun_mail.h"
#include "app/policy.h"
#include "app_fixture.h"
#include "unit.h"

struct sorting {
    struct app_fixture fixture;
    struct mailgun_fields fields;
};

static void sort(struct sorting *sorting, enum mailgun_call call, const char *type, const char *body)
{
    struct app_fixture *fixture = &sorting->fixture;
    app_fixture_init(fixture, SERVER);
    app_fixture_parse(fixture, type, slice_of(body));
    sorting->fields = (struct mailgun_fields){.call = call};
    CU_ASSERT_TRUE_FATAL(mailgun_fields_sort(&sorting->fields, &fixture->form, &fixture->arena,
                                             &fixture->errors, &fixture->err));
    CU_ASSERT_STRING_EQUAL(fixture->err.text, "");
}

#define NEEDED "from=a@y.example&to=b@y.example&text=hi"

static void test_refused(void)
{
    static const struct {
        enum mailgun_call call;
        const char *form;
        size_t count;
        const char *field;
        const char *text; /* "": nothing is refused */
    } cases[] = {
        {MAILGUN_MESSAGES, NEEDED, 0, "", ""},
        {MAILGUN_MESSAGES, "template=x", 1, "template", "no stored templates"},
        {MAILGUN_MESSAGES, "t:version=x&t:text=yes&t:variables={}", 3, "t:version", "no stored templates"},
        {MAILGUN_MESSAGES, "o:deliverytime=x", 1, "o:deliverytime", "no queue"},
        {MAILGUN_MESSAGES, "o:deliverytime-optimize-period=x", 1, "o:deliverytime-optimize-period",
         "no queue"},
        {MAILGUN_MESSAGES, "o:time-zone-localize=x", 1, "o:time-zone-localize", "not known"},
        {MAILGUN_MESSAGES, "o:tagg=x", 1, "o:tagg", "not known"},
        {MAILGUN_MESSAGES, "o:dkimx=x", 1, "o:dkimx", "not known"},
        {MAILGUN_MESSAGES, "o:=x", 1, "o:", "not known"},
        {MAILGUN_MESSAGES, "o:dkim=no&o:dkim=yes&o:tracking=yes&o:tracking-opens=no&o:skip-verification=yes",
         0, "", ""},
        {MAILGUN_MESSAGES, "o:testmode=perhaps", 1, "o:testmode", "give yes or no"},
        {MAILGUN_MESSAGES, "o:testmode=yes&o:testmode=yes", 1, "o:testmode", "more than once"},
        {MAILGUN_MESSAGES, "o:require-tls=1", 1, "o:require-tls", "give yes or no"},
        {MAILGUN_MESSAGES, "sujbect=x", 1, "sujbect", "did you mean \"subject\"?"},
        {MAILGUN_MESSAGES, "completely-other=x", 1, "completely-other", "There is no field"},
        {MAILGUN_MESSAGES, "From=x", 1, "From", "did you mean \"from\"?"},
        {MAILGUN_MESSAGES, "_charset_=utf-8", 1, "_charset_", "There is no field"},
        {MAILGUN_MESSAGES, "rcpt=x&server=x&dry_run=1", 3, "rcpt", "There is no field"},
        {MAILGUN_MESSAGES, "message=x", 1, "message", "/messages.mime"},
        {MAILGUN_MESSAGES, "subject=a&subject=b", 1, "subject", "more than once"},
        {MAILGUN_MESSAGES, "subject=&subject=b", 0, "", ""},
        {MAILGUN_MESSAGES, "text=a&text=b", 1, "text", "more than once"},
        {MAILGUN_MESSAGES, "amp-html=a&amp-html=b", 1, "amp-html", "more than once"},
        {MAILGUN_MESSAGES, "h:Date=a&h:date=b", 1, "h:date", "more than once"},
        {MAILGUN_MESSAGES, "h:Message-Id=a&h:MESSAGE-ID=b", 1, "h:MESSAGE-ID", "more than once"},
        {MAILGUN_MESSAGES, "h:X-A=a&h:X-A=b&h:Reply-To=a&h:Reply-To=b&to=a&to=b&from=a&from=b", 0, "", ""},
        {MAILGUN_MESSAGES, "to[]=a&to[]=b&cc[0]=a&cc[1]=b&bcc[12]=a&o:tag[0]=a&from[]=a", 0, "", ""},
        {MAILGUN_MESSAGES, "subject[0]=a", 1, "subject[0]", "did you mean \"subject\"?"},
        {MAILGUN_MESSAGES, "to[a]=a&to]=a&to[0=a&[0]=a&]=a", 5, "to[a]", "There is no field"},
        {MAILGUN_MESSAGES, "v:=x", 1, "v:", "v:KEY"},
        {MAILGUN_MESSAGES, "v:b=1&v:a=2&v:b=3&v:a=4", 2, "", "more than once"},
        {MAILGUN_MESSAGES, "v:a=1&v:A=2&v:aa=3", 0, "", ""},
        {MAILGUN_MESSAGES, "recipient-variables={}&cc=a@y.example", 1, "recipient-variables", "cc and bcc"},
        {MAILGUN_MESSAGES, "recipient-variables={}&bcc=a@y.example", 1, "recipient-variables", "cc and bcc"},
        {MAILGUN_MESSAGES, "recipient-variables={}&cc=", 0, "", ""},
        {MAILGUN_MESSAGES, "recipient-variables={}&recipient-variables={}", 1, "recipient-variables",
         "more than once"},
        {MAILGUN_MESSAGES, "to=a%00b", 1, "to", "NUL"},
        {MAILGUN_MESSAGES, "subject=%ff", 1, "subject", "UTF-8"},
        {MAILGUN_MIME, "to=a&to=b&message=x&o:testmode=no&o:dkim=x&o:tracking-clicks=x&o:require-tls=no", 0,
         "", ""},
        {MAILGUN_MIME, "from=a", 1, "from", "whole message"},
        {MAILGUN_MIME, "cc=a&bcc=a&subject=a&text=a&html=a&amp-html=a&attachment=a&inline=a", 8, "cc",
         "whole message"},
        {MAILGUN_MIME, "h:X-A=a&h:Sender=a&v:a=b&o:tag=a&recipient-variables={}", 5, "h:X-A",
         "whole message"},
        {MAILGUN_MIME, "template=x&o:deliverytime=x", 2, "template", "no stored templates"},
        {MAILGUN_MIME, "message=a&message=b", 1, "message", "more than once"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sorting sorting;
        sort(&sorting, cases[i].call, URLENCODED, cases[i].form);
        const struct field_errors *errors = &sorting.fixture.errors;
        if (errors->count != cases[i].count) {
            fprintf(stderr, "%s: %zu errors\n", cases[i].form, errors->count);
        }
        CU_ASSERT_EQUAL(errors->count, cases[i].count);
        app_fixture_expect(errors->first.text, cases[i].text, cases[i].form);
        if (cases[i].field[0] != '\0') {
            CU_ASSERT_STRING_EQUAL(errors->first.field, cases[i].field);
        }
        app_fixture_free(&sorting.fixture);
    }
}

static void test_files(void)
{
    static const struct {
        enum mailgun_call call;
        const char *body;
        const char *text;
    } cases[] = {
        {MAILGUN_MESSAGES, FILE_PART("attachment", "a.txt", "x") PART("attachment", "x") LAST, ""},
        {MAILGUN_MESSAGES,
         FILE_PART("text", "a.txt", "x") FILE_PART("html", "a", "x") FILE_PART("amp-html", "a", "x") LAST,
         ""},
        {MAILGUN_MESSAGES, FILE_PART("attachment[0]", "a.txt", "x") FILE_PART("inline[]", "a.txt", "x") LAST,
         ""},
        {MAILGUN_MESSAGES, FILE_PART("to", "a.txt", "x") LAST, "to is a file"},
        {MAILGUN_MESSAGES, FILE_PART("h:X-A", "a.txt", "x") LAST, "h:X-A is a file"},
        {MAILGUN_MESSAGES, FILE_PART("o:tag", "a.txt", "x") LAST, "o:tag is a file"},
        {MAILGUN_MESSAGES, FILE_PART("other", "a.txt", "x") LAST, "There is no field"},
        {MAILGUN_MIME, FILE_PART("message", "any.name", "x") LAST, ""},
        {MAILGUN_MIME, FILE_PART("to", "a.txt", "x") LAST, "to is a file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sorting sorting;
        sort(&sorting, cases[i].call, BOUNDARY, cases[i].body);
        app_fixture_expect(sorting.fixture.errors.first.text, cases[i].text, cases[i].body);
        app_fixture_free(&sorting.fixture);
    }
}

static void test_missing(void)
{
    static const struct {
        enum mailgun_call call;
        const char *form;
        const char *field; /* "": complete */
    } cases[] = {
        {MAILGUN_MESSAGES, NEEDED, ""},
        {MAILGUN_MESSAGES, "from=a&cc=b&html=x", ""},
        {MAILGUN_MESSAGES, "from=a&bcc=b&amp-html=x", ""},
        {MAILGUN_MESSAGES, "from=a&to=b&text=", ""},
        {MAILGUN_MESSAGES, "from=a&to=b&html=", ""},
        {MAILGUN_MESSAGES, "to=b&text=hi", "from"},
        {MAILGUN_MESSAGES, "from=&to=b&text=hi", "from"},
        {MAILGUN_MESSAGES, "from=a&to=&text=hi", "to"},
        {MAILGUN_MESSAGES, "from=a&to=b&subject=hi", "text"},
        {MAILGUN_MIME, "to=b&message=x", ""},
        {MAILGUN_MIME, "message=x", "to"},
        {MAILGUN_MIME, "to=b", "message"},
        {MAILGUN_MIME, "to=b&message=", "message"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sorting sorting;
        struct err err = {0};
        sort(&sorting, cases[i].call, URLENCODED, cases[i].form);
        CU_ASSERT_EQUAL(mailgun_fields_complete(&sorting.fields, &err), cases[i].field[0] == '\0');
        CU_ASSERT_STRING_EQUAL(err.field, cases[i].field);
        CU_ASSERT_EQUAL(err.text[0] == '\0', cases[i].field[0] == '\0');
        app_fixture_free(&sorting.fixture);
    }
}

/* An empty text beside another one is not given. */
static void test_empty_texts(void)
{
    static const struct {
        const char *form;
        bool text, html, amp;
    } cases[] = {
        {"text=&html=&amp-html=", true, false, false},
        {"text=&html=x", false, true, false},
        {"text=x&html=&amp-html=", true, false, false},
        {"text=&html=&amp-html=x", false, false, true},
        {"text=x&html=x&amp-html=x", true, true, true},
        {"html=&amp-html=", false, true, false},
        {"amp-html=", false, false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sorting sorting;
        sort(&sorting, MAILGUN_MESSAGES, URLENCODED, cases[i].form);
        CU_ASSERT_EQUAL(sorting.fields.send.single[SEND_TEXT] != NULL, cases[i].text);
        CU_ASSERT_EQUAL(sorting.fields.send.single[SEND_HTML] != NULL, cases[i].html);
        CU_ASSERT_EQUAL(sorting.fields.amp != NULL, cases[i].amp);
        app_fixture_free(&sorting.fixture);
    }
}

static void test_options(void)
{
    struct sorting sorting;
    sort(&sorting, MAILGUN_MESSAGES, URLENCODED,
         "o:testmode=YES&o:require-tls=true&o:tag=a&o:tag=b&v:k=1&v:l=&recipient-variables={}&h:sender=s@y."
         "example");
    CU_ASSERT_TRUE(sorting.fields.test_mode);
    CU_ASSERT_TRUE(sorting.fields.require_tls);
    CU_ASSERT_EQUAL(sorting.fields.tag_count, 2);
    CU_ASSERT_EQUAL(sorting.fields.variable_count, 2);
    CU_ASSERT_TRUE(slice_equal(sorting.fields.variables[1].key, SLICE("l")));
    CU_ASSERT_TRUE(slice_equal(sorting.fields.recipient_variables, SLICE("{}")));
    CU_ASSERT_PTR_NOT_NULL_FATAL(sorting.fields.sender);
    CU_ASSERT_TRUE(slice_equal(sorting.fields.sender->text, SLICE("s@y.example")));
    app_fixture_free(&sorting.fixture);
    sort(&sorting, MAILGUN_MESSAGES, URLENCODED, "o:testmode=no&o:require-tls=False&o:tag=");
    CU_ASSERT_FALSE(sorting.fields.test_mode);
    CU_ASSERT_FALSE(sorting.fields.require_tls);
    CU_ASSERT_EQUAL(sorting.fields.tag_count, 0);
    CU_ASSERT_FALSE(sorting.fields.is_batch);
    app_fixture_free(&sorting.fixture);
    sort(&sorting, MAILGUN_MESSAGES, URLENCODED, "recipient-variables=");
    CU_ASSERT_TRUE(sorting.fields.is_batch);
    app_fixture_free(&sorting.fixture);
}

static void test_limits(void)
{
    struct config_limits limits = {.field = 1, .header_value = 2, .text = 3};
    static const struct {
        const char *name;
        bool is_file;
        uint64_t limit;
    } cases[] = {
        {"to", false, 1},
        {"h:Reply-To", false, 1},
        {"h:X-A", false, 2},
        {"subject", false, 2},
        {"v:a", false, 2},
        {"text", false, 3},
        {"amp-html", true, 3},
        {"recipient-variables", false, 3},
        {"other", false, 1},
        {"other", true, UINT64_MAX},
        {"attachment", false, UINT64_MAX},
        {"message", false, UINT64_MAX},
        {"inline", true, UINT64_MAX},
        {"template", true, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(mailgun_field_limit(&limits, slice_of(cases[i].name), cases[i].is_file),
                        cases[i].limit);
    }
}

/* --- and the mail that they become --- */

static enum submission_result read_mail(struct sorting *sorting, const char *yaml, const char *form)
{
    struct app_fixture *fixture = &sorting->fixture;
    app_fixture_init(fixture, yaml);
    app_fixture_parse(fixture, URLENCODED, slice_of(form));
    sorting->fields = (struct mailgun_fields){.call = MAILGUN_MESSAGES};
    CU_ASSERT_TRUE_FATAL(mailgun_fields_sort(&sorting->fields, &fixture->form, &fixture->arena,
                                             &fixture->errors, &fixture->err));
    struct submission_reading reading = {
        .submission = &fixture->submission,
        .defaults = &fixture->defaults,
        .config = fixture->config,
        .arena = &fixture->arena,
        .errors = &fixture->errors,
        .err = &fixture->err,
    };
    return mailgun_mail_read(&reading, &sorting->fields, SLICE("mg.example.com"));
}

#define BOUNCES SERVER "defaults: {sender: bounces@x.example, headers: {X-Mailer: m}}\n"

/* h:Sender is shown, and the return path unless the configuration says another. */
static void test_sender(void)
{
    static const struct {
        const char *yaml;
        const char *form;
        const char *shown; /* "": none */
        const char *path;
        enum policy_result policy;
    } cases[] = {
        {SERVER, NEEDED, "", "a@y.example", POLICY_ALLOWED},
        {SERVER, NEEDED "&h:Sender=s@y.example", "s@y.example", "s@y.example", POLICY_ALLOWED},
        {SERVER, NEEDED "&h:Sender=s@other.example", "s@other.example", "s@other.example", POLICY_SENDER},
        {BOUNCES, NEEDED, "", "bounces@x.example", POLICY_ALLOWED},
        {BOUNCES, NEEDED "&h:Sender=s@y.example", "s@y.example", "bounces@x.example", POLICY_ALLOWED},
        {BOUNCES, NEEDED "&h:Sender=bounces@x.example", "bounces@x.example", "bounces@x.example",
         POLICY_ALLOWED},
    };
    char *patterns[] = {"*@y.example"};
    const struct config_allow allow = {.recipients = {patterns, 1}, .senders = {patterns, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sorting sorting;
        CU_ASSERT_EQUAL_FATAL(read_mail(&sorting, cases[i].yaml, cases[i].form), SUBMISSION_OK);
        const struct submission *submission = &sorting.fixture.submission;
        const struct address_list *sender = &submission->message.sender;
        CU_ASSERT_EQUAL(submission->message.sender_shown, cases[i].shown[0] != '\0');
        if (submission->message.sender_shown) {
            CU_ASSERT_TRUE(slice_equal(sender->mailboxes[0].address.text, slice_of(cases[i].shown)));
        }
        CU_ASSERT_TRUE(slice_equal(submission->return_path.text, slice_of(cases[i].path)));
        CU_ASSERT_EQUAL(policy_check(&allow, &sorting.fixture.defaults, submission, &sorting.fixture.err),
                        cases[i].policy);
        app_fixture_free(&sorting.fixture);
    }
}

static void test_headers(void)
{
    struct sorting sorting;
    CU_ASSERT_EQUAL_FATAL(read_mail(&sorting, BOUNCES,
                                    NEEDED
                                    "&h:X-A=1&v:k=v&o:tag=t&o:tag=u&attachment=x&inline=y&o:testmode=yes"),
                          SUBMISSION_OK);
    const struct message *message = &sorting.fixture.submission.message;
    static const char *const expected[] = {"X-A: 1", "X-Mailer: m", "X-Mailgun-Tag: t", "X-Mailgun-Tag: u",
                                           "X-Mailgun-Variables: {\"k\": \"v\"}"};
    CU_ASSERT_EQUAL_FATAL(message->header_count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < message->header_count; i++) {
        char line[100];
        snprintf(line, sizeof line, "%.*s: %.*s", SLICE_ARGS(message->headers[i].name),
                 SLICE_ARGS(message->headers[i].value));
        CU_ASSERT_STRING_EQUAL(line, expected[i]);
    }
    CU_ASSERT_TRUE(slice_equal(message->attachments[0].file_name, SLICE("attachment")));
    CU_ASSERT_TRUE(slice_equal(message->inlines[0].file_name, SLICE("attachment")));
    CU_ASSERT_TRUE(sorting.fixture.submission.dry_run);
    app_fixture_free(&sorting.fixture);
}

static void test_wrong_values(void)
{
    static const struct {
        const char *form;
        const char *field;
    } cases[] = {
        {NEEDED "&h:Sender=nobody", "h:Sender"},
        {NEEDED "&h:Reply-To=nobody", "h:Reply-To"},
        {NEEDED "&h:To=c@y.example", "h:To"},
        {NEEDED "&h:MIME-Version=2", "h:MIME-Version"},
        {NEEDED "&cc=nobody", "cc"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sorting sorting;
        CU_ASSERT_EQUAL(read_mail(&sorting, SERVER, cases[i].form), SUBMISSION_OK);
        CU_ASSERT_EQUAL(sorting.fixture.errors.count, 1);
        CU_ASSERT_STRING_EQUAL(sorting.fixture.errors.first.field, cases[i].field);
        app_fixture_free(&sorting.fixture);
    }
}

static const struct unit_test tests[] = {
    {"refused", test_refused},         {"files", test_files},     {"missing", test_missing},
    {"empty texts", test_empty_texts}, {"options", test_options}, {"limits", test_limits},
    {"sender", test_sender},           {"headers", test_headers}, {"wrong values", test_wrong_values},
};
UNIT_SUITE(app_mailgun_fields, tests);
