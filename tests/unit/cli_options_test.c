#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fcgi_smtp/config.h"
#include "unit.h"

#define ARGUMENTS_MAX   8
#define FIELDS_TEXT_MAX 512

/* Parses with standard error going to text. */
static struct cli_options parse(const char *const *arguments, char *text, size_t cap)
{
    char program[] = "fcgi-smtp";
    char copies[ARGUMENTS_MAX][64];
    char *argv[ARGUMENTS_MAX + 2] = {program};
    int argc = 1;
    for (size_t i = 0; i < ARGUMENTS_MAX && arguments[i] != NULL; i++) {
        snprintf(copies[i], sizeof copies[i], "%s", arguments[i]);
        argv[argc++] = copies[i];
    }
    int file = memfd_create("stderr", MFD_CLOEXEC);
    int before = dup(STDERR_FILENO);
    CU_ASSERT_TRUE_FATAL(file >= 0 && before >= 0);
    (void)dup2(file, STDERR_FILENO);
    optind = 0; /* getopt begins anew */
    struct cli_options options = cli_parse(argc, argv);
    (void)dup2(before, STDERR_FILENO);
    ssize_t len = pread(file, text, cap - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    close(before);
    close(file);
    /* Both point into copies of ours, or at constants. */
    static char config[64];
    static char operand[64];
    static char fields[FIELDS_TEXT_MAX];
    static char *first[1] = {fields};
    fields[0] = '\0';
    for (size_t i = 0; i < options.field_count; i++) { /* joined into one */
        strcat(strcat(fields, i > 0 ? " " : ""), options.fields[i]);
    }
    options.fields = first;
    snprintf(config, sizeof config, "%s", options.config);
    options.config = config;
    if (options.operand != NULL) {
        snprintf(operand, sizeof operand, "%s", options.operand);
        options.operand = operand;
    }
    return options;
}

static void test_commands(void)
{
    static const struct {
        const char *arguments[ARGUMENTS_MAX];
        enum cli_command command;
        const char *config;  /* NULL: the default path */
        const char *operand; /* NULL: none */
    } cases[] = {
        {{NULL}, CLI_SERVE, NULL, NULL},
        {{"--config", "f"}, CLI_SERVE, "f", NULL},
        {{"--config=f"}, CLI_SERVE, "f", NULL},
        {{"-cf"}, CLI_SERVE, "f", NULL},
        {{"-c", "e", "-c", "f"}, CLI_SERVE, "f", NULL},
        {{"--check"}, CLI_CHECK, NULL, NULL},
        {{"-t", "-c", "f"}, CLI_CHECK, "f", NULL},
        {{"-tc", "f"}, CLI_CHECK, "f", NULL},
        {{"-t", "--check"}, CLI_CHECK, NULL, NULL},
        {{"--print-config"}, CLI_PRINT_CONFIG, NULL, NULL},
        {{"-p"}, CLI_PRINT_CONFIG, NULL, NULL},
        {{"--health"}, CLI_HEALTH, NULL, NULL},
        {{"--health", "unix:/s"}, CLI_HEALTH, NULL, "unix:/s"},
        {{"--health=unix:/s"}, CLI_HEALTH, NULL, "unix:/s"},
        {{"--health", "unix:/s", "-c", "f"}, CLI_HEALTH, "f", "unix:/s"},
        {{"-c", "f", "--health", "[::1]:9000"}, CLI_HEALTH, "f", "[::1]:9000"},
        {{"--test-server"}, CLI_TEST_SERVER, NULL, NULL},
        {{"--test-server", "main"}, CLI_TEST_SERVER, NULL, "main"},
        {{"--test-server=main", "-c", "f"}, CLI_TEST_SERVER, "f", "main"},
        {{"--new-key", "shop"}, CLI_NEW_KEY, NULL, "shop"},
        {{"--new-key=a.b-c_1"}, CLI_NEW_KEY, NULL, "a.b-c_1"},
        {{"-V"}, CLI_VERSION, NULL, NULL},
        {{"--version"}, CLI_VERSION, NULL, NULL},
        {{"-h"}, CLI_HELP, NULL, NULL},
        {{"--help"}, CLI_HELP, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        struct cli_options options = parse(cases[i].arguments, text, sizeof text);
        CU_ASSERT_EQUAL(options.command, cases[i].command);
        CU_ASSERT_STRING_EQUAL(options.config,
                               cases[i].config != NULL ? cases[i].config : CONFIG_DEFAULT_PATH);
        CU_ASSERT_EQUAL(options.operand != NULL, cases[i].operand != NULL);
        if (options.operand != NULL && cases[i].operand != NULL) {
            CU_ASSERT_STRING_EQUAL(options.operand, cases[i].operand);
        }
        CU_ASSERT_EQUAL(options.field_count, 0);
        CU_ASSERT_FALSE(options.verbose);
        CU_ASSERT_STRING_EQUAL(text, "");
    }
}

/* --send takes all that is no option; --verbose may stand anywhere. */
static void test_send_and_verbose(void)
{
    static const struct {
        const char *arguments[ARGUMENTS_MAX];
        enum cli_command command;
        const char *fields; /* joined by spaces */
        bool verbose;
    } cases[] = {
        {{"--send", "to=b", "text=c=d", "-c", "f"}, CLI_SEND, "to=b text=c=d", false},
        {{"-c", "f", "--send", "to=b", "subject="}, CLI_SEND, "to=b subject=", false},
        {{"to=b", "-v", "--send", "--", "h:X=-y"}, CLI_SEND, "to=b h:X=-y", true},
        {{"--send", "to=b", "-v"}, CLI_SEND, "to=b", true},
        {{"-v", "--test-server", "main"}, CLI_TEST_SERVER, "", true},
        {{"--test-server", "--verbose"}, CLI_TEST_SERVER, "", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        struct cli_options options = parse(cases[i].arguments, text, sizeof text);
        CU_ASSERT_EQUAL(options.command, cases[i].command);
        CU_ASSERT_STRING_EQUAL(options.fields[0], cases[i].fields);
        CU_ASSERT_EQUAL(options.verbose, cases[i].verbose);
        CU_ASSERT_STRING_EQUAL(text, "");
    }
}

static void test_wrong_usage(void)
{
    static const struct {
        const char *arguments[ARGUMENTS_MAX];
        const char *text;
    } cases[] = {
        {{"--nonsense"}, "--nonsense"},
        {{"-x"}, "'x'"},
        {{"--config"}, "requires an argument"},
        {{"-c"}, "requires an argument"},
        {{"--check=yes"}, "doesn't allow an argument"},
        {{"file.yaml"}, "unexpected argument \"file.yaml\"; see fcgi-smtp --help"},
        {{"--check", "file.yaml"}, "unexpected argument"},
        {{"--health", "unix:/s", "unix:/t"}, "unexpected argument \"unix:/t\""},
        {{"--health=unix:/s", "unix:/t"}, "unexpected argument \"unix:/t\""},
        {{"--check", "--print-config"}, "give one command, not several"},
        {{"--health", "-t"}, "give one command"},
        {{"-t", "-h"}, "give one command"},
        {{"-t", "--nonsense"}, "--nonsense"},
        {{"--send"}, "--send needs fields as KEY=VALUE; see fcgi-smtp --help"},
        {{"--send", "to=b", "hello"}, "--send takes fields as KEY=VALUE, not \"hello\"; see"},
        {{"--send", "=b"}, "not \"=b\""},
        {{"--send=to=b"}, "doesn't allow an argument"},
        {{"--send", "to=b", "--test-server"}, "give one command"},
        {{"--test-server", "a", "b"}, "unexpected argument \"b\""},
        {{"--new-key"}, "requires an argument"},
        {{"--new-key", "a b"},
         "--new-key needs a name of 1 to 64 letters, digits, \"-\", \"_\" and \".\", not \"a b\""},
        {{"--new-key="}, "--new-key needs a name"},
        {{"--new-key", "a\nb"}, "--new-key needs a name"},
        {{"--new-key", "a", "b"}, "unexpected argument \"b\""},
        {{"--new-key", "a", "--check"}, "give one command"},
        {{"--new-key", "a", "-v"}, "--verbose is for"},
        {{"--verbose"}, "--verbose is for --test-server and --send; see"},
        {{"-v", "--check"}, "--verbose is for"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        struct cli_options options = parse(cases[i].arguments, text, sizeof text);
        CU_ASSERT_EQUAL(options.command, CLI_USAGE_ERROR);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, cases[i].text));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "see fcgi-smtp --help\n"));
    }
}

/* Every option stands in the help. */
static void test_help(void)
{
    static const char *const words[] = {
        "--config",         "--check",   "--print-config", "--health", "--version", "--help", "--test-server",
        "--send",           "--new-key", "--verbose",      "-v",       "-c",        "-t",     "-p",
        CONFIG_DEFAULT_PATH};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        CU_ASSERT_PTR_NOT_NULL(strstr(cli_help, words[i]));
    }
}

static const struct unit_test tests[] = {
    {"commands", test_commands},
    {"send and verbose", test_send_and_verbose},
    {"wrong usage", test_wrong_usage},
    {"help", test_help},
};

UNIT_SUITE(cli_options, tests);
