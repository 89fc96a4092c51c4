#include "fcgi_smtp/encoded_word.h"

#include "filter_stream.h"
#include "unit.h"

enum { LIMIT = 1 << 20 };

static void check_encoded(enum encoded_word_place place, size_t column, struct slice text,
                          struct slice expected)
{
    struct buf out;
    buf_init(&out, LIMIT);
    CU_ASSERT_EQUAL(encoded_word_encode(&out, text, place, &column), ENCODED_WORD_OK);
    CU_ASSERT(slice_equal(buf_slice(&out), expected));
    if (!slice_equal(buf_slice(&out), expected)) {
        fprintf(stderr, "\nexpected %.*s\ngot      %s\n", SLICE_ARGS(expected), buf_cstr(&out));
    }
    buf_free(&out);
}

struct encoding {
    struct slice text;
    struct slice expected;
};

static void check_encodings(enum encoded_word_place place, const struct encoding *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_encoded(place, 9, cases[i].text, cases[i].expected);
    }
}

#define CHECK_ENCODINGS(place, cases) check_encodings((place), (cases), sizeof(cases) / sizeof((cases)[0]))

#define U   "\xc3\xbc"
#define U10 U U U U U U U U U U

static void test_unstructured(void)
{
    const struct encoding cases[] = {
        {SLICE(""), SLICE("")},
        {SLICE("Hello, world: (a) \"b\" <c> ~"), SLICE("Hello, world: (a) \"b\" <c> ~")},
        {SLICE("a  b\tc"), SLICE("a  b\tc")},
        {SLICE("M" U "ller"), SLICE("=?utf-8?Q?M=C3=BCller?=")},
        {SLICE("Re: M" U "ller, Max"), SLICE("Re: =?utf-8?B?TcO8bGxlciw=?= Max")},
        /* the white space between two encoded words is inside */
        {SLICE("a gr" U "n b" U "cher c"), SLICE("a =?utf-8?B?Z3LDvG4gYsO8Y2hlcg==?= c")},
        {SLICE("abcdefghi" U "  " U), SLICE("=?utf-8?B?YWJjZGVmZ2hpw7wgIMO8?=")},
        {SLICE(U " a " U), SLICE("=?utf-8?B?w7w=?= a =?utf-8?B?w7w=?=")},
        /* B when it is the shorter */
        {SLICE("\xe6\x97\xa5\xe6\x9c\xac"), SLICE("=?utf-8?B?5pel5pys?=")},
        {SLICE("=?x"), SLICE("=?utf-8?B?PT94?=")},
        {SLICE("see =?utf-8?Q?a?= there"), SLICE("see =?utf-8?B?PT91dGYtOD9RP2E/PQ==?= there")},
        {SLICE("a=?b c?="), SLICE("=?utf-8?Q?a=3D=3Fb?= c?=")},
        {SLICE("bell\x07 x"), SLICE("=?utf-8?Q?bell=07?= x")},
        {SLICE("del\x7f"), SLICE("=?utf-8?Q?del=7F?=")},
        /* white space at the ends would be lost */
        {SLICE(" a b"), SLICE("=?utf-8?Q?_a?= b")},
        {SLICE("a bcd  "), SLICE("a =?utf-8?Q?bcd__?=")},
        {SLICE("abc_d" U), SLICE("=?utf-8?B?YWJjX2TDvA==?=")},
        {SLICE("  "), SLICE("=?utf-8?Q?__?=")},
        {SLICE("\t"), SLICE("=?utf-8?Q?=09?=")},
    };
    CHECK_ENCODINGS(ENCODED_WORD_UNSTRUCTURED, cases);
}

