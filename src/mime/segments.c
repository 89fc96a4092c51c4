/*
 * A reader with a large buffer gets the encoders' output directly in it. One with a small buffer is served from `ready`;
 * since pieces end where the buffer ends, the octets are the same for every size.
 */
#include "mime/segments.h"

#include <stdlib.h>

bool segments_init(struct segments *segments, size_t bodies, size_t fixed_limit)
{
    *segments = (struct segments){.cap = 2 * bodies + 1};
    buf_init(&segments->fixed, fixed_limit);
    input_init(&segments->input);
    segments->rows = calloc(segments->cap, sizeof *segments->rows);
    return segments->rows != NULL;
}

void segments_free(struct segments *segments)
{
    buf_free(&segments->fixed);
    free(segments->rows);
    input_free(&segments->input);
    *segments = (struct segments){0};
}

void segments_end(struct segments *segments)
{
    size_t end = segments->fixed.len;
    segments->rows[segments->count++] = (struct segment){.begin = segments->begin, .end = end};
    segments->size += end - segments->begin;
    segments->begin = end;
}

void segments_add_body(struct segments *segments, const struct body *body)
{
    segments_end(segments);
    segments->rows[segments->count++] = (struct segment){.is_body = true, .body = *body};
    segments->size += body->size;
}

void segments_rewind(void *ctx)
{
    struct segments *segments = ctx;
    segments->row = 0;
    segments->at = 0;
    segments->opened = false;
    segments->ready_at = 0;
    segments->ready_len = 0;
}

static void next_row(struct segments *segments)
{
    segments->row++;
    segments->at = 0;
    segments->opened = false;
}

static size_t read_fixed(struct segments *segments, const struct segment *row, char *out, size_t cap)
{
    size_t left = row->end - row->begin - segments->at;
    size_t len = left < cap ? left : cap;
    if (len > 0) {
        memcpy(out, segments->fixed.data + row->begin + segments->at, len);
    }
    segments->at += len;
    return len;
}

static size_t read_ready(struct segments *segments, char *out, size_t cap)
{
    size_t left = segments->ready_len - segments->ready_at;
    size_t len = left < cap ? left : cap;
    memcpy(out, segments->ready + segments->ready_at, len);
    segments->ready_at += len;
    return len;
}

static bool read_body(struct segments *segments, const struct segment *row, char *out, size_t cap,
                      size_t *len, struct err *err)
{
    if (!segments->opened && !body_stream_open(&segments->stream, &row->body, &segments->input, err)) {
        return false;
    }
    segments->opened = true;
    if (cap >= BODY_READ_MIN) {
        return body_stream_read(&segments->stream, out, cap, len, err);
    }
    segments->ready_at = 0;
    if (!body_stream_read(&segments->stream, segments->ready, sizeof segments->ready, &segments->ready_len,
                          err)) {
        return false;
    }
    *len = read_ready(segments, out, cap);
    return true;
}

bool segments_read(void *ctx, void *out, size_t cap, size_t *len, struct err *err)
{
    struct segments *segments = ctx;
    *len = 0;
    if (segments->ready_at < segments->ready_len) {
        *len = read_ready(segments, out, cap);
        return true;
    }
    while (segments->row < segments->count) {
        const struct segment *row = &segments->rows[segments->row];
        if (!row->is_body) {
            *len = read_fixed(segments, row, out, cap);
        } else if (!read_body(segments, row, out, cap, len, err)) {
            return false;
        }
        if (*len > 0) {
            return true;
        }
        next_row(segments);
    }
    return true;
}
