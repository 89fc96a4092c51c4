/*
 * The header of a part.
 *
 * How names and file names are written, as clients of today and of old send them:
 * - browsers, node's fetch, curl since 7.81 (WHATWG HTML 4.10.21.8): quotes and line ends as %22, %0D, %0A, all else
 *   as it is, also a backslash and a percent sign: "C:\temp\new.txt" means just that;
 * - curl before 7.81, curl --form-escape, programs with MIME libraries (RFC 2045 quoted pairs): \" and \\;
 * - Python's email, old urllib3 (RFC 2231 4): filename*=utf-8''Gr%C3%BC%C3%9Fe.txt, alone or beside filename.
 * So \" and \\ are pairs, a backslash before another octet is a backslash, and %22, %0D, %0A are decoded in quotes.
 * What is given up: of two backslashes in a row in a browser's file name one is lost, and so is a literal "%22" that
 * a client of the second kind sends.
 *
 * All that is there twice is refused: a filter before us might have looked at the other one.
 */
#include "form/part_header.h"

#include <stdarg.h>
#include <stdio.h>

#include "form/type.h"

static bool malformed(const struct part_header *header, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says in err what is wrong with the part; always false. */
static bool malformed(const struct part_header *header, struct err *err, const char *format, ...)
{
    char text[ERR_TEXT_MAX / 2];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const struct part_name *name = &header->name;
    if (!part_name_given(name)) {
        err_set(err, "Part %zu of the form: %s", header->number, text);
        return false;
    }
    err_set_field(err, name->octets, name->len);
    err_set(err, "Part %zu of the form (\"%.*s\"): %s", header->number,
            (int)(name->len < FORM_NAME_MAX ? name->len : FORM_NAME_MAX), name->octets, text);
    return false;
}

/* A name too long for any use fills the buffer, which fields_begin then refuses by its length. */
static void put(struct part_name *name, char c)
{
    if (name->len < sizeof name->octets) {
        name->octets[name->len++] = c;
    }
}

static char browser_escape(struct slice rest)
{
    static const struct {
        struct slice written;
        char meant;
    } escapes[] = {{{"%22", 3}, '"'}, {{"%0D", 3}, '\r'}, {{"%0A", 3}, '\n'}};
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0] && rest.len >= 3; i++) {
        if (slice_equal_nocase((struct slice){rest.data, 3}, escapes[i].written)) {
            return escapes[i].meant;
        }
    }
    return '\0';
}

static void decode_plain(const struct form_parameter *parameter, struct part_name *name)
{
    struct slice rest = parameter->value;
    while (rest.len > 0) {
        char escaped = parameter->quoted && rest.data[0] == '%' ? browser_escape(rest) : '\0';
        bool pair = parameter->quoted && rest.len > 1 && rest.data[0] == '\\' &&
                    (rest.data[1] == '"' || rest.data[1] == '\\');
        if (escaped != '\0') {
            put(name, escaped);
            slice_skip(&rest, 3);
        } else {
            put(name, rest.data[pair]);
            slice_skip(&rest, pair ? 2 : 1);
        }
    }
}

/* RFC 2231 4, RFC 8187 3.2: UTF-8'language'percent-encoded. */
static bool decode_extended(const struct form_parameter *parameter, struct part_name *name)
{
    struct slice rest = parameter->value;
    if (rest.len < 6 || !slice_equal_nocase((struct slice){rest.data, 6}, SLICE("UTF-8'"))) {
        return false;
    }
    slice_skip(&rest, 6);
    const char *quote = rest.len > 0 ? memchr(rest.data, '\'', rest.len) : NULL;
    if (quote == NULL) {
        return false;
    }
    slice_skip(&rest, (size_t)(quote - rest.data) + 1);
    while (rest.len > 0) {
        if (rest.data[0] != '%') {
            put(name, rest.data[0]);
            slice_skip(&rest, 1);
            continue;
        }
        int octet = rest.len >= 3 ? ascii_hex_octet(rest.data + 1) : -1;
        if (octet < 0) {
            return false;
        }
        put(name, (char)octet);
        slice_skip(&rest, 3);
    }
    return true;
}

/* One of name, name*, filename, filename*: the extended one wins, in whatever order they stand. */
static bool read_name(struct part_header *header, struct part_name *name,
                      const struct form_parameter *parameter, struct err *err)
{
    bool extended = parameter->name.data[parameter->name.len - 1] == '*';
    bool *seen = extended ? &name->extended : &name->plain;
    if (*seen) {
        return malformed(header, err, "%.*s is there twice", SLICE_ARGS(parameter->name));
    }
    *seen = true;
    if (name->extended && !extended) {
        return true;
    }
    name->len = 0;
    if (!extended) {
        decode_plain(parameter, name);
    } else if (!decode_extended(parameter, name)) {
        name->len = 0;
        return malformed(header, err, "%.*s is not UTF-8''... with percent escapes",
                         SLICE_ARGS(parameter->name));
    }
    return true;
}

static bool read_parameter(struct part_header *header, const struct form_parameter *parameter,
                           struct err *err)
{
    struct slice name = parameter->name;
    if (slice_equal_nocase(name, SLICE("name")) || slice_equal_nocase(name, SLICE("name*"))) {
        return read_name(header, &header->name, parameter, err);
    }
    if (slice_equal_nocase(name, SLICE("filename")) || slice_equal_nocase(name, SLICE("filename*"))) {
        return read_name(header, &header->file_name, parameter, err);
    }
    if (name.len > 9 &&
        slice_equal_nocase((struct slice){name.data, 9}, SLICE("filename*"))) { /* RFC 2231 3 */
        return malformed(header, err,
                         "the file name comes in pieces (%.*s); send it whole, as filename=\"...\"",
                         SLICE_ARGS(name));
    }
    return true; /* RFC 2183 2.8: others are ignored */
}