static void test_phrase(void)
{
    const struct encoding cases[] = {
        {SLICE(""), SLICE("")},
        {SLICE("Max Muster"), SLICE("Max Muster")},
        {SLICE("O'Neil {x}"), SLICE("O'Neil {x}")},
        {SLICE("Muster, Max"), SLICE("\"Muster, Max\"")},
        {SLICE("John Q. Public"), SLICE("\"John Q. Public\"")},
        {SLICE("a \"b\" \\c"), SLICE("\"a \\\"b\\\" \\\\c\"")},
        {SLICE("a  b"), SLICE("\"a  b\"")},
        {SLICE(" a b "), SLICE("\" a b \"")},
        {SLICE("x@example.com"), SLICE("\"x@example.com\"")},
        {SLICE(" "), SLICE("\" \"")},
        {SLICE("Max M" U "ller"), SLICE("Max =?utf-8?Q?M=C3=BCller?=")},
        {SLICE("M" U "ller, Max"), SLICE("=?utf-8?B?TcO8bGxlciw=?= Max")},
        {SLICE("Max  M" U "ller"), SLICE("=?utf-8?Q?Max__M=C3=BCller?=")},
        {SLICE("Max \"M" U "ller\""), SLICE("Max =?utf-8?B?Ik3DvGxsZXIi?=")},
        {SLICE("Dr. Max M" U "ller"), SLICE("=?utf-8?B?RHIu?= Max =?utf-8?Q?M=C3=BCller?=")},
        {SLICE("=?utf-8?Q?a?="), SLICE("=?utf-8?B?PT91dGYtOD9RP2E/PQ==?=")},
        {SLICE("a\tb"), SLICE("=?utf-8?B?YQli?=")},
        {SLICE("a\x01"), SLICE("=?utf-8?Q?a=01?=")},
    };
    CHECK_ENCODINGS(ENCODED_WORD_PHRASE, cases);
}

static void test_refused(void)
{
    const struct {
        struct slice text;
        enum encoded_word_result result;
    } cases[] = {
        {SLICE("a\r\nBcc: x"), ENCODED_WORD_CONTROL}, {SLICE("a\nb"), ENCODED_WORD_CONTROL},
        {SLICE("a\rb"), ENCODED_WORD_CONTROL},        {SLICE("a\0b"), ENCODED_WORD_CONTROL},
        {SLICE("a\xff"), ENCODED_WORD_NOT_UTF8},      {SLICE("\xc3"), ENCODED_WORD_NOT_UTF8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        size_t column = 9;
        buf_init(&out, LIMIT);
        CU_ASSERT_FATAL(buf_append_string(&out, "Subject: "));
        CU_ASSERT_EQUAL(encoded_word_encode(&out, cases[i].text, ENCODED_WORD_UNSTRUCTURED, &column),
                        cases[i].result);
        CU_ASSERT_EQUAL(encoded_word_encode(&out, cases[i].text, ENCODED_WORD_PHRASE, &column),
                        cases[i].result);
        CU_ASSERT_STRING_EQUAL(buf_cstr(&out), "Subject: ");
        CU_ASSERT_EQUAL(column, 9);
        buf_free(&out);
    }
}

static void test_no_room(void)
{
    const struct slice texts[] = {
        SLICE("abc def"),
        SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbb " U10 U10 U10
                  U10 U10 U10 U10),
        SLICE("a, b c")};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t limit = 0;
        enum encoded_word_result result = ENCODED_WORD_NO_ROOM;
        for (; result == ENCODED_WORD_NO_ROOM && limit < 1000; limit++) {
            struct buf out;
            size_t column = 1;
            buf_init(&out, limit + 1);
            CU_ASSERT_FATAL(buf_append_char(&out, 'x'));
            result = encoded_word_encode(&out, texts[i], ENCODED_WORD_PHRASE, &column);
            CU_ASSERT(result == ENCODED_WORD_OK || (out.len == 1 && out.data[1] == '\0' && column == 1));
            CU_ASSERT(result == ENCODED_WORD_NO_ROOM || out.len == limit + 1);
            buf_free(&out);
        }
        CU_ASSERT_EQUAL(result, ENCODED_WORD_OK);
        CU_ASSERT(limit > texts[i].len);
    }
}

