/*
 * child: runs a program and takes what it prints.
 */
#ifndef FCGI_SMTP_APP_CHILD_H
#define FCGI_SMTP_APP_CHILD_H

#include <stdbool.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/deadline.h"
#include "fcgi_smtp/err.h"

struct child_limits {
    deadline until; /* the program is killed then, with its process group */
    int hangup_fd;  /* likewise once the other end of this socket or pipe is closed; -1: there is none */
};

/*
 * Runs argv (looked up in PATH, without a shell; ended by NULL) with an empty standard input and appends its standard
 * output to out, up to out's limit. False when it cannot be run, ends other than with status 0, prints more than the
 * limit, or has not ended within limits (*timed_out: by until): err says which, with the first line of its standard error.
 */
bool child_run(char *const *argv, const struct child_limits *limits, struct buf *out, bool *timed_out,
               struct err *err) __attribute__((warn_unused_result));

#endif
