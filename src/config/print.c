/*
 * The table of keys, written as the file that would say the same. Lists are one entry a line, so nothing
 * depends on YAML's rules for flow style; what another YAML reader might take for a number, a boolean or a null is
 * quoted.
 */
#include <strings.h>

#include "config/schema.h"
#include "config/value.h"
#include "fcgi_smtp/config.h"

#define HIDDEN "***" /* stands for a secret */

struct printer {
    struct buf *out;
    bool good;
    int indent;                    /* of a key, in spaces */
    bool dash;                     /* the next key begins an entry of a list */
    char section[SCHEMA_PATH_MAX]; /* whose header was written last */
};

static void put(struct printer *p, const char *text)
{
    p->good = p->good && buf_append_string(p->out, text);
}

static void put_char(struct printer *p, char c)
{
    p->good = p->good && buf_append_char(p->out, c);
}

/* A list's dash takes the place of the last two spaces. */
static void put_indent(struct printer *p, int spaces)
{
    p->good = p->good && buf_printf(p->out, "%*s", spaces, p->dash ? "- " : "");
    p->dash = false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether a plain scalar of that text is a string for every YAML reader. */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@";
    size_t len = strlen(text);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return false;
        }
    }
    return (is_letter(text[0]) || text[0] == '/') && strspn(text, safe) == len && text[len - 1] != ':';
}

/* Texts have no control characters but tabs and line ends. */
static void put_quoted(struct printer *p, char c)
{
    switch (c) {
    case '\n':
        put(p, "\\n");
        break;
    case '\t':
        put(p, "\\t");
        break;
    case '"':
    case '\\':
        put_char(p, '\\');
        put_char(p, c);
        break;
    default:
        put_char(p, c);
        break;
    }
}

static void put_string(struct printer *p, const char *text)
{
    if (is_plain(text)) {
        put(p, text);
        return;
    }
    put_char(p, '"');
    for (const char *c = text; *c != '\0'; c++) {
        put_quoted(p, *c);
    }
    put_char(p, '"');
}

static const char *last_part(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL ? dot + 1 : path;
}

/* "log:" before the first key of it; the key's own indent follows from its section. */
static void begin_key(struct printer *p, const char *path, const char *base_section)
{
    const char *rest = path + (base_section[0] != '\0' ? strlen(base_section) + 1 : 0);
    const char *dot = strchr(rest, '.');
    int base_indent = base_section[0] != '\0' ? 4 : 0;
    char section[SCHEMA_PATH_MAX];
    (void)snprintf(section, sizeof section, "%.*s", dot != NULL ? (int)(dot - rest) : 0, rest);
    p->indent = base_indent + (dot != NULL ? 2 : 0);
    if (dot != NULL && strcmp(section, p->section) != 0) {
        put_indent(p, base_indent);
        put(p, section);
        put(p, ":\n");
    }
    (void)snprintf(p->section, sizeof p->section, "%s", section);
    put_indent(p, p->indent);
    put(p, last_part(path));
    put_char(p, ':');
}

static void put_number(struct printer *p, const struct schema_key *key, int64_t value)
{
    char text[32];
    switch (key->type) {
    case SCHEMA_DURATION:
        value_duration_text(value, text);
        break;
    case SCHEMA_SIZE:
        value_size_text(value, text);
        break;
    case SCHEMA_MODE:
        (void)snprintf(text, sizeof text, "\"%04llo\"", (unsigned long long)value);
        break;
    default:
        (void)snprintf(text, sizeof text, "%lld", (long long)value);
        break;
    }
    put(p, text);
}

static void begin_entry(struct printer *p)
{
    put_char(p, '\n');
    put_indent(p, p->indent + 2);
    put(p, "- ");
}

static void put_words(struct printer *p, const struct schema_key *key, unsigned bits)
{
    for (const struct schema_word *word = key->words; word->name != NULL; word++) {
        if ((bits & word->value) != 0) {
            begin_entry(p);
            put(p, word->name);
        }
    }
    put(p, bits == 0 ? " []" : "");
}

static bool is_command(const struct schema_key *key)
{
    return strcmp(key->path, SCHEMA_SERVER ".password_command") == 0;
}

/* A command's arguments may be secrets, or tell where one is. */
static void put_strings(struct printer *p, const struct schema_key *key, const struct config_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++) {
        begin_entry(p);
        put_string(p, i > 0 && is_command(key) ? HIDDEN : strings->items[i]);
    }
    put(p, strings->count == 0 ? " []" : "");
}

static void put_numbers(struct printer *p, const struct schema_key *key, const struct config_numbers *numbers)
{
    for (size_t i = 0; i < numbers->count; i++) {
        begin_entry(p);
        put_number(p, key, numbers->items[i]);
    }
    put(p, numbers->count == 0 ? " []" : "");
}

static void put_pairs(struct printer *p, const struct config_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        put_char(p, '\n');
        put_indent(p, p->indent + 2);
        put_string(p, pairs->items[i].name);
        put(p, ": ");
        put_string(p, pairs->items[i].value);
    }
    put(p, pairs->count == 0 ? " {}" : "");
}

