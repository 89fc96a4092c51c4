/*
 * json: the only wrapper of jansson; JSON values that are built and written, or read (RFC 8259).
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
#include "fcgi_smtp/err.h"
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

/* What a text that is read may hold. */
struct json_limits {
    size_t depth;  /* objects and lists inside each other */
    size_t values; /* of all kinds, the lists and objects themselves included */
};

enum json_read {
    JSON_READ_OK,
    JSON_READ_MALFORMED, /* err says what is wrong, and in which line and column */
    JSON_READ_TOO_DEEP,
    JSON_READ_TOO_MANY,
    JSON_READ_NO_MEMORY
};

/*
 * Reads one value. Strict: UTF-8 without byte order mark, no object with the same key twice, no NUL in strings, nothing
 * behind the value. The limits hold before anything is built, so a small text cannot make a large value. An error quotes
 * nothing but keys. On JSON_READ_OK *out is the caller's, freed by json_free.
 */
enum json_read json_read(struct json **out, struct slice text, const struct json_limits *limits,
                         struct err *err);

/*
 * The same without a copy: text is changed, for strings are decoded where they stand, and it must outlive the value. So
 * whoever wipes it has wiped all strings.
 */
enum json_read json_read_in_place(struct json **out, char *text, size_t len, const struct json_limits *limits,
                                  struct err *err);

/* A value inside one that was read or built; valid as long as that. */
struct json_view {
    const void *node;
    const struct json *json;
};

enum json_kind {
    JSON_KIND_NULL,
    JSON_KIND_BOOLEAN,
    JSON_KIND_INTEGER,
    JSON_KIND_REAL,
    JSON_KIND_STRING,
    JSON_KIND_LIST,
    JSON_KIND_OBJECT
};

struct json_view json_view_of(const struct json *json);
enum json_kind json_view_kind(struct json_view view);
struct slice json_view_text(struct json_view view); /* of a string, else empty */
int64_t json_view_integer(struct json_view view);   /* of an integer, else 0 */
bool json_view_is_true(struct json_view view);
size_t json_view_count(struct json_view view);                    /* of a list, else 0 */
struct json_view json_view_item(struct json_view view, size_t i); /* of a list, i < count */

/* One member of an object. */
struct json_member {
    const char *key;
    struct json_view value;
    void *position; /* NULL: before the first */
};

/* The member of that key; false: there is none, or view is no object. */
bool json_view_get(struct json_view view, struct slice key, struct json_view *value);

/* Appends the value's compact text, as json_write does. */
bool json_view_write(struct json_view view, struct buf *out) __attribute__((warn_unused_result));

/* The next member in the text's order; false: there is none, or view is no object. */
bool json_view_next(struct json_view view, struct json_member *member);

#endif
