#include "app/pages/page.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "app/website/page_correction.h"
#include "fcgi_smtp/base64.h"
#include "unit.h"
#include "website_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void expect(const char *text, const char *expected)
{
    if (strstr(text, expected) == NULL) {
        fprintf(stderr, "  gave:     %s\n  expected: %s\n", text, expected);
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(text, expected));
}

static void expect_none(const char *text, const char *unexpected)
{
    if (strstr(text, unexpected) != NULL) {
        fprintf(stderr, "  gave:       %s\n  unexpected: %s\n", text, unexpected);
    }
    CU_ASSERT_PTR_NULL(strstr(text, unexpected));
}

static void test_message(void)
{
    struct http_response response;
    http_response_init(&response);
    http_response_reset(&response, 503);
    CU_ASSERT_TRUE(http_response_header(&response, "Content-Type", "application/problem+json"));
    CU_ASSERT_TRUE(http_response_header(&response, "Retry-After", "5"));
    CU_ASSERT_TRUE(buf_append_string(&response.body, "{}"));
    page_write_message(&response, 503, "A <title>", "text & \"more\"", SLICE("https://a.example/?b=\"&c"));
    CU_ASSERT_EQUAL(response.status, 503);
    const char *headers = buf_cstr(&response.headers);
    expect(headers, "Content-Type: text/html; charset=utf-8\r\n");
    expect(headers, "X-Content-Type-Options: nosniff\r\n");
    expect(headers, "Referrer-Policy: same-origin\r\n");
    expect(headers, "Content-Security-Policy: default-src 'none'; img-src data:; style-src 'sha256-");
    expect(headers, "; base-uri 'none'; frame-ancestors 'none'; form-action 'none'\r\n");
    expect(headers, "Retry-After: 5\r\n");
    expect_none(headers, "json");
    const char *body = buf_cstr(&response.body);
    CU_ASSERT_EQUAL(strncmp(body, "<!DOCTYPE html>\n<html lang=\"en\">\n", 33), 0);
    expect(body, "<title>A &lt;title&gt;</title>");
    expect(body, "<h1>A &lt;title&gt;</h1>");
    expect(body, "<p>text &amp; &quot;more&quot;</p>");
    expect(body, "<a href=\"https://a.example/?b=&quot;&amp;c\">Back</a>");
    CU_ASSERT_STRING_EQUAL(body + strlen(body) - 8, "</html>\n");
    page_write_message(&response, 404, "t", "x", (struct slice){0});
    CU_ASSERT_EQUAL(response.status, 404);
    expect_none(buf_cstr(&response.body), "<a ");
    /* each field once, although there was a page before */
    const char *type = strstr(buf_cstr(&response.headers), "Content-Type: ");
    CU_ASSERT_PTR_NOT_NULL_FATAL(type);
    CU_ASSERT_PTR_NULL(strstr(type + 1, "Content-Type: "));
    http_response_free(&response);
}

/* The policy names the very style that is in the page, or browsers would not use it. */
static void test_style_digest(void)
{
    struct http_response response;
    http_response_init(&response);
    page_write_message(&response, 200, "t", "x", (struct slice){0});
    const char *begin = strstr(buf_cstr(&response.body), "<style>");
    const char *end = strstr(buf_cstr(&response.body), "</style>");
    CU_ASSERT_FATAL(begin != NULL && end != NULL);
    begin += strlen("<style>");
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    CU_ASSERT_EQUAL_FATAL(EVP_Digest(begin, (size_t)(end - begin), digest, &len, EVP_sha256(), NULL), 1);
    char source[128] = "style-src 'sha256-";
    size_t used = strlen(source);
    used += base64_encode(digest, len, source + used);
    snprintf(source + used, sizeof source - used, "';");
    expect(buf_cstr(&response.headers), source);
    http_response_free(&response);
}

/* The page that corrects what was written into a form. */
static void correct(struct http_response *response, const char *yaml, const char *type, struct slice body)
{
    struct website_fixture fixture;
    http_response_init(response);
    http_response_reset(response, 400);
    website_fixture_init(&fixture, yaml);
    CU_ASSERT_EQUAL(website_fixture_make(&fixture, type, body), WEBSITE_MAIL_MADE);
    page_correction_write(response, &(struct page_correction){
                                        .status = 422,
                                        .title = "Title",
                                        .text = "Text.",
                                        .form = &fixture.forms.items[0],
                                        .input = &fixture.input,
                                    });
    CU_ASSERT_EQUAL(response->status, 422);
    website_fixture_free(&fixture);
}

