#include "fcgi_smtp/secret.h"

#include "unit.h"

static void test_set(void)
{
    struct secret secret = {0};
    CU_ASSERT_TRUE(secret_set(&secret, SLICE("one")));
    CU_ASSERT_TRUE(secret_set(&secret, (struct slice){secret.data + 1, 2}));
    CU_ASSERT_STRING_EQUAL(secret.data, "ne");
    secret_free(&secret);
    CU_ASSERT_PTR_NULL(secret.data);
}

static const struct unit_test tests[] = {{"set", test_set}};
UNIT_SUITE(secret, tests);
