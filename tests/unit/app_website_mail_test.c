#include <stdio.h>

#include "unit.h"
#include "website_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FORM(more) "forms: {contact: {to: sales@x.example" more "}}\n"

static void check_part(const struct message_part *part, const char *expected, const char *what)
{
    struct slice text = {0};
    struct err err = {0};
    if (part->content != NULL) {
        CU_ASSERT_TRUE(blob_view(part->content, &text, &err));
    }
    if (!slice_equal(text, slice_of(expected))) {
        fprintf(stderr, "%s\n  gave:     %.*s\n  expected: %s\n", what, SLICE_ARGS(text), expected);
    }
    CU_ASSERT_TRUE(slice_equal(text, slice_of(expected)));
}

static void test_headers(void)
{
#define REPLY(template) FORM(", reply_to: " template)
    static const struct {
        const char *yaml;
        const char *form;
        const char *subject;
        const char *reply_to; /* "": none */
        const char *problems;
    } cases[] = {
        {FORM(""), "a=b", "contact", "", ""},
        {FORM(", subject: 'From {{name}}'"), "name=Ada+%C3%84", "From Ada \xC3\x84", "", ""},
        {FORM(", subject: '{{name}}'"), "", "contact", "", ""},
        {FORM(", subject: 'From {{name}}'"), "name=Ada&_subject=Own+one", "Own one", "", ""},
        {FORM(", subject: 'From {{name}}'"), "name=Ada&_subject=", "From Ada", "", ""},
        {FORM(", subject: 'From {{name}}'"), "name=a%0D%0ABcc:+x@y.z", "", "",
         "name: Please write this in one line."},
        {FORM(", subject: 'From {{name}}'"), "name=a%0Ab", "", "", "name: Please write this in one line."},
        {FORM(", subject: 'From {{name}}'"), "name=a%0Db", "", "", "name: Please write this in one line."},
        {FORM(", subject: '{{a}}{{b}}'"), "a=%01&b=%0A&c=%0A", "", "",
         "a: Please write this in one line.|b: Please write this in one line."},
        {FORM(", subject: 'From {{name}}'"), "name=a%09b&other=c%0Ad", "From a\tb", "", ""},
        {FORM(""), "_subject=a%0D%0ABcc:+x@y.z", "", "", "_subject: Please write this in one line."},
        {FORM(""), "email=ada@y.example", "contact", "ada@y.example", ""},
        {FORM(""), "email=Ada+<ada@y.example>", "contact", "ada@y.example", ""},
        {FORM(""), "email=ada@y.example,bob@y.example", "contact", "", ""}, /* not one address */
        {FORM(""), "email=nobody", "contact", "", ""},
        {FORM(""), "email=a@y.example%0D%0ABcc:+x@y.z", "contact", "", ""},
        {FORM(""), "email=++", "contact", "", ""},
        {FORM(""), "email=ada@y.example&_replyto=bob@y.example", "contact", "bob@y.example", ""},
        {FORM(""), "email=ada@y.example&_reply_to=bob@y.example", "contact", "bob@y.example", ""},
        {FORM(""), "email=ada@y.example&_replyto=bob", "contact", "",
         "_replyto: \"bob\" cannot be read as a mail address: an \"@\" is missing or not where it must be."},
        {FORM(""), "_replyto=a@y.example%0A", "contact", "", "_replyto: Please write this in one line."},
        {FORM(""), "_replyto=a@y.example,b@y.example", "contact", "", "*"},
        {REPLY("'{{mail}}'"), "mail=ada@y.example&email=bob@y.example", "contact", "ada@y.example", ""},
        {REPLY("'{{mail}}'"), "mail=&email=bob@y.example", "contact", "bob@y.example", ""},
        {REPLY("'{{mail}}'"), "mail=ada", "contact", "",
         "mail: \"ada\" cannot be read as a mail address: an \"@\" is missing or not where it must be."},
        {REPLY("'{{mail}}'"), "mail=a%0A@y.example", "contact", "", "mail: Please write this in one line."},
        {REPLY("'\"{{name}}\" <{{mail}}>'"), "name=Ada&mail=ada@y.example", "contact", "ada@y.example", ""},
        {REPLY("'{{name}} <{{mail}}>'"), "name=Ada&mail=ada", "contact", "", "*mail: "},
        {REPLY("'{{name}} <{{mail}}>'"), "name=Ada&mail=", "contact", "", ""},
        {REPLY("'{{name}} <{{mail}}>'"), "name=Ada&email=bob@y.example", "contact", "bob@y.example", ""},
        {REPLY("'{{name}} <{{mail}}>'"), "name=x@y.example,&mail=ada@y.example", "contact", "", "*mail: "},
        {REPLY("desk@x.example"), "email=ada@y.example", "contact", "desk@x.example", ""},
        {REPLY("desk@x.example"), "_replyto=ada@y.example", "contact", "ada@y.example", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct website_fixture fixture;
        website_fixture_init(&fixture, cases[i].yaml);
        CU_ASSERT_EQUAL(website_fixture_make(&fixture, URLENCODED, slice_of(cases[i].form)),
                        WEBSITE_MAIL_MADE);
        const struct message *message = &fixture.app.submission.message;
        struct slice reply_to =
            message->reply_to.count > 0 ? message->reply_to.mailboxes[0].address.text : (struct slice){0};
        if (cases[i].problems[0] == '*') {
            CU_ASSERT_EQUAL(fixture.input.problem_count, 1);
        } else {
            website_fixture_expect(&fixture, cases[i].problems, cases[i].form);
        }
        if (fixture.input.problem_count == 0 && !slice_equal(message->subject, slice_of(cases[i].subject))) {
            fprintf(stderr, "%s: %.*s\n", cases[i].form, SLICE_ARGS(message->subject));
        }
        CU_ASSERT_TRUE(fixture.input.problem_count > 0 ||
                       slice_equal(message->subject, slice_of(cases[i].subject)));
        CU_ASSERT_TRUE(message->reply_to.count <= 1);
        CU_ASSERT_TRUE(slice_equal(reply_to, slice_of(cases[i].reply_to)));
        website_fixture_free(&fixture);
    }
}

/* Whatever a visitor writes, the envelope is the form's own. */
static void test_envelope(void)
{
    static const struct {
        const char *yaml;
        const char *recipients;
        const char *from, *return_path;
    } cases[] = {
        {FORM(""), "sales@x.example", "site@x.example", "site@x.example"},
        {FORM(", cc: [b@x.example, sales@x.example], bcc: c@x.example"),
         "sales@x.example b@x.example c@x.example", "site@x.example", "site@x.example"},
        {FORM(", from: 'Shop <shop@x.example>'"), "sales@x.example", "shop@x.example", "shop@x.example"},
        {FORM(", from: 'a@x.example, b@x.example'"), "sales@x.example", "a@x.example", "a@x.example"},
    };
    static const char form[] =
        "to=evil@y.example&cc=evil@y.example&bcc=evil@y.example&rcpt=evil@y.example&"
        "from=evil@y.example&sender=evil@y.example&subject=x&_to=evil@y.example&server=evil";
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct website_fixture fixture;
        struct buf recipients;
        buf_init(&recipients, 1000);
        website_fixture_init(&fixture, cases[i].yaml);
        CU_ASSERT_EQUAL(website_fixture_make(&fixture, URLENCODED, SLICE(form)), WEBSITE_MAIL_MADE);
        website_fixture_expect(&fixture, "", cases[i].yaml);
        const struct submission *submission = &fixture.app.submission;
        for (size_t k = 0; k < submission->recipients.count; k++) {
            struct slice address = submission->recipients.items[k].address->text;
            CU_ASSERT_TRUE(buf_printf(&recipients, "%s%.*s", k > 0 ? " " : "", SLICE_ARGS(address)));
        }
        CU_ASSERT_STRING_EQUAL(buf_cstr(&recipients), cases[i].recipients);
        CU_ASSERT_TRUE(
            slice_equal(submission->message.from.mailboxes[0].address.text, slice_of(cases[i].from)));
        CU_ASSERT_TRUE(slice_equal(submission->return_path.text, slice_of(cases[i].return_path)));
        CU_ASSERT_EQUAL(submission->message.sender.count, 1);
        CU_ASSERT_FALSE(submission->dry_run);
        buf_free(&recipients);
        website_fixture_free(&fixture);
    }
}

