#include "fcgi_smtp/blob.h"

#include "unit.h"

static void test_spill(void)
{
    struct blob_store store;
    struct blob blob;
    struct err err = {0};
    struct slice view;
    blob_store_init(&store, "/tmp", 4);
    blob_begin(&blob, &store);
    CU_ASSERT_TRUE(blob_append(&blob, "hello", 5, &err));
    CU_ASSERT_TRUE(blob.spilled);
    CU_ASSERT_TRUE(blob_view(&blob, &view, &err));
    CU_ASSERT_TRUE(slice_equal(view, SLICE("hello")));
    blob_store_free(&store);
}

static const struct unit_test tests[] = {{"spill", test_spill}};
UNIT_SUITE(blob, tests);
