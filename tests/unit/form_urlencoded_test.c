#include "fcgi_smtp/form.h"

#include <stdio.h>

#include "form_run.h"
#include "unit.h"

#define URLENCODED SLICE("application/x-www-form-urlencoded")

/* The expected text is of form_run.h. */
static const struct {
    const char *body, *fields;
} good[] = {
    {"", ""},
    {"&", ""},
    {"&&a=b&&", "a=b\n"},
    {"a=b", "a=b\n"},
    {"a=b&c=d", "a=b\nc=d\n"},
    {"a", "a=\n"},
    {"a&b", "a=\nb=\n"},
    {"a=&b=", "a=\nb=\n"},
    {"a=1&a=2&a=1", "a=1\na=2\na=1\n"},
    {"a=b=c==", "a=b=c==\n"},
    {"a%3Db=c%3Dd", "a=b=c=d\n"},
    {"a+b=c+d+", "a b=c d \n"},
    {"a=%2B%26%3d%25", "a=+&=%\n"},
    {"a=%C3%BC&%c3%bc=b", "a=\xC3\xBC\n\xC3\xBC=b\n"},
    {"a=\xC3\xBC;<>\"'\\/", "a=\xC3\xBC;<>\"'\\/\n"},
    {"a=%00%0D%0A\r\n", "a=\\0\\r\\n\\r\\n\n"},
    {"a=%FC\xFC", "a=\xFC\xFC\n"}, /* its charset is known later */
    /* percent signs that escape nothing */
    {"a=%", "a=%\n"},
    {"a=%4", "a=%4\n"},
    {"a=%zz", "a=%zz\n"},
    {"a=%4z%z4", "a=%4z%z4\n"},
    {"a=100%&b=50%+x", "a=100%\nb=50% x\n"},
    {"a=%%41%4%41", "a=%A%4A\n"},
    {"a=%4+%&%=%4", "a=%4 %\n%=%4\n"},
    {"%", "%=\n"},
    {"%4", "%4=\n"},
    {"a%4=b", "a%4=b\n"},
    {"a%=b", "a%=b\n"},
    {"a=%2541", "a=%41\n"}, /* decoded once */
    {"+=x", " =x\n"},
    {"h:X-Y=z&o:tag[]=q", "h:X-Y=z\no:tag[]=q\n"},
};

static void bodies_become_fields_however_they_are_cut(void)
{
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct form_run run = {0};
        struct slice body = slice_of(good[i].body);
        form_run_body(&run, URLENCODED, body);
        CU_ASSERT_EQUAL(run.result, FORM_OK);
        CU_ASSERT_STRING_EQUAL(buf_cstr(&run.text), good[i].fields);
        CU_ASSERT(form_run_cuts_agree(&run, URLENCODED, body));
        form_run_free(&run);
    }
}

static void refusals_say_what_and_which(void)
{
    static const struct {
        const char *body;
        enum form_result result;
        const char *says, *field, *fields;
    } cases[] = {
        {"a=b&=c", FORM_MALFORMED, "Field 2 of the form has no name", "", "a=b\n"},
        {"=", FORM_MALFORMED, "Field 1 of the form has no name", "", ""},
        {"a%00b=c", FORM_MALFORMED, "The name of field 1 is not UTF-8", "a?b", ""},
        {"x=&%C3=c", FORM_MALFORMED, "The name of field 2 is not UTF-8", "?", "x=\n"},
        {"\xED\xA0\x80=c", FORM_MALFORMED, "The name of field 1 is not UTF-8", "???", ""},
        {"a=0123456789&b=01234567890", FORM_TOO_LARGE, "The field \"b\" is larger than the 10 octets", "b",
         "a=0123456789\n"},
        {"a=%41%41%41%41%41%41%41%41%41%41&b=++++++++++%4", FORM_TOO_LARGE, "The field \"b\"", "b",
         "a=AAAAAAAAAA\n"},
        {"a&b&c&d", FORM_TOO_MANY_FIELDS, "more than the 3 fields", "", "a=\nb=\nc=\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct form_run run = {.content = 10, .fields = 3};
        struct slice body = slice_of(cases[i].body);
        form_run_body(&run, URLENCODED, body);
        CU_ASSERT_EQUAL(run.result, cases[i].result);
        CU_ASSERT_PTR_NOT_NULL(strstr(run.err.text, cases[i].says));
        CU_ASSERT_STRING_EQUAL(run.err.field, cases[i].field);
        CU_ASSERT_STRING_EQUAL(buf_cstr(&run.text), cases[i].fields);
        CU_ASSERT(form_run_cuts_agree(&run, URLENCODED, body));
        form_run_free(&run);
    }
}

/* A body of one field whose name is len times unit. */
static enum form_result parse_name(const char *unit, size_t len, size_t step)
{
    struct buf body;
    buf_init(&body, 4096);
    for (size_t i = 0; i < len; i++) {
        CU_ASSERT(buf_append_string(&body, unit));
    }
    CU_ASSERT(buf_append_string(&body, "=x"));
    struct form_run run = {.step = step};
    form_run_body(&run, URLENCODED, buf_slice(&body));
    CU_ASSERT_EQUAL(run.form.count, run.result == FORM_OK);
    if (run.result == FORM_OK) {
        CU_ASSERT_EQUAL(run.form.first->name.len, len);
    } else {
        CU_ASSERT_PTR_NOT_NULL(strstr(run.err.text, "longer than 256 octets"));
    }
    enum form_result result = run.result;
    form_run_free(&run);
    buf_free(&body);
    return result;
}

static void names_are_bounded(void)
{
    static const char *const units[] = {"a", "%41", "+"};
    for (size_t i = 0; i < 3; i++) {
        for (size_t step = 0; step < 5; step++) {
            CU_ASSERT_EQUAL(parse_name(units[i], 255, step), FORM_OK);
            CU_ASSERT_EQUAL(parse_name(units[i], 256, step), FORM_OK);
            CU_ASSERT_EQUAL(parse_name(units[i], 257, step), FORM_MALFORMED);
            CU_ASSERT_EQUAL(parse_name(units[i], 1000, step), FORM_MALFORMED);
        }
    }
}

static void ten_thousand_fields(void)
{
    struct buf body;
    buf_init(&body, 1 << 20);
    for (int i = 0; i < 10000; i++) {
        CU_ASSERT(buf_printf(&body, "%sk%d=%%%02X", i > 0 ? "&" : "", i, 0x30 + i % 10));
    }
    for (size_t fields = 9999; fields <= 10000; fields++) {
        struct form_run run = {.fields = fields, .step = 4096};
        form_run_body(&run, URLENCODED, buf_slice(&body));
        CU_ASSERT_EQUAL(run.result, fields == 10000 ? FORM_OK : FORM_TOO_MANY_FIELDS);
        CU_ASSERT_EQUAL(run.form.count, fields);
        size_t i = 0;
        char line[32];
        const char *text = buf_cstr(&run.text);
        for (; i < fields; i++, text += strlen(line)) {
            (void)snprintf(line, sizeof line, "k%zu=%zu\n", i, i % 10);
            if (strncmp(text, line, strlen(line)) != 0) {
                break;
            }
        }
        CU_ASSERT_EQUAL(i, fields);
        form_run_free(&run);
    }
    buf_free(&body);
}

/* Fills text with octets that need all kinds of treatment, and body with a field v that means them. */
static void make_value(struct buf *text, struct buf *body, size_t len)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    uint32_t random = 1;
    CU_ASSERT(buf_append_string(body, "v="));
    for (size_t i = 0; i < len; i++) {
        random = random * 1664525 + 1013904223;
        char c = (char)(random >> 24);
        bool safe = (random >> 16 & 1) != 0 && c != '%' && c != '+' && c != '&';
        CU_ASSERT_FATAL(buf_append_char(text, c));
        CU_ASSERT_FATAL(c == ' ' ? buf_append_char(body, '+')
                        : safe   ? buf_append_char(body, c)
                                 : buf_printf(body, "%%%c%c", digits[(unsigned char)c >> 4], digits[c & 15]));
    }
}

