/* The writer of header fields. */
#include "mime/header.h"

#include "header_run.h"
#include "mime/file_name.h"

static void test_text(void)
{
    static const struct {
        struct slice text;
        const char *expected;
    } cases[] = {
        {TEXT("hello world"), "S: hello world\r\n"},
        {TEXT(" \thello\t "), "S: hello\r\n"},
        {TEXT(""), "S:\r\n"},
        {TEXT("Gr\xc3\xbc\xc3\x9f"
              "e"),
         "S: =?utf-8?B?R3LDvMOfZQ==?=\r\n"},
        /* Encoded already: not twice. */
        {TEXT("=?iso-8859-1?q?Gr=FC=DFe?="), "S: =?utf-8?B?R3LDvMOfZQ==?=\r\n"},
        {TEXT("=?utf-8?q?plain?="), "S: plain\r\n"},
        {TEXT("Re: =?iso-8859-1?q?Gr=FC=DFe?= aus =?utf-8?b?S8O2bG4=?="),
         "S: Re: =?utf-8?B?R3LDvMOfZQ==?= aus =?utf-8?B?S8O2bG4=?=\r\n"},
        {TEXT("=?shift_jis?b?k/qWew==?= =?iso-2022-jp?b?GyRCRnxLXBsoQg==?="),
         "S: =?utf-8?B?5pel5pys5pel5pys?=\r\n"},
        /* Both kinds in one text. */
        {TEXT("=?iso-8859-1?q?=E4?= \xc3\xb6"), "S: =?utf-8?B?w6Qgw7Y=?=\r\n"},
        {TEXT("=?utf-8?q?_plain_?="), "S: plain\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin("S");
        header_text(&header, cases[i].text);
        CU_ASSERT(is(cases[i].expected));
    }
    /* What looks encoded and is not, is encoded: no reader takes it for more than it is. */
    begin("S");
    header_text(&header, SLICE("=?utf-8?q?=0D=0ABcc:_x?="));
    CU_ASSERT_EQUAL(header.result, COMPOSE_OK);
    CU_ASSERT_PTR_NULL(strstr(buf_cstr(&out), "=0D=0A"));
    /* A word that no fold can break. */
    begin("S");
    header_text(&header, many('x', 3000));
    header_end(&header);
    CU_ASSERT_EQUAL(header.result, COMPOSE_OK);
    CU_ASSERT(strcspn(buf_cstr(&out), "\r") <= 78);
    end();
}

static void test_refused_octets(void)
{
    static const struct {
        struct slice text;
        const char *why;
    } cases[] = {
        {TEXT("a\rb"), "octet 2 is a line end or NUL"},       {TEXT("a\nb"), "octet 2 is a line end or NUL"},
        {TEXT("\r\n b"), "octet 1 is a line end or NUL"},     {TEXT("ab\0"), "octet 3 is a line end or NUL"},
        {TEXT("abc\xff"), "octet 4 is not valid UTF-8"},      {TEXT("\xc3"), "octet 1 is not valid UTF-8"},
        {TEXT("\xed\xa0\x80"), "octet 1 is not valid UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin("S");
        header_text(&header, cases[i].text);
        CU_ASSERT(is_refused(cases[i].why));
        begin("S");
        header_word(&header, cases[i].text, "");
        CU_ASSERT(is_refused(cases[i].why));
        begin("S");
        header_words(&header, cases[i].text);
        CU_ASSERT_EQUAL(header.result, COMPOSE_INVALID);
        begin("S");
        header_parameter(&header, SLICE("p"), cases[i].text);
        CU_ASSERT(is_refused(cases[i].why));
        begin("S");
        file_name_write(&header, cases[i].text);
        CU_ASSERT(is_refused(cases[i].why));
        struct mailbox mailbox = {.name = cases[i].text, .address = {.text = SLICE("a@b")}};
        struct address_list list = {.mailboxes = &mailbox, .count = 1};
        begin("S");
        header_addresses(&header, &list);
        CU_ASSERT(is_refused(cases[i].why));
        mailbox = (struct mailbox){.address = {.text = cases[i].text, .utf8 = true}};
        begin("S");
        header_addresses(&header, &list);
        CU_ASSERT(is_refused(cases[i].why));
        struct address_group group = {.name = cases[i].text};
        list = (struct address_list){.groups = &group, .group_count = 1};
        begin("S");
        header_addresses(&header, &list);
        CU_ASSERT(is_refused(cases[i].why));
    }
    begin("S");
    header_word(&header, SLICE("\xc3\xbc"), "");
    CU_ASSERT(is_refused("only ASCII"));
    begin("S");
    header_parameter(&header, SLICE("p"), SLICE("\xc3\xbc"));
    CU_ASSERT(is_refused("not ASCII"));
    end();
}

/* The colon and what ends a group are folded with the rest: a line with an encoded word has at most 76 octets. */
static void test_group_folding(void)
{
    struct address_list list = {.group_count = 2};
    struct mailbox mailbox = {.name = SLICE("J\xc3\xbcrgen"), .address = {.text = SLICE("j@example.com")}};
    char name[200];
    for (size_t octets = 2; octets < sizeof name; octets++) { /* an odd one ends in a literal word */
        for (size_t i = 0; i + 1 < octets; i += 2) {
            memcpy(name + i, "\xc3\xbc", 2);
        }
        if (octets % 2 == 1) {
            memcpy(name + octets - 3, " xy", 3);
        }
        struct address_group groups[] = {{.name = {name, octets}}, {.name = {name, octets}, .count = 1}};
        list.groups = groups;
        list.mailboxes = &mailbox;
        list.count = 1;
        begin("To");
        header_addresses(&header, &list);
        header_end(&header);
        CU_ASSERT_EQUAL(header.result, COMPOSE_OK);
        for (const char *line = buf_cstr(&out); *line != '\0'; line = strstr(line, "\r\n") + 2) {
            CU_ASSERT(strcspn(line, "\r") <= 76 && strspn(line, " ") < strcspn(line, "\r"));
        }
    }
    end();
}

static void test_words(void)
{
    begin("S");
    header_words(&header, SLICE(" a  b\tc "));
    CU_ASSERT(is("S: a b c\r\n"));
    /* Folded where the line is full; the first word never stands on a line of its own without need. */
    begin("S");
    header_word(&header, many('x', 100), ",");
    header_word(&header, SLICE("y"), "");
    header_end(&header);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&out) + 103, ",\r\n y\r\n");
    begin("S");
    header_word(&header, many('x', 996), ",");
    header_end(&header);
    CU_ASSERT(strncmp(buf_cstr(&out), "S:\r\n x", 6) == 0 && out.len == 4 + 998 + 2);
    begin("S");
    header_word(&header, many('x', 997), ",");
    CU_ASSERT(is_refused("a word of 997 octets cannot be folded"));
    begin("S");
    header_parameter(&header, SLICE("p"), many('x', 995));
    CU_ASSERT(is_refused("too long"));
    end();
}