static void test_defaults(void)
{
    struct website_fixture fixture;
    website_fixture_init(&fixture, "forms: {contact: {to: a@x.example, from: b@x.example}}\n");
    struct config_defaults *defaults = &fixture.app.config->defaults;
    char subject[] = "Usual";
    char name[] = "X-Own";
    char value[] = "v";
    struct config_pair pair = {name, value};
    struct address_list reply_to = {0};
    CU_ASSERT_EQUAL(address_parse(&reply_to, SLICE("help@x.example"), 1, &fixture.app.arena, NULL),
                    ADDRESS_OK);
    CU_ASSERT_EQUAL(
        address_parse_one(&fixture.app.defaults.sender, SLICE("<>"), true, &fixture.app.arena, NULL),
        ADDRESS_OK);
    fixture.app.defaults.has_sender = true;
    fixture.app.defaults.reply_to = reply_to;
    defaults->subject = subject;
    defaults->headers = (struct config_pairs){&pair, 1};
    CU_ASSERT_EQUAL(website_fixture_make(&fixture, URLENCODED, SLICE("email=wrong")), WEBSITE_MAIL_MADE);
    const struct submission *submission = &fixture.app.submission;
    CU_ASSERT_TRUE(slice_equal(submission->message.subject, SLICE("Usual")));
    CU_ASSERT_TRUE(
        slice_equal(submission->message.reply_to.mailboxes[0].address.text, SLICE("help@x.example")));
    CU_ASSERT_EQUAL(submission->return_path.text.len, 0);
    CU_ASSERT_TRUE(slice_equal(submission->message.sender.mailboxes[0].address.text, SLICE("b@x.example")));
    CU_ASSERT_EQUAL_FATAL(submission->message.header_count, 1);
    CU_ASSERT_TRUE(slice_equal(submission->message.headers[0].value, SLICE("v")));
    defaults->subject = NULL;
    defaults->headers = (struct config_pairs){0};
    website_fixture_free(&fixture);
}

