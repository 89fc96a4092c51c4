#include "app/website/template.h"

#include <stdio.h>

#include "app/pages/html.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void expect(const struct buf *out, const char *expected, const char *what)
{
    if (strcmp(buf_cstr(out), expected) != 0) {
        fprintf(stderr, "%s\n  gave:     %s\n  expected: %s\n", what, buf_cstr(out), expected);
    }
    CU_ASSERT_STRING_EQUAL(buf_cstr(out), expected);
}

static const struct template_value values[] = {
    {SLICE_INIT("name"), SLICE_INIT("Ada <a@b> & \"C'o\"")},
    {SLICE_INIT("topic"), SLICE_INIT("one")},
    {SLICE_INIT("topic"), SLICE_INIT("")},
    {SLICE_INIT("empty"), SLICE_INIT("")},
    {SLICE_INIT("topic"), SLICE_INIT("two")},
    {SLICE_INIT("tricky"), SLICE_INIT("{{name}}")},
    {SLICE_INIT("Gr\xC3\xB6\xC3\x9F"), SLICE_INIT("10")},
    {SLICE_INIT("a b"), SLICE_INIT("x")},
    {SLICE_INIT("\xE2\x82\xAC"), SLICE_INIT("\xE2\x82\xAC")},
};

static void test_fill(void)
{
    static const struct {
        const char *template;
        const char *plain;
        const char *html; /* NULL: the same */
    } cases[] = {
        {"", "", NULL},
        {"no places", "no places", NULL},
        {"<b>{{name}}</b>", "<b>Ada <a@b> & \"C'o\"</b>", "<b>Ada &lt;a@b&gt; &amp; &quot;C&#39;o&quot;</b>"},
        {"{{name}}{{name}}", "Ada <a@b> & \"C'o\"Ada <a@b> & \"C'o\"",
         "Ada &lt;a@b&gt; &amp; &quot;C&#39;o&quot;Ada &lt;a@b&gt; &amp; &quot;C&#39;o&quot;"},
        {"{{ topic }}", "one, two", NULL},
        {"{{\ttopic}}.", "one, two.", NULL},
        {"[{{empty}}{{unknown}}]", "[]", NULL},
        {"{{tricky}}", "{{name}}", NULL}, /* a value is never a template */
        {"{{Gr\xC3\xB6\xC3\x9F}} {{a b}} {{\xE2\x82\xAC}}", "10 x \xE2\x82\xAC", NULL},
        {"{ {a} } }} {}", "{ {a} } }} {}", NULL},
        {"{{Topic}}", "", NULL}, /* names have a case */
        {"a\n{{topic}}\nb\n", "a\none, two\nb\n", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena arena;
        struct template template;
        struct err err = {0};
        struct buf out;
        arena_init(&arena, 65536);
        buf_init(&out, 65536);
        CU_ASSERT_TRUE(template_parse(&template, slice_of(cases[i].template), &arena, &err));
        CU_ASSERT_TRUE(template_fill(&template, values, COUNT(values), TEMPLATE_PLAIN, &out));
        expect(&out, cases[i].plain, cases[i].template);
        buf_clear(&out);
        CU_ASSERT_TRUE(template_fill(&template, values, COUNT(values), TEMPLATE_HTML, &out));
        expect(&out, cases[i].html != NULL ? cases[i].html : cases[i].plain, cases[i].template);
        buf_free(&out);
        arena_free(&arena);
    }
}

static void test_errors(void)
{
    char long_name[TEMPLATE_NAME_MAX + 6] = "{{";
    memset(long_name + 2, 'a', TEMPLATE_NAME_MAX + 1);
    memcpy(long_name + 2 + TEMPLATE_NAME_MAX + 1, "}}", 3);
    const struct {
        const char *template;
        const char *text;
    } cases[] = {
        {"{{", "\"{{\" is not closed by }}"},
        {"x {{name", "\"{{name\" is not closed by }}"},
        {"{{name}", "\"{{name}\" is not closed by }}"},
        {"{{a}} {{b", "\"{{b\" is not closed by }}"},
        {"{{}}", "\"{{}}\" names no field"},
        {"{{  }}", "\"{{  }}\" names no field"},
        {"{{{name}}}", "\"{{{name}}\" names no field"},
        {"{{a {{b}}", "\"{{a {{b}}\" names no field"},
        {"{{#each}}", "\"{{#each}}\" names no field"},
        {"{{/each}}", "\"{{/each}}\" names no field"},
        {"{{^a}}", "names no field"},
        {"{{!a}}", "names no field"},
        {"{{&a}}", "names no field"},
        {"{{>a}}", "names no field"},
        {"{{=a}}", "names no field"},
        {"{{a\nb}}", "names no field"},
        {long_name, "names no field"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena arena;
        struct template template;
        struct err err = {0};
        arena_init(&arena, 65536);
        CU_ASSERT_FALSE(template_parse(&template, slice_of(cases[i].template), &arena, &err));
        if (strstr(err.text, cases[i].text) == NULL) {
            fprintf(stderr, "%s: %s\n", cases[i].template, err.text);
        }
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].text));
        arena_free(&arena);
    }
}

