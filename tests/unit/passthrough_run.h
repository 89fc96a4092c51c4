/* A whole message goes through, in every way that it can be pulled. */
#ifndef FCGI_SMTP_TESTS_PASSTHROUGH_RUN_H
#define FCGI_SMTP_TESTS_PASSTHROUGH_RUN_H

#include "fcgi_smtp/passthrough.h"

#include <stdio.h>
#include <unistd.h>

#include "fcgi_smtp/compose.h"
#include "unit.h"

#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        (literal), sizeof(literal) - 1                                                                       \
    }

/* The fields that a message must have, so that nothing is added. */
#define FIELDS "From: a@x.example\r\nDate: Mon, 23 Nov 2026 09:48:00 +0000\r\nMessage-ID: <1@x.example>\r\n"

enum { MEMORY = 1 << 22, MANY = 100 };

static struct {
    struct arena arena;
    struct blob_store store;
    struct blob blob;
    struct passthrough *passthrough;
    enum passthrough_result result;
    struct err err;
    struct buf whole;
} t;

static inline void clean(void)
{
    passthrough_free(t.passthrough);
    blob_store_free(&t.store);
    arena_free(&t.arena);
    buf_free(&t.whole);
    memset(&t, 0, sizeof t);
}

static inline void read_spilling(struct slice message, size_t memory)
{
    clean();
    arena_init(&t.arena, MEMORY);
    blob_store_init(&t.store, "/tmp", memory);
    blob_begin(&t.blob, &t.store);
    CU_ASSERT_TRUE_FATAL(blob_append(&t.blob, message.data, message.len, NULL));
    const struct passthrough_input input = {
        .content = &t.blob,
        .field = "message",
        .domain = SLICE("web1.example.com"),
        .now = 1795427280, /* Mon, 23 Nov 2026 09:48:00 +0000 */
    };
    t.result = passthrough_new(&t.passthrough, &input, &t.arena, &t.err);
}

static inline void pull(size_t chunk, struct buf *out)
{
    struct source source = passthrough_source(t.passthrough);
    size_t len = 1;
    source.rewind(source.ctx);
    buf_init(out, MEMORY);
    while (len > 0) {
        char *room = buf_reserve(out, chunk);
        CU_ASSERT_PTR_NOT_NULL_FATAL(room);
        CU_ASSERT_TRUE_FATAL(source.read(source.ctx, room, chunk, &len, NULL) && len <= chunk);
        out->len += len;
    }
}

static inline void check_chunks(void)
{
    static const size_t chunks[] = {1, 2, 3, 5, 7, 64, 511, 512, 513, 1000, 4096, 100000};
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        struct buf again;
        pull(chunks[i], &again);
        CU_ASSERT(slice_equal(buf_slice(&again), buf_slice(&t.whole)));
        buf_free(&again);
    }
}

static inline void run_spilling(struct slice message, size_t memory)
{
    read_spilling(message, memory);
    if (t.result != PASSTHROUGH_OK) {
        fprintf(stderr, "\n%s: %s\n", t.err.field, t.err.text);
        CU_FAIL_FATAL("refused");
    }
    pull(16384, &t.whole);
    CU_ASSERT_EQUAL(passthrough_size(t.passthrough), t.whole.len);
    struct slice section = passthrough_header_section(t.passthrough);
    CU_ASSERT(section.len <= t.whole.len && memcmp(section.data, t.whole.data, section.len) == 0);
    check_chunks();
}

/* From memory and from the spill file. */
static inline void run(struct slice message)
{
    run_spilling(message, 0);
    run_spilling(message, MEMORY);
}

static inline bool is(struct slice expected)
{
    bool same = slice_equal(buf_slice(&t.whole), expected);
    if (!same) {
        fprintf(stderr, "\nis:\n%.*s\nnot:\n%.*s\n", SLICE_ARGS(buf_slice(&t.whole)), SLICE_ARGS(expected));
    }
    return same;
}

static inline void check_refused(struct slice message, const char *why)
{
    read_spilling(message, MEMORY);
    bool refused = t.result == PASSTHROUGH_INVALID && t.passthrough == NULL &&
                   strcmp(t.err.field, "message") == 0 && strstr(t.err.text, why) != NULL;
    if (!refused) {
        fprintf(stderr, "\nis %d %s: %s\nnot: %s\n", t.result, t.err.field, t.err.text, why);
    }
    CU_ASSERT_TRUE(refused);
}

/* FIELDS and then n times c, between texts. */
static inline struct slice with_run(const char *before, char c, size_t n, const char *after)
{
    static char text[1 << 20];
    size_t len = (size_t)snprintf(text, sizeof text, FIELDS "%s", before);
    memset(text + len, c, n);
    strcpy(text + len + n, after);
    return (struct slice){text, len + n + strlen(after)};
}

#endif
