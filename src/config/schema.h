/*
 * schema: the one table of all keys. Reading, defaults, printing and the suggestions for unknown keys go by it.
 *
 * A path names a key from the root: "log.level". Keys of a server are "servers.*.host", those of an API key
 * "keys.*.name" and those of a form "forms.*.to"; their offsets are those of struct config_server, config_key and
 * config_form, all others' those of struct config.
 */
#ifndef FCGI_SMTP_CONFIG_SCHEMA_H
#define FCGI_SMTP_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi_smtp/slice.h"

#define SCHEMA_PATH_MAX    64 /* octets of a path, the NUL included */
#define SCHEMA_SERVER      "servers.*"
#define SCHEMA_API_KEY     "keys.*"
#define SCHEMA_FORM        "forms.*"
#define SCHEMA_NAMES_MAX   40 /* keys of one section */
#define SCHEMA_SERVERS_MAX 1000
#define SCHEMA_KEYS_MAX    1000
#define SCHEMA_FORMS_MAX   1000
#define SCHEMA_SHORT_FORM  "default" /* the name of a server written under server: */

enum schema_type {
    SCHEMA_STRING,   /* char *; min..max octets */
    SCHEMA_TEXT,     /* the same, but line ends and tabs may be in it */
    SCHEMA_SECRET,   /* struct secret */
    SCHEMA_BOOL,     /* bool */
    SCHEMA_NUMBER,   /* int64_t; min..max */
    SCHEMA_DURATION, /* int64_t ms; min..max */
    SCHEMA_SIZE,     /* int64_t octets; min..max */
    SCHEMA_MODE,     /* int64_t, octal digits; min..max */
    SCHEMA_WORD,     /* an enum: one of words */
    SCHEMA_WORDS,    /* unsigned bits: a list of words */
    SCHEMA_STRINGS,  /* struct config_strings; each min..max octets */
    SCHEMA_NUMBERS,  /* struct config_numbers; each min..max */
    SCHEMA_PAIRS,    /* struct config_pairs; each value min..max octets */
    SCHEMA_CHOICE,   /* server: a name, a list of names, or a server's own keys */
    SCHEMA_SERVERS,  /* servers: a mapping of servers */
    SCHEMA_KEYS,     /* keys: a list of API keys */
    SCHEMA_FORMS     /* forms: a mapping of forms */
};

struct schema_word {
    const char *name; /* NULL ends a list of words */
    unsigned value;
};

struct schema_key {
    const char *path;
    enum schema_type type;
    bool unquoted; /* a wrong value is not shown: it may be a secret that was put there by mistake */
    size_t offset;
    int64_t min, max;
    const char *fallback;             /* the default as the file would say it; NULL: none, or no entries */
    const struct schema_word *words;  /* of SCHEMA_WORD, SCHEMA_WORDS */
    bool (*valid)(struct slice text); /* of a string or of each entry; NULL: any text */
    const char *expected;             /* in words: what valid accepts */
};

extern const struct schema_key schema_keys[];
extern const size_t schema_key_count;

enum schema_found { SCHEMA_UNKNOWN, SCHEMA_KEY, SCHEMA_SECTION };

/*
 * What name is below the section ("" for the root, "log", "servers.*"): a key, another section (whose path is put
 * into path), or unknown.
 */
enum schema_found schema_find(const char *section, struct slice name, const struct schema_key **key,
                              char path[SCHEMA_PATH_MAX]);

/* Whether the key is one directly or further below section, of the same struct. */
bool schema_within(const struct schema_key *key, const char *section);

/* The names that stand directly in a section, each once, in the table's order; how many. */
size_t schema_names(const char *section, char names[SCHEMA_NAMES_MAX][SCHEMA_PATH_MAX]);

/* The path of a key or section of that very name, wherever it is; false: there is none. */
bool schema_elsewhere(struct slice name, char path[SCHEMA_PATH_MAX]);

#endif
