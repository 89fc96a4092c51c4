/*
 * A message is composed, pulled in every way, and taken apart again by a small parser of its own that insists on what
 * every message must be: CRLF only, no line over 998, fields well-formed, encoded text what was given.
 */
#include "fcgi_smtp/compose.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/quoted_printable.h"
#include "unit.h"

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

static void clean(void)
{
    compose_free(t.compose);
    blob_store_free(&t.store);
    arena_free(&t.arena);
    buf_free(&t.whole);
    memset(&t, 0, sizeof t);
}

static struct address_list addresses(const char *text)
{
    struct address_list list = {0};
    struct err err;
    if (address_parse(&list, slice_of(text), 100, &t.arena, &err) != ADDRESS_OK) {
        CU_FAIL("a test's address is wrong");
    }
    return list;
}

/* A message from a@from.example to b@to.example, to be completed. */
static struct message *begin_spilling(size_t memory)
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

static struct message *begin(void)
{
    return begin_spilling(MEMORY);
}

static struct blob *blob(struct slice content)
{
    struct blob *blob = &t.blobs[t.blob_count++];
    blob_begin(blob, &t.store);
    CU_ASSERT_TRUE(blob_append(blob, content.data, content.len, NULL));
    return blob;
}

static void attach(const char *name, const char *type, struct slice content)
{
    t.files[t.message.attachment_count++] = (struct message_part){
        .field = "attachment", .content = blob(content), .type = slice_of(type), .file_name = slice_of(name)};
}

static void add_header(struct slice name, struct slice value)
{
    t.headers[t.message.header_count++] = (struct message_header){name, value};
}

/* Pulls everything with buffers of that size behind what out has. */
static bool pull(struct compose *compose, size_t chunk, struct buf *out)
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
static void check_lines(struct slice whole)
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

static void compose_message(void)
{
    compose_free(t.compose);
    t.err = (struct err){"", ""};
    t.result = compose_new(&t.compose, &t.message, &t.err);
}

/* Composes and pulls; each size of buffer must give the same octets, as many as were told. */
static void run(void)
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

static void check_chunk(size_t chunk)
{
    struct source source = compose_source(t.compose);
    struct buf again;
    buf_init(&again, WHOLE_MAX);
    source.rewind(source.ctx);
    CU_ASSERT_TRUE(pull(t.compose, chunk, &again));
    CU_ASSERT(slice_equal(buf_slice(&again), buf_slice(&t.whole)));
    buf_free(&again);
}

static void check_all_chunks(void)
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

/* An entity (RFC 2045 2.4) taken apart: views into the whole. */
struct entity {
    struct slice header;
    struct slice body;
};

static struct entity split(struct slice text)
{
    const char *empty = memmem(text.data, text.len, "\r\n\r\n", 4);
    if (empty == NULL) {
        CU_FAIL("no end of the header section");
        return (struct entity){text, {text.data, 0}};
    }
    size_t header = (size_t)(empty - text.data) + 2;
    size_t body = header + 2;
    return (struct entity){{text.data, header}, {text.data + body, text.len - body}};
}

/* The value of the n-th field of that name, its folds removed; empty if there is none. */
static const char *field_n(struct slice header, const char *name, size_t n)
{
    static char values[8][4096];
    static size_t turn;
    char *value = values[turn++ % 8];
    size_t len = 0;
    bool in_field = false;
    value[0] = '\0';
    while (header.len > 0) {
        const char *end = memmem(header.data, header.len, "\r\n", 2);
        size_t line = (size_t)(end - header.data);
        size_t skip = 0;
        if (header.data[0] != ' ' && header.data[0] != '\t') {
            size_t name_len = strlen(name);
            bool match =
                line > name_len && strncmp(header.data, name, name_len) == 0 && header.data[name_len] == ':';
            in_field = match && n-- == 0;
            skip = name_len + 2;
        }
        if (in_field && line >= skip) {
            memcpy(value + len, header.data + skip, line - skip);
            len += line - skip;
            value[len] = '\0';
        }
        header = (struct slice){end + 2, header.len - line - 2};
    }
    return value;
}

static const char *field(struct slice header, const char *name)
{
    return field_n(header, name, 0);
}