static void test_texts(void)
{
    static const struct {
        const char *yaml;
        struct slice form;
        const char *text;
        const char *html;
    } cases[] = {
        {FORM(", honeypot: website"),
         SLICE_INIT("name=Ada&email=a@y.example&empty=&_replyto=a@y.example&_reply_to=&_subject=s&_next=/"
                    "x&_redirect=/y&"
                    "website=&_gotcha=&_honey=&botcheck=&_charset_=utf-8&topic=a&topic=b&_other=c"),
         "name: Ada\nemail: a@y.example\nempty:\ntopic: a\ntopic: b\n_other: c\n", ""},
        {FORM(""), SLICE_INIT("message=one%0D%0Atwo%0A%0D%0A++three%0Dfour%0D%0A&last=x"),
         "message:\n    one\n    two\n\n      three\n    four\nlast: x\n", ""},
        {FORM(""), SLICE_INIT("a%0D%0Ab=c"), "a??b: c\n", ""}, /* a name cannot look like another field */
        {FORM(""), SLICE_INIT("m=a%0Aname:+Eve"), "m:\n    a\n    name: Eve\n", ""},
        {FORM(""), SLICE_INIT(""), "", ""},
        {FORM(""), SLICE_INIT("m=%E4&_charset_=iso-8859-1"), "m: \xC3\xA4\n", ""},
        {FORM(", text: \"Hi {{name}}:\\n{{m}}\\n\""), SLICE_INIT("name=<Ada>&m=a%0D%0Ab&x=y"),
         "Hi <Ada>:\na\r\nb\n", ""},
        {FORM(", html: '<p>{{m}}</p>'"), SLICE_INIT("m=<script>%26%22'"), "m: <script>&\"'\n",
         "<p>&lt;script&gt;&amp;&quot;&#39;</p>"},
        {FORM(", text: '{{m}}', html: '<a title=\"{{m}}\">{{m}}'"), SLICE_INIT("m=%22><"), "\"><",
         "<a title=\"&quot;&gt;&lt;\">&quot;&gt;&lt;"},
        {FORM(", text: '{{_subject}} {{nothing}}'"), SLICE_INIT("_subject=s"), "s ", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct website_fixture fixture;
        website_fixture_init(&fixture, cases[i].yaml);
        CU_ASSERT_EQUAL(website_fixture_make(&fixture, URLENCODED, cases[i].form), WEBSITE_MAIL_MADE);
        website_fixture_expect(&fixture, "", cases[i].form.data);
        check_part(&fixture.app.submission.message.text, cases[i].text, cases[i].form.data);
        check_part(&fixture.app.submission.message.html, cases[i].html, cases[i].form.data);
        website_fixture_free(&fixture);
    }
}

static void test_files(void)
{
    struct website_fixture fixture;
    website_fixture_init(&fixture, FORM(", attachments: {max: 3}"));
    static const char body[] = PART("name", "Ada") FILE_PART(
        "cv", "cv.html", "one") "--B\r\nContent-Disposition: form-data; name=\"p\"; filename=\"p.png\"\r\n"
                                "Content-Type: image/png; a=b\r\n\r\ntwo\r\n" LAST;
    CU_ASSERT_EQUAL(website_fixture_make(&fixture, BOUNDARY, SLICE(body)), WEBSITE_MAIL_MADE);
    website_fixture_expect(&fixture, "", "files");
    const struct message *message = &fixture.app.submission.message;
    check_part(&message->text, "name: Ada\n", "text");
    CU_ASSERT_EQUAL_FATAL(message->attachment_count, 2);
    check_part(&message->attachments[0], "one", "first file");
    check_part(&message->attachments[1], "two", "second file");
    CU_ASSERT_STRING_EQUAL(message->attachments[0].field, "cv");
    CU_ASSERT_TRUE(slice_equal(message->attachments[0].file_name, SLICE("cv.html")));
    /* not what its name says: it was allowed as what it was declared to be */
    CU_ASSERT_TRUE(slice_equal(message->attachments[0].type, SLICE("application/octet-stream")));
    CU_ASSERT_TRUE(slice_equal(message->attachments[1].type, SLICE("image/png; a=b")));
    website_fixture_free(&fixture);
}

/* Subjects and texts have an end, whatever templates make of a value. */
static void test_too_large(void)
{
    static const struct {
        const char *yaml;
        enum website_mail_result result;
        const char *said; /* the problems, or err */
    } cases[] = {
        {"limits: {header_value: 256}\n" FORM(", subject: '{{b}}{{a}}{{a}}'"), WEBSITE_MAIL_MADE,
         "a: This is too long."},
        {"limits: {header_value: 256}\n" FORM(", subject: '{{a}}'"), WEBSITE_MAIL_MADE, ""},
        {"limits: {text: 256}\n" FORM(", text: '{{a}}'"), WEBSITE_MAIL_MADE, ""},
        {"limits: {text: 256}\n" FORM(", text: '{{a}}{{a}}'"), WEBSITE_MAIL_TOO_LARGE,
         "The mail's text would be over 256 octets"},
        {"limits: {text: 256}\n" FORM(", text: '-', html: '{{a}}{{a}}'"), WEBSITE_MAIL_TOO_LARGE,
         "The mail's html would be over 256 octets"},
        {"limits: {text: 256}\n" FORM(""), WEBSITE_MAIL_TOO_LARGE,
         "The mail's text would be over 256 octets"},
    };
    char form[512] = "b=x&c=12345678901234567890&d=12345678901234567890&e=12345678901234567890&a=";
    memset(form + strlen(form), 'y', 200);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct website_fixture fixture;
        website_fixture_init(&fixture, cases[i].yaml);
        CU_ASSERT_EQUAL(website_fixture_make(&fixture, URLENCODED, slice_of(form)), cases[i].result);
        if (cases[i].result == WEBSITE_MAIL_MADE) {
            website_fixture_expect(&fixture, cases[i].said, cases[i].yaml);
        } else {
            app_fixture_expect(fixture.app.err.text, cases[i].said, cases[i].yaml);
        }
        website_fixture_free(&fixture);
    }
    struct website_fixture fixture;
    memcpy(form, "_subject=", 9);
    memset(form + 9, 'y', 300);
    website_fixture_init(&fixture, "limits: {header_value: 256}\n" FORM(""));
    CU_ASSERT_EQUAL(website_fixture_make(&fixture, URLENCODED, slice_of(form)), WEBSITE_MAIL_MADE);
    website_fixture_expect(&fixture, "_subject: This is too long.", "a long subject");
    website_fixture_free(&fixture);
}

