#include "smtp/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* Feeds text in pieces of at most piece octets. Returns what was said last; *used counts octets taken. */
static enum reply_status feed_pieces(struct reply *reply, struct slice text, size_t piece, size_t *used)
{
    enum reply_status status = REPLY_MORE;
    *used = 0;
    for (size_t at = 0; at < text.len && status == REPLY_MORE;) {
        size_t len = text.len - at < piece ? text.len - at : piece;
        size_t taken = 0;
        status = reply_feed(reply, text.data + at, len, &taken);
        *used += taken;
        at += len;
    }
    return status;
}

/* The same in two pieces. */
static enum reply_status feed_cut(struct reply *reply, struct slice text, size_t cut, size_t *used)
{
    size_t more = 0;
    enum reply_status status = reply_feed(reply, text.data, cut, used);
    if (status == REPLY_MORE) {
        status = reply_feed(reply, text.data + cut, text.len - cut, &more);
        *used += more;
    }
    return status;
}

struct reply_case {
    struct slice text;
    enum reply_status status;
    int code;
    size_t rest; /* octets behind the reply, which must not be taken */
    const char *enhanced;
    const char *shown;
};

/* A slice as a constant initializer. */
#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        (literal), sizeof(literal) - 1                                                                       \
    }

static const struct reply_case cases[] = {
    {TEXT("220 mail.example ESMTP\r\n"), REPLY_DONE, 220, 0, "", "mail.example ESMTP"},
    {TEXT("250\r\n"), REPLY_DONE, 250, 0, "", ""},
    {TEXT("250\n"), REPLY_DONE, 250, 0, "", ""},
    {TEXT("250 \r\n"), REPLY_DONE, 250, 0, "", ""},
    {TEXT("250 bare line feed\n"), REPLY_DONE, 250, 0, "", "bare line feed"},
    {TEXT("250-one\r\n250-two\n250 three\r\n"), REPLY_DONE, 250, 0, "", "one two three"},
    {TEXT("250-\r\n250-\r\n250\r\n"), REPLY_DONE, 250, 0, "", ""},
    {TEXT("250-one\r\n250\r\n"), REPLY_DONE, 250, 0, "", "one"},
    {TEXT("250 ok\r\n421 bye\r\n"), REPLY_DONE, 250, 9, "", "ok"},
    {TEXT("550 5.1.1 No such user\r\n"), REPLY_DONE, 550, 0, "5.1.1", "No such user"},
    {TEXT("550-5.1.1 No such\r\n550 5.1.1 user\r\n"), REPLY_DONE, 550, 0, "5.1.1", "No such user"},
    {TEXT("250 2.0.0\r\n"), REPLY_DONE, 250, 0, "2.0.0", ""},
    {TEXT("450 4.123.456 late\r\n"), REPLY_DONE, 450, 0, "4.123.456", "late"},
    {TEXT("450 4.1234.4 late\r\n"), REPLY_DONE, 450, 0, "", "4.1234.4 late"},
    {TEXT("450 4.1.1. late\r\n"), REPLY_DONE, 450, 0, "", "4.1.1. late"},
    {TEXT("450 4..1 late\r\n"), REPLY_DONE, 450, 0, "", "4..1 late"},
    {TEXT("550 4.1.1 of another class\r\n"), REPLY_DONE, 550, 0, "", "4.1.1 of another class"},
    {TEXT("354 3.0.0 there is no class 3\r\n"), REPLY_DONE, 354, 0, "", "3.0.0 there is no class 3"},
    {TEXT("599 any code of a class\r\n"), REPLY_DONE, 599, 0, "", "any code of a class"},
    {TEXT("250 a\x1b[31mb\x7f\tc\rd\r\n"), REPLY_DONE, 250, 0, "", "a\\x1b[31mb\\x7f\\x09c\\x0dd"},
    {TEXT("250 \xc3\xbc \xc2\x85 \xff\xc3\r\n"), REPLY_DONE, 250, 0, "", "\xc3\xbc \\xc2\\x85 \\xff\\xc3"},
    {TEXT("250 two\r\r\n"), REPLY_DONE, 250, 0, "", "two\\x0d"},
    {TEXT(""), REPLY_MORE, 0, 0, "", ""},
    {TEXT("250 half"), REPLY_MORE, 0, 0, "", ""},
    {TEXT("250-one\r\n25"), REPLY_MORE, 0, 0, "", ""},
    {TEXT("250\r"), REPLY_MORE, 0, 0, "", ""},
    {TEXT("HTTP/1.1 400 Bad Request\r\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("\x15\x03\x03"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("\r\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("25\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("25 \r\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT(" 250 ok\r\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("150 ok\r\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("650 ok\r\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("2x0 ok\r\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("250:ok\r\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("2500\r\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("250\rok\r\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("250-one\r\n251 two\r\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("250-one\r\n550 two\r\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("250-one\r\n\r\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("250 a\0b\r\n"), REPLY_BROKEN, 0, 0, "", ""},
    {TEXT("2\0"), REPLY_BROKEN, 0, 0, "", ""},
};

static void check_case(const struct reply_case *c, const struct reply *reply, enum reply_status status,
                       size_t used)
{
    struct smtp_reply_view view;
    reply_view(reply, &view);
    bool same = status == c->status && view.code == c->code && strcmp(view.enhanced, c->enhanced) == 0 &&
                strcmp(view.text, c->shown) == 0 && (status != REPLY_DONE || used == c->text.len - c->rest);
    if (!same) {
        printf("\n%.*s: status %d code %d enhanced '%s' text '%s' used %zu\n", SLICE_ARGS(c->text), status,
               view.code, view.enhanced, view.text, used);
    }
    CU_ASSERT(same);
}

static void every_cut(void)
{
    struct reply reply;
    reply_init(&reply);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct reply_case *c = &cases[i];
        size_t used = 0;
        for (size_t cut = 0; cut <= c->text.len; cut++) {
            reply_clear(&reply);
            enum reply_status status = feed_cut(&reply, c->text, cut, &used);
            check_case(c, &reply, status, used);
        }
        for (size_t piece = 1; piece <= 3; piece++) {
            reply_clear(&reply);
            enum reply_status status = feed_pieces(&reply, c->text, piece, &used);
            check_case(c, &reply, status, used);
        }
    }
    reply_free(&reply);
}

/* A broken reply is found at its first wrong octet, not at its line end. */
static void broken_at_once(void)
{
    static const struct {
        const char *text;
        size_t good;
    } table[] = {{"SSH-", 0}, {"2a", 1}, {"25-", 2}, {"250x", 3}, {"250\rx", 4}, {"250-a\r\n251", 9}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct reply reply;
        size_t used = 0;
        reply_init(&reply);
        CU_ASSERT_EQUAL(reply_feed(&reply, table[i].text, table[i].good, &used), REPLY_MORE);
        CU_ASSERT_EQUAL(reply_feed(&reply, table[i].text + table[i].good, 1, &used), REPLY_BROKEN);
        CU_ASSERT_EQUAL(reply_feed(&reply, "250 ok\r\n", 8, &used), REPLY_BROKEN);
        CU_ASSERT_EQUAL(used, 0);
        reply_free(&reply);
    }
}

/* "250 xxx...CRLF" with a line of len octets. */
static enum reply_status feed_line(struct reply *reply, size_t len, const char *line_end, size_t piece)
{
    struct buf text;
    buf_init(&text, 2 * REPLY_LINE_MAX);
    char *line = buf_reserve(&text, len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    memset(line, 'x', len);
    memcpy(line, "250 ", 4);
    text.len += len;
    CU_ASSERT_TRUE_FATAL(buf_append_string(&text, line_end));
    size_t used = 0;
    enum reply_status status = feed_pieces(reply, buf_slice(&text), piece, &used);
    buf_free(&text);
    return status;
}

static void line_limit(void)
{
    CU_ASSERT_EQUAL(REPLY_LINE_MAX, 4096);
    static const struct {
        size_t len;
        const char *line_end;
        enum reply_status status;
    } table[] = {
        {REPLY_LINE_MAX, "\r\n", REPLY_DONE},     {REPLY_LINE_MAX, "\n", REPLY_DONE},
        {REPLY_LINE_MAX, "\r", REPLY_MORE},       {REPLY_LINE_MAX + 1, "\r\n", REPLY_BROKEN},
        {REPLY_LINE_MAX + 1, "\n", REPLY_BROKEN}, {REPLY_LINE_MAX + 1, "", REPLY_BROKEN},
        {REPLY_LINE_MAX, "\r\r\n", REPLY_BROKEN}, {REPLY_LINE_MAX - 1, "\r\r\n", REPLY_DONE},
        {REPLY_LINE_MAX + 500, "", REPLY_BROKEN}, {REPLY_LINE_MAX - 1, "", REPLY_MORE},
    };
    static const size_t pieces[] = {1, 7, 4096, 4097, 4098, 100000};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
            struct reply reply;
            reply_init(&reply);
            CU_ASSERT_EQUAL(feed_line(&reply, table[i].len, table[i].line_end, pieces[p]), table[i].status);
            reply_free(&reply);
        }
    }
}

static void count_limit(void)
{
    CU_ASSERT_EQUAL(REPLY_LINES_MAX, 128);
    for (size_t count = REPLY_LINES_MAX - 1; count <= REPLY_LINES_MAX + 1; count++) {
        struct reply reply;
        size_t used = 0;
        enum reply_status status = REPLY_MORE;
        reply_init(&reply);
        for (size_t i = 1; i < count && status == REPLY_MORE; i++) {
            status = reply_feed(&reply, "250-x\r\n", 7, &used);
        }
        status = status == REPLY_MORE ? reply_feed(&reply, "250 x\r\n", 7, &used) : status;
        CU_ASSERT_EQUAL(status, count <= REPLY_LINES_MAX ? REPLY_DONE : REPLY_BROKEN);
        reply_free(&reply);
    }
}

/* The largest reply that there may be fits the buffer. */
static void largest(void)
{
    struct reply reply;
    reply_init(&reply);
    static char line[REPLY_LINE_MAX + 2];
    memset(line, 'x', REPLY_LINE_MAX);
    memcpy(line + REPLY_LINE_MAX, "\r\n", 2);
    enum reply_status status = REPLY_MORE;
    for (size_t i = 1; i <= REPLY_LINES_MAX; i++) {
        size_t used = 0;
        memcpy(line, i == REPLY_LINES_MAX ? "550 " : "550-", 4);
        CU_ASSERT_EQUAL_FATAL(status, REPLY_MORE);
        status = reply_feed(&reply, line, sizeof line, &used);
        CU_ASSERT_EQUAL(used, sizeof line);
    }
    CU_ASSERT_EQUAL(status, REPLY_DONE);
    struct smtp_reply_view view;
    reply_view(&reply, &view);
    CU_ASSERT_EQUAL(strlen(view.text), sizeof view.text - 1);
    reply_free(&reply);
}

static void lines_one_by_one(void)
{
    struct reply reply;
    struct slice text;
    size_t pos = 0;
    size_t used = 0;
    reply_init(&reply);
    CU_ASSERT_FALSE(reply_next_line(&reply, &pos, &text));
    CU_ASSERT_EQUAL(reply_feed(&reply, "250-a b\r\n250-\r\n250\r\n", 20, &used), REPLY_DONE);
    CU_ASSERT_TRUE(reply_next_line(&reply, &pos, &text) && slice_equal(text, SLICE("a b")));
    CU_ASSERT_TRUE(reply_next_line(&reply, &pos, &text) && text.len == 0);
    CU_ASSERT_TRUE(reply_next_line(&reply, &pos, &text) && text.len == 0);
    CU_ASSERT_FALSE(reply_next_line(&reply, &pos, &text));
    reply_free(&reply);
}

static void quote_text(const char *text, const char *expected)
{
    struct reply reply;
    size_t used = 0;
    char quote[4 * REPLY_QUOTE_MAX + 1];
    reply_init(&reply);
    CU_ASSERT_EQUAL(reply_feed(&reply, text, strlen(text), &used), REPLY_BROKEN);
    reply_quote(&reply, quote, sizeof quote);
    CU_ASSERT_STRING_EQUAL(quote, expected);
    reply_free(&reply);
}

static void quotes(void)
{
    char longer[201] = "";
    char cut[81] = "";
    memset(longer, 'y', 200);
    memset(cut, 'y', 80);
    quote_text(longer, cut);
    quote_text("HTTP/1.1 400 Bad\r\nServer: x\r\n", "HTTP/1.1 400 Bad");
    quote_text("250-a\r\n251 b\x1b\r\n", "251 b\\x1b");
    quote_text("\x16\x03\x01", "\\x16\\x03\\x01");
    quote_text("\r\n", "");
    char umlauts[2 * 100 + 1] = "";
    char cut_umlauts[2 * 80 + 1] = "";
    for (size_t i = 0; i < 100; i++) {
        memcpy(umlauts + 2 * i, "\xc3\xbc", 2);
    }
    memcpy(cut_umlauts, umlauts, sizeof cut_umlauts - 1);
    quote_text(umlauts, cut_umlauts);
}

static void escape_cuts_whole_characters(void)
{
    static const struct {
        size_t cap;
        const char *expected;
    } table[] = {{0, "?"},
                 {1, ""},
                 {2, "a"},
                 {3, "a"},
                 {4, "a\xc3\xbc"},
                 {7, "a\xc3\xbc"},
                 {8, "a\xc3\xbc\\x1b"},
                 {9, "a\xc3\xbc\\x1bz"},
                 {30, "a\xc3\xbc\\x1bz"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char out[32] = "?";
        size_t n = reply_escape(SLICE("a\xc3\xbc\x1bz"), out, table[i].cap);
        CU_ASSERT_STRING_EQUAL(out, table[i].expected);
        CU_ASSERT_EQUAL(n, table[i].cap == 0 ? 0 : strlen(table[i].expected));
    }
}

static void redact_text(const char *text, const char *secret, const char *expected)
{
    struct reply reply;
    size_t used = 0;
    struct smtp_reply_view view;
    reply_init(&reply);
    CU_ASSERT_EQUAL(reply_feed(&reply, text, strlen(text), &used), REPLY_DONE);
    reply_redact(&reply, slice_of(secret));
    reply_view(&reply, &view);
    CU_ASSERT_STRING_EQUAL(view.text, expected);
    reply_free(&reply);
}

static void redacts(void)
{
    redact_text("501 cannot decode AGFiY2RlZg== at all\r\n",
                "AGFiY2RlZg==", "cannot decode ************ at all");
    redact_text("501 cut: AGFiY2Rl\r\n", "AGFiY2RlZg==", "cut: ********");
    redact_text("501 AGFiY2RlZg==AGFiY2RlZg==\r\n", "AGFiY2RlZg==", "************************");
    redact_text("501 AAAAAAAAAAAAA\r\n", "AAAAAAAA", "********AAAAA");
    redact_text("501 too short AGFiY2R\r\n", "AGFiY2RlZg==", "too short AGFiY2R");
    redact_text("501 a word\r\n", "word", "a word");
    redact_text("501 nothing\r\n", "", "nothing");
}

static const struct unit_test tests[] = {
    {"every cut of every case", every_cut},
    {"broken at once", broken_at_once},
    {"limit of a line", line_limit},
    {"limit of lines", count_limit},
    {"the largest reply", largest},
    {"lines one by one", lines_one_by_one},
    {"quotations", quotes},
    {"escaping cuts at whole characters", escape_cuts_whole_characters},
    {"secrets are redacted", redacts},
};

UNIT_SUITE(reply, tests);