static struct entity whole(void)
{
    return split(buf_slice(&t.whole));
}

/* The n-th part of a multipart; *count the number of parts. Fails where the delimiters are not as they must be. */
static struct entity part(struct entity entity, size_t n, size_t *count)
{
    const char *type = field(entity.header, "Content-Type");
    const char *boundary = strstr(type, "boundary=\"");
    char delimiter[100];
    struct entity found = {{"", 0}, {"", 0}};
    *count = 0;
    if (boundary == NULL || sscanf(boundary, "boundary=\"%60[^\"]", delimiter + 4) != 1) {
        CU_FAIL("no boundary");
        return found;
    }
    CU_ASSERT_NSTRING_EQUAL(delimiter + 4, "=_", 2);
    memcpy(delimiter, "\r\n--", 4);
    size_t len = strlen(delimiter);
    CU_ASSERT(entity.body.len > len && memcmp(entity.body.data, delimiter + 2, len - 2) == 0);
    const char *at = entity.body.data + len - 2;
    const char *end = entity.body.data + entity.body.len;
    while (end - at >= 2 && memcmp(at, "--", 2) != 0) {
        CU_ASSERT(memcmp(at, "\r\n", 2) == 0);
        const char *next = memmem(at, (size_t)(end - at), delimiter, len);
        if (next == NULL) {
            CU_FAIL("no closing delimiter");
            return found;
        }
        if ((*count)++ == n) {
            /* The delimiter's CRLF may be the empty line's own when the body is empty. */
            found = split((struct slice){at + 2, (size_t)(next + 2 - at - 2)});
            found.body.len -= found.body.len >= 2 ? 2 : 0;
        }
        at = next + len;
    }
    return found;
}

/* The body decoded, in a buffer that the next call overwrites. */
static struct slice decoded(struct entity entity)
{
    static char out[1 << 20];
    const char *encoding = field(entity.header, "Content-Transfer-Encoding");
    size_t len = 0;
    if (strcmp(encoding, "base64") == 0) {
        struct base64_decoder decoder;
        base64_decoder_init(&decoder, BASE64_MIME);
        CU_ASSERT_TRUE(base64_decoder_update(&decoder, entity.body.data, entity.body.len, out, &len));
        CU_ASSERT_TRUE(base64_decoder_finish(&decoder));
    } else if (strcmp(encoding, "quoted-printable") == 0) {
        struct quoted_printable_decoder decoder;
        quoted_printable_decoder_init(&decoder);
        len = quoted_printable_decoder_update(&decoder, entity.body.data, entity.body.len, out);
        len += quoted_printable_decoder_finish(&decoder, out + len);
        CU_ASSERT_FALSE(decoder.malformed);
    } else {
        CU_ASSERT_STRING_EQUAL(encoding, "7bit");
        return entity.body;
    }
    return (struct slice){out, len};
}

static bool body_is(struct entity entity, const char *expected)
{
    struct slice body = decoded(entity);
    bool same = slice_equal(body, slice_of(expected));
    if (!same) {
        fprintf(stderr, "\nbody \"%.*s\"\nis not \"%s\"\n", SLICE_ARGS(body), expected);
    }
    return same;
}

/* Composes and expects a refusal of that field. */
static void check_refused(const char *refused_field, const char *why)
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

static void test_whole_text(void)
{
    struct message *message = begin();
    message->message_id = SLICE("<1@x.example>");
    message->subject = SLICE("Hello");
    message->text.content = blob(SLICE("one\ntwo\rthree\r\nfour"));
    run();
    CU_ASSERT_STRING_EQUAL(buf_cstr(&t.whole), "Date: Mon, 23 Nov 2026 09:48:00 +0000\r\n"
                                               "From: Ann <a@from.example>\r\n"
                                               "To: b@to.example\r\n"
                                               "Subject: Hello\r\n"
                                               "Message-ID: <1@x.example>\r\n"
                                               "MIME-Version: 1.0\r\n"
                                               "Content-Type: text/plain; charset=utf-8\r\n"
                                               "Content-Transfer-Encoding: 7bit\r\n"
                                               "\r\n"
                                               "one\r\ntwo\r\nthree\r\nfour\r\n");
    check_all_chunks();
}

