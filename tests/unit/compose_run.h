/*
 * A message is composed, pulled in every way, and must be what every message must be: CRLF only, no line over 998, as
 * many octets as were told, the same for every buffer size.
 */
#ifndef FCGI_SMTP_TESTS_COMPOSE_RUN_H
#define FCGI_SMTP_TESTS_COMPOSE_RUN_H

#include "entity.h"
#include "fcgi_smtp/compose.h"

enum { BLOBS_MAX = 40, MEMORY = 1 << 20, WHOLE_MAX = 1 << 22 };

/* What one message is made of and what came of it. */
static struct {
    struct arena arena;
    struct blob_store store;
    struct blob blobs[BLOBS_MAX];
    size_t blob_count;
    struct message message;
    struct message_part files[10];
    struct message_header headers[5];
    struct compose *compose;
    enum compose_result result;
    struct err err;
    struct buf whole;
} t;

static inline void clean(void)
{
    compose_free(t.compose);
    blob_store_free(&t.store);
    arena_free(&t.arena);
    buf_free(&t.whole);
    memset(&t, 0, sizeof t);
}

static inline struct address_list addresses(const char *text)
{
    struct address_list list = {0};
    struct err err;
    if (address_parse(&list, slice_of(text), 100, &t.arena, &err) != ADDRESS_OK) {
        CU_FAIL("a test's address is wrong");
    }
    return list;
}

/* A message from a@from.example to b@to.example, to be completed. */
static inline struct message *begin_spilling(size_t memory)
{
    clean();
    arena_init(&t.arena, MEMORY);
    blob_store_init(&t.store, "/tmp", memory);
    t.message.from = addresses("Ann <a@from.example>");
    t.message.to = addresses("b@to.example");
    t.message.domain = SLICE("web1.example.com");
    t.message.now = 1795427280; /* Mon, 23 Nov 2026 09:48:00 +0000 */
    t.message.headers = t.headers;
    t.message.attachments = t.files;
    t.message.text.field = "text";
    t.message.html.field = "html";
    return &t.message;
}

static inline struct message *begin(void)
{
    return begin_spilling(MEMORY);
}

static inline struct blob *blob(struct slice content)
{
    struct blob *blob = &t.blobs[t.blob_count++];
    blob_begin(blob, &t.store);
    CU_ASSERT_TRUE(blob_append(blob, content.data, content.len, NULL));
    return blob;
}

static inline void attach(const char *name, const char *type, struct slice content)
{
    t.files[t.message.attachment_count++] = (struct message_part){
        .field = "attachment", .content = blob(content), .type = slice_of(type), .file_name = slice_of(name)};
}

static inline void add_header(struct slice name, struct slice value)
{
    t.headers[t.message.header_count++] = (struct message_header){name, value};
}

/* Pulls everything with buffers of that size behind what out has. */
static inline bool pull(struct compose *compose, size_t chunk, struct buf *out)
{
    struct source source = compose_source(compose);
    size_t len = 1;
    while (len > 0) {
        char *room = buf_reserve(out, chunk);
        if (room == NULL || !source.read(source.ctx, room, chunk, &len, NULL) || len > chunk) {
            return false;
        }
        out->len += len;
    }
    /* The end stays the end. */
    char octet;
    return source.read(source.ctx, &octet, 1, &len, NULL) && len == 0;
}

/* What every message must be, whatever it is made of. */
static inline void check_lines(struct slice whole)
{
    size_t line = 0;
    for (size_t i = 0; i < whole.len; i++) {
        char c = whole.data[i];
        if (c == '\r' || c == '\n') {
            bool crlf = c == '\r' && i + 1 < whole.len && whole.data[i + 1] == '\n';
            CU_ASSERT_TRUE(crlf);
            i += crlf ? 1 : 0;
            line = 0;
        } else {
            CU_ASSERT(++line <= 998);
            CU_ASSERT(c != '\0');
        }
    }
    CU_ASSERT_EQUAL(line, 0);
}

static inline void compose_message(void)
{
    compose_free(t.compose);
    t.err = (struct err){"", ""};
    t.result = compose_new(&t.compose, &t.message, &t.err);
}

/* Composes and pulls; each size of buffer must give the same octets, as many as were told. */
static inline void run(void)
{
    compose_message();
    if (t.result != COMPOSE_OK) {
        fprintf(stderr, "\n%s: %s\n", t.err.field, t.err.text);
        CU_FAIL_FATAL("not composed");
    }
    buf_free(&t.whole);
    buf_init(&t.whole, WHOLE_MAX);
    CU_ASSERT_TRUE(pull(t.compose, 16384, &t.whole));
    CU_ASSERT_EQUAL(compose_size(t.compose), t.whole.len);
    check_lines(buf_slice(&t.whole));
    struct slice section = compose_header_section(t.compose);
    CU_ASSERT(section.len <= t.whole.len && memcmp(section.data, t.whole.data, section.len) == 0);
    CU_ASSERT(section.len > 4 && memcmp(section.data + section.len - 4, "\r\n\r\n", 4) == 0);
}

static inline void check_chunk(size_t chunk)
{
    struct source source = compose_source(t.compose);
    struct buf again;
    buf_init(&again, WHOLE_MAX);
    source.rewind(source.ctx);
    CU_ASSERT_TRUE(pull(t.compose, chunk, &again));
    CU_ASSERT(slice_equal(buf_slice(&again), buf_slice(&t.whole)));
    buf_free(&again);
}

static inline void check_all_chunks(void)
{
    for (size_t chunk = 1; chunk <= 100; chunk++) {
        check_chunk(chunk);
    }
    static const size_t chunks[] = {255, 511,  512,  513,  600,   623,   624,
                                    625, 1000, 4096, 8191, 20000, 65536, 1 << 20};
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        check_chunk(chunks[i]);
    }
}

/* A text of n times a piece, in the arena. */
static inline struct slice times(size_t n, const char *piece)
{
    size_t len = strlen(piece);
    char *text = arena_alloc(&t.arena, n * len + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    for (size_t i = 0; i < n; i++) {
        memcpy(text + i * len, piece, len);
    }
    return (struct slice){text, n * len};
}

/* Composes and expects a refusal of that field. */
static inline void check_refused(const char *refused_field, const char *why)
{
    compose_message();
    bool refused = t.result == COMPOSE_INVALID && t.compose == NULL &&
                   strcmp(t.err.field, refused_field) == 0 && strstr(t.err.text, why) != NULL;
    if (!refused) {
        fprintf(stderr, "\nis %d %s: %s\nnot %s: %s\n", t.result, t.err.field, t.err.text, refused_field,
                why);
    }
    CU_ASSERT_TRUE(refused);
}

static inline struct entity whole(void)
{
    return split(buf_slice(&t.whole));
}

#endif
