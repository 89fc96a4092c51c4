/*
 * test_server: --test-server, which shows step by step how a server answers, and sends no mail.
 */
#ifndef FCGI_SMTP_CLI_TEST_SERVER_H
#define FCGI_SMTP_CLI_TEST_SERVER_H

#include <stdbool.h>

#include "fcgi_smtp/config.h"

/*
 * Takes config over. name: NULL for all the servers that are tried when a request names none. Writes to standard output.
 * True: all went well, up to AUTH if the server has a user.
 */
bool test_server(struct config *config, const char *name, bool verbose);

#endif
