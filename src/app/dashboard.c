/*
 * Style and script stand in the page itself, and the policy names them by their digests: nothing is loaded from
 * anywhere, and nothing that slipped into a page could run.
 */
#include "app/dashboard.h"

#include <inttypes.h>
#include <stdio.h>

#include "app/exchange.h"
#include "app/html.h"

#define POLICY_MAX 512

static const unsigned char style[] = {
#include "dashboard_css.inc"
};
static const unsigned char script[] = {
#include "compose_page_js.inc"
};

struct slice dashboard_style(void)
{
    return (struct slice){(const char *)style, sizeof style};
}

struct slice dashboard_script(void)
{
    return (struct slice){(const char *)script, sizeof script};
}

/* --- text --- */

static struct buf *body_of(struct dashboard *page)
{
    return &page->exchange->response->body;
}

void dashboard_markup(struct dashboard *page, const char *html)
{
    page->good = page->good && buf_append_string(body_of(page), html);
}

void dashboard_text(struct dashboard *page, const char *text)
{
    page->good = page->good && html_append_escaped(body_of(page), slice_of(text));
}

void dashboard_number(struct dashboard *page, uint64_t number)
{
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number);
    for (size_t i = 0; i < len; i++) {
        bool group = i > 0 && (len - i) % 3 == 0;
        page->good = page->good && (!group || buf_append_char(body_of(page), ',')) &&
                     buf_append_char(body_of(page), digits[i]);
    }
}

void dashboard_time_text(uint64_t us, char out[DASHBOARD_TIME_MAX])
{
    static const struct {
        uint64_t unit; /* microseconds */
        const char *name;
    } units[] = {{1000000, "s"}, {1000, "ms"}, {1, "\xC2\xB5s"}};
    size_t i = 0;
    while (units[i].unit > 1 && us < units[i].unit) {
        i++;
    }
    uint64_t unit = units[i].unit;
    uint64_t tenth = unit > 1 ? us % unit * 10 / unit : 0;
    bool fraction = us / unit < 100 && tenth > 0;
    (void)(fraction ? snprintf(out, DASHBOARD_TIME_MAX, "%" PRIu64 ".%" PRIu64 " %s", us / unit, tenth,
                               units[i].name)
                    : snprintf(out, DASHBOARD_TIME_MAX, "%" PRIu64 " %s", us / unit, units[i].name));
}

/* --- the page --- */

static bool write_headers(struct exchange *exchange, const struct dashboard_head *head)
{
    const struct pages *pages = &exchange->snapshot->pages;
    char policy[POLICY_MAX];
    int len = snprintf(policy, sizeof policy, "default-src 'none'; img-src data:; style-src '%s'; ",
                       pages->style_source);
    size_t used = (size_t)len;
    if (head->script) {
        used += (size_t)snprintf(policy + used, sizeof policy - used, "script-src '%s'; connect-src 'self'; ",
                                 pages->script_source);
    }
    (void)snprintf(policy + used, sizeof policy - used,
                   "form-action %s; base-uri 'none'; frame-ancestors 'none'",
                   head->script ? "'self'" : "'none'");
    struct http_response *response = exchange->response;
    http_response_reset(response, 200);
    return http_response_header(response, "Content-Type", "text/html; charset=utf-8") &&
           http_response_header(response, "Content-Security-Policy", policy) &&
           http_response_header(response, "X-Content-Type-Options", "nosniff") &&
           http_response_header(response, "Referrer-Policy", "same-origin");
}

static void put_slice(struct dashboard *page, struct slice content)
{
    page->good = page->good && buf_append_slice(body_of(page), content);
}

void dashboard_begin(struct dashboard *page, struct exchange *exchange, const struct dashboard_head *head)
{
    page->exchange = exchange;
    page->good = write_headers(exchange, head);
    dashboard_markup(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                           "<meta name=\"viewport\" content=\"width=device-width\">\n"
                           "<link rel=\"icon\" href=\"data:,\">\n");
    if (head->refresh > 0) {
        page->good = page->good && buf_printf(body_of(page), "<meta http-equiv=\"refresh\" content=\"%u\">\n",
                                              head->refresh);
    }
    dashboard_markup(page, "<title>");
    dashboard_text(page, head->title);
    dashboard_markup(page, "</title>\n<style>");
    put_slice(page, dashboard_style());
    dashboard_markup(page, "</style>\n</head>\n<body>\n<main>\n<h1>");
    dashboard_text(page, head->title);
    dashboard_markup(page, "</h1>\n");
}

void dashboard_script_here(struct dashboard *page)
{
    dashboard_markup(page, "<script>");
    put_slice(page, dashboard_script());
    dashboard_markup(page, "</script>\n");
}

void dashboard_end(struct dashboard *page)
{
    struct exchange *exchange = page->exchange;
    dashboard_markup(page, "</main>\n</body>\n</html>\n");
    exchange->result = RESULT_OK;
    if (!page->good) {
        err_set(&exchange->err, "There is no room for the page");
        exchange_refuse(exchange, PROBLEM_INTERNAL);
    }
}

/* --- tables --- */

void dashboard_table(struct dashboard *page, const char *caption, const struct dashboard_columns *columns)
{
    dashboard_markup(page, "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"");
    dashboard_text(page, caption);
    dashboard_markup(page, columns->numbers ? "\">\n<table class=\"numbers\">\n<caption>"
                                            : "\">\n<table>\n<caption>");
    dashboard_text(page, caption);
    dashboard_markup(page, "</caption>\n<thead>\n<tr>");
    for (size_t i = 0; i < columns->count; i++) {
        dashboard_markup(page, "<th scope=\"col\">");
        dashboard_text(page, columns->names[i]);
        dashboard_markup(page, "</th>");
    }
    dashboard_markup(page, "</tr>\n</thead>\n<tbody>\n");
}

void dashboard_row(struct dashboard *page, const char *heading)
{
    dashboard_markup(page, "<tr><th scope=\"row\">");
    dashboard_text(page, heading);
    dashboard_markup(page, "</th>");
}

void dashboard_cell(struct dashboard *page, const char *text)
{
    dashboard_markup(page, "<td>");
    dashboard_text(page, text);
    dashboard_markup(page, "</td>");
}

void dashboard_cell_number(struct dashboard *page, uint64_t number)
{
    dashboard_markup(page, "<td class=\"number\">");
    dashboard_number(page, number);
    dashboard_markup(page, "</td>");
}

void dashboard_cell_time(struct dashboard *page, uint64_t us)
{
    char text[DASHBOARD_TIME_MAX] = "\xE2\x80\x93"; /* an en dash */
    if (us > 0) {
        dashboard_time_text(us, text);
    }
    dashboard_markup(page, "<td class=\"number\">");
    dashboard_text(page, text);
    dashboard_markup(page, "</td>");
}

void dashboard_row_end(struct dashboard *page)
{
    dashboard_markup(page, "</tr>\n");
}

void dashboard_table_end(struct dashboard *page)
{
    dashboard_markup(page, "</tbody>\n</table>\n</div>\n");
}
