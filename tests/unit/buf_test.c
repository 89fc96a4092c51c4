#include "fcgi_smtp/buf.h"

#include "unit.h"

static void test_limit(void)
{
    struct buf buf;
    buf_init(&buf, 3);
    CU_ASSERT_TRUE(buf_append_string(&buf, "abc"));
    CU_ASSERT_FALSE(buf_append_char(&buf, 'd'));
    CU_ASSERT_STRING_EQUAL(buf_cstr(&buf), "abc");
    buf_free(&buf);
}

static const struct unit_test tests[] = {{"limit", test_limit}};
UNIT_SUITE(buf, tests);
