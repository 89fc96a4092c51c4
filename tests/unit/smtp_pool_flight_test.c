/*
 * The same with PIPELINING and CHUNKING, where MAIL's reply is read when much has left behind it, the whole message
 * perhaps.
 */
#include <stdio.h>
#include <string.h>

#include "smtp_fixture.h"
#include "unit.h"

#define FLIGHT  "C: MAIL *\nC+: RCPT *\n"
#define QUIT    "C: QUIT\nWAIT-EOF\n"
#define NONE    SMTP_DELIVERY_NONE
#define UNKNOWN SMTP_DELIVERY_UNKNOWN
#define DONE    SMTP_DELIVERY_DONE

/* What a server offers, and how a mail goes that meets nothing. */
struct server {
    const char *hello;
    const char *one;
    size_t inline_limit;
};

static const struct server pipelining = {
    "S: 220 x\nC: EHLO *\nS: 250-x\nS: 250 PIPELINING\n",
    FLIGHT "C+: DATA\nRAW \"250 ok\\r\\n250 ok\\r\\n354 go\\r\\n\"\nDATA\nS: 250 queued\n",
    65536,
};
static const struct server chunking = {
    "S: 220 x\nC: EHLO *\nS: 250-x\nS: 250-PIPELINING\nS: 250 CHUNKING\n",
    FLIGHT "BDAT\nRAW \"250 ok\\r\\n250 ok\\r\\n250 queued\\r\\n\"\n",
    65536,
};
static const struct server large = {
    "S: 220 x\nC: EHLO *\nS: 250-x\nS: 250-PIPELINING\nS: 250 CHUNKING\n",
    FLIGHT "RAW \"250 ok\\r\\n250 ok\\r\\n\"\nBDAT-ALL: 250 ok\n",
    0,
};

struct row {
    const char *name;
    const struct server *server;
    const char *steps; /* what the second mail meets on the first connection */
    bool again;        /* on a second one, where it is accepted */
    enum smtp_class class;
    enum smtp_delivery_state state;
};

