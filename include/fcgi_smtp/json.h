/*
 * json: the only wrapper of jansson; JSON values that are built and written (RFC 8259).
 *
 * Ownership: json_object_new/json_array_new return a new value that the caller frees by json_free, unless it
 * was given to a parent by json_set/json_add, which take it over, also when they fail; it may be filled
 * further while the parent lives. Without memory they return NULL, and the setters leave a value out and
 * remember it, so that a whole value can be built without a check and memory exhaustion is noticed once, by
 * json_write. Everything takes NULL for a value. Strings must be UTF-8; octets that are not are replaced by
 * '?'.
 */
#ifndef FCGI_SMTP_JSON_H
#define FCGI_SMTP_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/slice.h"

struct json;

struct json *json_object_new(void);
struct json *json_array_new(void);
void json_free(struct json *json);

void json_set(struct json *object, const char *key, struct json *value);
void json_set_slice(struct json *object, const char *key, struct slice value);
void json_set_string(struct json *object, const char *key, const char *value); /* NULL or "": left out */
void json_set_int(struct json *object, const char *key, int64_t value);
void json_add(struct json *array, struct json *value);
void json_add_slice(struct json *array, struct slice value);

/* Appends the compact text to out, keys in the order of their setting. False: over out's limit or without
 * memory. */
bool json_write(const struct json *json, struct buf *out) __attribute__((warn_unused_result));

#endif
