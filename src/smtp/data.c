/*
 * Chunks are gathered until one write is worth it; a mail that fits one leaves together with its end. Before
 * each write the stream is asked whether the server has spoken: it has no reason to before the end, so it has
 * given up, and sending on would only hide that.
 */
#include "smtp/data.h"

#include "fcgi_smtp/lines.h"
#include "smtp/step.h"

#define READ_SIZE  ((size_t)16 * 1024) /* of the source at once */
#define WRITE_SIZE ((size_t)64 * 1024) /* at least, but for the last write */

struct sender {
    struct stream *stream;
    const struct source *source;
    struct dot_stuffer stuffer;
    bool at_end; /* of the source: the end of the data is in stream->out */
};

/* Pulls one piece, or writes the end. */
static enum data_result gather_piece(struct sender *sender, struct err *err)
{
    char piece[READ_SIZE];
    size_t len = 0;
    if (!sender->source->read(sender->source->ctx, piece, sizeof piece, &len, err)) {
        return DATA_SOURCE_FAILED;
    }
    struct buf *out = &sender->stream->out;
    char *to = buf_reserve(out, DOT_STUFFER_UPDATE_MAX(len) + DOT_STUFFER_FINISH_MAX);
    if (to == NULL) {
        return DATA_NO_MEMORY;
    }
    sender->at_end = len == 0;
    out->len += len > 0 ? dot_stuffer_update(&sender->stuffer, piece, len, to)
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
    switch (stream_flush(stream, limit, true)) {
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
