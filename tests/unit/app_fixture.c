#include "app_fixture.h"

#include <CUnit/CUnit.h>
#include <stdio.h>

static void note(void *ctx, const char *path, const char *text)
{
    (void)ctx;
    fprintf(stderr, "%s: %s\n", path, text);
}

void app_fixture_init(struct app_fixture *fixture, const char *yaml)
{
    *fixture = (struct app_fixture){0};
    struct config_report report;
    config_report_init(&report);
    fixture->config = config_parse("test.yaml", slice_of(yaml), true, &report);
    fputs(buf_cstr(&report.problems), stderr);
    config_report_free(&report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->config);
    CU_ASSERT_TRUE_FATAL(defaults_parse(&fixture->defaults, fixture->config, note, NULL));
    arena_init(&fixture->arena, (size_t)16 * 1024 * 1024);
    blob_store_init(&fixture->blobs, "/tmp", (size_t)1024 * 1024);
}

void app_fixture_parse(struct app_fixture *fixture, const char *type, struct slice body)
{
    struct form_parser *parser = NULL;
    const struct form_limits limits = {.fields = 1000,
                                       .content = send_field_limit,
                                       .secret = send_field_is_secret,
                                       .ctx = &fixture->config->limits,
                                       .json = (size_t)fixture->config->limits.json};
    enum form_result result = form_parser_new(&parser, slice_of(type), &limits, &fixture->arena,
                                              &fixture->blobs, &fixture->form, &fixture->err);
    CU_ASSERT_EQUAL_FATAL(result, FORM_OK);
    result = form_parser_update(parser, body.data, body.len, &fixture->err);
    result = result == FORM_OK ? form_parser_finish(parser, &fixture->err) : result;
    app_fixture_expect(fixture->err.text, "", "the form");
    CU_ASSERT_EQUAL_FATAL(result, FORM_OK);
    form_parser_free(parser);
}

void app_fixture_sort(struct app_fixture *fixture, const char *type, struct slice body)
{
    app_fixture_parse(fixture, type, body);
    CU_ASSERT_TRUE_FATAL(
        send_fields_sort(&fixture->fields, &fixture->form, &fixture->arena, &fixture->errors, &fixture->err));
}

enum submission_result app_fixture_submit(struct app_fixture *fixture, const char *form)
{
    app_fixture_sort(fixture, URLENCODED, slice_of(form));
    return submission_read(&fixture->submission, &fixture->fields, &fixture->defaults, fixture->config,
                           &fixture->arena, &fixture->errors, &fixture->err);
}

enum server_choice_result app_fixture_choose(struct app_fixture *fixture, const char *form)
{
    app_fixture_sort(fixture, URLENCODED, slice_of(form));
    return server_choice_make(&fixture->choice, &fixture->fields, fixture->config, &fixture->config->allow,
                              &fixture->arena, &fixture->errors, &fixture->err);
}

void app_fixture_expect(const char *text, const char *expected, const char *what)
{
    bool same = expected[0] != '\0' ? strstr(text, expected) != NULL : text[0] == '\0';
    if (!same) {
        fprintf(stderr, "%s\n  gave:     %s\n  expected: %s\n", what, text, expected);
    }
    CU_ASSERT_TRUE(same);
}

void app_fixture_free(struct app_fixture *fixture)
{
    field_errors_free(&fixture->errors);
    send_fields_wipe(&fixture->fields);
    submission_free(&fixture->submission);
    blob_store_free(&fixture->blobs);
    arena_free(&fixture->arena);
    defaults_free(&fixture->defaults);
    config_free(fixture->config);
}