/* Every allocation may fail: never a crash, never a mail. */
static void test_no_memory(void)
{
    static const char form[] = "name=Ada&email=ada@y.example&m=x";
    static const char yaml[] = FORM(
        ", subject: '{{name}}', reply_to: '{{email}}', text: '{{m}}', html: '{{m}}', required: [name, z]");
    size_t failed = 0;
    for (size_t limit = 0; limit < 4000; limit += 8) {
        struct website_fixture fixture;
        website_fixture_init(&fixture, yaml);
        app_fixture_parse(&fixture.app, URLENCODED, SLICE(form));
        const struct config_form *config = &fixture.app.config->forms[0];
        struct arena arena;
        arena_init(&arena, limit);
        struct website_mail mail = {
            .submission = &fixture.app.submission,
            .form = &fixture.forms.items[0],
            .input = &fixture.input,
            .defaults = &fixture.app.defaults,
            .config = fixture.app.config,
            .arena = &arena,
            .blobs = &fixture.app.blobs,
            .err = &fixture.app.err,
        };
        bool read = form_input_read(&fixture.input, config, &fixture.app.form, &arena, &fixture.app.err);
        if (read) {
            form_input_check(&fixture.input, config);
        }
        bool made = read && website_mail_make(&mail) == WEBSITE_MAIL_MADE;
        failed += made ? 0 : 1;
        CU_ASSERT_TRUE(made || strstr(fixture.app.err.text, "no memory left") != NULL);
        CU_ASSERT_TRUE(!made || fixture.input.problem_count == 1 || fixture.input.no_memory);
        /* texts are blobs inside the arena */
        blob_store_free(&fixture.app.blobs);
        arena_free(&arena);
        website_fixture_free(&fixture);
    }
    CU_ASSERT(failed > 10 && failed < 490);
}

static const struct unit_test tests[] = {
    {"subject and Reply-To", test_headers},
    {"envelope", test_envelope},
    {"defaults", test_defaults},
    {"texts", test_texts},
    {"files", test_files},
    {"too large", test_too_large},
    {"no memory", test_no_memory},
};
UNIT_SUITE(app_website_mail, tests);
