/*
 * password_helper: a small process that runs the programs of password_command, so that this one need not be able to.
 *
 * It is forked before there are threads and before the sandbox, and knows the programs from then on: it is asked by
 * index, never by a command line. It holds no descriptor of ours, runs several programs at once, and ends with this
 * process. When it has ended it stays so, and every run fails.
 */
#ifndef FCGI_SMTP_APP_PASSWORD_HELPER_H
#define FCGI_SMTP_APP_PASSWORD_HELPER_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/config.h"
#include "fcgi_smtp/deadline.h"
#include "fcgi_smtp/err.h"

struct password_helper;

/* With the programs of all servers; *helper is NULL where none has any. False: it cannot be started. */
bool password_helper_start(struct password_helper **helper, const struct config *config, struct err *err)
    __attribute__((warn_unused_result));

/* Takes NULL; nobody may use it any more. Waits until the process has ended. */
void password_helper_free(struct password_helper *helper);

/* The index of a program that the helper was started with, with these very arguments; helper may be NULL. */
bool password_helper_find(const struct password_helper *helper, const struct config_strings *argv,
                          size_t *index) __attribute__((warn_unused_result));

/* What the program is called: valid as long as the helper is. */
const char *password_helper_name(const struct password_helper *helper, size_t index);

/* child_run of the program of that index, in the helper. Returns by until; also when the helper has ended. */
bool password_helper_run(struct password_helper *helper, size_t index, deadline until, struct buf *out,
                         bool *timed_out, struct err *err) __attribute__((warn_unused_result));

#endif
