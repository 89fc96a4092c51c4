/* attempts: what an attacker would do. */
#ifndef FCGI_SMTP_TESTS_ATTEMPTS_H
#define FCGI_SMTP_TESTS_ATTEMPTS_H

#include <stddef.h>

struct attempt {
    const char *name;
    int (*run)(void); /* 0: done; -1: errno says why not */
};

extern const struct attempt attempts[];
extern const size_t attempt_count;

#endif
