#include "fcgi_smtp/random.h"

#include <string.h>

#include "unit.h"

static void test_hex(void)
{
    char text[34];
    CU_ASSERT_TRUE(random_hex(text, 33));
    CU_ASSERT_EQUAL(strspn(text, "0123456789abcdef"), 33);
    CU_ASSERT_EQUAL(text[33], '\0');
}

static const struct unit_test tests[] = {{"hex", test_hex}};
UNIT_SUITE(random, tests);
