/*
 * options: the command line.
 */
#ifndef FCGI_SMTP_CLI_OPTIONS_H
#define FCGI_SMTP_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum cli_command {
    CLI_SERVE,
    CLI_CHECK,
    CLI_PRINT_CONFIG,
    CLI_HEALTH,
    CLI_TEST_SERVER,
    CLI_SEND,
    CLI_NEW_KEY,
    CLI_VERSION,
    CLI_HELP,
    CLI_USAGE_ERROR
};

struct cli_options {
    enum cli_command command;
    const char *config; /* the configuration's path */
    const char
        *operand; /* --health's address, --test-server's name; NULL: the configuration's. --new-key's name */
    char *const *fields; /* of --send: KEY=VALUE, at least one */
    size_t field_count;
    bool verbose; /* --test-server and --send only */
};

/* On a usage error the reason was written to standard error. */
struct cli_options cli_parse(int argc, char **argv);

/* What --help prints. */
extern const char cli_help[];

#endif