#define FORM(more) "forms: {contact: {to: sales@x.example" more "}}\n"

static void test_correction(void)
{
    struct http_response response;
    correct(&response,
            FORM(", subject: '{{name}}', required: [name, message, email, phone], honeypot: website"),
            URLENCODED,
            SLICE("name=a%0Ab&email=%22%3E%3Cscript%3Ealert(1)%3C/"
                  "script%3E&message=&website=&_gotcha=&_charset_=utf-8&"
                  "_next=/x%22y&note=%0D%0Aone%0D%0A</textarea><b>&topic=a%26b&%22><i>=z"));
    const char *body = buf_cstr(&response.body);
    /* what is wrong, at the top: it gets the focus and leads to the fields */
    expect(body, "<section class=\"problems\" id=\"problems\" tabindex=\"-1\" autofocus "
                 "aria-labelledby=\"problems-title\">");
    expect(body, "<li><a href=\"#field-2\">message: Please fill this in.</a></li>");
    expect(body, "<li><a href=\"#field-0\">name: Please write this in one line.</a></li>");
    expect(body, "<li><a href=\"#field-7\">phone: Please fill this in.</a></li>");
    const char *first = strstr(body, "<li><a href=\"#field-0\">");
    const char *second = strstr(body, "<li><a href=\"#field-2\">");
    const char *last = strstr(body, "<li><a href=\"#field-7\">");
    CU_ASSERT(first < second && second < last); /* in the fields' order */
    /* and beside what was written */
    expect(body, "<form method=\"post\">\n");
    expect(
        body,
        "<label for=\"field-0\">name (required)</label>\n"
        "<p class=\"problem\" id=\"problem-0-0\">Please write this in one line.</p>\n"
        "<input id=\"field-0\" name=\"name\" required aria-invalid=\"true\" aria-describedby=\"problem-0-0\" "
        "value=\"a\nb\">");
    expect(body, "<input id=\"field-1\" name=\"email\" required inputmode=\"email\" autocomplete=\"email\" "
                 "value=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\">");
    expect(body, "<textarea id=\"field-2\" name=\"message\" required aria-invalid=\"true\" "
                 "aria-describedby=\"problem-2-0\">\n</textarea>");
    expect(body, "<input type=\"hidden\" name=\"_next\" value=\"/x&quot;y\">");
    expect(body, "<textarea id=\"field-4\" name=\"note\">\n\r\none\r\n&lt;/textarea&gt;&lt;b&gt;</textarea>");
    expect(body, "<input id=\"field-5\" name=\"topic\" value=\"a&amp;b\">");
    expect(body, "<label for=\"field-6\">&quot;&gt;&lt;i&gt;</label>\n"
                 "<input id=\"field-6\" name=\"&quot;&gt;&lt;i&gt;\" value=\"z\">");
    expect(body, "<label for=\"field-7\">phone (required)</label>\n");
    expect(body, "<textarea id=\"field-7\" name=\"phone\" required");
    expect(body, "<button>Send</button>");
    expect_none(body, "website");
    expect_none(body, "_gotcha");
    expect_none(body, "_charset_");
    expect_none(body, "<script");
    expect_none(body, "<b>");
    expect_none(body, "<i>");
    expect_none(body, "type=\"file\"");
    http_response_free(&response);
}

static void test_files(void)
{
    struct http_response response;
    static const char body_text[] = PART("name", "") FILE_PART("cv", "a<b>.pdf", "x")
        FILE_PART("cv", "c.pdf", "x") FILE_PART("photo", "d.png", "x") LAST;
    correct(&response, FORM(", required: name, attachments: {max: 3, types: [application/*, image/png]}"),
            BOUNDARY, SLICE(body_text));
    const char *body = buf_cstr(&response.body);
    expect(body, "<form method=\"post\" enctype=\"multipart/form-data\">\n");
    expect(body,
           "<p class=\"hint\">Files have to be chosen again: a&lt;b&gt;.pdf, c.pdf</p>\n"
           "<input type=\"file\" id=\"field-1\" name=\"cv\" multiple accept=\"application/*,image/png\">");
    expect(body, "<p class=\"hint\">Files have to be chosen again: d.png</p>\n<input type=\"file\" "
                 "id=\"field-2\" name=\"photo\" "
                 "accept=\"application/*,image/png\">");
    http_response_free(&response);

    /* where none can be sent there is nothing to choose */
    correct(&response, FORM(""), BOUNDARY, SLICE(FILE_PART("cv", "a.pdf", "x") LAST));
    body = buf_cstr(&response.body);
    expect(body, "<form method=\"post\">\n");
    expect(body, "<label for=\"field-0\">cv</label>\n<p class=\"problem\" id=\"problem-0-0\">No files can be "
                 "sent with "
                 "this form.</p>\n<button>");
    expect_none(body, "type=\"file\"");
    http_response_free(&response);

    correct(&response, FORM(", required: name, attachments: {max: 1}"), BOUNDARY,
            SLICE(FILE_PART("cv", "a.pdf", "x") LAST));
    expect(buf_cstr(&response.body), "name=\"cv\">\n");
    http_response_free(&response);
}

