/*
 * The page does not know the site's own form: labels are the fields' names, and fields are one line or several by what was
 * in them. It posts to where it was answered from, and so needs no address of its own.
 */
#include "app/website/page_correction.h"

#include <stdlib.h>

#include "app/pages/page.h"
#include "app/website/web_origin.h"

#define LINE_MAX_LEN    80  /* octets of a value that is shown in one line */
#define FILES_SHOWN_MAX 100 /* the names of more are left out */

enum kind { KIND_HIDDEN, KIND_LINE, KIND_LINES, KIND_FILES };

/* A field of the page. Its place in the page is the number in its ids. */
struct shown {
    struct slice name;
    struct slice text;
    enum kind kind;
};

struct correcting {
    struct page page;
    const struct website_form *form;
    const struct form_input *input;
    struct shown *fields;
    size_t count;
};

static bool has_problem(const struct form_input *input, struct slice field)
{
    for (size_t i = 0; i < input->problem_count; i++) {
        if (slice_equal(input->problems[i].field, field)) {
            return true;
        }
    }
    return false;
}

static bool is_required(const struct correcting *c, struct slice field)
{
    const struct config_strings *required = &c->form->config->required;
    for (size_t i = 0; i < required->count; i++) {
        if (slice_equal(slice_of(required->items[i]), field)) {
            return true;
        }
    }
    return false;
}

static bool is_address(const struct correcting *c, struct slice field)
{
    return slice_equal(field, SLICE("email")) ||
           form_control_of(c->form->config, field) == FORM_CONTROL_REPLY_TO;
}

/* A line is what stands in a header field, and what is short. What steers the mail comes back unseen, unless something is
 * wrong with it. */
static enum kind kind_of(const struct correcting *c, struct slice field, struct slice text)
{
    const struct website_form *form = c->form;
    enum form_control control = form_control_of(form->config, field);
    if (control == FORM_CONTROL_SUBJECT || control == FORM_CONTROL_NEXT) {
        return has_problem(c->input, field) ? KIND_LINE : KIND_HIDDEN;
    }
    bool one_line = !form_input_is_blank(text) && text.len <= LINE_MAX_LEN && !slice_has(text, '\n') &&
                    !slice_has(text, '\r');
    bool in_header =
        is_address(c, field) || template_uses(&form->subject, field) || template_uses(&form->reply_to, field);
    return one_line || in_header ? KIND_LINE : KIND_LINES;
}

static void add_value(struct correcting *c, struct slice name, struct slice text)
{
    enum form_control control = form_control_of(c->form->config, name);
    /* The trap was empty, and the page says its charset itself. */
    if (control != FORM_CONTROL_HONEYPOT && control != FORM_CONTROL_CHARSET) {
        c->fields[c->count++] = (struct shown){name, text, kind_of(c, name, text)};
    }
}

/* The first field of that name; NULL: there is none. */
static const struct shown *find_shown(const struct correcting *c, struct slice name)
{
    for (size_t i = 0; i < c->count; i++) {
        if (slice_equal(c->fields[i].name, name)) {
            return &c->fields[i];
        }
    }
    return NULL;
}

/* Files of one name are one field. */
static bool is_first_file(const struct form_input *input, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (slice_equal(input->files[i]->name, input->files[index]->name)) {
            return false;
        }
    }
    return true;
}

/* What the visitor sent, then what is required and was not even there. */
static bool choose_fields(struct correcting *c)
{
    const struct form_input *input = c->input;
    const struct config_strings *required = &c->form->config->required;
    size_t most = input->count + input->file_count + required->count + 1;
    c->fields = arena_array(input->arena, most, sizeof *c->fields);
    if (c->fields == NULL) {
        return false;
    }
    for (size_t i = 0; i < input->count; i++) {
        add_value(c, input->values[i].name, input->values[i].text);
    }
    for (size_t i = 0; i < input->file_count && i < FILES_SHOWN_MAX; i++) {
        if (is_first_file(input, i)) {
            c->fields[c->count++] = (struct shown){.name = input->files[i]->name, .kind = KIND_FILES};
        }
    }
    for (size_t i = 0; i < required->count; i++) {
        struct slice name = slice_of(required->items[i]);
        if (find_shown(c, name) == NULL) {
            add_value(c, name, (struct slice){0});
        }
    }
    return true;
}

static void put(struct correcting *c, const char *html)
{
    page_markup(&c->page, html);
}

