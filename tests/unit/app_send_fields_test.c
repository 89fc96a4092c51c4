#include <stdio.h>

#include "app_fixture.h"
#include "fcgi_smtp/json.h"
#include "fcgi_smtp/secret.h"
#include "memory_search.h"
#include "unit.h"

/* "name=value" of each value that was given, in order; contents that stay in their blobs show as they are. */
static void describe(struct app_fixture *fixture, struct buf *out)
{
    for (size_t i = 0; i < fixture->fields.count; i++) {
        const struct send_value *value = &fixture->fields.values[i];
        struct slice text = value->text;
        if (text.data == NULL) {
            CU_ASSERT_TRUE(blob_view(&value->source->content, &text, NULL));
        }
        CU_ASSERT_TRUE(buf_printf(out, "%s%.*s=%.*s", i > 0 ? "|" : "", SLICE_ARGS(value->source->name),
                                  SLICE_ARGS(text)));
    }
}

struct sorting {
    const char *type;
    const char *body;
    const char *values;      /* of describe; NULL: not looked at */
    const char *error_field; /* the first error's; "" if there is none */
    const char *error;       /* part of its text */
    size_t errors;
    size_t unknown;
};

static void check_sorting(const struct sorting *sorting)
{
    struct app_fixture fixture;
    struct buf values;
    app_fixture_init(&fixture, SERVER);
    buf_init(&values, 4096);
    app_fixture_sort(&fixture, sorting->type, slice_of(sorting->body));
    describe(&fixture, &values);
    if (sorting->values != NULL) {
        CU_ASSERT_STRING_EQUAL(buf_cstr(&values), sorting->values);
    }
    CU_ASSERT_EQUAL(fixture.errors.count, sorting->errors);
    CU_ASSERT_EQUAL(fixture.errors.unknown, sorting->unknown);
    CU_ASSERT_STRING_EQUAL(fixture.errors.first.field, sorting->error_field);
    app_fixture_expect(fixture.errors.first.text, sorting->error, sorting->body);
    buf_free(&values);
    app_fixture_free(&fixture);
}

static void check_all(const struct sorting *sortings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_sorting(&sortings[i]);
    }
}

#define CHECK(table) check_all(table, sizeof(table) / sizeof(table)[0])

static void test_names(void)
{
    static const struct sorting cases[] = {
        {URLENCODED, "from=a%40x&to=b&to=c&cc=d&bcc=e&rcpt=f&reply_to=g",
         "from=a@x|to=b|to=c|cc=d|bcc=e|rcpt=f|reply_to=g", "", "", 0, 0},
        {URLENCODED, "h:X-A=1&h:X-A=2&h:=3", "h:X-A=1|h:X-A=2", "h:", "There is no field \"h:\"", 1, 1},
        {URLENCODED, "subjet=x&txt=y&zzzzzz=z", "", "subjet", "did you mean \"subject\"?", 3, 3},
        {URLENCODED, "Subject=x", "", "Subject", "did you mean \"subject\"?", 1, 1},
        {URLENCODED, "zzzzzz=", "", "zzzzzz", "remove it, or send a header of your own as h:NAME", 1, 1},
        {URLENCODED, "", "", "", "", 0, 0},
    };
    CHECK(cases);
}

static void test_repeats(void)
{
    static const struct sorting cases[] = {
        {URLENCODED, "from=a&from=b", "from=a", "from", "from is given more than once; give it once", 1, 0},
        {URLENCODED, "text=a&text=b&text=c", "text=a", "text", "more than once", 2, 0},
        {URLENCODED, "dry_run=1&dry_run=1", "dry_run=1", "dry_run", "more than once", 1, 0},
        {URLENCODED, "_charset_=utf-8&_charset_=utf-8", NULL, "_charset_", "more than once", 1, 0},
        {URLENCODED, "text=a&body=b", "text=a|body=b", "body", "text and body mean the same", 1, 0},
        {URLENCODED, "text=a&zzzzzz=b&text=b", "text=a", "zzzzzz", "no field", 2, 1},
    };
    CHECK(cases);
}

