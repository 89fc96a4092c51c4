/* Runs one suite by name, or all without an argument. Fails for an unknown suite and when nothing ran. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

#define SUITE(name) UNIT_DECLARE(name);
#include "suites.inc"
#undef SUITE

static const struct {
    const char *name;
    const struct unit_suite *suite;
} suites[] = {
#define SUITE(name) {#name, &suite_##name},
#include "suites.inc"
#undef SUITE
};

static void register_suites(void)
{
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        CU_pSuite suite = CU_add_suite(suites[i].name, NULL, NULL);
        for (size_t t = 0; suite != NULL && t < suites[i].suite->count; t++) {
            CU_add_test(suite, suites[i].suite->tests[t].name, suites[i].suite->tests[t].run);
        }
    }
}

int main(int argc, char **argv)
{
    if (CU_initialize_registry() != CUE_SUCCESS) {
        return EXIT_FAILURE;
    }
    register_suites();
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_ErrorCode result = CUE_SUCCESS;
    if (argc > 1) {
        CU_pSuite suite = CU_get_suite(argv[1]);
        if (suite == NULL) {
            fprintf(stderr, "no suite %s\n", argv[1]);
            return EXIT_FAILURE;
        }
        result = CU_basic_run_suite(suite);
    } else {
        result = CU_basic_run_tests();
    }
    unsigned failures = CU_get_number_of_failures();
    unsigned ran = CU_get_number_of_tests_run();
    CU_cleanup_registry();
    return result == CUE_SUCCESS && failures == 0 && ran > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
