/* Accepted texts are compared as "name<address>" for each mailbox, "{name first count}" for each group. */
#include "fcgi_smtp/address.h"

#include <stdio.h>
#include <stdlib.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/utf8.h"
#include "unit.h"

/* Like SLICE, but for the initialiser of a static. */
#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        (literal), sizeof(literal) - 1                                                                       \
    }

enum { MEMORY = 1 << 22, MANY = 1000 };

static struct arena arena;
static struct address_list list;
static struct err err;

static enum address_result parse(struct slice text, size_t max)
{
    arena_free(&arena);
    arena_init(&arena, MEMORY);
    list = (struct address_list){0};
    err = (struct err){"", ""};
    return address_parse(&list, text, max, &arena, &err);
}

static const char *dump(void)
{
    static char text[4096];
    size_t len = 0;
    for (size_t i = 0; i < list.count; i++) {
        const struct mailbox *box = &list.mailboxes[i];
        len += (size_t)snprintf(text + len, sizeof text - len, "%.*s<%.*s>%s", SLICE_ARGS(box->name),
                                SLICE_ARGS(box->address.text), box->address.utf8 ? "utf8" : "");
    }
    for (size_t i = 0; i < list.group_count; i++) {
        const struct address_group *group = &list.groups[i];
        len += (size_t)snprintf(text + len, sizeof text - len, "{%.*s %zu %zu}", SLICE_ARGS(group->name),
                                group->first, group->count);
    }
    text[len] = '\0';
    return text;
}