/* An empty value counts as not given, wherever it stands. */
static void test_empty_values(void)
{
    static const struct sorting cases[] = {
        {URLENCODED, "from=&from=a&from=&to=&to=b&subject=&h:X=", "from=a|to=b", "", "", 0, 0},
        {URLENCODED, "text=&text=a&text=", "text=|text=a", "", "", 0, 0},
        {URLENCODED, "text=&body=a", "text=|body=a", "", "", 0, 0},
        {URLENCODED, "_charset_=&_charset_=utf-8", NULL, "", "", 0, 0},
        {URLENCODED, "attachment=", "", "", "", 0, 0},
        {BOUNDARY, FILE_PART("attachment", "empty.txt", "") LAST, "attachment=", "", "", 0, 0},
        {BOUNDARY, FILE_PART("attachment", "", "") LAST, "", "", "", 0, 0},
    };
    CHECK(cases);
}

static void test_empty_texts(void)
{
    static const struct {
        const char *form;
        const char *text, *body, *html; /* NULL: not given */
    } cases[] = {
        {"text=", "", NULL, NULL},         {"body=", NULL, "", NULL},
        {"text=&body=", NULL, "", NULL},   {"html=", NULL, NULL, NULL},
        {"text=&html=x", NULL, NULL, "x"}, {"text=x&html=", "x", NULL, NULL},
        {"text=&body=x", NULL, "x", NULL}, {"text=&text=x", "x", NULL, NULL},
        {"text=&html=", NULL, NULL, NULL},
    };
    static const enum send_field fields[] = {SEND_TEXT, SEND_BODY, SEND_HTML};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const expected[] = {cases[i].text, cases[i].body, cases[i].html};
        struct app_fixture fixture;
        app_fixture_init(&fixture, SERVER);
        app_fixture_sort(&fixture, URLENCODED, slice_of(cases[i].form));
        CU_ASSERT_EQUAL(fixture.errors.count, 0);
        for (size_t k = 0; k < 3; k++) {
            const struct send_value *value = fixture.fields.single[fields[k]];
            struct slice view = {0};
            CU_ASSERT_EQUAL(value != NULL, expected[k] != NULL);
            CU_ASSERT_TRUE(value == NULL || (blob_view(&value->source->content, &view, NULL) &&
                                             slice_equal(view, slice_of(expected[k]))));
        }
        app_fixture_free(&fixture);
    }
}

static void test_files(void)
{
    static const struct sorting cases[] = {
        {BOUNDARY,
         FILE_PART("text", "t", "a") FILE_PART("html", "h", "b") FILE_PART("subject", "s", "c") LAST,
         "text=a|html=b|subject=c", "", "", 0, 0},
        {BOUNDARY, FILE_PART("attachment", "a", "1") FILE_PART("attachment", "", "2") LAST,
         "attachment=1|attachment=2", "", "", 0, 0},
        {BOUNDARY, FILE_PART("to", "t", "a@x") PART("from", "b@x") LAST, "from=b@x", "to",
         "to is a file; send it as a plain field", 1, 0},
        {BOUNDARY, FILE_PART("h:X", "t", "a") LAST, "", "h:X", "h:X is a file", 1, 0},
        {BOUNDARY, FILE_PART("_charset_", "t", "utf-8") LAST, "", "_charset_", "is a file", 1, 0},
        {BOUNDARY, FILE_PART("password", "t", "x") LAST, "", "password", "is a file", 1, 0},
        {BOUNDARY, PART("attachment", "x") LAST, "", "attachment", "curl -F attachment=@FILE", 1, 0},
        {BOUNDARY, FILE_PART("file", "t", "x") LAST, "", "file", "There is no field \"file\"", 1, 1},
    };
    CHECK(cases);
}