static void test_uses(void)
{
    struct arena arena;
    struct template template;
    arena_init(&arena, 65536);
    CU_ASSERT_TRUE(template_parse(&template, SLICE("name {{topic}} {{ a b }}"), &arena, NULL));
    CU_ASSERT_TRUE(template_uses(&template, SLICE("topic")));
    CU_ASSERT_TRUE(template_uses(&template, SLICE("a b")));
    CU_ASSERT_FALSE(template_uses(&template, SLICE("name")));
    CU_ASSERT_FALSE(template_uses(&template, SLICE("")));
    arena_free(&arena);
}

/* No room at any length is noticed, and never passed. */
static void test_bounds(void)
{
    static const char text[] = "a{{topic}}b{{name}}c";
    struct arena arena;
    struct template template;
    arena_init(&arena, 65536);
    CU_ASSERT_TRUE(template_parse(&template, slice_of(text), &arena, NULL));
    struct buf whole;
    buf_init(&whole, 1000);
    CU_ASSERT_TRUE(template_fill(&template, values, COUNT(values), TEMPLATE_HTML, &whole));
    for (size_t limit = 0; limit < whole.len; limit++) {
        struct buf out;
        buf_init(&out, limit);
        CU_ASSERT_FALSE(template_fill(&template, values, COUNT(values), TEMPLATE_HTML, &out));
        CU_ASSERT(out.len <= limit);
        buf_free(&out);
    }
    buf_free(&whole);
    arena_free(&arena);
    for (size_t limit = 0; limit < 2 * sizeof(struct template_piece); limit++) {
        struct err err = {0};
        arena_init(&arena, limit);
        CU_ASSERT_FALSE(template_parse(&template, slice_of(text), &arena, &err));
        CU_ASSERT_STRING_EQUAL(err.text, "There is no memory left for the template");
        arena_free(&arena);
    }
}

static void test_escape(void)
{
    static const struct {
        struct slice text;
        const char *expected;
    } cases[] = {
        {SLICE_INIT(""), ""},
        {SLICE_INIT("plain \xC3\xA4\n\t\r"), "plain \xC3\xA4\n\t\r"},
        {SLICE_INIT("<>&\"'"), "&lt;&gt;&amp;&quot;&#39;"},
        {SLICE_INIT("a<b"), "a&lt;b"},
        {SLICE_INIT("&amp;"), "&amp;amp;"},
        {SLICE_INIT("\0\x01\x7F"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {SLICE_INIT("</textarea><script>"), "&lt;/textarea&gt;&lt;script&gt;"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out;
        buf_init(&out, 1000);
        CU_ASSERT_TRUE(html_append_escaped(&out, cases[i].text));
        expect(&out, cases[i].expected, "escape");
        buf_free(&out);
    }
    /* whatever octet: nothing that ends an attribute or begins an element gets out */
    for (int c = 0; c < 256; c++) {
        struct buf out;
        char octet = (char)c;
        buf_init(&out, 10);
        CU_ASSERT_TRUE(html_append_escaped(&out, (struct slice){&octet, 1}));
        CU_ASSERT_PTR_NULL(strpbrk(buf_cstr(&out), "<>\"'"));
        CU_ASSERT(out.len > 0);
        buf_free(&out);
    }
}

static const struct unit_test tests[] = {
    {"fill", test_fill},     {"errors", test_errors}, {"uses", test_uses},
    {"bounds", test_bounds}, {"escape", test_escape},
};
UNIT_SUITE(app_template, tests);
