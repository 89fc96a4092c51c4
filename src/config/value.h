/*
 * value: the text of one key becomes a typed value in its struct, and the other way round.
 *
 * Pure. What a struct holds afterwards is the arena's, but for a secret.
 */
#ifndef FCGI_SMTP_CONFIG_VALUE_H
#define FCGI_SMTP_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/schema.h"
#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/slice.h"

#define VALUE_EXPECTED_MAX 256 /* octets, the NUL included */

enum value_fault {
    VALUE_OK,
    VALUE_CONTROL, /* a control character */
    VALUE_LENGTH,  /* shorter than min or longer than max octets */
    VALUE_INVALID, /* not what the key's type, range, words or syntax allow */
    VALUE_NO_MEMORY
};

bool value_number(struct slice text, int64_t *out);   /* decimal digits, no leading zeros */
bool value_mode(struct slice text, int64_t *out);     /* 1..4 octal digits */
bool value_duration(struct slice text, int64_t *out); /* 500ms, 10s, 2m, 1h */
bool value_size(struct slice text, int64_t *out);     /* 100, 100B, 64KiB, 25MiB, 1GiB, 1KB, 1MB, 1GB */

/* The shortest text that is read as ms or octets again. */
void value_duration_text(int64_t ms, char out[32]);
void value_size_text(int64_t octets, char out[32]);

/* Whether the key takes a list. */
bool value_is_list(const struct schema_key *key);

/* Stores a value that is no list in the struct at base. */
enum value_fault value_store(const struct schema_key *key, struct slice text, void *base,
                             struct arena *arena);

/* Empties a list and makes room for count entries; then value_add for each. */
bool value_begin_list(const struct schema_key *key, size_t count, void *base, struct arena *arena);
enum value_fault value_add(const struct schema_key *key, struct slice text, void *base, struct arena *arena);

/* An entry of SCHEMA_PAIRS, after value_begin_list. VALUE_INVALID: the name. */
enum value_fault value_add_pair(const struct schema_key *key, struct slice name, struct slice text,
                                void *base, struct arena *arena);

/* Stores the key's default, if it has one. False without memory. */
bool value_store_default(const struct schema_key *key, void *base, struct arena *arena);

/* In words: what is expected of a value or of an entry. */
void value_expected(const struct schema_key *key, char out[VALUE_EXPECTED_MAX]);

#endif
