/*
 * One function for each direction and kind. Nothing is guessed from how a text looks: the key's type decides.
 */
#include "config/value.h"

#include <stdio.h>

#include "config/syntax.h"
#include "fcgi_smtp/config.h"

#define DIGITS_MAX 18 /* so many decimal digits always fit into int64_t */

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit time_units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
/* What value_size_text writes is found from the end: powers of two before those of ten. */
static const struct unit size_units[] = {{"", 1},          {"B", 1},           {"KB", 1000},
                                         {"MB", 1000000},  {"GB", 1000000000}, {"KiB", 1024},
                                         {"MiB", 1048576}, {"GiB", 1073741824}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static size_t leading_digits(struct slice text)
{
    size_t len = 0;
    while (len < text.len && ascii_is_digit(text.data[len])) {
        len++;
    }
    return len;
}

bool value_number(struct slice text, int64_t *out)
{
    if (text.len == 0 || text.len > DIGITS_MAX || leading_digits(text) != text.len ||
        (text.len > 1 && text.data[0] == '0')) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        *out = *out * 10 + (text.data[i] - '0');
    }
    return true;
}

bool value_mode(struct slice text, int64_t *out)
{
    if (text.len == 0 || text.len > 4) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '7') {
            return false;
        }
        *out = *out * 8 + (text.data[i] - '0');
    }
    return true;
}

static bool quantity(struct slice text, const struct unit *units, size_t count, int64_t *out)
{
    size_t digits = leading_digits(text);
    struct slice unit = {text.data + digits, text.len - digits};
    int64_t number;
    if (!value_number((struct slice){text.data, digits}, &number)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(unit, slice_of(units[i].name))) {
            return !__builtin_mul_overflow(number, units[i].factor, out);
        }
    }
    return false;
}

bool value_duration(struct slice text, int64_t *out)
{
    return quantity(text, time_units, COUNT(time_units), out);
}

bool value_size(struct slice text, int64_t *out)
{
    return quantity(text, size_units, COUNT(size_units), out);
}

/* With the last unit of which it is a whole number. */
static void quantity_text(int64_t value, const struct unit *units, size_t count, char out[32])
{
    size_t i = count - 1;
    while (i > 0 && (value % units[i].factor != 0 || value == 0)) {
        i--;
    }
    (void)snprintf(out, 32, "%lld%s", (long long)(value / units[i].factor), units[i].name);
}

void value_duration_text(int64_t ms, char out[32])
{
    quantity_text(ms, time_units, COUNT(time_units), out);
}

void value_size_text(int64_t octets, char out[32])
{
    quantity_text(octets, size_units, COUNT(size_units), out);
}

bool value_is_list(const struct schema_key *key)
{
    return key->type == SCHEMA_STRINGS || key->type == SCHEMA_NUMBERS || key->type == SCHEMA_WORDS;
}

/* What every text must be, whatever it means. */
static enum value_fault check_text(const struct schema_key *key, struct slice text)
{
    if (syntax_text_prefix(text, key->type == SCHEMA_TEXT ? "\t\n" : "") != text.len) {
        return VALUE_CONTROL;
    }
    return (int64_t)text.len < key->min || (int64_t)text.len > key->max ? VALUE_LENGTH : VALUE_OK;
}

static enum value_fault copy_string(const struct schema_key *key, struct slice text, char **out,
                                    struct arena *arena)
{
    enum value_fault fault = check_text(key, text);
    if (fault == VALUE_OK && key->valid != NULL && !key->valid(text)) {
        fault = VALUE_INVALID;
    }
    if (fault == VALUE_OK) {
        *out = arena_copy(arena, text);
        fault = *out != NULL ? VALUE_OK : VALUE_NO_MEMORY;
    }
    return fault;
}

static enum value_fault store_secret(const struct schema_key *key, struct slice text, struct secret *out)
{
    enum value_fault fault = check_text(key, text);
    if (fault == VALUE_OK && !secret_set(out, text)) {
        fault = VALUE_NO_MEMORY;
    }
    return fault;
}

