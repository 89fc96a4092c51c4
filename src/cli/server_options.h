/*
 * server_options: a configuration as the options of the FastCGI server.
 */
#ifndef FCGI_SMTP_CLI_SERVER_OPTIONS_H
#define FCGI_SMTP_CLI_SERVER_OPTIONS_H

#include <stdbool.h>

#include "fcgi_smtp/config.h"
#include "fcgi_smtp/http_server.h"

/* Borrows config's strings. handed_over: a listening socket, or -1. False without memory. */
bool server_options_of(struct http_server_options *options, const struct config *config, int handed_over)
    __attribute__((warn_unused_result));
void server_options_free(struct http_server_options *options);

#endif
