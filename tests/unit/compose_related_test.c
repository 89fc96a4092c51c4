/* Files that an html shows, and the AMP alternative: the tree of parts for each set of parts that is given. */
#include "compose_run.h"

static struct message_part inlines[200];

static void add_inline(const char *name, const char *type, struct slice content)
{
    t.message.inlines = inlines;
    inlines[t.message.inline_count++] = (struct message_part){
        .field = "inline", .content = blob(content), .type = slice_of(type), .file_name = slice_of(name)};
}

/* The tree as text: "mixed(related(html inline) attachment)". */
static void describe(struct entity entity, char *out, size_t room)
{
    const char *type = field(entity.header, "Content-Type");
    char name[64];
    size_t len = strcspn(type, ";");
    (void)snprintf(name, sizeof name, "%.*s", (int)len, type);
    if (strncmp(name, "multipart/", 10) != 0) {
        bool is_inline = strcmp(field(entity.header, "Content-ID"), "") != 0;
        bool is_file = strcmp(field(entity.header, "Content-Disposition"), "") != 0;
        const char *shown = is_inline ? "inline" : is_file ? "attachment" : name + strcspn(name, "/") + 1;
        (void)snprintf(out + strlen(out), room - strlen(out), "%s", shown);
        return;
    }
    /* part() takes the CRLF before the delimiter off, which here may be the close-delimiter's line end. */
    entity.body.len += 2;
    (void)snprintf(out + strlen(out), room - strlen(out), "%s(", name + 10);
    size_t count = 1;
    for (size_t i = 0; i < count; i++) {
        struct entity child = part(entity, i, &count);
        (void)snprintf(out + strlen(out), room - strlen(out), "%s", i > 0 ? " " : "");
        describe(child, out, room);
    }
    (void)snprintf(out + strlen(out), room - strlen(out), ")");
}

static const char *tree(void)
{
    static char text[400];
    struct entity root = whole();
    text[0] = '\0';
    root.body.len -= 2;
    describe(root, text, sizeof text);
    return text;
}

/* Every set of parts. */
static void test_trees(void)
{
    static const struct {
        const char *given; /* t: text, a: amp, h: html, i: inline, f: attachment */
        const char *expected;
    } cases[] = {
        {"", "plain"},
        {"t", "plain"},
        {"h", "html"},
        {"a", "x-amp-html"},
        {"th", "alternative(plain html)"},
        {"ta", "alternative(plain x-amp-html)"},
        {"ah", "alternative(x-amp-html html)"},
        {"tah", "alternative(plain x-amp-html html)"},
        {"hi", "related(html inline)"},
        {"hii", "related(html inline inline)"},
        {"thi", "related(alternative(plain html) inline)"},
        {"ahi", "related(alternative(x-amp-html html) inline)"},
        {"tahi", "related(alternative(plain x-amp-html html) inline)"},
        {"f", "mixed(attachment)"},
        {"tf", "mixed(plain attachment)"},
        {"hf", "mixed(html attachment)"},
        {"af", "mixed(x-amp-html attachment)"},
        {"thf", "mixed(alternative(plain html) attachment)"},
        {"tahf", "mixed(alternative(plain x-amp-html html) attachment)"},
        {"hif", "mixed(related(html inline) attachment)"},
        {"thiff", "mixed(related(alternative(plain html) inline) attachment attachment)"},
        {"tahif", "mixed(related(alternative(plain x-amp-html html) inline) attachment)"},
        /* Nothing refers to an inline file without an html: it is shown behind the text. */
        {"i", "mixed(inline)"},
        {"ti", "mixed(plain inline)"},
        {"ai", "mixed(x-amp-html inline)"},
        {"tai", "mixed(alternative(plain x-amp-html) inline)"},
        {"if", "mixed(inline attachment)"},
        {"tiff", "mixed(plain inline attachment attachment)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[8] = "a.png";
        struct message *message = begin();
        message->amp.field = "amp-html";
        for (const char *given = cases[i].given; *given != '\0'; given++) {
            struct message_part *texts[] = {&message->text, &message->amp, &message->html};
            const char *text = strchr("tah", *given);
            if (text != NULL) {
                texts[text - "tah"]->content = blob(SLICE("some text"));
            } else if (*given == 'i') {
                add_inline(arena_copy(&t.arena, slice_of(name)), "", SLICE("\x89PNG"));
                name[0]++;
            } else {
                attach("x.bin", "", SLICE("x"));
            }
        }
        run();
        CU_ASSERT_STRING_EQUAL(tree(), cases[i].expected);
        check_all_chunks();
    }
    clean();
}

static void test_related(void)
{
    size_t count;
    struct message *message = begin();
    message->html.content = blob(SLICE("<img src=\"cid:logo.png\">"));
    add_inline("C:\\images\\logo.png", "", SLICE("\x89PNG\r\n\x1a\n"));
    add_inline("a/logo(1)%20'.png", "image/x-own; name=y", SLICE(""));
    run();
    struct entity entity = whole();
    CU_ASSERT_PTR_NOT_NULL(
        strstr(field(entity.header, "Content-Type"), "multipart/related; type=\"text/html\"; boundary="));
    CU_ASSERT_TRUE(body_is(part(entity, 0, &count), "<img src=\"cid:logo.png\">"));
    CU_ASSERT_EQUAL(count, 3);
    struct entity file = part(entity, 1, &count);
    CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Type"), "image/png");
    CU_ASSERT_STRING_EQUAL(field(file.header, "Content-ID"), "<logo.png>");
    CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Disposition"), "inline; filename=\"logo.png\"");
    CU_ASSERT(slice_equal(decoded(file), SLICE("\x89PNG\r\n\x1a\n")));
    file = part(entity, 2, &count);
    CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Type"), "image/x-own");
    CU_ASSERT_STRING_EQUAL(field(file.header, "Content-ID"), "<logo(1)%20'.png>");
    /* RFC 2387 3.1: type is the root's. */
    message->text.content = blob(SLICE("text"));
    run();
    CU_ASSERT_PTR_NOT_NULL(
        strstr(field(whole().header, "Content-Type"), "; type=\"multipart/alternative\"; "));
    clean();
}