static const struct {
    const char *text;
    const char *expected;
} accepted[] = {
    /* addr-spec alone */
    {"a@b", "<a@b>"},
    {"root@localhost", "<root@localhost>"},
    {"  a@b.example\t", "<a@b.example>"},
    {"<a@b.example>", "<a@b.example>"},
    {"A.B+tag@Example.COM", "<A.B+tag@example.com>"},
    {"!#$%&'*+-/=?^_`{|}~@x.example", "<!#$%&'*+-/=?^_`{|}~@x.example>"},
    {"a @ b.example", "<a@b.example>"},
    {"a@127.0.0.1", "<a@127.0.0.1>"},
    {"a@r3---x.example", "<a@r3---x.example>"},
    /* comments nested and everywhere */
    {"(x)a(y)@(z)b.example(w)", "<a@b.example>"},
    {"(a (b (c) d) \\) e)a@b", "<a@b>"},
    {"(c1) Ann (c2) Lee (c3) < (c4) a (c5) @ (c6) b (c7) > (c8)", "Ann Lee<a@b>"},
    {"(,;<evil@x.example>\")a@b", "<a@b>"},
    {"(\xc3\xa4)a@b", "<a@b>"},
    /* quoted local parts: quotes only where RFC 5321 demands them */
    {"\"a\"@b", "<a@b>"},
    {"\"a.b\"@b", "<a.b@b>"},
    {"\"\\a\\b\"@b", "<ab@b>"},
    {"\"a b\"@b", "<\"a b\"@b>"},
    {"\" \"@b", "<\" \"@b>"},
    {"\"\"@b", "<\"\"@b>"},
    {"\"a..b\"@b", "<\"a..b\"@b>"},
    {"\".a\"@b", "<\".a\"@b>"},
    {"\"a.\"@b", "<\"a.\"@b>"},
    {"\"a\\\"b\\\\c\"@b", "<\"a\\\"b\\\\c\"@b>"},
    {"\"a@evil.example x\"@internal.example", "<\"a@evil.example x\"@internal.example>"},
    {"\"a@evil.example\"@internal.example", "<\"a@evil.example\"@internal.example>"},
    {"\"<a@evil.example>,\"@internal.example", "<\"<a@evil.example>,\"@internal.example>"},
    {"\"(c)\"@b", "<\"(c)\"@b>"},
    {"\"a@b\" (x) @ (y) internal.example", "<\"a@b\"@internal.example>"},
    {"\"a\\@evil.example\"@internal.example", "<\"a@evil.example\"@internal.example>"},
    {"\"@evil.example:a\"@internal.example", "<\"@evil.example:a\"@internal.example>"},
    {"a%evil.example@internal.example", "<a%evil.example@internal.example>"},
    {"evil.example!a@internal.example", "<evil.example!a@internal.example>"},
    {"a@b\xe2\x80\x8b.example", "<a@b.example>"}, /* UTS 46 ignores a zero-width space */
    /* a full-width "@" is a letter of the local part, not a second "@" */
    {"a\xef\xbc\xa0"
     "evil.example@internal.example",
     "<a\xef\xbc\xa0"
     "evil.example@internal.example>utf8"},
    /* nor is an address in a comment one */
    {"a@internal.example (<b@evil.example>, c@evil.example)", "<a@internal.example>"},
    {"a@(b@evil.example)internal.example", "<a@internal.example>"},
    {"\tAnn\t \tLee\t<\ta@b\t>\t", "Ann Lee<a@b>"},
    /* display names */
    {"Ann <a@b>", "Ann<a@b>"},
    {"Ann<a@b>", "Ann<a@b>"},
    {"\"Lee, Ann\" <a@b>", "Lee, Ann<a@b>"},
    {"Ann \"the\\\"x\\\"\" Lee <a@b>", "Ann the\"x\" Lee<a@b>"},
    {"\"\" <a@b>", "<a@b>"},
    {"Ann   Lee <a@b>", "Ann Lee<a@b>"},
    {"John Q. Public <a@b>", "John Q. Public<a@b>"},
    {"J.R.R. T <a@b>", "J.R.R. T<a@b>"},
    {"\"evil@x.example\" <a@b>", "evil@x.example<a@b>"},
    {"\"<evil@x.example>\" <a@b>", "<evil@x.example><a@b>"},
    {"J\xc3\xbcrgen M\xc3\xbcller <a@b>", "J\xc3\xbcrgen M\xc3\xbcller<a@b>"},
    /* encoded words in display names */
    {"=?utf-8?q?J=C3=BCrgen?= <a@b>", "J\xc3\xbcrgen<a@b>"},
    {"=?iso-8859-1?Q?J=FCrgen?= =?utf-8?b?IE3DvGxsZXI=?= X. <a@b>", "J\xc3\xbcrgen M\xc3\xbcller X.<a@b>"},
    {"\"Lee\" =?utf-8?q?=3Ce=40x=3E=2C?= \"Ann\" <a@b>", "Lee <e@x>, Ann<a@b>"},
    {"\"=?utf-8?q?a?=\" <a@b>", "=?utf-8?q?a?=<a@b>"}, /* RFC 2047 5: none in a quoted-string */
    {"=?utf-8?q?a <a@b>", "=?utf-8?q?a<a@b>"},
    {"=?utf-8?q?=ff?= <a@b>", "=?utf-8?q?=ff?=<a@b>"},
    {"=?utf-8?q?=C3=84?=: a@b;", "<a@b>{\xc3\x84 0 1}"},
    /* lists, empty elements */
    {"a@b,c@d", "<a@b><c@d>"},
    {"a@b , Ann <c@d>,e@f", "<a@b>Ann<c@d><e@f>"},
    {",a@b,,(c), ,c@d,,", "<a@b><c@d>"},
    {"a@b,a@b", "<a@b><a@b>"},
    /* groups */
    {"undisclosed-recipients:;", "{undisclosed-recipients 0 0}"},
    {"undisclosed-recipients: ;", "{undisclosed-recipients 0 0}"},
    {"x@y, Team A: a@b, Ann <c@d>;, e@f", "<x@y><a@b>Ann<c@d><e@f>{Team A 1 2}"},
    {"A:a@b;,B:;,C:,c@d,;", "<a@b><c@d>{A 0 1}{B 1 0}{C 1 1}"},
    {"\"A, B\": a@b ;", "<a@b>{A, B 0 1}"},
    {"A: (nobody) ; (really)", "{A 0 0}"},
    /* domains */
    {"a@[192.0.2.1]", "<a@[192.0.2.1]>"},
    {"a@[IPv6:2001:DB8::1]", "<a@[IPv6:2001:db8::1]>"},
    {"a@[ipv6:0:0:0:0:0:0:0:1]", "<a@[IPv6:::1]>"},
    {"a@b\xc3\xbc"
     "cher.example",
     "<a@xn--bcher-kva.example>"},
    {"a@B\xc3\x9c"
     "CHER.example",
     "<a@xn--bcher-kva.example>"},
    {"a@stra\xc3\x9f"
     "e.example",
     "<a@xn--strae-oqa.example>"}, /* transitional would be strasse */
    {"a@XN--BCHER-KVA.example", "<a@xn--bcher-kva.example>"},
    {"a@b\xe3\x80\x82"
     "example",
     "<a@b.example>"}, /* the ideographic full stop is a dot (UTS 46) */
    /* local parts that need SMTPUTF8 */
    {"j\xc3\xbcrgen@b", "<j\xc3\xbcrgen@b>utf8"},
    {"\"j\xc3\xbc r\"@b", "<\"j\xc3\xbc r\"@b>utf8"},
};

