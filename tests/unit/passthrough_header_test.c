/* Whole messages: their header sections. What is refused says where it is wrong. */
#include "passthrough_run.h"

static void test_added_fields(void)
{
    run(SLICE("From: a@x.example\n\nbody"));
    char expected[300];
    struct slice id = passthrough_message_id(t.passthrough);
    CU_ASSERT_TRUE(compose_message_ids_valid(id, 1));
    CU_ASSERT_NSTRING_EQUAL(id.data, "<20261123T094800.", 17);
    CU_ASSERT(slice_equal((struct slice){id.data + id.len - 18, 18}, SLICE("@web1.example.com>")));
    (void)snprintf(
        expected, sizeof expected,
        "From: a@x.example\r\nDate: Mon, 23 Nov 2026 09:48:00 +0000\r\nMessage-ID: %.*s\r\n\r\nbody\r\n",
        SLICE_ARGS(id));
    CU_ASSERT_TRUE(is(slice_of(expected)));
    /* What is there stays, whatever it says. */
    run(SLICE("message-id:\r\n\t<own@id>\r\n (x)\r\nDATE: yesterday\r\nfrom: a@x.example\r\n\r\n"));
    CU_ASSERT_TRUE(
        is(SLICE("message-id:\r\n\t<own@id>\r\n (x)\r\nDATE: yesterday\r\nfrom: a@x.example\r\n\r\n")));
    run(SLICE("Message-ID: \r\n <own@id> \r\nMessage-ID: <second@id>\r\nFrom: a@x.example\r\n\r\n"));
    CU_ASSERT(slice_equal(passthrough_message_id(t.passthrough), SLICE("<own@id>")));
    clean();
}