/* As a receiver unfolds a field (RFC 5322 2.2.3): CRLF before white space goes. Lines are checked on the way. */
static void check_lines(struct slice encoded, size_t column, size_t end_column, size_t longest)
{
    for (size_t i = 0; i < encoded.len; i++) {
        if (encoded.data[i] == '\r') {
            CU_ASSERT_FATAL(i + 2 < encoded.len && encoded.data[i + 1] == '\n');
            CU_ASSERT(encoded.data[i + 2] == ' ' || encoded.data[i + 2] == '\t');
            column = 0;
            i++;
            continue;
        }
        CU_ASSERT(encoded.data[i] != '\n' && encoded.data[i] != '\0' &&
                  (unsigned char)encoded.data[i] < 0x80);
        column++;
        CU_ASSERT(column <= longest);
    }
    CU_ASSERT_EQUAL(column, end_column);
}

/* Each encoded word on its own: at most 75 octets, and whole characters. */
static void check_words(struct slice encoded)
{
    for (size_t at = 0; at < encoded.len;) {
        size_t len = strcspn(encoded.data + at, " \t\r\n");
        if (len > 2 && memcmp(encoded.data + at, "=?", 2) == 0) {
            struct buf decoded;
            buf_init(&decoded, LIMIT);
            CU_ASSERT(len <= ENCODED_WORD_MAX);
            CU_ASSERT(encoded_word_decode(&decoded, (struct slice){encoded.data + at, len}));
            CU_ASSERT(decoded.len < 2 || memcmp(decoded.data, "=?utf-8", 7) != 0);
            buf_free(&decoded);
        }
        at += len + 1;
    }
}

static void check_round_trip(enum encoded_word_place place, struct slice text, size_t column, size_t longest)
{
    struct buf encoded;
    struct buf decoded;
    size_t end_column = column;
    buf_init(&encoded, LIMIT);
    buf_init(&decoded, LIMIT);
    CU_ASSERT_EQUAL_FATAL(encoded_word_encode(&encoded, text, place, &end_column), ENCODED_WORD_OK);
    check_lines(buf_slice(&encoded), column, end_column, longest);
    check_words(buf_slice(&encoded));
    CU_ASSERT(encoded_word_decode(&decoded, buf_slice(&encoded)));
    bool quoted = place == ENCODED_WORD_PHRASE && encoded.len > 0 && encoded.data[0] == '"';
    if (!quoted) {
        /* A fold before the very first word leaves white space, which is not part of a field's value. */
        buf_consume(&decoded, encoded.len > 0 && encoded.data[0] == '\r' ? 1 : 0);
        CU_ASSERT(slice_equal(buf_slice(&decoded), text));
    }
    buf_free(&encoded);
    buf_free(&decoded);
}

static void test_folding(void)
{
    check_encoded(ENCODED_WORD_UNSTRUCTURED, 9,
                  SLICE("aaaaaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaaaaa aaaaaaa aaaaaaa"),
                  SLICE("aaaaaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaaaaa aaaaaaa\r\n aaaaaaa"));
    /* exactly 76, and one more */
    check_encoded(ENCODED_WORD_UNSTRUCTURED, 70, SLICE("aaa bb"), SLICE("aaa bb"));
    check_encoded(ENCODED_WORD_UNSTRUCTURED, 70, SLICE("aaa bbb"), SLICE("aaa\r\n bbb"));
    check_encoded(ENCODED_WORD_UNSTRUCTURED, 70, SLICE("aaa   bbb"), SLICE("aaa\r\n   bbb"));
    /* no room for an encoded word in the line that the caller began */
    check_encoded(ENCODED_WORD_UNSTRUCTURED, 70, SLICE(U), SLICE("\r\n =?utf-8?B?w7w=?="));
    check_encoded(ENCODED_WORD_UNSTRUCTURED, 200, SLICE(U), SLICE("\r\n =?utf-8?B?w7w=?="));
    /* a word that fits a line is not divided for the sake of the current one */
    check_encoded(ENCODED_WORD_UNSTRUCTURED, 30, SLICE("aaaaaaaaaaaaaaaaaaaaaaaa f" U "nf gr" U "ne"),
                  SLICE("aaaaaaaaaaaaaaaaaaaaaaaa\r\n =?utf-8?B?ZsO8bmYgZ3LDvG5l?="));
    check_encoded(ENCODED_WORD_PHRASE, 60, SLICE("Muster, Max Maria"), SLICE("\"Muster, Max\r\n Maria\""));
}