static void test_accepted(void)
{
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        enum address_result result = parse(slice_of(accepted[i].text), MANY);
        if (result != ADDRESS_OK || strcmp(dump(), accepted[i].expected) != 0) {
            fprintf(stderr, "\n%s: %d %s %s\n", accepted[i].text, result, dump(), err.text);
            CU_FAIL("not read as expected");
        }
    }
}

static const struct {
    struct slice text;
    const char *why; /* a part of the error's text */
} refused[] = {
    {TEXT(""), "there is no address"},
    {TEXT(" "), "there is no address"},
    {TEXT(",,"), "there is no address"},
    {TEXT("(c)"), "there is no address"},
    /* confusions */
    {TEXT("a@b@c"), "\"a@b@c\" cannot be read as a mail address: behind an address only a comma may follow"},
    {TEXT("a@b <c@d>"), "only a comma"},
    {TEXT("<a@b> c@d"), "only a comma"},
    {TEXT("<a@b> c"), "only a comma"},
    {TEXT("<a@b><c@d>"), "only a comma"},
    {TEXT("a@b c@d"), "only a comma"},
    {TEXT("a@b;c@d"), "only a comma"},
    {TEXT("a@b;"), "only a comma"},
    {TEXT("a@evil.example x@internal.example"), "only a comma"},
    {TEXT("a@evil.example\"@internal.example"), "only a comma"},
    {TEXT("\"a@evil.example\" x@internal.example"), "an \"@\" is missing"},
    {TEXT("<a@b>@c"), "only a comma"},
    {TEXT("a@b:c@d"), "only a comma"},
    {TEXT("a@[192.0.2.1]@b"), "only a comma"},
    {TEXT("a@b%c"), "is not a domain name"},
    {TEXT("<a@b@c>"), "\">\" is missing"},
    {TEXT("<a@b"), "\">\" is missing"},
    {TEXT("<a@b c>"), "\">\" is missing"},
    {TEXT("<<a@b>>"), "an address must be here"},
    {TEXT("a@b>"), "only a comma"},
    {TEXT("<>"), "nothing stands between"},
    {TEXT("Ann <>"), "nothing stands between"},
    {TEXT("Ann"), "an \"@\" is missing"},
    {TEXT("Ann Lee"), "an \"@\" is missing"},
    {TEXT("Lee, Ann <a@b>"), "\"Lee\" cannot be read"},
    {TEXT("Ann [x] <a@b>"), "an \"@\" is missing"},
    {TEXT("@"), "nothing stands before"},
    {TEXT("@b"), "nothing stands before"},
    {TEXT("a@"), "no domain follows"},
    {TEXT("a@,b@c"), "no domain follows"},
    {TEXT(".a@b"), "a dot is first, last or doubled"},
    {TEXT("a.@b"), "a dot is first, last or doubled"},
    {TEXT("a..b@c"), "a dot is first, last or doubled"},
    {TEXT("a .b@c"), "an \"@\" is missing"},
    {TEXT("\"a\".b@c"), "an \"@\" is missing"},
    {TEXT("a.\"b\"@c"), "a dot is first, last or doubled"},
    {TEXT("\"a\"b@c"), "an \"@\" is missing"},
    {TEXT("a(b)c@d"), "an \"@\" is missing"},
    /* not closed */
    {TEXT("\"a@b"), "a quotation mark is not closed"},
    {TEXT("\"a\\"), "a quotation mark is not closed"},
    {TEXT("<\"a@b>"), "a quotation mark is not closed"},
    {TEXT("\"a"), "a quotation mark is not closed"},
    {TEXT("(a@b"), "a comment is not closed"},
    {TEXT("(a\\"), "a comment is not closed"},
    {TEXT("(a(b)a@b"), "a comment is not closed"},
    {TEXT("a@b (c"), "a comment is not closed"},
    {TEXT("<a(c@b>"), "a comment is not closed"},
    {TEXT(")a@b"), "an address must be here"},
    /* routes */
    {TEXT("<@a,@b:c@d>"), "a route before the address is obsolete"},
    {TEXT("<@a:c@d>"), "a route before the address is obsolete"},
    {TEXT("<(x) @a:c@d>"), "a route before the address is obsolete"},
    {TEXT("<,@a:c@d>"), "a route before the address is obsolete"},
    {TEXT("@a:c@d"), "nothing stands before"},
    {TEXT("Ann <@a:c@d>"), "a route before the address is obsolete"},
    /* groups */
    {TEXT("A:"), "a group is not closed"},
    {TEXT("A:a@b"), "a group is not closed"},
    {TEXT("A:B:a@b;;"), "a group stands within a group"},
    {TEXT(":a@b;"), "a group has no name"},
    {TEXT("A:a@b; c@d"), "only a comma"},
    {TEXT("A:;B:;"), "only a comma"},
    {TEXT("A:a@b c@d;"), "only a comma"},
    /* controls, encoding */
    {TEXT("a@b\r\n"), "octet 4 is a control"},
    {TEXT("a\n@b"), "octet 2 is a control"},
    {TEXT("\"a\r\nb\"@c"), "octet 3 is a control"},
    {TEXT("\"a\\\rb\"@c"), "octet 4 is a control"},
    {TEXT("\"a\\\nb\"@c"), "octet 4 is a control"},
    {TEXT("\"a\\\0b\"@c"), "octet 4 is a control"},
    {TEXT("a@b\r\n c@d"), "octet 4 is a control"},
    {TEXT("\"a@b>\r\nRCPT TO:<c@d\"@e"), "octet 6 is a control"},
    {TEXT("a@[192.0.2.1\r\n]"), "octet 13 is a control"},
    {TEXT("Ann\r\nBcc: <a@b>"), "octet 4 is a control"},
    {TEXT("(\r\n)a@b"), "octet 2 is a control"},
    {TEXT("(\r)a@b"), "octet 2 is a control"},
    {TEXT("a\0@b"), "octet 2 is a control"},
    {TEXT("a\x7f@b"), "octet 2 is a control"},
    {TEXT("\x1b@b"), "octet 1 is a control"},
    {TEXT("a\xc2\x85@b"), "octet 2 is a control"},
    {TEXT("a\xff@b"), "octet 2 is a control"},
    {TEXT("a\xc3@b"), "octet 2 is a control"},
    {TEXT("a@b\xc3"), "octet 4 is a control"},
    {TEXT("\"a\tb\"@c"), "stands a tab"},
    /* encoded words */
    {TEXT("=?utf-8?q?a=40b?=@c"), "stands an encoded word"},
    {TEXT("\"=?utf-8?q?a?=\"@c"), "stands an encoded word"},
    {TEXT("x=?utf-8?q?a?=y@c"), "stands an encoded word"},
    {TEXT("a@=?utf-8?q?c?="), "is not a domain name"},
    {TEXT("=?utf-8?b?YUBi?="), "an \"@\" is missing"}, /* a@b */
    {TEXT("=?utf-8?q?a?=@=?utf-8?q?b?="), "is not a domain name"},
    {TEXT("Ann <=?utf-8?q?a=40evil.example?=@internal.example>"), "stands an encoded word"},
    {TEXT("=?utf-8?q?=1B=5Bm?= <a@b>"), "an encoded word in the name holds a control"},
    /* domains */
    {TEXT("a@b."), "is not a domain name"},
    {TEXT("a@.b"), "is not a domain name"},
    {TEXT("a@b..c"), "is not a domain name"},
    {TEXT("a@b.example."), "is not a domain name"},
    {TEXT("Ann <a@b.example.>"), "is not a domain name"},
    {TEXT("a@."), "is not a domain name"},
    {TEXT("a@b\xc3\xbc"
          "cher.example."),
     "is not a domain name"},
    {TEXT("a@\xe2\x80\xae"
          "b.example"),
     "is not a domain name"}, /* a right-to-left override */
    {TEXT("a@-b.c"), "is not a domain name"},
    {TEXT("a@b-.c"), "is not a domain name"},
    {TEXT("a@b_c"), "is not a domain name"},
    {TEXT("a@b. c"), "is not a domain name"},
    {TEXT("a@b .c"), "only a comma"},
    {TEXT("a@b!c"), "is not a domain name"},
    {TEXT("a@xn--a"), "is not a domain name"},
    {TEXT("a@xn--\xc3\xbc"), "is not a domain name"},
    {TEXT("a@\xe2\x84\x80.example"), "is not a domain name"}, /* maps to a/c (HostSplit) */
    {TEXT("a@b\xef\xbc\xa0"
          "c.example"),
     "is not a domain name"}, /* full-width @ */
    {TEXT("a@b\xe3\x80\x82"), "is not a domain name"},
    {TEXT("a@\xe2\x98\x83.example"), "is not a domain name"}, /* a snowman is no IDNA2008 letter */
    {TEXT("a@[]"), "in brackets only"},
    {TEXT("a@[192.0.2]"), "in brackets only"},
    {TEXT("a@[192.0.2.256]"), "in brackets only"},
    {TEXT("a@[ 192.0.2.1]"), "in brackets only"},
    {TEXT("a@[192.0.2.1"), "in brackets only"},
    {TEXT("a@[2001:db8::1]"), "in brackets only"},
    {TEXT("a@[IPv6:192.0.2.1]"), "in brackets only"},
    {TEXT("a@[IPv6:]"), "in brackets only"},
    {TEXT("a@[IPv6:1:2:3:4:5:6:7:8:9]"), "in brackets only"},
    {TEXT("a@[x-tag:foo]"), "in brackets only"},
    {TEXT("a@[192.0.2.1]x"), "only a comma"},
};

