#include "fcgi_smtp/form.h"

#include <stdio.h>

#include "form_run.h"
#include "unit.h"

#define TYPE  SLICE("multipart/form-data; boundary=xyz")
#define CD    "Content-Disposition: form-data; name="
#define OPEN  "--xyz\r\n"
#define NEXT  "\r\n--xyz\r\n"
#define CLOSE "\r\n--xyz--\r\n"

/* A body of one part with these header lines. */
#define PART(header) OPEN header "\r\n\r\nx" CLOSE

struct good {
    const char *body, *fields; /* fields as form_run.h writes them */
};

struct bad {
    const char *body;
    enum form_result result;
    const char *says, *field, *fields;
};

static void check_good(const struct good *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct form_run run = {0};
        struct slice body = slice_of(cases[i].body);
        form_run_body(&run, TYPE, body);
        CU_ASSERT_EQUAL(run.result, FORM_OK);
        CU_ASSERT_STRING_EQUAL(run.err.text, "");
        CU_ASSERT_STRING_EQUAL(buf_cstr(&run.text), cases[i].fields);
        CU_ASSERT(form_run_cuts_agree(&run, TYPE, body));
        form_run_free(&run);
    }
}

static void check_bad(const struct bad *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct form_run run = {.content = 10, .fields = 3};
        struct slice body = slice_of(cases[i].body);
        form_run_body(&run, TYPE, body);
        CU_ASSERT_EQUAL(run.result, cases[i].result);
        CU_ASSERT_PTR_NOT_NULL(strstr(run.err.text, cases[i].says));
        CU_ASSERT_STRING_EQUAL(run.err.field, cases[i].field);
        CU_ASSERT_STRING_EQUAL(buf_cstr(&run.text), cases[i].fields);
        CU_ASSERT(form_run_cuts_agree(&run, TYPE, body));
        form_run_free(&run);
    }
}

static const struct good framing[] = {
    {"--xyz--", ""},
    {"--xyz--\r\n", ""},
    {"\r\n--xyz--\r\n", ""},
    {OPEN CD "a\r\n\r\nb" CLOSE, "a=b\n"},
    {OPEN CD "a\r\n\r\nb\r\n--xyz--", "a=b\n"},
    {OPEN CD "a\r\n\r\nb\r\n--xyz--\n", "a=b\n"},
    {OPEN CD "a\r\n\r\nb" NEXT CD "a\r\n\r\nc" NEXT CD "a\r\n\r\nb" CLOSE, "a=b\na=c\na=b\n"},
    /* preamble and epilogue, which are ignored (RFC 2046 5.1.1) */
    {"hello --xyz\r\n -\r\n--xy\r\n" OPEN CD "a\r\n\r\nb" CLOSE "bye\r\n--xyz\r\n--xyz--" CLOSE, "a=b\n"},
    {"\r\n\r\n\r" NEXT CD "a\r\n\r\nb" CLOSE, "a=b\n"},
    /* transport padding */
    {"--xyz \t \r\n" CD "a\r\n\r\nb\r\n--xyz\t\r\n" CD "c\r\n\r\nd\r\n--xyz-- \t\r\n", "a=b\nc=d\n"},
    {OPEN CD "a\r\n\r\nb\r\n--xyz-- ", "a=b\n"},
    /* contents that look like delimiters for a while */
    {OPEN CD "a\r\n\r\n" CLOSE, "a=\n"},
    {OPEN CD "a\r\n\r\n--xyz--\r\n", "a=\n"}, /* a part without content: RFC 2046's [CRLF *OCTET] */
    {OPEN CD "a\r\n\r\n--xyz\r\n" CD "b\r\n\r\nc" CLOSE, "a=\nb=c\n"},
    {OPEN CD "a\r\n\r\n\r" CLOSE, "a=\\r\n"},
    {OPEN CD "a\r\n\r\n\n" CLOSE, "a=\\n\n"},
    {OPEN CD "a\r\n\r\n\r\n" CLOSE, "a=\\r\\n\n"},
    {OPEN CD "a\r\n\r\n\r\n\r\n" CLOSE, "a=\\r\\n\\r\\n\n"},
    {OPEN CD "a\r\n\r\n\r\r\r" CLOSE, "a=\\r\\r\\r\n"},
    {OPEN CD "a\r\n\r\n\r\n-" CLOSE, "a=\\r\\n-\n"},
    {OPEN CD "a\r\n\r\n\r\n--" CLOSE, "a=\\r\\n--\n"},
    {OPEN CD "a\r\n\r\n\r\n--xy" CLOSE, "a=\\r\\n--xy\n"},
    {OPEN CD "a\r\n\r\n\r\n--xy\r\n--xy" CLOSE, "a=\\r\\n--xy\\r\\n--xy\n"},
    {OPEN CD "a\r\n\r\n\r\n--xY\r--xyz\n--xyz--\r\n--xzz" CLOSE,
     "a=\\r\\n--xY\\r--xyz\\n--xyz--\\r\\n--xzz\n"},
    {OPEN CD "a\r\n\r\n-" CLOSE, "a=-\n"},
    {OPEN CD "a\r\n\r\n--xy" CLOSE, "a=--xy\n"},
    {OPEN CD "a\r\n\r\n--xy\r\n--xy" CLOSE, "a=--xy\\r\\n--xy\n"},
    {OPEN CD "a\r\n\r\n--x--xyz" CLOSE, "a=--x--xyz\n"},
};

