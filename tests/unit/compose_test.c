/* The header section: its fields, their order, what is refused. */
#include "compose_run.h"

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
    message->domain = times(128, "a.");
    check_refused("message_id", "too long for a Message-ID");
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
    message->sender_shown = true;
    run();
    CU_ASSERT_STRING_EQUAL(field(whole().header, "Sender"), "s@from.example");
    message->sender = (struct address_list){0};
    check_refused("sender", "needs one sender");
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

static const struct unit_test tests[] = {
    {"whole text", test_whole_text},
    {"all fields", test_all_fields},
    {"made message id", test_made_message_id},
    {"recipients", test_recipients},
    {"smtputf8", test_smtputf8},
    {"refused fields", test_refused_fields},
    {"custom headers", test_custom_headers},
    {"long fields", test_long_fields},
};

UNIT_SUITE(compose, tests);
