/*
 * Checks of a filter's promises: its output does not depend on how the input was cut, and never passes the stated room
 * (each call gets memory of exactly that size, so a sanitizer sees the first octet too many).
 */
#ifndef FCGI_SMTP_TESTS_FILTER_STREAM_H
#define FCGI_SMTP_TESTS_FILTER_STREAM_H

#include <CUnit/CUnit.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi_smtp/buf.h"

struct filter {
    void (*init)(void); /* the state is the test file's own */
    size_t (*update)(const void *in, size_t len, char *out);
    size_t (*update_max)(size_t len);
    size_t (*finish)(char *out);
    size_t finish_max;
};

enum { FILTER_OUT_LIMIT = 8 * 1024 * 1024 };

static inline void filter_feed(const struct filter *filter, const char *in, size_t len, struct buf *out)
{
    size_t max = filter->update_max(len);
    char *room = malloc(max > 0 ? max : 1);
    char *copy = malloc(len > 0 ? len : 1);
    if (len > 0) {
        memcpy(copy, in, len);
    }
    size_t written = filter->update(copy, len, room);
    CU_ASSERT_FATAL(written <= max);
    CU_ASSERT_FATAL(buf_append(out, room, written));
    free(copy);
    free(room);
}

static inline void filter_end(const struct filter *filter, struct buf *out)
{
    char *room = malloc(filter->finish_max > 0 ? filter->finish_max : 1);
    size_t written = filter->finish(room);
    CU_ASSERT_FATAL(written <= filter->finish_max);
    CU_ASSERT_FATAL(buf_append(out, room, written));
    free(room);
}

/* The whole input in pieces of that many octets (0: in one), with an empty update between. out is cleared first. */
static inline void filter_run(const struct filter *filter, struct slice in, size_t piece, struct buf *out)
{
    buf_clear(out);
    filter->init();
    for (size_t at = 0; at < in.len;) {
        size_t len = piece == 0 || piece > in.len - at ? in.len - at : piece;
        filter_feed(filter, in.data + at, len, out);
        filter_feed(filter, NULL, 0, out);
        at += len;
    }
    filter_end(filter, out);
}

static inline void filter_run_cut(const struct filter *filter, struct slice in, size_t cut, struct buf *out)
{
    buf_clear(out);
    filter->init();
    filter_feed(filter, in.data, cut, out);
    filter_feed(filter, in.data + cut, in.len - cut, out);
    filter_end(filter, out);
}

/* in becomes expected whole, octet by octet, in small pieces and with every single cut. */
static inline void filter_check(const struct filter *filter, struct slice in, struct slice expected)
{
    struct buf out;
    buf_init(&out, FILTER_OUT_LIMIT);
    for (size_t piece = 0; piece <= 9; piece++) {
        filter_run(filter, in, piece, &out);
        CU_ASSERT(slice_equal(buf_slice(&out), expected));
    }
    for (size_t cut = 0; in.len < 2000 && cut <= in.len; cut++) {
        filter_run_cut(filter, in, cut, &out);
        CU_ASSERT(slice_equal(buf_slice(&out), expected));
    }
    buf_free(&out);
}

/* xorshift: the same numbers in every run. */
static inline uint32_t filter_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* len octets out of the alphabet, or any octets when it is empty. */
static inline void filter_random_text(uint32_t *state, struct slice alphabet, char *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint32_t number = filter_random(state) >> 8;
        out[i] = alphabet.len > 0 ? alphabet.data[number % alphabet.len] : (char)(unsigned char)number;
    }
}

#endif
