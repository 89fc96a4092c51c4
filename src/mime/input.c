/*
 * The charset decoder decides how much comes out of a piece, the caller how much it takes: so what was converted waits
 * in a buffer. Octets that need no conversion are handed out where blob_read put them.
 *
 * The room for a piece is no larger than what is read into it: 57 KiB for every short text would be mapped and unmapped
 * by the system each time.
 */
#include "mime/input.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    CONVERTED_MAX = 64 * 1024, /* octets that CONVERT_PIECE can become, with all that iconv knows */
    CONVERT_PIECE = 2048
};

void input_init(struct input *input)
{
    *input = (struct input){.decoder = {.kind = CHARSET_CLOSED}};
    buf_init(&input->converted, CONVERTED_MAX);
}

void input_free(struct input *input)
{
    charset_close(&input->decoder);
    buf_free(&input->converted);
    free(input->raw);
    input->raw = NULL;
    input->raw_cap = 0;
}

static enum compose_result no_memory(struct err *err)
{
    err_set(err, "no memory to read a part");
    return COMPOSE_FAILED;
}

static bool make_room(struct input *input, const struct blob *blob)
{
    size_t needed = blob != NULL && blob->size < INPUT_PIECE_MAX ? (size_t)blob->size : INPUT_PIECE_MAX;
    if (blob == NULL || needed <= input->raw_cap) {
        return true;
    }
    free(input->raw);
    input->raw = malloc(needed);
    input->raw_cap = input->raw != NULL ? needed : 0;
    return input->raw != NULL;
}

enum compose_result input_open(struct input *input, const struct blob *blob, struct slice charset,
                               struct err *err)
{
    charset_close(&input->decoder);
    input->blob = blob;
    input->offset = 0;
    input->ended = false;
    input->charset = charset;
    input->converting = charset.len > 0;
    input->rest = (struct slice){NULL, 0};
    if (!make_room(input, blob)) {
        return no_memory(err);
    }
    if (!input->converting) {
        return COMPOSE_OK;
    }
    enum charset_result result = charset_open(&input->decoder, charset);
    if (result == CHARSET_UNKNOWN) {
        err_set(err, "the charset \"%.*s\" is not known", SLICE_ARGS(charset));
        return COMPOSE_INVALID;
    }
    return result == CHARSET_OK ? COMPOSE_OK : no_memory(err);
}

static enum compose_result read_piece(struct input *input, size_t max, struct slice *piece, struct err *err)
{
    size_t len = 0;
    max = max < input->raw_cap ? max : input->raw_cap;
    if (max > 0 && input->blob != NULL &&
        !blob_read(input->blob, input->offset, input->raw, max, &len, err)) {
        return COMPOSE_FAILED;
    }
    input->offset += len;
    input->ended = len == 0;
    *piece = (struct slice){input->raw, len};
    return COMPOSE_OK;
}

/* Reads and converts until something comes out or the end is there. */
static enum compose_result convert(struct input *input, struct err *err)
{
    enum charset_result result = CHARSET_OK;
    buf_clear(&input->converted);
    while (result == CHARSET_OK && input->converted.len == 0 && !input->ended) {
        struct slice raw;
        if (read_piece(input, CONVERT_PIECE, &raw, err) != COMPOSE_OK) {
            return COMPOSE_FAILED;
        }
        result = input->ended ? charset_finish(&input->decoder, &input->converted)
                              : charset_update(&input->decoder, raw.data, raw.len, &input->converted);
    }
    input->rest = buf_slice(&input->converted);
    if (result == CHARSET_MALFORMED || result == CHARSET_INCOMPLETE) {
        err_set(err, "octet %" PRIu64 " is not valid in the charset %.*s", input->decoder.error_offset + 1,
                SLICE_ARGS(input->charset));
        return COMPOSE_INVALID;
    }
    return result == CHARSET_OK ? COMPOSE_OK : no_memory(err);
}

enum compose_result input_next(struct input *input, size_t max, struct slice *piece, struct err *err)
{
    max = max < INPUT_PIECE_MAX ? max : INPUT_PIECE_MAX;
    if (!input->converting) {
        return read_piece(input, max, piece, err);
    }
    enum compose_result result = input->rest.len == 0 ? convert(input, err) : COMPOSE_OK;
    *piece = (struct slice){input->rest.data, input->rest.len < max ? input->rest.len : max};
    if (piece->len > 0) {
        input->rest = (struct slice){input->rest.data + piece->len, input->rest.len - piece->len};
    }
    return result;
}
