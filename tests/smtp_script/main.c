/*
 * smtp_script [options] SCENARIO: plays a scenario file, see smtp_script.h. Prints `port N` when it is ready.
 * Ends at SIGTERM or SIGINT, or when --connections have ended; SIGUSR1 opens all gates. The failures are
 * printed on stderr. Exit status 0 when all expectations held, 1 when one failed, 2 when it could not begin.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bytes.h"
#include "smtp_script.h"

enum { EXIT_USAGE = 2 };

static const char usage[] = "usage: smtp_script [options] SCENARIO\n"
                            "  --listen ADDRESS      127.0.0.1, ::1, unix:/path\n"
                            "  --port N              instead of any free one\n"
                            "  --cert FILE --key FILE\n"
                            "  --cert-dir DIR        where TLS cert=NAME looks, and valid.pem\n"
                            "  --tls-min V --tls-max V\n"
                            "  --messages DIR        gets message-1.eml ...\n"
                            "  --transcript FILE     gets each line as it comes\n"
                            "  --receive-buffer N    SO_RCVBUF\n"
                            "  --grace MS            after the stop\n"
                            "  --connections N       ends after so many\n";

struct command {
    struct smtp_script_options options;
    long connections; /* 0: until a signal */
};

/* False: it is no number up to max. */
static bool parse_number(const char *text, long max, long *number)
{
    char *end;
    errno = 0;
    *number = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *number >= 0 && *number <= max;
}

/* False: usage. */
static bool take_option(struct command *command, int option)
{
    struct smtp_script_options *options = &command->options;
    long number;
    switch (option) {
    case 'l':
        options->listen = optarg;
        return true;
    case 'p':
        options->port = parse_number(optarg, UINT16_MAX, &number) ? (uint16_t)number : 0;
        return options->port > 0;
    case 'c':
        options->cert_file = optarg;
        return true;
    case 'k':
        options->key_file = optarg;
        return true;
    case 'd':
        options->cert_dir = optarg;
        return true;
    case 'i':
        options->tls_min = optarg;
        return true;
    case 'a':
        options->tls_max = optarg;
        return true;
    case 'm':
        options->message_dir = optarg;
        return true;
    case 't':
        options->transcript_file = optarg;
        return true;
    case 'r':
        options->receive_buffer = parse_number(optarg, INT_MAX, &number) ? (int)number : 0;
        return options->receive_buffer > 0;
    case 'g':
        options->grace_ms = parse_number(optarg, INT_MAX, &number) ? (int)number : 0;
        return options->grace_ms > 0;
    case 'n':
        return parse_number(optarg, LONG_MAX, &command->connections);
    default:
        return false;
    }
}

static bool parse_arguments(struct command *command, int argc, char **argv)
{
    static const struct option known[] = {{"listen", required_argument, NULL, 'l'},
                                          {"port", required_argument, NULL, 'p'},
                                          {"cert", required_argument, NULL, 'c'},
                                          {"key", required_argument, NULL, 'k'},
                                          {"cert-dir", required_argument, NULL, 'd'},
                                          {"tls-min", required_argument, NULL, 'i'},
                                          {"tls-max", required_argument, NULL, 'a'},
                                          {"messages", required_argument, NULL, 'm'},
                                          {"transcript", required_argument, NULL, 't'},
                                          {"receive-buffer", required_argument, NULL, 'r'},
                                          {"grace", required_argument, NULL, 'g'},
                                          {"connections", required_argument, NULL, 'n'},
                                          {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (!take_option(command, option)) {
            return false;
        }
    }
    return optind == argc - 1;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return NULL;
    }
    struct script_bytes text = {0};
    size_t got;
    do {
        got = fread(script_bytes_space(&text, 65536), 1, 65536, file);
        text.size += got;
    } while (got > 0);
    script_bytes_text(&text, "");
    fclose(file);
    return (char *)text.data;
}

/* Until a signal, or the connections have ended. */
static void serve(struct smtp_script *script, const sigset_t *signals, long connections)
{
    for (;;) {
        struct timespec pause = {.tv_nsec = 20000000};
        int got = connections > 0 ? sigtimedwait(signals, NULL, &pause) : sigwaitinfo(signals, NULL);
        if (got == SIGUSR1) {
            smtp_script_open(script, NULL);
        }
        if (got == SIGTERM || got == SIGINT) {
            return;
        }
        if (connections > 0 && smtp_script_wait(script, (size_t)connections, 0)) {
            return;
        }
    }
}

static int run(struct command *command, const sigset_t *signals)
{
    char *error = NULL;
    struct smtp_script *script = smtp_script_start(&command->options, &error);
    if (script == NULL) {
        fprintf(stderr, "%s: %s\n", command->options.name, error);
        free(error);
        return EXIT_USAGE;
    }
    printf("port %u\n", (unsigned)smtp_script_port(script));
    fflush(stdout);
    serve(script, signals, command->connections);
    bool good = smtp_script_stop(script);
    char *report = smtp_script_report(script);
    fputs(report, stderr);
    free(report);
    smtp_script_free(script);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct command command = {0};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (!parse_arguments(&command, argc, argv)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    const char *path = argv[optind];
    char *text = read_file(path);
    if (text == NULL) {
        perror(path);
        return EXIT_USAGE;
    }
    command.options.name = path;
    command.options.scenario = text;
    int status = run(&command, &signals);
    free(text);
    return status;
}
