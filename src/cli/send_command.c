/*
 * Whoever runs the command can read the configuration, its password included, so a policy would hinder only honest
 * use: it is opened in the configuration's copy of this process, and the way of a mail is the one that requests go.
 */
#include "cli/send_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/dialogue.h"
#include "fcgi_smtp/app.h"
#include "fcgi_smtp/buf.h"

#define CHUNK_SIZE ((size_t)16 * 1024) /* octets of a file read at once */
#define ANSWER_MAX HTTP_RESPONSE_BODY_MAX

struct command {
    char *const *fields;
    size_t count;
};

bool send_command_is_field(const char *argument)
{
    const char *equals = strchr(argument, '=');
    return equals != NULL && equals > argument;
}

/* The fields that can be long, or are files by their nature; in all others "@" is a character. */
static bool takes_file(struct slice name)
{
    static const char *const names[] = {"text", "body", "html", "subject", "attachment"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (slice_equal(name, slice_of(names[i]))) {
            return true;
        }
    }
    return false;
}

static enum form_result unreadable(struct slice name, const char *path, struct err *err)
{
    char reason[128];
    err_set_field(err, name.data, name.len);
    err_set(err, "%s cannot be read: %s", path, strerror_r(errno, reason, sizeof reason));
    return FORM_MALFORMED;
}

static enum form_result add_content(struct fields *fields, FILE *file, struct slice name, const char *path,
                                    struct err *err)
{
    char chunk[CHUNK_SIZE];
    enum form_result result = FORM_OK;
    for (size_t len = fread(chunk, 1, sizeof chunk, file); len > 0 && result == FORM_OK;
         len = fread(chunk, 1, sizeof chunk, file)) {
        result = fields_append(fields, chunk, len, err);
    }
    return result == FORM_OK && ferror(file) != 0 ? unreadable(name, path, err) : result;
}

static enum form_result add_file(struct fields *fields, struct slice name, const char *path, struct err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    const char *slash = strrchr(path, '/');
    const char *file_name = is_stdin ? "stdin" : slash != NULL ? slash + 1 : path;
    struct form_field head = {.name = name, .is_file = true, .file_name = slice_of(file_name)};
    FILE *file = is_stdin ? stdin : fopen(path, "rbe");
    if (file == NULL) {
        return unreadable(name, path, err);
    }
    enum form_result result = fields_begin(fields, &head, err);
    if (result == FORM_OK) {
        result = add_content(fields, file, name, path, err);
        fields_end(fields);
    }
    if (!is_stdin) {
        (void)fclose(file);
    }
    return result;
}

static enum form_result add_value(struct fields *fields, struct slice name, const char *value,
                                  struct err *err)
{
    struct form_field head = {.name = name};
    enum form_result result = fields_begin(fields, &head, err);
    if (result == FORM_OK) {
        result = fields_append(fields, value, strlen(value), err);
        fields_end(fields);
    }
    return result;
}

static enum form_result fill(void *ctx, struct fields *fields, struct err *err)
{
    const struct command *command = ctx;
    enum form_result result = FORM_OK;
    for (size_t i = 0; i < command->count && result == FORM_OK; i++) {
        const char *field = command->fields[i];
        const char *value = strchr(field, '=') + 1;
        struct slice name = {field, (size_t)(value - field) - 1};
        result = value[0] == '@' && takes_file(name) ? add_file(fields, name, value + 1, err)
                                                     : add_value(fields, name, value, err);
    }
    return result;
}

/* The names of all servers; NULL without memory. They are the configuration's, the array is the caller's. */
static char **all_servers(const struct config *config)
{
    char **names = calloc(config->server_count, sizeof *names);
    for (size_t i = 0; names != NULL && i < config->server_count; i++) {
        names[i] = config->servers[i].name;
    }
    return names;
}

static bool send_with(struct config *config, const struct app_mail *mail)
{
    struct err err = {0};
    struct app *app = app_new(config, &err);
    if (app == NULL) {
        (void)fprintf(stderr, "fcgi-smtp: %s\n", err.text);
        return false;
    }
    struct buf json;
    buf_init(&json, ANSWER_MAX);
    bool good = app_send(app, mail, &json);
    bool printed = printf("%s\n", buf_cstr(&json)) > 0 && fflush(stdout) == 0;
    buf_free(&json);
    app_free(app);
    return good && printed;
}

bool send_command(struct config *config, char *const *fields, size_t count, bool verbose)
{
    static char any[] = "*";
    char *patterns[] = {any};
    char **servers = all_servers(config);
    if (servers == NULL) {
        (void)fputs("fcgi-smtp: there is no memory left\n", stderr);
        config_free(config);
        return false;
    }
    config->allow.recipients = (struct config_strings){patterns, 1};
    config->allow.senders = (struct config_strings){patterns, 1};
    config->allow.servers = (struct config_strings){servers, config->server_count};

    struct command command = {fields, count};
    struct dialogue dialogue;
    dialogue_begin(&dialogue, stderr);
    struct smtp_trace trace = {.event = dialogue_event, .ctx = &dialogue};
    struct app_mail mail = {.fill = fill, .ctx = &command, .trace = verbose ? &trace : NULL};
    bool good = send_with(config, &mail);
    free(servers);
    return good;
}