static void test_all_fields(void)
{
    static const char *const order[] = {
        "Date",         "From",    "Sender",     "Reply-To",     "To",
        "Cc",           "Subject", "Message-ID", "In-Reply-To",  "References",
        "MIME-Version", "X-One",   "X-Two",      "Content-Type", "Content-Transfer-Encoding"};
    struct message *message = begin();
    message->from = addresses("Ann <a@from.example>, c@from.example");
    message->sender = addresses("s@from.example");
    message->reply_to = addresses("r@from.example, G: x@y;");
    message->cc = addresses("\xc3\x84nn <c@to.example>");
    message->subject = SLICE("Gr\xc3\xbc\xc3\x9f"
                             "e");
    message->message_id = SLICE("<1@x.example>");
    message->in_reply_to = SLICE("<2@x.example>");
    message->references = SLICE("<3@x.example>\t <2@x.example>");
    message->date = SLICE("Sun, 22 Nov 2026 09:48:00 +0100");
    add_header(SLICE("X-One"), SLICE("1"));
    add_header(SLICE("X-Empty"), SLICE(" "));
    add_header(SLICE("X-Two"), SLICE("zw\xc3\xb6lf"));
    run();
    struct entity entity = whole();
    size_t at = 0;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        CU_ASSERT_NSTRING_EQUAL(entity.header.data + at, order[i], strlen(order[i]));
        do {
            const char *end = strstr(entity.header.data + at, "\r\n");
            at = (size_t)(end + 2 - entity.header.data);
        } while (entity.header.data[at] == ' ');
    }
    CU_ASSERT_EQUAL(at, entity.header.len);
    CU_ASSERT_STRING_EQUAL(field(entity.header, "Date"), "Sun, 22 Nov 2026 09:48:00 +0100");
    CU_ASSERT_STRING_EQUAL(field(entity.header, "From"), "Ann <a@from.example>, c@from.example");
    CU_ASSERT_STRING_EQUAL(field(entity.header, "Sender"), "s@from.example");
    CU_ASSERT_STRING_EQUAL(field(entity.header, "Reply-To"), "r@from.example, G: x@y;");
    CU_ASSERT_STRING_EQUAL(field(entity.header, "References"), "<3@x.example> <2@x.example>");
    CU_ASSERT_PTR_NOT_NULL(strstr(field(entity.header, "X-Two"), "=?utf-8?"));
    CU_ASSERT(slice_equal(compose_message_id(t.compose), SLICE("<1@x.example>")));
    check_all_chunks();
}

static void test_made_message_id(void)
{
    struct message *message = begin();
    run();
    struct slice id = compose_message_id(t.compose);
    CU_ASSERT_NSTRING_EQUAL(id.data, "<20261123T094800.", 17);
    CU_ASSERT(slice_equal((struct slice){id.data + id.len - 18, 18}, SLICE("@web1.example.com>")));
    CU_ASSERT(slice_equal(slice_of(field(whole().header, "Message-ID")), id));
    /* Without a dot in the domain: From's. */
    message->domain = SLICE("localhost");
    run();
    CU_ASSERT_PTR_NOT_NULL(strstr(field(whole().header, "Message-ID"), "@from.example>"));
    message->from = addresses("a@[IPv6:::1]");
    message->domain = SLICE("");
    run();
    CU_ASSERT_PTR_NOT_NULL(strstr(field(whole().header, "Message-ID"), "@[IPv6:::1]>"));
    message->domain = SLICE("a.b@c");
    check_refused("message_id", "is no message id");
    clean();
}

static void test_recipients(void)
{
    struct message *message = begin();
    message->to = (struct address_list){0};
    run();
    CU_ASSERT_STRING_EQUAL(field(whole().header, "To"), "undisclosed-recipients:;");
    message->cc = addresses("c@to.example");
    run();
    CU_ASSERT_STRING_EQUAL(field(whole().header, "To"), "");
    CU_ASSERT_STRING_EQUAL(field(whole().header, "Cc"), "c@to.example");
    message->to = addresses("Team: ;");
    message->cc = (struct address_list){0};
    run();
    CU_ASSERT_STRING_EQUAL(field(whole().header, "To"), "Team:;");
    /* A sender alone is the envelope's matter. */
    message->sender = addresses("s@from.example");
    run();
    CU_ASSERT_STRING_EQUAL(field(whole().header, "Sender"), "");
    clean();
}

