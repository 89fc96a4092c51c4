/*
 * getopt_long's permutation lets an option stand anywhere and gathers what is no option at the end. One command is
 * wanted: of two the second would silently win.
 */
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>

#include "cli/send_command.h"
#include "fcgi_smtp/config.h"

const char cli_help[] =
    "Usage: fcgi-smtp [--config FILE]\n"
    "       fcgi-smtp --check | --print-config [--config FILE]\n"
    "       fcgi-smtp --health [ADDRESS] [--config FILE]\n"
    "       fcgi-smtp --test-server [NAME] [--verbose] [--config FILE]\n"
    "       fcgi-smtp --send KEY=VALUE... [--verbose] [--config FILE]\n"
    "       fcgi-smtp --new-key NAME\n"
    "\n"
    "A FastCGI application that gives nginx a mail API: an HTTP form becomes a mail,\n"
    "delivered over SMTP before the answer is given.\n"
    "\n"
    "  -c, --config FILE       the configuration (default: " CONFIG_DEFAULT_PATH ")\n"
    "  -t, --check             check the configuration, print what is wrong, and exit\n"
    "  -p, --print-config      print the effective configuration without its secrets\n"
    "      --health [ADDRESS]  ask the running program at ADDRESS (unix:/path, HOST:PORT;\n"
    "                          default: the configuration's listen) whether it answers\n"
    "      --test-server [NAME]\n"
    "                          connect to a server of the configuration as a delivery does\n"
    "                          (default: the one that is used when a request names none)\n"
    "                          and show each step with its time; no mail is sent\n"
    "      --send KEY=VALUE... send one mail with the fields of POST /send and print the\n"
    "                          answer's JSON; text, body, html, subject and attachment take\n"
    "                          a file as KEY=@FILE (@-: standard input). allow.recipients,\n"
    "                          allow.senders and allow.servers do not restrict it\n"
    "  -v, --verbose           with these two: show the dialogue, secrets as ***\n"
    "      --new-key NAME      print a new API key, once, and the lines that make it known\n"
    "                          to the configuration\n"
    "  -V, --version           print the version\n"
    "  -h, --help              print this help\n"
    "\n"
    "Without a command it serves: on the socket that spawn-fcgi (descriptor 0) or\n"
    "systemd (LISTEN_FDS) handed over, else where the configuration's listen says.\n"
    "SIGTERM ends it once the requests in work are answered, SIGHUP makes it read the\n"
    "configuration again.\n"
    "Exit status: 0 success (--send: sent to all recipients, or a dry run), 1 failure,\n"
    " 64 wrong usage, 78 wrong configuration.\n";

enum { OPTION_HEALTH = 256, OPTION_TEST_SERVER, OPTION_SEND, OPTION_NEW_KEY };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"check", no_argument, NULL, 't'},
    {"print-config", no_argument, NULL, 'p'},
    {"health", optional_argument, NULL, OPTION_HEALTH},
    {"test-server", optional_argument, NULL, OPTION_TEST_SERVER},
    {"send", no_argument, NULL, OPTION_SEND},
    {"new-key", required_argument, NULL, OPTION_NEW_KEY},
    {"verbose", no_argument, NULL, 'v'},
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
    case OPTION_TEST_SERVER:
        return CLI_TEST_SERVER;
    case OPTION_SEND:
        return CLI_SEND;
    case OPTION_NEW_KEY:
        return CLI_NEW_KEY;
    case 'V':
        return CLI_VERSION;
    case 'h':
        return CLI_HELP;
    default:
        return CLI_USAGE_ERROR;
    }
}

static bool takes_operand(enum cli_command command)
{
    return command == CLI_HEALTH || command == CLI_TEST_SERVER || command == CLI_NEW_KEY;
}

static bool take_option(struct cli_options *options, int option)
{
    if (option == 'c') {
        options->config = optarg;
        return true;
    }
    if (option == 'v') {
        options->verbose = true;
        return true;
    }
    enum cli_command command = command_of(option);
    bool second = options->command != CLI_SERVE && options->command != command;
    if (command == CLI_USAGE_ERROR) {
        (void)fputs("see fcgi-smtp --help\n", stderr);
    } else if (second) {
        (void)fputs("fcgi-smtp: give one command, not several; see fcgi-smtp --help\n", stderr);
        command = CLI_USAGE_ERROR;
    }
    options->command = command;
    options->operand = takes_operand(command) ? optarg : options->operand;
    return command != CLI_USAGE_ERROR;
}

static void refuse(struct cli_options *options, const char *what, const char *argument)
{
    (void)fprintf(stderr, "fcgi-smtp: %s%s%s%s; see fcgi-smtp --help\n", what, argument != NULL ? " \"" : "",
                  argument != NULL ? argument : "", argument != NULL ? "\"" : "");
    options->command = CLI_USAGE_ERROR;
}

static void take_fields(struct cli_options *options, char **arguments, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!send_command_is_field(arguments[i])) {
            refuse(options, "--send takes fields as KEY=VALUE, not", arguments[i]);
            return;
        }
    }
    options->fields = arguments;
    options->field_count = count;
    if (count == 0) {
        refuse(options, "--send needs fields as KEY=VALUE", NULL);
    }
}

/* What is no option. */
static void take_arguments(struct cli_options *options, char **arguments, size_t count)
{
    if (options->command == CLI_SEND) {
        take_fields(options, arguments, count);
        return;
    }
    /* "--health ADDRESS" as well as "--health=ADDRESS". */
    bool operand = takes_operand(options->command) && options->operand == NULL && count > 0;
    if (operand) {
        options->operand = arguments[0];
    }
    size_t used = operand ? 1 : 0;
    if (used < count) {
        refuse(options, "unexpected argument", arguments[used]);
    }
}

struct cli_options cli_parse(int argc, char **argv)
{
    struct cli_options options = {.command = CLI_SERVE, .config = CONFIG_DEFAULT_PATH};
    for (int option = getopt_long(argc, argv, "c:tpvVh", long_options, NULL); option != -1;
         option = getopt_long(argc, argv, "c:tpvVh", long_options, NULL)) {
        if (!take_option(&options, option)) {
            return options;
        }
    }
    if (options.verbose && options.command != CLI_TEST_SERVER && options.command != CLI_SEND) {
        refuse(&options, "--verbose is for --test-server and --send", NULL);
        return options;
    }
    take_arguments(&options, argv + optind, (size_t)(argc - optind));
    if (options.command == CLI_NEW_KEY && !config_name_valid(slice_of(options.operand))) {
        refuse(&options, "--new-key needs a name of 1 to 64 letters, digits, \"-\", \"_\" and \".\", not",
               options.operand);
    }
    return options;
}
