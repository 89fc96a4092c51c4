#include "config/schema.h"

#include <stdio.h>

#include "config/value.h"
#include "fcgi_smtp/config.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Any struct that a key may be in. */
union any_base {
    struct config config;
    struct config_server server;
    struct config_form form;
    struct config_key key;
};

/* Whether the two are keys of one struct: alike up to a "*", or both without one. */
static bool same_struct(const char *a, const char *b)
{
    size_t len = strcspn(a, "*");
    if (a[len] == '\0') {
        return strchr(b, '*') == NULL;
    }
    return strncmp(a, b, len + 1) == 0;
}

static bool is_number(const struct schema_key *key)
{
    return key->type == SCHEMA_NUMBER || key->type == SCHEMA_DURATION || key->type == SCHEMA_SIZE ||
           key->type == SCHEMA_MODE;
}

static void the_table_is_sound(void)
{
    for (size_t i = 0; i < schema_key_count; i++) {
        const struct schema_key *key = &schema_keys[i];
        CU_ASSERT(strlen(key->path) < SCHEMA_PATH_MAX);
        CU_ASSERT(key->min <= key->max);
        CU_ASSERT_EQUAL(key->words != NULL, key->type == SCHEMA_WORD || key->type == SCHEMA_WORDS);
        CU_ASSERT_EQUAL(key->valid != NULL, key->expected != NULL);
        for (size_t j = 0; j < i; j++) {
            CU_ASSERT_STRING_NOT_EQUAL(key->path, schema_keys[j].path);
            bool at_one_place = same_struct(key->path, schema_keys[j].path) &&
                                key->offset == schema_keys[j].offset && key->type == schema_keys[j].type;
            CU_ASSERT_FALSE(at_one_place);
        }
        char names[SCHEMA_NAMES_MAX][SCHEMA_PATH_MAX];
        CU_ASSERT(schema_names("", names) < SCHEMA_NAMES_MAX);
        CU_ASSERT(schema_names(SCHEMA_SERVER, names) < SCHEMA_NAMES_MAX);
        CU_ASSERT(schema_names(SCHEMA_FORM, names) < SCHEMA_NAMES_MAX);
        CU_ASSERT(schema_names(SCHEMA_API_KEY, names) < SCHEMA_NAMES_MAX);
    }
}

static void every_default_is_a_value_of_its_key(void)
{
    struct arena arena;
    arena_init(&arena, 65536);
    for (size_t i = 0; i < schema_key_count; i++) {
        union any_base base = {0};
        CU_ASSERT_TRUE(value_store_default(&schema_keys[i], &base, &arena));
        if (schema_keys[i].fallback == NULL && is_number(&schema_keys[i])) {
            /* Only a server's port is found by other keys. */
            CU_ASSERT_STRING_EQUAL(schema_keys[i].path, "servers.*.port");
        }
    }
    arena_free(&arena);
}

/* The ends of every range are accepted, one more or less is not. */
static void ranges_hold(void)
{
    struct arena arena;
    arena_init(&arena, 65536);
    for (size_t i = 0; i < schema_key_count; i++) {
        const struct schema_key *key = &schema_keys[i];
        const char *unit = key->type == SCHEMA_DURATION ? "ms" : "";
        for (int64_t value = key->min - 1; is_number(key) && value <= key->max + 1;
             value = value == key->min ? key->max : value + 1) {
            union any_base base = {0};
            char text[32];
            (void)snprintf(text, sizeof text, key->type == SCHEMA_MODE ? "%llo%s" : "%lld%s",
                           (long long)value, unit);
            bool inside = value >= key->min && value <= key->max;
            CU_ASSERT_EQUAL(value_store(key, slice_of(text), &base, &arena),
                            inside ? VALUE_OK : VALUE_INVALID);
        }
    }
    arena_free(&arena);
}

