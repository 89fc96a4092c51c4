/* Whole messages: what leaves is what came, but for what the header names. */
#include "passthrough_run.h"

static void test_octets(void)
{
    static const struct {
        struct slice message;
        struct slice expected;
    } cases[] = {
        /* Nothing to change. */
        {TEXT(FIELDS "\r\nHello\r\n"), TEXT(FIELDS "\r\nHello\r\n")},
        {TEXT(FIELDS "\r\n"), TEXT(FIELDS "\r\n")},
        {TEXT(FIELDS "\r\n.\r\n..\r\n \t\r\n\x01\x1b\x7f\r\n"),
         TEXT(FIELDS "\r\n.\r\n..\r\n \t\r\n\x01\x1b\x7f\r\n")},
        {TEXT(FIELDS "X-Odd:  two  spaces \t\r\n\tand a fold\r\nx-odd:\r\n\r\nBcc: not a field\r\n"),
         TEXT(FIELDS "X-Odd:  two  spaces \t\r\n\tand a fold\r\nx-odd:\r\n\r\nBcc: not a field\r\n")},
        {TEXT(FIELDS "Subject: Gr\xc3\xbc\xc3\x9f"
                     "e\r\n\r\n\xff\xfe\r\n"),
         TEXT(FIELDS "Subject: Gr\xc3\xbc\xc3\x9f"
                     "e\r\n\r\n\xff\xfe\r\n")},
        /* Line ends; a body that begins with one, ends without one, is only one. */
        {TEXT("From: a@x.example\nDate: d\nMessage-ID: i\n\none\ntwo"),
         TEXT("From: a@x.example\r\nDate: d\r\nMessage-ID: i\r\n\r\none\r\ntwo\r\n")},
        {TEXT("From: a@x.example\rDate: d\rMessage-ID: i\r\rone\rtwo\r"),
         TEXT("From: a@x.example\r\nDate: d\r\nMessage-ID: i\r\n\r\none\r\ntwo\r\n")},
        {TEXT(FIELDS "\n\r\n\n\r\r\nx"), TEXT(FIELDS "\r\n\r\n\r\n\r\n\r\nx\r\n")},
        {TEXT(FIELDS "\r\nx\r"), TEXT(FIELDS "\r\nx\r\n")},
        {TEXT(FIELDS "\r\r\n"), TEXT(FIELDS "\r\n\r\n")},
        {TEXT(FIELDS "X: a\r\n b\n c\r d\n\nx"), TEXT(FIELDS "X: a\r\n b\r\n c\r\n d\r\n\r\nx\r\n")},
        {TEXT(FIELDS "\r\nsmuggled\r\n.\rMAIL FROM:<a@b>\n.\n\r.\n"),
         TEXT(FIELDS "\r\nsmuggled\r\n.\r\nMAIL FROM:<a@b>\r\n.\r\n\r\n.\r\n")},
        /* A header section alone, with and without its last line end. */
        {TEXT(FIELDS), TEXT(FIELDS "\r\n")},
        {TEXT(FIELDS "X: y"), TEXT(FIELDS "X: y\r\n\r\n")},
        {TEXT(FIELDS "X: y\r"), TEXT(FIELDS "X: y\r\n\r\n")},
        {TEXT(FIELDS "X:"), TEXT(FIELDS "X:\r\n\r\n")},
        /* What is left out. */
        {TEXT("Bcc: b@x.example\r\n" FIELDS "\r\n"), TEXT(FIELDS "\r\n")},
        {TEXT(FIELDS "BCC:b@x.example,\r\n c@x.example\r\n\t,\r\n d@x.example\r\nTo: e@x.example\r\n\r\nx"),
         TEXT(FIELDS "To: e@x.example\r\n\r\nx\r\n")},
        {TEXT(FIELDS "X: y\rbcc: b@x.example\r (folded)\rZ: z\r\rx"),
         TEXT(FIELDS "X: y\r\nZ: z\r\n\r\nx\r\n")},
        {TEXT(FIELDS "Bcc:\r\nBcc: b@x.example\r\n\r\n"), TEXT(FIELDS "\r\n")},
        {TEXT(FIELDS "Resent-Bcc: b@x.example,\n c@x.example\nResent-To: d@x.example\n\nx"),
         TEXT(FIELDS "Resent-To: d@x.example\r\n\r\nx\r\n")},
        {TEXT("Return-Path: <>\r\n" FIELDS "\r\n"), TEXT(FIELDS "\r\n")},
        {TEXT(FIELDS "Bccx: a\r\nX-Bcc: b\r\nContent-Type: text/plain\r\n\r\n"),
         TEXT(FIELDS "Bccx: a\r\nX-Bcc: b\r\nContent-Type: text/plain\r\n\r\n")},
        {TEXT("From a@x.example Mon Nov 23 09:48:00 2026\n" FIELDS "\nFrom here on\n"),
         TEXT(FIELDS "\r\nFrom here on\r\n")},
        {TEXT("From \r\n" FIELDS "\r\n"), TEXT(FIELDS "\r\n")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(cases[i].message);
        CU_ASSERT_TRUE(is(cases[i].expected));
    }
    clean();
}

static void test_large_body(void)
{
    struct buf message;
    struct buf expected;
    buf_init(&message, MEMORY);
    buf_init(&expected, MEMORY);
    CU_ASSERT_TRUE(buf_append_string(&message, FIELDS "\r\n"));
    CU_ASSERT_TRUE(buf_append_string(&expected, FIELDS "\r\n"));
    static const char *const line_ends[] = {"\n", "\r", "\r\n"};
    for (int i = 0; i < 3000; i++) {
        CU_ASSERT_TRUE(buf_printf(&message, "%0*d%s", 1 + i % 400, i, line_ends[i % 3]));
        CU_ASSERT_TRUE(buf_printf(&expected, "%0*d\r\n", 1 + i % 400, i));
    }
    /* A CR, then an LF that is a line end of its own: only the first pair is one. */
    run(buf_slice(&message));
    CU_ASSERT(slice_equal(buf_slice(&t.whole), buf_slice(&expected)));
    buf_free(&message);
    buf_free(&expected);
    clean();
}

/* What MAIL FROM must say. */
static void test_octets_over_127(void)
{
    static const struct {
        const char *message;
        bool eight_bit;
        bool smtputf8;
    } cases[] = {
        {FIELDS "\nx", false, false},
        {FIELDS "\n\xc3\xa4", true, false},
        {FIELDS "\n\xff", true, false},
        {FIELDS "Subject: \xc3\xa4\n\nx", true, true},
        {FIELDS "To: j\xc3\xbc@x.example\n\nx", true, true},
        /* Not what is left out. */
        {FIELDS "Bcc: \xc3\xa4 <b@x.example>\n\nx", false, false},
        {FIELDS "Bcc: \xff\n\nx", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(slice_of(cases[i].message));
        CU_ASSERT_EQUAL(passthrough_is_eight_bit(t.passthrough), cases[i].eight_bit);
        CU_ASSERT_EQUAL(passthrough_needs_smtputf8(t.passthrough), cases[i].smtputf8);
    }
    clean();
}

/* Every cut of a message: the same rules for each, and nothing that the message did not have. */
static void test_cuts(void)
{
    static const char message[] =
        "From x\r\nBcc: hidden@x.example,\r\n\thidden2@x.example\r\nFrom: a@x.example\r\n"
        "Subject: =?utf-8?q?s?=\n folded\rTo: b@x.example\r\n\r\n.\rone\n\rtwo\r\n\r\n";
    for (size_t len = 0; len < sizeof message; len++) {
        read_spilling((struct slice){message, len}, len % 2 == 0 ? 0 : MEMORY);
        CU_ASSERT(t.result == PASSTHROUGH_OK || (t.result == PASSTHROUGH_INVALID && t.err.text[0] != '\0'));
        if (t.result == PASSTHROUGH_OK) {
            pull(1000, &t.whole);
            CU_ASSERT_EQUAL(passthrough_size(t.passthrough), t.whole.len);
            CU_ASSERT_PTR_NULL(memmem(t.whole.data, t.whole.len, "hidden", 6));
            CU_ASSERT(t.whole.len > 2 && memcmp(t.whole.data + t.whole.len - 2, "\r\n", 2) == 0);
            check_chunks();
        }
    }
    clean();
}

/* The spill file is cut behind our back: an error, not a wrong message. */
static void test_broken_blob(void)
{
    run_spilling(with_run("\r\n", '\n', 500000, ""), 0);
    struct source source = passthrough_source(t.passthrough);
    char octets[4096];
    size_t len = 1;
    bool ok = true;
    CU_ASSERT_EQUAL(ftruncate(t.blob.store->fd, 100), 0);
    source.rewind(source.ctx);
    while (ok && len > 0) {
        ok = source.read(source.ctx, octets, sizeof octets, &len, &t.err);
    }
    CU_ASSERT_FALSE(ok);
    CU_ASSERT(t.err.text[0] != '\0');
    passthrough_free(t.passthrough);
    const struct passthrough_input input = {.content = &t.blob, .field = "message"};
    CU_ASSERT_EQUAL(passthrough_new(&t.passthrough, &input, &t.arena, &t.err), PASSTHROUGH_FAILED);
    CU_ASSERT_PTR_NULL(t.passthrough);
    run_spilling(SLICE(FIELDS "\r\n"), 0);
    passthrough_free(t.passthrough);
    t.blob.size += 1;
    CU_ASSERT_EQUAL(passthrough_new(&t.passthrough, &input, &t.arena, &t.err), PASSTHROUGH_FAILED);
    clean();
}

static const struct unit_test tests[] = {
    {"octets", test_octets}, {"large body", test_large_body},   {"octets over 127", test_octets_over_127},
    {"cuts", test_cuts},     {"broken blob", test_broken_blob},
};
UNIT_SUITE(passthrough, tests);
