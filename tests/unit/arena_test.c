#include "fcgi_smtp/arena.h"

#include "unit.h"

static void test_limit(void)
{
    struct arena arena;
    arena_init(&arena, 100);
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(&arena, 100));
    CU_ASSERT_PTR_NULL(arena_alloc(&arena, 1));
    arena_free(&arena);
}

static const struct unit_test tests[] = {{"limit", test_limit}};
UNIT_SUITE(arena, tests);
