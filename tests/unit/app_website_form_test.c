#include <stdio.h>

#include "unit.h"
#include "website_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FORM(more) "forms: {contact: {to: sales@x.example" more "}}\n"

static void test_controls(void)
{
    static const struct {
        const char *name;
        enum form_control control;
    } cases[] = {
        {"_replyto", FORM_CONTROL_REPLY_TO}, {"_reply_to", FORM_CONTROL_REPLY_TO},
        {"_subject", FORM_CONTROL_SUBJECT},  {"_next", FORM_CONTROL_NEXT},
        {"_redirect", FORM_CONTROL_NEXT},    {"_gotcha", FORM_CONTROL_HONEYPOT},
        {"_honey", FORM_CONTROL_HONEYPOT},   {"botcheck", FORM_CONTROL_HONEYPOT},
        {"website", FORM_CONTROL_HONEYPOT},  {"_charset_", FORM_CONTROL_CHARSET},
        {"email", FORM_CONTROL_NONE},        {"replyto", FORM_CONTROL_NONE},
        {"subject", FORM_CONTROL_NONE},      {"_Subject", FORM_CONTROL_NONE},
        {"_charset", FORM_CONTROL_NONE},     {"to", FORM_CONTROL_NONE},
        {"bcc", FORM_CONTROL_NONE},          {"_to", FORM_CONTROL_NONE},
    };
    struct config_form form = {.honeypot = (char[]){"website"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        CU_ASSERT_EQUAL(form_control_of(&form, slice_of(cases[i].name)), cases[i].control);
    }
    form.honeypot = NULL;
    CU_ASSERT_EQUAL(form_control_of(&form, SLICE("website")), FORM_CONTROL_NONE);
}

static void test_trap(void)
{
    static const struct {
        const char *form;
        bool trapped;
    } cases[] = {
        {"", false},
        {"name=x&website=&_gotcha=&_honey=&botcheck=", false},
        {"website=http://spam.example", true},
        {"website=&website=+", true},
        {"_gotcha=1", true},
        {"_honey=1", true},
        {"botcheck=on", true},
        {"site=1", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct website_fixture fixture;
        website_fixture_init(&fixture, FORM(", honeypot: website"));
        app_fixture_parse(&fixture.app, URLENCODED, slice_of(cases[i].form));
        CU_ASSERT_EQUAL(form_input_is_trap(&fixture.app.config->forms[0], &fixture.app.form),
                        cases[i].trapped);
        website_fixture_free(&fixture);
    }
    struct website_fixture fixture;
    website_fixture_init(&fixture, FORM(""));
    app_fixture_parse(&fixture.app, BOUNDARY, SLICE(FILE_PART("_gotcha", "f", "x") LAST));
    CU_ASSERT_TRUE(form_input_is_trap(&fixture.app.config->forms[0], &fixture.app.form));
    website_fixture_free(&fixture);
}

/* The first of several that is not empty steers. */
static void test_control_values(void)
{
    struct website_fixture fixture;
    website_fixture_init(&fixture, FORM(""));
    website_fixture_read(
        &fixture, URLENCODED,
        SLICE("_subject=&_subject=one&_subject=two&_redirect=/x&_next=/y&_reply_to=a@b.example&x=y"));
    website_fixture_expect(&fixture, "", "controls");
    CU_ASSERT_EQUAL(fixture.input.count, 7);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fixture.input.subject);
    CU_ASSERT_TRUE(slice_equal(fixture.input.subject->text, SLICE("one")));
    CU_ASSERT_TRUE(slice_equal(fixture.input.next->text, SLICE("/x")));
    CU_ASSERT_TRUE(slice_equal(fixture.input.reply_to->text, SLICE("a@b.example")));
    website_fixture_free(&fixture);
    website_fixture_init(&fixture, FORM(""));
    website_fixture_read(&fixture, URLENCODED, SLICE("_subject=&_next=&x=y"));
    CU_ASSERT_PTR_NULL(fixture.input.subject);
    CU_ASSERT_PTR_NULL(fixture.input.next);
    CU_ASSERT_PTR_NULL(fixture.input.reply_to);
    website_fixture_free(&fixture);
}

struct input_case {
    const char *yaml;
    const char *type;
    struct slice body;
    const char *problems;
    size_t missing;
};

static void test_input(void)
{
#define NEED  FORM(", required: [name, cv]")
#define FILES FORM(", attachments: {max: 2, types: ['image/*', application/pdf]}")
#define TYPED(name, file, type)                                                                              \
    "--B\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" file "\"\r\nContent-Type: " type \
    "\r\n\r\nx\r\n"
    static const struct input_case cases[] = {
        {NEED, URLENCODED, SLICE_INIT("name=x&cv=y"), "", 0},
        {NEED, URLENCODED, SLICE_INIT(""), "name: Please fill this in.|cv: Please fill this in.", 2},
        {NEED, URLENCODED, SLICE_INIT("name=+%09%0D%0A&cv="),
         "name: Please fill this in.|cv: Please fill this in.", 2},
        {NEED, URLENCODED, SLICE_INIT("name=&name=x&cv=y"), "", 0},
        {NEED, BOUNDARY, SLICE_INIT(PART("name", "x") FILE_PART("cv", "", "") LAST),
         "cv: Please fill this in.", 1},
        {NEED, BOUNDARY, SLICE_INIT(PART("name", "x") FILE_PART("cv", "a.pdf", "") LAST),
         "cv: No files can be sent with this form.", 0},
        {NEED, URLENCODED, SLICE_INIT("cv=%FF"),
         "cv: cv is not valid UTF-8 at octet 1; send UTF-8, or declare the charset in _charset_.|"
         "name: Please fill this in.|cv: Please fill this in.",
         2},
        {NEED, URLENCODED, SLICE_INIT("name=a%00b&cv=x"),
         "name: There is a character in it that cannot be sent (NUL).|name: Please fill this in.", 1},
        {NEED, URLENCODED, SLICE_INIT("name=%E4&cv=x&_charset_=iso-8859-1"), "", 0},
        {NEED, URLENCODED, SLICE_INIT("name=a&cv=x&_charset_=klingon"),
         "_charset_: The charset \"klingon\" is not known; send UTF-8.", 0},
        {FILES, BOUNDARY,
         SLICE_INIT(TYPED("f", "a.png", "image/png") TYPED("g", "b", "APPLICATION/PDF; x=y") LAST), "", 0},
        {FILES, BOUNDARY,
         SLICE_INIT(TYPED("f", "a", "image/png") TYPED("f", "b", "image/png") TYPED("f", "c", "text/plain")
                        TYPED("g", "d", "image/png") LAST),
         "f: At most 2 files can be sent with this form.", 0},
        {FORM(", attachments: {max: 1}"), BOUNDARY,
         SLICE_INIT(TYPED("f", "a", "x/y") TYPED("f", "b", "image/png") LAST),
         "f: At most 1 file can be sent with this form.", 0},
        {FILES, BOUNDARY, SLICE_INIT(TYPED("f", "a<b>.exe", "application/x-msdownload") LAST),
         "f: The file \"a<b>.exe\" is application/x-msdownload; only image/*, application/pdf can be sent.",
         0},
        {FILES, BOUNDARY, SLICE_INIT(FILE_PART("f", "a.pdf", "x") LAST),
         "f: The file \"a.pdf\" is application/octet-stream; only image/*, application/pdf can be sent.", 0},
        {FILES, BOUNDARY, SLICE_INIT(TYPED("f", "a", "images/png") TYPED("f", "b", "application/pdfx") LAST),
         "f: The file \"a\" is images/png; only image/*, application/pdf can be sent.|"
         "f: The file \"b\" is application/pdfx; only image/*, application/pdf can be sent.",
         0},
        {FORM(""), BOUNDARY, SLICE_INIT(PART("x", "y") FILE_PART("f", "", "") LAST), "", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct website_fixture fixture;
        website_fixture_init(&fixture, cases[i].yaml);
        website_fixture_read(&fixture, cases[i].type, cases[i].body);
        website_fixture_expect(&fixture, cases[i].problems, cases[i].body.data);
        CU_ASSERT_EQUAL(fixture.input.missing, cases[i].missing);
        website_fixture_free(&fixture);
    }
}

/* What a file's type is taken for; what is none cannot pass as one. */
static void test_file_types(void)
{
    static const struct {
        const char *declared;
        const char *type;
    } cases[] = {
        {"image/png", "image/png"},
        {"image/png; charset=x", "image/png"},
        {"image/png;x", "image/png"},
        {"image/png x", "image/png"},
        {"", "application/octet-stream"},
        {"image", "application/octet-stream"},
        {"image/", "application/octet-stream"},
        {"/png", "application/octet-stream"},
        {"image/png/x", "application/octet-stream"},
        {"image/png,text/html", "application/octet-stream"},
        {"image /png", "application/octet-stream"},
        {"image/<b>", "application/octet-stream"},
        {"im\xC3\xA4ge/png", "application/octet-stream"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct form_field file = {.type = slice_of(cases[i].declared)};
        struct slice type = form_input_file_type(&file);
        if (!slice_equal(type, slice_of(cases[i].type))) {
            fprintf(stderr, "%s: %.*s\n", cases[i].declared, SLICE_ARGS(type));
        }
        CU_ASSERT_TRUE(slice_equal(type, slice_of(cases[i].type)));
    }
}

/* Many problems are no reason to run out of anything. */
static void test_many_problems(void)
{
    struct website_fixture fixture;
    struct buf body;
    buf_init(&body, 65536);
    for (size_t i = 0; i < 500; i++) {
        CU_ASSERT_TRUE(buf_append_string(&body, "a=%FF&"));
    }
    website_fixture_init(&fixture, FORM(""));
    website_fixture_read(&fixture, URLENCODED, buf_slice(&body));
    CU_ASSERT_EQUAL(fixture.input.problem_count, FORM_PROBLEMS_MAX);
    CU_ASSERT_EQUAL(fixture.input.count, 500);
    website_fixture_free(&fixture);
    buf_free(&body);
}

/* Fields are limited as on /send; a file only by the request. */
static void test_limits(void)
{
    struct config_limits limits = {.field = 1234};
    CU_ASSERT_EQUAL(form_input_limit(&limits, SLICE("text"), false), 1234);
    CU_ASSERT_EQUAL(form_input_limit(&limits, SLICE("message"), false), 1234);
    CU_ASSERT_EQUAL(form_input_limit(&limits, SLICE("message"), true), UINT64_MAX);
}

static void collect(void *ctx, const char *path, const char *text)
{
    CU_ASSERT_TRUE(buf_printf(ctx, "%s: %s\n", path, text));
}

static void test_configuration(void)
{
    static const struct {
        const char *yaml;
        const char *said;
    } cases[] = {
        {FORM(
             ", subject: '{{a}}', success: /x, failure: 'https://a.example/b', origins: [https://a.example]"),
         ""},
        {FORM(", from: 'A <a@x.example>, b@x.example'"), ""},
        {FORM(", from: 'nobody:;'"),
         "forms.contact.from: there is no address in it; expected mailboxes like \"Name <local@domain>\"\n"},
        {"forms: {a: {to: 'nobody:;'}}\n",
         "forms.a.to: there is no address in to, cc and bcc; expected mailboxes like \"Name "
         "<local@domain>\"\n"},
        {"forms: {a: {cc: ['nobody:;'], bcc: ['x@y.example']}, b: {bcc: ['nobody:;']}}\n",
         "forms.b.bcc: there is no address in to, cc and bcc; expected mailboxes like \"Name "
         "<local@domain>\"\n"},
        {FORM(", cc: [a@b.example, 'a b'], bcc: x, from: y"),
         "forms.contact.from: \"y\" cannot be read as a mail address: an \"@\" is missing or not where it "
         "must be; "
         "expected mailboxes like \"Name <local@domain>\"\n"
         "forms.contact.cc[1]: \"a b\" cannot be read as a mail address: an \"@\" is missing or not where it "
         "must be; "
         "expected mailboxes like \"Name <local@domain>\"\n"
         "forms.contact.bcc[0]: \"x\" cannot be read as a mail address: an \"@\" is missing or not where it "
         "must be; "
         "expected mailboxes like \"Name <local@domain>\"\n"},
        {FORM(", subject: '{{a', reply_to: '{{}}', text: '{{#a}}', html: '{{{a}}}'"),
         "forms.contact.subject: \"{{a\" is not closed by }}; expected text with fields as {{name}}\n"
         "forms.contact.reply_to: \"{{}}\" names no field; expected text with fields as {{name}}\n"
         "forms.contact.text: \"{{#a}}\" names no field; expected text with fields as {{name}}\n"
         "forms.contact.html: \"{{{a}}\" names no field; expected text with fields as {{name}}\n"},
        {FORM(", success: thanks.html, failure: //b.example/"),
         "forms.contact.success: no browser can be sent there; expected a path like /thanks.html or an http "
         "or https "
         "URL\n"
         "forms.contact.failure: no browser can be sent there; expected a path like /thanks.html or an http "
         "or https "
         "URL\n"},
        {FORM(", origins: [https://a.example/, 'null', '*'], redirect_origins: a.example"),
         "forms.contact.origins[0]: this is no origin of web pages; expected an origin like "
         "https://example.com, "
         "without a path\n"
         "forms.contact.origins[1]: this is no origin of web pages; expected an origin like "
         "https://example.com, "
         "without a path\n"
         "forms.contact.origins[2]: this is no origin of web pages; expected an origin like "
         "https://example.com, "
         "without a path\n"
         "forms.contact.redirect_origins[0]: this is no origin of web pages; expected an origin like "
         "https://example.com, without a path\n"},
        {"forms: {a: {to: x}, b: {to: x@y.example}, c: {to: y}}\n",
         "forms.a.to[0]: \"x\" cannot be read as a mail address: an \"@\" is missing or not where it must "
         "be; expected "
         "mailboxes like \"Name <local@domain>\"\n"
         "forms.c.to[0]: \"y\" cannot be read as a mail address: an \"@\" is missing or not where it must "
         "be; expected "
         "mailboxes like \"Name <local@domain>\"\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char yaml[1024];
        struct app_fixture app;
        struct website_forms forms;
        struct buf said;
        buf_init(&said, 65536);
        snprintf(yaml, sizeof yaml, SERVER "defaults: {from: site@x.example}\n%s", cases[i].yaml);
        app_fixture_init(&app, yaml);
        CU_ASSERT_EQUAL(website_forms_parse(&forms, app.config, collect, &said), cases[i].said[0] == '\0');
        CU_ASSERT_STRING_EQUAL(buf_cstr(&said), cases[i].said);
        if (strcmp(buf_cstr(&said), cases[i].said) != 0) {
            fprintf(stderr, "%s", buf_cstr(&said));
        }
        buf_free(&said);
        website_forms_free(&forms);
        app_fixture_free(&app);
    }
}

static void test_find(void)
{
    struct website_fixture fixture;
    website_fixture_init(&fixture, "forms: {a: {to: a@x.example, server: default}, b: {to: b@x.example}}\n");
    const struct website_form *a = website_forms_find(&fixture.forms, SLICE("a"));
    const struct website_form *b = website_forms_find(&fixture.forms, SLICE("b"));
    CU_ASSERT_FATAL(a != NULL && b != NULL && a != b);
    CU_ASSERT_PTR_EQUAL(a->server, &fixture.app.config->servers[0]);
    CU_ASSERT_PTR_NULL(b->server);
    CU_ASSERT_PTR_NULL(website_forms_find(&fixture.forms, SLICE("A")));
    CU_ASSERT_PTR_NULL(website_forms_find(&fixture.forms, SLICE("")));
    CU_ASSERT_PTR_NULL(website_forms_find(&fixture.forms, SLICE("a/")));
    website_fixture_free(&fixture);
}

static const struct unit_test tests[] = {
    {"control fields", test_controls},
    {"honeypot", test_trap},
    {"control fields' values", test_control_values},
    {"input", test_input},
    {"file types", test_file_types},
    {"many problems", test_many_problems},
    {"limits", test_limits},
    {"configuration", test_configuration},
    {"find", test_find},
};
UNIT_SUITE(app_website_form, tests);
