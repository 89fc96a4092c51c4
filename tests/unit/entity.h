/* A small MIME parser, which fails the test where an entity is not well-formed. */
#ifndef FCGI_SMTP_TESTS_ENTITY_H
#define FCGI_SMTP_TESTS_ENTITY_H

#include <stdio.h>
#include <string.h>

#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/quoted_printable.h"
#include "fcgi_smtp/slice.h"
#include "unit.h"

/* An entity (RFC 2045 2.4) taken apart: views into the whole. */
struct entity {
    struct slice header;
    struct slice body;
};

static inline struct entity split(struct slice text)
{
    const char *empty = memmem(text.data, text.len, "\r\n\r\n", 4);
    if (empty == NULL) {
        CU_FAIL("no end of the header section");
        return (struct entity){text, {text.data, 0}};
    }
    size_t header = (size_t)(empty - text.data) + 2;
    size_t body = header + 2;
    return (struct entity){{text.data, header}, {text.data + body, text.len - body}};
}

/* The value of the n-th field of that name, its folds removed; empty if there is none. */
static inline const char *field_n(struct slice header, const char *name, size_t n)
{
    static char values[8][4096];
    static size_t turn;
    char *value = values[turn++ % 8];
    size_t len = 0;
    bool in_field = false;
    value[0] = '\0';
    while (header.len > 0) {
        const char *end = memmem(header.data, header.len, "\r\n", 2);
        size_t line = (size_t)(end - header.data);
        size_t skip = 0;
        if (header.data[0] != ' ' && header.data[0] != '\t') {
            size_t name_len = strlen(name);
            bool match =
                line > name_len && strncmp(header.data, name, name_len) == 0 && header.data[name_len] == ':';
            in_field = match && n-- == 0;
            skip = name_len + 2;
        }
        if (in_field && line >= skip) {
            memcpy(value + len, header.data + skip, line - skip);
            len += line - skip;
            value[len] = '\0';
        }
        header = (struct slice){end + 2, header.len - line - 2};
    }
    return value;
}

static inline const char *field(struct slice header, const char *name)
{
    return field_n(header, name, 0);
}

static inline bool is_type(struct entity entity, const char *type)
{
    const char *value = field(entity.header, "Content-Type");
    size_t len = strcspn(value, ";");
    return len == strlen(type) && memcmp(value, type, len) == 0;
}

/* The n-th part of a multipart; *count the number of parts. Fails where the delimiters are not as they must be. */
static inline struct entity part(struct entity entity, size_t n, size_t *count)
{
    const char *type = field(entity.header, "Content-Type");
    const char *boundary = strstr(type, "boundary=\"");
    char delimiter[100];
    struct entity found = {{"", 0}, {"", 0}};
    *count = 0;
    if (boundary == NULL || sscanf(boundary, "boundary=\"%60[^\"]", delimiter + 4) != 1) {
        CU_FAIL("no boundary");
        return found;
    }
    CU_ASSERT_NSTRING_EQUAL(delimiter + 4, "=_", 2);
    memcpy(delimiter, "\r\n--", 4);
    size_t len = strlen(delimiter);
    CU_ASSERT(entity.body.len > len && memcmp(entity.body.data, delimiter + 2, len - 2) == 0);
    const char *at = entity.body.data + len - 2;
    const char *end = entity.body.data + entity.body.len;
    while (end - at >= 2 && memcmp(at, "--", 2) != 0) {
        CU_ASSERT(memcmp(at, "\r\n", 2) == 0);
        const char *next = memmem(at, (size_t)(end - at), delimiter, len);
        if (next == NULL) {
            CU_FAIL("no closing delimiter");
            return found;
        }
        if ((*count)++ == n) {
            /* The delimiter's CRLF may be the empty line's own when the body is empty. */
            found = split((struct slice){at + 2, (size_t)(next + 2 - at - 2)});
            found.body.len -= found.body.len >= 2 ? 2 : 0;
        }
        at = next + len;
    }
    return found;
}

/* The body decoded, in a buffer that the next call overwrites. */
static inline struct slice decoded(struct entity entity)
{
    static char out[1 << 20];
    const char *encoding = field(entity.header, "Content-Transfer-Encoding");
    size_t len = 0;
    if (strcmp(encoding, "base64") == 0) {
        struct base64_decoder decoder;
        base64_decoder_init(&decoder, BASE64_MIME);
        CU_ASSERT_TRUE(base64_decoder_update(&decoder, entity.body.data, entity.body.len, out, &len));
        CU_ASSERT_TRUE(base64_decoder_finish(&decoder));
    } else if (strcmp(encoding, "quoted-printable") == 0) {
        struct quoted_printable_decoder decoder;
        quoted_printable_decoder_init(&decoder);
        len = quoted_printable_decoder_update(&decoder, entity.body.data, entity.body.len, out);
        len += quoted_printable_decoder_finish(&decoder, out + len);
        CU_ASSERT_FALSE(decoder.malformed);
    } else {
        CU_ASSERT_STRING_EQUAL(encoding, "7bit");
        return entity.body;
    }
    return (struct slice){out, len};
}

static inline bool body_is(struct entity entity, const char *expected)
{
    struct slice body = decoded(entity);
    bool same = slice_equal(body, slice_of(expected));
    if (!same) {
        fprintf(stderr, "\nbody \"%.*s\"\nis not \"%s\"\n", SLICE_ARGS(body), expected);
    }
    return same;
}

#endif
