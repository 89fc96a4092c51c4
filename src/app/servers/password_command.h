/*
 * password_command: a secret that a program prints (password_command, password_ttl), such as a token that is valid
 * for an hour.
 *
 * The program is run by the password helper, without a shell, with nothing to read. The first line of its output is
 * the secret. It is kept for a time, and asked for anew when a server has refused it. Used by many threads at once; the
 * program runs once at a time, and who comes meanwhile gets that run's result.
 */
#ifndef FCGI_SMTP_APP_PASSWORD_COMMAND_H
#define FCGI_SMTP_APP_PASSWORD_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "app/servers/password_helper.h"
#include "fcgi_smtp/deadline.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/secret.h"
#include "fcgi_smtp/smtp_client.h"

struct password_command;

/*
 * The helper's program of that index; the helper must outlive it. ttl_ms: how long a secret is kept; 0: it is got each
 * time. NULL without memory.
 */
struct password_command *password_command_new(struct password_helper *helper, size_t index, int64_t ttl_ms);
void password_command_free(struct password_command *command); /* takes NULL; nobody may use it any more */

/*
 * Fills secret. With fresh, secret holds the one that was refused, and what is kept is given only if it is another one.
 * Returns by until; the program is killed then. False: err says what the program did.
 */
bool password_command_get(struct password_command *command, bool fresh, deadline until, struct secret *secret,
                          struct err *err) __attribute__((warn_unused_result));

/* For smtp_settings. command must outlive the endpoint. */
struct smtp_password_source password_command_source(struct password_command *command);

#endif