static void test_refused(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        enum address_result result = parse(refused[i].text, MANY);
        if (result != ADDRESS_INVALID || strstr(err.text, refused[i].why) == NULL || list.count != 0 ||
            list.group_count != 0) {
            fprintf(stderr, "\n%s: %d %s %s\n", refused[i].text.data, result, dump(), err.text);
            CU_FAIL("not refused as expected");
        }
    }
}

/* Writes n times c and then the rest. */
static struct slice repeated(char *out, char c, size_t n, const char *rest)
{
    memset(out, c, n);
    strcpy(out + n, rest);
    return (struct slice){out, n + strlen(rest)};
}

static void test_lengths(void)
{
    static char text[40000];
    CU_ASSERT_EQUAL(parse(repeated(text, 'a', 64, "@b"), 1), ADDRESS_OK);
    CU_ASSERT_EQUAL(parse(repeated(text, 'a', 65, "@b"), 1), ADDRESS_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "more than 64 octets"));
    /* Quotes count: they are on the wire. */
    char quoted[80] = "\"";
    memset(quoted + 1, ' ', 62);
    strcpy(quoted + 63, "\"@b");
    CU_ASSERT_EQUAL(parse(slice_of(quoted), 1), ADDRESS_OK);
    memset(quoted + 1, ' ', 63);
    strcpy(quoted + 64, "\"@b");
    CU_ASSERT_EQUAL(parse(slice_of(quoted), 1), ADDRESS_INVALID);
    /* Labels of 63 and names of 253 octets; an addr-spec of 254. */
    CU_ASSERT_EQUAL(parse(slice_of("a@1234567890123456789012345678901234567890123456789012345678901bc"), 1),
                    ADDRESS_OK);
    CU_ASSERT_EQUAL(parse(slice_of("a@1234567890123456789012345678901234567890123456789012345678901bcd"), 1),
                    ADDRESS_INVALID);
    for (size_t n = 252; n <= 260; n++) {
        strcpy(text, "aaa@");
        for (size_t i = 4; i < n; i++) {
            text[i] = i % 2 == 0 ? 'b' : '.';
        }
        text[n - 1] = 'c';
        text[n] = '\0';
        CU_ASSERT_EQUAL(parse(slice_of(text), 1), n <= 254 ? ADDRESS_OK : ADDRESS_INVALID);
    }
    /* A long piece is quoted in part, and cut between characters. */
    text[0] = 'a';
    for (size_t i = 0; i < 300; i++) {
        memcpy(text + 1 + 2 * i, "\xc3\xbc", 2);
    }
    for (size_t begin = 0; begin < 2; begin++) {
        CU_ASSERT_EQUAL(parse((struct slice){text + begin, 601 - begin}, 1), ADDRESS_INVALID);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "\xc3\xbc...\" cannot be read"));
        CU_ASSERT(utf8_valid_prefix(slice_of(err.text)) == strlen(err.text) && strchr(err.text, '?') == NULL);
    }
    /* Depth costs nothing. */
    CU_ASSERT_EQUAL(parse(repeated(text, '(', 30000, "a@b"), 1), ADDRESS_INVALID);
    memset(text, '(', 15000);
    CU_ASSERT_EQUAL(parse((struct slice){text, 15000 + repeated(text + 15000, ')', 15000, "a@b").len}, 1),
                    ADDRESS_OK);
}

