/* Comparing parsed addresses with each other and with patterns; domains alone. */
#include "fcgi_smtp/address.h"

#include <stdio.h>

#include "unit.h"

/* Like SLICE, but for the initialiser of a static. */
#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        (literal), sizeof(literal) - 1                                                                       \
    }

enum { MEMORY = 1 << 20 };

static struct arena arena;
static struct err err;

static struct addr_spec one(const char *text)
{
    struct mailbox mailbox = {0};
    if (address_parse_one(&mailbox, slice_of(text), true, &arena, &err) != ADDRESS_OK) {
        CU_FAIL("a test's address is wrong");
    }
    return mailbox.address;
}

static void test_equal(void)
{
    arena_free(&arena);
    arena_init(&arena, MEMORY);
    static const struct {
        const char *a;
        const char *b;
        bool equal;
    } cases[] = {
        {"a@b", "a@B", true},
        {"a@b", "\"a\"@b", true},
        {"a@b", "A@b", false},
        {"a@b", "a@c", false},
        {"a@b", "ab@b", false},
        {"<>", "<>", true},
        {"<>", "a@b", false},
        {"a@b\xc3\xbc"
         "cher.example",
         "a@xn--bcher-kva.example", true},
        {"a@[IPv6:::1]", "a@[IPV6:0:0::1]", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct addr_spec a = one(cases[i].a);
        struct addr_spec b = one(cases[i].b);
        CU_ASSERT_EQUAL(address_equal(&a, &b), cases[i].equal);
    }
}

static void test_matches(void)
{
    arena_free(&arena);
    arena_init(&arena, MEMORY);
    static const struct {
        const char *address;
        const char *pattern;
        bool match;
    } cases[] = {
        {"a@b.example", "a@b.example", true},
        {"a@b.example", "A@B.EXAMPLE", true},
        {"a@b.example", "*", true},
        {"a@b.example", "*@*", true},
        {"a@b.example", "*@b.example", true},
        {"a@b.example", "*@*.example", true},
        {"a@b.example", "?@b.example", true},
        {"a@b.example", "*.example", true},
        {"a@b.example", "a*e", true},
        {"a@b.example", "**a**@**", true},
        {"aab@b.example", "*ab@b*", true},
        {"a@b.example", "??@b.example", false},
        {"a@b.example", "*@c.example", false},
        {"a@b.example", "*@b.exampl", false},
        {"a@b.example", "@b.example", false},
        {"a@b.example", "", false},
        {"a@b.example.evil.example", "*@b.example", false},
        {"\xc3\xbc@b", "?@b", true},
        {"\xc3\xbc@b", "??@b", false},
        {"\xc3\xbc@b", "*\xc3\xbc@b", true},
        /* An "@" within the local part separates nothing. */
        {"\"root@x\"@evil.example", "root@*", false},
        {"\"root@x\"@evil.example", "root@x*", false},
        {"\"a@evil.example x\"@internal.example", "*@evil.example*", false},
        {"\"a@evil.example x\"@internal.example", "*@internal.example", true},
        {"\"root x\"@b", "root*", true},
        {"<>", "*@*", false},
        {"<>", "*", true},
        {"<>", "?", false},
        {"a@[192.0.2.1]", "*@[192.0.2.*]", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct addr_spec address = one(cases[i].address);
        if (address_matches(&address, cases[i].pattern) != cases[i].match) {
            fprintf(stderr, "\n%s %s\n", cases[i].address, cases[i].pattern);
            CU_FAIL("matched wrongly");
        }
    }
}

static void test_domain_to_ascii(void)
{
    static const struct {
        struct slice domain;
        const char *ascii; /* NULL: refused */
    } cases[] = {
        {TEXT("localhost"), "localhost"},
        {TEXT("Mail.Example"), "mail.example"},
        {TEXT("b\xc3\xbc"
              "cher"),
         "xn--bcher-kva"},
        {TEXT(""), NULL},
        {TEXT("example."), NULL},
        {TEXT("a\0b"), NULL},
        {TEXT("\xc3\xbc\0b"), NULL},
        {TEXT("\xff"), NULL},
        {TEXT("[192.0.2.1]"), NULL},
        {TEXT("a b"), NULL},
        {TEXT("*.example"), NULL},
    };
    arena_free(&arena);
    arena_init(&arena, MEMORY);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice ascii = {NULL, 0};
        bool ok = address_domain_to_ascii(cases[i].domain, &arena, &ascii);
        CU_ASSERT_EQUAL(ok, cases[i].ascii != NULL);
        CU_ASSERT(cases[i].ascii == NULL || slice_equal(ascii, slice_of(cases[i].ascii)));
    }
    char longest[3000];
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "\xc3\xbc", 2);
    struct slice ascii;
    CU_ASSERT_FALSE(address_domain_to_ascii((struct slice){longest, sizeof longest}, &arena, &ascii));
}

static const struct unit_test tests[] = {
    {"equal", test_equal},
    {"matches", test_matches},
    {"domain to ascii", test_domain_to_ascii},
};

UNIT_SUITE(address_match, tests);