static void test_column_is_kept(void)
{
    struct buf out;
    size_t column = 6;
    buf_init(&out, LIMIT);
    CU_ASSERT_EQUAL(encoded_word_encode(&out, SLICE("Max Muster"), ENCODED_WORD_PHRASE, &column),
                    ENCODED_WORD_OK);
    CU_ASSERT_EQUAL(column, 16);
    column = 70;
    CU_ASSERT_EQUAL(encoded_word_encode(&out, SLICE("Max Muster"), ENCODED_WORD_PHRASE, &column),
                    ENCODED_WORD_OK);
    CU_ASSERT_EQUAL(column, 7);
    buf_free(&out);
}

/* ASCII that cannot be folded: literal as long as a line allows it, encoded beyond. */
static void test_long_words(void)
{
    char text[5000];
    memset(text, 'a', sizeof text);
    check_encoded(ENCODED_WORD_UNSTRUCTURED, 9, (struct slice){text, 900}, (struct slice){text, 900});
    check_round_trip(ENCODED_WORD_UNSTRUCTURED, (struct slice){text, 900}, 9, 909);
    check_round_trip(ENCODED_WORD_UNSTRUCTURED, (struct slice){text, 901}, 9, HEADER_LINE_FOLD);
    check_round_trip(ENCODED_WORD_UNSTRUCTURED, (struct slice){text, 900}, 99, 99);
    check_round_trip(ENCODED_WORD_PHRASE, (struct slice){text, sizeof text}, 9, HEADER_LINE_FOLD);
    text[0] = ',';
    check_round_trip(ENCODED_WORD_PHRASE, (struct slice){text, 450}, 9, HEADER_LINE_MAX);
    check_round_trip(ENCODED_WORD_PHRASE, (struct slice){text, 451}, 9, HEADER_LINE_FOLD);
    memset(text, ' ', sizeof text);
    text[0] = text[sizeof text - 1] = 'x';
    check_round_trip(ENCODED_WORD_UNSTRUCTURED, (struct slice){text, sizeof text}, 9, HEADER_LINE_FOLD);
    check_round_trip(ENCODED_WORD_PHRASE, (struct slice){text, sizeof text}, 9, HEADER_LINE_FOLD);
    memset(text, '"', sizeof text);
    text[450] = ' ';
    check_round_trip(ENCODED_WORD_PHRASE, (struct slice){text, 901}, 9, HEADER_LINE_MAX);
}

/* Text of characters of 1..4 octets. */
static size_t random_text(uint32_t *random, char *out, size_t count)
{
    static const char *const characters[] = {"a",
                                             "b",
                                             "c",
                                             " ",
                                             " ",
                                             "\t",
                                             "=",
                                             "?",
                                             ",",
                                             "_",
                                             "\"",
                                             "\\",
                                             "\x01",
                                             U,
                                             "\xe2\x82\xac",
                                             "\xf0\x9f\x98\x80"};
    size_t usable = filter_random(random) % 2 ? 5 : sizeof characters / sizeof characters[0];
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        const char *character = characters[(filter_random(random) >> 8) % usable];
        memcpy(out + len, character, strlen(character));
        len += strlen(character);
    }
    return len;
}

static void test_random_texts(void)
{
    uint32_t random = 2047u;
    char text[4 * 300];
    for (size_t round = 0; round < 2000; round++) {
        size_t len = random_text(&random, text, filter_random(&random) % (round % 10 == 0 ? 300 : 30));
        size_t column = filter_random(&random) % 60;
        check_round_trip(ENCODED_WORD_UNSTRUCTURED, (struct slice){text, len}, column, 300);
        check_round_trip(ENCODED_WORD_PHRASE, (struct slice){text, len}, column, 300);
    }
}