static void test_smtputf8(void)
{
    const char *utf8_field = NULL;
    struct message *message = begin();
    message->sender = addresses("\xc3\xbc@from.example"); /* not written */
    run();
    CU_ASSERT_FALSE(compose_needs_smtputf8(t.compose, &utf8_field));
    CU_ASSERT_STRING_EQUAL(utf8_field, "");
    message->cc = addresses("X <j\xc3\xbc@to.example>");
    run();
    CU_ASSERT_TRUE(compose_needs_smtputf8(t.compose, &utf8_field));
    CU_ASSERT_STRING_EQUAL(utf8_field, "cc");
    CU_ASSERT_STRING_EQUAL(field(whole().header, "Cc"), "X <j\xc3\xbc@to.example>");
    message->from = addresses("a@b, c@d");
    run();
    CU_ASSERT_TRUE(compose_needs_smtputf8(t.compose, &utf8_field));
    CU_ASSERT_STRING_EQUAL(utf8_field, "sender");
    clean();
}

/* A text of n times a piece, in the arena. */
static struct slice times(size_t n, const char *piece)
{
    size_t len = strlen(piece);
    char *text = arena_alloc(&t.arena, n * len + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    for (size_t i = 0; i < n; i++) {
        memcpy(text + i * len, piece, len);
    }
    return (struct slice){text, n * len};
}

static void test_encodings(void)
{
    struct {
        struct slice text;
        const char *encoding;
    } cases[] = {
        {SLICE(""), "7bit"},
        {SLICE("\r\n"), "7bit"},
        {SLICE("a\x01\x1b\x7f"), "7bit"},
        {SLICE("Gr\xc3\xbc\xc3\x9f"
               "e an alle, die das hier lesen werden, und bis bald\n"),
         "quoted-printable"},
        {SLICE("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\n"), "base64"},
        {SLICE("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"), "base64"},
        {SLICE(" \xc3\xa4 and a space at the end of a line \nand at the end of the text "),
         "quoted-printable"},
        {{NULL, 0}, "7bit"},             /* lines of 998 */
        {{NULL, 0}, "quoted-printable"}, /* of 999 */
        {{NULL, 0}, "base64"},           /* of 999, with many "=" */
        {{NULL, 0}, "base64"},           /* large */
        {{NULL, 0}, "quoted-printable"}, /* large */
    };
    begin();
    cases[7].text = times(1996, "x");
    ((char *)(uintptr_t)cases[7].text.data)[998] = '\n';
    cases[7].text.len = 998 + 1 + 997;
    cases[8].text = times(999, "x");
    cases[9].text = times(999, "=");
    cases[10].text = times(30000, "\xc3\xbc\n");
    cases[11].text = times(3000, "The quick brown f\xc3\xb6x jumps\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int html = 0; html < 2; html++) {
            struct message_part *given = html ? &t.message.html : &t.message.text;
            t.message.text.content = NULL;
            given->content = blob(cases[i].text);
            run();
            struct entity entity = whole();
            CU_ASSERT_STRING_EQUAL(field(entity.header, "Content-Type"),
                                   html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8");
            CU_ASSERT_STRING_EQUAL(field(entity.header, "Content-Transfer-Encoding"), cases[i].encoding);
            /* The text comes back, its line ends as CRLF and the last line ended (but in base64). */
            struct slice body = decoded(entity);
            size_t at = 0;
            for (size_t k = 0; k < cases[i].text.len; k++) {
                char c = cases[i].text.data[k];
                if (c == '\r') {
                    continue;
                }
                if (c == '\n') {
                    CU_ASSERT(at + 1 < body.len && body.data[at] == '\r');
                    at++;
                }
                CU_ASSERT(at < body.len && body.data[at] == c);
                at++;
            }
            size_t rest = body.len - at;
            CU_ASSERT(rest == 0 || (rest == 2 && memcmp(body.data + at, "\r\n", 2) == 0));
            check_chunk(1);
            check_chunk(77);
            check_chunk(100000);
            given->content = NULL;
        }
    }
    clean();
}

static void test_charsets(void)
{
    struct message *message = begin();
    message->text.content = blob(SLICE("Gr\xfc\xdf"
                                       "e \x80\n"));
    message->text.charset = SLICE("windows-1252");
    run();
    CU_ASSERT_TRUE(body_is(whole(), "Gr\xc3\xbc\xc3\x9f"
                                    "e \xe2\x82\xac\r\n"));
    check_all_chunks();
    message->text.content = blob(SLICE("a\0\n\0b\0"));
    message->text.charset = SLICE("UTF-16LE");
    run();
    CU_ASSERT_TRUE(body_is(whole(), "a\r\nb\r\n"));
    check_all_chunks();
    message->text.content = blob(times(20000, "\x93\xfa\x96{"));
    message->text.charset = SLICE("Shift_JIS");
    run();
    struct slice body = decoded(whole());
    CU_ASSERT(body.len >= 120000 && memcmp(body.data + 119994, "\xe6\x97\xa5\xe6\x9c\xac", 6) == 0);
    check_chunk(512);
    check_chunk(4096);
    message->text.charset = SLICE("x-unknown");
    check_refused("text", "the charset \"x-unknown\" is not known");
    message->text.content = blob(SLICE("abc\x80"));
    message->text.charset = SLICE("us-ascii");
    check_refused("text", "octet 4 is not valid in the charset us-ascii");
    message->text.charset = (struct slice){NULL, 0};
    check_refused("text", "octet 4 is not valid in the charset UTF-8");
    message->text.content = blob(SLICE("abc\xc3"));
    check_refused("text", "octet 4 is not valid in the charset UTF-8");
    message->text.content = blob(SLICE("abc\0"));
    check_refused("text", "octet 4 is NUL");
    message->text.content = blob(times(5000, "xxxx"));
    CU_ASSERT_TRUE(blob_append(message->text.content, "\xff", 1, NULL));
    check_refused("text", "octet 20001 is not valid");
    message->text.content = NULL;
    message->html.content = blob(SLICE("<p>\0"));
    check_refused("html", "octet 4 is NUL");
    clean();
}

static void test_alternative(void)
{
    size_t count;
    struct message *message = begin();
    message->text.content = blob(SLICE("text"));
    message->html.content = blob(SLICE("<p>\xc3\xa4\xc3\xb6\xc3\xbc"));
    run();
    struct entity entity = whole();
    CU_ASSERT_NSTRING_EQUAL(field(entity.header, "Content-Type"), "multipart/alternative;", 22);
    CU_ASSERT_STRING_EQUAL(field(entity.header, "Content-Transfer-Encoding"), "");
    CU_ASSERT_STRING_EQUAL(field(part(entity, 0, &count).header, "Content-Type"),
                           "text/plain; charset=utf-8");
    CU_ASSERT_TRUE(body_is(part(entity, 0, &count), "text"));
    CU_ASSERT_STRING_EQUAL(field(part(entity, 1, &count).header, "Content-Type"), "text/html; charset=utf-8");
    CU_ASSERT_TRUE(body_is(part(entity, 1, &count), "<p>\xc3\xa4\xc3\xb6\xc3\xbc"));
    CU_ASSERT_EQUAL(count, 2);
    check_all_chunks();
    clean();
}

static void test_mixed(void)
{
    size_t count;
    struct message *message = begin();
    message->text.content = blob(SLICE("text\n\n"));
    message->html.content = blob(SLICE("<p>html\n"));
    attach("a.pdf", "", SLICE("%PDF\r\n\0\xff\n"));
    attach("", "", SLICE(""));
    attach("C:\\x\\b.TXT", "text/plain; charset=iso-8859-1; name=\"C:\\\\x\"", SLICE("\xe4\n"));
    run();
    struct entity entity = whole();
    CU_ASSERT_NSTRING_EQUAL(field(entity.header, "Content-Type"), "multipart/mixed;", 16);
    struct entity body = part(entity, 0, &count);
    CU_ASSERT_EQUAL(count, 4);
    CU_ASSERT_NSTRING_EQUAL(field(body.header, "Content-Type"), "multipart/alternative;", 22);
    /* part() took a CRLF for the delimiter's, which here was the close-delimiter's line end. */
    body.body.len += 2;
    CU_ASSERT_TRUE(body_is(part(body, 0, &count), "text\r\n\r\n"));
    CU_ASSERT_TRUE(body_is(part(body, 1, &count), "<p>html\r\n"));
    CU_ASSERT_EQUAL(count, 2);
    struct entity file = part(entity, 1, &count);
    CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Type"), "application/pdf");
    CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Disposition"), "attachment; filename=\"a.pdf\"");
    CU_ASSERT(slice_equal(decoded(file), SLICE("%PDF\r\n\0\xff\n")));
    file = part(entity, 2, &count);
    CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Type"), "application/octet-stream");
    CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Disposition"), "attachment");
    CU_ASSERT(decoded(file).len == 0);
    file = part(entity, 3, &count);
    CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Type"), "text/plain; charset=iso-8859-1");
    CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Disposition"), "attachment; filename=\"b.TXT\"");
    CU_ASSERT(slice_equal(decoded(file), SLICE("\xe4\n")));
    check_all_chunks();
    clean();
}

