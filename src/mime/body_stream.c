/*
 * One piece in, one piece out: a piece is taken so small that all it can become fits in the reader's buffer, so nothing
 * encoded is ever kept here. Files in base64 go from the blob through one encoder call into that buffer.
 */
#include "mime/body.h"

enum {
    LINES_PIECE_MAX = 4096 /* octets of a text whose line ends are changed before they become base64 */
};

bool body_stream_open(struct body_stream *stream, const struct body *body, struct input *input,
                      struct err *err)
{
    *stream = (struct body_stream){.body = body, .input = input};
    crlf_encoder_init(&stream->crlf);
    quoted_printable_encoder_init(&stream->quoted_printable, QUOTED_PRINTABLE_TEXT);
    base64_encoder_init(&stream->base64, BASE64_WRAPPED);
    bool ok = input_open(input, body->content, body->charset, err) == COMPOSE_OK;
    input->offset = body->begin;
    return ok;
}

/* The most octets that can be taken when cap octets may come out. */
static size_t piece_max(const struct body *body, size_t cap)
{
    switch (body->encoding) {
    case BODY_7BIT:
        return cap / 2; /* CRLF_ENCODER_UPDATE_MAX */
    case BODY_QUOTED_PRINTABLE:
        return cap / 4 - 8; /* QUOTED_PRINTABLE_ENCODER_UPDATE_MAX is under 4 * (len + 1) + 3 */
    case BODY_BASE64:
        break;
    }
    size_t octets = (cap / (BASE64_LINE_CHARS + 2) - 1) * BASE64_LINE_OCTETS; /* BASE64_ENCODER_UPDATE_MAX */
    octets = octets < INPUT_PIECE_MAX ? octets : INPUT_PIECE_MAX;
    if (body->lines) {
        octets = octets / 2 < LINES_PIECE_MAX ? octets / 2 : LINES_PIECE_MAX;
    }
    return octets;
}

static size_t encode(struct body_stream *stream, struct slice piece, char *out)
{
    char lines[CRLF_ENCODER_UPDATE_MAX(LINES_PIECE_MAX)];
    switch (stream->body->encoding) {
    case BODY_7BIT:
        return crlf_encoder_update(&stream->crlf, piece.data, piece.len, out);
    case BODY_QUOTED_PRINTABLE:
        return quoted_printable_encoder_update(&stream->quoted_printable, piece.data, piece.len, out);
    case BODY_BASE64:
        break;
    }
    if (stream->body->lines) {
        piece.len = crlf_encoder_update(&stream->crlf, piece.data, piece.len, lines);
        piece.data = lines;
    }
    return base64_encoder_update(&stream->base64, piece.data, piece.len, out);
}

static size_t finish(struct body_stream *stream, char *out)
{
    size_t len = 0;
    switch (stream->body->encoding) {
    case BODY_7BIT:
        return stream->body->end_line ? crlf_encoder_finish(&stream->crlf, out) : 0;
    case BODY_QUOTED_PRINTABLE:
        len = quoted_printable_encoder_finish(&stream->quoted_printable, out);
        if (stream->body->end_line && stream->quoted_printable.column > 0) {
            out[len++] = '\r';
            out[len++] = '\n';
        }
        return len;
    case BODY_BASE64:
        break;
    }
    return base64_encoder_finish(&stream->base64, out);
}

bool body_stream_read(struct body_stream *stream, char *out, size_t cap, size_t *len, struct err *err)
{
    *len = 0;
    while (*len == 0 && !stream->ended) {
        struct slice piece;
        if (input_next(stream->input, piece_max(stream->body, cap), &piece, err) != COMPOSE_OK) {
            return false;
        }
        stream->ended = piece.len == 0;
        *len = stream->ended ? finish(stream, out) : encode(stream, piece, out);
    }
    return true;
}
