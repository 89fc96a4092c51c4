#include "http/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "unit.h"

static void test_parse(void)
{
    static const struct {
        const char *text;
        bool ok;
        unsigned prefix;
    } cases[] = {
        {"192.0.2.7", true, 128},
        {"192.0.2.0/24", true, 120},
        {"0.0.0.0/0", true, 96},
        {"192.0.2.7/32", true, 128},
        {"::1", true, 128},
        {"2001:db8::/32", true, 32},
        {"::/0", true, 0},
        {"::ffff:192.0.2.0/120", true, 120},
        {"192.0.2.7/24", false, 0}, /* host bits */
        {"2001:db8::1/32", false, 0},
        {"192.0.2.128/24", false, 0},
        {"192.0.2.0/33", false, 0},
        {"::/129", false, 0},
        {"192.0.2.0/", false, 0},
        {"192.0.2.0/024", false, 0},
        {"192.0.2.0/2 4", false, 0},
        {"192.0.2.0/-1", false, 0},
        {"192.0.2.0/4294967320", false, 0},
        {"192.0.2.0/24/24", false, 0},
        {"192.0.2", false, 0},
        {"192.0.2.256", false, 0},
        {"localhost", false, 0},
        {"", false, 0},
        {"/8", false, 0},
        {"[::1]", false, 0},
        {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_network network;
        bool ok = http_network_parse(&network, cases[i].text);
        CU_ASSERT_EQUAL(ok, cases[i].ok);
        CU_ASSERT_TRUE(!ok || network.prefix == cases[i].prefix);
    }
}

static bool allows(const char *network_text, const char *peer)
{
    struct http_network network;
    bool any = network_text != NULL;
    CU_ASSERT_TRUE_FATAL(!any || http_network_parse(&network, network_text));
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, peer, &v4.sin_addr) == 1) {
        return network_allows(&network, any ? 1 : 0, (const struct sockaddr *)&v4);
    }
    CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET6, peer, &v6.sin6_addr), 1);
    return network_allows(&network, any ? 1 : 0, (const struct sockaddr *)&v6);
}

static void test_allows(void)
{
    static const struct {
        const char *network; /* NULL: none is given */
        const char *peer;
        bool allowed;
    } cases[] = {
        {"192.0.2.0/24", "192.0.2.1", true},
        {"192.0.2.0/24", "::ffff:192.0.2.1", true},
        {"192.0.2.0/24", "192.0.3.1", false},
        {"192.0.2.0/24", "2001:db8::1", false},
        {"192.0.2.0/25", "192.0.2.127", true},
        {"192.0.2.0/25", "192.0.2.128", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "203.0.113.9", true},
        {"::/0", "2001:db8::1", true},
        {"192.0.2.0/24", "127.0.0.1", false}, /* a list replaces the default */
        {NULL, "127.0.0.1", true},
        {NULL, "127.255.0.1", true},
        {NULL, "::1", true},
        {NULL, "::ffff:127.0.0.1", true},
        {NULL, "128.0.0.1", false},
        {NULL, "::2", false},
        {NULL, "192.0.2.1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(allows(cases[i].network, cases[i].peer), cases[i].allowed);
    }
}

static void test_no_address(void)
{
    struct http_network all = {.prefix = 0};
    CU_ASSERT_FALSE(network_allows(&all, 1, &(struct sockaddr){.sa_family = AF_UNIX}));
}

static const struct unit_test tests[] = {
    {"parse", test_parse}, {"allows", test_allows}, {"a peer without an address", test_no_address}};
UNIT_SUITE(http_network, tests);
