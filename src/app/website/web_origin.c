/*
 * Browsers leave tabs and line ends in a URL out and take a backslash for a slash (WHATWG URL, 4.4): neither gets in here,
 * so that "/x" cannot become another host's.
 */
#include "app/website/web_origin.h"

#define PORT_DIGITS 5

static struct slice cut(struct slice text, size_t from)
{
    slice_skip(&text, from);
    return text;
}

static bool begins_with(struct slice text, struct slice prefix)
{
    return text.len >= prefix.len && slice_equal_nocase((struct slice){text.data, prefix.len}, prefix);
}

static bool may_be_in_host(char c, bool literal)
{
    return literal ? ascii_hex_value(c) >= 0 || ascii_is_one_of(c, ":.")
                   : ascii_is_alphanumeric(c) || ascii_is_one_of(c, "-._");
}

/* Letters, digits and "-._", or an IPv6 address in brackets. */
static size_t host_len(struct slice text)
{
    bool literal = text.len > 0 && text.data[0] == '[';
    size_t len = literal ? 1 : 0;
    while (len < text.len && may_be_in_host(text.data[len], literal)) {
        len++;
    }
    if (!literal) {
        return len;
    }
    return len > 1 && len < text.len && text.data[len] == ']' ? len + 1 : 0;
}

/* The digits behind a colon; 0 octets: they are no port. */
static size_t read_port(struct slice text, unsigned *port)
{
    size_t len = 0;
    unsigned value = 0;
    while (len < text.len && len <= PORT_DIGITS && ascii_is_digit(text.data[len])) {
        value = value * 10 + (unsigned)(text.data[len] - '0');
        len++;
    }
    if (len > PORT_DIGITS || value > 65535) {
        return 0;
    }
    *port = value;
    return len;
}

/* Host and port at the beginning of text, whose scheme is in origin; what follows them is put into rest. */
static bool read_authority(struct web_origin *origin, struct slice text, struct slice *rest)
{
    size_t len = host_len(text);
    if (len == 0) {
        return false;
    }
    origin->host = (struct slice){text.data, len};
    origin->port = origin->secure ? 443 : 80;
    *rest = cut(text, len);
    if (rest->len == 0 || rest->data[0] != ':') {
        return true;
    }
    size_t digits = read_port(cut(*rest, 1), &origin->port);
    *rest = cut(*rest, 1 + digits);
    return digits > 0;
}

static bool read_origin(struct web_origin *origin, struct slice text, struct slice *rest)
{
    *origin = (struct web_origin){.secure = begins_with(text, SLICE("https://"))};
    if (!origin->secure && !begins_with(text, SLICE("http://"))) {
        return false;
    }
    return read_authority(origin, cut(text, origin->secure ? 8 : 7), rest);
}

bool web_origin_parse(struct web_origin *origin, struct slice text)
{
    struct slice rest;
    return read_origin(origin, text, &rest) && rest.len == 0;
}

bool web_origin_of_url(struct web_origin *origin, struct slice url)
{
    struct slice rest;
    return read_origin(origin, url, &rest) && (rest.len == 0 || ascii_is_one_of(rest.data[0], "/?#"));
}

static bool same(const struct web_origin *a, const struct web_origin *b)
{
    return a->secure == b->secure && a->port == b->port && slice_equal_nocase(a->host, b->host);
}

bool web_origin_append(struct buf *out, const struct web_origin *origin)
{
    if (!buf_append_string(out, origin->secure ? "https://" : "http://") ||
        !buf_append_slice(out, origin->host)) {
        return false;
    }
    return origin->port == (origin->secure ? 443 : 80) || buf_printf(out, ":%u", origin->port);
}

bool web_origin_listed(const struct web_origin *origin, const struct config_strings *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct web_origin entry;
        if (web_origin_parse(&entry, slice_of(list->items[i])) && same(&entry, origin)) {
            return true;
        }
    }
    return false;
}

bool web_origin_is_host(const struct web_origin *origin, struct slice host)
{
    struct web_origin own = {.secure = origin->secure};
    struct slice rest;
    if (!read_authority(&own, host, &rest) || rest.len > 0) {
        return false;
    }
    /* $host, which Debian's fastcgi_params hand on in the place of the header, never has a port. */
    bool has_port = own.host.len < host.len;
    return slice_equal_nocase(own.host, origin->host) && (!has_port || own.port == origin->port);
}

static bool is_said(const char *header)
{
    return header != NULL && header[0] != '\0';
}

bool web_origin_request_allowed(const char *origin, const char *referer, const char *host,
                                const struct config_strings *list)
{
    struct web_origin from;
    if (!is_said(origin) && !is_said(referer)) {
        return true;
    }
    bool known = is_said(origin) ? web_origin_parse(&from, slice_of(origin))
                                 : web_origin_of_url(&from, slice_of(referer));
    return known && (web_origin_listed(&from, list) || web_origin_is_host(&from, slice_of(host)));
}

/* As web_origin_append_target leaves the octet. */
static bool stays_plain(unsigned char c)
{
    return c > 0x20 && c < 0x7F;
}

/* Whether each octet may stand in a target, and all of them have room in a header field. */
static bool is_writable(struct slice target)
{
    size_t written = 0;
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.data[i];
        if (c < 0x20 || c == 0x7F || c == '\\') {
            return false;
        }
        written += stays_plain(c) ? 1 : 3;
    }
    return written <= WEB_ORIGIN_TARGET_MAX;
}

static bool is_path(struct slice target)
{
    return target.len > 0 && target.data[0] == '/' && (target.len == 1 || target.data[1] != '/');
}

bool web_origin_target_allowed(struct slice target, const struct config_strings *list)
{
    struct web_origin origin;
    return is_writable(target) &&
           (is_path(target) || (web_origin_of_url(&origin, target) && web_origin_listed(&origin, list)));
}

bool web_origin_target_valid(struct slice target)
{
    struct web_origin origin;
    return is_writable(target) && (is_path(target) || web_origin_of_url(&origin, target));
}

bool web_origin_append_target(struct buf *out, struct slice target)
{
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.data[i];
        if (stays_plain(c) ? !buf_append_char(out, (char)c) : !buf_printf(out, "%%%02X", c)) {
            return false;
        }
    }
    return true;
}