static void test_too_many(void)
{
    CU_ASSERT_EQUAL(parse(slice_of("a@b,c@d"), 2), ADDRESS_OK);
    CU_ASSERT_EQUAL(parse(slice_of("a@b,c@d,e@f"), 2), ADDRESS_TOO_MANY);
    CU_ASSERT_EQUAL(list.count, 0);
    CU_ASSERT_STRING_EQUAL(err.text, "more than 2 addresses");
    /* Texts are appended: max bounds the whole, and a refused text leaves the list as it was. */
    CU_ASSERT_EQUAL(parse(slice_of("a@b"), 2), ADDRESS_OK);
    CU_ASSERT_EQUAL(address_parse(&list, slice_of("c@d, G:;, x"), 2, &arena, &err), ADDRESS_INVALID);
    CU_ASSERT_STRING_EQUAL(dump(), "<a@b>");
    CU_ASSERT_EQUAL(address_parse(&list, slice_of("c@d, e@f"), 2, &arena, &err), ADDRESS_TOO_MANY);
    CU_ASSERT_EQUAL(address_parse(&list, slice_of("G: c@d;"), 2, &arena, &err), ADDRESS_OK);
    CU_ASSERT_STRING_EQUAL(dump(), "<a@b><c@d>{G 1 1}");
}

