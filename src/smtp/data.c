/*
 * Pieces are gathered until one write is worth it; a mail that fits one leaves together with its end. Before
 * each write the stream is asked whether the server has spoken: it has no reason to before the end, so it has
 * given up, and sending on would only hide that.
 */
#include "smtp/data.h"

#include "fcgi_smtp/lines.h"
#include "smtp/step.h"

#define READ_SIZE  ((size_t)80 * 1024) /* of the source at once */
#define WRITE_SIZE ((size_t)64 * 1024) /* at least, but for the last write */

struct sender {
    struct stream *stream;
    const struct source *source;
    struct dot_stuffer stuffer;
    bool at_end; /* of the source: the end of the data is in stream->out */
};

/* Pulls one piece to where it leaves from, or writes the end. */
static enum data_result gather_piece(struct sender *sender, struct err *err)
{
    struct buf *out = &sender->stream->out;
    size_t len = 0;
    char *to = buf_reserve(out, DOT_STUFFER_UPDATE_MAX(READ_SIZE) + DOT_STUFFER_FINISH_MAX);
    if (to == NULL) {
        return DATA_NO_MEMORY;
    }
    if (!sender->source->read(sender->source->ctx, to, READ_SIZE, &len, err)) {
        return DATA_SOURCE_FAILED;
    }
    sender->at_end = len == 0;
    out->len += len > 0 ? dot_stuffer_update_in_place(&sender->stuffer, to, len)
                        : dot_stuffer_finish(&sender->stuffer, to);
    return DATA_SENT;
}

/* Fills the next write. */
static enum data_result gather(struct sender *sender, struct err *err)
{
    enum data_result result = DATA_SENT;
    while (result == DATA_SENT && !sender->at_end && sender->stream->out.len < WRITE_SIZE) {
        result = gather_piece(sender, err);
    }
    return result;
}

static enum data_result write_out(struct stream *stream, struct limit limit)
{
    switch (stream_flush(stream, limit)) {
    case STREAM_OK:
        return DATA_SENT;
    case STREAM_TIMED_OUT:
        return DATA_TIMED_OUT;
    case STREAM_NO_MEMORY:
        return DATA_NO_MEMORY;
    default:
        return DATA_INTERRUPTED;
    }
}

enum data_result data_send(struct stream *stream, const struct source *source,
                           const struct smtp_settings *settings, struct limit total, bool *ended,
                           struct err *err)
{
    struct sender sender = {.stream = stream, .source = source};
    dot_stuffer_init(&sender.stuffer);
    source->rewind(source->ctx);
    while (!sender.at_end) {
        enum data_result result = gather(&sender, err);
        if (result != DATA_SENT) {
            return result;
        }
        struct limit limit = step_limit(STEP_END_OF_DATA, settings, total);
        if (limit_passed(limit)) {
            return DATA_TIMED_OUT;
        }
        if (stream_poll(stream) != STREAM_OK || stream->in.len > 0) {
            return DATA_INTERRUPTED;
        }
        *ended = sender.at_end;
        result = write_out(stream, limit);
        if (result != DATA_SENT) {
            return result;
        }
    }
    return DATA_SENT;
}

/* Reads exactly len octets to where there is room for them. */
static bool read_whole(const struct source *source, char *to, size_t len, struct err *err)
{
    for (size_t have = 0; have < len;) {
        size_t got = 0;
        if (!source->read(source->ctx, to + have, len - have, &got, err)) {
            return false;
        }
        if (got == 0) {
            err_set(err, "it is shorter than it was said to be");
            return false;
        }
        have += got;
    }
    return true;
}

static bool read_end(const struct source *source, struct err *err)
{
    char more = 0;
    size_t got = 0;
    if (!source->read(source->ctx, &more, 1, &got, err)) {
        return false;
    }
    if (got > 0) {
        err_set(err, "it is longer than it was said to be");
    }
    return got == 0;
}

enum data_result data_chunk(struct buf *out, const struct source *source, size_t len, bool last,
                            struct err *err)
{
    char *to = buf_reserve(out, len);
    if (to == NULL) {
        return DATA_NO_MEMORY;
    }
    if (!read_whole(source, to, len, err) || (last && !read_end(source, err))) {
        return DATA_SOURCE_FAILED;
    }
    out->len += len;
    return DATA_SENT;
}
