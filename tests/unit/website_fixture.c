#include "website_fixture.h"

#include <CUnit/CUnit.h>
#include <stdio.h>

static void note(void *ctx, const char *path, const char *text)
{
    (void)ctx;
    fprintf(stderr, "%s: %s\n", path, text);
}

void website_fixture_init(struct website_fixture *fixture, const char *yaml)
{
    char whole[4096];
    *fixture = (struct website_fixture){0};
    snprintf(whole, sizeof whole, SERVER "defaults: {from: site@x.example}\n%s", yaml);
    app_fixture_init(&fixture->app, whole);
    CU_ASSERT_TRUE_FATAL(website_forms_parse(&fixture->forms, fixture->app.config, note, NULL));
    CU_ASSERT_FATAL(fixture->forms.count > 0);
}

void website_fixture_read(struct website_fixture *fixture, const char *type, struct slice body)
{
    const struct config_form *form = &fixture->app.config->forms[0];
    app_fixture_parse(&fixture->app, type, body);
    CU_ASSERT_TRUE_FATAL(
        form_input_read(&fixture->input, form, &fixture->app.form, &fixture->app.arena, &fixture->app.err));
    form_input_check(&fixture->input, form);
}

enum website_mail_result website_fixture_make(struct website_fixture *fixture, const char *type,
                                              struct slice body)
{
    website_fixture_read(fixture, type, body);
    struct website_mail mail = {
        .submission = &fixture->app.submission,
        .form = &fixture->forms.items[0],
        .input = &fixture->input,
        .defaults = &fixture->app.defaults,
        .config = fixture->app.config,
        .arena = &fixture->app.arena,
        .blobs = &fixture->app.blobs,
        .err = &fixture->app.err,
    };
    return website_mail_make(&mail);
}

void website_fixture_expect(const struct website_fixture *fixture, const char *expected, const char *what)
{
    struct buf text;
    buf_init(&text, 65536);
    for (size_t i = 0; i < fixture->input.problem_count; i++) {
        const struct form_problem *problem = &fixture->input.problems[i];
        CU_ASSERT_TRUE(
            buf_printf(&text, "%s%.*s: %s", i > 0 ? "|" : "", SLICE_ARGS(problem->field), problem->text));
    }
    if (strcmp(buf_cstr(&text), expected) != 0) {
        fprintf(stderr, "%s\n  gave:     %s\n  expected: %s\n", what, buf_cstr(&text), expected);
    }
    CU_ASSERT_STRING_EQUAL(buf_cstr(&text), expected);
    CU_ASSERT_FALSE(fixture->input.no_memory);
    buf_free(&text);
}

void website_fixture_free(struct website_fixture *fixture)
{
    website_forms_free(&fixture->forms);
    app_fixture_free(&fixture->app);
}