static void test_amp(void)
{
    size_t count;
    struct message *message = begin();
    message->text.content = blob(SLICE("text"));
    message->amp.content = blob(SLICE("<html amp4email>\xc3\xa4"));
    message->amp.field = "amp-html";
    message->html.content = blob(SLICE("<p>"));
    run();
    struct entity amp = part(whole(), 1, &count);
    CU_ASSERT_EQUAL(count, 3);
    CU_ASSERT_STRING_EQUAL(field(amp.header, "Content-Type"), "text/x-amp-html; charset=utf-8");
    CU_ASSERT_TRUE(body_is(amp, "<html amp4email>\xc3\xa4"));
    message->amp.content = blob(SLICE("a\xff"));
    check_refused("amp-html", "octet 2 is not valid in the charset UTF-8");
    clean();
}

static void test_content_ids(void)
{
    static const char *const refused[] = {"",    "dir/", "..",    "my logo.png",    "a\tb", "a\r\nBcc: x",
                                          "<a>", "a\"b", "a\x7f", "l\xc3\xb6go.png"};
    struct message *message;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        message = begin();
        message->html.content = blob(SLICE("x"));
        add_inline(refused[i], "", SLICE("x"));
        check_refused("inline", "cannot be one: give it one or more printable ASCII characters");
    }
    message = begin();
    message->html.content = blob(SLICE("x"));
    add_inline("a.png", "", SLICE("x"));
    add_inline("b.png", "", SLICE("x"));
    add_inline("A.png", "", SLICE("x")); /* another: Content-IDs have case */
    run();
    add_inline("dir/b.png", "", SLICE("y"));
    check_refused("inline", "two inline files are called \"b.png\"");
    /* Without an html it is one too. */
    message->html.content = NULL;
    check_refused("inline", "two inline files are called \"b.png\"");
    message = begin();
    add_inline(times(995, "x").data, "", SLICE("x"));
    run();
    message = begin();
    add_inline(times(996, "x").data, "", SLICE("x"));
    check_refused("inline", "too long");
    clean();
}

/* As many as a form may have. */
static void test_many(void)
{
    struct message *message = begin();
    message->html.content = blob(SLICE("x"));
    struct blob *content = blob(SLICE("x"));
    message->inlines = inlines;
    for (size_t i = 0; i < sizeof inlines / sizeof inlines[0]; i++) {
        char *name = arena_printf(&t.arena, "%zu.png", i * 7919 % 200);
        inlines[message->inline_count++] =
            (struct message_part){.field = "inline", .content = content, .file_name = slice_of(name)};
    }
    size_t count;
    run();
    (void)part(whole(), 0, &count);
    CU_ASSERT_EQUAL(count, 201);
    inlines[199].file_name = SLICE("0.png");
    check_refused("inline", "two inline files are called \"0.png\"");
    clean();
}

static const struct unit_test tests[] = {
    {"trees", test_trees}, {"related", test_related}, {"amp", test_amp}, {"content ids", test_content_ids},
    {"many", test_many},
};

UNIT_SUITE(compose_related, tests);
