#include "config/syntax.h"

#include <stdio.h>

#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct syntax_case {
    const char *text;
    bool valid;
};

static void check_syntax(bool (*valid)(struct slice), const struct syntax_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL(valid(slice_of(cases[i].text)), cases[i].valid);
        if (valid(slice_of(cases[i].text)) != cases[i].valid) {
            fprintf(stderr, "%s\n", cases[i].text);
        }
    }
}

#define TEN     "aaaaaaaaaa"
#define SIXTY   TEN TEN TEN TEN TEN TEN
#define LABEL63 SIXTY "aaa"

static void syntax_of_listen(void)
{
    static const struct syntax_case listens[] = {
        {"unix:/run/x.sock", true},
        {"127.0.0.1:9000", true},
        {"[::1]:9000", true},
        {"0.0.0.0:1", true},
        {"[::]:65535", true},
        {"", false},
        {"unix:", false},
        {"unix:/", false},
        {"unix:run/x.sock", false},
        {"/run/x.sock", false},
        {"localhost:9000", false},
        {"127.0.0.1", false},
        {"127.0.0.1:", false},
        {"127.0.0.1:0", false},
        {"127.0.0.1:65536", false},
        {"127.0.0.1:+1", false},
        {"127.0.0.1:09", false},
        {"127.1:9000", false},
        {"::1:9000", false},
        {"[::1]", false},
        {"[127.0.0.1]:9000", false},
        {":9000", false},
        {"9000", false},
        {"[]:9000", false},
        {"[::1:9000", false},
        {"[::g]:9000", false},
        {"*:9000", false},
        {"256.0.0.1:9000", false},
        {"127.0.0.1:99999999999999999999", false},
        {"unix:/" SIXTY TEN TEN TEN TEN "aaaaaa", true},
        {"unix:/" SIXTY TEN TEN TEN TEN "aaaaaaa", false},
    };
    static const struct syntax_case exposed[] = {
        {"unix:/run/x.sock", false}, {"127.0.0.1:9000", false},    {"127.255.0.9:9000", false},
        {"[::1]:9000", false},       {"0.0.0.0:9000", true},       {"[::]:9000", true},
        {"192.0.2.1:9000", true},    {"[2001:db8::1]:9000", true}, {"[::ffff:127.0.0.1]:9000", true},
    };
    static const struct syntax_case paths[] = {
        {"/", true},         {"/mail", true},    {"/mail/", true}, {"/a/b", true},     {"/a/b/", true},
        {"/\xC3\xA4", true}, {"/a b", true},     {"/...", true},   {"", false},        {"mail", false},
        {"//", false},       {"/mail//", false}, {"//a", false},   {"/a/../b", false}, {"/.", false},
        {"/a/.", false},     {"/..", false},     {"/a?b", false},  {"/a#b", false},
    };
    check_syntax(syntax_listen, listens, COUNT(listens));
    check_syntax(syntax_listen_exposed, exposed, COUNT(exposed));
    check_syntax(syntax_base_path, paths, COUNT(paths));
}

