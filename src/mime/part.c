/*
 * A declared type that is not well-formed is not the fault of whoever sent the form: browsers take types from their
 * system's tables. Such a file goes as application/octet-stream, as one of unknown type does; so do multipart types and
 * message types but message/rfc822, which must not be base64 (RFC 2045 6.4). A CR, LF or NUL in a type is refused.
 */
#include "mime/part.h"

#include <stdio.h>

#include "fcgi_smtp/random.h"
#include "mime/content_id.h"
#include "mime/file_name.h"
#include "mime/media_type.h"

enum { BOUNDARY_DIGITS = 32 };

/* "=_" cannot stand in quoted-printable or base64 (RFC 2045 6.7); the random digits keep it out of the rest. */
static const char boundary_prefix[] = "=_";

struct boundary {
    char text[sizeof boundary_prefix + BOUNDARY_DIGITS];
};

struct writer {
    struct header *header;
    struct segments *segments;
    size_t section_end; /* 0: not reached */
    bool line_ended;    /* the octets before here end with CRLF that is not a part's own */
};

static void end_section(struct writer *writer)
{
    header_end(writer->header); /* with nothing begun: the empty line */
    writer->line_ended = true;
    if (writer->section_end == 0) {
        writer->section_end = writer->segments->fixed.len;
    }
}

static void write_field(struct writer *writer, const char *name, const char *value,
                        const struct message_part *part)
{
    header_begin(writer->header, slice_of(name), slice_of(part != NULL ? part->field : NULL));
    header_word(writer->header, slice_of(value), "");
    header_end(writer->header);
}

static void write_encoding(struct writer *writer, const struct body *body, const struct message_part *part)
{
    static const char *const names[] = {
        [BODY_7BIT] = "7bit", [BODY_QUOTED_PRINTABLE] = "quoted-printable", [BODY_BASE64] = "base64"};
    write_field(writer, "Content-Transfer-Encoding", names[body->encoding], part);
}

static void add_body(struct writer *writer, const struct body *body)
{
    end_section(writer);
    segments_add_body(writer->segments, body);
    /* In base64 line ends mean nothing, so the last one may serve the delimiter (RFC 2046 5.1.1). */
    writer->line_ended = body->size == 0 || body->encoding == BODY_BASE64;
}

static bool failed(struct writer *writer, enum compose_result result)
{
    if (result != COMPOSE_OK && writer->header->result == COMPOSE_OK) {
        writer->header->result = result;
    }
    return writer->header->result != COMPOSE_OK;
}

static const char *const text_types[] = {
    [NODE_TEXT] = "text/plain", [NODE_AMP] = "text/x-amp-html", [NODE_HTML] = "text/html"};

static void write_text(struct writer *writer, const struct node *node, bool alone)
{
    struct body body;
    struct header *header = writer->header;
    if (failed(writer, body_of_text(&body, node->part, alone, &writer->segments->input, header->err))) {
        return;
    }
    header_begin(header, SLICE("Content-Type"), slice_of(node->part->field));
    header_word(header, slice_of(text_types[node->kind]), "");
    header_parameter(header, SLICE("charset"), SLICE("utf-8"));
    header_end(header);
    write_encoding(writer, &body, node->part);
    add_body(writer, &body);
}

static struct media_type octets(void)
{
    return (struct media_type){SLICE("application"), SLICE("octet-stream"), {NULL, 0}};
}

/* The type that the file goes with: declared, by extension, or octets. */
static struct media_type choose_type(const struct message_part *part)
{
    struct media_type type;
    struct slice text = part->type.len > 0 ? part->type : media_type_of_file(part->file_name);
    if (media_type_parse(&type, text) && !slice_equal_nocase(type.type, SLICE("multipart")) &&
        (!slice_equal_nocase(type.type, SLICE("message")) ||
         slice_equal_nocase(type.subtype, SLICE("rfc822")))) {
        return type;
    }
    return octets();
}

static bool is_name_parameter(struct slice name)
{
    return slice_equal_nocase(name, SLICE("name")) ||
           (name.len > 4 && slice_equal_nocase((struct slice){name.data, 5}, SLICE("name*")));
}

static void write_type(struct writer *writer, const struct media_type *type, const struct message_part *part)
{
    struct header *header = writer->header;
    struct slice rest = type->parameters;
    struct slice name;
    struct slice value;
    char text[MEDIA_TYPE_MAX + 1];
    (void)snprintf(text, sizeof text, "%.*s/%.*s", SLICE_ARGS(type->type), SLICE_ARGS(type->subtype));
    header_begin(header, SLICE("Content-Type"), slice_of(part->field));
    header_word(header, slice_of(text), "");
    while (media_type_next_parameter(&rest, &name, &value)) {
        if (!is_name_parameter(name)) { /* Content-Disposition has the name, without its directories */
            header_parameter(header, name, value);
        }
    }
    header_end(header);
}