/* Every character that must be encoded alone, in both places. */
static void test_every_octet(void)
{
    for (unsigned c = 1; c < 128; c++) {
        char text[3] = {'x', (char)(unsigned char)c, 'y'};
        if (c != '\r' && c != '\n') {
            check_round_trip(ENCODED_WORD_UNSTRUCTURED, (struct slice){text, 3}, 9, HEADER_LINE_FOLD);
            check_round_trip(ENCODED_WORD_PHRASE, (struct slice){text, 3}, 9, HEADER_LINE_FOLD);
        }
    }
}

static void check_decoded(struct slice text, struct slice expected)
{
    struct buf out;
    buf_init(&out, LIMIT);
    CU_ASSERT(encoded_word_decode(&out, text));
    CU_ASSERT(slice_equal(buf_slice(&out), expected));
    if (!slice_equal(buf_slice(&out), expected)) {
        fprintf(stderr, "\nexpected %.*s\ngot      %s\n", SLICE_ARGS(expected), buf_cstr(&out));
    }
    buf_free(&out);
}

/* RFC 2047 8, but for the words in comments, which a structured field's parser hands over one by one. */
static void test_decode_rfc_examples(void)
{
    check_decoded(SLICE("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>"),
                  SLICE("Keith Moore <moore@cs.utk.edu>"));
    check_decoded(SLICE("=?ISO-8859-1?Q?Andr=E9?= Pirard"), SLICE("Andr\xc3\xa9 Pirard"));
    check_decoded(SLICE("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n"
                        " =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?="),
                  SLICE("If you can read this you understand the example."));
    check_decoded(SLICE("=?ISO-8859-1?Q?a?= b"), SLICE("a b"));
    check_decoded(SLICE("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?="), SLICE("ab"));
    check_decoded(SLICE("=?ISO-8859-1?Q?a?=  \r\n\t =?ISO-8859-1?Q?b?="), SLICE("ab"));
    check_decoded(SLICE("=?ISO-8859-1?Q?a_b?="), SLICE("a b"));
    check_decoded(SLICE("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?="), SLICE("a b"));
}

