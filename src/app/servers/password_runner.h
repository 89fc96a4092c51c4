/*
 * password_runner: the password helper's own process, and what it is told and answers.
 */
#ifndef FCGI_SMTP_APP_PASSWORD_RUNNER_H
#define FCGI_SMTP_APP_PASSWORD_RUNNER_H

#include <stddef.h>
#include <stdint.h>

#include "fcgi_smtp/deadline.h"

/* One datagram, with the socket (SCM_RIGHTS) that the answer is written to. */
struct password_order {
    uint64_t index; /* of the program */
    deadline until; /* the clock is the same in both processes */
};

enum password_result { PASSWORD_RUN_GOOD, PASSWORD_RUN_FAILED, PASSWORD_RUN_TIMED_OUT };

struct password_answer {
    uint32_t result; /* enum password_result */
    uint32_t len;    /* of what follows: the program's output, or what went wrong */
};

/*
 * Takes orders from fd until its other end is closed. Called in a process of its own, which ends when this returns.
 * programs: argument vectors, count in all.
 */
void password_runner_serve(int fd, char *const *const *programs, size_t count);

#endif
