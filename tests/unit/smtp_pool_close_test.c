/* A pool that is closed while deliveries go on: what waits gets its QUIT at once, and nothing is kept any more. */
#include <stdlib.h>
#include <string.h>

#include "smtp_fixture.h"
#include "unit.h"

#define HELLO "S: 220 mail ESMTP\nC: EHLO client.example\nS: 250 mail\n"
#define ONE                                                                                                  \
    "C: MAIL FROM:<a@example.com>*\nS: 250 ok\nC: RCPT TO:*\nS: 250 ok\nC: DATA\nS: 354 go on\nDATA\nS: "    \
    "250 queued\n"
#define SESSION HELLO ONE "C: QUIT\nWAIT-EOF\n"
#define LONG_MS 20000

static void start(struct smtp_fixture *f, const char *scenario)
{
    smtp_fixture_init(f);
    f->settings.pool_size = 4;
    f->settings.pool_idle_ms = 600000;
    f->settings.pool_max_messages = 100;
    smtp_fixture_start(f, scenario);
}

static struct smtp_session *hold(struct smtp_fixture *f)
{
    smtp_deliver(f->endpoint, &f->delivery, &f->outcome);
    CU_ASSERT_EQUAL(f->outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f->outcome.session);
    return f->outcome.session;
}

static void what_waits_ends_what_works_goes_on(void)
{
    struct smtp_fixture f;
    start(&f, "== 1\n" SESSION "== 2\n" SESSION "== 3\n" SESSION "== 4\n" SESSION);
    struct smtp_session *sessions[3];
    for (size_t i = 0; i < 3; i++) {
        sessions[i] = hold(&f);
    }
    smtp_release(sessions[0]);
    smtp_release(sessions[1]);
    CU_ASSERT_EQUAL(smtp_endpoint_idle(f.endpoint), 2);
    smtp_endpoint_retire(f.endpoint);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 2, LONG_MS)); /* the two are over */
    CU_ASSERT_EQUAL(smtp_endpoint_idle(f.endpoint), 0);
    smtp_release(sessions[2]);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 3, LONG_MS));
    smtp_fixture_deliver(&f); /* one more that began before */
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_FALSE(f.outcome.reused);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 4, LONG_MS));
    smtp_endpoint_retire(f.endpoint); /* twice does no harm */
    smtp_fixture_end(&f, "retired");
}

static void without_a_pool(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    smtp_fixture_start(&f, SESSION);
    smtp_endpoint_retire(f.endpoint);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    smtp_fixture_end(&f, "without a pool");
}

static const struct unit_test tests[] = {
    {"what waits ends, what works goes on", what_waits_ends_what_works_goes_on},
    {"without a pool", without_a_pool},
};
UNIT_SUITE(smtp_pool_close, tests);
