/*
 * What a configuration may change while the program runs. Two are compared by the table of keys, so that none that is added
 * later can be forgotten.
 */
#include <stdio.h>
#include <string.h>

#include "config/schema.h"
#include "config/tree.h"
#include "fcgi_smtp/config.h"

static bool same_string(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_strings(const struct config_strings *a, const struct config_strings *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->items[i], b->items[i]) == 0;
    }
    return same;
}

static bool same_numbers(const struct config_numbers *a, const struct config_numbers *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->items, b->items, a->count * sizeof *a->items) == 0);
}

static bool same_pairs(const struct config_pairs *a, const struct config_pairs *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->items[i].name, b->items[i].name) == 0 &&
               strcmp(a->items[i].value, b->items[i].value) == 0;
    }
    return same;
}

/* Whether a key has the same value in two structs. Those that hold whole structs count as different. */
static bool same_value(const struct schema_key *key, const void *a, const void *b)
{
    const void *left = (const char *)a + key->offset;
    const void *right = (const char *)b + key->offset;
    switch (key->type) {
    case SCHEMA_STRING:
    case SCHEMA_TEXT:
        return same_string(*(char *const *)left, *(char *const *)right);
    case SCHEMA_SECRET:
        return secret_equal(left, right);
    case SCHEMA_BOOL:
        return *(const bool *)left == *(const bool *)right;
    case SCHEMA_NUMBER:
    case SCHEMA_DURATION:
    case SCHEMA_SIZE:
    case SCHEMA_MODE:
        return *(const int64_t *)left == *(const int64_t *)right;
    case SCHEMA_WORD:
    case SCHEMA_WORDS:
        return *(const unsigned *)left == *(const unsigned *)right;
    case SCHEMA_STRINGS:
        return same_strings(left, right);
    case SCHEMA_NUMBERS:
        return same_numbers(left, right);
    case SCHEMA_PAIRS:
        return same_pairs(left, right);
    default:
        return false;
    }
}

bool config_server_equal(const struct config_server *a, const struct config_server *b)
{
    bool same = strcmp(a->name, b->name) == 0;
    for (size_t i = 0; i < schema_key_count; i++) {
        const struct schema_key *key = &schema_keys[i];
        if (schema_within(key, SCHEMA_SERVER)) {
            same = same_value(key, a, b) && same;
        }
    }
    return same;
}

/* --- what needs a restart --- */

struct checking {
    const struct config *running, *next;
    struct config_report *report;
    bool good;
};

static void refuse(struct checking *checking, const char *path, const char *text)
{
    config_report_add(checking->report, checking->next, path, text);
    checking->good = false;
}

/* A key of the root. */
static void must_stay(struct checking *checking, const char *path)
{
    for (size_t i = 0; i < schema_key_count; i++) {
        const struct schema_key *key = &schema_keys[i];
        if (strcmp(key->path, path) == 0 && !same_value(key, checking->running, checking->next)) {
            refuse(checking, path,
                   "is not what the program was started with; a restart is needed to change it");
        }
    }
}

static bool has_command(const struct config *config, const struct config_strings *argv)
{
    for (size_t i = 0; i < config->server_count; i++) {
        if (same_strings(&config->servers[i].password_command, argv)) {
            return true;
        }
    }
    return false;
}

/* No program is run that was not named at the start. */
static void commands_must_be_known(struct checking *checking)
{
    for (size_t i = 0; i < checking->next->server_count; i++) {
        const struct config_server *server = &checking->next->servers[i];
        if (server->password_command.count > 0 &&
            !has_command(checking->running, &server->password_command)) {
            char path[TREE_PATH_MAX];
            (void)snprintf(path, sizeof path, "servers.%s.password_command[0]", server->name);
            refuse(checking, path,
                   "is a command that the program does not have yet; a restart is needed for a new one");
        }
    }
}

bool config_reload_check(const struct config *running, const struct config *next, bool handed_over,
                         struct config_report *report)
{
    struct checking checking = {running, next, report, true};
    if (!handed_over) { /* the socket is there, by whatever it was opened */
        must_stay(&checking, "listen");
        must_stay(&checking, "listen_mode");
        must_stay(&checking, "listen_group");
    }
    must_stay(&checking, "workers");
    must_stay(&checking, "sandbox");
    commands_must_be_known(&checking);
    return checking.good;
}
