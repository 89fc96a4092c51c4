/* The manual page of the configuration describes every key, and says its type, range and default as the table does. */
#include <stdio.h>
#include <string.h>

#include "config/schema.h"
#include "fcgi_smtp/buf.h"
#include "unit.h"

#define MANUAL_PAGE  "../../etc/man/fcgi-smtp.yaml.5" /* seen from tests/data */
#define PAGE_MAX     ((size_t)1024 * 1024)            /* octets */
#define SENTENCE_MAX ((size_t)4096)

/* How the page writes what stands for any name in a path. */
static const struct {
    const char *section;
    const char *written;
} sections[] = {{SCHEMA_SERVER, "servers.NAME"}, {SCHEMA_API_KEY, "keys[]"}, {SCHEMA_FORM, "forms.NAME"}};

struct unit_name {
    const char *name;
    int64_t size;
};

static const struct unit_name durations[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit_name sizes[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}};
static const struct unit_name plain[] = {{"", 1}};

static void add(struct buf *text, const char *words)
{
    CU_ASSERT_FATAL(buf_append(text, words, strlen(words)));
}

/* In the largest unit that gives a whole number. */
static void add_number(struct buf *text, int64_t value, const struct unit_name *unit)
{
    char number[32];
    while (value % unit->size != 0) {
        unit++;
    }
    (void)snprintf(number, sizeof number, "%lld%s", (long long)(value / unit->size),
                   value == 0 ? "" : unit->name);
    add(text, number);
}

static void add_range(struct buf *text, const char *kind, const struct schema_key *key,
                      const struct unit_name *units)
{
    add(text, kind);
    add_number(text, key->min, units);
    add(text, " to ");
    add_number(text, key->max, units);
}

static void add_words(struct buf *text, const char *kind, const struct schema_key *key)
{
    add(text, kind);
    for (const struct schema_word *word = key->words; word->name != NULL; word++) {
        add(text, word == key->words ? "" : ", ");
        add(text, word->name);
    }
}

static void add_text(struct buf *text, const char *kind, const struct schema_key *key, const char *each)
{
    add(text, kind);
    add(text, ", up to ");
    add_number(text, key->max, plain);
    add(text, " octets");
    add(text, each);
}

static void add_kind(struct buf *text, const struct schema_key *key)
{
    switch (key->type) {
    case SCHEMA_STRING:
    case SCHEMA_SECRET:
        add_text(text, "Text", key, "");
        break;
    case SCHEMA_TEXT:
        add_text(text, "Text of any number of lines", key, "");
        break;
    case SCHEMA_STRINGS:
        add_text(text, "List of texts", key, " each");
        break;
    case SCHEMA_PAIRS:
        add_text(text, "Texts by name", key, " each");
        break;
    case SCHEMA_BOOL:
        add(text, "true or false");
        break;
    case SCHEMA_NUMBER:
        add_range(text, "Number, ", key, plain);
        break;
    case SCHEMA_NUMBERS:
        add_range(text, "List of numbers, ", key, plain);
        break;
    case SCHEMA_DURATION:
        add_range(text, "Duration, ", key, durations);
        break;
    case SCHEMA_SIZE:
        add_range(text, "Size, ", key, sizes);
        break;
    case SCHEMA_MODE:
        add(text, "Octal mode");
        break;
    case SCHEMA_WORD:
        add_words(text, "One of ", key);
        break;
    case SCHEMA_WORDS:
        add_words(text, "List of ", key);
        break;
    case SCHEMA_CHOICE:
        add(text, "A name, a list of names, or the keys of a server");
        break;
    case SCHEMA_SERVERS:
    case SCHEMA_FORMS:
        add(text, "Sections by name");
        break;
    case SCHEMA_KEYS:
        add(text, "List of sections");
        break;
    }
}

/* The two lines with which the page describes the key. */
static void write_item(struct buf *text, const struct schema_key *key)
{
    const char *path = key->path;
    add(text, "\n.It Ic ");
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        size_t len = strlen(sections[i].section);
        if (strncmp(path, sections[i].section, len) == 0) {
            add(text, sections[i].written);
            path += len;
        }
    }
    add(text, path);
    add(text, "\n");
    add_kind(text, key);
    add(text, key->fallback != NULL ? "; default " : "");
    add(text, key->fallback != NULL ? key->fallback : "");
    add(text, ".\n");
}

static void read_page(struct buf *page)
{
    char octets[4096];
    FILE *file = fopen(MANUAL_PAGE, "r");
    CU_ASSERT_FATAL(file != NULL);
    for (size_t got = sizeof octets; got == sizeof octets;) {
        got = fread(octets, 1, sizeof octets, file);
        CU_ASSERT_FATAL(buf_append(page, octets, got));
    }
    CU_ASSERT_EQUAL(fclose(file), 0);
}

static void every_key_is_described(void)
{
    struct buf page;
    buf_init(&page, PAGE_MAX);
    read_page(&page);
    for (size_t i = 0; i < schema_key_count; i++) {
        struct buf item;
        buf_init(&item, SENTENCE_MAX);
        write_item(&item, &schema_keys[i]);
        bool described = strstr(buf_cstr(&page), buf_cstr(&item)) != NULL;
        CU_ASSERT(described);
        if (!described) {
            (void)fprintf(stderr, "%s does not say:%s", MANUAL_PAGE, buf_cstr(&item));
        }
        buf_free(&item);
    }
    buf_free(&page);
}

static void nothing_else_is_described(void)
{
    struct buf page;
    size_t items = 0;
    buf_init(&page, PAGE_MAX);
    read_page(&page);
    for (const char *at = strstr(buf_cstr(&page), "\n.It Ic "); at != NULL;
         at = strstr(at + 1, "\n.It Ic ")) {
        items++;
    }
    CU_ASSERT_EQUAL(items, schema_key_count);
    buf_free(&page);
}

static const struct unit_test tests[] = {
    {"every key is described", every_key_is_described},
    {"nothing else is described", nothing_else_is_described},
};
UNIT_SUITE(config_manual, tests);
