/*
 * One small stylesheet, in the page itself, which the policy names by its digest: so no other style, and no script at
 * all, ever runs. Colours come from the system (dark mode, forced colours); what red says, words say too.
 */
#include "app/page.h"

#include "app/html.h"

#define STYLE                                                                                                \
    ":root{color-scheme:light dark;font:1.0625rem/1.5 system-ui,sans-serif}"                                 \
    "body{max-width:38rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}"                           \
    "h1{font-size:1.5rem;line-height:1.25}"                                                                  \
    "h2{font-size:1.125rem;margin:0}"                                                                        \
    "label{display:block;font-weight:600;margin-top:1.25rem}"                                                \
    "input,textarea{box-sizing:border-box;width:100%;font:inherit;padding:.5rem;border:1px solid}"           \
    "textarea{min-height:8rem}"                                                                              \
    "button{font:inherit;margin-top:1.5rem;padding:.5rem 1.5rem}"                                            \
    ".problems{border:3px solid #b00020;padding:1rem}"                                                       \
    ".problem{color:#b00020;margin:0}"                                                                       \
    "[aria-invalid]{border:3px solid #b00020}"                                                               \
    ":focus-visible{outline:3px solid;outline-offset:2px}"                                                   \
    "@media(prefers-color-scheme:dark){.problems,[aria-invalid]{border-color:#ff8a80}.problem{color:#"       \
    "ff8a80}}"

/* The base64 of STYLE's SHA-256. Tests compare the two. */
#define STYLE_DIGEST "sha256-19ldALXGm6XUhsUFkj8uIkEytQZ0LTF1VifjHxo/C60="

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

static bool write_headers(struct http_response *response, const char *form_targets)
{
    struct buf policy;
    buf_init(&policy, HTTP_RESPONSE_HEADERS_MAX);
    /* A redirect that follows a form must be allowed by form-action too. */
    bool good = buf_printf(&policy,
                           "default-src 'none'; style-src '" STYLE_DIGEST "'; base-uri 'none'; "
                           "frame-ancestors 'none'; form-action 'self'%s%s",
                           form_targets[0] != '\0' ? " " : "", form_targets) &&
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

void page_begin(struct page *page, struct http_response *response, int status, const char *title,
                const char *form_targets)
{
    page->response = response;
    page->good = keep_headers(response, status) && write_headers(response, form_targets);
    page_markup(page, "<!DOCTYPE html>\n"
                      "<html lang=\"en\">\n"
                      "<head>\n"
                      "<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width\">\n"
                      "<title>");
    page_string(page, title);
    page_markup(page, "</title>\n"
                      "<style>" STYLE "</style>\n"
                      "</head>\n"
                      "<body>\n"
                      "<main>\n"
                      "<h1>");
    page_string(page, title);
    page_markup(page, "</h1>\n");
}

bool page_end(struct page *page)
{
    page_markup(page, "</main>\n"
                      "</body>\n"
                      "</html>\n");
    return page->good;
}

void page_write_message(struct http_response *response, int status, const char *title, const char *text,
                        struct slice back)
{
    struct page page;
    page_begin(&page, response, status, title, "");
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
