#include "fcgi_smtp/lines.h"

#include "filter_stream.h"
#include "unit.h"

static struct crlf_encoder crlf;
static struct dot_stuffer stuffer;
static struct dot_unstuffer unstuffer;
static struct line_wrapper wrapper;
static size_t width;

static void crlf_init(void)
{
    crlf_encoder_init(&crlf);
}

static size_t crlf_update(const void *in, size_t len, char *out)
{
    return crlf_encoder_update(&crlf, in, len, out);
}

static size_t crlf_max(size_t len)
{
    return CRLF_ENCODER_UPDATE_MAX(len);
}

static size_t crlf_finish(char *out)
{
    return crlf_encoder_finish(&crlf, out);
}

static size_t no_finish(char *out)
{
    (void)out;
    return 0;
}

static void stuff_init(void)
{
    dot_stuffer_init(&stuffer);
}

static size_t stuff_update(const void *in, size_t len, char *out)
{
    return dot_stuffer_update(&stuffer, in, len, out);
}

static size_t stuff_update_in_place(const void *in, size_t len, char *out)
{
    if (len > 0) {
        memcpy(out, in, len);
    }
    return dot_stuffer_update_in_place(&stuffer, out, len);
}

static size_t stuff_max(size_t len)
{
    return DOT_STUFFER_UPDATE_MAX(len);
}

static size_t stuff_finish(char *out)
{
    return dot_stuffer_finish(&stuffer, out);
}

static void unstuff_init(void)
{
    dot_unstuffer_init(&unstuffer);
}

static size_t unstuff_update(const void *in, size_t len, char *out)
{
    size_t consumed = 0;
    bool ended = dot_unstuffer_ended(&unstuffer);
    size_t written = dot_unstuffer_update(&unstuffer, in, len, out, &consumed);
    CU_ASSERT(consumed == len || dot_unstuffer_ended(&unstuffer));
    CU_ASSERT(!ended || consumed == 0);
    return written;
}

static size_t unstuff_max(size_t len)
{
    return DOT_UNSTUFFER_UPDATE_MAX(len);
}

static void wrap_init(void)
{
    line_wrapper_init(&wrapper, width);
}

static size_t wrap_update(const void *in, size_t len, char *out)
{
    return line_wrapper_update(&wrapper, in, len, out);
}

static size_t wrap_max(size_t len)
{
    return LINE_WRAPPER_UPDATE_MAX(len);
}

static size_t wrap_finish(char *out)
{
    return line_wrapper_finish(&wrapper, out);
}

static const struct filter crlf_only = {crlf_init, crlf_update, crlf_max, no_finish, 0};
static const struct filter crlf_ended = {crlf_init, crlf_update, crlf_max, crlf_finish,
                                         CRLF_ENCODER_FINISH_MAX};
static const struct filter stuff = {stuff_init, stuff_update, stuff_max, no_finish, 0};
static const struct filter stuff_in_place = {stuff_init, stuff_update_in_place, stuff_max, no_finish, 0};
static const struct filter stuff_ended = {stuff_init, stuff_update, stuff_max, stuff_finish,
                                          DOT_STUFFER_FINISH_MAX};
static const struct filter unstuff = {unstuff_init, unstuff_update, unstuff_max, no_finish, 0};
static const struct filter wrap = {wrap_init, wrap_update, wrap_max, wrap_finish, LINE_WRAPPER_FINISH_MAX};

struct pair {
    struct slice in;
    struct slice out;
};

static void check_pairs(const struct filter *filter, const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        filter_check(filter, pairs[i].in, pairs[i].out);
    }
}

#define CHECK_PAIRS(filter, pairs) check_pairs((filter), (pairs), sizeof(pairs) / sizeof((pairs)[0]))

