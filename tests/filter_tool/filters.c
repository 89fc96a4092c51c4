/*
 * Each filter is three functions over one state. Room for each update is exactly what the filter's header says, on the
 * heap: so a sanitizer sees a filter that writes more.
 */
#include "filters.h"

#include <stdlib.h>

#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/encoded_word.h"
#include "fcgi_smtp/lines.h"
#include "fcgi_smtp/quoted_printable.h"

enum { HELD_MAX = 1 << 20 };

union state {
    struct base64_encoder base64_encoder;
    struct base64_decoder base64_decoder;
    struct quoted_printable_encoder qp_encoder;
    struct quoted_printable_decoder qp_decoder;
    struct encoded_word_encoder word_encoder;
    struct encoded_word_decoder word_decoder;
    struct crlf_encoder crlf;
    struct dot_stuffer stuffer;
    struct dot_unstuffer unstuffer;
    struct line_wrapper wrapper;
};

/* A piece of the input, where its output goes, and how much that has become. */
struct step {
    union state *state;
    struct slice in;
    char *out;
    size_t len;
    struct buf *held; /* encoded words append here instead */
};

struct filter {
    const char *name;
    void (*init)(union state *state, size_t parameter);
    bool (*update)(struct step *step);
    bool (*finish)(struct step *step);
    void (*free)(union state *state);
};

/* The most that any update of len octets, or any finish, writes. */
static size_t room_for(size_t len)
{
    const size_t rooms[] = {BASE64_ENCODER_UPDATE_MAX(len), QUOTED_PRINTABLE_ENCODER_UPDATE_MAX(len),
                            LINE_WRAPPER_UPDATE_MAX(len), BASE64_ENCODER_FINISH_MAX, DOT_STUFFER_FINISH_MAX};
    size_t most = 0;
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        most = rooms[i] > most ? rooms[i] : most;
    }
    return most;
}

static void base64_encode_init(union state *state, size_t parameter)
{
    (void)parameter;
    base64_encoder_init(&state->base64_encoder, BASE64_WRAPPED);
}

static void base64_encode_init_unwrapped(union state *state, size_t parameter)
{
    (void)parameter;
    base64_encoder_init(&state->base64_encoder, BASE64_UNWRAPPED);
}

static bool base64_encode_update(struct step *step)
{
    step->len = base64_encoder_update(&step->state->base64_encoder, step->in.data, step->in.len, step->out);
    return true;
}

static bool base64_encode_finish(struct step *step)
{
    step->len = base64_encoder_finish(&step->state->base64_encoder, step->out);
    return true;
}

static void base64_decode_init(union state *state, size_t parameter)
{
    (void)parameter;
    base64_decoder_init(&state->base64_decoder, BASE64_MIME);
}

static void base64_decode_init_strict(union state *state, size_t parameter)
{
    (void)parameter;
    base64_decoder_init(&state->base64_decoder, BASE64_STRICT);
}

static bool base64_decode_update(struct step *step)
{
    return base64_decoder_update(&step->state->base64_decoder, step->in.data, step->in.len, step->out,
                                 &step->len);
}

static bool base64_decode_finish(struct step *step)
{
    return base64_decoder_finish(&step->state->base64_decoder);
}

static void qp_encode_init_text(union state *state, size_t parameter)
{
    (void)parameter;
    quoted_printable_encoder_init(&state->qp_encoder, QUOTED_PRINTABLE_TEXT);
}

static void qp_encode_init_binary(union state *state, size_t parameter)
{
    (void)parameter;
    quoted_printable_encoder_init(&state->qp_encoder, QUOTED_PRINTABLE_BINARY);
}

static bool qp_encode_update(struct step *step)
{
    step->len =
        quoted_printable_encoder_update(&step->state->qp_encoder, step->in.data, step->in.len, step->out);
    return true;
}

static bool qp_encode_finish(struct step *step)
{
    step->len = quoted_printable_encoder_finish(&step->state->qp_encoder, step->out);
    return true;
}

static void qp_decode_init(union state *state, size_t parameter)
{
    (void)parameter;
    quoted_printable_decoder_init(&state->qp_decoder);
}

static bool qp_decode_update(struct step *step)
{
    step->len =
        quoted_printable_decoder_update(&step->state->qp_decoder, step->in.data, step->in.len, step->out);
    return true;
}

static bool qp_decode_finish(struct step *step)
{
    step->len = quoted_printable_decoder_finish(&step->state->qp_decoder, step->out);
    return true;
}

static void word_encode_init_text(union state *state, size_t parameter)
{
    encoded_word_encoder_init(&state->word_encoder, ENCODED_WORD_UNSTRUCTURED, parameter, HELD_MAX);
}

static void word_encode_init_phrase(union state *state, size_t parameter)
{
    encoded_word_encoder_init(&state->word_encoder, ENCODED_WORD_PHRASE, parameter, HELD_MAX);
}

static bool word_encode_update(struct step *step)
{
    return encoded_word_encoder_update(&step->state->word_encoder, step->in.data, step->in.len) ==
           ENCODED_WORD_OK;
}

static bool word_encode_finish(struct step *step)
{
    return encoded_word_encoder_finish(&step->state->word_encoder, step->held) == ENCODED_WORD_OK;
}