static void framing_is_found_however_it_is_cut(void)
{
    check_good(framing, sizeof framing / sizeof framing[0]);
}

static const struct good headers[] = {
    {PART("content-disposition:form-data;name=a"), "a=x\n"},
    {PART("CONTENT-DISPOSITION:\t Form-Data ; Name=\"a\" \t"), "a=x\n"},
    {PART("X-Other: 1\r\n" CD "\"a\"\r\nContent-Length: 99\r\nMIME-Version: 1.0"), "a=x\n"},
    {PART(CD "\"a\"\r\nContent-Type: text/plain"), "a (text/plain)=x\n"},
    {PART("Content-Type: text/plain; charset=\"iso-8859-1\"\r\n" CD "\"a\""),
     "a (text/plain; charset=\"iso-8859-1\") <iso-8859-1>=x\n"},
    {PART(CD "\"a\"\r\nContent-Type:"), "a=x\n"},
    {PART(CD "\"a\"; filename=\"f.txt\"\r\nContent-Type: multipart/mixed"),
     "a@\"f.txt\" (multipart/mixed)=x\n"},
    {PART(CD "\"a\"; filename=f.txt"), "a@\"f.txt\"=x\n"},
    {PART("Content-Disposition: form-data; filename=\"f\"; name=\"a\"; size=3"), "a@\"f\"=x\n"},
    {PART(CD "\"a;b\"; filename=\"c; name=d\""), "a;b@\"c; name=d\"=x\n"},
    {PART("Content-Disposition: form-data;;; name=a;"), "a=x\n"},
    /* transfer encodings that are none */
    {PART(CD "a\r\nContent-Transfer-Encoding: 7bit"), "a=x\n"},
    {PART(CD "a\r\nContent-Transfer-Encoding: 8BIT"), "a=x\n"},
    {PART(CD "a\r\ncontent-transfer-encoding: Binary "), "a=x\n"},
    /* folded */
    {PART("Content-Disposition: form-data;\r\n name=a;\r\n\tfilename=\"f\r\n g\""), "a@\"f   g\"=x\n"},
    {PART("Content-Disposition:\r\n form-data; name=a\r\n  \r\nX: y"), "a=x\n"},
    /* files without a name: kept when there is content, or a name */
    {PART(CD "a; filename=\"\""), "a@\"\"=x\n"},
    {OPEN CD "a; filename=\"\"\r\n\r\n" NEXT CD "b; filename=\"f\"\r\n\r\n" NEXT CD "c\r\n\r\n" CLOSE,
     "b@\"f\"=\nc=\n"},
    {OPEN CD "a; filename=\"\"\r\n\r\n--xyz--\r\n", ""},
    {OPEN CD "a; filename=\r\n\r\n" CLOSE, ""},
    {OPEN CD "a; filename=\"\"; filename*=UTF-8''f\r\n\r\n" CLOSE, "a@\"f\"=\n"},
};

