/* CHUNKING (RFC 3030): one flight for a small message, chunks for a large one, and what comes of failures in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp_fixture.h"
#include "unit.h"

#define HELLO(capabilities) "S: 220 mail ESMTP\nC: EHLO *\nS: 250-mail\n" capabilities "S: 250 CHUNKING\n"
#define BOTH                HELLO("S: 250-PIPELINING\n")
#define ENVELOPE            "C: MAIL FROM:<a@example.com>\nC+: RCPT TO:<b@example.com>\n"
#define QUIT                "C: QUIT\nWAIT-EOF\n"
#define NONE                SMTP_DELIVERY_NONE
#define DONE                SMTP_DELIVERY_DONE
#define UNKNOWN             SMTP_DELIVERY_UNKNOWN
#define CHUNK               ((size_t)128 * 1024 - 16)

#define EHLO_FLIGHT     "EHLO client.example\\r\\n\n"
#define ENVELOPE_FLIGHT "MAIL FROM:<a@example.com>\\r\\nRCPT TO:<b@example.com>\\r\\n"
#define MESSAGE         "BDAT 34 LAST\\r\\nSubject: test\\r\\n\\r\\nHello\\r\\n.dot\\r\\n..\\r\\n\n"
#define QUIT_FLIGHT     "QUIT\\r\\n\n"

static void init(struct smtp_fixture *f)
{
    smtp_fixture_init(f);
    f->settings.inline_limit = 65536;
    f->settings.pool_size = 1;
    f->settings.pool_idle_ms = 60000;
    f->settings.pool_max_messages = 100;
}

static void end(struct smtp_fixture *f, const char *name)
{
    smtp_endpoint_free(f->endpoint);
    f->endpoint = NULL;
    smtp_fixture_end(f, name);
}

static void one_round_trip(void)
{
    struct smtp_fixture f;
    init(&f);
    smtp_fixture_start(&f,
                       BOTH "REPEAT 3\n" ENVELOPE "BDAT\nS: 250 ok\nS: 250 ok\nS: 250 queued\nEND\n" QUIT);
    for (int i = 0; i < 3; i++) {
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        CU_ASSERT_EQUAL(f.outcome.reused, i > 0);
        CU_ASSERT_STRING_EQUAL(f.recipients[0].reply.text, "queued");
    }
    smtp_endpoint_free(f.endpoint);
    f.endpoint = NULL;
    CU_ASSERT(smtp_fixture_flights_are(
        &f, 1,
        EHLO_FLIGHT ENVELOPE_FLIGHT MESSAGE ENVELOPE_FLIGHT MESSAGE ENVELOPE_FLIGHT MESSAGE QUIT_FLIGHT));
    size_t size = 0;
    const unsigned char *got = smtp_script_message(f.script, 2, &size);
    CU_ASSERT(got != NULL && size == f.message.len && memcmp(got, f.message.text, size) == 0);
    smtp_fixture_end(&f, "one round trip");
}

/* Under TLS the flight is one record. */
static void one_record(void)
{
    struct smtp_fixture f;
    init(&f);
    f.ca_dir = smtp_fixture_ca();
    char ca_file[80];
    (void)snprintf(ca_file, sizeof ca_file, "%s/ca.pem", f.ca_dir);
    f.settings.ca_file = ca_file;
    f.settings.host = "localhost";
    f.settings.tls = SMTP_TLS_IMPLICIT;
    smtp_fixture_start(&f, "TLS\n" BOTH ENVELOPE "BDAT\nS: 250 ok\nS: 250 ok\nS: 250 queued\n" QUIT);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    smtp_endpoint_free(f.endpoint);
    f.endpoint = NULL;
    CU_ASSERT(smtp_fixture_flights_are(&f, 1, EHLO_FLIGHT ENVELOPE_FLIGHT MESSAGE QUIT_FLIGHT));
    smtp_fixture_end(&f, "one record");
    smtp_fixture_remove_ca();
}