static bool read_disposition(struct part_header *header, struct slice value, struct err *err)
{
    struct slice rest;
    struct slice type = form_value_split(value, &rest);
    if (!slice_equal_nocase(type, SLICE("form-data"))) { /* RFC 7578 4.2 */
        return malformed(header, err, "Content-Disposition is \"%.*s\"; it has to be form-data",
                         SLICE_ARGS(type));
    }
    for (;;) {
        struct form_parameter parameter;
        struct slice before = slice_trim(rest);
        enum form_parameter_result result = form_parameter_next(&rest, &parameter);
        if (result == FORM_PARAMETER_END) {
            return true;
        }
        if (result == FORM_PARAMETER_MALFORMED) {
            return malformed(header, err,
                             "the parameters of Content-Disposition are malformed at \"%.*s\"; put names "
                             "in quotes and write a quote in them as %%22",
                             SLICE_ARGS(before));
        }
        if (!read_parameter(header, &parameter, err)) {
            return false;
        }
    }
}

static bool read_type(struct part_header *header, struct slice value, struct err *err)
{
    (void)err;
    header->type = value;
    return true;
}

static bool read_encoding(struct part_header *header, struct slice value, struct err *err)
{
    static const struct slice identities[] = {{"7bit", 4}, {"8bit", 4}, {"binary", 6}}; /* RFC 2045 6.2 */
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
        if (slice_equal_nocase(value, identities[i])) {
            return true;
        }
    }
    return malformed(header, err,
                     "Content-Transfer-Encoding: %.*s is not read in forms (RFC 7578 4.7); send the content "
                     "as it is, without one",
                     SLICE_ARGS(value));
}

static bool read_line(struct part_header *header, struct slice line, struct err *err)
{
    static const struct {
        const char *name;
        bool (*read)(struct part_header *header, struct slice value, struct err *err);
    } known[PART_HEADER_KNOWN] = {
        {"Content-Disposition", read_disposition},
        {"Content-Type", read_type},
        {"Content-Transfer-Encoding", read_encoding},
    };
    const char *colon = memchr(line.data, ':', line.len);
    struct slice name = {line.data, colon != NULL ? (size_t)(colon - line.data) : 0};
    if (!form_is_token(name)) {
        return malformed(header, err, "\"%.*s\" is no header field; an empty line ends the header",
                         SLICE_ARGS(line));
    }
    struct slice value = line;
    slice_skip(&value, name.len + 1);
    for (size_t i = 0; i < PART_HEADER_KNOWN; i++) {
        if (!slice_equal_nocase(name, slice_of(known[i].name))) {
            continue;
        }
        if (header->seen[i]) {
            return malformed(header, err, "%s is there twice", known[i].name);
        }
        header->seen[i] = true;
        return known[i].read(header, slice_trim(value), err);
    }
    return true; /* RFC 7578 4.8: others are ignored */
}

/* RFC 5322 2.2.3: a line that begins with white space continues the one before. False for a control character. */
static bool unfold(char *block, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool line_end = block[i] == '\r' && i + 1 < len && block[i + 1] == '\n';
        if (line_end && i > 0 && i + 2 < len && ascii_is_blank(block[i + 2])) {
            block[i] = block[i + 1] = ' ';
        }
        if (!line_end && (((unsigned char)block[i] < ' ' && block[i] != '\t') || block[i] == 0x7F)) {
            return false;
        }
        i += line_end;
    }
    return true;
}

static bool read_lines(struct part_header *header, struct slice block, struct err *err)
{
    for (size_t count = 0; block.len > 2; count++) { /* more than the empty line */
        const char *end = memmem(block.data, block.len, "\r\n", 2);
        struct slice line = {block.data, (size_t)(end - block.data)};
        if (count == PART_HEADER_LINES) {
            return malformed(header, err, "its header has more than %zu fields", PART_HEADER_LINES);
        }
        if (!read_line(header, line, err)) {
            return false;
        }
        slice_skip(&block, line.len + 2);
    }
    return true;
}

static bool check_whole(const struct part_header *header, struct err *err)
{
    if (!header->seen[0]) {
        return malformed(header, err, "it has no Content-Disposition: form-data; name=\"...\"");
    }
    if (!part_name_given(&header->name)) {
        return malformed(header, err, "its Content-Disposition has no name");
    }
    struct slice multipart = SLICE("multipart/");
    if (!part_name_given(&header->file_name) && header->type.len >= multipart.len &&
        slice_equal_nocase((struct slice){header->type.data, multipart.len}, multipart)) { /* RFC 7578 4.3 */
        return malformed(header, err,
                         "it is a %.*s; send each file as a part of its own, all of the same name",
                         SLICE_ARGS(form_media_type(header->type)));
    }
    return true;
}

enum form_result part_header_parse(struct part_header *header, size_t number, char *block, size_t len,
                                   struct err *err)
{
    memset(header, 0, sizeof *header);
    header->number = number;
    bool good = unfold(block, len)
                    ? read_lines(header, (struct slice){block, len}, err) && check_whole(header, err)
                    : malformed(header, err,
                                "there is a control character in its header; names are written with %%22, "
                                "%%0D and %%0A");
    return good ? FORM_OK : FORM_MALFORMED;
}
