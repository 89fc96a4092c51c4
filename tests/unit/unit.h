/* What each unit test file defines: one suite and its tests. */
#ifndef FCGI_SMTP_TESTS_UNIT_H
#define FCGI_SMTP_TESTS_UNIT_H

#include <CUnit/CUnit.h>
#include <stddef.h>

struct unit_test {
    const char *name;
    void (*run)(void);
};

struct unit_suite {
    const struct unit_test *tests;
    size_t count;
};

/* static const struct unit_test tests[] = {...}; UNIT_SUITE(buf, tests); */
#define UNIT_SUITE(suite, tests)                                                                             \
    const struct unit_suite suite_##suite = {(tests), sizeof(tests) / sizeof((tests)[0])}

#define UNIT_DECLARE(suite) extern const struct unit_suite suite_##suite

#endif
