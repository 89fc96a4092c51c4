#include "core/log_line.h"

#include "unit.h"

static void test_logfmt(void)
{
    struct timespec time = {1795532400, 7000000};
    struct log_line line;
    struct log_event event = {&time, LOG_LEVEL_INFO, SLICE("a\nb"), NULL, 0};
    log_line_write(&line, LOG_LOGFMT, &event);
    struct slice expected = SLICE("ts=2026-11-24T15:00:00.007Z level=info msg=\"a\\nb\"\n");
    CU_ASSERT_TRUE(slice_equal((struct slice){line.text, line.len}, expected));
}

static const struct unit_test tests[] = {{"logfmt", test_logfmt}};
UNIT_SUITE(log, tests);