/* What decides on the way that the message takes. */
static void ways(void)
{
    static const struct {
        const char *name;
        size_t inline_limit;
        bool abort;
        const char *scenario;
    } table[] = {
        {"at the limit", 34, false,
         BOTH ENVELOPE "C+: BDAT 34 LAST\nDATA 34\nS: 250 ok\nS: 250 ok\nS: 250 queued\n" QUIT},
        {"over the limit", 33, false,
         BOTH ENVELOPE "S: 250 ok\nS: 250 ok\nC: BDAT 34 LAST\nDATA 34\nS: 250 queued\n" QUIT},
        {"abort", 65536, true,
         BOTH ENVELOPE "S: 250 ok\nS: 250 ok\nC: BDAT 34 LAST\nDATA 34\nS: 250 queued\n" QUIT},
        {"without PIPELINING", 65536, false,
         HELLO("") "C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: BDAT 34 LAST\nDATA 34\nS: 250 "
                   "queued\n" QUIT},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct smtp_fixture f;
        init(&f);
        f.settings.inline_limit = table[i].inline_limit;
        f.settings.abort_on_refused = table[i].abort;
        smtp_fixture_start(&f, table[i].scenario);
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        end(&f, table[i].name);
    }
}

/* --- large messages --- */

static char *make_text(size_t len)
{
    char *text = malloc(len + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    for (size_t i = 0; i < len; i++) {
        text[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : i % 64 == 0 ? '.' : (char)('a' + i / 64 % 26);
    }
    return text;
}

/* Lengths around the chunk's size; every octet arrives, none is stuffed. */
static void large_is_whole(void)
{
    static const size_t lengths[] = {CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK + 77};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct smtp_fixture f;
        init(&f);
        char *text = make_text(lengths[i]);
        smtp_fixture_message(&f, text, lengths[i]);
        smtp_fixture_start(&f, BOTH ENVELOPE "S: 250 ok\nS: 250 ok\nBDAT-ALL: 250 taken\n" QUIT);
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        size_t size = 0;
        const unsigned char *got = smtp_script_message(f.script, 0, &size);
        CU_ASSERT(got != NULL && size == lengths[i] && memcmp(got, text, size) == 0);
        CU_ASSERT_EQUAL(smtp_script_messages(f.script), 1);
        end(&f, "large");
        free(text);
    }
}

/* However much the configuration allows: what is not held in memory goes in chunks. */
static void inline_has_a_ceiling(void)
{
    size_t len = (size_t)8 * 1024 * 1024;
    char *text = make_text(len + 64);
    for (int over = 0; over < 2; over++) {
        struct smtp_fixture f;
        init(&f);
        f.settings.inline_limit = (size_t)1024 * 1024 * 1024;
        smtp_fixture_message(&f, text, over ? len + 64 : len);
        smtp_fixture_start(&f, over ? BOTH ENVELOPE "S: 250 ok\nS: 250 ok\nBDAT-ALL: 250 taken\n" QUIT
                                    : BOTH ENVELOPE
                                   "BDAT discard\nS: 250 ok\nS: 250 ok\nS: 250 taken\n" QUIT);
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        end(&f, "ceiling");
    }
    free(text);
}

/* The chunks follow each other: no reply is awaited before the last one. */
static void chunks_are_pipelined(void)
{
    struct smtp_fixture f;
    init(&f);
    char *text = make_text(3 * CHUNK);
    smtp_fixture_message(&f, text, 3 * CHUNK);
    smtp_fixture_start(&f, BOTH ENVELOPE "S: 250 ok\nS: 250 ok\nBDAT discard\nBDAT discard\nBDAT discard\n"
                                         "S: 250 1\nS: 250 2\nS: 250 3\n" QUIT);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_STRING_EQUAL(f.outcome.reply.text, "3");
    end(&f, "pipelined");
    free(text);
}

/* Without PIPELINING each chunk would cost a round trip. */
static void without_pipelining(void)
{
    struct smtp_fixture f;
    init(&f);
    char *text = make_text(CHUNK + 64);
    smtp_fixture_message(&f, text, CHUNK + 64);
    smtp_fixture_start(&f, HELLO("") "C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\n"
                                     "S: 250 queued\n" QUIT);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    end(&f, "without PIPELINING");
    free(text);
}

/* --- failures --- */

struct row {
    const char *name;
    const char *scenario;
    size_t len; /* of the message; 0: the short one, in one flight */
    enum smtp_class class;
    enum smtp_delivery_state state;
    int code; /* of the recipient */
    const char *text;
};

#define INLINE  BOTH ENVELOPE "BDAT\n"
#define CHUNKED BOTH ENVELOPE "S: 250 ok\nS: 250 ok\n"
#define CHUNK_1 "BDAT discard\n"

static const struct row rows[] = {
    {"MAIL refused", INLINE "S: 550 no\nS: 503 a\nS: 503 b\n" QUIT, 0, SMTP_MESSAGE_REFUSED, NONE, 0,
     "550 no"},
    {"MAIL refused for now, then lost", INLINE "S: 451 no\nCLOSE\n", 0, SMTP_TEMPORARY, NONE, 0, "451 no"},
    {"MAIL refused, BDAT accepted", INLINE "S: 550 no\nS: 503 a\nS: 250 b\n" QUIT, 0, SMTP_MESSAGE_REFUSED,
     NONE, 0, "550 no"},
    {"RCPT refused", INLINE "S: 250 ok\nS: 550 a\nS: 554 b\n" QUIT, 0, SMTP_RECIPIENTS_REFUSED, NONE, 550,
     "550 a"},
    {"RCPT refused, BDAT accepted", INLINE "S: 250 ok\nS: 550 a\nS: 250 b\n" QUIT, 0, SMTP_RECIPIENTS_REFUSED,
     NONE, 550, "550 a"},
    {"RCPT refused, BDAT lost", INLINE "S: 250 ok\nS: 550 a\nCLOSE\n", 0, SMTP_RECIPIENTS_REFUSED, NONE, 550,
     "550 a"},
    {"RCPT refused, BDAT garbage", INLINE "S: 250 ok\nS: 450 a\nS: what?\nWAIT-EOF\n", 0, SMTP_TEMPORARY,
     NONE, 450, "450 a"},
    {"message refused", INLINE "S: 250 ok\nS: 250 ok\nS: 554 5.6.0 spam\n" QUIT, 0, SMTP_MESSAGE_REFUSED,
     NONE, 554, "refused the message: 554 5.6.0 spam"},
    {"message refused for now", INLINE "S: 250 ok\nS: 250 ok\nS: 452 full\n" QUIT, 0, SMTP_TEMPORARY, NONE,
     452, "452 full"},
    {"the end lost", INLINE "S: 250 ok\nS: 250 ok\nCLOSE\n", 0, SMTP_UNAVAILABLE, UNKNOWN, 250, "closed"},
    {"a reply too many", INLINE "RAW \"250 ok\\r\\n250 ok\\r\\n250 ok\\r\\n554 spam\\r\\n\"\nWAIT-EOF\n", 0,
     SMTP_PROTOCOL_ERROR, UNKNOWN, 250, "more replies than there were commands"},
    {"a reply too many to chunks",
     CHUNKED CHUNK_1 CHUNK_1 "RAW \"250 1\\r\\n250 ok\\r\\n554 spam\\r\\n\"\nWAIT-EOF\n", CHUNK + 5,
     SMTP_PROTOCOL_ERROR, UNKNOWN, 250, "more replies than there were commands"},
    {"421 behind the end", INLINE "RAW \"250 ok\\r\\n250 ok\\r\\n250 queued\\r\\n421 bye\\r\\n\"\nWAIT-EOF\n",
     0, SMTP_ACCEPTED, DONE, 250, ""},
    {"last chunk refused", CHUNKED CHUNK_1 "S: 250 ok\n" CHUNK_1 "S: 554 spam\n" QUIT, CHUNK + 5,
     SMTP_MESSAGE_REFUSED, NONE, 554, "refused the message: 554 spam"},
    {"first chunk refused",
     CHUNKED CHUNK_1 "S: 552 5.3.4 big\n"
                     "READ-UNTIL-EOF\n",
     3 * CHUNK, SMTP_MESSAGE_REFUSED, NONE, 552, "552 5.3.4 big"},
    {"first chunk refused early", CHUNKED "C: BDAT *\nS: 552 5.3.4 big\nREAD-UNTIL-EOF\n", 40 * CHUNK,
     SMTP_MESSAGE_REFUSED, NONE, 552, "552 5.3.4 big"},
    {"chunks accepted early", CHUNKED "C: BDAT *\nREPEAT 150\nS: 250 ok\nEND\nREAD-UNTIL-EOF\n", 160 * CHUNK,
     SMTP_PROTOCOL_ERROR, NONE, 250, "before the message had ended"},
    {"lost in the chunks", CHUNKED CHUNK_1 "S: 250 ok\nDATA 1000\nCLOSE\n", 160 * CHUNK, SMTP_UNAVAILABLE,
     NONE, 250, "closed"},
    {"reset in the chunks", CHUNKED CHUNK_1 "S: 250 ok\nDATA 1000\nRESET\n", 160 * CHUNK, SMTP_UNAVAILABLE,
     NONE, 250, ""},
    {"421 in the chunks", CHUNKED CHUNK_1 "S: 250 ok\nDATA 1000\nS: 421 4.3.2 bye\nREAD-UNTIL-EOF\n",
     160 * CHUNK, SMTP_TEMPORARY, NONE, 421, "421 4.3.2 bye"},
    {"garbage in the chunks", CHUNKED CHUNK_1 "S: what?\nREAD-UNTIL-EOF\n", 160 * CHUNK, SMTP_PROTOCOL_ERROR,
     NONE, 250, "\"what?\""},
    {"354 to a chunk", CHUNKED CHUNK_1 "S: 354 more\nREAD-UNTIL-EOF\n", 160 * CHUNK, SMTP_PROTOCOL_ERROR,
     NONE, 250, "354 more"},
    /* A reply in two pieces, the first of which is there before the only chunk: nothing of that leaves. */
    {"accepted early, in pieces",
     BOTH ENVELOPE "RAW \"250 ok\\r\\n250 ok\\r\\n25\"\nWAIT 200\nRAW \"0 x\\r\\n\"\nWAIT-EOF\n", CHUNK - 5,
     SMTP_PROTOCOL_ERROR, NONE, 250, "before the message had ended"},
    {"421 early, in pieces",
     BOTH ENVELOPE "RAW \"250 ok\\r\\n250 ok\\r\\n42\"\nWAIT 200\nRAW \"1 bye\\r\\n\"\nWAIT-EOF\n", CHUNK - 5,
     SMTP_TEMPORARY, NONE, 421, "421 bye"},
    {"the last chunk's reply lost", CHUNKED CHUNK_1 "S: 250 ok\n" CHUNK_1 "CLOSE\n", CHUNK + 5,
     SMTP_UNAVAILABLE, UNKNOWN, 250, "closed"},
    {"the last chunk's reply garbage", CHUNKED CHUNK_1 "S: 250 ok\n" CHUNK_1 "S: what?\nWAIT-EOF\n",
     CHUNK + 5, SMTP_PROTOCOL_ERROR, UNKNOWN, 250, "\"what?\""},
};

static void failures(void)
{
    char *text = make_text(160 * CHUNK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct smtp_fixture f;
        init(&f);
        f.settings.pool_size = 0;
        if (row->len > 0) {
            smtp_fixture_message(&f, text, row->len);
            f.receive_buffer = row->len > 3 * CHUNK ? 65536 : 0;
        }
        smtp_fixture_start(&f, row->scenario);
        smtp_fixture_deliver(&f);
        bool held = f.outcome.class == row->class && f.outcome.state == row->state &&
                    f.recipients[0].state == row->state && f.recipients[0].reply.code == row->code &&
                    strstr(f.outcome.err.text, row->text) != NULL;
        if (!held) {
            printf("\n%s: class %d state %d code %d: %s\n", row->name, f.outcome.class, f.outcome.state,
                   f.recipients[0].reply.code, f.outcome.err.text);
        }
        CU_ASSERT(held);
        CU_ASSERT_EQUAL(smtp_script_connections(f.script), 1);
        smtp_fixture_end(&f, row->name);
    }
    free(text);
}

/* All refused: BDAT's reply is read, RSET follows, and the session serves the next mail. */
static void refused_and_used_again(void)
{
    static const char *const first[] = {"S: 250 ok\nS: 550 a\nS: 554 b\n", "S: 250 ok\nS: 550 a\nS: 250 b\n",
                                        "S: 550 no\nS: 503 a\nS: 503 b\n"};
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        struct smtp_fixture f;
        init(&f);
        char scenario[600];
        (void)snprintf(scenario, sizeof scenario, "%s%s%s", INLINE, first[i],
                       "C: RSET\nS: 250 ok\n" ENVELOPE "BDAT\nS: 250 ok\nS: 250 ok\nS: 250 queued\n" QUIT);
        smtp_fixture_start(&f, scenario);
        smtp_fixture_deliver(&f);
        CU_ASSERT_NOT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        CU_ASSERT_EQUAL(f.outcome.state, NONE);
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        CU_ASSERT_TRUE(f.outcome.reused);
        end(&f, "used again");
    }
}

