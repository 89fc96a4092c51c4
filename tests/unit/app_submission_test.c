#include <stdio.h>

#include "app_fixture.h"
#include "unit.h"

static void add_list(struct buf *out, const char *name, const struct address_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        CU_ASSERT_TRUE(buf_printf(out, "%s:%.*s ", name, SLICE_ARGS(list->mailboxes[i].address.text)));
    }
}

/* Header fields, then "path:", then each recipient behind the field that it came from. */
static void describe(const struct submission *submission, struct buf *out)
{
    const struct message *message = &submission->message;
    add_list(out, "From", &message->from);
    add_list(out, "Sender", &message->sender);
    add_list(out, "Reply-To", &message->reply_to);
    add_list(out, "To", &message->to);
    add_list(out, "Cc", &message->cc);
    CU_ASSERT_TRUE(buf_printf(out, "path:%.*s", SLICE_ARGS(submission->return_path.text)));
    for (size_t i = 0; i < submission->recipients.count; i++) {
        CU_ASSERT_TRUE(buf_printf(out, " %s:%.*s", submission->recipients.fields[i],
                                  SLICE_ARGS(submission->recipients.items[i].address->text)));
    }
}

#define DEFAULTS                                                                                             \
    SERVER "defaults: {from: \"D <d@x.example>\", to: [t@x.example], cc: c@x.example, bcc: b@x.example, "    \
           "reply_to: r@x.example}\n"
#define BOUNCES SERVER "defaults: {from: d@x.example, sender: bounces@x.example}\n"

