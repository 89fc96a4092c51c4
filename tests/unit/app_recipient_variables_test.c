#include "app/mailgun/recipient_variables.h"

#include <stdio.h>

#include "unit.h"

struct reading {
    struct arena arena;
    struct recipient_variables variables;
    struct err err;
};

static enum recipient_variables_result read(struct reading *reading, const char *json)
{
    *reading = (struct reading){0};
    arena_init(&reading->arena, (size_t)1024 * 1024);
    return recipient_variables_read(&reading->variables, slice_of(json), &reading->arena, &reading->err);
}

static void reading_free(struct reading *reading)
{
    recipient_variables_free(&reading->variables);
    arena_free(&reading->arena);
}

static struct json_view find(struct reading *reading, const char *address)
{
    struct mailbox mailbox;
    CU_ASSERT_EQUAL_FATAL(
        address_parse_one(&mailbox, slice_of(address), false, &reading->arena, &reading->err), ADDRESS_OK);
    return recipient_variables_find(&reading->variables, &mailbox.address);
}

static void test_refused(void)
{
    static const struct {
        const char *json;
        const char *text;
    } cases[] = {
        {"", "line 1"},
        {"{", "line 1"},
        {"[]", "no object"},
        {"1", "no object"},
        {"null", "no object"},
        {"{\"nobody\": {}}", "nobody"},
        {"{\"a@x.example, b@x.example\": {}}", "not a list"},
        {"{\"a@x.example\": \"x\"}", "are no object"},
        {"{\"a@x.example\": []}", "are no object"},
        {"{\"a@x.example\": {}, \"a@x.example\": {}}", "duplicate"},
        {"{\"a@x.example\": {}, \"b@x.example\": {}, \"A <a@X.example>\": {}}", "a@x.example is there twice"},
        {"{\"a@x.example\": {\"x\": [[[[[[[[]]]]]]]]}}", "inside each other"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reading reading;
        CU_ASSERT_EQUAL(read(&reading, cases[i].json), RECIPIENT_VARIABLES_INVALID);
        if (strstr(reading.err.text, cases[i].text) == NULL) {
            fprintf(stderr, "%s\n  gave: %s\n", cases[i].json, reading.err.text);
        }
        CU_ASSERT_PTR_NOT_NULL(strstr(reading.err.text, cases[i].text));
        CU_ASSERT_PTR_NOT_NULL(strstr(reading.err.text, "give a JSON object"));
        reading_free(&reading);
    }
}

static void test_too_many_values(void)
{
    struct buf json;
    struct reading reading;
    buf_init(&json, (size_t)1024 * 1024);
    CU_ASSERT_TRUE(buf_append_string(&json, "{\"a@x.example\": {\"x\": [0"));
    for (size_t i = 0; i < 200000; i++) {
        CU_ASSERT_TRUE(buf_append_string(&json, ",0"));
    }
    CU_ASSERT_TRUE(buf_append_string(&json, "]}}"));
    CU_ASSERT_EQUAL(read(&reading, buf_cstr(&json)), RECIPIENT_VARIABLES_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(reading.err.text, "too many values"));
    reading_free(&reading);
    buf_free(&json);
}

static void test_no_memory(void)
{
    struct arena arena;
    struct recipient_variables variables;
    struct err err = {0};
    arena_init(&arena, 8);
    CU_ASSERT_EQUAL(recipient_variables_read(&variables, SLICE("{\"a@x.example\": {}}"), &arena, &err),
                    RECIPIENT_VARIABLES_FAILED);
    CU_ASSERT_PTR_NULL(variables.json);
    arena_free(&arena);
}

/* Addresses are compared as everywhere: local parts exactly, domains without case. */
static void test_find(void)
{
    struct reading reading;
    CU_ASSERT_EQUAL_FATAL(read(&reading,
                               "{\"c@x.example\": {}, \"A <a@X.example>\": {}, \"long.er@x.example\": {}, "
                               "\"b@b\xc3\xbc"
                               "cher.example\": {}}"),
                          RECIPIENT_VARIABLES_OK);
    static const struct {
        const char *address;
        bool found;
    } cases[] = {
        {"a@x.example", true},       {"a@X.EXAMPLE", true},
        {"A@x.example", false},      {"b@xn--bcher-kva.example", true},
        {"\"c\"@x.example", true},   {"d@x.example", false},
        {"long.er@x.example", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(find(&reading, cases[i].address).node != NULL, cases[i].found);
    }
    reading_free(&reading);
    CU_ASSERT_EQUAL_FATAL(read(&reading, "{}"), RECIPIENT_VARIABLES_OK);
    CU_ASSERT_PTR_NULL(find(&reading, "a@x.example").node);
    reading_free(&reading);
}

static bool append(void *ctx, struct slice piece)
{
    CU_ASSERT_TRUE(piece.len > 0);
    return buf_append_slice(ctx, piece);
}

#define VALUES                                                                                               \
    "{\"a@x.example\": {\"name\": \"A\xc3\xa4\", \"n\": 7, \"r\": 1.1, \"t\": true, \"f\": false, \"z\": "   \
    "null, "                                                                                                 \
    "\"e\": \"\", \"l\": [1, \"x\"], \"o\": {\"k\": \"v\"}, \"two words\": \"w\", \"v:k\": "                 \
    "\"%recipient.name%\"}}"

static void test_replace(void)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"100% of %recipient", "100% of %recipient"},
        {"%recipient.name%", "A\xc3\xa4"},
        {"<%recipient.name%>", "<A\xc3\xa4>"},
        {"%recipient.n%%recipient.n%", "77"},
        {"%recipient.r% %recipient.t% %recipient.f%", "1.1 true false"},
        {"[%recipient.z%][%recipient.e%]", "[][]"},
        {"%recipient.l% %recipient.o%", "[1,\"x\"] {\"k\":\"v\"}"},
        {"%recipient.two words%", "w"},
        {"%recipient.v:k%", "%recipient.name%"}, /* not again */
        /* left as they are */
        {"%recipient.other%", "%recipient.other%"},
        {"%recipient.Name%", "%recipient.Name%"},
        {"%recipient.%", "%recipient.%"},
        {"%recipient.name", "%recipient.name"},
        {"%Recipient.name%", "%Recipient.name%"},
        {"%recipient_name% %recipient%", "%recipient_name% %recipient%"},
        {"%recipient.x%recipient.n%", "%recipient.x7"},
        {"%recipient.%recipient.n%", "%recipient.7"},
        {"%%recipient.n%%", "%7%"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reading reading;
        struct buf out;
        buf_init(&out, 4096);
        CU_ASSERT_EQUAL_FATAL(read(&reading, VALUES), RECIPIENT_VARIABLES_OK);
        struct json_view values = find(&reading, "a@x.example");
        CU_ASSERT_TRUE(recipient_variables_replace(slice_of(cases[i].text), values, append, &out));
        if (strcmp(buf_cstr(&out), cases[i].expected) != 0) {
            fprintf(stderr, "%s\n  gave: %s\n", cases[i].text, buf_cstr(&out));
        }
        CU_ASSERT_STRING_EQUAL(buf_cstr(&out), cases[i].expected);
        buf_free(&out);
        reading_free(&reading);
    }
}