/* A refusal in MAIL's place proves that nothing was accepted, although the whole mail had been sent behind it. */
static void refused_by_a_server_that_leaves(void)
{
    static const char *const last[] = {"S: 421 4.4.2 idle\nCLOSE\n", "S: 451 4.3.0 later\nCLOSE\n"};
    for (size_t i = 0; i < sizeof last / sizeof last[0]; i++) {
        struct smtp_fixture f;
        init(&f);
        char scenario[1000];
        (void)snprintf(scenario, sizeof scenario, "== 1\n%s%s%s== 2\n%s",
                       INLINE "S: 250 ok\nS: 250 ok\nS: 250 queued\n", ENVELOPE "BDAT\n", last[i],
                       INLINE "S: 250 ok\nS: 250 ok\nS: 250 queued\n" QUIT);
        smtp_fixture_start(&f, scenario);
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        CU_ASSERT_STRING_EQUAL(f.outcome.err.text, "");
        CU_ASSERT_FALSE(f.outcome.reused);
        CU_ASSERT_EQUAL(smtp_script_connections(f.script), 2);
        end(&f, "leaves");
    }
}

/* --- the source --- */

static void source_is_not_as_long_as_said(void)
{
    static const struct {
        size_t inline_limit;
        uint64_t size;
        const char *scenario;
        const char *text;
    } table[] = {
        {65536, 35, BOTH "WAIT-EOF\n", "shorter than it was said to be"},
        {65536, 33, BOTH "WAIT-EOF\n", "longer than it was said to be"},
        {0, 35, BOTH ENVELOPE "S: 250 ok\nS: 250 ok\nWAIT-EOF\n", "shorter"},
        {0, 33, BOTH ENVELOPE "S: 250 ok\nS: 250 ok\nWAIT-EOF\n", "longer"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct smtp_fixture f;
        init(&f);
        f.settings.inline_limit = table[i].inline_limit;
        f.delivery.size = table[i].size;
        smtp_fixture_start(&f, table[i].scenario);
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_LOCAL_FAILURE);
        CU_ASSERT_EQUAL(f.outcome.state, NONE);
        CU_ASSERT_PTR_NOT_NULL(strstr(f.outcome.err.text, table[i].text));
        end(&f, table[i].text);
    }
}

