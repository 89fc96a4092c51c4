#include "smtp/connect.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "smtp/endpoint.h"
#include "unit.h"

static struct limit within(int64_t ms)
{
    return (struct limit){deadline_after(ms), -1};
}

static struct socket_address address_of(const char *text, uint16_t port)
{
    struct socket_address address;
    memset(&address, 0, sizeof address);
    struct sockaddr_in *ip4 = (struct sockaddr_in *)(void *)&address.storage;
    ip4->sin_family = AF_INET;
    ip4->sin_port = htons(port);
    CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET, text, &ip4->sin_addr), 1);
    address.len = sizeof *ip4;
    return address;
}

/* A listener on 127.0.0.1 and a free port. */
static int listen_on_loopback(int backlog, uint16_t *port)
{
    struct socket_address address = address_of("127.0.0.1", 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)(void *)&address.storage, address.len), 0);
    CU_ASSERT_EQUAL_FATAL(listen(fd, backlog), 0);
    socklen_t len = sizeof address.storage;
    CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)(void *)&address.storage, &len), 0);
    *port = ntohs(((struct sockaddr_in *)(void *)&address.storage)->sin_port);
    return fd;
}

/* Fills a listener's queue, so that the next one gets no answer. fds has count places. */
static void fill_queue(uint16_t port, int *fds, size_t count)
{
    struct socket_address address = address_of("127.0.0.1", port);
    for (size_t i = 0; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fds[i], (struct sockaddr *)(void *)&address.storage, address.len);
    }
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)close(fds[i]);
    }
}

static void refused_then_good(void)
{
    uint16_t port = 0;
    int listener = listen_on_loopback(8, &port);
    struct socket_addresses addresses = {.count = 3};
    addresses.items[0] = address_of("127.0.0.2", port); /* nobody listens there */
    addresses.items[1] = address_of("127.0.0.3", port);
    addresses.items[2] = address_of("127.0.0.1", port);
    size_t winner = 99;
    int fd = -1;
    deadline before = deadline_now();
    CU_ASSERT_EQUAL(
        connect_tcp(&(struct connect_target){"mail:25", &addresses, NULL}, within(20000), &winner, &fd, NULL),
        CONNECT_OK);
    CU_ASSERT_EQUAL(winner, 2);
    CU_ASSERT(deadline_now() - before < 10000); /* a refusal does not wait for the next turn */
    CU_ASSERT_TRUE(connect_peer_is_local(fd));
    char literal[64];
    connect_own_literal(fd, literal, sizeof literal);
    CU_ASSERT_STRING_EQUAL(literal, "[127.0.0.1]");
    (void)close(fd);
    (void)close(listener);
}

static void all_refused(void)
{
    uint16_t port = 0;
    int listener = listen_on_loopback(8, &port);
    (void)close(listener);
    struct socket_addresses addresses = {.count = 2};
    addresses.items[0] = address_of("127.0.0.2", port);
    addresses.items[1] = address_of("127.0.0.3", port);
    size_t winner = 0;
    int fd = -1;
    struct err err = {.text = ""};
    CU_ASSERT_EQUAL(
        connect_tcp(&(struct connect_target){"mail:25", &addresses, NULL}, within(20000), &winner, &fd, &err),
        CONNECT_FAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "cannot connect to mail:25: 127.0.0.2: Connection refused; 127.0.0.3: "
                                     "Connection refused");
}