static void test_octets(void)
{
    static const struct sorting cases[] = {
        {URLENCODED, "subject=Gr%C3%BC%C3%9Fe",
         "subject=Gr\xC3\xBC\xC3\x9F"
         "e",
         "", "", 0, 0},
        {URLENCODED, "subject=ab%FCc", "", "subject", "subject is not valid UTF-8 at octet 3", 1, 0},
        {URLENCODED, "subject=a%00b", "", "subject", "subject holds a NUL; remove it", 1, 0},
        {URLENCODED, "subject=%FC&_charset_=ISO-8859-1&to=%E4", NULL, "", "", 0, 0},
        {URLENCODED, "subject=%A4&_charset_=iso-8859-15", "subject=\xE2\x82\xAC|_charset_=iso-8859-15", "",
         "", 0, 0},
        {URLENCODED, "subject=x&_charset_=nonsense", NULL, "_charset_",
         "The charset \"nonsense\" is not known; send UTF-8", 1, 0},
        {URLENCODED, "subject=x&_charset_=utf-8//IGNORE", NULL, "_charset_", "is not known", 1, 0},
        {URLENCODED, "subject=ab%FF&_charset_=us-ascii", NULL, "subject", "not valid us-ascii at octet 3", 1,
         0},
        {URLENCODED, "subject=%E3%81&_charset_=euc-jp", NULL, "subject", "not valid euc-jp", 1, 0},
        {URLENCODED, "subject=%00a&_charset_=utf-16be", "subject=a|_charset_=utf-16be", "", "", 0, 0},
        {URLENCODED, "subject=%00a%00%00&_charset_=utf-16be", "_charset_=utf-16be", "subject", "holds a NUL",
         1, 0},
        /* texts are compose's matter */
        {URLENCODED, "text=%FC", "text=\xFC", "", "", 0, 0},
    };
    CHECK(cases);
}

/* Each octet of TSCII may become several characters: room for them is no question of memory. */
static void test_growing_charset(void)
{
    static const struct sorting cases[] = {
        {URLENCODED, "subject=%AA%AA%AA%AA%87%87%87&_charset_=TSCII", NULL, "", "", 0, 0}};
    CHECK(cases);
}

static void test_part_charset(void)
{
    static const struct sorting cases[] = {
        {BOUNDARY,
         "--B\r\nContent-Disposition: form-data; name=\"subject\"\r\nContent-Type: text/plain; "
         "charset=iso-8859-15\r\n\r\n\xA4\r\n" PART("to", "\xE2\x82\xAC") LAST,
         "subject=\xE2\x82\xAC|to=\xE2\x82\xAC", "", "", 0, 0},
        {BOUNDARY,
         "--B\r\nContent-Disposition: form-data; name=\"subject\"\r\nContent-Type: text/plain; "
         "charset=what\r\n\r\nx\r\n" LAST,
         "", "subject", "The charset \"what\" is not known", 1, 0},
    };
    CHECK(cases);
}

static void test_limits(void)
{
    static const struct {
        const char *name;
        bool is_file;
        uint64_t limit;
    } cases[] = {
        {"from", false, 65536},     {"to", false, 65536},
        {"to", true, 65536},        {"password", false, 65536},
        {"subject", false, 8192},   {"h:X", false, 8192},
        {"h:X", true, 8192},        {"text", false, 4194304},
        {"html", true, 4194304},    {"attachment", true, UINT64_MAX},
        {"unknown", false, 65536},  {"unknown", true, UINT64_MAX},
        {"_charset_", false, 8192},
    };
    struct app_fixture fixture;
    app_fixture_init(&fixture, SERVER);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t limit = send_field_limit(&fixture.config->limits, slice_of(cases[i].name), cases[i].is_file);
        CU_ASSERT_EQUAL(limit, cases[i].limit);
    }
    app_fixture_free(&fixture);
}

static size_t count_in(const char *text, const char *piece)
{
    size_t count = 0;
    for (const char *at = strstr(text, piece); at != NULL; at = strstr(at + 1, piece)) {
        count++;
    }
    return count;
}