static void source_fails(void)
{
    for (int large = 0; large < 2; large++) {
        struct smtp_fixture f;
        init(&f);
        f.settings.inline_limit = large ? 0 : 65536;
        f.message.fail_at = f.message.len;
        smtp_fixture_start(&f, large ? BOTH ENVELOPE "S: 250 ok\nS: 250 ok\nWAIT-EOF\n" : BOTH "WAIT-EOF\n");
        smtp_fixture_deliver(&f);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_LOCAL_FAILURE);
        CU_ASSERT_EQUAL(f.outcome.state, NONE);
        CU_ASSERT_PTR_NOT_NULL(strstr(f.outcome.err.text, "the spill file is gone"));
        end(&f, "source");
    }
}

static const struct unit_test tests[] = {
    {"one round trip on a warm session", one_round_trip},
    {"one TLS record", one_record},
    {"ways", ways},
    {"a large message is whole", large_is_whole},
    {"one flight has a ceiling", inline_has_a_ceiling},
    {"chunks are pipelined", chunks_are_pipelined},
    {"without PIPELINING", without_pipelining},
    {"failures", failures},
    {"refused and used again", refused_and_used_again},
    {"refused by a server that leaves", refused_by_a_server_that_leaves},
    {"a source not as long as said", source_is_not_as_long_as_said},
    {"a source that fails", source_fails},
};

UNIT_SUITE(smtp_chunking, tests);
