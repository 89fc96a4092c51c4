/*
 * Whatever can fail comes first: the file, what it would need a restart for, memory for the server's options, and the app's
 * own. Only then does anything change.
 */
#include "cli/reload.h"

#include <stdio.h>
#include <string.h>

#include "cli/server_options.h"
#include "fcgi_smtp/config.h"
#include "fcgi_smtp/log.h"

#define NUMBER_MAX 24

/* Each line of a report is a line of the log. */
static void log_lines(enum log_level level, const struct buf *lines)
{
    struct slice rest = buf_slice(lines);
    while (rest.len > 0) {
        const char *end = memchr(rest.data, '\n', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.data) : rest.len;
        log_message(level, "%.*s", (int)len, rest.data);
        slice_skip(&rest, end != NULL ? len + 1 : len);
    }
}

struct sandbox_report {
    struct config_report report; /* the first, by which the whole is found */
    const struct sandbox *sandbox;
};

static void check_further(const struct config *config, struct config_report *report)
{
    const struct sandbox_report *whole = (const struct sandbox_report *)report;
    app_check(config, report);
    sandbox_check(whole->sandbox, config, report);
}

/* NULL: the file has problems, or asks for what only a restart can bring; both were logged. */
static struct config *load(const struct reload *reload)
{
    bool handed_over = reload->handed_over >= 0;
    struct sandbox_report whole = {.sandbox = reload->sandbox};
    struct config_report *report = &whole.report;
    config_report_init(report);
    report->further = check_further;
    struct config *config = config_load(reload->path, handed_over, report);
    if (config != NULL && !config_reload_check(app_config(reload->app), config, handed_over, report)) {
        config_free(config);
        config = NULL;
    }
    log_lines(LOG_LEVEL_WARNING, &report->warnings);
    log_lines(LOG_LEVEL_ERROR, &report->problems);
    config_report_free(report);
    return config;
}

static struct slice number(char text[NUMBER_MAX], size_t value)
{
    (void)snprintf(text, NUMBER_MAX, "%zu", value);
    return slice_of(text);
}

static void log_success(const struct reload *reload, const struct app_reloaded *reloaded)
{
    const struct config *config = app_config(reload->app);
    char numbers[5][NUMBER_MAX];
    const struct log_field fields[] = {
        {"config", slice_of(reload->path), false},
        {"servers_kept", number(numbers[0], reloaded->servers_kept), true},
        {"servers_opened", number(numbers[1], reloaded->servers_opened), true},
        {"servers_closed", number(numbers[2], reloaded->servers_closed), true},
        {"keys", number(numbers[3], config->key_count), true},
        {"forms", number(numbers[4], config->form_count), true},
    };
    log_event(LOG_LEVEL_INFO, "configuration reloaded", fields, sizeof fields / sizeof fields[0]);
}

/* Takes config and options over. False, as was logged: nothing has changed. */
static bool apply(const struct reload *reload, struct config *config, struct http_server_options *options)
{
    struct config_log log = config->log;
    struct app_reloaded reloaded;
    struct err err = {0};
    if (!app_reload(reload->app, config, &reloaded, &err)) {
        server_options_free(options);
        log_message(LOG_LEVEL_ERROR, "%s: %s", reload->path, err.text);
        return false;
    }
    http_server_configure(reload->server, options);
    log_open(log.level, log.format, log.to);
    log_success(reload, &reloaded);
    return true;
}

static bool load_and_apply(const struct reload *reload)
{
    struct http_server_options options;
    struct config *config = load(reload);
    if (config == NULL || !server_options_of(&options, config, reload->handed_over)) {
        config_free(config);
        app_reload_refused(reload->app);
        return false;
    }
    return apply(reload, config, &options);
}

bool reload_now(const struct reload *reload)
{
    if (!load_and_apply(reload)) {
        log_message(LOG_LEVEL_ERROR, "%s was not taken: the running configuration stays as it is",
                    reload->path);
        return false;
    }
    return true;
}