/* All errors are counted, a bounded number is listed. */
static void test_error_list(void)
{
    struct app_fixture fixture;
    struct buf body;
    struct buf list;
    app_fixture_init(&fixture, SERVER);
    buf_init(&body, 65536);
    buf_init(&list, 65536);
    for (int i = 0; i < 150; i++) {
        CU_ASSERT_TRUE(buf_printf(&body, "nonsense%d=x&", i));
    }
    app_fixture_sort(&fixture, URLENCODED, buf_slice(&body));
    CU_ASSERT_EQUAL(fixture.errors.count, 150);
    CU_ASSERT_EQUAL(fixture.errors.unknown, 150);
    CU_ASSERT_TRUE(json_write(fixture.errors.list, &list));
    CU_ASSERT_EQUAL(count_in(buf_cstr(&list), "\"field\":"), FIELD_ERRORS_LISTED_MAX);
    CU_ASSERT_PTR_NOT_NULL(strstr(
        buf_cstr(&list), "{\"field\":\"nonsense99\",\"detail\":\"There is no field \\\"nonsense99\\\""));
    buf_free(&body);
    buf_free(&list);
    app_fixture_free(&fixture);
}

/* Hostile names reach the error neither raw nor whole. */
static void test_error_text(void)
{
    struct field_errors errors = {0};
    field_errors_add(&errors, SLICE("a\nb"), "%s", "line\r\nbreak");
    CU_ASSERT_STRING_EQUAL(errors.first.field, "a?b");
    CU_ASSERT_STRING_EQUAL(errors.first.text, "line??break");
    field_errors_free(&errors);
    CU_ASSERT_PTR_NULL(errors.list);
    CU_ASSERT_EQUAL(errors.count, 0);
}

static bool all_zero(struct slice octets)
{
    for (size_t i = 0; i < octets.len; i++) {
        if (octets.data[i] != '\0') {
            return false;
        }
    }
    return octets.len > 0;
}

/* Every password stays in memory that is wiped: also one that was repeated, converted or refused. */
static void test_wipe(void)
{
    static const char *const bodies[] = {
        "password=secret",
        "password=secret&password=second",
        "password=s%FCcret&_charset_=iso-8859-1",
        "password=s%FCcret",
        "password=se%00cret",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct app_fixture fixture;
        app_fixture_init(&fixture, SERVER);
        app_fixture_sort(&fixture, URLENCODED, slice_of(bodies[i]));
        send_fields_wipe(&fixture.fields);
        const struct send_value *value = fixture.fields.single[SEND_PASSWORD];
        CU_ASSERT_TRUE(value == NULL || all_zero(value->text));
        for (struct form_field *field = fixture.form.first; field != NULL; field = field->next) {
            CU_ASSERT_EQUAL(field->content.secret, slice_equal(field->name, SLICE("password")));
        }
        app_fixture_free(&fixture);
    }
}

/* The second one is refused, but it was converted before that was known. */
static void test_wipe_repeated(void)
{
    char body[256] = "_charset_=iso-8859-1&password=first&password=";
    struct app_fixture fixture;
    memory_secret(70, body + strlen(body));
    app_fixture_init(&fixture, SERVER);
    app_fixture_sort(&fixture, URLENCODED, slice_of(body));
    secret_wipe(body, sizeof body);
    CU_ASSERT_EQUAL(fixture.errors.count, 1);
    send_fields_wipe(&fixture.fields);
    blob_store_free(&fixture.blobs);
    CU_ASSERT_EQUAL(memory_search(70), 0);
    app_fixture_free(&fixture);
}

static const struct unit_test tests[] = {
    {"names", test_names},
    {"repeated fields", test_repeats},
    {"empty values", test_empty_values},
    {"empty texts", test_empty_texts},
    {"files and plain fields", test_files},
    {"octets and charsets", test_octets},
    {"a charset that grows", test_growing_charset},
    {"a part's own charset", test_part_charset},
    {"limits", test_limits},
    {"the list of errors is bounded", test_error_list},
    {"error texts are printable", test_error_text},
    {"passwords are wiped", test_wipe},
    {"repeated passwords are wiped", test_wipe_repeated},
};

UNIT_SUITE(app_send_fields, tests);