static void test_crlf(void)
{
    static const struct pair pairs[] = {
        {{"", 0}, {"", 0}},
        {{"abc", 3}, {"abc", 3}},
        {{"a\nb\rc\r\nd", 8}, {"a\r\nb\r\nc\r\nd", 10}},
        {{"\n", 1}, {"\r\n", 2}},
        {{"\r", 1}, {"\r\n", 2}},
        {{"\r\n", 2}, {"\r\n", 2}},
        {{"\n\r", 2}, {"\r\n\r\n", 4}},
        {{"\r\r\n\n\r", 5}, {"\r\n\r\n\r\n\r\n", 8}},
        {{"\r\n\r\n", 4}, {"\r\n\r\n", 4}},
        {{"a\0\n\xff", 4}, {"a\0\r\n\xff", 5}},
    };
    CHECK_PAIRS(&crlf_only, pairs);
}

static void test_crlf_finish(void)
{
    static const struct pair pairs[] = {
        {{"", 0}, {"", 0}},         {{"a", 1}, {"a\r\n", 3}},         {{"a\r", 2}, {"a\r\n", 3}},
        {{"a\n", 2}, {"a\r\n", 3}}, {{"a\nb", 3}, {"a\r\nb\r\n", 6}}, {{"\r\n", 2}, {"\r\n", 2}},
    };
    CHECK_PAIRS(&crlf_ended, pairs);
}

/* No bare CR or LF leaves, whatever comes; and what is right already is not changed. */
static void test_crlf_random(void)
{
    uint32_t random = 5321u;
    char in[300];
    struct buf out;
    buf_init(&out, FILTER_OUT_LIMIT);
    for (size_t round = 0; round < 200; round++) {
        size_t len = filter_random(&random) % sizeof in;
        filter_random_text(&random, round % 2 ? SLICE("\r\na") : SLICE("\r\n"), in, len);
        filter_run(&crlf_only, (struct slice){in, len}, 1 + round % 7, &out);
        for (size_t i = 0; i < out.len; i++) {
            CU_ASSERT(out.data[i] != '\r' || (i + 1 < out.len && out.data[i + 1] == '\n'));
            CU_ASSERT(out.data[i] != '\n' || (i > 0 && out.data[i - 1] == '\r'));
        }
        filter_check(&crlf_only, buf_slice(&out), buf_slice(&out));
    }
    buf_free(&out);
}

static void test_dot_stuffing(void)
{
    static const struct pair pairs[] = {
        {{"", 0}, {"", 0}},
        {{".", 1}, {"..", 2}},
        {{"..", 2}, {"...", 3}},
        {{"a.b\r\n", 5}, {"a.b\r\n", 5}},
        {{".\r\n.\r\n", 6}, {"..\r\n..\r\n", 8}},
        {{"a\r\n.b\r\n..c", 10}, {"a\r\n..b\r\n...c", 12}},
        {{"a\n.b", 4}, {"a\n..b", 5}}, /* no reader of a lone LF may see an end */
        {{"a\r.b", 4}, {"a\r.b", 4}},
        {{"\r\n\r\n.", 5}, {"\r\n\r\n..", 6}},
    };
    CHECK_PAIRS(&stuff, pairs);
    CHECK_PAIRS(&stuff_in_place, pairs);
}

static void test_dot_stuffer_end(void)
{
    static const struct pair pairs[] = {
        {{"", 0}, {".\r\n", 3}},         {{"a\r\n", 3}, {"a\r\n.\r\n", 6}},
        {{"a", 1}, {"a\r\n.\r\n", 6}},   {{"\n", 1}, {"\n\r\n.\r\n", 6}},
        {{"\r", 1}, {"\r\r\n.\r\n", 6}}, {{".\r\n", 3}, {"..\r\n.\r\n", 7}},
    };
    CHECK_PAIRS(&stuff_ended, pairs);
    char out[8];
    dot_stuffer_init(&stuffer);
    CU_ASSERT(dot_stuffer_at_line_start(&stuffer));
    dot_stuffer_update(&stuffer, "a\r", 2, out);
    CU_ASSERT_FALSE(dot_stuffer_at_line_start(&stuffer));
    dot_stuffer_update(&stuffer, "\n", 1, out);
    CU_ASSERT(dot_stuffer_at_line_start(&stuffer));
}

