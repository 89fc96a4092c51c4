/*
 * "After the data" begins with the write that holds the end of the data, not with its end: from there on the server may have
 * taken the mail, and only its reply can say that it has not. So before each such write the stream is asked whether the
 * server has spoken: a refusal or an end that is there already still proves that nothing was delivered.
 */
#include "smtp/message.h"

#include <stdio.h>
#include <string.h>

#include "smtp/data.h"
#include "smtp/recipients.h"
#include "smtp/trace.h"

#define INLINE_MAX (STREAM_OUT_LIMIT / 2) /* whatever inline_limit says: a flight is held in memory */
/* Of BDAT, but for the last one. With "BDAT 131056" and its CRLF it fills eight TLS records, without a small ninth. */
#define CHUNK_SIZE ((size_t)128 * 1024 - 16)

static const struct said end_of_data = {STEP_END_OF_DATA, {NULL, 0}};

enum message_way message_choose(const struct smtp_session *session, const struct smtp_delivery *delivery)
{
    const struct capabilities *capabilities = &session->capabilities;
    const struct smtp_settings *settings = &session->endpoint->settings;
    bool ahead = capabilities->pipelining && !settings->abort_on_refused;
    if (capabilities->chunking && ahead && delivery->size <= settings->inline_limit &&
        delivery->size <= INLINE_MAX) {
        return MESSAGE_BDAT_AHEAD;
    }
    /* Without PIPELINING each chunk's reply would have to be awaited; DATA needs one wait only. */
    if (capabilities->chunking && (capabilities->pipelining || delivery->size <= CHUNK_SIZE)) {
        return MESSAGE_BDAT;
    }
    return ahead ? MESSAGE_DATA_AHEAD : MESSAGE_DATA;
}

static bool failed(struct transaction *t, enum data_result result, const struct err *why)
{
    struct smtp_session *session = t->session;
    session->sound = false;
    if (result == DATA_SOURCE_FAILED) {
        err_set(outcome_failed(t->outcome, SMTP_LOCAL_FAILURE, STEP_END_OF_DATA),
                "the message cannot be read: %s", why->text);
        return false;
    }
    return session_stream_failed(session, end_of_data,
                                 result == DATA_TIMED_OUT ? STREAM_TIMED_OUT : STREAM_NO_MEMORY);
}

static bool broke_protocol(struct transaction *t, const char *how)
{
    const struct smtp_reply_view *view = &t->session->view;
    t->session->sound = false;
    err_set(outcome_failed(t->outcome, SMTP_PROTOCOL_ERROR, STEP_END_OF_DATA),
            "%s broke the protocol: %s: %d %s", t->who, how, view->code, view->text);
    return false;
}

/* --- ends --- */

/* Nobody can have accepted what is still here: a flight with the message in it may be written while replies come. */
static bool has_left(struct transaction *t)
{
    return stream_unsent(&t->session->stream) == 0 ||
           broke_protocol(t, "it answered before the message had ended");
}

/*
 * When all was said at once, replies are told apart by their number alone; one too many leaves open which was the message's.
 * 421 is no reply to a command (RFC 5321 3.8).
 */
static bool replies_fit(struct transaction *t)
{
    const struct buf *in = &t->session->stream.in;
    bool chunks = t->way == MESSAGE_BDAT && t->delivery->size > CHUNK_SIZE;
    if (t->way != MESSAGE_BDAT_AHEAD && !chunks) {
        return true;
    }
    bool closing = in->len == 0 || memcmp(in->data, "421", in->len < 3 ? in->len : 3) == 0;
    return closing || broke_protocol(t, "it gave more replies than there were commands");
}

static bool hear_end(struct transaction *t)
{
    struct smtp_session *session = t->session;
    t->over = session_await(session, end_of_data);
    t->unheard = 0;
    return t->over && session_expect(session, end_of_data) && has_left(t) && replies_fit(t);
}

/*
 * RFC 2033 4.2, 4.3: one reply for each recipient that RCPT has accepted, in their order. Who is accepted now goes on to
 * wait, until hear_ends knows that the replies were as many as they should be.
 */
static bool hear_each(struct transaction *t, bool *accepted, bool *unknown)
{
    bool ok = true;
    for (size_t i = 0; i < t->delivery->recipient_count; i++) {
        struct smtp_recipient *recipient = &t->delivery->recipients[i];
        if (!recipient_is_waiting(recipient)) {
            continue;
        }
        ok = ok && session_await(t->session, end_of_data);
        ok = ok && (t->session->view.code >= 400 || (session_expect(t->session, end_of_data) && has_left(t)));
        if (!ok) {
            recipient->state = SMTP_DELIVERY_UNKNOWN;
            *unknown = true;
            continue;
        }
        recipient->reply = t->session->view;
        if (!recipient_is_refused(recipient)) {
            t->outcome->reply = *accepted ? t->outcome->reply : recipient->reply;
            *accepted = true;
        }
    }
    return ok;
}

static bool hear_ends(struct transaction *t)
{
    bool accepted = false;
    bool unknown = false;
    bool all = hear_each(t, &accepted, &unknown);
    if (accepted && all && !replies_fit(t)) {
        memset(&t->outcome->reply, 0, sizeof t->outcome->reply);
        accepted = false;
        all = false;
        unknown = true;
    }
    recipients_settle(t, accepted ? SMTP_DELIVERY_DONE : SMTP_DELIVERY_UNKNOWN, false);
    t->unheard = 0;
    t->over = true;
    t->settled = true;
    if (accepted) {
        t->outcome->class = SMTP_ACCEPTED;
        t->outcome->state = SMTP_DELIVERY_DONE;
        t->outcome->stage = step_name(STEP_END_OF_DATA);
    } else if (all) {
        recipients_decide(t);
    }
    if (!accepted && unknown) {
        t->outcome->state = SMTP_DELIVERY_UNKNOWN;
    }
    if (accepted && all) {
        recipients_describe(t);
    }
    return accepted;
}

