/* Texts and files: their encodings, the tree of parts, what comes back when the message is taken apart. */
#include "compose_run.h"

#include <stdint.h>

#include "mime/media_type.h"

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
    CU_ASSERT_TRUE(is_type(entity, "multipart/alternative"));
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
    CU_ASSERT_TRUE(is_type(entity, "multipart/mixed"));
    struct entity body = part(entity, 0, &count);
    CU_ASSERT_EQUAL(count, 4);
    CU_ASSERT_TRUE(is_type(body, "multipart/alternative"));
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

/* As long as a type may be: not an octet of it is lost. */
static void test_longest_type(void)
{
    size_t count;
    char type[MEDIA_TYPE_MAX + 2];
    memset(type, 'x', sizeof type);
    type[1] = '/';
    for (size_t len = MEDIA_TYPE_MAX; len <= MEDIA_TYPE_MAX + 1; len++) {
        type[len] = '\0';
        begin();
        attach("a", type, SLICE("x"));
        run();
        struct entity file = part(whole(), 0, &count);
        CU_ASSERT_STRING_EQUAL(field(file.header, "Content-Type"),
                               len <= MEDIA_TYPE_MAX ? type : "application/octet-stream");
        type[len] = 'x';
    }
    clean();
}

static void test_files_alone(void)
{
    size_t count;
    begin();
    attach("a.bin", "", SLICE("x"));
    run();
    struct entity entity = whole();
    CU_ASSERT_TRUE(is_type(entity, "multipart/mixed"));
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

static bool fail_to_read(size_t chunk)
{
    struct source source = compose_source(t.compose);
    char octets[1000];
    size_t len = 1;
    bool ok = true;
    source.rewind(source.ctx);
    while (ok && len > 0) {
        ok = source.read(source.ctx, octets, chunk, &len, &t.err);
    }
    return !ok;
}

/* The spill file is cut behind our back: an error, not a wrong message. */
static void test_broken_blob(void)
{
    begin_spilling(0);
    attach("a", "", times(5000, "x"));
    compose_message();
    CU_ASSERT_EQUAL_FATAL(t.result, COMPOSE_OK);
    t.blobs[0].size += 1;
    CU_ASSERT_TRUE(fail_to_read(1000));
    CU_ASSERT_TRUE(fail_to_read(100));
    CU_ASSERT(t.err.text[0] != '\0');
    /* Found at once where the octets are read to choose an encoding. */
    t.files[0].type = SLICE("message/rfc822");
    compose_message();
    CU_ASSERT_EQUAL(t.result, COMPOSE_FAILED);
    t.message.text.content = &t.blobs[0];
    compose_message();
    CU_ASSERT_EQUAL(t.result, COMPOSE_FAILED);
    clean();
}

static const struct unit_test tests[] = {
    {"encodings", test_encodings},
    {"charsets", test_charsets},
    {"alternative", test_alternative},
    {"mixed", test_mixed},
    {"longest type", test_longest_type},
    {"files alone", test_files_alone},
    {"file sizes", test_file_sizes},
    {"types", test_types},
    {"attached messages", test_attached_messages},
    {"broken blob", test_broken_blob},
};

UNIT_SUITE(compose_parts, tests);