static void word_encode_free(union state *state)
{
    encoded_word_encoder_free(&state->word_encoder);
}

static void word_decode_init(union state *state, size_t parameter)
{
    (void)parameter;
    encoded_word_decoder_init(&state->word_decoder, HELD_MAX);
}

static bool word_decode_update(struct step *step)
{
    return encoded_word_decoder_update(&step->state->word_decoder, step->in.data, step->in.len, step->held);
}

static bool word_decode_finish(struct step *step)
{
    return encoded_word_decoder_finish(&step->state->word_decoder, step->held);
}

static void word_decode_free(union state *state)
{
    encoded_word_decoder_free(&state->word_decoder);
}

static void crlf_init(union state *state, size_t parameter)
{
    (void)parameter;
    crlf_encoder_init(&state->crlf);
}

static bool crlf_update(struct step *step)
{
    step->len = crlf_encoder_update(&step->state->crlf, step->in.data, step->in.len, step->out);
    return true;
}

static bool no_finish(struct step *step)
{
    step->len = 0;
    return true;
}

static void stuff_init(union state *state, size_t parameter)
{
    (void)parameter;
    dot_stuffer_init(&state->stuffer);
}

static bool stuff_update(struct step *step)
{
    step->len = dot_stuffer_update(&step->state->stuffer, step->in.data, step->in.len, step->out);
    return true;
}

static bool stuff_finish(struct step *step)
{
    step->len = dot_stuffer_finish(&step->state->stuffer, step->out);
    return true;
}

static void unstuff_init(union state *state, size_t parameter)
{
    (void)parameter;
    dot_unstuffer_init(&state->unstuffer);
}

/* What follows the end of the data is another's. */
static bool unstuff_update(struct step *step)
{
    size_t consumed;
    step->len =
        dot_unstuffer_update(&step->state->unstuffer, step->in.data, step->in.len, step->out, &consumed);
    return consumed == step->in.len || dot_unstuffer_ended(&step->state->unstuffer);
}

static bool unstuff_finish(struct step *step)
{
    return dot_unstuffer_ended(&step->state->unstuffer);
}

static void wrap_init(union state *state, size_t parameter)
{
    line_wrapper_init(&state->wrapper, parameter);
}

static bool wrap_update(struct step *step)
{
    step->len = line_wrapper_update(&step->state->wrapper, step->in.data, step->in.len, step->out);
    return true;
}

static bool wrap_finish(struct step *step)
{
    step->len = line_wrapper_finish(&step->state->wrapper, step->out);
    return true;
}

static const struct filter filters[] = {
    {"base64-encode", base64_encode_init, base64_encode_update, base64_encode_finish, NULL},
    {"base64-encode-unwrapped", base64_encode_init_unwrapped, base64_encode_update, base64_encode_finish,
     NULL},
    {"base64-decode", base64_decode_init, base64_decode_update, base64_decode_finish, NULL},
    {"base64-decode-strict", base64_decode_init_strict, base64_decode_update, base64_decode_finish, NULL},
    {"quoted-printable-encode", qp_encode_init_text, qp_encode_update, qp_encode_finish, NULL},
    {"quoted-printable-encode-binary", qp_encode_init_binary, qp_encode_update, qp_encode_finish, NULL},
    {"quoted-printable-decode", qp_decode_init, qp_decode_update, qp_decode_finish, NULL},
    {"encoded-word-encode", word_encode_init_text, word_encode_update, word_encode_finish, word_encode_free},
    {"encoded-word-encode-phrase", word_encode_init_phrase, word_encode_update, word_encode_finish,
     word_encode_free},
    {"encoded-word-decode", word_decode_init, word_decode_update, word_decode_finish, word_decode_free},
    {"crlf-encode", crlf_init, crlf_update, no_finish, NULL},
    {"dot-stuff", stuff_init, stuff_update, stuff_finish, NULL},
    {"dot-unstuff", unstuff_init, unstuff_update, unstuff_finish, NULL},
    {"wrap", wrap_init, wrap_update, wrap_finish, NULL},
};

/* One update or finish with its own room. */
static bool take(bool (*call)(struct step *step), union state *state, struct slice in, struct buf *out)
{
    struct step step = {.state = state, .in = in, .out = malloc(room_for(in.len)), .held = out};
    bool ok = step.out != NULL && call(&step);
    ok = buf_append(out, step.out, step.len) && ok;
    free(step.out);
    return ok;
}

static bool run(const struct filter *filter, size_t parameter, struct slice in, size_t step, struct buf *out)
{
    union state state;
    bool ok = true;
    filter->init(&state, parameter);
    for (size_t at = 0; at < in.len && ok;) {
        size_t len = step > 0 && step < in.len - at ? step : in.len - at;
        ok = take(filter->update, &state, (struct slice){in.data + at, len}, out);
        at += len;
    }
    ok = ok && take(filter->finish, &state, (struct slice){NULL, 0}, out);
    if (filter->free != NULL) {
        filter->free(&state);
    }
    return ok;
}

enum filter_result filter_run(const char *name, size_t parameter, struct slice in, size_t step,
                              struct buf *out)
{
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        if (strcmp(name, filters[i].name) == 0) {
            return run(&filters[i], parameter, in, step, out) ? FILTER_OK : FILTER_REFUSED;
        }
    }
    return FILTER_UNKNOWN;
}