/* The domain of the settings where it can stand in an id, else From's. */
static void test_made_ids(void)
{
    static const struct {
        const char *domain;
        const char *from;
        const char *expected;
    } cases[] = {
        {"web1.example.com", "a@x.example", "@web1.example.com>"},
        {"localhost", "a@x.example", "@x.example>"},
        {"", "a@x.example", "@x.example>"},
        {"a.b@c", "a@[IPv6:::1]", "@[IPv6:::1]>"},
        {"a. b",
         "a@B\xc3\xbc"
         "cher.example",
         "@xn--bcher-kva.example>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char message[100];
        (void)snprintf(message, sizeof message, "From: %s\n\n", cases[i].from);
        read_spilling(slice_of(message), MEMORY);
        passthrough_free(t.passthrough);
        const struct passthrough_input input = {
            .content = &t.blob, .field = "message", .domain = slice_of(cases[i].domain), .now = 1795427280};
        CU_ASSERT_EQUAL_FATAL(passthrough_new(&t.passthrough, &input, &t.arena, &t.err), PASSTHROUGH_OK);
        struct slice id = passthrough_message_id(t.passthrough);
        size_t len = strlen(cases[i].expected);
        CU_ASSERT_TRUE(compose_message_ids_valid(id, 1));
        CU_ASSERT(id.len > len && memcmp(id.data + id.len - len, cases[i].expected, len) == 0);
    }
    passthrough_free(t.passthrough);
    const struct passthrough_input input = {
        .content = &t.blob, .field = "message", .domain = SLICE("x.example"), .now = (time_t)1 << 60};
    CU_ASSERT_EQUAL(passthrough_new(&t.passthrough, &input, &t.arena, &t.err), PASSTHROUGH_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(t.err.text, "no Date"));
    clean();
}

static void test_refused(void)
{
    static const struct {
        struct slice message;
        const char *why;
    } cases[] = {
        {TEXT(""), "no From field"},
        {TEXT("\r\n"), "no From field"},
        {TEXT("\nFrom: a@x.example\n\n"), "no From field"},
        {TEXT("To: b@x.example\r\n\r\nFrom: a@x.example\r\n"), "no From field"},
        /* Malformed header lines. */
        {TEXT("Hello world\n"), "line 1, \"Hello world\", is no header field"},
        {TEXT(FIELDS "Hello world"), "line 4, \"Hello world\", is no header field"},
        {TEXT(FIELDS ": x\n\n"), "line 4, \": x\", is no header field"},
        {TEXT(FIELDS "\xef\xbb\xbfX: x\n\n"), "line 4, \"\xef\xbb\xbfX: x\", is no header field"},
        {TEXT(FIELDS "X\xc3\xa4: x\n\n"), "line 4"},
        {TEXT(FIELDS "X\x7f: x\n\n"), "line 4"},
        {TEXT(FIELDS "Bcc : x@x.example\n\n"), "line 4, \"Bcc : x@x.example\", has white space between"},
        {TEXT(FIELDS "Bcc\t:\n\n"), "has white space between"},
        {TEXT("From : a@x.example\n\n"), "line 1, \"From : a@x.example\", has white space between"},
        {TEXT("From  \t: a@x.example\n\n"), "has white space between"},
        {TEXT(" From: a@x.example\n\n"), "line 1, \" From: a@x.example\", begins with white space"},
        {TEXT("From a@b Mon\n X: y\n" FIELDS "\n"), "line 2, \" X: y\", begins with white space"},
        {TEXT(FIELDS "From a@b Mon\n\n"), "line 4, \"From a@b Mon\", is no header field"},
        {TEXT("From: a@x.example\n \nX: y\n\n"), "line 2, \" \", is nothing but white space"},
        {TEXT("From: a@x.example\r \t\r\nBcc: y\n\n"), "line 2"},
        {TEXT("Bcc: a@x.example\r\n \t\r\nFrom: y\n\n"), "line 2"},
        {TEXT("From: a@x.example\n\t"), "line 2"},
        /* NUL and 8-bit octets that are no text. */
        {TEXT(FIELDS "X: \0\r\n\r\n"), "octet 89 is NUL"},
        {TEXT(FIELDS "\r\nx\0"), "octet 89 is NUL"},
        {TEXT(FIELDS "X: \xe4\r\n\r\n"), "X in line 4 is not valid UTF-8"},
        /* Originators. */
        {TEXT("From: a@x.example\nFrom: a@x.example\n\n"), "From in line 2: it is there for the second time"},
        {TEXT("From: a@x.example\nSender: a@x.example\nsender: b@x.example\n\n"),
         "sender in line 3: it is there for the second time"},
        {TEXT("X: y\nFrom: nobody\n\n"), "From in line 2: \"nobody\" cannot be read as a mail address"},
        {TEXT("From:\n\n"), "From in line 1: there is no address"},
        {TEXT("From: a@x.example\nSender:\n\n"), "Sender in line 2: there is no address"},
        {TEXT("From: G: a@x.example;\n\n"), "From in line 1: mailboxes are wanted here, not a group"},
        {TEXT("From: G:;\n\n"), "not a group"},
        {TEXT("From: a@x.example\nSender: G: a@x.example;\n\n"), "Sender in line 2: mailboxes are wanted"},
        {TEXT("From: a@x.example, b@x.example\n\n"), "several mailboxes; add a Sender"},
        {TEXT("From: a@x.example\nSender: a@x.example, b@x.example\n\n"), "Sender in line 2: more than 1"},
        {TEXT("From: a@x.example\r\n b@x.example\n\n"), "From in line 1"},
        {TEXT("From: \xff <a@x.example>\n\n"), "From in line 1: octet 2 is a control character or no UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_refused(cases[i].message, cases[i].why);
    }
    clean();
}

static void test_long_lines(void)
{
    run(with_run("\r\n", 'x', 998, "\r\n"));
    run(with_run("\r\n", 'x', 998, ""));
    check_refused(with_run("\r\n", 'x', 999, "\r\n"), "line 5 is over 998 octets");
    check_refused(with_run("\r\n", 'x', 999, ""), "line 5 is over 998 octets");
    check_refused(with_run("\r\none\rtwo\n\n", 'x', 999, "\n"), "line 8 is over 998 octets");
    check_refused(with_run("\r\none\r\n", 'x', 100000, ""), "line 6 is over 998 octets");
    run(with_run("X:", 'x', 996, "\r\n\r\n"));
    run(with_run("X:\r\n ", 'x', 997, "\r\n\r\n"));
    check_refused(with_run("X:", 'x', 997, "\r\n\r\n"), "line 4 is over 998 octets; fold it");
    check_refused(with_run("X: y\r\n z\r\n ", 'x', 998, "\r\n w\n\n"), "line 6 is over 998 octets; fold it");
    /* Not where the field is left out. */
    run(with_run("Bcc: ", 'x', 5000, "@x.example\r\n\r\n"));
    CU_ASSERT_TRUE(is(SLICE(FIELDS "\r\n")));
    /* The number counts an mbox line and all that was left out. */
    check_refused(SLICE("From x\nBcc: a,\n b\nFrom: a@x.example\nHello\n\n"), "line 5, \"Hello\"");
    clean();
}

/* A header section up to the limit, however the octets are distributed over fields. */
static void test_header_limit(void)
{
    struct buf message;
    buf_init(&message, 2 * PASSTHROUGH_HEADER_MAX);
    CU_ASSERT_TRUE(buf_append_string(&message, FIELDS));
    while (message.len < PASSTHROUGH_HEADER_MAX - 4) {
        CU_ASSERT_TRUE(buf_append_string(&message, "x:\n"));
    }
    size_t fields = message.len;
    while (message.len < PASSTHROUGH_HEADER_MAX - 2) {
        CU_ASSERT_TRUE(buf_append_string(&message, " "));
    }
    CU_ASSERT_TRUE(buf_append_string(&message, "\n\n"));
    CU_ASSERT_EQUAL(message.len, PASSTHROUGH_HEADER_MAX);
    /* White space alone may not stand there, but behind a field. */
    memcpy(message.data + fields - 1, "y", 1);
    CU_ASSERT_TRUE(buf_append_string(&message, "body"));
    run(buf_slice(&message));
    CU_ASSERT(t.whole.len > PASSTHROUGH_HEADER_MAX + 80000);
    message.len -= 5;
    CU_ASSERT_TRUE(buf_append_string(&message, "x\n\n"));
    check_refused(buf_slice(&message), "the header section is over 262144 octets");
    /* No end of it at all. */
    CU_ASSERT_TRUE(buf_append_string(&message, "x"));
    memset(message.data, 'x', message.len);
    check_refused(buf_slice(&message), "or no empty line ends it");
    message.len = PASSTHROUGH_HEADER_MAX;
    check_refused(buf_slice(&message), "line 1");
    buf_free(&message);
    clean();
}

/* The empty line at every place around the octets that are read at once, with every line end. */
static void test_section_end(void)
{
    static const char *const ends[] = {"\r\n\r\n", "\n\n", "\r\r", "\n\r\n", "\r\n\n", "\r\n\r"};
    static char text[9000];
    for (size_t e = 0; e < sizeof ends / sizeof ends[0]; e++) {
        for (size_t total = 8192 - 6; total <= 8192 + 3; total++) {
            size_t len = (size_t)snprintf(text, sizeof text, FIELDS);
            while (len < total) {
                size_t line = total - len < 500 ? total - len : 500;
                memset(text + len, 'x', line);
                text[len + 1] = ':';
                len += line;
                text[len - 1] = total - len > 0 ? '\n' : 'x';
            }
            if (text[len - 2] == '\n') {
                continue; /* no room for a field */
            }
            strcpy(text + len, ends[e]);
            strcat(text + len, "Bcc: body");
            run_spilling(slice_of(text), e % 2 == 0 ? 0 : MEMORY);
            CU_ASSERT(t.whole.len > 15 &&
                      memcmp(t.whole.data + t.whole.len - 15, "\r\n\r\nBcc: body\r\n", 15) == 0);
        }
    }
    clean();
}

/* The recipients as "a@b c@d". */
static const char *recipients(size_t max, enum address_result *result)
{
    static char text[1000];
    struct address_list list = {0};
    size_t len = 0;
    t.err = (struct err){"", ""};
    *result = passthrough_recipients(t.passthrough, &list, max, &t.arena, &t.err);
    text[0] = '\0';
    for (size_t i = 0; i < list.count; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s", i > 0 ? " " : "",
                                SLICE_ARGS(list.mailboxes[i].address.text));
    }
    return text;
}

static void test_recipients(void)
{
    static const struct {
        const char *message;
        enum address_result result;
        const char *expected; /* the addresses, or what the error says */
    } cases[] = {
        {FIELDS "\n", ADDRESS_OK, ""},
        {FIELDS "To: a@x.example\ncc: B <b@x.example>\nBCC: c@x.example,\n d@x.example\n\nTo: e@x.example\n",
         ADDRESS_OK, "a@x.example b@x.example c@x.example d@x.example"},
        {FIELDS "Bcc:\r\n =?utf-8?q?J=C3=BC?=\r\n <a@x.example>\r\nTo:\r\nCc: \t\r\nTo: b@x.example\r\n\r\n",
         ADDRESS_OK, "a@x.example b@x.example"},
        {FIELDS "To: undisclosed-recipients:;\nTo: G: a@x.example, b@x.example;\n\n", ADDRESS_OK,
         "a@x.example b@x.example"},
        {FIELDS "Resent-To: a@x.example\nResent-Bcc: b@x.example\nReply-To: c@x.example\n\n", ADDRESS_OK, ""},
        {FIELDS "To: a@x.example\nX: y\n z\nCc: nobody\n\n", ADDRESS_INVALID,
         "Cc in line 7: \"nobody\" cannot be read as a mail address"},
        {FIELDS "To: \"a@evil.example x\"@x.example\n\n", ADDRESS_OK, "\"a@evil.example x\"@x.example"},
        {FIELDS "To: a@x.example\nTo: b@x.example, c@x.example, d@x.example\nTo: e@x.example\n\n",
         ADDRESS_TOO_MANY, "To in line 5: more than 4"},
        {FIELDS "Bcc: \xff <a@x.example>\n\n", ADDRESS_INVALID, "Bcc in line 4: octet 2"},
        {FIELDS "To: (\nCc: ) a@x.example\n\n", ADDRESS_INVALID, "To in line 4: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum address_result result;
        run(slice_of(cases[i].message));
        const char *text = recipients(i == 7 ? 3 : MANY, &result);
        CU_ASSERT_EQUAL(result, cases[i].result);
        if (result == ADDRESS_OK) {
            CU_ASSERT_STRING_EQUAL(text, cases[i].expected);
        } else {
            CU_ASSERT_STRING_EQUAL(t.err.field, "message");
            CU_ASSERT_PTR_NOT_NULL(
                strstr(t.err.text, i == 7 ? "To in line 5: more than 3" : cases[i].expected));
        }
    }
    clean();
}

static void test_originators(void)
{
    run(SLICE("Sender:\n S <s@x.example>\nFROM: =?utf-8?q?=C3=84?= <a@x.example>,\n b@x.example\n\n"));
    const struct address_list *from = passthrough_from(t.passthrough);
    const struct address_list *sender = passthrough_sender(t.passthrough);
    CU_ASSERT_EQUAL(from->count, 2);
    CU_ASSERT(slice_equal(from->mailboxes[0].name, SLICE("\xc3\x84")));
    CU_ASSERT(slice_equal(from->mailboxes[0].address.text, SLICE("a@x.example")));
    CU_ASSERT(slice_equal(from->mailboxes[1].address.text, SLICE("b@x.example")));
    CU_ASSERT_EQUAL(sender->count, 1);
    CU_ASSERT(slice_equal(sender->mailboxes[0].address.text, SLICE("s@x.example")));
    run(SLICE(FIELDS "\n"));
    CU_ASSERT_EQUAL(passthrough_sender(t.passthrough)->count, 0);
    CU_ASSERT_EQUAL(passthrough_subject(t.passthrough).len, 0);
    run(SLICE(FIELDS "SUBJECT: =?utf-8?q?a?=\r\n b \r\nSubject: c\n\n"));
    CU_ASSERT(slice_equal(passthrough_subject(t.passthrough), SLICE("=?utf-8?q?a?=\r\n b")));
    clean();
}

/* Every limit on the memory for addresses up to one that is enough. */
static void test_no_memory(void)
{
    bool failed = false;
    bool no_memory = false;
    enum address_result result = ADDRESS_INVALID;
    read_spilling(SLICE(FIELDS "To: B <b@x.example>\r\n\r\n"), MEMORY);
    const struct passthrough_input input = {.content = &t.blob, .field = "message"};
    for (size_t limit = 0; result != ADDRESS_OK && limit < 100000; limit += 8) {
        passthrough_free(t.passthrough);
        arena_free(&t.arena);
        arena_init(&t.arena, limit);
        enum passthrough_result read = passthrough_new(&t.passthrough, &input, &t.arena, &t.err);
        failed = failed || read == PASSTHROUGH_FAILED;
        CU_ASSERT((read == PASSTHROUGH_OK) == (t.passthrough != NULL));
        if (read == PASSTHROUGH_OK) {
            const char *text = recipients(MANY, &result);
            CU_ASSERT_STRING_EQUAL(text, result == ADDRESS_OK ? "b@x.example" : "");
            no_memory = no_memory || result == ADDRESS_NO_MEMORY;
        }
    }
    CU_ASSERT_TRUE(failed && no_memory && result == ADDRESS_OK);
    clean();
}

static const struct unit_test tests[] = {
    {"added fields", test_added_fields}, {"made ids", test_made_ids},
    {"refused", test_refused},           {"long lines", test_long_lines},
    {"header limit", test_header_limit}, {"section end", test_section_end},
    {"recipients", test_recipients},     {"originators", test_originators},
    {"no memory", test_no_memory},
};
UNIT_SUITE(passthrough_header, tests);
