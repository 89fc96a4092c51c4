#include "fcgi_smtp/http_address.h"

#include <string.h>

#include "unit.h"

static void test_round_trip(void)
{
    static const struct {
        const char *text;
        int family;
    } cases[] = {
        {"unix:/run/fcgi-smtp/fcgi-smtp.sock", AF_UNIX},
        {"127.0.0.1:9000", AF_INET},
        {"0.0.0.0:0", AF_INET},
        {"192.0.2.7:65535", AF_INET},
        {"[::1]:9000", AF_INET6},
        {"[2001:db8::7]:1", AF_INET6},
        {"[::]:0", AF_INET6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_address address;
        char text[HTTP_ADDRESS_TEXT_MAX];
        CU_ASSERT_TRUE_FATAL(http_address_parse(&address, cases[i].text));
        CU_ASSERT_EQUAL(address.any.sa_family, cases[i].family);
        http_address_write(&address, text);
        CU_ASSERT_STRING_EQUAL(text, cases[i].text);
    }
}

static void test_bad(void)
{
    static const char *const bad[] = {
        "",
        "9000",
        ":9000",
        "localhost:9000",
        "*:9000",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:9000x",
        "127.0.0.1: 9000",
        "127.0.0.1:000080",
        "127.0.0.1:80:80",
        "192.0.2.300:1",
        "1270.0.0.1000000000000000000000000000000000000000000000:1",
        "::1:9000",
        "[::1]",
        "[::1]9000",
        "[::1:9000",
        "[::1]:99999",
        "[127.0.0.1]:1",
        "[]:1",
        "unix:",
        "unix:relative",
        "/run/x.sock",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_address address;
        CU_ASSERT_FALSE(http_address_parse(&address, bad[i]));
    }
}

/* The longest path that fits, and one octet more. */
static void test_long_path(void)
{
    struct http_address address;
    char text[HTTP_ADDRESS_TEXT_MAX];
    char path[sizeof "unix:" + sizeof address.local.sun_path] = "unix:/";
    memset(path + strlen(path), 'x', sizeof path - 1 - strlen(path));
    CU_ASSERT_FALSE(http_address_parse(&address, path));
    path[sizeof path - 2] = '\0';
    CU_ASSERT_TRUE_FATAL(http_address_parse(&address, path));
    http_address_write(&address, text);
    CU_ASSERT_STRING_EQUAL(text, path);
}

/* As getsockname gives them: the length ends an abstract name, and is all there is of an unnamed socket. */
static void test_abstract(void)
{
    struct http_address address = {.local = {.sun_family = AF_UNIX, .sun_path = "\0name"}};
    char text[HTTP_ADDRESS_TEXT_MAX];
    address.len = offsetof(struct sockaddr_un, sun_path) + 5;
    http_address_write(&address, text);
    CU_ASSERT_STRING_EQUAL(text, "unix:@name");
    address.len = offsetof(struct sockaddr_un, sun_path);
    http_address_write(&address, text);
    CU_ASSERT_STRING_EQUAL(text, "unix:");
}

static const struct unit_test tests[] = {
    {"parsed and written", test_round_trip},
    {"no address", test_bad},
    {"a long path", test_long_path},
    {"abstract and unnamed sockets", test_abstract},
};
UNIT_SUITE(http_address, tests);