static void test_files_alone(void)
{
    size_t count;
    begin();
    attach("a.bin", "", SLICE("x"));
    run();
    struct entity entity = whole();
    CU_ASSERT_NSTRING_EQUAL(field(entity.header, "Content-Type"), "multipart/mixed;", 16);
    CU_ASSERT(slice_equal(decoded(part(entity, 0, &count)), SLICE("x")));
    CU_ASSERT_EQUAL(count, 1);
    clean();
}

/* Files of every size around a line and a piece, in memory and spilled. */
static void test_file_sizes(void)
{
    static const size_t sizes[] = {0, 1, 2, 3, 56, 57, 58, 113, 114, 115, 14591, 14592, 14593, 29184, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int spilled = 0; spilled < 2; spilled++) {
            size_t count;
            begin_spilling(spilled ? 0 : MEMORY);
            char *content = arena_alloc(&t.arena, sizes[i] + 1);
            CU_ASSERT_PTR_NOT_NULL_FATAL(content);
            for (size_t k = 0; k < sizes[i]; k++) {
                content[k] = (char)(k * 7 + k / 256);
            }
            t.message.text.content = blob(SLICE("see the file"));
            attach("a", "", (struct slice){content, sizes[i]});
            run();
            CU_ASSERT(slice_equal(decoded(part(whole(), 1, &count)), (struct slice){content, sizes[i]}));
            check_chunk(1);
            check_chunk(156);
            check_chunk(511);
            check_chunk(512);
            check_chunk(4000);
            check_chunk(1 << 20);
        }
    }
    clean();
}