static const struct good names[] = {
    /* as browsers escape */
    {PART(CD "\"a%22b%0D%0ac%0A%0D%0d\"; filename=\"%22\""), "a\"b\\r\\nc\\n\\r\\r@\"\"\"=x\n"},
    {PART(CD "\"%2%20%22%\"; filename=\"100%.txt%2\""), "%2%20\"%@\"100%.txt%2\"=x\n"},
    {PART(CD "a%22; filename=%22"), "a%22@\"%22\"=x\n"}, /* without quotes nothing is escaped */
    {PART(CD "\"a\"; filename=\"C:\\temp\\new.txt\""), "a@\"C:\\temp\\new.txt\"=x\n"},
    {PART(CD "\"a\"; filename=\"C:\\temp\\\""), "a@\"C:\\temp\\\"=x\n"},
    {PART(CD "\"a\"; filename=\"\\\""), "a@\"\\\"=x\n"},
    /* quoted pairs */
    {PART(CD "\"a\\\"b\"; filename=\"\\\"c\\\\d\\\"\""), "a\"b@\"\"c\\d\"\"=x\n"},
    {PART(CD "\"a\"; filename=\"C:\\\\temp\\\\\""), "a@\"C:\\temp\\\"=x\n"},
    /* UTF-8 */
    {PART(CD "\"\xC3\xBC\"; filename=\"\xE2\x82\xAC.txt\""), "\xC3\xBC@\"\xE2\x82\xAC.txt\"=x\n"},
    {PART(CD "\xC3\xBC; filename=\xE2\x82\xAC.txt"), "\xC3\xBC@\"\xE2\x82\xAC.txt\"=x\n"},
    /* RFC 2231, which wins on either side */
    {PART(CD "a; filename*=UTF-8''%e2%82%AC%20b.txt"), "a@\"\xE2\x82\xAC b.txt\"=x\n"},
    {PART(CD "a; filename=\"e.txt\"; filename*=utf-8'en'%E2%82%AC.txt"), "a@\"\xE2\x82\xAC.txt\"=x\n"},
    {PART(CD "a; filename*=utf-8''%E2%82%AC.txt; filename=\"e.txt\""), "a@\"\xE2\x82\xAC.txt\"=x\n"},
    {PART("Content-Disposition: form-data; name*=utf-8''%C3%BC"), "\xC3\xBC=x\n"},
    {PART("Content-Disposition: form-data; name=u; NAME*=\"utf-8''%C3%BC\""), "\xC3\xBC=x\n"},
    {PART(CD "a; filename*=utf-8''"), "a@\"\"=x\n"},
};

static void part_headers_are_read_however_they_are_cut(void)
{
    check_good(headers, sizeof headers / sizeof headers[0]);
    check_good(names, sizeof names / sizeof names[0]);
}

