/*
 * Everything here errs on the narrow side: what a key can't mean is refused at --check instead of failing at
 * the first mail.
 */
#include "config/syntax.h"

#include <arpa/inet.h>
#include <stdint.h>

#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/digest.h"
#include "fcgi_smtp/utf8.h"

#define ADDRESS_TEXT_MAX INET6_ADDRSTRLEN /* the NUL included */
#define SHA256_CHARS     44               /* in base64 */

/* Whether all of text, which isn't empty, is letters, digits and characters of others. */
static bool consists_of(struct slice text, const char *others)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_alphanumeric(text.data[i]) && !ascii_is_one_of(text.data[i], others)) {
            return false;
        }
    }
    return text.len > 0;
}

static struct slice cut(struct slice text, size_t from)
{
    return (struct slice){text.data + from, text.len - from};
}

/* A whole number without sign or leading zeros of at most most; -1 otherwise. */
static int small_number(struct slice text, int most)
{
    int value = 0;
    if (text.len == 0 || text.len > 5 || (text.len > 1 && text.data[0] == '0')) {
        return -1;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.data[i])) {
            return -1;
        }
        value = value * 10 + (text.data[i] - '0');
    }
    return value <= most ? value : -1;
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0xFEFF || c == 0xFFFE ||
           c == 0xFFFF;
}

