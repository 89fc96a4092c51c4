/*
 * What is wrong with a message is found before an octet of it is sent: the header section is read and written anew at
 * passthrough_new, the body is scanned once, for what no mail may hold and for its size. The body leaves by the stream that
 * composed messages have, as a text of which nothing but the line ends is changed.
 */
#include "mime/passthrough.h"

#include <inttypes.h>
#include <stdlib.h>

#include "fcgi_smtp/utf8.h"

enum {
    ADDED_MAX = 1024 /* octets of the fields that are added */
};

static enum passthrough_result scan_body(struct passthrough_reading *r, struct line_scanner *scanner)
{
    struct passthrough *p = r->passthrough;
    struct input *input = &p->segments.input;
    struct slice piece;
    line_scanner_init(scanner);
    scanner->line_ends = p->lines;
    if (input_open(input, r->input->content, (struct slice){NULL, 0}, r->err) != COMPOSE_OK) {
        return PASSTHROUGH_FAILED;
    }
    input->offset = p->head.len;
    do {
        if (input_next(input, INPUT_PIECE_MAX, &piece, r->err) != COMPOSE_OK) {
            return PASSTHROUGH_FAILED;
        }
        line_scanner_update(scanner, piece.data, piece.len);
    } while (piece.len > 0 && scanner->long_line == 0 && !scanner->has_nul);
    if (scanner->has_nul) {
        err_set(r->err, "octet %" PRIu64 " is NUL, which no message may hold; encode the part in base64",
                p->head.len + scanner->nul_offset + 1);
        return passthrough_invalid(p, r->err);
    }
    if (scanner->long_line != 0) {
        err_set(r->err,
                "line %" PRIu64
                " is over %d octets (RFC 5322 2.1.1); encode its part in quoted-printable or base64",
                scanner->long_line, LINE_OCTETS_MAX);
        return passthrough_invalid(p, r->err);
    }
    return PASSTHROUGH_OK;
}

static enum passthrough_result read_body(struct passthrough_reading *r)
{
    struct passthrough *p = r->passthrough;
    struct line_scanner scanner;
    enum passthrough_result result = scan_body(r, &scanner);
    if (result != PASSTHROUGH_OK) {
        return result;
    }
    const struct body body = {
        .content = r->input->content,
        .begin = p->head.len,
        .lines = true,
        .end_line = true,
        .encoding = BODY_7BIT,
        .size = scanner.crlf_octets + (scanner.line > 0 ? 2 : 0),
    };
    p->utf8_header = !utf8_is_ascii(buf_slice(&p->segments.fixed));
    p->eight_bit = p->utf8_header || scanner.has_non_ascii;
    segments_add_body(&p->segments, &body);
    return PASSTHROUGH_OK;
}

static enum passthrough_result read_message(struct passthrough_reading *r)
{
    struct passthrough *p = r->passthrough;
    buf_init(&p->head, PASSTHROUGH_HEADER_MAX);
    if (!segments_init(&p->segments, 1, CRLF_ENCODER_UPDATE_MAX(PASSTHROUGH_HEADER_MAX) + ADDED_MAX)) {
        err_set(r->err, "no memory for the message");
        return PASSTHROUGH_FAILED;
    }
    enum passthrough_result result = passthrough_read_header(r);
    return result == PASSTHROUGH_OK ? read_body(r) : result;
}

enum passthrough_result passthrough_new(struct passthrough **out, const struct passthrough_input *input,
                                        struct arena *arena, struct err *err)
{
    *out = NULL;
    struct passthrough *passthrough = calloc(1, sizeof *passthrough);
    if (passthrough == NULL) {
        err_set(err, "no memory for the message");
        return PASSTHROUGH_FAILED;
    }
    passthrough->field = input->field;
    struct passthrough_reading r = {.passthrough = passthrough, .input = input, .arena = arena, .err = err};
    enum passthrough_result result = read_message(&r);
    if (result != PASSTHROUGH_OK) {
        passthrough_free(passthrough);
        return result;
    }
    *out = passthrough;
    return PASSTHROUGH_OK;
}

void passthrough_free(struct passthrough *passthrough)
{
    if (passthrough != NULL) {
        segments_free(&passthrough->segments);
        buf_free(&passthrough->head);
        free(passthrough);
    }
}

struct source passthrough_source(struct passthrough *passthrough)
{
    return (struct source){&passthrough->segments, segments_read, segments_rewind};
}

uint64_t passthrough_size(const struct passthrough *passthrough)
{
    return passthrough->segments.size;
}

bool passthrough_is_eight_bit(const struct passthrough *passthrough)
{
    return passthrough->eight_bit;
}

bool passthrough_needs_smtputf8(const struct passthrough *passthrough)
{
    return passthrough->utf8_header;
}

const struct address_list *passthrough_from(const struct passthrough *passthrough)
{
    return &passthrough->from;
}

const struct address_list *passthrough_sender(const struct passthrough *passthrough)
{
    return &passthrough->sender;
}

struct slice passthrough_message_id(const struct passthrough *passthrough)
{
    return passthrough->message_id;
}

struct slice passthrough_subject(const struct passthrough *passthrough)
{
    return passthrough->subject;
}

struct slice passthrough_header_section(const struct passthrough *passthrough)
{
    return buf_slice(&passthrough->segments.fixed);
}
