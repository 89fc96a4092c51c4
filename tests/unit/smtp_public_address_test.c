#include "smtp/public_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

static struct sockaddr_storage parse(const char *text)
{
    struct sockaddr_storage storage;
    memset(&storage, 0, sizeof storage);
    struct sockaddr_in *ip4 = (struct sockaddr_in *)(void *)&storage;
    struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)(void *)&storage;
    bool is_ip6 = strchr(text, ':') != NULL;
    storage.ss_family = is_ip6 ? AF_INET6 : AF_INET;
    CU_ASSERT_EQUAL(
        inet_pton(storage.ss_family, text, is_ip6 ? (void *)&ip6->sin6_addr : (void *)&ip4->sin_addr), 1);
    return storage;
}

static void check(const char *const *texts, bool expected)
{
    for (size_t i = 0; texts[i] != NULL; i++) {
        struct sockaddr_storage storage = parse(texts[i]);
        bool same = public_address(&storage) == expected;
        if (!same) {
            printf("\n%s\n", texts[i]);
        }
        CU_ASSERT(same);
    }
}

static void public(void)
{
    static const char *const texts[] = {
        "1.1.1.1",         "8.8.8.8",          "9.255.255.255",   "11.0.0.0",
        "100.63.255.255",  "100.128.0.0",      "126.255.255.255", "128.0.0.0",
        "169.253.255.255", "169.255.0.0",      "172.15.255.255",  "172.32.0.0",
        "192.0.1.0",       "192.0.3.0",        "192.88.98.255",   "192.88.100.0",
        "192.167.255.255", "192.169.0.0",      "198.17.255.255",  "198.20.0.0",
        "198.51.99.255",   "198.51.101.0",     "203.0.112.255",   "203.0.114.0",
        "223.255.255.255", "2001:200::1",      "2001:db7::1",     "2001:db9::1",
        "2600::1",         "2a00:1450::1",     "3ffe::1",         "3fff:1000::1",
        "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8", "2002:808:808::1", NULL};
    check(texts, true);
}

static void special(void)
{
    static const char *const texts[] = {"0.0.0.0",
                                        "0.1.2.3",
                                        "10.0.0.0",
                                        "10.255.255.255",
                                        "100.64.0.0",
                                        "100.127.255.255",
                                        "127.0.0.1",
                                        "127.255.255.255",
                                        "169.254.0.0",
                                        "169.254.169.254",
                                        "172.16.0.0",
                                        "172.31.255.255",
                                        "192.0.0.1",
                                        "192.0.2.1",
                                        "192.88.99.1",
                                        "192.168.0.0",
                                        "192.168.255.255",
                                        "198.18.0.0",
                                        "198.19.255.255",
                                        "198.51.100.1",
                                        "203.0.113.1",
                                        "224.0.0.1",
                                        "239.255.255.255",
                                        "240.0.0.1",
                                        "255.255.255.255",
                                        "::",
                                        "::1",
                                        "::127.0.0.1",
                                        "::8.8.8.8",
                                        "64:ff9b:1::1",
                                        "100::1",
                                        "2001::1",
                                        "2001:1ff::1",
                                        "2001:db8::1",
                                        "3fff::1",
                                        "3fff:fff::1",
                                        "4000::1",
                                        "fc00::1",
                                        "fd12::1",
                                        "fe80::1",
                                        "fec0::1",
                                        "ff02::1",
                                        "::ffff:127.0.0.1",
                                        "::ffff:10.0.0.1",
                                        "::ffff:169.254.169.254",
                                        "64:ff9b::7f00:1",
                                        "64:ff9b::a00:1",
                                        "2002:7f00:1::1",
                                        "2002:a00:1::1",
                                        NULL};
    check(texts, false);
    struct sockaddr_storage local;
    memset(&local, 0, sizeof local);
    local.ss_family = AF_UNIX;
    CU_ASSERT_FALSE(public_address(&local));
}

static const struct unit_test tests[] = {
    {"public addresses", public},
    {"special addresses", special},
};

UNIT_SUITE(smtp_public_address, tests);