static enum value_fault store_int(const struct schema_key *key, struct slice text, int64_t *out)
{
    int64_t value = 0;
    bool good = false;
    switch (key->type) {
    case SCHEMA_DURATION:
        good = value_duration(text, &value);
        break;
    case SCHEMA_SIZE:
        good = value_size(text, &value);
        break;
    case SCHEMA_MODE:
        good = value_mode(text, &value);
        break;
    default:
        good = value_number(text, &value);
        break;
    }
    if (!good || value < key->min || value > key->max) {
        return VALUE_INVALID;
    }
    *out = value;
    return VALUE_OK;
}

static const struct schema_word *find_word(const struct schema_key *key, struct slice text)
{
    for (const struct schema_word *word = key->words; word->name != NULL; word++) {
        if (slice_equal(slice_of(word->name), text)) {
            return word;
        }
    }
    return NULL;
}

static enum value_fault store_word(const struct schema_key *key, struct slice text, void *at)
{
    const struct schema_word *word = find_word(key, text);
    if (word == NULL) {
        return VALUE_INVALID;
    }
    memcpy(at, &word->value, sizeof word->value); /* an enum of that width: schema.c asserts it */
    return VALUE_OK;
}

static enum value_fault store_bool(struct slice text, bool *out)
{
    *out = slice_equal(text, SLICE("true"));
    return *out || slice_equal(text, SLICE("false")) ? VALUE_OK : VALUE_INVALID;
}

enum value_fault value_store(const struct schema_key *key, struct slice text, void *base, struct arena *arena)
{
    void *at = (char *)base + key->offset;
    switch (key->type) {
    case SCHEMA_STRING:
    case SCHEMA_TEXT:
        return copy_string(key, text, at, arena);
    case SCHEMA_SECRET:
        return store_secret(key, text, at);
    case SCHEMA_BOOL:
        return store_bool(text, at);
    case SCHEMA_WORD:
        return store_word(key, text, at);
    case SCHEMA_NUMBER:
    case SCHEMA_DURATION:
    case SCHEMA_SIZE:
    case SCHEMA_MODE:
        return store_int(key, text, at);
    default:
        return VALUE_INVALID;
    }
}

bool value_begin_list(const struct schema_key *key, size_t count, void *base, struct arena *arena)
{
    void *at = (char *)base + key->offset;
    struct config_strings *strings = at;
    struct config_numbers *numbers = at;
    struct config_pairs *pairs = at;
    size_t room = count > 0 ? count : 1;
    switch (key->type) {
    case SCHEMA_STRINGS:
        *strings = (struct config_strings){arena_array(arena, room, sizeof *strings->items), 0};
        return strings->items != NULL;
    case SCHEMA_NUMBERS:
        *numbers = (struct config_numbers){arena_array(arena, room, sizeof *numbers->items), 0};
        return numbers->items != NULL;
    case SCHEMA_PAIRS:
        *pairs = (struct config_pairs){arena_array(arena, room, sizeof *pairs->items), 0};
        return pairs->items != NULL;
    default:
        *(unsigned *)at = 0;
        return true;
    }
}

enum value_fault value_add(const struct schema_key *key, struct slice text, void *base, struct arena *arena)
{
    void *at = (char *)base + key->offset;
    enum value_fault fault = VALUE_INVALID;
    if (key->type == SCHEMA_STRINGS) {
        struct config_strings *strings = at;
        fault = copy_string(key, text, &strings->items[strings->count], arena);
        strings->count += fault == VALUE_OK ? 1 : 0;
    } else if (key->type == SCHEMA_NUMBERS) {
        struct config_numbers *numbers = at;
        fault = store_int(key, text, &numbers->items[numbers->count]);
        numbers->count += fault == VALUE_OK ? 1 : 0;
    } else {
        const struct schema_word *word = find_word(key, text);
        fault = word != NULL ? VALUE_OK : VALUE_INVALID;
        *(unsigned *)at |= word != NULL ? word->value : 0;
    }
    return fault;
}

