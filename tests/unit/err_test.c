#include "fcgi_smtp/err.h"

#include "unit.h"

static void test_controls(void)
{
    struct err err = {0};
    err_set(&err, "a\r\nb\x7f\xff%s", "\xc3\xa9");
    CU_ASSERT_STRING_EQUAL(err.text, "a??b??\xc3\xa9");
}

static const struct unit_test tests[] = {{"controls", test_controls}};
UNIT_SUITE(err, tests);