static const struct bad bad_framing[] = {
    {"", FORM_MALFORMED, "No line of the body begins with the boundary", "", ""},
    {"\r\n", FORM_MALFORMED, "Content-Type names, \"xyz\"", "", ""},
    {"--xy", FORM_MALFORMED, "No line", "", ""},
    {"--xyw\r\n" CD "a\r\n\r\nb\r\n--xyw--", FORM_MALFORMED, "No line", "", ""},
    {"a=b&c=d", FORM_MALFORMED, "No line", "", ""},
    {" --xyz--", FORM_MALFORMED, "No line", "", ""},
    {"--xyz", FORM_MALFORMED, "ends in part 1 of the form, before", "", ""},
    {"--xyz-", FORM_MALFORMED, "ends in part 1 of the form, before", "", ""},
    {"--xyz\r", FORM_MALFORMED, "ends in part 1", "", ""},
    {OPEN, FORM_MALFORMED, "ends in part 1", "", ""},
    {OPEN CD "a\r\n", FORM_MALFORMED, "ends in part 1", "", ""},
    {OPEN CD "a\r\n\r\n", FORM_MALFORMED, "ends in part 1 of the form, a, before", "a", ""},
    {OPEN CD "a\r\n\r\nb", FORM_MALFORMED, "ends in part 1 of the form, a, before", "a", ""},
    {OPEN CD "a\r\n\r\nb\r\n--xy", FORM_MALFORMED, "ends in part 1 of the form, a, before", "a", ""},
    {OPEN CD "a\r\n\r\nb\r\n--xyz", FORM_MALFORMED, "ends in part 2 of the form, before", "", "a=b\n"},
    {OPEN CD "a\r\n\r\nb" NEXT, FORM_MALFORMED, "ends in part 2", "", "a=b\n"},
    {OPEN CD "a\r\n\r\nb" NEXT CD "c\r\n\r\nd\n--xyz--", FORM_MALFORMED, "ends in part 2 of the form, c,",
     "c", "a=b\n"},
    {OPEN CD "a\r\n\r\n--xyz" NEXT, FORM_MALFORMED, "ends in part 2 of the form, before", "", "a=\n"},
    {"--xyz\n" CD "a\n\nb\n--xyz--\n", FORM_MALFORMED, "Part 1 of the form: a line ends in LF alone", "", ""},
    {OPEN CD "a\n\r\nb" CLOSE, FORM_MALFORMED, "Part 1 of the form: a line of its header ends in LF alone",
     "", ""},
    {OPEN CD "a\r\n\nb" CLOSE, FORM_MALFORMED, "ends in LF alone", "", ""},
    {"--xyzz--xyz" NEXT CD "a\r\n\r\nb" CLOSE, FORM_MALFORMED,
     "Part 1 of the form: a line begins with the boundary", "", ""},
    {OPEN CD "a\r\n\r\nb\r\n--xyzb" CLOSE, FORM_MALFORMED, "Part 2 of the form: a line begins with", "",
     "a=b\n"},
    {OPEN CD "a\r\n\r\nb\r\n--xyz-b" CLOSE, FORM_MALFORMED, "a line begins with the boundary", "", "a=b\n"},
    {OPEN CD "a\r\n\r\nb\r\n--xyz--b" CLOSE, FORM_MALFORMED, "a line begins with the boundary", "", "a=b\n"},
    {OPEN CD "a\r\n\r\nb\r\n--xyz--\t-", FORM_MALFORMED, "a line begins with the boundary", "", "a=b\n"},
    {"--xyz --\r\n", FORM_MALFORMED, "a line begins with the boundary", "", ""},
    {"--xyz\r\r\n", FORM_MALFORMED, "a line begins with the boundary", "", ""},
};

