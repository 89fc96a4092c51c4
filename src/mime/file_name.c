/*
 * A short name of plain characters is one quoted-string. Any other goes as UTF-8 in RFC 2231's extended form,
 * in numbered sections when long, beside a plain name that is only like it: what knows RFC 2231 ignores the
 * plain one, what does not gets a name of the right type.
 */
#include "mime/file_name.h"

#include <stdio.h>

#include "fcgi_smtp/utf8.h"

enum {
    NAME_MAX_LEN = 1000, /* octets */
    PLAIN_MAX = 60,      /* characters: filename="..." stays on one line */
    EXTENSION_MAX = 12,  /* characters that a shortened plain name keeps from the end */
    SECTION_MAX = 72     /* characters of a line with one section */
};

struct slice file_name_without_directories(struct slice name)
{
    size_t begin = name.len;
    while (begin > 0 && name.data[begin - 1] != '/' && name.data[begin - 1] != '\\') {
        begin--;
    }
    if (begin == name.len) {
        return (struct slice){NULL, 0};
    }
    struct slice last = {name.data + begin, name.len - begin};
    bool dots = slice_equal(last, SLICE(".")) || slice_equal(last, SLICE(".."));
    return dots ? (struct slice){NULL, 0} : last;
}

static bool is_plain(char c)
{
    return c >= 32 && c <= 126 && c != '"' && c != '\\';
}

static bool all_plain(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_plain(name.data[i])) {
            return false;
        }
    }
    return memmem(name.data, name.len, "=?", 2) == NULL; /* some readers would decode that */
}

/* Each character that is not plain becomes "_"; a long name loses its middle. out has PLAIN_MAX + 3 octets.
 */
static struct slice make_plain(char *out, struct slice name, bool exact)
{
    char plain[NAME_MAX_LEN];
    size_t len = 0;
    for (size_t i = 0; i < name.len; i += utf8_char_len(name.data + i, name.len - i)) {
        plain[len++] = (char)(is_plain(name.data[i]) && (exact || name.data[i] != '=') ? name.data[i] : '_');
    }
    const char *dot = memrchr(plain, '.', len);
    size_t extension = dot != NULL ? len - (size_t)(dot - plain) : 0;
    extension = extension <= EXTENSION_MAX ? extension : 0;
    size_t kept = len <= PLAIN_MAX ? len - extension : PLAIN_MAX - extension;
    out[0] = '"';
    memcpy(out + 1, plain, kept);
    memcpy(out + 1 + kept, plain + len - extension, extension);
    out[1 + kept + extension] = '"';
    return (struct slice){out, kept + extension + 2};
}

/* RFC 5987 attr-char, which is also RFC 2231's attribute-char. */
static bool is_attribute_char(char c)
{
    return ascii_is_alphanumeric(c) || ascii_is_one_of(c, "!#$&+-.^_`|~");
}

/* Percent-encodes whole characters of name from *at on while they fit in cap; returns the length. */
static size_t encode(char *out, size_t cap, struct slice name, size_t *at)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;
    while (*at < name.len) {
        size_t octets = utf8_char_len(name.data + *at, name.len - *at);
        bool literal = is_attribute_char(name.data[*at]);
        if (len + (literal ? 1 : 3 * octets) > cap) {
            break;
        }
        if (literal) {
            out[len++] = name.data[(*at)++];
            continue;
        }
        for (size_t end = *at + octets; *at < end; (*at)++) {
            unsigned char c = (unsigned char)name.data[*at];
            out[len++] = '%';
            out[len++] = digits[c >> 4];
            out[len++] = digits[c & 15];
        }
    }
    return len;
}

/* filename*=utf-8''..., or filename*0*=utf-8''...; filename*1*=... */
static void write_extended(struct header *header, struct slice name)
{
    static const struct slice charset = {"utf-8''", 7};
    char value[SECTION_MAX];
    char parameter[sizeof "filename*4294967295*"];
    size_t at = 0;
    memcpy(value, charset.data, charset.len);
    size_t len =
        charset.len + encode(value + charset.len, SECTION_MAX - sizeof "filename*=" - charset.len, name, &at);
    if (at == name.len) {
        header_parameter(header, SLICE("filename*"), (struct slice){value, len});
        return;
    }
    at = 0;
    for (unsigned section = 0; at < name.len; section++) {
        (void)snprintf(parameter, sizeof parameter, "filename*%u*", section);
        size_t prefix = section == 0 ? charset.len : 0;
        len = prefix + encode(value + prefix, SECTION_MAX - strlen(parameter) - 1 - prefix, name, &at);
        header_parameter(header, slice_of(parameter), (struct slice){value, len});
    }
}

void file_name_write(struct header *header, struct slice name)
{
    char quoted[PLAIN_MAX + 3];
    if (name.len == 0 || header->result != COMPOSE_OK || !header_check(header, name)) {
        return;
    }
    if (name.len > NAME_MAX_LEN) {
        header_refuse(header, "a file name has at most %d octets", NAME_MAX_LEN);
        return;
    }
    bool exact = name.len <= PLAIN_MAX && all_plain(name);
    if (!exact) {
        write_extended(header, name); /* first: some readers take the first of the two */
    }
    header_parameter(header, SLICE("filename"), make_plain(quoted, name, exact));
}
