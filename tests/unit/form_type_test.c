#include "fcgi_smtp/form.h"

#include "form_run.h"
#include "unit.h"

static void media_type_is_what_stands_before_the_parameters(void)
{
    static const struct {
        const char *value, *type;
    } cases[] = {
        {"text/plain", "text/plain"},
        {" text/plain\t; charset=utf-8", "text/plain"},
        {"text/plain;", "text/plain"},
        {";a=b", ""},
        {"", ""},
        {" \t ", ""},
        {"Multipart/Form-Data; boundary=\"a;b\"", "Multipart/Form-Data"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice type = form_media_type(slice_of(cases[i].value));
        CU_ASSERT(slice_equal(type, slice_of(cases[i].type)));
    }
    CU_ASSERT_EQUAL(form_media_type((struct slice){NULL, 0}).len, 0);
}

static void parameters_are_found_and_unquoted(void)
{
    static const struct {
        const char *value, *found; /* NULL: none */
    } cases[] = {
        {"text/plain; charset=utf-8", "utf-8"},
        {"text/plain;charset=utf-8", "utf-8"},
        {"text/plain ;\tCHARSET=utf-8 ", "utf-8"},
        {"text/plain; charset=\"utf-8\"", "utf-8"},
        {"text/plain; charset=\"a\\\"b\\\\c\\d\"", "a\"b\\cd"},
        {"text/plain; charset=\"a;b\"; x=y", "a;b"},
        {"text/plain; x=\"; charset=no\"; charset=yes", "yes"},
        {"text/plain;; ; charset=a;", "a"},
        {"text/plain; charset=a=b/c?(d)", "a=b/c?(d)"},
        {"text/plain; charset=", ""},
        {"text/plain; charset=\"\"", ""},
        {"text/plain; charset=\"a\\\"", "a\\"},
        {"; charset=a", "a"},
        {"text/plain", NULL},
        {"text/plain; xcharset=a", NULL},
        {"text/plain; charsets=a", NULL},
        {"text/plain; charset", NULL},
        {"text/plain; charset =a", NULL},
        {"text/plain; charset= a", NULL},
        {"text/plain; charset=a b", NULL},
        {"text/plain; charset=a\"b", NULL},
        {"text/plain; charset=\"a\"b", NULL},
        {"text/plain; charset=\"a", NULL},
        {"text/plain; charset=\"", NULL},
        {"text/plain; charset=a; charset=a", NULL},
        {"text/plain; charset=a; x", NULL},
        {"text/plain; =a; charset=a", NULL},
        {"", NULL},
    };
    struct arena arena;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice value = SLICE("untouched");
        bool found = form_type_parameter(slice_of(cases[i].value), "charset", &arena, &value);
        CU_ASSERT_EQUAL(found, cases[i].found != NULL);
        CU_ASSERT(slice_equal(value, slice_of(found ? cases[i].found : "untouched")));
    }
    arena_free(&arena);
}

static void a_full_arena_finds_no_parameter(void)
{
    struct arena arena;
    arena_init(&arena, 4);
    struct slice value;
    CU_ASSERT_FALSE(form_type_parameter(SLICE("a/b; charset=iso-8859-15"), "charset", &arena, &value));
    arena_free(&arena);
}

static void content_type_chooses_the_parser(void)
{
    static const struct {
        const char *type;
        enum form_result result;
    } cases[] = {
        {"application/x-www-form-urlencoded", FORM_OK},
        {"APPLICATION/X-WWW-Form-Urlencoded ; charset=UTF-8", FORM_OK},
        {"multipart/form-data; boundary=a", FORM_OK},
        {"Multipart/Form-Data; Boundary=\"a b\"", FORM_OK},
        {"multipart/form-data; boundary=----=_Part(1)'+_,-./:=?", FORM_OK},
        {"multipart/form-data; charset=utf-8; "
         "boundary=0123456789012345678901234567890123456789012345678901234567890123456789",
         FORM_OK},
        {"multipart/form-data; "
         "boundary=01234567890123456789012345678901234567890123456789012345678901234567890",
         FORM_MALFORMED},
        {"multipart/form-data", FORM_MALFORMED},
        {"multipart/form-data; boundary=", FORM_MALFORMED},
        {"multipart/form-data; boundary=\"a \"", FORM_MALFORMED},
        {"multipart/form-data; boundary=\"a\tb\"", FORM_MALFORMED},
        {"multipart/form-data; boundary=a*b", FORM_MALFORMED},
        {"multipart/form-data; boundary=\"\xC3\xBC\"", FORM_MALFORMED},
        {"multipart/form-data; boundary=\"a\\\"", FORM_MALFORMED},
        {"multipart/form-data; boundary=a; boundary=b", FORM_MALFORMED},
        {"multipart/mixed; boundary=a", FORM_UNSUPPORTED},
        {"application/x-www-form-urlencodedx", FORM_UNSUPPORTED},
        {"text/plain", FORM_UNSUPPORTED},
        {"", FORM_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct form_run run = {0};
        form_run_body(&run, slice_of(cases[i].type), SLICE(""));
        bool urlencoded = cases[i].type[0] != 'm' && cases[i].type[0] != 'M';
        /* An empty body is an empty urlencoded form, but a multipart that is not there. */
        CU_ASSERT_EQUAL(run.result,
                        cases[i].result == FORM_OK && !urlencoded ? FORM_MALFORMED : cases[i].result);
        bool not_there = strstr(run.err.text, "No line of the body") != NULL;
        CU_ASSERT_EQUAL(not_there, cases[i].result == FORM_OK && !urlencoded);
        CU_ASSERT_EQUAL(run.err.text[0] == '\0', run.result == FORM_OK);
        form_run_free(&run);
    }
}

static void free_takes_null(void)
{
    form_parser_free(NULL);
}

static const struct unit_test tests[] = {
    {"the media type is what stands before the parameters", media_type_is_what_stands_before_the_parameters},
    {"parameters are found and unquoted", parameters_are_found_and_unquoted},
    {"a full arena finds no parameter", a_full_arena_finds_no_parameter},
    {"Content-Type chooses the parser", content_type_chooses_the_parser},
    {"free takes NULL", free_takes_null},
};
UNIT_SUITE(form_type, tests);
