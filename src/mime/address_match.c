/*
 * A pattern with an "@" is matched on both sides of it apart. Otherwise the local part of
 * "root@x"@evil.example would match "root@*".
 */
#include "fcgi_smtp/address.h"
#include "fcgi_smtp/utf8.h"

enum {
    LOCAL_AND_DOMAIN_MAX = 254 /* octets; no addr-spec has more (RFC 5321 4.5.3.1) */
};

bool address_equal(const struct addr_spec *a, const struct addr_spec *b)
{
    return slice_equal(a->local, b->local) && slice_equal_nocase(a->domain, b->domain);
}

static size_t char_len(struct slice text, size_t at)
{
    size_t len = utf8_char_len(text.data + at, text.len - at);
    return len > 0 ? len : 1;
}

/* "*": any characters, "?": one. Goes back to the latest star only, so the time is at most |text| *
 * |pattern|. */
static bool matches(struct slice text, struct slice pattern)
{
    size_t t = 0;
    size_t p = 0;
    size_t star = pattern.len; /* the latest star; pattern.len: none yet */
    size_t star_text = 0;      /* how far it has eaten */
    while (t < text.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.len && pattern.data[p] == '?') {
            t += char_len(text, t);
            p++;
        } else if (p < pattern.len && ascii_lower(pattern.data[p]) == ascii_lower(text.data[t])) {
            t++;
            p++;
        } else if (star < pattern.len) {
            star_text += char_len(text, star_text);
            t = star_text;
            p = star + 1;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

/* A pattern without "@": on the whole, local part unquoted. The null path is the empty text. */
static bool matches_whole(const struct addr_spec *address, struct slice pattern)
{
    char text[LOCAL_AND_DOMAIN_MAX];
    struct slice local = address->local;
    struct slice domain = address->domain;
    if (address->text.len == 0) {
        return matches(address->text, pattern);
    }
    if (local.len + 1 + domain.len > sizeof text) {
        return false;
    }
    memcpy(text, local.data, local.len);
    text[local.len] = '@';
    memcpy(text + local.len + 1, domain.data, domain.len);
    return matches((struct slice){text, local.len + 1 + domain.len}, pattern);
}

bool address_matches(const struct addr_spec *address, const char *pattern)
{
    const char *at = strrchr(pattern, '@'); /* a domain has none, so the last one is the separator */
    if (at == NULL || address->text.len == 0) {
        return matches_whole(address, slice_of(pattern));
    }
    struct slice local = {pattern, (size_t)(at - pattern)};
    return matches(address->local, local) && matches(address->domain, slice_of(at + 1));
}
