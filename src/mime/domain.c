/*
 * libidn2 maps before it encodes (UTS #46), and what it maps to may be anything: U+2100 becomes "a/c", U+3002
 * a dot. So the letter-digit-hyphen rule is checked on the result, whatever the input looked like. Plain
 * ASCII names skip the library: host names such as "r3---x.example" are no IDNA matter and stay valid.
 */
#include "mime/domain.h"

#include <arpa/inet.h>
#include <idn2.h>

#include "fcgi_smtp/address.h"
#include "fcgi_smtp/utf8.h"

enum {
    DOMAIN_MAX =
        253, /* octets; RFC 1035 2.3.4's 255 count the length octets of the first label and of the root */
    LABEL_MAX = 63,
    UNICODE_MAX = 1012 /* no name that fits has more octets in UTF-8 */
};

/* RFC 5321 4.1.2: sub-domain = Let-dig [Ldh-str]. */
static bool is_label(struct slice label)
{
    if (label.len == 0 || label.len > LABEL_MAX || label.data[0] == '-' || label.data[label.len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < label.len; i++) {
        if (!ascii_is_alphanumeric(label.data[i]) && label.data[i] != '-') {
            return false;
        }
    }
    return true;
}

/* Labels with single dots between them, none at the end; *a_label: one of them claims to be an A-label. */
static bool is_domain(struct slice domain, bool *a_label)
{
    *a_label = false;
    if (domain.len > DOMAIN_MAX) {
        return false;
    }
    while (true) {
        const char *dot = domain.len > 0 ? memchr(domain.data, '.', domain.len) : NULL;
        struct slice label = {domain.data, dot != NULL ? (size_t)(dot - domain.data) : domain.len};
        if (!is_label(label)) {
            return false;
        }
        *a_label = *a_label || (label.len >= 4 && strncasecmp(label.data, "xn--", 4) == 0);
        if (dot == NULL) {
            return true;
        }
        domain = (struct slice){dot + 1, domain.len - label.len - 1};
    }
}

static bool copy_lower(struct slice text, struct arena *arena, struct slice *lower)
{
    char *copy = arena_copy(arena, text);
    if (copy == NULL) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        copy[i] = ascii_lower(copy[i]);
    }
    *lower = (struct slice){copy, text.len};
    return true;
}

/* RFC 5891 5, non-transitional; A-labels are decoded, checked and encoded again. */
static bool encode_idna(struct slice domain, struct arena *arena, struct slice *ascii)
{
    struct slice lower;
    uint8_t *encoded = NULL;
    if (domain.len > UNICODE_MAX || !copy_lower(domain, arena, &lower) ||
        idn2_lookup_u8((const uint8_t *)lower.data, &encoded, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) !=
            IDN2_OK) {
        return false;
    }
    struct slice result = slice_of((const char *)encoded);
    bool a_label;
    bool ok = is_domain(result, &a_label) && copy_lower(result, arena, ascii);
    idn2_free(encoded);
    return ok;
}

bool address_domain_to_ascii(struct slice domain, struct arena *arena, struct slice *ascii)
{
    if (slice_has(domain, '\0')) {
        return false;
    }
    if (!utf8_is_ascii(domain)) {
        return encode_idna(domain, arena, ascii);
    }
    bool a_label;
    if (!is_domain(domain, &a_label)) {
        return false;
    }
    return a_label ? encode_idna(domain, arena, ascii) : copy_lower(domain, arena, ascii);
}

bool domain_literal_canonical(struct slice literal, struct arena *arena, struct slice *canonical)
{
    static const struct slice ipv6_tag = {"IPv6:", 5};
    char text[INET6_ADDRSTRLEN];
    struct slice inner = {literal.data + 1, literal.len - 2};
    struct slice tag = {inner.data, inner.len < ipv6_tag.len ? inner.len : ipv6_tag.len};
    bool ipv6 = slice_equal_nocase(tag, ipv6_tag);
    if (ipv6) {
        inner = (struct slice){inner.data + tag.len, inner.len - tag.len};
    }
    if (inner.len == 0 || inner.len >= sizeof text || slice_has(inner, '\0')) {
        return false;
    }
    memcpy(text, inner.data, inner.len);
    text[inner.len] = '\0';
    unsigned char address[sizeof(struct in6_addr)];
    int family = ipv6 ? AF_INET6 : AF_INET;
    /* Written anew, so that one address has one text: "[IPv6:0::1]" and "[IPV6:::1]" are the same mailbox's
     * host. */
    if (inet_pton(family, text, address) != 1 || inet_ntop(family, address, text, sizeof text) == NULL) {
        return false;
    }
    *canonical = slice_of(arena_printf(arena, "[%s%s]", ipv6 ? ipv6_tag.data : "", text));
    return canonical->len > 0;
}
