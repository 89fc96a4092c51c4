/*
 * getopt_long's permutation lets an option stand anywhere. One command is wanted: of two the second would silently win.
 */
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>

#include "fcgi_smtp/config.h"

const char cli_help[] =
    "Usage: fcgi-smtp [--config FILE]\n"
    "       fcgi-smtp --check | --print-config [--config FILE]\n"
    "       fcgi-smtp --health [ADDRESS] [--config FILE]\n"
    "\n"
    "A FastCGI application that gives nginx a mail API: an HTTP form becomes a mail,\n"
    "delivered over SMTP before the answer is given.\n"
    "\n"
    "  -c, --config FILE       the configuration (default: " CONFIG_DEFAULT_PATH ")\n"
    "  -t, --check             check the configuration, print what is wrong, and exit\n"
    "  -p, --print-config      print the effective configuration without its secrets\n"
    "      --health [ADDRESS]  ask the running program at ADDRESS (unix:/path, HOST:PORT;\n"
    "                          default: the configuration's listen) whether it answers\n"
    "  -V, --version           print the version\n"
    "  -h, --help              print this help\n"
    "\n"
    "Without a command it serves: on the socket that spawn-fcgi (descriptor 0) or\n"
    "systemd (LISTEN_FDS) handed over, else where the configuration's listen says.\n"
    "SIGTERM ends it once the requests in work are answered.\n"
    "Exit status: 0 success, 1 failure, 64 wrong usage, 78 wrong configuration.\n";

enum { OPTION_HEALTH = 256 };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"check", no_argument, NULL, 't'},
    {"print-config", no_argument, NULL, 'p'},
    {"health", optional_argument, NULL, OPTION_HEALTH},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* The command of an option; CLI_USAGE_ERROR: getopt_long has said what is wrong. */
static enum cli_command command_of(int option)
{
    switch (option) {
    case 't':
        return CLI_CHECK;
    case 'p':
        return CLI_PRINT_CONFIG;
    case OPTION_HEALTH:
        return CLI_HEALTH;
    case 'V':
        return CLI_VERSION;
    case 'h':
        return CLI_HELP;
    default:
        return CLI_USAGE_ERROR;
    }
}

static bool take_option(struct cli_options *options, int option)
{
    if (option == 'c') {
        options->config = optarg;
        return true;
    }
    enum cli_command command = command_of(option);
    bool second = options->command != CLI_SERVE && options->command != command;
    if (command != CLI_USAGE_ERROR && second) {
        (void)fputs("fcgi-smtp: give one command, not several; see fcgi-smtp --help\n", stderr);
        command = CLI_USAGE_ERROR;
    }
    options->command = command;
    options->address = command == CLI_HEALTH ? optarg : options->address;
    return command != CLI_USAGE_ERROR;
}

struct cli_options cli_parse(int argc, char **argv)
{
    struct cli_options options = {.command = CLI_SERVE, .config = CONFIG_DEFAULT_PATH};
    for (int option = getopt_long(argc, argv, "c:tpVh", long_options, NULL); option != -1;
         option = getopt_long(argc, argv, "c:tpVh", long_options, NULL)) {
        if (!take_option(&options, option)) {
            return options;
        }
    }
    /* "--health ADDRESS" as well as "--health=ADDRESS". */
    if (options.command == CLI_HEALTH && options.address == NULL && optind < argc) {
        options.address = argv[optind++];
    }
    if (optind < argc) {
        (void)fprintf(stderr, "fcgi-smtp: unexpected argument \"%s\"; see fcgi-smtp --help\n", argv[optind]);
        options.command = CLI_USAGE_ERROR;
    }
    return options;
}