static const struct bad bad_headers[] = {
    {OPEN "\r\nx" CLOSE, FORM_MALFORMED, "Part 1 of the form: it has no Content-Disposition", "", ""},
    {PART("Content-Type: text/plain"), FORM_MALFORMED, "it has no Content-Disposition", "", ""},
    {PART("Content-Disposition: form-data"), FORM_MALFORMED, "has no name", "", ""},
    {PART("Content-Disposition: form-data; filename=\"f\""), FORM_MALFORMED, "has no name", "", ""},
    {PART("Content-Disposition: attachment; name=a"), FORM_MALFORMED,
     "is \"attachment\"; it has to be form-data", "", ""},
    {PART("Content-Disposition: "), FORM_MALFORMED, "is \"\"; it has to be form-data", "", ""},
    {PART(CD "\"\""), FORM_MALFORMED, "Field 1 of the form has no name", "", ""},
    {PART(CD), FORM_MALFORMED, "Field 1 of the form has no name", "", ""},
    {PART(CD "\"a"), FORM_MALFORMED, "malformed at \"; name=\"a\"", "", ""},
    {PART(CD "\""), FORM_MALFORMED, "are malformed", "", ""},
    {PART(CD "\"a\"b"), FORM_MALFORMED, "are malformed at \"b\"", "a", ""},
    {PART(CD "\"a\\\"; filename=\"b\""), FORM_MALFORMED, "are malformed at \"b\"\"", "a\"; filename=", ""},
    {PART(CD "a b"), FORM_MALFORMED, "are malformed", "a", ""},
    {PART(CD "a; filename=my file.txt"), FORM_MALFORMED, "(\"a\"): the parameters of Content-Disposition",
     "a", ""},
    {PART(CD "a; filename"), FORM_MALFORMED, "are malformed", "a", ""},
    {PART(CD "a; name=a"), FORM_MALFORMED, "name is there twice", "a", ""},
    {PART(CD "a; name*=utf-8''b; name=c"), FORM_MALFORMED, "name is there twice", "b", ""},
    {PART(CD "a; filename=b; filename=b"), FORM_MALFORMED, "filename is there twice", "a", ""},
    {PART(CD "a; filename*=utf-8''b; filename*=utf-8''b"), FORM_MALFORMED, "filename* is there twice", "a",
     ""},
    {PART(CD "a; filename*=iso-8859-1''%FC"), FORM_MALFORMED, "filename* is not UTF-8''...", "a", ""},
    {PART(CD "a; filename*=utf-8'x"), FORM_MALFORMED, "filename* is not", "a", ""},
    {PART(CD "a; filename*=utf-8'"), FORM_MALFORMED, "filename* is not", "a", ""},
    {PART(CD "a; filename*=x"), FORM_MALFORMED, "filename* is not", "a", ""},
    {PART(CD "a; filename*=utf-8''%4"), FORM_MALFORMED, "filename* is not", "a", ""},
    {PART(CD "a; filename*=utf-8''%4z"), FORM_MALFORMED, "filename* is not", "a", ""},
    {PART(CD "a; filename*=utf-8''%00"), FORM_MALFORMED, "The file name of field 1 (\"a\") is not UTF-8", "a",
     ""},
    {PART(CD "a; filename*=utf-8''%FC"), FORM_MALFORMED, "The file name of field 1 (\"a\") is not UTF-8", "a",
     ""},
    {PART(CD "a; filename*0*=utf-8''b; filename*1=c"), FORM_MALFORMED, "comes in pieces (filename*0*)", "a",
     ""},
    {PART(CD "a; filename=\"\xFC\""), FORM_MALFORMED, "The file name of field 1 (\"a\") is not UTF-8", "a",
     ""},
    {PART(CD "\"a\xFC\""), FORM_MALFORMED, "The name of field 1 is not UTF-8", "a?", ""},
    {PART(CD "a\r\nContent-Type: \xFC"), FORM_MALFORMED, "The Content-Type of field 1 (\"a\")", "a", ""},
    {PART(CD "a\r\n" CD "a"), FORM_MALFORMED, "(\"a\"): Content-Disposition is there twice", "a", ""},
    {PART(CD "a\r\nContent-Type: a/b\r\ncontent-type: a/b"), FORM_MALFORMED, "Content-Type is there twice",
     "a", ""},
    {PART(CD "a\r\nContent-Transfer-Encoding: base64"), FORM_MALFORMED,
     "Part 1 of the form (\"a\"): Content-Transfer-Encoding: base64 is not read", "a", ""},
    {PART("Content-Transfer-Encoding: quoted-printable\r\n" CD "a"), FORM_MALFORMED,
     "quoted-printable is not", "", ""},
    {PART(CD "a\r\nContent-Transfer-Encoding:"), FORM_MALFORMED, "send the content as it is", "a", ""},
    {PART(CD "a\r\nContent-Type: Multipart/Mixed; boundary=q"), FORM_MALFORMED,
     "it is a Multipart/Mixed; send each", "a", ""},
    {PART(CD "a\r\nno field"), FORM_MALFORMED, "\"no field\" is no header field", "a", ""},
    {PART(CD "a\r\n: b"), FORM_MALFORMED, "is no header field", "a", ""},
    {PART(CD "a\r\nX : b"), FORM_MALFORMED, "is no header field", "a", ""},
    {PART(CD "a\r\n--xyz"), FORM_MALFORMED, "\"--xyz\" is no header field", "a", ""},
    {PART(" \r\n" CD "a"), FORM_MALFORMED, "is no header field", "", ""},
    {PART(CD "a\rb"), FORM_MALFORMED, "a control character", "", ""},
    {PART(CD "\"a\x01\""), FORM_MALFORMED, "a control character", "", ""},
    {PART(CD "\"a\x7F\""), FORM_MALFORMED, "a control character", "", ""},
};