static void test_types(void)
{
    static const struct {
        const char *name;
        const char *type;
        const char *expected;
    } cases[] = {
        {"a.png", "", "image/png"},
        {"a.png", "image/jpeg", "image/jpeg"},
        {"dir.png/a", "", "application/octet-stream"},
        {"a.csv", "text/csv; header=present", "text/csv; header=present"},
        {"a", "text/html;charset=\"x y\"", "text/html; charset=\"x y\""},
        {"a", "TEXT/X; Name=a; NAME*=b; name*0=c; names=d", "TEXT/X; names=d"},
        {"a.png", "image", "application/octet-stream"},
        {"a.png", "image/", "application/octet-stream"},
        {"a.png", "image/p\xc3\xa4ng", "application/octet-stream"},
        {"a.mht", "multipart/related; boundary=x", "application/octet-stream"},
        {"a", "Multipart/Mixed", "application/octet-stream"},
        {"a", "message/partial; id=x; number=1", "application/octet-stream"},
        {"a", "message/external-body", "application/octet-stream"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t count;
        begin();
        attach(cases[i].name, cases[i].type, SLICE("x"));
        run();
        struct entity file = part(whole(), 0, &count);
        CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Type"), cases[i].expected);
        CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Transfer-Encoding"), "base64");
    }
    begin();
    attach("a", "text/plain\r\nBcc: x@y", SLICE("x"));
    check_refused("attachment", "octet 11 is a line end or NUL");
    clean();
}

static void test_attached_messages(void)
{
    struct {
        struct slice content;
        const char *as_it_is; /* NULL: in base64 */
    } cases[] = {
        {SLICE("Subject: x\n\nbody\r\r\nend"), "Subject: x\r\n\r\nbody\r\n\r\nend"},
        {SLICE("Subject: x\r\n\r\n"), "Subject: x\r\n\r\n"},
        {SLICE("Subject: x\r\n"), "Subject: x\r\n"},
        {SLICE("Subject: \xc3\xa4\r\n\r\n"), NULL},
        {SLICE("Subject: x\r\n\r\n\0"), NULL},
        {{NULL, 0}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t count;
        begin();
        if (cases[i].content.data == NULL) {
            cases[i].content = times(999, "x");
        }
        attach("a.eml", i % 2 == 0 ? "" : "Message/RFC822", cases[i].content);
        run();
        struct entity file = part(whole(), 0, &count);
        CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Disposition"), "attachment; filename=\"a.eml\"");
        if (cases[i].as_it_is != NULL) {
            CU_ASSERT_EQUAL(strcasecmp(field(file.header, "Content-Type"), "message/rfc822"), 0);
            CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Transfer-Encoding"), "7bit");
            CU_ASSERT_TRUE(body_is(file, cases[i].as_it_is));
        } else {
            CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Type"), "application/octet-stream");
            CU_ASSERT(slice_equal(decoded(file), cases[i].content));
        }
        check_all_chunks();
    }
    clean();
}

static void test_refused_fields(void)
{
    struct message *message = begin();
    message->from = (struct address_list){0};
    check_refused("from", "one or more addresses are needed");
    message->from = addresses("G: a@b;");
    check_refused("from", "no group");
    message->from = addresses("a@b, c@d");
    check_refused("sender", "one sender address");
    message->sender = addresses("a@b, c@d");
    check_refused("sender", "one sender address");
    message = begin();
    message->subject = SLICE("a\r\nBcc: x@y");
    check_refused("subject", "octet 2 is a line end or NUL");
    message->subject = SLICE("a\0");
    check_refused("subject", "octet 2 is a line end or NUL");
    message->subject = SLICE("a\xff");
    check_refused("subject", "octet 2 is not valid UTF-8");
    message = begin();
    message->message_id = SLICE("a@b");
    check_refused("message_id", "\"a@b\" is no message id");
    message->message_id = SLICE("<a@b> <c@d>");
    check_refused("message_id", "is no message id");
    message = begin();
    message->in_reply_to = SLICE("yesterday's mail");
    check_refused("in_reply_to", "is no list of 1 to 256 message ids");
    message = begin();
    message->references = times(257, "<a@b>");
    check_refused("references", "is no list of 1 to 256 message ids");
    message->references = times(256, "<a@b>");
    run();
    message = begin();
    message->date = SLICE("yesterday");
    check_refused("date", "\"yesterday\" is no date like");
    message = begin();
    message->now = (time_t)1 << 60;
    check_refused("date", "no date");
    begin();
    attach("a\nb", "", SLICE("x"));
    check_refused("attachment", "octet 2 is a line end or NUL");
    begin();
    attach("/\nb/a", "", SLICE("x")); /* the directories go, whatever they are */
    run();
    begin();
    attach("\xff", "", SLICE("x"));
    check_refused("attachment", "octet 1 is not valid UTF-8");
    clean();
}

static void test_custom_headers(void)
{
    static const struct {
        const char *value;
        const char *expected;
    } cases[] = {
        {"  a  b ", "a  b"},
        {"<mailto:x@y>, <https://z>", "<mailto:x@y>, <https://z>"},
        {"\xc3\xa4", "=?utf-8?B?w6Q=?="},
        /* Encoded already: as it is, so that the comma stays hidden. */
        {"=?utf-8?q?Lee=2C?= Ann <a@b>", "=?utf-8?q?Lee=2C?= Ann <a@b>"},
        /* Together with what must be encoded: decoded, and encoded once. */
        {"=?utf-8?q?=C3=A4?= \xc3\xa4", "=?utf-8?B?w6Qgw6Q=?="},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        add_header(SLICE("X-A"), slice_of(cases[i].value));
        add_header(SLICE("X-A"), SLICE("again"));
        run();
        CU_ASSERT_STRING_EQUAL(field(whole().header, "X-A"), cases[i].expected);
        CU_ASSERT_STRING_EQUAL(field_n(whole().header, "X-A", 1), "again");
    }
    /* Broken encoded words are text, and text that looks encoded is encoded. */
    begin();
    add_header(SLICE("X-A"), SLICE("=?utf-8?q?=0D=0ABcc:_x?="));
    run();
    CU_ASSERT_PTR_NULL(strstr(field(whole().header, "X-A"), "=0D=0A"));
    begin();
    add_header(SLICE("X-A"), times(100, "word "));
    run();
    begin();
    add_header(SLICE("X-A"), times(900, "x"));
    run();
    CU_ASSERT_EQUAL(strlen(field(whole().header, "X-A")), 900);
    begin();
    add_header(SLICE("X-A"), times(901, "x"));
    check_refused("h:X-A", "a word of 901 octets is too long");
    begin();
    add_header(SLICE("X-A"), SLICE("a\nb"));
    check_refused("h:X-A", "octet 2 is a line end or NUL");
    begin();
    add_header(SLICE("bcc"), SLICE("x@y"));
    check_refused("h:bcc", "not the caller's to set");
    begin();
    add_header(SLICE("X A"), SLICE("x"));
    check_refused("h:X A", "is no header field name");
    begin();
    add_header(SLICE("X-A"), SLICE("\xff"));
    check_refused("h:X-A", "octet 1 is not valid UTF-8");
    clean();
}

/* Everything at once, with long and foreign values: nothing may pass 78 that can be folded. */
static void test_long_fields(void)
{
    struct message *message = begin();
    struct buf list;
    buf_init(&list, MEMORY);
    for (int i = 0; i < 90; i++) {
        CU_ASSERT_TRUE(
            buf_printf(&list, "%sM\xc3\xbcller Nummer %d <mueller%d@example.com>", i > 0 ? ", " : "", i, i));
    }
    message->to = addresses(buf_cstr(&list));
    message->subject = times(200, "Gr\xc3\xbc\xc3\x9f"
                                  "e ");
    message->references = times(50, "<20261123T094800.0123456789abcdef@web1.example.com> ");
    add_header(SLICE("X-Long"), times(300, "word "));
    run();
    buf_free(&list);
    struct slice header = whole().header;
    while (header.len > 0) {
        const char *end = memmem(header.data, header.len, "\r\n", 2);
        size_t line = (size_t)(end - header.data);
        CU_ASSERT(line <= 78);
        header = (struct slice){end + 2, header.len - line - 2};
    }
    check_all_chunks();
    clean();
}

static bool fail_to_read(void)
{
    struct source source = compose_source(t.compose);
    char octets[1000];
    size_t len = 1;
    while (len > 0) {
        if (!source.read(source.ctx, octets, sizeof octets, &len, &t.err)) {
            return true;
        }
    }
    return false;
}

/* The spill file is cut behind our back: an error, not a wrong message. */
static void test_broken_blob(void)
{
    begin_spilling(0);
    attach("a", "", times(5000, "x"));
    compose_message();
    CU_ASSERT_EQUAL_FATAL(t.result, COMPOSE_OK);
    t.blobs[0].size += 1;
    CU_ASSERT_TRUE(fail_to_read());
    CU_ASSERT(t.err.text[0] != '\0');
    t.message.text.content = &t.blobs[0];
    compose_message();
    CU_ASSERT_EQUAL(t.result, COMPOSE_FAILED);
    clean();
}

static const struct unit_test tests[] = {
    {"whole text", test_whole_text},
    {"all fields", test_all_fields},
    {"made message id", test_made_message_id},
    {"recipients", test_recipients},
    {"smtputf8", test_smtputf8},
    {"encodings", test_encodings},
    {"charsets", test_charsets},
    {"alternative", test_alternative},
    {"mixed", test_mixed},
    {"files alone", test_files_alone},
    {"file sizes", test_file_sizes},
    {"types", test_types},
    {"attached messages", test_attached_messages},
    {"refused fields", test_refused_fields},
    {"custom headers", test_custom_headers},
    {"long fields", test_long_fields},
    {"broken blob", test_broken_blob},
};

UNIT_SUITE(compose, tests);