/* The second address is begun while the first is still silent, and wins. */
static void silent_then_good(void)
{
    uint16_t port = 0;
    int silent = listen_on_loopback(0, &port);
    int fillers[4];
    fill_queue(port, fillers, 4);
    uint16_t good_port = 0;
    int good = listen_on_loopback(8, &good_port);
    struct socket_addresses addresses = {.count = 2};
    addresses.items[0] = address_of("127.0.0.1", port);
    addresses.items[1] = address_of("127.0.0.1", good_port);
    size_t winner = 99;
    int fd = -1;
    deadline before = deadline_now();
    CU_ASSERT_EQUAL(
        connect_tcp(&(struct connect_target){"mail:25", &addresses, NULL}, within(20000), &winner, &fd, NULL),
        CONNECT_OK);
    CU_ASSERT_EQUAL(winner, 1);
    CU_ASSERT(deadline_now() - before >= 250);
    CU_ASSERT(deadline_now() - before < 10000); /* a turn, not the deadline */
    (void)close(fd);
    close_all(fillers, 4);
    (void)close(silent);
    (void)close(good);
}

static void silent_until_the_deadline(void)
{
    uint16_t port = 0;
    int silent = listen_on_loopback(0, &port);
    int fillers[4];
    fill_queue(port, fillers, 4);
    struct socket_addresses addresses = {.count = 2};
    addresses.items[0] = address_of("127.0.0.1", port);
    addresses.items[1] = address_of("127.0.0.1", port);
    size_t winner = 0;
    int fd = -1;
    struct err err = {.text = ""};
    CU_ASSERT_EQUAL(
        connect_tcp(&(struct connect_target){"mail:25", &addresses, NULL}, within(50), &winner, &fd, &err),
        CONNECT_TIMED_OUT);
    CU_ASSERT_STRING_EQUAL(
        err.text, "cannot connect to mail:25: 127.0.0.1: no answer in time; 127.0.0.1: not tried in time");
    close_all(fillers, 4);
    (void)close(silent);
}

static void unix_sockets(void)
{
    char directory[] = "/tmp/smtp-test-XXXXXX";
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", directory);
    int fd = -1;
    struct err err = {.text = ""};
    CU_ASSERT_EQUAL(connect_unix(address.sun_path, within(20000), &fd, &err), CONNECT_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "No such file"));
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(listener, (struct sockaddr *)(void *)&address, sizeof address), 0);
    CU_ASSERT_EQUAL_FATAL(listen(listener, 0), 0);
    CU_ASSERT_EQUAL(connect_unix(address.sun_path, within(20000), &fd, &err), CONNECT_OK);
    CU_ASSERT_TRUE(connect_peer_is_local(fd));
    char literal[64];
    connect_own_literal(fd, literal, sizeof literal);
    CU_ASSERT_STRING_EQUAL(literal, "[127.0.0.1]");
    int second = -1;
    enum connect_result full = connect_unix(address.sun_path, within(50), &second, &err); /* queue is full */
    CU_ASSERT_EQUAL(full, CONNECT_TIMED_OUT);
    CU_ASSERT_EQUAL(connect_unix(address.sun_path, within(0), &second, &err), CONNECT_TIMED_OUT);
    (void)close(fd);
    (void)close(listener);
    (void)unlink(address.sun_path);
    CU_ASSERT_EQUAL(rmdir(directory), 0);
    char path[200];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    CU_ASSERT_EQUAL(connect_unix(path, within(20000), &fd, &err), CONNECT_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "too long"));
}

static void own_literal_of_ip6(void)
{
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = htons(9)};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)(void *)&address, sizeof address) != 0) {
        CU_PASS("no IPv6 here");
    } else {
        char literal[64];
        connect_own_literal(fd, literal, sizeof literal);
        CU_ASSERT_STRING_EQUAL(literal, "[IPv6:::1]");
        CU_ASSERT_TRUE(connect_peer_is_local(fd));
    }
    (void)close(fd);
}

/* The address that answered is tried first the next time: the look-up's other address is not even begun. */
static int two_addresses(const char *name, struct socket_addresses *addresses)
{
    (void)name;
    addresses->items[0] = address_of("127.0.0.2", 0);
    addresses->items[1] = address_of("127.0.0.1", 0);
    addresses->count = 2;
    return 0;
}