static void put_number(struct correcting *c, size_t number)
{
    page_format(&c->page, "%zu", number);
}

/* ` NAME="VALUE"` */
static void put_attribute(struct correcting *c, const char *name, struct slice value)
{
    put(c, " ");
    put(c, name);
    put(c, "=\"");
    page_text(&c->page, value);
    put(c, "\"");
}

static void put_id(struct correcting *c, const char *what, const struct shown *field)
{
    put(c, what);
    put_number(c, (size_t)(field - c->fields));
}

/* What is wrong with the field, each in a paragraph of its own; how many that are. */
static size_t put_problems(struct correcting *c, const struct shown *field)
{
    size_t count = 0;
    for (size_t i = 0; i < c->input->problem_count; i++) {
        const struct form_problem *problem = &c->input->problems[i];
        if (!slice_equal(problem->field, field->name)) {
            continue;
        }
        put_id(c, "<p class=\"problem\" id=\"problem-", field);
        put(c, "-");
        put_number(c, count++);
        put(c, "\">");
        page_string(&c->page, problem->text);
        put(c, "</p>\n");
    }
    return count;
}

/* The attributes that all fields have. */
static void put_field_attributes(struct correcting *c, const struct shown *field, size_t problems)
{
    put_id(c, " id=\"field-", field);
    put(c, "\"");
    put_attribute(c, "name", field->name);
    put(c, is_required(c, field->name) ? " required" : "");
    if (problems == 0) {
        return;
    }
    put(c, " aria-invalid=\"true\" aria-describedby=\"");
    for (size_t i = 0; i < problems; i++) {
        put_id(c, i > 0 ? " problem-" : "problem-", field);
        put(c, "-");
        put_number(c, i);
    }
    put(c, "\"");
}

static void put_line(struct correcting *c, const struct shown *field, size_t problems)
{
    put(c, "<input");
    put_field_attributes(c, field, problems);
    put(c, is_address(c, field->name) ? " inputmode=\"email\" autocomplete=\"email\"" : "");
    put_attribute(c, "value", field->text);
    put(c, ">\n");
}

static void put_lines(struct correcting *c, const struct shown *field, size_t problems)
{
    put(c, "<textarea");
    put_field_attributes(c, field, problems);
    put(c, ">\n"); /* HTML drops the first line end of a textarea */
    page_text(&c->page, field->text);
    put(c, "</textarea>\n");
}

/* The names of the files that were chosen for a field; how many. */
static size_t put_chosen(struct correcting *c, const struct shown *field)
{
    size_t count = 0;
    for (size_t i = 0; i < c->input->file_count && i < FILES_SHOWN_MAX; i++) {
        const struct form_field *file = c->input->files[i];
        if (slice_equal(file->name, field->name)) {
            put(c, count++ == 0 ? "" : ", ");
            page_text(&c->page, file->file_name);
        }
    }
    return count;
}

static void put_files(struct correcting *c, const struct shown *field, size_t problems)
{
    const struct config_form *form = c->form->config;
    if (form->attachments.max == 0) {
        return; /* what is wrong with it is that it is there */
    }
    put(c, "<p class=\"hint\">Files have to be chosen again: ");
    size_t chosen = put_chosen(c, field);
    put(c, "</p>\n<input type=\"file\"");
    put_field_attributes(c, field, problems);
    put(c, chosen > 1 ? " multiple" : "");
    for (size_t i = 0; i < form->attachments.types.count; i++) {
        put(c, i == 0 ? " accept=\"" : ",");
        page_string(&c->page, form->attachments.types.items[i]);
    }
    put(c, form->attachments.types.count > 0 ? "\">\n" : ">\n");
}

static void put_hidden(struct correcting *c, const struct shown *field)
{
    put(c, "<input type=\"hidden\"");
    put_attribute(c, "name", field->name);
    put_attribute(c, "value", field->text);
    put(c, ">\n");
}

static void put_field(struct correcting *c, const struct shown *field)
{
    if (field->kind == KIND_HIDDEN) {
        put_hidden(c, field);
        return;
    }
    put_id(c, "<label for=\"field-", field);
    put(c, "\">");
    page_text(&c->page, field->name);
    put(c, is_required(c, field->name) ? " (required)</label>\n" : "</label>\n");
    size_t problems = put_problems(c, field);
    if (field->kind == KIND_LINE) {
        put_line(c, field, problems);
    } else if (field->kind == KIND_LINES) {
        put_lines(c, field, problems);
    } else {
        put_files(c, field, problems);
    }
}