enum value_fault value_add_pair(const struct schema_key *key, struct slice name, struct slice text,
                                void *base, struct arena *arena)
{
    struct config_pairs *pairs = (struct config_pairs *)((char *)base + key->offset);
    struct config_pair *pair = &pairs->items[pairs->count];
    if (!key->valid(name)) {
        return VALUE_INVALID;
    }
    enum value_fault fault = check_text(key, text);
    if (fault != VALUE_OK) {
        return fault;
    }
    *pair = (struct config_pair){arena_copy(arena, name), arena_copy(arena, text)};
    if (pair->name == NULL || pair->value == NULL) {
        return VALUE_NO_MEMORY;
    }
    pairs->count++;
    return VALUE_OK;
}

static bool store_default_list(const struct schema_key *key, void *base, struct arena *arena)
{
    struct slice rest = slice_of(key->fallback);
    if (!value_begin_list(key, rest.len, base, arena)) {
        return false;
    }
    bool stored = true;
    while (stored && rest.len > 0) {
        const char *comma = memchr(rest.data, ',', rest.len);
        size_t len = comma != NULL ? (size_t)(comma - rest.data) : rest.len;
        stored = value_add(key, (struct slice){rest.data, len}, base, arena) == VALUE_OK;
        size_t used = comma != NULL ? len + 1 : len;
        rest = (struct slice){rest.data + used, rest.len - used};
    }
    return stored;
}

bool value_store_default(const struct schema_key *key, void *base, struct arena *arena)
{
    if (key->fallback == NULL) {
        return true;
    }
    if (value_is_list(key)) {
        return store_default_list(key, base, arena);
    }
    return value_store(key, slice_of(key->fallback), base, arena) == VALUE_OK;
}

static void expected_words(const struct schema_key *key, char out[VALUE_EXPECTED_MAX])
{
    size_t used = (size_t)snprintf(out, VALUE_EXPECTED_MAX, "one of");
    for (const struct schema_word *word = key->words; word->name != NULL && used < VALUE_EXPECTED_MAX;
         word++) {
        used += (size_t)snprintf(out + used, VALUE_EXPECTED_MAX - used, "%s%s",
                                 word == key->words ? " " : ", ", word->name);
    }
}

static void expected_range(const struct schema_key *key, char out[VALUE_EXPECTED_MAX])
{
    char least[32];
    char most[32];
    switch (key->type) {
    case SCHEMA_DURATION:
        value_duration_text(key->min, least);
        value_duration_text(key->max, most);
        (void)snprintf(out, VALUE_EXPECTED_MAX, "a duration from %s to %s (units: ms, s, m, h)", least, most);
        break;
    case SCHEMA_SIZE:
        value_size_text(key->min, least);
        value_size_text(key->max, most);
        (void)snprintf(out, VALUE_EXPECTED_MAX, "a size from %s to %s (units: KiB, MiB, GiB, KB, MB, GB, B)",
                       least, most);
        break;
    case SCHEMA_MODE:
        (void)snprintf(out, VALUE_EXPECTED_MAX, "an octal mode from 0000 to %04llo",
                       (unsigned long long)key->max);
        break;
    default:
        (void)snprintf(out, VALUE_EXPECTED_MAX, "a whole number from %lld to %lld", (long long)key->min,
                       (long long)key->max);
        break;
    }
}

void value_expected(const struct schema_key *key, char out[VALUE_EXPECTED_MAX])
{
    switch (key->type) {
    case SCHEMA_WORD:
    case SCHEMA_WORDS:
        expected_words(key, out);
        break;
    case SCHEMA_BOOL:
        (void)snprintf(out, VALUE_EXPECTED_MAX, "true or false");
        break;
    case SCHEMA_NUMBER:
    case SCHEMA_NUMBERS:
    case SCHEMA_DURATION:
    case SCHEMA_SIZE:
    case SCHEMA_MODE:
        expected_range(key, out);
        break;
    default:
        (void)snprintf(out, VALUE_EXPECTED_MAX, "%s", key->expected != NULL ? key->expected : "text");
        break;
    }
}