static void test_decode(void)
{
    const struct encoding cases[] = {
        {SLICE(""), SLICE("")},
        {SLICE("plain  text\t"), SLICE("plain  text\t")},
        {SLICE("\xff\0 raw"), SLICE("\xff\0 raw")},
        {SLICE("folded\r\n text\n\there\r\n"), SLICE("folded text\there\r\n")},
        {SLICE("lone\rcr\n\nx\r \r\n"), SLICE("lone\rcr\n\nx\r \r\n")},
        {SLICE("a =?utf-8?q?=c3=bc?= b"), SLICE("a " U " b")},
        {SLICE("=?UTF-8*de?b?w7w=?="), SLICE(U)},
        {SLICE("=?utf-8?Q?\?="), SLICE("")},
        {SLICE("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?="), SLICE("\xe6\x97\xa5\xe6\x9c\xac")},
        /* a character that is split between words, also between B and Q */
        {SLICE("=?utf-8?Q?=C3?= =?UTF-8?Q?=BC?="), SLICE(U)},
        {SLICE("=?utf-8?B?4oI=?=\r\n =?utf-8?B?rA==?="), SLICE("\xe2\x82\xac")},
        {SLICE("=?utf-8?B?ww==?= =?utf-8?Q?=BC?="), SLICE(U)},
        /* a broken word among good ones */
        {SLICE("=?utf-8?Q?a?= =?utf-8?Q?=FF?= =?utf-8?Q?b?= =?utf-8?Q?c?="), SLICE("a =?utf-8?Q?=FF?= bc")},
        {SLICE("=?utf-8?Q?a?= =?utf-8?Q?=F?= =?utf-8?Q?b?="), SLICE("a =?utf-8?Q?=F?= b")},
        {SLICE("x =?utf-8?Q?a?= =?nope?Q?b?= =?utf-8?Q?c?="), SLICE("x a =?nope?Q?b?= c")},
        /* broken words */
        {SLICE("=?utf-8?Q?=ZZ?="), SLICE("=?utf-8?Q?=ZZ?=")},
        {SLICE("=?utf-8?Q?a=?="), SLICE("=?utf-8?Q?a=?=")},
        {SLICE("=?utf-8?B?w7?="), SLICE("=?utf-8?B?w7?=")},
        {SLICE("=?utf-8?B?*?="), SLICE("=?utf-8?B?*?=")},
        {SLICE("=?utf-8?X?a?="), SLICE("=?utf-8?X?a?=")},
        {SLICE("=?utf-8?Q?a"), SLICE("=?utf-8?Q?a")},
        {SLICE("=?utf-8?Q?a?"), SLICE("=?utf-8?Q?a?")},
        {SLICE("=?utf-8?Q?a b?="), SLICE("=?utf-8?Q?a b?=")},
        {SLICE("=?utf-8?Q"), SLICE("=?utf-8?Q")},
        {SLICE("=?utf-8"), SLICE("=?utf-8")},
        {SLICE("=?"), SLICE("=?")},
        {SLICE("=??Q?a?="), SLICE("=??Q?a?=")},
        {SLICE("=?utf-8//IGNORE?Q?a=FF?="), SLICE("=?utf-8//IGNORE?Q?a=FF?=")},
        {SLICE("=?utf-8?Q?a?b?="), SLICE("=?utf-8?Q?a?b?=")},
        {SLICE("x=?utf-8?Q?a?="), SLICE("x=?utf-8?Q?a?=")},
        {SLICE("=?utf-8?Q?a?=x"), SLICE("=?utf-8?Q?a?=x")},
        /* nothing that ends a field gets out of a word */
        {SLICE("=?utf-8?Q?a=0D=0ABcc:_x?="), SLICE("=?utf-8?Q?a=0D=0ABcc:_x?=")},
        {SLICE("=?utf-8?Q?a=00?="), SLICE("=?utf-8?Q?a=00?=")},
        {SLICE("=?utf-16be?B?AA0ACg==?="), SLICE("=?utf-16be?B?AA0ACg==?=")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_decoded(cases[i].text, cases[i].expected);
    }
}

static void test_decode_no_room(void)
{
    for (size_t limit = 1; limit < 8; limit++) {
        struct buf out;
        buf_init(&out, limit);
        CU_ASSERT_FATAL(buf_append_char(&out, 'x'));
        bool fits = encoded_word_decode(&out, SLICE("ab =?latin1?Q?c=FC?="));
        CU_ASSERT_EQUAL(fits, limit >= 7);
        CU_ASSERT_STRING_EQUAL(buf_cstr(&out), fits ? "xab c" U : "x");
        buf_free(&out);
    }
}

/* Many words, of which each spoils the run that it begins: must not take quadratic time. */
static void test_decode_hostile(void)
{
    struct buf text;
    struct buf out;
    buf_init(&text, LIMIT);
    buf_init(&out, LIMIT);
    for (size_t i = 0; i < 20000; i++) {
        CU_ASSERT_FATAL(buf_append_string(&text, i % 2 ? "=?utf-8?Q?=FF?= " : "=?utf-8?Q?a?= "));
    }
    CU_ASSERT(encoded_word_decode(&out, buf_slice(&text)));
    CU_ASSERT(out.len > 0);
    CU_ASSERT(memcmp(out.data, "a =?utf-8?Q?=FF?= a ", 20) == 0);
    buf_free(&text);
    buf_free(&out);
}

static const struct unit_test tests[] = {
    {"unstructured", test_unstructured},
    {"phrase", test_phrase},
    {"refused texts", test_refused},
    {"no room", test_no_room},
    {"folding", test_folding},
    {"the column is kept", test_column_is_kept},
    {"long words", test_long_words},
    {"random texts", test_random_texts},
    {"every octet", test_every_octet},
    {"decode the RFC's examples", test_decode_rfc_examples},
    {"decode", test_decode},
    {"decode, no room", test_decode_no_room},
    {"decode hostile text", test_decode_hostile},
};
UNIT_SUITE(encoded_word, tests);