static const struct schema_word *find_word(const struct schema_key *key, const void *at)
{
    unsigned value;
    memcpy(&value, at, sizeof value);
    for (const struct schema_word *word = key->words; word->name != NULL; word++) {
        if (word->value == value) {
            return word;
        }
    }
    return NULL; /* CONFIG_TLS_UNSET */
}

/* Whether there is nothing to say: a string or secret that isn't there, a port or TLS mode that wasn't set. */
static bool is_unset(const struct schema_key *key, const void *base)
{
    const void *at = (const char *)base + key->offset;
    switch (key->type) {
    case SCHEMA_STRING:
    case SCHEMA_TEXT:
        return *(char *const *)at == NULL;
    case SCHEMA_SECRET: {
        const struct config_server *server = base;
        return server->password.data == NULL || server->password_file != NULL ||
               server->password_env != NULL || server->password_command.count > 0;
    }
    case SCHEMA_STRINGS: /* a command without words would be a problem */
        return is_command(key) && ((const struct config_strings *)at)->count == 0;
    case SCHEMA_NUMBER:
        return *(const int64_t *)at < key->min;
    case SCHEMA_WORD:
        return find_word(key, at) == NULL;
    default:
        return false;
    }
}

static void put_value(struct printer *p, const struct schema_key *key, const void *base)
{
    const void *at = (const char *)base + key->offset;
    bool block = value_is_list(key) || key->type == SCHEMA_PAIRS;
    put(p, block ? "" : " ");
    switch (key->type) {
    case SCHEMA_STRING:
    case SCHEMA_TEXT:
        put_string(p, *(char *const *)at);
        break;
    case SCHEMA_SECRET:
        put_string(p, HIDDEN);
        break;
    case SCHEMA_BOOL:
        put(p, *(const bool *)at ? "true" : "false");
        break;
    case SCHEMA_WORD:
        put_string(p, find_word(key, at)->name);
        break;
    case SCHEMA_WORDS:
        put_words(p, key, *(const unsigned *)at);
        break;
    case SCHEMA_STRINGS:
        put_strings(p, key, at);
        break;
    case SCHEMA_NUMBERS:
        put_numbers(p, key, at);
        break;
    case SCHEMA_PAIRS:
        put_pairs(p, at);
        break;
    default:
        put_number(p, key, *(const int64_t *)at);
        break;
    }
    put_char(p, '\n');
}

static void put_keys(struct printer *p, const struct config *config, const char *section, const void *base);

static void put_servers(struct printer *p, const struct config *config)
{
    put(p, "servers:\n");
    for (size_t i = 0; i < config->server_count; i++) {
        put(p, "  ");
        put_string(p, config->servers[i].name);
        put(p, ":\n");
        put_keys(p, config, SCHEMA_SERVER, &config->servers[i]);
    }
    p->section[0] = '\0';
}

static void put_forms(struct printer *p, const struct config *config)
{
    put(p, config->form_count > 0 ? "forms:\n" : "forms: {}\n");
    for (size_t i = 0; i < config->form_count; i++) {
        put(p, "  ");
        put_string(p, config->forms[i].name);
        put(p, ":\n");
        put_keys(p, config, SCHEMA_FORM, &config->forms[i]);
    }
    p->section[0] = '\0';
}

static void put_api_keys(struct printer *p, const struct config *config)
{
    put(p, config->key_count > 0 ? "keys:\n" : "keys: []\n");
    for (size_t i = 0; i < config->key_count; i++) {
        p->dash = true;
        put_keys(p, config, SCHEMA_API_KEY, &config->keys[i]);
    }
    p->section[0] = '\0';
}

/* A single name, or a list of them. */
static void put_choice(struct printer *p, const struct config *config)
{
    const struct config_indexes *chosen = &config->server;
    p->indent = 0;
    put(p, "server:");
    for (size_t i = 0; i < chosen->count; i++) {
        if (chosen->count > 1) {
            begin_entry(p);
        } else {
            put_char(p, ' ');
        }
        put_string(p, config->servers[chosen->items[i]].name);
    }
    put_char(p, '\n');
}

static void put_keys(struct printer *p, const struct config *config, const char *section, const void *base)
{
    p->section[0] = '\0';
    for (size_t i = 0; i < schema_key_count; i++) {
        const struct schema_key *key = &schema_keys[i];
        if (!schema_within(key, section)) {
            continue;
        }
        if (key->type == SCHEMA_SERVERS) {
            put_servers(p, config);
        } else if (key->type == SCHEMA_FORMS) {
            put_forms(p, config);
        } else if (key->type == SCHEMA_CHOICE) {
            put_choice(p, config);
        } else if (key->type == SCHEMA_KEYS) {
            put_api_keys(p, config);
        } else if (!is_unset(key, base)) {
            begin_key(p, key->path, section);
            put_value(p, key, base);
        }
    }
}

bool config_print(const struct config *config, struct buf *out)
{
    struct printer printer = {.out = out, .good = true};
    put_keys(&printer, config, "", config);
    return printer.good;
}