static void large_values_spill_and_stay_whole(void)
{
    struct buf text, body;
    buf_init(&text, 4 << 20);
    buf_init(&body, 4 << 20);
    make_value(&text, &body, 1 << 20);
    static const size_t steps[] = {0, 1021, 16384};
    for (size_t i = 0; i < 6; i++) {
        struct form_run run = {.step = steps[i % 3], .memory = i < 3 ? 1000 : 2 << 20};
        form_run_body(&run, URLENCODED, buf_slice(&body));
        CU_ASSERT_EQUAL_FATAL(run.form.count, 1);
        struct slice content;
        CU_ASSERT(blob_view(&run.form.first->content, &content, &run.err));
        CU_ASSERT(slice_equal(content, buf_slice(&text)));
        CU_ASSERT_EQUAL(run.form.first->content.spilled, i < 3);
        form_run_free(&run);
    }
    buf_free(&text);
    buf_free(&body);
}

static void the_requests_charset_is_every_fields(void)
{
    struct form_run run = {0};
    form_run_body(&run, SLICE("application/x-www-form-urlencoded; charset=ISO-8859-1"), SLICE("a=%FC&b"));
    CU_ASSERT_STRING_EQUAL(buf_cstr(&run.text), "a <ISO-8859-1>=\xFC\nb <ISO-8859-1>=\n");
    form_run_free(&run);
}

static enum form_result parse_with(size_t arena_limit, const char *spill_dir)
{
    struct form_run run = {0};
    arena_init(&run.arena, arena_limit);
    blob_store_init(&run.store, spill_dir, 4);
    const struct form_limits limits = {.fields = 10, .content = form_run_content_limit, .ctx = &run};
    struct form_parser *parser = NULL;
    CU_ASSERT_EQUAL_FATAL(
        form_parser_new(&parser, URLENCODED, &limits, &run.arena, &run.store, &run.form, &run.err), FORM_OK);
    run.result = form_run_feed(&run, parser, SLICE("a=b&c=012345"));
    CU_ASSERT_EQUAL(run.err.text[0] == '\0', run.result == FORM_OK);
    form_parser_free(parser);
    form_run_free(&run);
    return run.result;
}

static void memory_and_spill_file_can_fail(void)
{
    CU_ASSERT_EQUAL(parse_with(1 << 16, "/tmp"), FORM_OK);
    CU_ASSERT_EQUAL(parse_with(1 << 16, "/nonexistent"), FORM_FAILED);
    CU_ASSERT_EQUAL(parse_with(16, "/tmp"), FORM_FAILED);
    CU_ASSERT_EQUAL(parse_with(sizeof(struct form_field) + 64, "/tmp"), FORM_FAILED);
}

static const struct unit_test tests[] = {
    {"bodies become fields however they are cut", bodies_become_fields_however_they_are_cut},
    {"refusals say what and which", refusals_say_what_and_which},
    {"names are bounded", names_are_bounded},
    {"10,000 fields", ten_thousand_fields},
    {"large values spill and stay whole", large_values_spill_and_stay_whole},
    {"the request's charset is every field's", the_requests_charset_is_every_fields},
    {"memory and the spill file can fail", memory_and_spill_file_can_fail},
};
UNIT_SUITE(form_urlencoded, tests);