static const struct row rows[] = {
    {"421 for a flight", &pipelining, FLIGHT "C+: DATA\nS: 421 bye\nCLOSE\n", true, SMTP_ACCEPTED, DONE},
    {"4yz for a flight and EOF", &pipelining, FLIGHT "C+: DATA\nS: 451 x\nCLOSE\n", true, SMTP_ACCEPTED,
     DONE},
    {"EOF for a flight", &pipelining, FLIGHT "C+: DATA\nCLOSE\n", true, SMTP_ACCEPTED, DONE},
    {"reset for a flight", &pipelining, FLIGHT "C+: DATA\nRESET\n", true, SMTP_ACCEPTED, DONE},
    {"EOF behind MAIL's reply", &pipelining, FLIGHT "C+: DATA\nS: 250 ok\nCLOSE\n", true, SMTP_ACCEPTED,
     DONE},
    {"EOF instead of 354", &pipelining, FLIGHT "C+: DATA\nRAW \"250 ok\\r\\n250 ok\\r\\n\"\nCLOSE\n", true,
     SMTP_ACCEPTED, DONE},
    {"4yz for MAIL", &pipelining,
     FLIGHT "C+: DATA\nRAW \"451 x\\r\\n503 x\\r\\n503 x\\r\\n\"\nWHILE RSET\nS: 250 ok\nEND\n" QUIT, false,
     SMTP_TEMPORARY, NONE},
    {"421 for RCPT", &pipelining, FLIGHT "C+: DATA\nRAW \"250 ok\\r\\n421 bye\\r\\n\"\nCLOSE\n", false,
     SMTP_TEMPORARY, NONE},
    {"EOF for the data", &pipelining,
     FLIGHT "C+: DATA\nRAW \"250 ok\\r\\n250 ok\\r\\n354 go\\r\\n\"\nDATA\nCLOSE\n", false, SMTP_UNAVAILABLE,
     UNKNOWN},
    {"421 and a message", &chunking, FLIGHT "BDAT discard\nS: 421 bye\nCLOSE\n", true, SMTP_ACCEPTED, DONE},
    {"4yz and EOF and a message", &chunking, FLIGHT "BDAT discard\nS: 451 x\nCLOSE\n", true, SMTP_ACCEPTED,
     DONE},
    {"4yz for MAIL and a message", &chunking,
     FLIGHT "BDAT discard\nRAW \"451 x\\r\\n503 x\\r\\n503 x\\r\\n\"\nWHILE RSET\nS: 250 ok\nEND\n" QUIT,
     false, SMTP_TEMPORARY, NONE},
    {"EOF and a message", &chunking, FLIGHT "BDAT\nCLOSE\n", false, SMTP_UNAVAILABLE, UNKNOWN},
    {"reset and a message", &chunking, FLIGHT "BDAT\nRESET\n", false, SMTP_UNAVAILABLE, UNKNOWN},
    {"half a 421 and a message", &chunking, FLIGHT "BDAT\nPART: 421 b\nCLOSE\n", false, SMTP_UNAVAILABLE,
     UNKNOWN},
    {"EOF behind MAIL's reply and a message", &chunking, FLIGHT "BDAT\nS: 250 ok\nCLOSE\n", false,
     SMTP_UNAVAILABLE, UNKNOWN},
    {"EOF behind RCPT's reply and a message", &chunking,
     FLIGHT "BDAT\nRAW \"250 ok\\r\\n250 ok\\r\\n\"\nCLOSE\n", false, SMTP_UNAVAILABLE, UNKNOWN},
    {"421 for RCPT and a message", &chunking, FLIGHT "BDAT\nRAW \"250 ok\\r\\n421 bye\\r\\n\"\nCLOSE\n",
     false, SMTP_TEMPORARY, NONE},
    {"421 for the message", &chunking, FLIGHT "BDAT\nRAW \"250 ok\\r\\n250 ok\\r\\n421 bye\\r\\n\"\nCLOSE\n",
     false, SMTP_TEMPORARY, NONE},
    {"garbage and a message", &chunking, FLIGHT "BDAT\nS: hello\nCLOSE\n", false, SMTP_PROTOCOL_ERROR,
     UNKNOWN},
    {"EOF before the chunks", &large, FLIGHT "CLOSE\n", true, SMTP_ACCEPTED, DONE},
    {"421 before the chunks", &large, FLIGHT "S: 421 bye\nCLOSE\n", true, SMTP_ACCEPTED, DONE},
    {"EOF for the last chunk", &large, FLIGHT "RAW \"250 ok\\r\\n250 ok\\r\\n\"\nBDAT\nCLOSE\n", false,
     SMTP_UNAVAILABLE, UNKNOWN},
};

static void begin(struct smtp_fixture *f, const struct row *row)
{
    char scenario[1600];
    smtp_fixture_init(f);
    f->settings.pool_size = 4;
    f->settings.pool_idle_ms = 60000;
    f->settings.pool_max_messages = 100;
    f->settings.inline_limit = row->server->inline_limit;
    (void)snprintf(scenario, sizeof scenario, "== 1\n%s%s%s%s%s%s%s", row->server->hello, row->server->one,
                   row->steps, row->again ? "== 2\n" : "", row->again ? row->server->hello : "",
                   row->again ? row->server->one : "", row->again ? QUIT : "");
    smtp_fixture_start(f, scenario);
    smtp_fixture_deliver(f);
    CU_ASSERT_EQUAL(f->outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_FALSE(f->outcome.reused);
}

static void check(const struct row *row)
{
    struct smtp_fixture f;
    begin(&f, row);
    smtp_fixture_deliver(&f);
    bool held = f.outcome.class == row->class && f.outcome.state == row->state &&
                f.recipients[0].state == row->state && f.outcome.reused == !row->again;
    if (!held) {
        printf("\n%s: class %d state %d reused %d: %s\n", row->name, f.outcome.class, f.outcome.state,
               f.outcome.reused, f.outcome.err.text);
    }
    CU_ASSERT(held);
    smtp_endpoint_free(f.endpoint);
    f.endpoint = NULL;
    CU_ASSERT_EQUAL(smtp_script_connections(f.script), row->again ? 2 : 1);
    smtp_fixture_end(&f, row->name);
}

static void reused(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check(&rows[i]);
    }
}

static const struct unit_test tests[] = {
    {"a flight on a reused session", reused},
};

UNIT_SUITE(smtp_pool_flight, tests);
