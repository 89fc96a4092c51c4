/*
 * The command line and the wiring: configuration -> app -> server. The only place that exits.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/handover.h"
#include "cli/health.h"
#include "cli/new_key.h"
#include "cli/options.h"
#include "cli/send_command.h"
#include "cli/serve.h"
#include "cli/service.h"
#include "cli/test_server.h"
#include "fcgi_smtp/app.h"
#include "fcgi_smtp/config.h"
#include "fcgi_smtp/log.h"

#define LARGE_BUFFER (48 * 1024) /* octets, from which on a buffer is one */

/* Secrets must not get into a core file or be read by a debugger of the same user. */
static void protect_memory(void)
{
#ifndef FCGI_SMTP_SANITIZED
    (void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

/*
 * The buffers of large uploads are given back when they are freed: otherwise malloc keeps, for each of its arenas, the
 * most that was ever in use there.
 */
static void return_large_buffers(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BUFFER);
    (void)mallopt(M_TRIM_THRESHOLD, LARGE_BUFFER);
    (void)mallopt(M_TOP_PAD, LARGE_BUFFER / 4);
}

/* Connections and deliveries take a few descriptors each; the soft limit is often 1,024. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Loads and checks the file; what is wrong with it goes to standard error. */
static struct config *load(const char *path, int handed_over)
{
    struct config_report report;
    config_report_init(&report);
    report.further = app_check;
    struct config *config = config_load(path, handed_over >= 0, &report);
    (void)fputs(buf_cstr(&report.warnings), stderr);
    (void)fputs(buf_cstr(&report.problems), stderr);
    config_report_free(&report);
    return config;
}

static int print_config(const struct config *config)
{
    struct buf text;
    buf_init(&text, (size_t)4 * 1024 * 1024);
    bool good = config_print(config, &text) && fwrite(text.data, 1, text.len, stdout) == text.len;
    buf_free(&text);
    return good && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Takes config over. */
static int serve_until_told(struct config *config, const char *path, int handed_over)
{
    enum serve_result result = serve(config, path, handed_over);
    if (result == SERVE_STUCK) {
        _exit(EXIT_FAILURE); /* threads may still be in a delivery: nothing that they use can be freed */
    }
    if (result == SERVE_REFUSED) {
        return EX_CONFIG;
    }
    return result == SERVE_DONE ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int ask_health(const char *address, const struct config *config)
{
    struct err err = {0};
    if (health_ask(address != NULL ? address : config->listen, config->base_path, HEALTH_TIMEOUT_MS, &err)) {
        return EXIT_SUCCESS;
    }
    (void)fprintf(stderr, "fcgi-smtp: %s\n", err.text);
    return EXIT_FAILURE;
}

/* The commands that only look at it. */
static int answer_from_config(const struct cli_options *options, const struct config *config)
{
    switch (options->command) {
    case CLI_PRINT_CONFIG:
        return print_config(config);
    case CLI_HEALTH:
        return ask_health(options->operand, config);
    default:
        return printf("%s: ok\n", options->config) > 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
}

static int run_with_config(const struct cli_options *options)
{
    int handed_over = -1;
    struct err err = {0};
    log_open(LOG_LEVEL_WARNING, LOG_FORMAT_LOGFMT, LOG_TO_STDERR); /* until the configuration says how */
    if (!handover_find(&handed_over, &err)) {
        log_message(LOG_LEVEL_ERROR, "%s", err.text);
        return EX_CONFIG;
    }
    struct config *config = load(options->config, handed_over);
    if (config == NULL) {
        return EX_CONFIG;
    }
    switch (options->command) {
    case CLI_TEST_SERVER:
        return test_server(config, options->operand, options->verbose) ? EXIT_SUCCESS : EXIT_FAILURE;
    case CLI_SEND:
        return send_command(config, options->fields, options->field_count, options->verbose) ? EXIT_SUCCESS
                                                                                             : EXIT_FAILURE;
    case CLI_SERVE:
        return serve_until_told(config, options->config, handed_over);
    default:
        break;
    }
    int status = answer_from_config(options, config);
    config_free(config);
    return status;
}

int main(int argc, char **argv)
{
    struct cli_options options = cli_parse(argc, argv);
    switch (options.command) {
    case CLI_USAGE_ERROR:
        return EX_USAGE;
    case CLI_HELP:
        (void)fputs(cli_help, stdout);
        return EXIT_SUCCESS;
    case CLI_VERSION:
        (void)puts("fcgi-smtp " FCGI_SMTP_VERSION);
        return EXIT_SUCCESS;
    case CLI_NEW_KEY:
        protect_memory();
        return new_key(options.operand, stdout, stderr) ? EXIT_SUCCESS : EXIT_FAILURE;
    default:
        protect_memory();
        raise_descriptor_limit();
        return_large_buffers();
        return run_with_config(&options);
    }
}
