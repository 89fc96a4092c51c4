/*
 * send_command: --send, one mail from the command line.
 */
#ifndef FCGI_SMTP_CLI_SEND_COMMAND_H
#define FCGI_SMTP_CLI_SEND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/config.h"

/* Whether an argument is KEY=VALUE with a key. */
bool send_command_is_field(const char *argument);

/*
 * The fields are those of POST /send, as KEY=VALUE; text, body, html, subject and attachment take a file as KEY=@PATH,
 * where "-" is standard input. Writes the answer's JSON to standard output and, if verbose, the dialogue to standard
 * error. True: the mail was sent to all recipients, or it was a dry run.
 *
 * Recipients, senders and the choice among the configuration's servers are not restricted: config's allow is widened,
 * and it is taken over.
 */
bool send_command(struct config *config, char *const *fields, size_t count, bool verbose);

#endif
