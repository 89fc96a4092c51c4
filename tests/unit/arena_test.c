#include "fcgi_smtp/arena.h"

#include <stdint.h>

#include "unit.h"

static bool all_octets(const void *octets, size_t len, unsigned char value)
{
    const unsigned char *p = octets;
    for (size_t i = 0; i < len; i++) {
        if (p[i] != value) {
            return false;
        }
    }
    return true;
}

static void test_limit(void)
{
    struct arena arena;
    arena_init(&arena, 100);
    CU_ASSERT_PTR_NULL(arena_alloc(&arena, 101));
    CU_ASSERT_PTR_NULL(arena_alloc(&arena, SIZE_MAX));
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(&arena, 60));
    CU_ASSERT_EQUAL(arena.used, 60);
    CU_ASSERT_PTR_NULL(arena_alloc(&arena, 41));
    CU_ASSERT_PTR_NOT_NULL(arena_copy(&arena, SLICE("123456789"))); /* texts are packed: 10 octets */
    CU_ASSERT_PTR_NOT_NULL(arena_alloc(&arena, 30));
    CU_ASSERT_EQUAL(arena.used, 100);
    CU_ASSERT_PTR_NULL(arena_alloc(&arena, 1));
    CU_ASSERT_PTR_NULL(arena_alloc(&arena, 0)); /* else their number had no limit */
    arena_free(&arena);
    CU_ASSERT_PTR_NULL(arena.chunks);
    CU_ASSERT_EQUAL(arena.limit, 0);
    arena_free(&arena);
}

static void test_hostile_sizes(void)
{
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    CU_ASSERT_PTR_NULL(arena_array(&arena, SIZE_MAX / 2, 3));
    CU_ASSERT_PTR_NULL(arena_array(&arena, SIZE_MAX, 1));
    CU_ASSERT_PTR_NULL(arena_alloc(&arena, (size_t)PTRDIFF_MAX - 8));
    CU_ASSERT_PTR_NOT_NULL(arena_array(&arena, 3, 7));
    CU_ASSERT_PTR_NOT_NULL(arena_array(&arena, 0, 7));
    arena_free(&arena);
}

static void test_alignment_and_zero(void)
{
    static const size_t sizes[] = {0,   1,    2,    7,    8,    15,   16,    17,
                                   100, 1000, 1023, 1024, 1025, 5000, 70000, 300000};
    enum { ROUNDS = 20, COUNT = sizeof sizes / sizeof sizes[0] };
    unsigned char *all[ROUNDS * COUNT];
    struct arena arena;
    arena_init(&arena, 64 * 1024 * 1024);
    for (size_t i = 0; i < ROUNDS * COUNT; i++) {
        size_t size = sizes[i % COUNT];
        CU_ASSERT_PTR_NOT_NULL_FATAL(arena_copy(&arena, SLICE("x"))); /* misplaces what follows */
        all[i] = arena_alloc(&arena, size);
        CU_ASSERT_PTR_NOT_NULL_FATAL(all[i]);
        CU_ASSERT_EQUAL((uintptr_t)all[i] % _Alignof(max_align_t), 0);
        CU_ASSERT_TRUE(all_octets(all[i], size, 0));
        memset(all[i], (int)(i & 0xFF), size);
    }
    for (size_t i = 0; i < ROUNDS * COUNT; i++) { /* nothing overlaps */
        CU_ASSERT_TRUE(all_octets(all[i], sizes[i % COUNT], (unsigned char)i));
    }
    arena_free(&arena);
}

static void test_texts(void)
{
    struct arena arena;
    arena_init(&arena, 1000);
    char *copy = arena_copy(&arena, (struct slice){"abcdef", 3});
    CU_ASSERT_STRING_EQUAL(copy, "abc");
    CU_ASSERT_STRING_EQUAL(arena_copy(&arena, (struct slice){NULL, 0}), "");
    CU_ASSERT_STRING_EQUAL(arena_printf(&arena, "%s-%d", copy, 42), "abc-42");
    CU_ASSERT_STRING_EQUAL(arena_printf(&arena, "%s", ""), "");
    CU_ASSERT_PTR_NULL(arena_printf(&arena, "%1000d", 1));
    CU_ASSERT_PTR_NOT_NULL(arena_printf(&arena, "%900d", 1));
    CU_ASSERT_PTR_NULL(arena_copy(&arena, (struct slice){"", SIZE_MAX}));
    CU_ASSERT_STRING_EQUAL(copy, "abc");
    arena_free(&arena);
}

struct pair {
    int a;
    int64_t b;
};

static void test_push(void)
{
    struct arena arena;
    void *array = NULL;
    size_t count = 0;
    size_t cap = 0;
    arena_init(&arena, 1024 * 1024);
    for (int i = 0; i < 1000; i++) {
        struct pair *pair = arena_push(&arena, &array, &count, &cap, sizeof *pair);
        CU_ASSERT_PTR_NOT_NULL_FATAL(pair);
        CU_ASSERT_TRUE(pair->a == 0 && pair->b == 0);
        *pair = (struct pair){i, -i};
    }
    CU_ASSERT_EQUAL(count, 1000);
    const struct pair *pairs = array;
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT_TRUE(pairs[i].a == i && pairs[i].b == -i);
    }
    arena_free(&arena);
}

static void test_push_at_limit(void)
{
    struct arena arena;
    void *array = NULL;
    size_t count = 0;
    size_t cap = 0;
    arena_init(&arena, (8 + 9) * sizeof(struct pair));
    for (size_t i = 0; i < 9; i++) { /* doubling to 16 would not fit, one more does */
        CU_ASSERT_PTR_NOT_NULL(arena_push(&arena, &array, &count, &cap, sizeof(struct pair)));
    }
    CU_ASSERT_PTR_NULL(arena_push(&arena, &array, &count, &cap, sizeof(struct pair)));
    CU_ASSERT_EQUAL(count, 9);
    arena_free(&arena);
}

static const struct unit_test tests[] = {
    {"limit", test_limit},
    {"hostile sizes", test_hostile_sizes},
    {"alignment and zero", test_alignment_and_zero},
    {"texts", test_texts},
    {"push", test_push},
    {"push at the limit", test_push_at_limit},
};
UNIT_SUITE(arena, tests);