/* A problem and the place of its field in the page: behind all others, if it has none there. */
struct placed {
    const struct form_problem *problem;
    size_t place;
};

/* Problems of one field stay in their order. */
static int by_place(const void *left, const void *right)
{
    const struct placed *a = left;
    const struct placed *b = right;
    if (a->place != b->place) {
        return a->place < b->place ? -1 : 1;
    }
    return a->problem < b->problem ? -1 : a->problem > b->problem;
}

static void put_entry(struct correcting *c, const struct placed *entry)
{
    bool has_field = entry->place < c->count;
    put(c, "<li>");
    if (has_field) {
        put_id(c, "<a href=\"#field-", &c->fields[entry->place]);
        put(c, "\">");
    }
    page_text(&c->page, entry->problem->field);
    put(c, entry->problem->field.len > 0 ? ": " : "");
    page_string(&c->page, entry->problem->text);
    put(c, has_field ? "</a></li>\n" : "</li>\n");
}

/* The list gets the focus, so that it is what a screen reader says first. */
static void put_summary(struct correcting *c)
{
    struct placed entries[FORM_PROBLEMS_MAX];
    size_t count = c->input->problem_count;
    for (size_t i = 0; i < count; i++) {
        const struct form_problem *problem = &c->input->problems[i];
        const struct shown *field = find_shown(c, problem->field);
        entries[i] = (struct placed){problem, field != NULL ? (size_t)(field - c->fields) : c->count};
    }
    qsort(entries, count, sizeof entries[0], by_place);
    put(c, "<section class=\"problems\" id=\"problems\" tabindex=\"-1\" autofocus "
           "aria-labelledby=\"problems-title\">\n"
           "<h2 id=\"problems-title\">What is to be corrected</h2>\n"
           "<ul>\n");
    for (size_t i = 0; i < count; i++) {
        put_entry(c, &entries[i]);
    }
    put(c, "</ul>\n</section>\n");
}

static bool has_files(const struct correcting *c)
{
    return c->input->file_count > 0 && c->form->config->attachments.max > 0;
}

static void put_form(struct correcting *c)
{
    put(c, has_files(c) ? "<form method=\"post\" enctype=\"multipart/form-data\">\n"
                        : "<form method=\"post\">\n");
    for (size_t i = 0; i < c->count; i++) {
        put_field(c, &c->fields[i]);
    }
    put(c, "<button>Send</button>\n</form>\n");
}

/* "https://a.example https://b.example:8443": where the form's answer may send the browser. */
static bool append_targets(struct buf *out, const struct config_form *form)
{
    const char *const places[] = {form->success, form->failure};
    bool good = true;
    for (size_t i = 0; i < 2; i++) {
        struct web_origin origin;
        if (places[i] != NULL && web_origin_of_url(&origin, slice_of(places[i]))) {
            good = good && web_origin_append(out, &origin) && buf_append_char(out, ' ');
        }
    }
    for (size_t i = 0; i < form->redirect_origins.count; i++) {
        good = good && buf_append_string(out, form->redirect_origins.items[i]) && buf_append_char(out, ' ');
    }
    return good;
}

static bool write_page(struct http_response *response, struct correcting *c,
                       const struct page_correction *correction, const char *targets)
{
    const struct page_head head = {
        .status = correction->status, .title = correction->title, .form_targets = targets};
    page_begin(&c->page, response, &head);
    put(c, "<p>");
    page_string(&c->page, correction->text);
    put(c, "</p>\n");
    if (c->input->problem_count > 0) {
        put_summary(c);
    }
    put_form(c);
    return page_end(&c->page);
}

void page_correction_write(struct http_response *response, const struct page_correction *correction)
{
    struct correcting c = {.form = correction->form, .input = correction->input};
    struct buf targets;
    buf_init(&targets, HTTP_RESPONSE_HEADERS_MAX);
    bool written = append_targets(&targets, c.form->config) && choose_fields(&c) &&
                   write_page(response, &c, correction, buf_cstr(&targets));
    buf_free(&targets);
    if (!written) {
        page_write_message(
            response, correction->status, correction->title,
            "What you wrote is too long to be shown here. Please go back, correct it and send it again.",
            (struct slice){0});
    }
}
