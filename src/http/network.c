/*
 * IPv4 is kept as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so that one comparison serves both families and mapped
 * peers.
 */
#include "http/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static const struct http_network loopback[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, 96 + 8}, /* 127.0.0.0/8 */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128},   /* ::1 */
};

/* The address and how many bits its family has; 0: not an address. */
static unsigned parse_address(const char *text, uint8_t address[16])
{
    if (inet_pton(AF_INET6, text, address) == 1) {
        return 128;
    }
    memcpy(address, mapped_prefix, sizeof mapped_prefix);
    return inet_pton(AF_INET, text, address + sizeof mapped_prefix) == 1 ? 32 : 0;
}

/* 1..3 digits without a leading zero, at most max. */
static bool parse_prefix(const char *text, unsigned max, unsigned *prefix)
{
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 3 || text[len] != '\0' || (len > 1 && text[0] == '0')) {
        return false;
    }
    *prefix = 0;
    for (size_t i = 0; i < len; i++) {
        *prefix = *prefix * 10 + (unsigned)(text[i] - '0');
    }
    return *prefix <= max;
}

static bool same_prefix(const uint8_t a[16], const uint8_t b[16], unsigned bits)
{
    unsigned octets = bits / 8;
    unsigned rest = bits % 8;
    return memcmp(a, b, octets) == 0 && (rest == 0 || (a[octets] ^ b[octets]) >> (8 - rest) == 0);
}

static bool host_bits_zero(const struct http_network *network)
{
    for (unsigned bit = network->prefix; bit < 128; bit++) {
        if ((network->address[bit / 8] & (0x80 >> bit % 8)) != 0) {
            return false;
        }
    }
    return true;
}

bool http_network_parse(struct http_network *network, const char *text)
{
    char address[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "/");
    if (len >= sizeof address) {
        return false;
    }
    memcpy(address, text, len);
    address[len] = '\0';
    unsigned bits = parse_address(address, network->address);
    unsigned prefix = bits;
    if (bits == 0 || (text[len] == '/' && !parse_prefix(text + len + 1, bits, &prefix))) {
        return false;
    }
    network->prefix = 128 - bits + prefix;
    return host_bits_zero(network);
}

static bool peer_address(const struct sockaddr *peer, uint8_t address[16])
{
    if (peer->sa_family == AF_INET6) {
        memcpy(address, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, 16);
        return true;
    }
    if (peer->sa_family == AF_INET) {
        memcpy(address, mapped_prefix, sizeof mapped_prefix);
        memcpy(address + sizeof mapped_prefix, &((const struct sockaddr_in *)(const void *)peer)->sin_addr,
               4);
        return true;
    }
    return false;
}

static bool is_in(const struct http_network *networks, size_t count, const uint8_t address[16])
{
    for (size_t i = 0; i < count; i++) {
        if (same_prefix(networks[i].address, address, networks[i].prefix)) {
            return true;
        }
    }
    return false;
}

bool http_network_has(const struct http_network *networks, size_t count, const char *address)
{
    uint8_t octets[16];
    return parse_address(address, octets) != 0 && is_in(networks, count, octets);
}

bool network_allows(const struct http_network *networks, size_t count, const struct sockaddr *peer)
{
    uint8_t address[16];
    if (!peer_address(peer, address)) {
        return false;
    }
    if (count == 0) {
        networks = loopback;
        count = sizeof loopback / sizeof loopback[0];
    }
    return is_in(networks, count, address);
}
