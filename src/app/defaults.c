/*
 * The defaults go through the same parsers as a request's fields, so what is wrong with them is found at
 * --check.
 */
#include "app/defaults.h"

#include <stdint.h>
#include <stdio.h>

#include "fcgi_smtp/compose.h"

#define DEFAULTS_ARENA_MAX ((size_t)4 * 1024 * 1024)
#define PATH_TEXT_MAX      256 /* octets of a key's path */
#define EXPECTED_MAILBOXES "expected mailboxes like \"Name <local@domain>\""

struct reporter {
    defaults_problem *problem;
    void *ctx;
    bool good;
};

static void report(struct reporter *reporter, const char *path, const char *wrong, const char *expected)
{
    struct err err = {0};
    err_set(&err, "%s; %s", wrong, expected);
    reporter->good = false;
    reporter->problem(reporter->ctx, path, err.text);
}

static void parse_text(struct address_list *list, const char *text, const char *path, struct arena *arena,
                       struct reporter *reporter)
{
    struct err err = {0};
    if (text != NULL && address_parse(list, slice_of(text), SIZE_MAX, arena, &err) != ADDRESS_OK) {
        report(reporter, path, err.text, EXPECTED_MAILBOXES);
    }
}

static void parse_strings(struct address_list *list, const struct config_strings *strings, const char *path,
                          struct arena *arena, struct reporter *reporter)
{
    for (size_t i = 0; i < strings->count; i++) {
        char item[PATH_TEXT_MAX];
        (void)snprintf(item, sizeof item, "%s[%zu]", path, i);
        parse_text(list, strings->items[i], item, arena, reporter);
    }
}

static void check_headers(const struct config_pairs *headers, struct reporter *reporter)
{
    struct err err = {0};
    for (size_t i = 0; i < headers->count; i++) {
        if (!compose_header_name_allowed(slice_of(headers->items[i].name), &err)) {
            char path[PATH_TEXT_MAX];
            (void)snprintf(path, sizeof path, "defaults.headers.%s", headers->items[i].name);
            report(reporter, path, err.text,
                   "expected the name of a header that fcgi-smtp does not make itself");
        }
    }
}

bool defaults_parse(struct defaults *defaults, const struct config *config, defaults_problem *problem,
                    void *ctx)
{
    *defaults = (struct defaults){0};
    struct reporter reporter = {problem, ctx, true};
    struct arena *arena = &defaults->arena;
    const struct config_defaults *given = &config->defaults;
    arena_init(arena, DEFAULTS_ARENA_MAX);

    parse_text(&defaults->from, given->from, "defaults.from", arena, &reporter);
    if (given->from != NULL && defaults->from.count == 0 && reporter.good) { /* "nobody:;" */
        report(&reporter, "defaults.from", "there is no address in it", EXPECTED_MAILBOXES);
    }
    parse_text(&defaults->reply_to, given->reply_to, "defaults.reply_to", arena, &reporter);
    parse_strings(&defaults->to, &given->to, "defaults.to", arena, &reporter);
    parse_strings(&defaults->cc, &given->cc, "defaults.cc", arena, &reporter);
    parse_strings(&defaults->bcc, &given->bcc, "defaults.bcc", arena, &reporter);
    if (given->sender != NULL) {
        struct err err = {0};
        defaults->has_sender = true;
        if (address_parse_one(&defaults->sender, slice_of(given->sender), true, arena, &err) != ADDRESS_OK) {
            report(&reporter, "defaults.sender", err.text, "expected one mailbox, or <> for the null path");
        }
    }
    check_headers(&given->headers, &reporter);
    return reporter.good;
}

void defaults_free(struct defaults *defaults)
{
    arena_free(&defaults->arena);
}
