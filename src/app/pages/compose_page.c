/*
 * The form's target is written relative to the page, so it is right below every base_path and behind every proxy. The
 * browser resolves it against the page's URL, of which only the end matters: "" or "/" decides.
 */
#include "app/pages/compose_page.h"

#include "app/exchange.h"
#include "app/pages/page.h"

static const unsigned char script[] = {
#include "compose_page_js.inc"
};

enum kind { KIND_LINE, KIND_LINES, KIND_FILES, KIND_TICK };

struct input {
    const char *name;
    const char *label;
    const char *hint; /* NULL: none */
    enum kind kind;
};

static const struct input addresses[] = {
    {"from", "From", NULL, KIND_LINE},
    {"to", "To", "Several addresses are separated by commas: Ann <ann@example.com>, bob@example.com",
     KIND_LINE},
    {"cc", "Cc", NULL, KIND_LINE},
    {"bcc", "Bcc", NULL, KIND_LINE},
    {"subject", "Subject", NULL, KIND_LINE},
    {"text", "Text", NULL, KIND_LINES},
};
static const struct input more[] = {
    {"reply_to", "Reply to", NULL, KIND_LINE},
    {"sender", "Return path", "Where notices of failed delivery go; <> for nowhere", KIND_LINE},
    {"in_reply_to", "In reply to", "A message identifier: <id@example.com>", KIND_LINE},
    {"html", "HTML", NULL, KIND_LINES},
    {"inline", "Inline files", "The HTML shows one as <img src=\"cid:its file name\">", KIND_FILES},
    {"server", "Server", "The name of a configured server", KIND_LINE},
    {"dry_run", "Only check and compose; send nothing", NULL, KIND_TICK},
};

/* What is used where the field stays empty. */
static const char *placeholder(const struct exchange *exchange, const char *name)
{
    const struct config_defaults *defaults = &exchange->snapshot->config->defaults;
    const char *text = strcmp(name, "from") == 0       ? defaults->from
                       : strcmp(name, "subject") == 0  ? defaults->subject
                       : strcmp(name, "reply_to") == 0 ? defaults->reply_to
                       : strcmp(name, "sender") == 0   ? defaults->sender
                                                       : NULL;
    return text != NULL ? text : "";
}

static void put_attribute(struct page *page, const char *begin, const char *value)
{
    page_markup(page, begin);
    page_string(page, value);
    page_markup(page, "\"");
}

static void put_control(struct page *page, const struct input *input, const struct exchange *exchange)
{
    static const char *const begins[] = {
        [KIND_LINE] = "<input",
        [KIND_LINES] = "<textarea",
        [KIND_FILES] = "<input type=\"file\" multiple",
        [KIND_TICK] = "<input type=\"checkbox\" value=\"1\"",
    };
    page_markup(page, begins[input->kind]);
    put_attribute(page, " id=\"", input->name);
    put_attribute(page, " name=\"", input->name);
    if (input->hint != NULL) {
        put_attribute(page, " aria-describedby=\"hint-", input->name);
    }
    const char *instead = placeholder(exchange, input->name);
    if (instead[0] != '\0') {
        put_attribute(page, " placeholder=\"", instead);
    }
    page_markup(page, input->kind == KIND_LINES ? "></textarea>\n" : ">\n");
}

static void put_input(struct page *page, const struct input *input, const struct exchange *exchange)
{
    if (input->kind == KIND_TICK) {
        page_markup(page, "<label class=\"tick\">");
        put_control(page, input, exchange);
        page_string(page, input->label);
        page_markup(page, "</label>\n");
        return;
    }
    put_attribute(page, "<label for=\"", input->name);
    page_markup(page, ">");
    page_string(page, input->label);
    page_markup(page, "</label>\n");
    put_control(page, input, exchange);
    if (input->hint != NULL) {
        put_attribute(page, "<p class=\"hint\" id=\"hint-", input->name);
        page_markup(page, ">");
        page_string(page, input->hint);
        page_markup(page, "</p>\n");
    }
}

static void put_inputs(struct page *page, const struct input *inputs, size_t count,
                       const struct exchange *exchange)
{
    for (size_t i = 0; i < count; i++) {
        put_input(page, &inputs[i], exchange);
    }
}

/* The path that the browser asked for, without its query. */
static struct slice own_path(const struct exchange *exchange)
{
    struct slice path = slice_of(http_request_param(exchange->request, "REQUEST_URI"));
    const char *query = path.len > 0 ? memchr(path.data, '?', path.len) : NULL;
    path.len = query != NULL ? (size_t)(query - path.data) : path.len;
    return path;
}

/* "send", or seen from /mail "./mail/send" (RFC 3986 5.2.3: the last segment is not part of the base). */
static void put_target(struct page *page, const struct exchange *exchange)
{
    struct slice path = own_path(exchange);
    size_t begin = path.len;
    while (begin > 0 && path.data[begin - 1] != '/') {
        begin--;
    }
    if (begin < path.len) {
        page_markup(page, "./"); /* or a segment with a colon were a scheme (RFC 3986 4.2) */
        page_text(page, (struct slice){path.data + begin, path.len - begin});
        page_markup(page, "/");
    }
    page_markup(page, "send");
}

static void put_form(struct page *page, const struct exchange *exchange)
{
    static const struct input files = {"attachment", "Attachments", NULL, KIND_FILES};
    page_markup(page,
                "<form method=\"post\" enctype=\"multipart/form-data\" accept-charset=\"utf-8\" action=\"");
    put_target(page, exchange);
    page_markup(page, "\">\n");
    put_inputs(page, addresses, sizeof addresses / sizeof addresses[0], exchange);
    page_markup(page, "<div class=\"drop\">\n");
    put_input(page, &files, exchange);
    page_markup(page, "<p class=\"hint\" data-script hidden>Files can also be dropped on this page.</p>\n"
                      "</div>\n<details>\n<summary>More fields</summary>\n");
    put_inputs(page, more, sizeof more / sizeof more[0], exchange);
    /* Without a name it is not part of the form: the script sends it as a header. */
    page_markup(page,
                "<div data-script hidden>\n<label for=\"key\">API key</label>\n"
                "<input id=\"key\" type=\"password\" autocomplete=\"off\" aria-describedby=\"hint-key\">\n"
                "<p class=\"hint\" id=\"hint-key\">For what is not allowed without one</p>\n</div>\n"
                "</details>\n<button>Send</button>\n</form>\n");
}

void compose_page_answer(struct exchange *exchange)
{
    const struct page_head head = {
        .status = 200,
        .title = "Write a mail",
        .form_targets = "",
        .script = {(const char *)script, sizeof script},
    };
    struct page page;
    page_begin(&page, exchange->response, &head);
    put_form(&page, exchange);
    page_markup(&page, "<div class=\"answer\" role=\"status\" tabindex=\"-1\" hidden></div>\n");
    pages_end(exchange, &page);
}