static void test_dot_unstuffing(void)
{
    static const struct pair pairs[] = {
        {{"", 0}, {"", 0}},
        {{"..a\r\nb.\r\n", 9}, {".a\r\nb.\r\n", 8}},
        {{".a", 2}, {"a", 1}},
        {{"a\r\n.\r\nQUIT\r\n", 12}, {"a\r\n", 3}},
        {{".\r\nRSET", 7}, {"", 0}},
        {{"a\n.\nb", 5}, {"a\n.\nb", 5}}, /* lone LFs end nothing */
        {{"a\r.\rb", 5}, {"a\r.\rb", 5}},
        {{"a\n.\r\nb", 6}, {"a\n.\r\nb", 6}},
        {{"a\r\n.\nb", 6}, {"a\r\n\nb", 5}},
        {{".\rx", 3}, {"\rx", 2}},
        {{".\r\r\n.\r\nx", 8}, {"\r\r\n", 3}},
        {{"\r\r\n..\r\n.\r\n", 10}, {"\r\r\n.\r\n", 6}},
    };
    CHECK_PAIRS(&unstuff, pairs);
}

static void test_dot_unstuffer_consumed(void)
{
    char out[32];
    size_t consumed = 0;
    dot_unstuffer_init(&unstuffer);
    CU_ASSERT_EQUAL(dot_unstuffer_update(&unstuffer, "a\r\n.\r\nQUIT\r\n", 12, out, &consumed), 3);
    CU_ASSERT_EQUAL(consumed, 6);
    CU_ASSERT(dot_unstuffer_ended(&unstuffer));
}

static void test_dot_round_trip(void)
{
    uint32_t random = 452u;
    char in[400];
    struct buf lines;
    struct buf stuffed;
    struct buf unended;
    buf_init(&unended, FILTER_OUT_LIMIT);
    buf_init(&lines, FILTER_OUT_LIMIT);
    buf_init(&stuffed, FILTER_OUT_LIMIT);
    for (size_t round = 0; round < 60; round++) {
        size_t len = filter_random(&random) % sizeof in;
        filter_random_text(&random, SLICE(".\n\ra"), in, len);
        filter_run(&crlf_ended, (struct slice){in, len}, 0, &lines);
        filter_run(&stuff_ended, buf_slice(&lines), 0, &stuffed);
        filter_check(&stuff_ended, buf_slice(&lines), buf_slice(&stuffed));
        filter_run(&stuff, buf_slice(&lines), 0, &unended);
        filter_check(&stuff_in_place, buf_slice(&lines), buf_slice(&unended));
        CU_ASSERT_FATAL(buf_append_string(&stuffed, "QUIT\r\n"));
        filter_check(&unstuff, buf_slice(&stuffed), buf_slice(&lines));
        CU_ASSERT(dot_unstuffer_ended(&unstuffer));
    }
    buf_free(&lines);
    buf_free(&stuffed);
    buf_free(&unended);
}

static struct line_scanner scan(struct slice in, size_t cut)
{
    struct line_scanner scanner;
    line_scanner_init(&scanner);
    line_scanner_update(&scanner, in.data, cut);
    line_scanner_update(&scanner, NULL, 0);
    line_scanner_update(&scanner, in.data + cut, in.len - cut);
    return scanner;
}

static void test_scanner(void)
{
    static const struct {
        struct slice in;
        uint64_t crlf_octets;
        uint64_t longest;
        uint64_t line;
        bool lone_cr;
        bool lone_lf;
    } cases[] = {
        {{"", 0}, 0, 0, 0, false, false},
        {{"abc", 3}, 3, 3, 3, false, false},
        {{"ab\r\nabc\r\na", 10}, 10, 3, 1, false, false},
        {{"ab\nabc\n", 7}, 9, 3, 0, false, true},
        {{"a\rbc\r", 5}, 7, 2, 0, true, false},
        {{"\r\r\n\n", 4}, 6, 0, 0, true, true},
        {{"\r\n\r\nabcd", 8}, 8, 4, 4, false, false},
        {{"a\r", 2}, 3, 1, 0, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t cut = 0; cut <= cases[i].in.len; cut++) {
            struct line_scanner scanner = scan(cases[i].in, cut);
            CU_ASSERT_EQUAL(scanner.octets, cases[i].in.len);
            CU_ASSERT_EQUAL(scanner.crlf_octets, cases[i].crlf_octets);
            CU_ASSERT_EQUAL(scanner.longest_line, cases[i].longest);
            CU_ASSERT_EQUAL(scanner.line, cases[i].line);
            CU_ASSERT_EQUAL(scanner.has_lone_cr, cases[i].lone_cr);
            CU_ASSERT_EQUAL(scanner.has_lone_lf, cases[i].lone_lf);
            CU_ASSERT_FALSE(scanner.has_nul);
            CU_ASSERT_FALSE(scanner.has_non_ascii);
        }
    }
}

