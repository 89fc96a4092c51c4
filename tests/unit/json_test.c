#include "fcgi_smtp/json.h"

#include "unit.h"

static void test_write(void)
{
    struct buf out;
    buf_init(&out, 1000);
    struct json *json = json_object_new();
    json_set_string(json, "b", "x\xff\n");
    json_set_int(json, "a", -1);
    CU_ASSERT_TRUE(json_write(json, &out));
    CU_ASSERT_STRING_EQUAL(buf_cstr(&out), "{\"b\":\"x?\\n\",\"a\":-1}");
    json_free(json);
    buf_free(&out);
}

static const struct unit_test tests[] = {{"write", test_write}};
UNIT_SUITE(json, tests);
