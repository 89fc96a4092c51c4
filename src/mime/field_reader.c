/*
 * What RFC 5322 4.5 lets receivers read and no sender may write is refused here: white space between a field's name and its
 * colon, lines of nothing but white space. One reader takes "Bcc : x" for a Bcc field and another does not; one takes a blank
 * line for the header section's end. Nothing that is sent shall depend on who reads it.
 *
 * Octets are looked at one by one: header sections are short, and two memchr calls for CR and LF would search a long
 * section again for each line.
 */
#include "mime/field_reader.h"

#include <inttypes.h>

#include "fcgi_smtp/lines.h"

enum { QUOTED_MAX = 60 }; /* octets of a malformed line that the error shows */

bool field_reader_find_end(struct slice octets, bool complete, size_t *len, size_t *with_empty_line)
{
    size_t line = 0; /* where the current line begins */
    for (size_t i = 0; i < octets.len; i++) {
        char c = octets.data[i];
        if (c != '\r' && c != '\n') {
            continue;
        }
        bool empty = i == line;
        bool last = i + 1 == octets.len;
        if (empty && c == '\r' && last && !complete) {
            return false; /* its LF may follow */
        }
        i += c == '\r' && !last && octets.data[i + 1] == '\n' ? 1 : 0;
        if (empty) {
            *len = line;
            *with_empty_line = i + 1;
            return true;
        }
        line = i + 1;
    }
    *len = octets.len;
    *with_empty_line = octets.len;
    return complete;
}

/* Takes a line; *content is without its line end. */
static struct slice take_line(struct field_reader *reader, struct slice *content)
{
    struct slice rest = reader->rest;
    size_t len = 0;
    while (len < rest.len && rest.data[len] != '\r' && rest.data[len] != '\n') {
        len++;
    }
    *content = (struct slice){rest.data, len};
    size_t end = len + (len < rest.len ? 1 : 0);
    if (end < rest.len && rest.data[len] == '\r' && rest.data[end] == '\n') {
        end++;
    }
    reader->rest = (struct slice){rest.data + end, rest.len - end};
    reader->line++;
    return (struct slice){rest.data, end};
}

void field_reader_init(struct field_reader *reader, struct slice section)
{
    struct slice mbox = SLICE("From ");
    *reader = (struct field_reader){section, 1};
    if (section.len < mbox.len || memcmp(section.data, mbox.data, mbox.len) != 0) {
        return;
    }
    struct slice content;
    struct field_reader after = *reader;
    take_line(&after, &content);
    content = slice_trim((struct slice){content.data + mbox.len, content.len - mbox.len});
    if (content.len == 0 || content.data[0] != ':') { /* "From :" is a malformed From field */
        *reader = after;
    }
}

static enum field_result refuse(struct err *err, uint64_t line, struct slice content, const char *why)
{
    content.len = content.len < QUOTED_MAX ? content.len : QUOTED_MAX;
    err_set(err, "line %" PRIu64 ", \"%.*s\", %s", line, SLICE_ARGS(content), why);
    return FIELD_MALFORMED;
}

/* The octets of ftext (RFC 5322 3.6.8) at a line's start. */
static size_t name_length(struct slice content)
{
    size_t len = 0;
    while (len < content.len && content.data[len] > ' ' && content.data[len] <= '~' &&
           content.data[len] != ':') {
        len++;
    }
    return len;
}

static void note_length(struct message_field *field, struct slice content, uint64_t line)
{
    if (content.len > LINE_OCTETS_MAX && field->long_line == 0) {
        field->long_line = line;
    }
}

static enum field_result read_first_line(struct field_reader *reader, struct message_field *field,
                                         struct err *err)
{
    struct slice content;
    *field = (struct message_field){.line = reader->line};
    field->whole = take_line(reader, &content);
    note_length(field, content, field->line);
    if (ascii_is_blank(content.data[0])) {
        return refuse(err, field->line, content, "begins with white space, but continues no field");
    }
    field->name = (struct slice){content.data, name_length(content)};
    size_t at = field->name.len;
    if (at > 0 && at < content.len && content.data[at] == ':') {
        field->value = (struct slice){content.data + at + 1, content.len - at - 1};
        return FIELD_OK;
    }
    struct slice behind = slice_trim((struct slice){content.data + at, content.len - at});
    return refuse(err, field->line, content,
                  at > 0 && behind.len > 0 && behind.data[0] == ':'
                      ? "has white space between the field's name and its colon"
                      : "is no header field (\"Name: value\"), and no empty line ends the header before it");
}

enum field_result field_reader_next(struct field_reader *reader, struct message_field *field, struct err *err)
{
    if (reader->rest.len == 0) {
        return FIELD_END;
    }
    enum field_result result = read_first_line(reader, field, err);
    while (result == FIELD_OK && reader->rest.len > 0 && ascii_is_blank(reader->rest.data[0])) {
        struct slice content;
        uint64_t number = reader->line;
        field->whole.len += take_line(reader, &content).len;
        field->value.len = (size_t)(content.data + content.len - field->value.data);
        note_length(field, content, number);
        if (slice_trim(content).len == 0) {
            result = refuse(err, number, content,
                            "is nothing but white space; leave it empty where the header section ends");
        }
    }
    return result;
}

bool field_unfold(struct buf *out, struct slice value)
{
    for (size_t at = 0; at < value.len;) {
        size_t len = 0;
        while (at + len < value.len && value.data[at + len] != '\r' && value.data[at + len] != '\n') {
            len++;
        }
        if (!buf_append(out, value.data + at, len)) {
            return false;
        }
        at += len;
        while (at < value.len && (value.data[at] == '\r' || value.data[at] == '\n')) {
            at++;
        }
    }
    return true;
}