static void test_people(void)
{
    static const struct {
        const char *yaml;
        const char *form;
        const char *expected;
    } cases[] = {
        {SERVER, "from=A+<a@y.example>&to=b@y.example",
         "From:a@y.example To:b@y.example path:a@y.example to:b@y.example"},
        {DEFAULTS, "",
         "From:d@x.example Reply-To:r@x.example To:t@x.example Cc:c@x.example path:d@x.example "
         "to:t@x.example cc:c@x.example bcc:b@x.example"},
        /* one of to, cc, bcc, rcpt replaces all of the defaults */
        {DEFAULTS, "bcc=z@y.example",
         "From:d@x.example Reply-To:r@x.example path:d@x.example bcc:z@y.example"},
        {DEFAULTS, "rcpt=z@y.example&reply_to=p@y.example,q@y.example",
         "From:d@x.example Reply-To:p@y.example Reply-To:q@y.example path:d@x.example rcpt:z@y.example"},
        {DEFAULTS, "to=", /* not given */
         "From:d@x.example Reply-To:r@x.example To:t@x.example Cc:c@x.example path:d@x.example "
         "to:t@x.example cc:c@x.example bcc:b@x.example"},
        /* each address once, where it stands first; local parts exactly, domains without case */
        {SERVER,
         "to=a@y.example,b@y.example&to=a@Y.example&cc=b@y.example,A@y.example&bcc=a@y.example,n@y.example",
         "To:a@y.example To:b@y.example To:a@y.example Cc:b@y.example Cc:A@y.example path: "
         "to:a@y.example to:b@y.example cc:A@y.example bcc:n@y.example"},
        {SERVER, "to=\"a\"@y.example,a@y.example", "To:a@y.example To:a@y.example path: to:a@y.example"},
        /* rcpt replaces the envelope */
        {SERVER, "to=a@y.example&cc=b@y.example&rcpt=r@y.example&rcpt=s@y.example,r@y.example",
         "To:a@y.example Cc:b@y.example path: rcpt:r@y.example rcpt:s@y.example"},
        {SERVER, "to=group:a@y.example,b@y.example;&from=f@y.example",
         "From:f@y.example To:a@y.example To:b@y.example path:f@y.example to:a@y.example to:b@y.example"},
        /* the return path */
        {SERVER, "from=a@y.example,b@y.example&sender=S+<s@y.example>",
         "From:a@y.example From:b@y.example Sender:s@y.example path:s@y.example"},
        {SERVER, "from=a@y.example&sender=<>", "From:a@y.example path:"},
        {BOUNCES, "", "From:d@x.example Sender:bounces@x.example path:bounces@x.example"},
        {BOUNCES, "sender=s@y.example", "From:d@x.example Sender:s@y.example path:s@y.example"},
        {SERVER "defaults: {from: d@x.example, sender: <>}\n", "", "From:d@x.example path:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_fixture fixture;
        struct buf text;
        buf_init(&text, 4096);
        app_fixture_init(&fixture, cases[i].yaml);
        CU_ASSERT_EQUAL(app_fixture_submit(&fixture, cases[i].form), SUBMISSION_OK);
        CU_ASSERT_EQUAL(fixture.errors.count, 0);
        describe(&fixture.submission, &text);
        if (strcmp(buf_cstr(&text), cases[i].expected) != 0) {
            fprintf(stderr, "%s\n  gave: %s\n", cases[i].form, buf_cstr(&text));
        }
        CU_ASSERT_STRING_EQUAL(buf_cstr(&text), cases[i].expected);
        buf_free(&text);
        app_fixture_free(&fixture);
    }
}

static void test_errors(void)
{
    static const struct {
        const char *form;
        size_t count;
        const char *field;
        const char *text;
    } cases[] = {
        {"to=nobody", 1, "to", "\"nobody\""},
        {"to=a@y.example&to=b@&cc=@x&from=,", 3, "from", ""},
        {"from=a@y.example%0D%0ABcc:b@y.example", 1, "from", "control character"},
        {"sender=a@y.example,b@y.example", 1, "sender", "not a list"},
        {"bcc=a@y.example&rcpt=b@y.example", 1, "bcc", "put its addresses into rcpt"},
        {"dry_run=yes", 1, "dry_run", "give 1 for a trial"},
        {"message_id=x", 1, "message_id", "<left@right>"},
        {"message_id=<a@b>+<c@d>", 1, "message_id", "not a message id"},
        {"in_reply_to=x", 1, "in_reply_to", "list of message ids"},
        {"references=<a@b>+x", 1, "references", "list of message ids"},
        {"date=yesterday", 1, "date", "RFC 5322"},
        {"h:Bcc=x", 1, "h:Bcc", "Bcc"},
        {"h:Content-Type=x&h:A+B=y&h:X=z", 2, "h:Content-Type", "Content-Type"},
        /* all at once */
        {"to=x&cc=y&bcc=z&reply_to=u&sender=v&date=w&message_id=p&dry_run=q&h:To=r", 9, "dry_run", "dry_run"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_fixture fixture;
        app_fixture_init(&fixture, SERVER);
        CU_ASSERT_EQUAL(app_fixture_submit(&fixture, cases[i].form), SUBMISSION_OK);
        CU_ASSERT_EQUAL(fixture.errors.count, cases[i].count);
        CU_ASSERT_EQUAL(fixture.errors.unknown, 0);
        CU_ASSERT_STRING_EQUAL(fixture.errors.first.field, cases[i].field);
        CU_ASSERT_TRUE(fixture.errors.first.text[0] != '\0');
        if (cases[i].text[0] != '\0') {
            app_fixture_expect(fixture.errors.first.text, cases[i].text, cases[i].form);
        }
        app_fixture_free(&fixture);
    }
}

static void test_missing(void)
{
    static const struct {
        const char *form;
        const char *field; /* "": complete */
        const char *text;
    } cases[] = {
        {"from=a@y.example&to=b@y.example", "", ""},
        {"from=a@y.example&rcpt=b@y.example", "", ""},
        {"from=a@y.example,c@y.example&sender=a@y.example&bcc=b@y.example", "", ""},
        {"", "from", "set defaults.from"},
        {"to=b@y.example", "from", "give from"},
        {"from=a@y.example,c@y.example&to=b@y.example", "sender", "several mailboxes"},
        {"from=a@y.example,c@y.example&sender=<>&to=b@y.example", "sender", "several mailboxes"},
        {"from=a@y.example", "to", "give to, cc, bcc or rcpt"},
        {"from=a@y.example&to=undisclosed-recipients:;", "to", "no recipient"},
        {"from=a@y.example&to=b@y.example&rcpt=g:;", "to", "no recipient"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_fixture fixture;
        app_fixture_init(&fixture, SERVER);
        CU_ASSERT_EQUAL(app_fixture_submit(&fixture, cases[i].form), SUBMISSION_OK);
        CU_ASSERT_EQUAL(fixture.errors.count, 0);
        CU_ASSERT_EQUAL(submission_complete(&fixture.submission, &fixture.err), cases[i].field[0] == '\0');
        CU_ASSERT_STRING_EQUAL(fixture.err.field, cases[i].field);
        app_fixture_expect(fixture.err.text, cases[i].text, cases[i].form);
        app_fixture_free(&fixture);
    }
}

static void test_too_many(void)
{
    static const struct {
        const char *form;
        enum submission_result result;
        const char *field;
        const char *text;
    } cases[] = {
        {"to=a@y.example,b@y.example&cc=c@y.example", SUBMISSION_OK, "", ""},
        {"to=a@y.example,b@y.example&cc=c@y.example,a@y.example", SUBMISSION_OK, "", ""},
        {"to=a@y.example,b@y.example&cc=c@y.example,d@y.example", SUBMISSION_TOO_MANY, "",
         "The mail has 4 recipients, more than the 3 that are allowed"},
        {"bcc=a@y.example,b@y.example&bcc=c@y.example&bcc=d@y.example", SUBMISSION_TOO_MANY, "bcc",
         "bcc has more than 3 addresses"},
        {"to=a@y.example,b@y.example,c@y.example,d@y.example&rcpt=r@y.example", SUBMISSION_TOO_MANY, "to",
         "to has more than 3 addresses"},
        {"", SUBMISSION_OK, "", ""}, /* the operator's own are not limited */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_fixture fixture;
        app_fixture_init(&fixture,
                         SERVER "limits: {recipients: 3}\n"
                                "defaults: {to: [a@y.example, b@y.example, c@y.example, d@y.example]}\n");
        CU_ASSERT_EQUAL(app_fixture_submit(&fixture, cases[i].form), cases[i].result);
        CU_ASSERT_STRING_EQUAL(fixture.err.field, cases[i].field);
        app_fixture_expect(fixture.err.text, cases[i].text, cases[i].form);
        app_fixture_free(&fixture);
    }
}

#define MANY 10000 /* the most that limits.recipients may be */

static void add_many(struct buf *form, const char *field, unsigned first, unsigned step)
{
    CU_ASSERT_TRUE_FATAL(buf_printf(form, "&%s=", field));
    for (unsigned i = 0; i < MANY; i++) {
        CU_ASSERT_TRUE_FATAL(buf_printf(form, "u%u@y.example,", (first + i * step) % MANY));
    }
}

/* The same addresses in another order are found again; twice as many are refused, not a lack of memory. */
static void test_many(void)
{
    for (int distinct = 0; distinct < 2; distinct++) {
        struct app_fixture fixture;
        struct buf form;
        buf_init(&form, (size_t)4 * 1024 * 1024);
        app_fixture_init(&fixture, SERVER "limits: {recipients: 10000, field: 1MiB}\n");
        add_many(&form, "to", 7, 1);
        add_many(&form, "cc", 5000, MANY - 1);
        if (distinct == 0) {
            add_many(&form, "bcc", 0, 3);
        } else {
            CU_ASSERT_TRUE_FATAL(buf_append_string(&form, "&bcc=another@y.example"));
        }
        CU_ASSERT_EQUAL(app_fixture_submit(&fixture, buf_cstr(&form)),
                        distinct == 0 ? SUBMISSION_OK : SUBMISSION_TOO_MANY);
        struct recipients *recipients = &fixture.submission.recipients;
        CU_ASSERT_EQUAL(recipients->count, distinct == 0 ? MANY : MANY + 1);
        for (unsigned i = 0; distinct == 0 && i < recipients->count; i++) {
            char expected[32];
            snprintf(expected, sizeof expected, "u%u@y.example", (7 + i) % MANY);
            CU_ASSERT_TRUE_FATAL(slice_equal(recipients->items[i].address->text, slice_of(expected)));
            CU_ASSERT_STRING_EQUAL_FATAL(recipients->fields[i], "to");
        }
        buf_free(&form);
        app_fixture_free(&fixture);
    }
}

static void test_headers(void)
{
    static const char yaml[] = SERVER "defaults: {subject: none, headers: {X-A: default, X-B: default}}\n";
    static const struct {
        const char *form;
        const char *expected;
    } cases[] = {
        {"", "Subject=none X-A=default X-B=default"},
        {"subject=given&h:X-C=1&h:X-C=2", "Subject=given X-C=1 X-C=2 X-A=default X-B=default"},
        {"h:x-a=mine", "Subject=none x-a=mine X-B=default"},
        {"h:X-A=", "Subject=none X-A=default X-B=default"}, /* empty: not given */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_fixture fixture;
        struct buf text;
        buf_init(&text, 1024);
        app_fixture_init(&fixture, yaml);
        CU_ASSERT_EQUAL(app_fixture_submit(&fixture, cases[i].form), SUBMISSION_OK);
        const struct message *message = &fixture.submission.message;
        CU_ASSERT_TRUE(buf_printf(&text, "Subject=%.*s", SLICE_ARGS(message->subject)));
        for (size_t k = 0; k < message->header_count; k++) {
            CU_ASSERT_TRUE(buf_printf(&text, " %.*s=%.*s", SLICE_ARGS(message->headers[k].name),
                                      SLICE_ARGS(message->headers[k].value)));
        }
        CU_ASSERT_STRING_EQUAL(buf_cstr(&text), cases[i].expected);
        buf_free(&text);
        app_fixture_free(&fixture);
    }
}

static void test_bodies(void)
{
    struct app_fixture fixture;
    app_fixture_init(&fixture, SERVER);
    app_fixture_sort(&fixture, BOUNDARY,
                     SLICE(PART("_charset_", "iso-8859-1") PART("body", "b") FILE_PART("html", "h.html", "h")
                               FILE_PART("attachment", "a.pdf", "1") FILE_PART("inline", "i.png", "3")
                                   FILE_PART("attachment", "b.pdf", "2") FILE_PART("inline", "j.png", "")
                                       PART("dry_run", "1") LAST));
    CU_ASSERT_EQUAL(submission_read(&fixture.submission, &fixture.fields, &fixture.defaults, fixture.config,
                                    &fixture.arena, &fixture.errors, &fixture.err),
                    SUBMISSION_OK);
    const struct message *message = &fixture.submission.message;
    CU_ASSERT_TRUE(fixture.submission.dry_run);
    CU_ASSERT_STRING_EQUAL(message->text.field, "body");
    CU_ASSERT_EQUAL(message->text.content->size, 1);
    CU_ASSERT_TRUE(slice_equal(message->text.charset, SLICE("iso-8859-1")));
    CU_ASSERT_TRUE(slice_equal(message->html.charset, SLICE("iso-8859-1")));
    CU_ASSERT_EQUAL_FATAL(message->attachment_count, 2);
    CU_ASSERT_TRUE(slice_equal(message->attachments[0].file_name, SLICE("a.pdf")));
    CU_ASSERT_TRUE(slice_equal(message->attachments[1].file_name, SLICE("b.pdf")));
    CU_ASSERT_EQUAL(message->attachments[0].charset.len, 0); /* a file is no text of the form */
    CU_ASSERT_EQUAL_FATAL(message->inline_count, 2);
    CU_ASSERT_STRING_EQUAL(message->inlines[0].field, "inline");
    CU_ASSERT_TRUE(slice_equal(message->inlines[0].file_name, SLICE("i.png")));
    CU_ASSERT_EQUAL(message->inlines[0].charset.len, 0);
    CU_ASSERT_EQUAL(message->inlines[1].content->size, 0);
    app_fixture_free(&fixture);
}

/* Whatever memory there is: an answer, never a crash. */
static void test_no_memory(void)
{
    unsigned failed = 0;
    for (size_t room = 0; room < 6000; room += 16) {
        struct app_fixture fixture;
        app_fixture_init(&fixture, SERVER);
        app_fixture_sort(
            &fixture, URLENCODED,
            SLICE("from=a@y.example&sender=s@y.example&to=b@y.example,c@y.example&h:X=1&text=x"));
        fixture.arena.limit = fixture.arena.used + room;
        enum submission_result result =
            submission_read(&fixture.submission, &fixture.fields, &fixture.defaults, fixture.config,
                            &fixture.arena, &fixture.errors, &fixture.err);
        CU_ASSERT_EQUAL(result == SUBMISSION_FAILED, fixture.err.text[0] != '\0');
        failed += result == SUBMISSION_FAILED ? 1 : 0;
        CU_ASSERT_TRUE(result == SUBMISSION_FAILED || fixture.submission.recipients.count == 2);
        app_fixture_free(&fixture);
    }
    CU_ASSERT_TRUE(failed > 10 && failed < 375); /* both kinds were seen */
}

static void note_problem(void *ctx, const char *path, const char *text)
{
    err_set(ctx, "%s: %s", path, text);
}

/* A default From must have somebody in it: forms of web sites rely on that. */
static void test_default_from(void)
{
    struct config config = {.defaults = {.from = "nobody:;"}};
    struct defaults defaults;
    struct err err = {0};
    CU_ASSERT_FALSE(defaults_parse(&defaults, &config, note_problem, &err));
    app_fixture_expect(err.text, "defaults.from: there is no address in it; expected mailboxes", "nobody:;");
    defaults_free(&defaults);
}

static const struct unit_test tests[] = {
    {"default From", test_default_from},
    {"people and envelope", test_people},
    {"wrong values, all at once", test_errors},
    {"what is missing", test_missing},
    {"too many recipients", test_too_many},
    {"ten thousand recipients", test_many},
    {"subject and headers", test_headers},
    {"bodies and attachments", test_bodies},
    {"no memory", test_no_memory},
};

UNIT_SUITE(app_submission, tests);