static void syntax_of_networks(void)
{
    static const struct syntax_case networks[] = {
        {"192.0.2.7", true},
        {"192.0.2.0/24", true},
        {"0.0.0.0/0", true},
        {"::1", true},
        {"2001:db8::/32", true},
        {"::/0", true},
        {"192.0.2.7/32", true},
        {"::1/128", true},
        {"192.0.2.128/25", true},
        {"192.0.2.7/24", false},
        {"192.0.2.1/31", false},
        {"2001:db8::1/64", false},
        {"192.0.2.0/33", false},
        {"::/129", false},
        {"192.0.2.0/", false},
        {"192.0.2.0/024", false},
        {"192.0.2.0/-1", false},
        {"/24", false},
        {"", false},
        {"localhost", false},
        {"192.0.2", false},
        {"192.0.2.0/24/24", false},
        {"[::1]", false},
        {"fe80::1%lo", false},
        {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", false},
    };
    static const struct syntax_case loopbacks[] = {
        {"127.0.0.1", true},         {"127.9.9.9", true},  {"::1", true},
        {"0:0:0:0:0:0:0:1", true},   {"128.0.0.1", false}, {"::", false},
        {"localhost", false},        {"", false},          {"127.1", false},
        {"::ffff:127.0.0.1", false},
    };
    static const struct syntax_case addresses[] = {
        {"192.0.2.7", true},     {"::1", true},    {"2001:db8::1", true},
        {"192.0.2.7/32", false}, {"[::1]", false}, {"localhost", false},
        {"192.0.2", false},      {"", false},      {"fe80::1%lo", false},
    };
    check_syntax(syntax_address, addresses, COUNT(addresses));
    CU_ASSERT_TRUE(syntax_families_differ(SLICE("192.0.2.7"), SLICE("::1")));
    CU_ASSERT_TRUE(syntax_families_differ(SLICE("::1"), SLICE("192.0.2.7")));
    CU_ASSERT_FALSE(syntax_families_differ(SLICE("::1"), SLICE("::2")));
    CU_ASSERT_FALSE(syntax_families_differ(SLICE("a.example"), SLICE("::2")));
    CU_ASSERT_FALSE(syntax_families_differ(SLICE("::1"), SLICE("a.example")));
    check_syntax(syntax_network, networks, COUNT(networks));
    check_syntax(syntax_loopback, loopbacks, COUNT(loopbacks));
}

static void syntax_of_hosts(void)
{
    static const struct syntax_case hosts[] = {
        {"smtp.example.com", true},
        {"localhost", true},
        {"a", true},
        {"xn--mnchen-3ya.example", true},
        {"mail_1.example", true},
        {"192.0.2.1", true},
        {"2001:db8::1", true},
        {"unix:/run/smtp", true},
        {"1a.example", true},
        {"1.example", true},
        {LABEL63 ".b", true},
        {LABEL63 "a.b", false},
        {"", false},
        {".", false},
        {"a.", false},
        {".a", false},
        {"a..b", false},
        {"-a.b", false},
        {"a-.b", false},
        {"a b", false},
        {"a,b", false},
        {"a@b", false},
        {"a:25", false},
        {"[::1]", false},
        {"256.0.0.1", false},
        {"1.2.3", false},
        {"12345", false},
        {"m\xC3\xBCnchen.example", false},
        {"unix:", false},
        {"unix:run", false},
        {"http://a.b", false},
        {"a/b", false},
        {LABEL63 "." LABEL63 "." LABEL63 "." SIXTY "a", true},
        {LABEL63 "." LABEL63 "." LABEL63 "." SIXTY "aa", false},
    };
    check_syntax(syntax_host, hosts, COUNT(hosts));
    CU_ASSERT_FALSE(syntax_host_name(SLICE("192.0.2.1")));
    CU_ASSERT_TRUE(syntax_host_name((struct slice){"a.b.c", 3})); /* a view need not end in NUL */
    CU_ASSERT_FALSE(syntax_host_name((struct slice){"a.1b", 3}));
}

static void syntax_of_names(void)
{
    static const struct syntax_case patterns[] = {
        {"*.example.com", true},
        {"smtp?.example.com", true},
        {"192.0.2.*", true},
        {"::1", true},
        {"*", true},
        {"unix:*", false},
        {"unix:/run/x", false},
        {"", false},
        {"a b", false},
        {"a/b", false},
    };
    static const struct syntax_case servers[] = {
        {"main", true}, {"a-b_c.1", true}, {"", false}, {"a b", false}, {"a/b", false}, {"\xC3\xA4", false},
    };
    static const struct syntax_case fields[] = {
        {"X-Mailer", true}, {"!", true},          {"~", true},    {"", false},     {"X Y", false},
        {"X:", false},      {"X\xC3\xA4", false}, {"X\t", false}, {"\x7F", false},
    };
    check_syntax(syntax_host_pattern, patterns, COUNT(patterns));
    check_syntax(syntax_server_name, servers, COUNT(servers));
    static const struct syntax_case fingerprints[] = {
        {"sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", true},
        {"sha256:/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+8=", true},
        {"sha256:/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8=", false}, /* a character too few */
        {"sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", false},
        {"sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh==", false},
        {"sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g", false},
        {"sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", false}, /* unused bits */
        {"sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH_8=", false},
        {"SHA256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", false},
        {"sha1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", false},
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", false},
        {"sha256:", false},
        {"", false},
    };
    check_syntax(syntax_field_name, fields, COUNT(fields));
    check_syntax(syntax_fingerprint, fingerprints, COUNT(fingerprints));
}

static void plain_text_ends_at_the_first_control(void)
{
    static const struct {
        const char *text;
        size_t prefix;
    } cases[] = {
        {"", 0},
        {"abc", 3},
        {"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", 9},
        {"a\tb", 1},
        {"a\nb", 1},
        {"a\x7F", 1},
        {"a\xC2\x80", 1},
        {"a\xC2\x9F", 1},
        {"a\xC2\xA0", 3},
        {"a\xE2\x80\xA7", 4},
        {"a\xE2\x80\xA8", 1},
        {"a\xE2\x80\xA9", 1},
        {"a\xEF\xBB\xBF", 1},
        {"a\xEF\xBF\xBD", 4},
        {"a\xEF\xBF\xBE", 1},
        {"a\xEF\xBF\xBF", 1},
        {"a\xFF", 1},
        {"a\xC3", 1},
        {"a\xED\xA0\x80", 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CU_ASSERT_EQUAL(syntax_text_prefix(slice_of(cases[i].text), ""), cases[i].prefix);
    }
    CU_ASSERT_EQUAL(syntax_text_prefix((struct slice){"a\0b", 3}, "\t"), 1);
    CU_ASSERT_EQUAL(syntax_text_prefix(SLICE("a\tb\x01"), "\t"), 3);
}

static const struct unit_test tests[] = {
    {"syntax of listen and base_path", syntax_of_listen},
    {"syntax of networks", syntax_of_networks},
    {"syntax of hosts", syntax_of_hosts},
    {"syntax of names", syntax_of_names},
    {"plain text ends at the first control", plain_text_ends_at_the_first_control},
};
UNIT_SUITE(config_syntax, tests);