static void last_good_first(void)
{
    uint16_t port = 0;
    int listener = listen_on_loopback(8, &port);
    struct smtp_settings settings = {.host = "mail.test", .port = port, .tls = SMTP_TLS_NONE};
    struct smtp_endpoint *endpoint = smtp_endpoint_new(&settings, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(endpoint);
    resolver_free(endpoint->resolver);
    endpoint->resolver = resolver_new(two_addresses, RESOLVE_KEEP_MS);
    int fd = -1;
    CU_ASSERT_EQUAL(endpoint->last_good.len, 0);
    CU_ASSERT_EQUAL(endpoint_connect(endpoint, within(20000), NULL, &fd, NULL), CONNECT_OK);
    (void)close(fd);
    CU_ASSERT_NOT_EQUAL(endpoint->last_good.len, 0);
    (void)close(listener);
    struct err err = {.text = ""};
    CU_ASSERT_EQUAL(endpoint_connect(endpoint, within(20000), NULL, &fd, &err), CONNECT_FAILED);
    const char *first = strstr(err.text, "127.0.0.1: ");
    const char *second = strstr(err.text, "127.0.0.2: ");
    CU_ASSERT(first != NULL && second != NULL && first < second);
    smtp_endpoint_free(endpoint);
}

static int never_found(const char *name, struct socket_addresses *addresses)
{
    (void)name;
    (void)addresses;
    (void)poll(NULL, 0, 1000);
    return EAI_AGAIN;
}

/* Hosts that requests choose are looked up apart: however many of them hang, the configured one is found. */
static void chosen_hosts_are_apart(void)
{
    uint16_t port = 0;
    int listener = listen_on_loopback(8, &port);
    struct smtp_settings settings = {.host = "mail.test", .port = port, .tls = SMTP_TLS_NONE};
    struct smtp_endpoint *base = smtp_endpoint_new(&settings, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(base);
    resolver_free(base->resolver);
    resolver_free(base->chosen_resolver);
    base->resolver = resolver_new(two_addresses, RESOLVE_KEEP_MS);
    base->chosen_resolver = resolver_new(never_found, RESOLVE_KEEP_MS);
    int fd = -1;
    for (int i = 0; i < RESOLVE_THREADS; i++) {
        char host[16];
        (void)snprintf(host, sizeof host, "h%d.test", i);
        settings.host = host;
        struct smtp_endpoint *chosen = smtp_endpoint_derive(base, &settings, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(chosen);
        CU_ASSERT_EQUAL(endpoint_connect(chosen, within(10), NULL, &fd, NULL), CONNECT_TIMED_OUT);
        smtp_endpoint_free(chosen);
    }
    settings.host = "mail.test";
    struct smtp_endpoint *same = smtp_endpoint_derive(base, &settings, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(same);
    CU_ASSERT_EQUAL(endpoint_connect(same, within(500), NULL, &fd, NULL), CONNECT_OK);
    (void)close(fd);
    CU_ASSERT_EQUAL(endpoint_connect(base, within(500), NULL, &fd, NULL), CONNECT_OK);
    (void)close(fd);
    smtp_endpoint_free(same);
    smtp_endpoint_free(base);
    (void)close(listener);
}

static struct socket_address address_of_ip6(const char *text, uint16_t port)
{
    struct socket_address address;
    memset(&address, 0, sizeof address);
    struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)(void *)&address.storage;
    ip6->sin6_family = AF_INET6;
    ip6->sin6_port = htons(port);
    CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET6, text, &ip6->sin6_addr), 1);
    address.len = sizeof *ip6;
    return address;
}

static void from_a_source_address(void)
{
    uint16_t port = 0;
    int listener = listen_on_loopback(8, &port);
    struct socket_addresses addresses = {.count = 2};
    addresses.items[0] = address_of_ip6("::1", port);
    addresses.items[1] = address_of("127.0.0.1", port);
    struct socket_address source = address_of("127.0.0.9", 0);
    const struct connect_target target = {"mail:25", &addresses, &source};
    size_t winner = 99;
    int fds[2] = {-1, -1};
    deadline before = deadline_now();
    for (size_t i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(connect_tcp(&target, within(20000), &winner, &fds[i], NULL), CONNECT_OK);
        CU_ASSERT_EQUAL(winner, 1); /* the other family was skipped, */
        char literal[64];
        connect_own_literal(fds[i], literal, sizeof literal);
        CU_ASSERT_STRING_EQUAL(literal, "[127.0.0.9]");
    }
    CU_ASSERT(deadline_now() - before < 10000); /* and not waited for */
    close_all(fds, 2);
    (void)close(listener);
}

static void source_addresses_that_do_not_help(void)
{
    uint16_t port = 0;
    int listener = listen_on_loopback(8, &port);
    struct socket_addresses addresses = {.count = 1};
    addresses.items[0] = address_of("127.0.0.1", port);
    struct socket_address not_ours = address_of("192.0.2.1", 0);
    struct socket_address other_kind = address_of_ip6("::1", 0);
    size_t winner = 0;
    int fd = -1;
    struct err err = {.text = ""};
    CU_ASSERT_EQUAL(connect_tcp(&(struct connect_target){"mail:25", &addresses, &not_ours}, within(20000),
                                &winner, &fd, &err),
                    CONNECT_FAILED);
    CU_ASSERT_STRING_EQUAL(
        err.text, "cannot connect to mail:25: 127.0.0.1: source_address: Cannot assign requested address");
    CU_ASSERT_EQUAL(connect_tcp(&(struct connect_target){"mail:25", &addresses, &other_kind}, within(20000),
                                &winner, &fd, &err),
                    CONNECT_FAILED);
    CU_ASSERT_STRING_EQUAL(
        err.text, "cannot connect to mail:25: 127.0.0.1: source_address is of the other kind: Address "
                  "family not supported by protocol");
    (void)close(listener);
}

static void endpoints_have_a_source_address(void)
{
    uint16_t port = 0;
    int listener = listen_on_loopback(8, &port);
    struct smtp_settings settings = {
        .host = "127.0.0.1", .port = port, .tls = SMTP_TLS_NONE, .source_address = "127.0.0.7"};
    struct smtp_endpoint *endpoint = smtp_endpoint_new(&settings, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(endpoint);
    int fd = -1;
    CU_ASSERT_EQUAL(endpoint_connect(endpoint, within(20000), NULL, &fd, NULL), CONNECT_OK);
    char literal[64];
    connect_own_literal(fd, literal, sizeof literal);
    CU_ASSERT_STRING_EQUAL(literal, "[127.0.0.7]");
    (void)close(fd);
    smtp_endpoint_free(endpoint);
    settings.source_address = "::1";
    endpoint = smtp_endpoint_new(&settings, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(endpoint);
    CU_ASSERT_EQUAL(endpoint_connect(endpoint, within(20000), NULL, &fd, NULL), CONNECT_FAILED);
    smtp_endpoint_free(endpoint);
    struct err err = {.text = ""};
    settings.source_address = "localhost";
    CU_ASSERT_PTR_NULL(smtp_endpoint_new(&settings, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "source_address localhost is neither an IPv4 nor an IPv6 address");
    (void)close(listener);
}

static const struct unit_test tests[] = {
    {"refused, then good", refused_then_good},
    {"all refused", all_refused},
    {"silent, then good", silent_then_good},
    {"silent until the deadline", silent_until_the_deadline},
    {"unix sockets", unix_sockets},
    {"the literal of an IPv6 socket", own_literal_of_ip6},
    {"the last good address first", last_good_first},
    {"hosts that requests choose are apart", chosen_hosts_are_apart},
    {"from a source address", from_a_source_address},
    {"source addresses that do not help", source_addresses_that_do_not_help},
    {"endpoints have a source address", endpoints_have_a_source_address},
};

UNIT_SUITE(smtp_connect, tests);