static const struct bad over_limits[] = {
    {OPEN CD "a\r\n\r\n0123456789" NEXT CD "b\r\n\r\n0123456789\r" CLOSE, FORM_TOO_LARGE,
     "The field \"b\" is larger than the 10 octets", "b", "a=0123456789\n"},
    {OPEN CD "a; filename=f\r\n\r\n01234567890123456789" NEXT CD
             "b; filename=f\r\n\r\n012345678901234567890" CLOSE,
     FORM_TOO_LARGE, "The file of field \"b\" is larger than the 20 octets", "b",
     "a@\"f\"=01234567890123456789\n"},
    {OPEN CD "a\r\n\r\n01234567\r\n--xy" CLOSE, FORM_TOO_LARGE, "The field \"a\"", "a", ""},
    {OPEN CD "a\r\n\r\n" NEXT CD "a; filename=\"\"\r\n\r\n" NEXT CD "a\r\n\r\n" NEXT CD "b\r\n\r\n" CLOSE,
     FORM_TOO_MANY_FIELDS, "more than the 3 fields", "", "a=\na=\n"},
};

static void refusals_say_what_and_which_part(void)
{
    check_bad(bad_framing, sizeof bad_framing / sizeof bad_framing[0]);
    check_bad(bad_headers, sizeof bad_headers / sizeof bad_headers[0]);
    check_bad(over_limits, sizeof over_limits / sizeof over_limits[0]);
}

static void nul_in_a_header_is_refused(void)
{
    static const char body[] = OPEN CD "\"a\0b\"\r\n\r\nx" CLOSE;
    struct form_run run = {0};
    form_run_body(&run, TYPE, SLICE(body));
    CU_ASSERT_EQUAL(run.result, FORM_MALFORMED);
    CU_ASSERT_PTR_NOT_NULL(strstr(run.err.text, "a control character"));
    form_run_free(&run);
}

/* One part with a header of lines "X: y" and a name, or file name, of len octets. */
static enum form_result parse_header(size_t name_len, size_t file_name_len, size_t lines, size_t padding,
                                     const char *says)
{
    static char filler[20000];
    memset(filler, 'n', sizeof filler);
    struct buf body;
    buf_init(&body, 1 << 16);
    bool good = buf_append_string(&body, OPEN);
    for (size_t i = 0; i + 1 < lines; i++) {
        good = good && buf_append_string(&body, "X: y\r\n");
    }
    good = good && buf_printf(&body, CD "\"%.*s\"; filename=\"%.*s\"; x=%.*s\r\n\r\nx" CLOSE, (int)name_len,
                              filler, (int)file_name_len, filler, (int)padding, filler);
    CU_ASSERT_FATAL(good);
    enum form_result result = FORM_OK;
    for (size_t step = 0; step < 3; step++) {
        struct form_run run = {.step = step};
        form_run_body(&run, TYPE, buf_slice(&body));
        CU_ASSERT_EQUAL(run.form.count, run.result == FORM_OK);
        CU_ASSERT_PTR_NOT_NULL(strstr(run.err.text, says));
        result = run.result;
        form_run_free(&run);
    }
    buf_free(&body);
    return result;
}

