/* bytes: a growing run of octets, and the texts of scenarios. Test code: it aborts when memory is out. */
#ifndef SMTP_SCRIPT_BYTES_H
#define SMTP_SCRIPT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct script_bytes {
    unsigned char *data; /* has a NUL behind size when not NULL */
    size_t size;
    size_t capacity;
};

/* Grown geometrically; NULL never comes back. */
void *script_grow(void *items, size_t count, size_t *capacity, size_t item_size);
char *script_copy(const char *text, size_t size);

void script_bytes_free(struct script_bytes *bytes);
void script_bytes_append(struct script_bytes *bytes, const void *data, size_t size);
void script_bytes_text(struct script_bytes *bytes, const char *text);
unsigned char *script_bytes_space(struct script_bytes *bytes, size_t size); /* room for so many behind size */

/* Appends at most limit octets of data, what is not printable ASCII as \r \n \t \0 \xNN, the backslash
 * doubled. */
void script_bytes_escape(struct script_bytes *bytes, const unsigned char *data, size_t size, size_t limit);

/* A text with wildcards: each item an octet, or SCRIPT_STAR. */
enum { SCRIPT_STAR = 256 };

struct script_pattern {
    uint16_t *items;
    size_t count;
};

/* Takes the escapes out. False for an unknown or a cut one. */
bool script_pattern_parse(struct script_pattern *pattern, const char *text, size_t size);
void script_pattern_free(struct script_pattern *pattern);
bool script_pattern_match(const struct script_pattern *pattern, const unsigned char *data, size_t size);

/* The same escapes where a star is only a star. */
bool script_text_parse(struct script_bytes *bytes, const char *text, size_t size);

#endif
