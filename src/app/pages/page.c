/*
 * Style and script stand in the page itself, and the policy names them by the digests of just these octets: so no other
 * style or script ever runs. Colours come from the system (dark mode, forced colours); what red says, words say too.
 *
 * The digests are made for every page: that takes less time than the rest of it, and needs no state.
 */
#include "app/pages/page.h"

#include <stdarg.h>
#include <stdio.h>

#include "app/pages/html.h"
#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/digest.h"

#define SOURCE_MAX 64 /* "sha256-", a digest in base64 and a NUL */

static const unsigned char style_octets[] = {
#include "page_css.inc"
};

static struct slice style(void)
{
    return (struct slice){(const char *)style_octets, sizeof style_octets};
}

/* All header fields but Content-Type again. */
static bool keep_headers(struct http_response *response, int status)
{
    static const char dropped[] = "Content-Type:";
    struct buf before = response->headers;
    buf_init(&response->headers, HTTP_RESPONSE_HEADERS_MAX);
    response->status = status;
    buf_clear(&response->body);
    bool good = true;
    const char *line = buf_cstr(&before);
    while (good && *line != '\0') {
        size_t len = strcspn(line, "\n");
        len += line[len] == '\n' ? 1 : 0;
        bool stays = strncasecmp(line, dropped, sizeof dropped - 1) != 0;
        good = !stays || buf_append(&response->headers, line, len);
        line += len;
    }
    buf_free(&before);
    return good;
}

/* "DIRECTIVE 'sha256-...'; " (Content Security Policy Level 3, 2.3.1). */
static bool append_source(struct buf *policy, const char *directive, struct slice content)
{
    unsigned char digest[DIGEST_SIZE];
    char source[SOURCE_MAX] = "sha256-";
    size_t len = strlen(source);
    if (!digest_of(content, digest)) {
        return false;
    }
    len += base64_encode(digest, sizeof digest, source + len);
    return buf_printf(policy, "%s '%.*s'; ", directive, (int)len, source);
}

static bool append_policy(struct buf *policy, const struct page_head *head)
{
    bool good = buf_append_string(policy, "default-src 'none'; img-src data:; ") &&
                append_source(policy, "style-src", style());
    if (head->script.len > 0) {
        good = good && append_source(policy, "script-src", head->script) &&
               buf_append_string(policy, "connect-src 'self'; ");
    }
    good = good && buf_append_string(policy, "base-uri 'none'; frame-ancestors 'none'; form-action ");
    if (head->form_targets == NULL) {
        return good && buf_append_string(policy, "'none'");
    }
    /* A redirect that follows a form must be allowed by form-action too. */
    return good &&
           buf_printf(policy, "'self'%s%s", head->form_targets[0] != '\0' ? " " : "", head->form_targets);
}

static bool write_headers(struct http_response *response, const struct page_head *head)
{
    struct buf policy;
    buf_init(&policy, HTTP_RESPONSE_HEADERS_MAX);
    bool good = append_policy(&policy, head) &&
                http_response_header(response, "Content-Security-Policy", buf_cstr(&policy)) &&
                http_response_header(response, "Content-Type", "text/html; charset=utf-8") &&
                http_response_header(response, "X-Content-Type-Options", "nosniff") &&
                /* Not no-referrer: a form of the page would then come with "Origin: null". */
                http_response_header(response, "Referrer-Policy", "same-origin");
    buf_free(&policy);
    return good;
}

void page_markup(struct page *page, const char *html)
{
    page->good = page->good && buf_append_string(&page->response->body, html);
}

void page_text(struct page *page, struct slice text)
{
    page->good = page->good && html_append_escaped(&page->response->body, text);
}

void page_string(struct page *page, const char *string)
{
    page_text(page, slice_of(string));
}

void page_format(struct page *page, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    page->good = page->good && len >= 0 && (size_t)len < sizeof text;
    page_markup(page, text);
}

/* An element that holds what the policy names by its digest. */
static void put_element(struct page *page, const char *begin, struct slice content, const char *end)
{
    page_markup(page, begin);
    page->good = page->good && buf_append_slice(&page->response->body, content);
    page_markup(page, end);
}

void page_begin(struct page *page, struct http_response *response, const struct page_head *head)
{
    page->response = response;
    page->script = head->script;
    page->good = keep_headers(response, head->status) && write_headers(response, head);
    page_markup(page, "<!DOCTYPE html>\n"
                      "<html lang=\"en\">\n"
                      "<head>\n"
                      "<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width\">\n"
                      "<link rel=\"icon\" href=\"data:,\">\n"); /* or browsers ask for /favicon.ico */
    if (head->refresh > 0) {
        page_format(page, "<meta http-equiv=\"refresh\" content=\"%u\">\n", head->refresh);
    }
    page_markup(page, "<title>");
    page_string(page, head->title);
    page_markup(page, "</title>\n");
    put_element(page, "<style>", style(), "</style>\n");
    page_markup(page, "</head>\n<body");
    page_markup(page, head->wide ? " class=\"wide\"" : "");
    page_markup(page, ">\n<main>\n<h1>");
    page_string(page, head->title);
    page_markup(page, "</h1>\n");
}

bool page_end(struct page *page)
{
    page_markup(page, "</main>\n");
    if (page->script.len > 0) {
        put_element(page, "<script>", page->script, "</script>\n");
    }
    page_markup(page, "</body>\n"
                      "</html>\n");
    return page->good;
}

void page_write_message(struct http_response *response, int status, const char *title, const char *text,
                        struct slice back)
{
    const struct page_head head = {.status = status, .title = title};
    struct page page;
    page_begin(&page, response, &head);
    page_markup(&page, "<p>");
    page_string(&page, text);
    page_markup(&page, "</p>\n");
    if (back.len > 0) {
        page_markup(&page, "<p><a href=\"");
        page_text(&page, back);
        page_markup(&page, "\">Back</a></p>\n");
    }
    if (!page_end(&page)) {
        http_response_reset(response, status); /* the status alone says the same */
    }
}