static void headers_are_bounded(void)
{
    CU_ASSERT_EQUAL(parse_header(256, 1024, 32, 1, ""), FORM_OK);
    CU_ASSERT_EQUAL(parse_header(257, 1, 1, 1, "The name of field 1 is longer than 256 octets"),
                    FORM_MALFORMED);
    CU_ASSERT_EQUAL(parse_header(5000, 1, 1, 1, "The name of field 1 is longer than 256 octets"),
                    FORM_MALFORMED);
    CU_ASSERT_EQUAL(parse_header(1, 1025, 1, 1, "The file name of field 1"), FORM_MALFORMED);
    CU_ASSERT_EQUAL(parse_header(1, 9000, 1, 1, "is longer than 1024 octets"), FORM_MALFORMED);
    CU_ASSERT_EQUAL(parse_header(1, 1, 33, 1, "more than 32 fields"), FORM_MALFORMED);
    size_t fixed = strlen(CD "\"n\"; filename=\"n\"; x=\r\n\r\n");
    CU_ASSERT_EQUAL(parse_header(1, 1, 1, 16384 - fixed, ""), FORM_OK);
    CU_ASSERT_EQUAL(parse_header(1, 1, 1, 16384 - fixed + 1, "header is too long"), FORM_MALFORMED);
    CU_ASSERT_EQUAL(parse_header(1, 1, 1, 19000, "header is too long"), FORM_MALFORMED);
}

/* Delimiters behind contents of every length, so that they fall on every place of a chunk. */
static void boundaries_fall_on_every_offset(void)
{
    static const char *const boundaries[] = {
        "x",
        "-",
        "--",
        "----WebKitFormBoundary7MA4YWxkTrZu0gW",
        "a b",
        "'()+_,-./:=?",
        "0123456789012345678901234567890123456789012345678901234567890123456789",
    };
    for (size_t b = 0; b < sizeof boundaries / sizeof boundaries[0]; b++) {
        for (size_t len = 0; len < 300; len++) {
            static char content[300];
            char type[128];
            memset(content, len % 3 == 0 ? '\r' : len % 3 == 1 ? '-' : 'x', len);
            (void)snprintf(type, sizeof type, "multipart/form-data; boundary=\"%s\"", boundaries[b]);
            struct buf body;
            buf_init(&body, 4096);
            CU_ASSERT_FATAL(buf_printf(&body, "--%s\r\n" CD "a\r\n\r\n.%.*s\r\n--%s--", boundaries[b],
                                       (int)len, content, boundaries[b]));
            struct form_run run = {.step = 1 + len % 128, .first = len / 2};
            form_run_body(&run, slice_of(type), buf_slice(&body));
            CU_ASSERT_EQUAL_FATAL(run.form.count, 1);
            struct slice found;
            CU_ASSERT(blob_view(&run.form.first->content, &found, &run.err));
            CU_ASSERT(found.len == len + 1 && memcmp(found.data + 1, content, len) == 0);
            form_run_free(&run);
            buf_free(&body);
        }
    }
}

static void ten_thousand_parts(void)
{
    struct buf body;
    buf_init(&body, 4 << 20);
    for (int i = 0; i < 10000; i++) {
        CU_ASSERT(buf_printf(&body, OPEN CD "\"k%d\"\r\n\r\n%d\r\n", i, i % 10));
    }
    CU_ASSERT(buf_append_string(&body, "--xyz--\r\n"));
    for (size_t fields = 9999; fields <= 10000; fields++) {
        struct form_run run = {.fields = fields, .step = 4096};
        form_run_body(&run, TYPE, buf_slice(&body));
        CU_ASSERT_EQUAL(run.result, fields == 10000 ? FORM_OK : FORM_TOO_MANY_FIELDS);
        CU_ASSERT_EQUAL(run.form.count, fields);
        size_t i = 0;
        char line[32];
        for (const char *text = buf_cstr(&run.text); i < fields; i++, text += strlen(line)) {
            (void)snprintf(line, sizeof line, "k%zu=%zu\n", i, i % 10);
            if (strncmp(text, line, strlen(line)) != 0) {
                break;
            }
        }
        CU_ASSERT_EQUAL(i, fields);
        form_run_free(&run);
    }
    buf_free(&body);
}

enum filling { FILL_RANDOM, FILL_CR, FILL_CRLF, FILL_PREFIX, FILL_LAST };

static void fill(struct buf *content, enum filling filling, size_t len)
{
    static const char *const units[] = {"", "\r", "\r\n", "\r\n--xy"};
    uint32_t random = 7;
    while (content->len < len) {
        random = random * 1664525 + 1013904223;
        char c = (char)(random >> 24);
        CU_ASSERT_FATAL(filling == FILL_RANDOM ? buf_append_char(content, c)
                                               : buf_append_string(content, units[filling]));
    }
}

