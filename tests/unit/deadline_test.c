#include "fcgi_smtp/deadline.h"

#include <limits.h>
#include <poll.h>

#include "unit.h"

static void test_arithmetic(void)
{
    static const struct {
        deadline from;
        int64_t ms;
        deadline sum;
    } cases[] = {
        {1000, 500, 1500},
        {1000, -1500, -500},
        {INT64_MAX - 10, 9, INT64_MAX - 1},
        {INT64_MAX - 10, 10, DEADLINE_NEVER},
        {INT64_MAX - 10, 11, DEADLINE_NEVER},
        {1, INT64_MAX, DEADLINE_NEVER},
        {INT64_MIN + 1, -2, INT64_MIN},
        {-2, INT64_MIN, INT64_MIN},
        {DEADLINE_NEVER, 1, DEADLINE_NEVER},
        {DEADLINE_NEVER, -1, DEADLINE_NEVER},
        {DEADLINE_NEVER, INT64_MIN, DEADLINE_NEVER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(deadline_add(cases[i].from, cases[i].ms), cases[i].sum);
    }
    CU_ASSERT_EQUAL(deadline_min(1, 2), 1);
    CU_ASSERT_EQUAL(deadline_min(DEADLINE_NEVER, 2), 2);
    CU_ASSERT_EQUAL(deadline_after(INT64_MAX), DEADLINE_NEVER);
}

static void test_poll_ms(void)
{
    CU_ASSERT_EQUAL(deadline_poll_ms(DEADLINE_NEVER), -1);
    CU_ASSERT_EQUAL(deadline_poll_ms(deadline_now()), 0);
    CU_ASSERT_EQUAL(deadline_poll_ms(INT64_MIN), 0);
    CU_ASSERT_EQUAL(deadline_poll_ms(DEADLINE_NEVER - 1), INT_MAX);
    CU_ASSERT_EQUAL(deadline_poll_ms(deadline_after((int64_t)INT_MAX + 60000)), INT_MAX);
    int ms = deadline_poll_ms(deadline_after(600000));
    CU_ASSERT_TRUE(ms > 500000 && ms <= 600000);
}

static void test_passed(void)
{
    CU_ASSERT_FALSE(deadline_passed(DEADLINE_NEVER));
    CU_ASSERT_FALSE(deadline_passed(deadline_after(600000)));
    CU_ASSERT_TRUE(deadline_passed(deadline_now()));
    CU_ASSERT_TRUE(deadline_passed(deadline_after(-1)));
}

/* After a wait of deadline_poll_ms the deadline has passed: there are no rounds of short waits. */
static void test_wait_is_enough(void)
{
    for (int i = 0; i < 20; i++) {
        deadline d = deadline_after(1 + i % 3);
        poll(NULL, 0, deadline_poll_ms(d));
        CU_ASSERT_TRUE(deadline_passed(d));
        CU_ASSERT_EQUAL(deadline_poll_ms(d), 0);
    }
}

static const struct unit_test tests[] = {
    {"arithmetic", test_arithmetic},
    {"poll ms", test_poll_ms},
    {"passed", test_passed},
    {"wait is enough", test_wait_is_enough},
};
UNIT_SUITE(deadline, tests);
