/*
 * Most texts are ASCII with short lines: one pass says so and their size. Others need a second one, in which the
 * quoted-printable encoder only counts; base64's size is known without it.
 */
#include "mime/body.h"

#include <inttypes.h>

static enum compose_result refuse(const struct message_part *part, struct err *err)
{
    struct slice field = slice_of(part->field);
    err_set_field(err, field.data, field.len);
    return COMPOSE_INVALID;
}

static enum compose_result scan(struct line_scanner *scanner, const struct blob *content,
                                struct slice charset, struct input *input, struct err *err)
{
    struct slice piece;
    enum compose_result result = input_open(input, content, charset, err);
    line_scanner_init(scanner);
    while (result == COMPOSE_OK) {
        result = input_next(input, INPUT_PIECE_MAX, &piece, err);
        if (result != COMPOSE_OK || piece.len == 0) {
            break;
        }
        line_scanner_update(scanner, piece.data, piece.len);
    }
    return result;
}

/* The size in quoted-printable; 0 on failure. */
static enum compose_result count_quoted_printable(const struct body *body, struct input *input,
                                                  uint64_t *size, struct err *err)
{
    struct quoted_printable_encoder encoder;
    struct slice piece;
    enum compose_result result = input_open(input, body->content, body->charset, err);
    quoted_printable_encoder_init(&encoder, QUOTED_PRINTABLE_TEXT);
    *size = 0;
    while (result == COMPOSE_OK) {
        result = input_next(input, INPUT_PIECE_MAX, &piece, err);
        if (result != COMPOSE_OK || piece.len == 0) {
            break;
        }
        *size += quoted_printable_encoder_update(&encoder, piece.data, piece.len, NULL);
    }
    *size += quoted_printable_encoder_finish(&encoder, NULL);
    *size += body->end_line && encoder.column > 0 ? 2 : 0;
    return result;
}

static enum compose_result choose_encoding(struct body *body, const struct line_scanner *scanner,
                                           struct input *input, struct err *err)
{
    if (line_scanner_is_7bit(scanner)) {
        body->encoding = BODY_7BIT;
        body->size = scanner->crlf_octets + (body->end_line && scanner->line > 0 ? 2 : 0);
        return COMPOSE_OK;
    }
    enum compose_result result = count_quoted_printable(body, input, &body->size, err);
    uint64_t base64 = base64_encoded_size(scanner->crlf_octets, BASE64_WRAPPED);
    body->encoding = body->size <= base64 ? BODY_QUOTED_PRINTABLE : BODY_BASE64;
    body->size = body->size <= base64 ? body->size : base64;
    return result;
}

enum compose_result body_of_text(struct body *body, const struct message_part *part, bool alone,
                                 struct input *input, struct err *err)
{
    struct line_scanner scanner;
    struct slice charset = part->charset.len > 0 ? part->charset : SLICE("UTF-8");
    enum compose_result result = scan(&scanner, part->content, charset, input, err);
    if (result != COMPOSE_OK) {
        return result == COMPOSE_INVALID ? refuse(part, err) : result;
    }
    if (scanner.has_nul) {
        err_set(err, "octet %" PRIu64 " is NUL, which no text may hold", scanner.nul_offset + 1);
        return refuse(part, err);
    }
    *body = (struct body){.content = part->content, .lines = true, .end_line = alone};
    if (input->decoder.kind == CHARSET_ICONV) {
        body->charset = charset;
    }
    return choose_encoding(body, &scanner, input, err);
}

void body_of_file(struct body *body, const struct message_part *part)
{
    uint64_t octets = part->content != NULL ? part->content->size : 0;
    *body = (struct body){.content = part->content,
                          .encoding = BODY_BASE64,
                          .size = base64_encoded_size(octets, BASE64_WRAPPED)};
}

enum compose_result body_of_message(struct body *body, const struct message_part *part, struct input *input,
                                    struct err *err)
{
    struct line_scanner scanner;
    struct slice as_it_is = {NULL, 0};
    enum compose_result result = scan(&scanner, part->content, as_it_is, input, err);
    body_of_file(body, part);
    if (result == COMPOSE_OK && line_scanner_is_7bit(&scanner)) {
        *body = (struct body){
            .content = part->content, .lines = true, .encoding = BODY_7BIT, .size = scanner.crlf_octets};
    }
    return result;
}