static void check_file(const struct buf *content, size_t step, size_t memory)
{
    struct buf body;
    buf_init(&body, 4 << 20);
    CU_ASSERT_FATAL(buf_append_string(&body, OPEN CD "t\r\n\r\nbefore" NEXT CD "f; filename=f\r\n\r\n") &&
                    buf_append_slice(&body, buf_slice(content)) &&
                    buf_append_string(&body, NEXT CD "t\r\n\r\nafter" CLOSE));
    struct form_run run = {.step = step, .memory = memory};
    form_run_body(&run, TYPE, buf_slice(&body));
    CU_ASSERT_EQUAL(run.result, FORM_OK);
    CU_ASSERT_EQUAL_FATAL(run.form.count, 3);
    struct form_field *file = run.form.first->next;
    struct slice found;
    CU_ASSERT(blob_view(&file->content, &found, &run.err));
    CU_ASSERT(slice_equal(found, buf_slice(content)));
    CU_ASSERT_EQUAL(file->content.spilled, memory < content->len);
    CU_ASSERT(blob_view(&run.form.last->content, &found, &run.err));
    CU_ASSERT(slice_equal(found, SLICE("after")));
    form_run_free(&run);
    buf_free(&body);
}

static void large_files_spill_and_stay_whole(void)
{
    static const size_t steps[] = {0, 1021, 16384};
    for (enum filling filling = FILL_RANDOM; filling < FILL_LAST; filling++) {
        struct buf content;
        buf_init(&content, 2 << 20);
        fill(&content, filling, 1 << 20);
        for (size_t i = 0; i < 6; i++) {
            check_file(&content, steps[i % 3], i < 3 ? 1000 : 2 << 20);
        }
        buf_free(&content);
    }
}

static enum form_result parse_with(size_t arena_limit, const char *spill_dir)
{
    struct form_run run = {0};
    arena_init(&run.arena, arena_limit);
    blob_store_init(&run.store, spill_dir, 4);
    const struct form_limits limits = {.fields = 10, .content = form_run_content_limit, .ctx = &run};
    struct form_parser *parser = NULL;
    CU_ASSERT_EQUAL_FATAL(
        form_parser_new(&parser, TYPE, &limits, &run.arena, &run.store, &run.form, &run.err), FORM_OK);
    run.result = form_run_feed(&run, parser, SLICE(PART(CD "a; filename=f") "\r\n"));
    if (run.result == FORM_OK) {
        form_parser_free(parser);
        CU_ASSERT_EQUAL_FATAL(
            form_parser_new(&parser, TYPE, &limits, &run.arena, &run.store, &run.form, &run.err), FORM_OK);
        run.result = form_run_feed(&run, parser, SLICE(OPEN CD "b\r\n\r\n012345" CLOSE));
    }
    CU_ASSERT_EQUAL(run.err.text[0] == '\0', run.result == FORM_OK);
    form_parser_free(parser);
    form_run_free(&run);
    return run.result;
}

static void memory_and_spill_file_can_fail(void)
{
    CU_ASSERT_EQUAL(parse_with(1 << 16, "/tmp"), FORM_OK);
    CU_ASSERT_EQUAL(parse_with(1 << 16, "/nonexistent"), FORM_FAILED);
    CU_ASSERT_EQUAL(parse_with(32, "/tmp"), FORM_FAILED);
}

static const struct unit_test tests[] = {
    {"framing is found however it is cut", framing_is_found_however_it_is_cut},
    {"part headers are read however they are cut", part_headers_are_read_however_they_are_cut},
    {"refusals say what and which part", refusals_say_what_and_which_part},
    {"NUL in a header is refused", nul_in_a_header_is_refused},
    {"headers are bounded", headers_are_bounded},
    {"boundaries fall on every offset", boundaries_fall_on_every_offset},
    {"10,000 parts", ten_thousand_parts},
    {"large files spill and stay whole", large_files_spill_and_stay_whole},
    {"memory and the spill file can fail", memory_and_spill_file_can_fail},
};
UNIT_SUITE(form_multipart, tests);