/* The number of a line that is too long, however the text is cut. */
static void test_scanner_lines(void)
{
    static char text[3100];
    static const struct {
        size_t lines[3]; /* octets of each */
        const char *line_end;
        uint64_t long_line;
    } cases[] = {
        {{998, 998, 998}, "\r\n", 0}, {{998, 999, 999}, "\r\n", 2}, {{999, 0, 0}, "\n", 1},
        {{0, 0, 999}, "\r", 3},       {{0, 0, 999}, "\r\n", 3},     {{998, 0, 998}, "\r", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = 0;
        for (size_t k = 0; k < 3; k++) {
            memset(text + len, 'x', cases[i].lines[k]);
            len += cases[i].lines[k];
            strcpy(text + len, k < 2 ? cases[i].line_end : "");
            len += strlen(text + len);
        }
        for (size_t cut = 0; cut <= len; cut++) {
            struct line_scanner scanner = scan((struct slice){text, len}, cut);
            CU_ASSERT_EQUAL(scanner.line_ends, 2);
            CU_ASSERT_EQUAL(scanner.long_line, cases[i].long_line);
        }
    }
}

static void test_scanner_octets(void)
{
    struct slice in = SLICE("ab\n\xc3\xbc\0c\0");
    for (size_t cut = 0; cut <= in.len; cut++) {
        struct line_scanner scanner = scan(in, cut);
        CU_ASSERT(scanner.has_non_ascii);
        CU_ASSERT(scanner.has_nul);
        CU_ASSERT_EQUAL(scanner.nul_offset, 5);
    }
    for (unsigned c = 0; c < 256; c++) {
        char octet = (char)(unsigned char)c;
        struct line_scanner scanner = scan((struct slice){&octet, 1}, 0);
        CU_ASSERT_EQUAL(scanner.has_non_ascii, c > 127);
        CU_ASSERT_EQUAL(scanner.has_nul, c == 0);
        CU_ASSERT_EQUAL(line_scanner_is_7bit(&scanner), c > 0 && c < 128);
    }
}

static void test_scanner_7bit(void)
{
    char in[1002];
    memset(in, 'a', sizeof in);
    struct line_scanner scanner = scan((struct slice){in, 998}, 500);
    CU_ASSERT(line_scanner_is_7bit(&scanner));
    scanner = scan((struct slice){in, 999}, 500);
    CU_ASSERT_FALSE(line_scanner_is_7bit(&scanner));
    in[998] = '\n';
    scanner = scan((struct slice){in, sizeof in}, 998);
    CU_ASSERT(line_scanner_is_7bit(&scanner));
}

/* The scanner counts what the encoder writes. */
static void test_scanner_agrees(void)
{
    uint32_t random = 2049u;
    char in[200];
    struct buf out;
    buf_init(&out, FILTER_OUT_LIMIT);
    for (size_t round = 0; round < 200; round++) {
        size_t len = filter_random(&random) % sizeof in;
        filter_random_text(&random, SLICE("\r\nab"), in, len);
        filter_run(&crlf_only, (struct slice){in, len}, 0, &out);
        struct line_scanner scanner = scan((struct slice){in, len}, len / 2);
        CU_ASSERT_EQUAL(scanner.crlf_octets, out.len);
        CU_ASSERT_EQUAL(scanner.line == 0, out.len == 0 || out.data[out.len - 1] == '\n');
    }
    buf_free(&out);
}

static void test_wrap(void)
{
    static const struct pair pairs[] = {
        {{"", 0}, {"", 0}},
        {{"ab cd ef", 8}, {"ab cd\r\nef", 9}},
        {{"abcdefgh", 8}, {"abcde\r\nfgh", 10}},
        {{"ab\ncd\r\nef\rgh", 12}, {"ab\r\ncd\r\nef\r\ngh", 14}},
        {{"abcde fgh", 9}, {"abcde\r\nfgh", 10}},
        {{"abcde   fgh", 11}, {"abcde\r\nfgh", 10}},
        {{"abcde ", 6}, {"abcde", 5}},
        {{"abcde \n\nx", 9}, {"abcde\r\n\r\nx", 10}},
        {{"ab  cd efg", 10}, {"ab\r\ncd\r\nefg", 11}},
        {{"       x", 8}, {"     \r\n  x", 10}},
        {{" abcdef", 7}, {" abcd\r\nef", 9}},
        {{"a\tbcdef", 7}, {"a\r\nbcdef", 8}},
        {{"abcd\xc3\xbc"
          "e",
          7},
         {"abcd\r\n\xc3\xbc"
          "e",
          9}},
        {{"\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 8}, {"\xf0\x9f\x98\x80\r\n\xf0\x9f\x98\x80", 10}},
        {{"\x80\x80\x80\x80\x80\x80\x80", 7}, {"\x80\x80\x80\x80\x80\r\n\x80\x80", 9}},
        {{"abcde\r\n", 7}, {"abcde\r\n", 7}},
    };
    width = 5;
    CHECK_PAIRS(&wrap, pairs);
}

static void test_wrap_random(void)
{
    static const struct slice alphabets[] = {
        {"ab \n\xc3\xbc", 6}, {" \n\r", 3}, {"a", 1}, {"a ", 2}, {"", 0}};
    uint32_t random = 998u;
    char in[500];
    struct buf out;
    buf_init(&out, FILTER_OUT_LIMIT);
    for (size_t round = 0; round < 60; round++) {
        width = 4 + filter_random(&random) % 40;
        filter_random_text(&random, alphabets[round % 5], in, sizeof in);
        filter_run(&wrap, (struct slice){in, sizeof in}, 0, &out);
        filter_check(&wrap, (struct slice){in, sizeof in}, buf_slice(&out));
        struct line_scanner scanner = scan(buf_slice(&out), 0);
        CU_ASSERT(scanner.longest_line <= width);
        CU_ASSERT_EQUAL(scanner.crlf_octets, out.len);
    }
    buf_free(&out);
}

static void test_wrap_width_is_bounded(void)
{
    char in[3000];
    struct buf out;
    buf_init(&out, FILTER_OUT_LIMIT);
    memset(in, 'a', sizeof in);
    width = SIZE_MAX;
    filter_run(&wrap, (struct slice){in, sizeof in}, 0, &out);
    CU_ASSERT_EQUAL(scan(buf_slice(&out), 0).longest_line, LINE_OCTETS_MAX);
    width = 0;
    filter_run(&wrap, (struct slice){in, sizeof in}, 0, &out);
    CU_ASSERT_EQUAL(scan(buf_slice(&out), 0).longest_line, LINE_WRAPPER_WIDTH_MIN);
    buf_free(&out);
}

static const struct unit_test tests[] = {
    {"CRLF", test_crlf},
    {"CRLF at the end", test_crlf_finish},
    {"no bare CR or LF", test_crlf_random},
    {"dot-stuffing", test_dot_stuffing},
    {"the end of the data", test_dot_stuffer_end},
    {"dot-unstuffing", test_dot_unstuffing},
    {"what follows the end is left", test_dot_unstuffer_consumed},
    {"dots, round trip", test_dot_round_trip},
    {"scanner", test_scanner},
    {"scanner, lines", test_scanner_lines},
    {"scanner, octets", test_scanner_octets},
    {"scanner, 7bit", test_scanner_7bit},
    {"scanner and encoder agree", test_scanner_agrees},
    {"wrap", test_wrap},
    {"wrap random text", test_wrap_random},
    {"the width is bounded", test_wrap_width_is_bounded},
};
UNIT_SUITE(lines, tests);
