/* The scripted server that other suites rely on, tried with a plain client. */
#include "smtp_script.h"

#include <stdlib.h>

#include "unit.h"

static void test_wrong_scenario_is_refused(void)
{
    char *error = NULL;
    CU_ASSERT_PTR_NULL(
        smtp_script_start(&(struct smtp_script_options){.scenario = "S: 220 hi\nSAY 3\n"}, &error));
    CU_ASSERT_STRING_EQUAL(error, "line 2: unknown step");
    free(error);
}

static const struct unit_test tests[] = {
    {"wrong scenario is refused", test_wrong_scenario_is_refused},
};

UNIT_SUITE(smtp_script, tests);