static void write_disposition(struct writer *writer, const char *disposition, const struct message_part *part)
{
    struct header *header = writer->header;
    header_begin(header, SLICE("Content-Disposition"), slice_of(part->field));
    header_word(header, slice_of(disposition), "");
    file_name_write(header, file_name_without_directories(part->file_name));
    header_end(header);
}

static void write_file(struct writer *writer, const struct node *node)
{
    const struct message_part *part = node->part;
    struct body body;
    struct header *header = writer->header;
    struct media_type type = choose_type(part);
    header->field = slice_of(part->field);
    if (!header_check(header, part->type)) {
        return;
    }
    body_of_file(&body, part);
    if (slice_equal_nocase(type.type, SLICE("message"))) {
        if (failed(writer, body_of_message(&body, part, &writer->segments->input, header->err))) {
            return;
        }
        if (body.encoding != BODY_7BIT) {
            type = octets();
        }
    }
    write_type(writer, &type, part);
    write_encoding(writer, &body, part);
    if (node->kind == NODE_INLINE) {
        content_id_write(header, part);
    }
    write_disposition(writer, node->kind == NODE_INLINE ? "inline" : "attachment", part);
    add_body(writer, &body);
}

static void write_delimiter(struct writer *writer, const struct boundary *boundary, const char *tail)
{
    if (!writer->line_ended) {
        header_append(writer->header, SLICE("\r\n"));
    }
    header_append(writer->header, SLICE("--"));
    header_append(writer->header, slice_of(boundary->text));
    header_append(writer->header, slice_of(tail));
    header_append(writer->header, SLICE("\r\n"));
    writer->line_ended = true;
}

static bool make_boundary(struct writer *writer, struct boundary *boundary)
{
    memcpy(boundary->text, boundary_prefix, sizeof boundary_prefix);
    if (!random_hex(boundary->text + sizeof boundary_prefix - 1, BOUNDARY_DIGITS)) {
        header_fail(writer->header, "the system has no randomness to give");
        return false;
    }
    return true;
}

/* RFC 2387 3.1: a multipart/related names the type of its root, which is its first part. */
static void write_root_type(struct writer *writer, const struct node *root)
{
    char text[64];
    if (root->kind == NODE_MULTIPART) {
        (void)snprintf(text, sizeof text, "\"multipart/%s\"", root->subtype);
    } else {
        (void)snprintf(text, sizeof text, "\"%s\"", text_types[root->kind]);
    }
    header_parameter(writer->header, SLICE("type"), slice_of(text));
}

static void begin_multipart(struct writer *writer, const struct node *node, const struct boundary *boundary)
{
    struct header *header = writer->header;
    char text[64];
    header_begin(header, SLICE("Content-Type"), (struct slice){NULL, 0});
    (void)snprintf(text, sizeof text, "multipart/%s", node->subtype);
    header_word(header, slice_of(text), "");
    if (strcmp(node->subtype, "related") == 0) {
        write_root_type(writer, &node->children[0]);
    }
    (void)snprintf(text, sizeof text, "\"%s\"", boundary->text);
    header_parameter(header, SLICE("boundary"), slice_of(text));
    header_end(header);
    end_section(writer);
}

/* The tree is three or four deep, whoever asks. */
static void write_node(struct writer *writer, const struct node *node, bool alone)
{
    struct boundary boundary;
    if (node->kind == NODE_INLINE || node->kind == NODE_ATTACHMENT) {
        write_file(writer, node);
        return;
    }
    if (node->kind != NODE_MULTIPART) {
        write_text(writer, node, alone);
        return;
    }
    if (!make_boundary(writer, &boundary)) {
        return;
    }
    begin_multipart(writer, node, &boundary);
    for (size_t i = 0; i < node->count && writer->header->result == COMPOSE_OK; i++) {
        write_delimiter(writer, &boundary, "");
        write_node(writer, &node->children[i], false);
    }
    write_delimiter(writer, &boundary, "--");
}

void part_write_tree(struct header *header, struct segments *segments, const struct node *root,
                     size_t *section_end)
{
    struct writer writer = {.header = header, .segments = segments};
    write_node(&writer, root, true);
    *section_end = writer.section_end;
}
