/* The writer of header fields, and what the fields' values are made of: file names, types, message ids, dates. */
#include "mime/header.h"

#include <stdlib.h>

#include "header_run.h"
#include "mime/date.h"
#include "mime/file_name.h"
#include "mime/media_type.h"
#include "mime/message_id.h"

static void test_file_names(void)
{
    static const struct {
        const char *name;
        const char *expected;
    } cases[] = {
        {"", "D:\r\n"},
        {"a.pdf", "D:; filename=\"a.pdf\"\r\n"},
        {"a b (1)=.pdf", "D:; filename=\"a b (1)=.pdf\"\r\n"},
        {"a\"b\\.pdf", "D:; filename*=utf-8''a%22b%5C.pdf; filename=\"a_b_.pdf\"\r\n"},
        {"=?utf-8?q?a?=", "D:; filename*=utf-8''%3D%3Futf-8%3Fq%3Fa%3F%3D; filename=\"_?utf-8?q?a?_\"\r\n"},
        {"\xc3\x9c"
         "bersicht.pdf",
         "D:; filename*=utf-8''%C3%9Cbersicht.pdf; filename=\"_bersicht.pdf\"\r\n"},
        {"\x1b.pdf", "D:; filename*=utf-8''%1B.pdf; filename=\"_.pdf\"\r\n"},
        {"1234567890123456789012345678901234567890123456789012345678901.pdf",
         "D:; filename*0*=utf-8''12345678901234567890123456789012345678901234567890123;\r\n"
         " filename*1*=45678901.pdf;\r\n"
         " filename=\"12345678901234567890123456789012345678901234567890123456.pdf\"\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin("D");
        file_name_write(&header, slice_of(cases[i].name));
        CU_ASSERT(is(cases[i].expected));
    }
    begin("D");
    file_name_write(&header, many('x', 1001));
    CU_ASSERT(is_refused("a file name has at most 1000 octets"));
    end();
}

/* Long names of every length: no line over 78, no character split between sections, all octets there in their order. */
static void test_long_file_names(void)
{
    for (size_t len = 1; len <= 500; len += 7) {
        char name[1000];
        for (size_t i = 0; i < len; i++) {
            memcpy(name + 2 * i, "\xc3\xbc", 2);
        }
        begin("Content-Disposition");
        header_word(&header, SLICE("attachment"), "");
        file_name_write(&header, (struct slice){name, 2 * len});
        header_end(&header);
        CU_ASSERT_EQUAL(header.result, COMPOSE_OK);
        size_t found = 0;
        for (char *line = strtok(out.data, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) {
            CU_ASSERT(strlen(line) <= 78);
            for (char *at = strstr(line, "%C3%BC"); at != NULL; at = strstr(at + 6, "%C3%BC")) {
                found++;
            }
        }
        CU_ASSERT_EQUAL(found, len);
    }
    end();
}

static void test_directories(void)
{
    static const char *const cases[][2] = {
        {"a", "a"},
        {"/etc/passwd", "passwd"},
        {"C:\\fake\\a.txt", "a.txt"},
        {"../a", "a"},
        {"a/", ""},
        {"..", ""},
        {"x/..", ""},
        {".", ""},
        {"", ""},
        {".bashrc", ".bashrc"},
        {"...", "..."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice name = file_name_without_directories(slice_of(cases[i][0]));
        CU_ASSERT(slice_equal(name, slice_of(cases[i][1])));
    }
}

static void test_types_of_files(void)
{
    static const char *const cases[][2] = {
        {"a.pdf", "application/pdf"},
        {"A.PDF", "application/pdf"},
        {"a.tar.gz", "application/gzip"},
        {"a.7z", "application/x-7z-compressed"},
        {"a.zst", "application/zstd"},
        {"a.eml", "message/rfc822"},
        {"a", "application/octet-stream"},
        {"", "application/octet-stream"},
        {"a.", "application/octet-stream"},
        {"a.pdf.", "application/octet-stream"},
        {"a.unknown", "application/octet-stream"},
        {"a.averylongextension", "application/octet-stream"},
        {".png", "image/png"},
        {"letter.msg", "application/vnd.ms-outlook"},
        {"clip.3gp", "video/3gpp"},
        {"book.XLSM", "application/vnd.ms-excel.sheet.macroEnabled.12"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT(slice_equal(media_type_of_file(slice_of(cases[i][0])), slice_of(cases[i][1])));
    }
    struct slice with_nul = {"a.pdf\0x", 7};
    CU_ASSERT(slice_equal(media_type_of_file(with_nul), MEDIA_TYPE_OCTETS));
}

static void test_types(void)
{
    static const struct {
        const char *text;
        const char *expected; /* NULL: refused */
    } cases[] = {
        {"text/plain", "text/plain"},
        {" text/plain ", "text/plain"},
        {"text/plain;charset=utf-8", "text/plain charset=utf-8"},
        {"text/plain ; charset=\"utf-8\" ; format=flowed;", "text/plain charset=\"utf-8\" format=flowed"},
        {"a/b; c=\"d;\\\"e\"", "a/b c=\"d;\\\"e\""},
        {"application/vnd.a+xml", "application/vnd.a+xml"},
        {"", NULL},
        {"text", NULL},
        {"text/", NULL},
        {"/plain", NULL},
        {"text /plain", NULL},
        {"text/plain/x", NULL},
        {"text/plain x", NULL},
        {"text/plain; charset", NULL},
        {"text/plain; charset=", NULL},
        {"text/plain; =x", NULL},
        {"text/plain; charset=\"x", NULL},
        {"text/plain; charset=\"x\\", NULL},
        {"text/plain; charset=\"\x01\"", NULL},
        {"text/plain; charset=\"\xc3\xbc\"", NULL},
        {"text/plain; a=b c=d", NULL},
        {"text/plain; a=b; A=c", NULL},
        {"text/plain;;", NULL},
        {"t\xc3\xa4xt/plain", NULL},
        {"text/plain\r\nBcc: x", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct media_type type;
        struct slice name;
        struct slice value;
        char text[200] = "";
        bool ok = media_type_parse(&type, slice_of(cases[i].text));
        CU_ASSERT_EQUAL(ok, cases[i].expected != NULL);
        if (!ok || cases[i].expected == NULL) {
            continue;
        }
        int len = snprintf(text, sizeof text, "%.*s/%.*s", SLICE_ARGS(type.type), SLICE_ARGS(type.subtype));
        while (media_type_next_parameter(&type.parameters, &name, &value)) {
            len += snprintf(text + len, sizeof text - (size_t)len, " %.*s=%.*s", SLICE_ARGS(name),
                            SLICE_ARGS(value));
        }
        CU_ASSERT_STRING_EQUAL(text, cases[i].expected);
    }
    struct media_type type;
    char longest[300];
    memset(longest, 'x', sizeof longest);
    longest[100] = '/';
    CU_ASSERT_TRUE(media_type_parse(&type, (struct slice){longest, 200}));
    CU_ASSERT_FALSE(media_type_parse(&type, (struct slice){longest, 300}));
}

static void test_header_names(void)
{
    static const struct {
        struct slice name;
        bool allowed;
    } cases[] = {
        {TEXT("X-Mailer"), true},
        {TEXT("List-Unsubscribe"), true},
        {TEXT("Precedence"), true},
        {TEXT("!#$%&'*+~"), true},
        {TEXT("Contents"), true},
        {TEXT("Sender-X"), true},
        {TEXT(""), false},
        {TEXT("a b"), false},
        {TEXT("a:"), false},
        {TEXT("a\r\nBcc"), false},
        {TEXT("a\0"), false},
        {TEXT("\xc3\xa4"), false},
        {TEXT("\x7f"), false},
        {TEXT("Bcc"), false},
        {TEXT("bcc"), false},
        {TEXT("BCC"), false},
        {TEXT("From"), false},
        {TEXT("Date"), false},
        {TEXT("Sender"), false},
        {TEXT("Reply-To"), false},
        {TEXT("To"), false},
        {TEXT("Cc"), false},
        {TEXT("Subject"), false},
        {TEXT("Message-ID"), false},
        {TEXT("Message-Id"), false},
        {TEXT("In-Reply-To"), false},
        {TEXT("References"), false},
        {TEXT("MIME-Version"), false},
        {TEXT("mime-version"), false},
        {TEXT("Content-Type"), false},
        {TEXT("content-foo"), false},
        {TEXT("Content-"), false},
        {TEXT("Resent-From"), false},
        {TEXT("Return-Path"), false},
        {TEXT("Received"), false},
        {TEXT("Authentication-Results"), false},
        {TEXT("DKIM-Signature"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        err = (struct err){"", ""};
        CU_ASSERT_EQUAL(compose_header_name_allowed(cases[i].name, &err), cases[i].allowed);
        CU_ASSERT_EQUAL(err.text[0] == '\0', cases[i].allowed);
    }
    CU_ASSERT_TRUE(compose_header_name_allowed(many('x', 76), &err));
    CU_ASSERT_FALSE(compose_header_name_allowed(many('x', 77), &err));
}

static void test_message_ids(void)
{
    static const struct {
        const char *text;
        size_t max;
        bool valid;
    } cases[] = {
        {"<a@b>", 1, true},
        {" <a@b> ", 1, true},
        {"<a.b+c=d@x.example>", 1, true},
        {"<a@[192.0.2.1]>", 1, true},
        {"<a@[IPv6:::1]>", 1, true},
        {"<a@[]>", 1, true},
        {"<a@b> <c@d>", 2, true},
        {"<a@b>\t<c@d>", 2, true},
        {"<a@b><c@d>", 2, true},
        {"<a@b> <c@d>", 1, false},
        {"<a@b>", 0, false},
        {"", 1, false},
        {" ", 1, false},
        {"a@b", 1, false},
        {"<a>", 1, false},
        {"<>", 1, false},
        {"<@b>", 1, false},
        {"<a@>", 1, false},
        {"<a@b", 1, false},
        {"<a@b> x", 2, false},
        {"x <a@b>", 2, false},
        {"<a@b>,<c@d>", 2, false},
        {"<a b@c>", 1, false},
        {"<a@b@c>", 1, false},
        {"<a..b@c>", 1, false},
        {"<a@b.>", 1, false},
        {"<\"a\"@b>", 1, false},
        {"<a@[b>", 1, false},
        {"<a@[b]c]>", 1, false},
        {"<a@[b\\c]>", 1, false},
        {"<a@[b c]>", 1, false},
        {"<a@b\r\n>", 1, false},
        {"<a@b>\r\n", 1, false},
        {"<\xc3\xa4@b>", 1, false},
        {"<a@\xc3\xa4>", 1, false},
        {"<a\x01@b>", 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(compose_message_ids_valid(slice_of(cases[i].text), cases[i].max), cases[i].valid);
    }
    char made[MESSAGE_ID_MAX + 1];
    char other[MESSAGE_ID_MAX + 1];
    CU_ASSERT_TRUE(message_id_make(made, SLICE("web1.example.com"), 1795427280));
    CU_ASSERT_TRUE(message_id_make(other, SLICE("web1.example.com"), 1795427280));
    CU_ASSERT_STRING_NOT_EQUAL(made, other);
    CU_ASSERT_NSTRING_EQUAL(made, "<20261123T094800.", 17);
    CU_ASSERT_STRING_EQUAL(made + 17 + 16, "@web1.example.com>");
    CU_ASSERT_TRUE(compose_message_ids_valid(slice_of(made), 1));
    CU_ASSERT_FALSE(message_id_make(made, many('x', 500), 0));
}

static void test_dates(void)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"Mon, 23 Nov 2026 09:48:00 +0000", true},
        {"23 Nov 2026 09:48:00 +0000", true},
        {"23 Nov 2026 09:48 -0330", true},
        {"Mon, 23 Nov 2026 09:48:60 +0000", true},
        {"mon, 23 nov 2026 09:48:00 +0000", true},
        {"Sun, 1 Mar 2026 00:00:00 +0000", true},
        {"Sun, 01 Mar 2026 00:00:00 +0000", true},
        {" Mon,  23 Nov\t2026 09:48:00 +0000 ", true},
        {"Mon, 23 Nov 2026 09:48:00 +0000 (UTC (really))", true},
        {"Thu, 29 Feb 2024 00:00:00 +0000", true},
        {"Tue, 29 Feb 2000 00:00:00 +0000", true},
        {"Sat, 31 Dec 2005 23:59:59 -1200", true},
        {"Tue, 23 Nov 2026 09:48:00 +0000", false}, /* a Monday */
        {"Mon 23 Nov 2026 09:48:00 +0000", false},
        {"Mon, 23 Nov 2026 09:48:00 GMT", false},
        {"Mon, 23 Nov 2026 09:48:00", false},
        {"Mon, 23 Nov 26 09:48:00 +0000", false},
        {"Mon, 23 November 2026 09:48:00 +0000", false},
        {"23Nov 2026 09:48:00 +0000", false},
        {"23 Nov2026 09:48:00 +0000", false},
        {"0 Nov 2026 09:48:00 +0000", false},
        {"31 Nov 2026 09:48:00 +0000", false},
        {"29 Feb 2026 09:48:00 +0000", false},
        {"29 Feb 1900 09:48:00 +0000", false},
        {"1 Jan 1899 09:48:00 +0000", false},
        {"23 Nov 2026 24:00:00 +0000", false},
        {"23 Nov 2026 9:48:00 +0000", false},
        {"23 Nov 2026 09:60:00 +0000", false},
        {"23 Nov 2026 09:48:61 +0000", false},
        {"23 Nov 2026 09:48: +0000", false},
        {"23 Nov 2026 09:48:00 0000", false},
        {"23 Nov 2026 09:48:00+0000", false},
        {"23 Nov 2026 09:48:00 +000", false},
        {"23 Nov 2026 09:48:00 +00000", false},
        {"23 Nov 2026 09:48:00 +0060", false},
        {"23 Nov 2026 09:48:00 +0000 x", false},
        {"23 Nov 2026 09:48:00 +0000 (x", false},
        {"23 Nov 2026 09:48:00 +0000\r\n", false},
        {"23 Nov 2026 09:48:00 +0000 (\xc3\xa4)", false},
        {"2026-11-23T09:48:00Z", false},
        {"", false},
        {"Mon,", false},
        {"Mo", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (compose_date_valid(slice_of(cases[i].text)) != cases[i].valid) {
            fprintf(stderr, "\n%s\n", cases[i].text);
            CU_FAIL("judged wrongly");
        }
    }
    static const struct {
        time_t time;
        const char *text;
    } made[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 +0000"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 +0000"},
        {1795427280, "Mon, 23 Nov 2026 09:48:00 +0000"},
    };
    char text[DATE_SIZE];
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        CU_ASSERT_TRUE(date_make(text, made[i].time));
        CU_ASSERT_STRING_EQUAL(text, made[i].text);
        CU_ASSERT_TRUE(compose_date_valid(slice_of(text)));
    }
    CU_ASSERT_FALSE(date_make(text, (time_t)1 << 60));
}

static const struct unit_test tests[] = {
    {"file names", test_file_names},
    {"long file names", test_long_file_names},
    {"directories", test_directories},
    {"types of files", test_types_of_files},
    {"types", test_types},
    {"header names", test_header_names},
    {"message ids", test_message_ids},
    {"dates", test_dates},
};

UNIT_SUITE(header_values, tests);
