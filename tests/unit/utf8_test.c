#include "fcgi_smtp/utf8.h"

#include "unit.h"

static void test_prefix(void)
{
    CU_ASSERT_EQUAL(utf8_valid_prefix(SLICE("abcdefgh\xc3\xa9\xed\xa0\x80")), 10);
    CU_ASSERT_TRUE(utf8_is_ascii(SLICE("abcdefghi")));
    CU_ASSERT_FALSE(utf8_is_ascii(SLICE("abcdefgh\xc3\xa9")));
}

static const struct unit_test tests[] = {{"prefix", test_prefix}};
UNIT_SUITE(utf8, tests);