/* Each failure stays, and nothing is written behind it. */
static void test_failure_stays(void)
{
    begin("S");
    header_word(&header, SLICE("\r"), "");
    size_t len = out.len;
    char text[ERR_TEXT_MAX];
    memcpy(text, err.text, sizeof text);
    header_word(&header, SLICE("x"), "");
    header_text(&header, SLICE("\xff"));
    header_refuse(&header, "another");
    header_parameter(&header, SLICE("p"), SLICE("q"));
    file_name_write(&header, SLICE("x"));
    header_end(&header);
    CU_ASSERT_EQUAL(out.len, len);
    CU_ASSERT_STRING_EQUAL(err.text, text);
    CU_ASSERT_EQUAL(header.result, COMPOSE_INVALID);
    end();
}

static void test_no_room(void)
{
    begin_room("S", 10);
    header_word(&header, many('x', 20), "");
    CU_ASSERT(is_refused("the header fields of the message are over 10 octets"));
    begin_room("S", 10);
    header_text(&header, SLICE("\xc3\xbc"));
    CU_ASSERT(is_refused("the header fields of the message are over 10 octets"));
    end();
}

static void test_addresses(void)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"a@b", "To: a@b\r\n"},
        {"Ann Lee <a@b>", "To: Ann Lee <a@b>\r\n"},
        {"\"Lee, Ann\" <a@b>", "To: \"Lee, Ann\" <a@b>\r\n"},
        {"John Q. Public <a@b>", "To: \"John Q. Public\" <a@b>\r\n"},
        {"\"a\\\"b\" <a@b>", "To: \"a\\\"b\" <a@b>\r\n"},
        {"J\xc3\xbcrgen <a@b>", "To: =?utf-8?Q?J=C3=BCrgen?= <a@b>\r\n"},
        {"=?utf-8?q?J=C3=BCrgen?= <a@b>", "To: =?utf-8?Q?J=C3=BCrgen?= <a@b>\r\n"},
        {"=?iso-8859-1?q?J=FCrgen?= <a@b>", "To: =?utf-8?Q?J=C3=BCrgen?= <a@b>\r\n"},
        {"=?windows-1252?b?gA==?= =?utf-8?q?_x?= <a@b>", "To: =?utf-8?B?4oKs?= x <a@b>\r\n"},
        /* What an encoded word hides stays a name. */
        {"=?utf-8?q?=3Cevil=40x=3E=2C_y?= <a@b>", "To: \"<evil@x>, y\" <a@b>\r\n"},
        {"=?utf-8?q?a=40evil=2C_=C3=A4?= <a@b>", "To: =?utf-8?B?YUBldmlsLCDDpA==?= <a@b>\r\n"},
        {"\"a@evil.example x\"@b", "To: \"a@evil.example x\"@b\r\n"},
        {"j\xc3\xbc@b, k@l", "To: j\xc3\xbc@b, k@l\r\n"},
        {"X <j\xc3\xbc@b>", "To: X <j\xc3\xbc@b>\r\n"},
        {"nobody:;", "To: nobody:;\r\n"},
        {"a@b, A: c@d, e@f;, B:;, g@h", "To: a@b, A: c@d, e@f;, B:;, g@h\r\n"},
        {"A:a@b;,B:c@d;", "To: A: a@b;, B: c@d;\r\n"},
        {"A:;,B:;,a@b", "To: A:;, B:;, a@b\r\n"},
        {"\xc3\x84, B: a@b;", NULL},
        {"\xc3\x84: a@b;", "To: =?utf-8?B?w4Q=?= : a@b;\r\n"},
        {"\"\xc3\x84, B\": a@b;", "To: =?utf-8?B?w4Qs?= B: a@b;\r\n"},
        /* Each mailbox on a line of its own where the line is full. */
        {"First Person <first.person@example.com>, Second Person <second.person@example.com>",
         "To: First Person <first.person@example.com>,\r\n Second Person <second.person@example.com>\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct address_list list = {0};
        arena_init(&arena, 1 << 20);
        enum address_result result = address_parse(&list, slice_of(cases[i].text), 100, &arena, NULL);
        CU_ASSERT_EQUAL(result, cases[i].expected != NULL ? ADDRESS_OK : ADDRESS_INVALID);
        if (cases[i].expected != NULL) {
            begin("To");
            header_addresses(&header, &list);
            CU_ASSERT(is(cases[i].expected));
        }
        arena_free(&arena);
    }
    struct mailbox null_path = {.name = {NULL, 0}};
    struct address_list list = {.mailboxes = &null_path, .count = 1};
    begin("To");
    header_addresses(&header, &list);
    CU_ASSERT(is_refused("the null path"));
    end();
}

static const struct unit_test tests[] = {
    {"text", test_text},
    {"refused octets", test_refused_octets},
    {"folding of groups", test_group_folding},
    {"words", test_words},
    {"failure stays", test_failure_stays},
    {"no room", test_no_room},
    {"addresses", test_addresses},
};

UNIT_SUITE(header, tests);