static void test_no_memory(void)
{
    struct slice text = slice_of("Ann <a@b>, G: \"x y\"@b\xc3\xbc"
                                 "cher.example, j@[192.0.2.1];");
    size_t limit = 0;
    enum address_result result = ADDRESS_NO_MEMORY;
    for (; result != ADDRESS_OK && limit < 10000; limit += 8) {
        arena_free(&arena);
        arena_init(&arena, limit);
        list = (struct address_list){0};
        result = address_parse(&list, text, MANY, &arena, NULL);
        CU_ASSERT(result == ADDRESS_OK || list.count == 0);
    }
    CU_ASSERT_STRING_EQUAL(dump(), "Ann<a@b><\"x y\"@xn--bcher-kva.example><j@[192.0.2.1]>{G 1 2}");
}

static void test_parts(void)
{
    CU_ASSERT_EQUAL(parse(slice_of("\"a\\\"b c\"@Example.com"), 1), ADDRESS_OK);
    CU_ASSERT(slice_equal(list.mailboxes[0].address.local, SLICE("a\"b c")));
    CU_ASSERT(slice_equal(list.mailboxes[0].address.domain, SLICE("example.com")));
    CU_ASSERT_EQUAL(parse(slice_of("a.b@[192.0.2.1]"), 1), ADDRESS_OK);
    CU_ASSERT(slice_equal(list.mailboxes[0].address.local, SLICE("a.b")));
    CU_ASSERT(slice_equal(list.mailboxes[0].address.domain, SLICE("[192.0.2.1]")));
}