/* A recipient without variables. */
static void test_replace_nothing(void)
{
    struct buf out;
    buf_init(&out, 100);
    CU_ASSERT_TRUE(
        recipient_variables_replace(SLICE("a %recipient.x% b"), (struct json_view){0}, append, &out));
    CU_ASSERT_STRING_EQUAL(buf_cstr(&out), "a %recipient.x% b");
    buf_clear(&out);
    CU_ASSERT_TRUE(recipient_variables_replace((struct slice){0}, (struct json_view){0}, append, &out));
    CU_ASSERT_STRING_EQUAL(buf_cstr(&out), "");
    CU_ASSERT_TRUE(recipient_variables_used(SLICE("a %recipient.x% b")));
    CU_ASSERT_FALSE(recipient_variables_used(SLICE("a %recipient b")));
    CU_ASSERT_FALSE(recipient_variables_used((struct slice){0}));
    buf_free(&out);
}

/* A key that is too long is none, wherever its end is. */
static void test_long_keys(void)
{
    for (size_t len = RECIPIENT_VARIABLE_KEY_MAX - 1; len <= RECIPIENT_VARIABLE_KEY_MAX + 1; len++) {
        char key[RECIPIENT_VARIABLE_KEY_MAX + 2];
        char text[sizeof key + 16];
        char json[sizeof key + 64];
        struct reading reading;
        struct buf out;
        memset(key, 'k', len);
        key[len] = '\0';
        snprintf(text, sizeof text, "%%recipient.%s%%", key);
        snprintf(json, sizeof json, "{\"a@x.example\": {\"%s\": \"v\"}}", key);
        buf_init(&out, 1024);
        CU_ASSERT_EQUAL_FATAL(read(&reading, json), RECIPIENT_VARIABLES_OK);
        CU_ASSERT_TRUE(
            recipient_variables_replace(slice_of(text), find(&reading, "a@x.example"), append, &out));
        CU_ASSERT_STRING_EQUAL(buf_cstr(&out), len <= RECIPIENT_VARIABLE_KEY_MAX ? "v" : text);
        buf_free(&out);
        reading_free(&reading);
    }
}

static void test_sink_fails(void)
{
    static const char text[] = "ab%recipient.n%cd";
    struct reading reading;
    CU_ASSERT_EQUAL_FATAL(read(&reading, VALUES), RECIPIENT_VARIABLES_OK);
    struct json_view values = find(&reading, "a@x.example");
    for (size_t room = 0; room <= 5; room++) {
        struct buf out;
        buf_init(&out, room);
        CU_ASSERT_EQUAL(recipient_variables_replace(slice_of(text), values, append, &out), room == 5);
        buf_free(&out);
    }
    reading_free(&reading);
}

static const struct unit_test tests[] = {
    {"refused", test_refused},     {"too many values", test_too_many_values},
    {"no memory", test_no_memory}, {"find", test_find},
    {"replace", test_replace},     {"replace nothing", test_replace_nothing},
    {"long keys", test_long_keys}, {"sink fails", test_sink_fails},
};
UNIT_SUITE(app_recipient_variables, tests);
