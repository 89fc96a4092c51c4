#include "fcgi_smtp/quoted_printable.h"

#include "fcgi_smtp/lines.h"
#include "filter_stream.h"
#include "unit.h"

static struct quoted_printable_encoder encoder;
static struct quoted_printable_decoder decoder;

static void init_text(void)
{
    quoted_printable_encoder_init(&encoder, QUOTED_PRINTABLE_TEXT);
}

static void init_binary(void)
{
    quoted_printable_encoder_init(&encoder, QUOTED_PRINTABLE_BINARY);
}

/* Counts as well as writes: both must agree. */
static size_t encode_update(const void *in, size_t len, char *out)
{
    struct quoted_printable_encoder counter = encoder;
    size_t count = quoted_printable_encoder_update(&counter, in, len, NULL);
    size_t written = quoted_printable_encoder_update(&encoder, in, len, out);
    CU_ASSERT_EQUAL(count, written);
    CU_ASSERT_EQUAL(counter.column, encoder.column);
    return written;
}

static size_t encode_finish(char *out)
{
    struct quoted_printable_encoder counter = encoder;
    size_t count = quoted_printable_encoder_finish(&counter, NULL);
    size_t written = quoted_printable_encoder_finish(&encoder, out);
    CU_ASSERT_EQUAL(count, written);
    return written;
}

static size_t encode_max(size_t len)
{
    return QUOTED_PRINTABLE_ENCODER_UPDATE_MAX(len);
}

static void init_decoder(void)
{
    quoted_printable_decoder_init(&decoder);
}

static size_t decode_update(const void *in, size_t len, char *out)
{
    return quoted_printable_decoder_update(&decoder, in, len, out);
}

static size_t decode_finish(char *out)
{
    return quoted_printable_decoder_finish(&decoder, out);
}

static size_t decode_max(size_t len)
{
    return QUOTED_PRINTABLE_DECODER_UPDATE_MAX(len);
}

static const struct filter text = {init_text, encode_update, encode_max, encode_finish,
                                   QUOTED_PRINTABLE_ENCODER_FINISH_MAX};
static const struct filter binary = {init_binary, encode_update, encode_max, encode_finish,
                                     QUOTED_PRINTABLE_ENCODER_FINISH_MAX};
static const struct filter decode = {init_decoder, decode_update, decode_max, decode_finish,
                                     QUOTED_PRINTABLE_DECODER_FINISH_MAX};

#define A10 "aaaaaaaaaa"
#define A70 A10 A10 A10 A10 A10 A10 A10