static void test_one(void)
{
    static const struct {
        const char *text;
        bool null_path;
        const char *expected; /* NULL: refused */
    } cases[] = {
        {"a@b", false, "<a@b>"},  {" Ann <a@b> (x)", false, "Ann<a@b>"},
        {"<>", true, "<>"},       {" <> ", true, "<>"},
        {"<a@b>", true, "<a@b>"}, {"<>", false, NULL},
        {"", true, NULL},         {"a@b,", false, NULL},
        {"a@b,c@d", false, NULL}, {",a@b", false, NULL},
        {"A:a@b;", false, NULL},  {"a@b c", false, NULL},
        {"<>x", true, NULL},      {"<> <a@b>", true, NULL},
        {"a@b@c", true, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mailbox mailbox = {0};
        arena_free(&arena);
        arena_init(&arena, MEMORY);
        enum address_result result =
            address_parse_one(&mailbox, slice_of(cases[i].text), cases[i].null_path, &arena, &err);
        list = (struct address_list){.mailboxes = &mailbox, .count = 1};
        CU_ASSERT_EQUAL(result, cases[i].expected != NULL ? ADDRESS_OK : ADDRESS_INVALID);
        if (result == ADDRESS_OK && cases[i].expected != NULL) {
            CU_ASSERT_STRING_EQUAL(dump(), cases[i].expected);
        }
    }
    list = (struct address_list){0};
}

/* Every cut of every text, accepted or refused: no crash, and no address beyond the cut. */
static void test_cuts(void)
{
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        struct slice text = slice_of(accepted[i].text);
        for (size_t len = 0; len <= text.len; len++) {
            char *copy = malloc(len + 1); /* the exact size, so that a read beyond is seen */
            CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
            memcpy(copy, text.data, len);
            enum address_result result = parse((struct slice){copy, len}, MANY);
            free(copy);
            CU_ASSERT(result == ADDRESS_OK || result == ADDRESS_INVALID);
            CU_ASSERT(result == ADDRESS_OK || err.text[0] != '\0');
        }
    }
    arena_free(&arena);
}

static const struct unit_test tests[] = {
    {"accepted", test_accepted}, {"refused", test_refused},     {"lengths", test_lengths},
    {"too many", test_too_many}, {"no memory", test_no_memory}, {"parts", test_parts},
    {"one", test_one},           {"cuts", test_cuts},
};

UNIT_SUITE(address, tests);
