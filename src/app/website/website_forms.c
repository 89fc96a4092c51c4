/*
 * Everything that a form's texts can be wrong in is found when the program starts or at --check, not when somebody fills
 * the form in.
 */
#include "app/website/website_forms.h"

#include <stdint.h>
#include <stdio.h>

#include "app/website/web_origin.h"

#define FORMS_ARENA_MAX    ((size_t)64 * 1024 * 1024)
#define PATH_TEXT_MAX      128 /* octets of a key's path */
#define ENTRY_TEXT_MAX     48  /* octets of the part of it that names an entry of a list */
#define EXPECTED_MAILBOXES "expected mailboxes like \"Name <local@domain>\""
#define EXPECTED_TEMPLATE  "expected text with fields as {{name}}"
#define EXPECTED_ORIGIN    "expected an origin like https://example.com, without a path"
#define EXPECTED_TARGET    "expected a path like /thanks.html or an http or https URL"

struct parsing {
    struct arena *arena;
    const char *form; /* its name */
    website_forms_problem *problem;
    void *ctx;
    size_t problems; /* so far */
};

static void report(struct parsing *p, const char *key, const char *wrong, const char *expected)
{
    char path[PATH_TEXT_MAX];
    struct err err = {0};
    (void)snprintf(path, sizeof path, "forms.%s.%s", p->form, key);
    err_set(&err, "%s; %s", wrong, expected);
    p->problems++;
    p->problem(p->ctx, path, err.text);
}

static void parse_addresses(struct parsing *p, const char *key, const char *text, struct address_list *list)
{
    struct err err = {0};
    if (text != NULL && address_parse(list, slice_of(text), SIZE_MAX, p->arena, &err) != ADDRESS_OK) {
        report(p, key, err.text, EXPECTED_MAILBOXES);
    }
}

/* A list may be nothing but empty groups ("nobody:;"). */
static void check_people(struct parsing *p, const struct website_form *form)
{
    if (form->config->from != NULL && form->from.count == 0) {
        report(p, "from", "there is no address in it", EXPECTED_MAILBOXES);
    }
    if (form->to.count + form->cc.count + form->bcc.count == 0) {
        const struct config_form *given = form->config; /* checked: it gives one of them */
        report(p,
               given->to.count > 0   ? "to"
               : given->cc.count > 0 ? "cc"
                                     : "bcc",
               "there is no address in to, cc and bcc", EXPECTED_MAILBOXES);
    }
}

static void parse_address_lists(struct parsing *p, const char *key, const struct config_strings *texts,
                                struct address_list *list)
{
    for (size_t i = 0; i < texts->count; i++) {
        char entry[ENTRY_TEXT_MAX];
        (void)snprintf(entry, sizeof entry, "%s[%zu]", key, i);
        parse_addresses(p, entry, texts->items[i], list);
    }
}

static void parse_template(struct parsing *p, const char *key, const char *text, struct template *template)
{
    struct err err = {0};
    if (!template_parse(template, slice_of(text), p->arena, &err)) {
        report(p, key, err.text, EXPECTED_TEMPLATE);
    }
}

static void check_origins(struct parsing *p, const char *key, const struct config_strings *origins)
{
    for (size_t i = 0; i < origins->count; i++) {
        struct web_origin origin;
        char entry[ENTRY_TEXT_MAX];
        (void)snprintf(entry, sizeof entry, "%s[%zu]", key, i);
        if (!web_origin_parse(&origin, slice_of(origins->items[i]))) {
            report(p, entry, "this is no origin of web pages", EXPECTED_ORIGIN);
        }
    }
}

static void check_target(struct parsing *p, const char *key, const char *target)
{
    if (target != NULL && !web_origin_target_valid(slice_of(target))) {
        report(p, key, "no browser can be sent there", EXPECTED_TARGET);
    }
}

static void parse_form(struct parsing *p, struct website_form *form, const struct config *config)
{
    const struct config_form *given = form->config;
    size_t before = p->problems;
    if (given->server != NULL) {
        form->server = config_find_server(config, slice_of(given->server)); /* checked: there is one */
    }
    parse_addresses(p, "from", given->from, &form->from);
    parse_address_lists(p, "to", &given->to, &form->to);
    parse_address_lists(p, "cc", &given->cc, &form->cc);
    parse_address_lists(p, "bcc", &given->bcc, &form->bcc);
    if (p->problems == before) { /* else that is why */
        check_people(p, form);
    }
    parse_template(p, "subject", given->subject, &form->subject);
    parse_template(p, "reply_to", given->reply_to, &form->reply_to);
    parse_template(p, "text", given->text, &form->text);
    parse_template(p, "html", given->html, &form->html);
    check_target(p, "success", given->success);
    check_target(p, "failure", given->failure);
    check_origins(p, "origins", &given->origins);
    check_origins(p, "redirect_origins", &given->redirect_origins);
}

bool website_forms_parse(struct website_forms *forms, const struct config *config,
                         website_forms_problem *problem, void *ctx)
{
    *forms = (struct website_forms){0};
    arena_init(&forms->arena, FORMS_ARENA_MAX);
    struct parsing parsing = {.arena = &forms->arena, .problem = problem, .ctx = ctx};
    forms->items = arena_array(&forms->arena, config->form_count + 1, sizeof *forms->items);
    if (forms->items == NULL) {
        problem(ctx, "forms", "There is no memory left for the forms");
        return false;
    }
    for (; forms->count < config->form_count; forms->count++) {
        struct website_form *form = &forms->items[forms->count];
        form->config = &config->forms[forms->count];
        parsing.form = form->config->name;
        parse_form(&parsing, form, config);
    }
    return parsing.problems == 0;
}

void website_forms_free(struct website_forms *forms)
{
    arena_free(&forms->arena);
    *forms = (struct website_forms){0};
}

const struct website_form *website_forms_find(const struct website_forms *forms, struct slice name)
{
    for (size_t i = 0; i < forms->count; i++) {
        if (slice_equal(slice_of(forms->items[i].config->name), name)) {
            return &forms->items[i];
        }
    }
    return NULL;
}