static void test_text(void)
{
    static const struct {
        struct slice in;
        struct slice out;
    } cases[] = {
        {{"", 0}, {"", 0}},
        {{"a=b", 3}, {"a=3Db", 5}},
        {{"\xc3\xbc", 2}, {"=C3=BC", 6}},
        {{"\0\x01\x7f\xff", 4}, {"=00=01=7F=FF", 12}},
        {{"a\nb\rc\r\nd", 8}, {"a\r\nb\r\nc\r\nd", 10}},
        {{"\n\n\r\r\r\n\n", 7}, {"\r\n\r\n\r\n\r\n\r\n\r\n", 12}},
        {{"a b\tc", 5}, {"a b\tc", 5}},
        {{"a \nb\t\r\nc ", 9}, {"a=20\r\nb=09\r\nc=20", 16}},
        {{" ", 1}, {"=20", 3}},
        {{"a  \n", 4}, {"a =20\r\n", 7}},
        {{" \xc3 \t\xc3", 5}, {" =C3 \t=C3", 9}},
        {{".\n..\n", 5}, {".\r\n..\r\n", 7}},
        /* lines: 75 is the most before a soft break */
        {{A70 "bbbbb", 75}, {A70 "bbbbb", 75}},
        {{A70 "bbbbbb", 76}, {A70 "bbbbb=\r\nb", 79}},
        {{A70 "bb=", 73}, {A70 "bb=3D", 75}},
        {{A70 "bbb=", 74}, {A70 "bbb=\r\n=3D", 79}},
        {{A70 "bbbb\xc3", 75}, {A70 "bbbb=\r\n=C3", 80}},
        {{A70 "bbbb \n", 76}, {A70 "bbbb=\r\n=20\r\n", 82}},
        {{A70 "bbbbb c", 77}, {A70 "bbbbb=\r\n c", 80}},
        {{A70 "bbbb c", 76}, {A70 "bbbb =\r\nc", 79}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        filter_check(&text, cases[i].in, cases[i].out);
    }
}

static void test_binary(void)
{
    filter_check(&binary, SLICE("a\r\nb \n"), SLICE("a=0D=0Ab =0A"));
    filter_check(&binary, SLICE("\t\r "), SLICE("\t=0D=20"));
}

/* RFC 2045 6.7 rule 5's example of soft line breaks. */
static void test_rfc_example(void)
{
    filter_check(&decode, SLICE("Now's the time =\r\nfor all folk to come=\r\n to the aid of their country."),
                 SLICE("Now's the time for all folk to come to the aid of their country."));
}

static void test_at_line_start(void)
{
    char out[64];
    init_text();
    CU_ASSERT_EQUAL(encoder.column, 0);
    quoted_printable_encoder_update(&encoder, "a", 1, out);
    CU_ASSERT_EQUAL(encoder.column, 1);
    quoted_printable_encoder_update(&encoder, "\n", 1, out);
    CU_ASSERT_EQUAL(encoder.column, 0);
}

static void check_decoded(struct slice in, struct slice out, bool malformed)
{
    char room[QUOTED_PRINTABLE_DECODER_UPDATE_MAX(400)];
    filter_check(&decode, in, out);
    init_decoder();
    decode_update(in.data, in.len, room);
    decode_finish(room);
    CU_ASSERT_EQUAL(decoder.malformed, malformed);
}

static void test_decode(void)
{
    static const struct {
        struct slice in;
        struct slice out;
        bool malformed;
    } cases[] = {
        {{"=C3=bc=3D", 9}, {"\xc3\xbc=", 3}, false},
        {{"a=\r\nb", 5}, {"ab", 2}, false},
        {{"a=\nb", 4}, {"ab", 2}, false},
        {{"a= \t\r\nb", 7}, {"ab", 2}, false},
        {{"a=\rb", 4}, {"ab", 2}, true},
        {{"a \t\r\nb \nc ", 10}, {"a\r\nb\nc", 6}, false},
        {{"a =20\r\n", 7}, {"a  \r\n", 5}, false},
        {{"a=", 2}, {"a", 1}, false},
        {{"a= ", 3}, {"a", 1}, false},
        {{"a=\r", 3}, {"a", 1}, false},
        {{"a=2", 3}, {"a=2", 3}, true},
        {{"=ZZ=2Z==41", 10}, {"=ZZ=2Z=A", 8}, true},
        {{"= x=", 4}, {"= x", 3}, true},
        {{"=2=20", 5}, {"=2 ", 3}, true},
        {{"=  =\r\n", 6}, {"=  ", 3}, true},
        {{"\xc3\xbc", 2}, {"\xc3\xbc", 2}, true},
        {{"a\0", 2}, {"a\0", 2}, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_decoded(cases[i].in, cases[i].out, cases[i].malformed);
    }
}

/* White space at a line's end that is longer than a line can be: kept as far as it does not fit, and bounded. */
static void test_decode_much_space(void)
{
    char in[302];
    memset(in, ' ', sizeof in);
    in[0] = 'a';
    in[301] = '\n';
    struct slice kept = {in, 1 + 300 / QUOTED_PRINTABLE_SPACE_MAX * QUOTED_PRINTABLE_SPACE_MAX};
    char expected[302];
    memcpy(expected, kept.data, kept.len);
    expected[kept.len] = '\n';
    check_decoded((struct slice){in, sizeof in}, (struct slice){expected, kept.len + 1}, true);
    in[0] = '=';
    in[301] = 'x';
    check_decoded((struct slice){in, sizeof in}, (struct slice){in, sizeof in}, true);
}

/* What must hold of every encoded text. */
static void check_lines(struct slice encoded)
{
    size_t column = 0;
    for (size_t i = 0; i < encoded.len; i++) {
        char c = encoded.data[i];
        bool line_end = c == '\r';
        if (line_end) {
            CU_ASSERT_FATAL(i + 1 < encoded.len && encoded.data[i + 1] == '\n');
            CU_ASSERT(i == 0 || (encoded.data[i - 1] != ' ' && encoded.data[i - 1] != '\t'));
            i++;
        }
        CU_ASSERT(line_end || (c >= ' ' && c <= '~') || c == '\t');
        column = line_end ? 0 : column + 1;
        CU_ASSERT(column <= QUOTED_PRINTABLE_LINE_CHARS);
    }
    CU_ASSERT(encoded.len == 0 || encoded.data[encoded.len - 1] != ' ');
}

static void normalise(struct slice in, struct buf *out)
{
    struct crlf_encoder crlf;
    crlf_encoder_init(&crlf);
    buf_clear(out);
    char *room = buf_reserve(out, CRLF_ENCODER_UPDATE_MAX(in.len));
    CU_ASSERT_FATAL(room != NULL);
    out->len = crlf_encoder_update(&crlf, in.data, in.len, room);
}

static void check_round_trip(struct slice in)
{
    struct buf encoded;
    struct buf expected;
    buf_init(&encoded, FILTER_OUT_LIMIT);
    buf_init(&expected, FILTER_OUT_LIMIT);
    filter_run(&text, in, 0, &encoded);
    filter_check(&text, in, buf_slice(&encoded));
    check_lines(buf_slice(&encoded));
    normalise(in, &expected);
    filter_check(&decode, buf_slice(&encoded), buf_slice(&expected));
    CU_ASSERT_FALSE(decoder.malformed);
    filter_run(&binary, in, 0, &encoded);
    filter_check(&binary, in, buf_slice(&encoded));
    check_lines(buf_slice(&encoded));
    filter_check(&decode, buf_slice(&encoded), in);
    CU_ASSERT_FALSE(decoder.malformed);
    buf_free(&encoded);
    buf_free(&expected);
}

static void test_round_trip(void)
{
    static const struct slice alphabets[] = {{"", 0},   {"ab \t\n\r", 6}, {"a=\xc3\n", 4},
                                             {" a", 2}, {"\r\n", 2},      {"abcdefghij \xc3\n", 13}};
    uint32_t random = 45067u;
    char in[700];
    for (size_t i = 0; i < 40; i++) {
        size_t len = filter_random(&random) % sizeof in;
        filter_random_text(&random, alphabets[i % 6], in, len);
        check_round_trip((struct slice){in, len});
    }
    for (unsigned i = 0; i < 256; i++) {
        in[i] = (char)(unsigned char)i;
    }
    check_round_trip((struct slice){in, 256});
}

static const struct unit_test tests[] = {
    {"text mode", test_text},
    {"binary mode", test_binary},
    {"the RFC's example", test_rfc_example},
    {"the column tells an ended line", test_at_line_start},
    {"decode", test_decode},
    {"decode much space", test_decode_much_space},
    {"round trip", test_round_trip},
};
UNIT_SUITE(quoted_printable, tests);