/* The code point of a character of len octets; characters of four octets are never controls. */
static uint32_t code_point(const unsigned char *p, size_t len)
{
    switch (len) {
    case 1:
        return p[0];
    case 2:
        return (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
    case 3:
        return (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
    default:
        return 0x10000;
    }
}

size_t syntax_text_prefix(struct slice text, const char *allowed)
{
    size_t at = 0;
    while (at < text.len) {
        size_t len = utf8_char_len(text.data + at, text.len - at);
        if (len == 0) {
            return at;
        }
        char c = text.data[at];
        bool excepted = len == 1 && c != '\0' && strchr(allowed, c) != NULL;
        if (!excepted && is_control(code_point((const unsigned char *)text.data + at, len))) {
            return at;
        }
        at += len;
    }
    return at;
}

/* The family of an address in text, its octets in out; 0: not an address. */
static int parse_address(struct slice text, uint8_t out[16])
{
    char copy[ADDRESS_TEXT_MAX];
    if (text.len >= sizeof copy || !consists_of(text, ".:")) {
        return 0;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, out) == 1) {
        return AF_INET;
    }
    return inet_pton(AF_INET6, copy, out) == 1 ? AF_INET6 : 0;
}

bool syntax_address(struct slice text)
{
    uint8_t octets[16];
    return parse_address(text, octets) != 0;
}

bool syntax_families_differ(struct slice a, struct slice b)
{
    uint8_t octets[16];
    int first = parse_address(a, octets);
    int second = parse_address(b, octets);
    return first != 0 && second != 0 && first != second;
}

bool syntax_loopback(struct slice text)
{
    static const uint8_t v6[16] = {[15] = 1};
    uint8_t address[16];
    int family = parse_address(text, address);
    return family == AF_INET ? address[0] == 127 : family == AF_INET6 && memcmp(address, v6, sizeof v6) == 0;
}

bool syntax_is_unix(struct slice text)
{
    return text.len >= 5 && memcmp(text.data, "unix:", 5) == 0;
}

static bool unix_path(struct slice text)
{
    struct slice path = cut(text, 5);
    return path.len > 1 && path.len <= SYNTAX_UNIX_PATH_MAX && path.data[0] == '/';
}

/* Splits ADDRESS:PORT, [ADDRESS]:PORT; false: the port is none. */
static bool split_listen(struct slice text, struct slice *address, bool *brackets)
{
    const char *colon = text.len > 0 ? memrchr(text.data, ':', text.len) : NULL;
    if (colon == NULL) {
        return false;
    }
    size_t len = (size_t)(colon - text.data);
    if (small_number(cut(text, len + 1), 65535) < 1) {
        return false;
    }
    *brackets = len >= 2 && text.data[0] == '[' && text.data[len - 1] == ']';
    *address = *brackets ? (struct slice){text.data + 1, len - 2} : (struct slice){text.data, len};
    return true;
}

bool syntax_listen(struct slice text)
{
    if (syntax_is_unix(text)) {
        return unix_path(text);
    }
    struct slice address;
    bool brackets;
    uint8_t octets[16];
    return split_listen(text, &address, &brackets) &&
           parse_address(address, octets) == (brackets ? AF_INET6 : AF_INET);
}

bool syntax_listen_exposed(struct slice text)
{
    struct slice address;
    bool brackets;
    return !syntax_is_unix(text) && split_listen(text, &address, &brackets) && !syntax_loopback(address);
}

bool syntax_network(struct slice text)
{
    const char *slash = text.len > 0 ? memchr(text.data, '/', text.len) : NULL;
    size_t len = slash != NULL ? (size_t)(slash - text.data) : text.len;
    uint8_t octets[16];
    int family = parse_address((struct slice){text.data, len}, octets);
    int bits = family == AF_INET ? 32 : 128;
    int prefix = slash != NULL ? small_number(cut(text, len + 1), bits) : bits;
    if (family == 0 || prefix < 0) {
        return false;
    }
    for (int bit = prefix; bit < bits; bit++) {
        if ((octets[bit / 8] & (0x80 >> (bit % 8))) != 0) {
            return false;
        }
    }
    return true;
}

bool syntax_base_path(struct slice text)
{
    if (text.len == 0 || text.data[0] != '/' || slice_has(text, '?') || slice_has(text, '#')) {
        return false;
    }
    size_t begin = 1;
    while (begin < text.len) {
        const char *slash = memchr(text.data + begin, '/', text.len - begin);
        size_t end = slash != NULL ? (size_t)(slash - text.data) : text.len;
        struct slice segment = {text.data + begin, end - begin};
        if (segment.len == 0 || slice_equal(segment, SLICE(".")) || slice_equal(segment, SLICE(".."))) {
            return false;
        }
        begin = end + 1;
    }
    return true;
}

static bool all_digits(struct slice text)
{
    size_t digits = 0;
    while (digits < text.len && ascii_is_digit(text.data[digits])) {
        digits++;
    }
    return digits == text.len;
}

static bool host_label(struct slice label)
{
    return label.len <= 63 && consists_of(label, "-_") && label.data[0] != '-' &&
           label.data[label.len - 1] != '-';
}

/* Names are A-labels (RFC 5890). One whose last label is a number is a mistyped address, never a name. */
bool syntax_host_name(struct slice text)
{
    if (text.len > SYNTAX_HOST_MAX) {
        return false;
    }
    size_t begin = 0;
    for (;;) {
        const char *dot = begin < text.len ? memchr(text.data + begin, '.', text.len - begin) : NULL;
        size_t end = dot != NULL ? (size_t)(dot - text.data) : text.len;
        struct slice label = {text.data + begin, end - begin};
        if (!host_label(label)) {
            return false;
        }
        if (dot == NULL) {
            return !all_digits(label);
        }
        begin = end + 1;
    }
}

bool syntax_host(struct slice text)
{
    uint8_t octets[16];
    return syntax_is_unix(text) ? unix_path(text)
                                : parse_address(text, octets) != 0 || syntax_host_name(text);
}

bool syntax_host_pattern(struct slice text)
{
    return !syntax_is_unix(text) && text.len <= SYNTAX_HOST_MAX && consists_of(text, "-_.:*?");
}

bool syntax_server_name(struct slice text)
{
    return consists_of(text, "-_.");
}

bool syntax_field_name(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 33 || text.data[i] > 126 || text.data[i] == ':') {
            return false;
        }
    }
    return text.len > 0;
}

bool syntax_media_range(struct slice text)
{
    static const char token[] = "!#$%&'+-.^_`|~"; /* RFC 9110 5.6.2, without "*" */
    const char *slash = text.len > 0 ? memchr(text.data, '/', text.len) : NULL;
    if (slash == NULL) {
        return false;
    }
    size_t len = (size_t)(slash - text.data);
    struct slice subtype = cut(text, len + 1);
    bool any = slice_equal(subtype, SLICE("*"));
    return consists_of((struct slice){text.data, len}, token) && (any || consists_of(subtype, token));
}

bool syntax_sha256(struct slice text)
{
    unsigned char digest[DIGEST_SIZE];
    return digest_from_hex(text, digest);
}

bool syntax_fingerprint(struct slice text)
{
    static const char prefix[] = "sha256:";
    size_t begin = sizeof prefix - 1;
    char digest[BASE64_DECODER_UPDATE_MAX(SHA256_CHARS)];
    size_t len = 0;
    return text.len == begin + SHA256_CHARS && memcmp(text.data, prefix, begin) == 0 &&
           base64_decode(text.data + begin, SHA256_CHARS, digest, &len) && len == DIGEST_SIZE;
}