/* A control field that is wrong is shown, so that it can be corrected. */
static void test_shown_controls(void)
{
    struct http_response response;
    correct(&response, FORM(", required: name"), URLENCODED,
            SLICE("_subject=a%0Ab&_replyto=x&_charset_=klingon"));
    const char *body = buf_cstr(&response.body);
    expect(body, "<input id=\"field-0\" name=\"_subject\" aria-invalid=\"true\"");
    expect(body, "<input id=\"field-1\" name=\"_replyto\" aria-invalid=\"true\"");
    expect(body, "<li>_charset_: The charset &quot;klingon&quot; is not known; send UTF-8.</li>");
    http_response_free(&response);
    correct(&response, FORM(", required: name"), URLENCODED, SLICE("_subject=ab&_replyto=x@y.example"));
    body = buf_cstr(&response.body);
    expect(body, "<input type=\"hidden\" name=\"_subject\" value=\"ab\">");
    expect(body, "<input id=\"field-1\" name=\"_replyto\" inputmode=\"email\" autocomplete=\"email\" "
                 "value=\"x@y.example\">");
    http_response_free(&response);
}

/* Browsers hold form-action against redirects too. */
static void test_form_targets(void)
{
    struct http_response response;
    correct(&response,
            FORM(", required: name, success: 'https://a.example:8443/x', failure: /y, redirect_origins: "
                 "[https://b.example, http://c.example:80]"),
            URLENCODED, SLICE(""));
    expect(buf_cstr(&response.headers),
           "form-action 'self' https://a.example:8443 https://b.example http://c.example:80 \r\n");
    http_response_free(&response);
}

/* What does not fit into an answer is not cut somewhere: the page says so instead. */
static void test_too_large(void)
{
    struct buf form;
    buf_init(&form, (size_t)8 * 1024 * 1024);
    for (size_t i = 0; i < 60; i++) {
        CU_ASSERT_TRUE(buf_append_string(&form, "v="));
        for (size_t k = 0; k < 60000; k++) {
            CU_ASSERT_TRUE(buf_append_char(&form, '\''));
        }
        CU_ASSERT_TRUE(buf_append_char(&form, '&'));
    }
    struct http_response response;
    correct(&response, FORM(", required: name"), URLENCODED, buf_slice(&form));
    const char *body = buf_cstr(&response.body);
    CU_ASSERT(response.body.len < 5000);
    expect(body, "What you wrote is too long to be shown here.");
    expect(body, "</html>");
    expect_none(body, "<form");
    http_response_free(&response);
    buf_free(&form);
}

/* Without room the page never ends early as if it were whole. */
static void test_no_room(void)
{
    for (size_t limit = 0; limit < 5000; limit += 7) {
        struct http_response response;
        http_response_init(&response);
        response.body.limit = limit;
        page_write_message(&response, 422, "t", "x", (struct slice){0});
        CU_ASSERT_EQUAL(response.status, 422);
        CU_ASSERT_TRUE(response.body.len == 0 || strstr(buf_cstr(&response.body), "</html>") != NULL);
        http_response_free(&response);
    }
}

static const struct unit_test tests[] = {
    {"message", test_message},
    {"style's digest", test_style_digest},
    {"correction", test_correction},
    {"files", test_files},
    {"control fields that are shown", test_shown_controls},
    {"form targets", test_form_targets},
    {"too large", test_too_large},
    {"no room", test_no_room},
};
UNIT_SUITE(app_page, tests);