static void names_are_found_in_their_section(void)
{
    static const struct {
        const char *section, *name;
        enum schema_found found;
        const char *path;
    } cases[] = {
        {"", "workers", SCHEMA_KEY, "workers"},
        {"", "log", SCHEMA_SECTION, "log"},
        {"", "server", SCHEMA_KEY, "server"},
        {"", "servers", SCHEMA_KEY, "servers"},
        {"log", "level", SCHEMA_KEY, "log.level"},
        {"servers.*", "host", SCHEMA_KEY, "servers.*.host"},
        {"servers.*", "timeouts", SCHEMA_SECTION, "servers.*.timeouts"},
        {"servers.*.timeouts", "total", SCHEMA_KEY, "servers.*.timeouts.total"},
        {"servers.*", "pool", SCHEMA_SECTION, "servers.*.pool"},
        {"servers.*.pool", "idle", SCHEMA_KEY, "servers.*.pool.idle"},
        {"", "forms", SCHEMA_KEY, "forms"},
        {"forms.*", "to", SCHEMA_KEY, "forms.*.to"},
        {"forms.*", "attachments", SCHEMA_SECTION, "forms.*.attachments"},
        {"forms.*.attachments", "max", SCHEMA_KEY, "forms.*.attachments.max"},
        {"forms.*", "host", SCHEMA_UNKNOWN, NULL},
        {"servers.*", "attachments", SCHEMA_UNKNOWN, NULL},
        {"forms", "*", SCHEMA_UNKNOWN, NULL},
        {"", "keys", SCHEMA_KEY, "keys"},
        {"keys.*", "name", SCHEMA_KEY, "keys.*.name"},
        {"keys.*", "allow", SCHEMA_SECTION, "keys.*.allow"},
        {"keys.*.allow", "senders", SCHEMA_KEY, "keys.*.allow.senders"},
        {"keys.*", "senders", SCHEMA_UNKNOWN, NULL},
        {"allow", "senders", SCHEMA_KEY, "allow.senders"},
        {"", "log.level", SCHEMA_UNKNOWN, NULL},
        {"", "level", SCHEMA_UNKNOWN, NULL},
        {"", "lo", SCHEMA_UNKNOWN, NULL},
        {"", "logs", SCHEMA_UNKNOWN, NULL},
        {"", "", SCHEMA_UNKNOWN, NULL},
        {"", "*", SCHEMA_UNKNOWN, NULL},
        {"servers", "*", SCHEMA_UNKNOWN, NULL},
        {"log", "workers", SCHEMA_UNKNOWN, NULL},
        {"lo", "level", SCHEMA_UNKNOWN, NULL},
        {"", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         SCHEMA_UNKNOWN, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct schema_key *key = NULL;
        char section[SCHEMA_PATH_MAX] = "";
        CU_ASSERT_EQUAL(schema_find(cases[i].section, slice_of(cases[i].name), &key, section),
                        cases[i].found);
        if (cases[i].found == SCHEMA_KEY) {
            CU_ASSERT_STRING_EQUAL(key->path, cases[i].path);
        } else if (cases[i].found == SCHEMA_SECTION) {
            CU_ASSERT_STRING_EQUAL(section, cases[i].path);
        }
    }
    const struct schema_key *key;
    char section[SCHEMA_PATH_MAX];
    CU_ASSERT_EQUAL(schema_find("", (struct slice){"log\0", 4}, &key, section), SCHEMA_UNKNOWN);
}

static void sections_know_their_names(void)
{
    char names[SCHEMA_NAMES_MAX][SCHEMA_PATH_MAX];
    CU_ASSERT_EQUAL(schema_names("log", names), 3);
    CU_ASSERT_STRING_EQUAL(names[0], "level");
    CU_ASSERT_STRING_EQUAL(names[2], "to");
    CU_ASSERT_EQUAL(schema_names("servers.*.timeouts", names), 5);
    size_t count = schema_names("", names);
    CU_ASSERT_STRING_EQUAL(names[0], "listen");
    CU_ASSERT_STRING_EQUAL(names[count - 1], "forms");
    CU_ASSERT_EQUAL(schema_names("forms.*.attachments", names), 2);
    CU_ASSERT_EQUAL(schema_names("keys.*", names), 3);
    CU_ASSERT_STRING_EQUAL(names[2], "allow");
}

static void names_are_found_elsewhere(void)
{
    static const char *const cases[][2] = {
        {"senders", "allow.senders"},
        {"ca_file", "servers.*.ca_file"},
        {"connect", "servers.*.timeouts.connect"},
        {"timeouts", "servers.*.timeouts"},
        {"attachments", "forms.*.attachments"},
        {"workers", "workers"},
        {"limits", "limits"},
        {"", NULL},
        {"*", NULL},
        {"work", NULL},
        {"limits.request", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[SCHEMA_PATH_MAX];
        bool found = schema_elsewhere(slice_of(cases[i][0]), path);
        CU_ASSERT_EQUAL(found, cases[i][1] != NULL);
        if (found && cases[i][1] != NULL) {
            CU_ASSERT_STRING_EQUAL(path, cases[i][1]);
        }
    }
}

struct quantity_case {
    const char *text;
    int64_t value; /* -1: none */
};

static void check_quantities(bool (*parse)(struct slice, int64_t *), const struct quantity_case *cases,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t value = -1;
        bool good = parse(slice_of(cases[i].text), &value);
        CU_ASSERT_EQUAL(good, cases[i].value >= 0);
        if (good) {
            CU_ASSERT_EQUAL(value, cases[i].value);
        }
    }
}

static void quantities(void)
{
    static const struct quantity_case numbers[] = {
        {"0", 0},   {"1", 1},    {"65535", 65535}, {"999999999999999999", 999999999999999999},
        {"", -1},   {"01", -1},  {"-1", -1},       {"1000000000000000000", -1},
        {"+1", -1}, {"1.0", -1}, {"1e3", -1},      {"0x10", -1},
        {" 1", -1}, {"1 ", -1},  {"1_000", -1},    {"99999999999999999999999999", -1},
    };
    static const struct quantity_case modes[] = {
        {"0660", 0660}, {"660", 0660}, {"0", 0},      {"7777", 07777},
        {"0668", -1},   {"", -1},      {"0o660", -1}, {"00660", -1},
    };
    static const struct quantity_case durations[] = {
        {"500ms", 500},  {"10s", 10000}, {"2m", 120000},
        {"1h", 3600000}, {"0s", 0},      {"10", -1},
        {"", -1},        {"s", -1},      {"1.5s", -1},
        {"10 s", -1},    {"10S", -1},    {"1h30m", -1},
        {"1d", -1},      {"-1s", -1},    {"01s", -1},
        {"10sec", -1},   {"ms500", -1},  {"999999999999999999h", -1},
    };
    static const struct quantity_case sizes[] = {
        {"64KiB", 65536}, {"25MiB", 26214400}, {"1GiB", 1073741824},
        {"1KB", 1000},    {"1MB", 1000000},    {"1GB", 1000000000},
        {"100B", 100},    {"100", 100},        {"0", 0},
        {"", -1},         {"KiB", -1},         {"1kib", -1},
        {"1K", -1},       {"1 MiB", -1},       {"1.5MiB", -1},
        {"-1B", -1},      {"1BB", -1},         {"999999999999999999GiB", -1},
    };
    check_quantities(value_number, numbers, COUNT(numbers));
    check_quantities(value_mode, modes, COUNT(modes));
    check_quantities(value_duration, durations, COUNT(durations));
    check_quantities(value_size, sizes, COUNT(sizes));
}

static void quantities_are_written_as_they_are_read(void)
{
    static const int64_t values[] = {0,     1,     999,     1000,    1001,    1024,     1536,       60000,
                                     90000, 65536, 3600000, 1048576, 1000000, 33554432, 4294967296, 86400000};
    for (size_t i = 0; i < COUNT(values); i++) {
        char text[32];
        int64_t value = -1;
        value_duration_text(values[i], text);
        CU_ASSERT_TRUE(value_duration(slice_of(text), &value));
        CU_ASSERT_EQUAL(value, values[i]);
        value_size_text(values[i], text);
        CU_ASSERT_TRUE(value_size(slice_of(text), &value));
        CU_ASSERT_EQUAL(value, values[i]);
    }
    char text[32];
    value_duration_text(90000, text);
    CU_ASSERT_STRING_EQUAL(text, "90s");
    value_size_text(65536, text);
    CU_ASSERT_STRING_EQUAL(text, "64KiB");
}

static const char *expected_of(const char *section, const char *name, char out[VALUE_EXPECTED_MAX])
{
    const struct schema_key *key = NULL;
    char path[SCHEMA_PATH_MAX];
    CU_ASSERT_EQUAL_FATAL(schema_find(section, slice_of(name), &key, path), SCHEMA_KEY);
    value_expected(key, out);
    return out;
}

static void what_is_expected_is_said(void)
{
    char out[VALUE_EXPECTED_MAX];
    CU_ASSERT_STRING_EQUAL(expected_of("", "workers", out), "a whole number from 1 to 1024");
    CU_ASSERT_STRING_EQUAL(expected_of("", "idle", out), "a duration from 1s to 24h (units: ms, s, m, h)");
    CU_ASSERT_STRING_EQUAL(expected_of("limits", "request", out),
                           "a size from 1KiB to 4GiB (units: KiB, MiB, GiB, KB, MB, GB, B)");
    CU_ASSERT_STRING_EQUAL(expected_of("", "listen_mode", out), "an octal mode from 0000 to 0777");
    CU_ASSERT_STRING_EQUAL(expected_of("allow", "override", out),
                           "one of server, port, tls, credentials, domain");
    CU_ASSERT_STRING_EQUAL(expected_of("servers.*", "allow_cleartext_auth", out), "true or false");
    CU_ASSERT_STRING_EQUAL(expected_of("defaults", "from", out), "text");
    for (size_t i = 0; i < schema_key_count; i++) {
        value_expected(&schema_keys[i], out);
        CU_ASSERT(out[0] != '\0' && strlen(out) < VALUE_EXPECTED_MAX - 1);
    }
}

static void without_memory_nothing_is_stored(void)
{
    struct arena arena;
    arena_init(&arena, 4);
    for (size_t i = 0; i < schema_key_count; i++) {
        union any_base base = {0};
        const struct schema_key *key = &schema_keys[i];
        if (key->type == SCHEMA_STRING) {
            CU_ASSERT_EQUAL(value_store(key, SLICE("/abcdefgh"), &base, &arena),
                            key->valid != NULL && !key->valid(SLICE("/abcdefgh")) ? VALUE_INVALID
                                                                                  : VALUE_NO_MEMORY);
        } else if (key->type == SCHEMA_STRINGS || key->type == SCHEMA_NUMBERS || key->type == SCHEMA_PAIRS) {
            CU_ASSERT_FALSE(value_begin_list(key, 1, &base, &arena));
        }
    }
    arena_free(&arena);
}

static const struct unit_test tests[] = {
    {"the table is sound", the_table_is_sound},
    {"every default is a value of its key", every_default_is_a_value_of_its_key},
    {"ranges hold", ranges_hold},
    {"names are found in their section", names_are_found_in_their_section},
    {"sections know their names", sections_know_their_names},
    {"names are found elsewhere", names_are_found_elsewhere},
    {"quantities", quantities},
    {"quantities are written as they are read", quantities_are_written_as_they_are_read},
    {"what is expected is said", what_is_expected_is_said},
    {"without memory nothing is stored", without_memory_nothing_is_stored},
};
UNIT_SUITE(config_schema, tests);
