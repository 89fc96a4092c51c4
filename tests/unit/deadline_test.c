#include "fcgi_smtp/deadline.h"

#include "unit.h"

static void test_never(void)
{
    CU_ASSERT_EQUAL(deadline_poll_ms(DEADLINE_NEVER), -1);
    CU_ASSERT_EQUAL(deadline_add(DEADLINE_NEVER, -1), DEADLINE_NEVER);
}

static const struct unit_test tests[] = {{"never", test_never}};
UNIT_SUITE(deadline, tests);