static bool hear_message(struct transaction *t)
{
    return t->lmtp ? hear_ends(t) : hear_end(t);
}

/* --- the server speaks, or goes, before the whole message was sent --- */

/* A reply that came while the message was under way: that to a chunk, or a refusal. True: nothing to worry about. */
static bool judge_early(struct transaction *t)
{
    int code = t->session->view.code;
    if (code / 100 == 2 && t->unheard > 0) {
        t->unheard--;
        return true;
    }
    t->session->sound = false;
    stream_wipe_out(&t->session->stream); /* what has not left stays here */
    if (code < 400) {
        return broke_protocol(t, "it answered before the message had ended");
    }
    return session_expect(t->session, end_of_data);
}

static bool interrupted(struct transaction *t)
{
    t->session->sound = false;
    stream_wipe_out(&t->session->stream);
    bool more = true;
    while (more) {
        more = session_await(t->session, end_of_data) && judge_early(t);
    }
    return false;
}

/* --- DATA --- */

static bool say_data(struct transaction *t)
{
    struct said said = {STEP_DATA, {NULL, 0}};
    bool ok = session_say(t->session, said, (struct slice){NULL, 0});
    t->unheard += ok ? 1 : 0;
    return ok;
}

static bool hear_data(struct transaction *t)
{
    struct said said = {STEP_DATA, {NULL, 0}};
    t->unheard--;
    /* In a flight of its own a reply that is there already was not to DATA. */
    bool heard =
        t->way == MESSAGE_DATA ? session_await_first(t->session, said) : session_await(t->session, said);
    return heard && session_expect(t->session, said);
}

static bool send_data(struct transaction *t)
{
    struct smtp_session *session = t->session;
    struct err why = {.text = ""};
    if (stream_unsent(&session->stream) > 0) {
        return broke_protocol(t, "it answered before it was asked");
    }
    trace_data(session->trace, t->delivery->size);
    enum data_result result = data_send(&session->stream, &t->delivery->message, &session->endpoint->settings,
                                        session->total, &t->data_ended, &why);
    switch (result) {
    case DATA_SENT:
        return hear_message(t);
    case DATA_INTERRUPTED:
        return interrupted(t);
    default:
        return failed(t, result, &why);
    }
}

/* --- BDAT --- */

/* Adds a chunk to the flight. */
static bool say_chunk(struct transaction *t, size_t len, bool last)
{
    struct err why = {.text = ""};
    char size[40];
    (void)snprintf(size, sizeof size, "%zu%s", len, last ? " LAST" : "");
    if (!session_say(t->session, (struct said){STEP_BDAT, slice_of(size)}, (struct slice){NULL, 0})) {
        return false;
    }
    trace_data(t->session->trace, len);
    enum data_result result = data_chunk(&t->session->stream.out, &t->delivery->message, len, last, &why);
    return result == DATA_SENT || failed(t, result, &why);
}

/* Sends it, and takes the replies to those before it as they come. */
static bool push_chunk(struct transaction *t, bool last)
{
    struct stream *stream = &t->session->stream;
    /* With nothing unheard whatever has come, be it half a reply, is no reply to a chunk. */
    if (stream_poll(stream) != STREAM_OK || (t->unheard == 0 && stream->in.len > 0)) {
        return interrupted(t);
    }
    t->data_ended = last;
    for (;;) {
        switch (session_push(t->session, end_of_data)) {
        case SESSION_WRITTEN:
            t->unheard++;
            return true;
        case SESSION_FAILED:
            return false;
        default:
            if (!judge_early(t)) {
                return false;
            }
        }
    }
}

static bool send_chunks(struct transaction *t)
{
    const struct source *message = &t->delivery->message;
    uint64_t left = t->delivery->size;
    bool ok = true;
    message->rewind(message->ctx);
    while (ok && !t->data_ended) {
        size_t len = left < CHUNK_SIZE ? (size_t)left : CHUNK_SIZE;
        left -= len;
        ok = say_chunk(t, len, left == 0) && push_chunk(t, left == 0);
    }
    while (ok && t->unheard > 1) {
        ok = session_await(t->session, end_of_data) && judge_early(t);
    }
    return ok && hear_message(t);
}

/* --- both --- */

bool message_say_ahead(struct transaction *t)
{
    if (t->way == MESSAGE_DATA_AHEAD) {
        return say_data(t);
    }
    if (t->way != MESSAGE_BDAT_AHEAD) {
        return true;
    }
    const struct source *message = &t->delivery->message;
    message->rewind(message->ctx);
    t->unheard++;
    return say_chunk(t, (size_t)t->delivery->size, true);
}

bool message_give(struct transaction *t)
{
    switch (t->way) {
    case MESSAGE_BDAT_AHEAD:
        return hear_message(t);
    case MESSAGE_BDAT:
        return send_chunks(t);
    case MESSAGE_DATA:
        return say_data(t) && hear_data(t) && send_data(t);
    default:
        return hear_data(t) && send_data(t);
    }
}
