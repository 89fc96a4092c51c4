/*
 * For IPv4 the special prefixes are listed. Of IPv6 only 2000::/3 is in public use (RFC 4291 2.4), so the list there
 * is of the exceptions inside it; forms that carry an IPv4 address are judged by that.
 */
#include "smtp/public_address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct prefix4 {
    uint32_t address;
    unsigned bits;
};

static const struct prefix4 special4[] = {
    {0x00000000, 8},  /* 0.0.0.0/8: this network; Linux takes 0.0.0.0 for loopback */
    {0x0a000000, 8},  /* 10.0.0.0/8: private (RFC 1918) */
    {0x64400000, 10}, /* 100.64.0.0/10: carrier-grade NAT (RFC 6598) */
    {0x7f000000, 8},  /* 127.0.0.0/8: loopback */
    {0xa9fe0000, 16}, /* 169.254.0.0/16: link-local; cloud metadata */
    {0xac100000, 12}, /* 172.16.0.0/12: private */
    {0xc0000000, 24}, /* 192.0.0.0/24: protocol assignments (RFC 6890) */
    {0xc0000200, 24}, /* 192.0.2.0/24: documentation */
    {0xc0586300, 24}, /* 192.88.99.0/24: 6to4 relays, deprecated (RFC 7526) */
    {0xc0a80000, 16}, /* 192.168.0.0/16: private */
    {0xc6120000, 15}, /* 198.18.0.0/15: benchmarks (RFC 2544) */
    {0xc6336400, 24}, /* 198.51.100.0/24: documentation */
    {0xcb007100, 24}, /* 203.0.113.0/24: documentation */
    {0xe0000000, 3},  /* 224.0.0.0/3: multicast, reserved, broadcast */
};

static bool public4(uint32_t address)
{
    for (size_t i = 0; i < sizeof special4 / sizeof special4[0]; i++) {
        if ((address ^ special4[i].address) >> (32 - special4[i].bits) == 0) {
            return false;
        }
    }
    return true;
}

struct prefix6 {
    unsigned char octets[8];
    unsigned bits;
};

static const struct prefix6 special6[] = {
    {{0x20, 0x01, 0x00}, 23},       /* 2001::/23: protocol assignments, Teredo, ORCHID (RFC 2928) */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* 2001:db8::/32: documentation */
    {{0x3f, 0xff, 0x00}, 20},       /* 3fff::/20: documentation (RFC 9637) */
};

static bool has_prefix(const unsigned char *octets, const struct prefix6 *prefix)
{
    size_t whole = prefix->bits / 8;
    unsigned rest = prefix->bits % 8;
    return memcmp(octets, prefix->octets, whole) == 0 &&
           (rest == 0 || (octets[whole] ^ prefix->octets[whole]) >> (8 - rest) == 0);
}

static uint32_t embedded4(const unsigned char *octets)
{
    return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 | octets[3];
}

static bool public6(const unsigned char *octets)
{
    static const struct prefix6 six_to_four = {{0x20, 0x02}, 16};       /* 2002::/16 (RFC 3056) */
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:0:0/96 (RFC 4291 2.5.5.2) */
    static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};    /* 64:ff9b::/96 (RFC 6052) */
    if (memcmp(octets, mapped, sizeof mapped) == 0 || memcmp(octets, nat64, sizeof nat64) == 0) {
        return public4(embedded4(octets + 12));
    }
    if (has_prefix(octets, &six_to_four)) {
        return public4(embedded4(octets + 2));
    }
    for (size_t i = 0; i < sizeof special6 / sizeof special6[0]; i++) {
        if (has_prefix(octets, &special6[i])) {
            return false;
        }
    }
    return octets[0] >> 5 == 1; /* 2000::/3 */
}

bool public_address(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        return public4(ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
    }
    return address->ss_family == AF_INET6 &&
           public6(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
}
