#include "bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *script_grow(void *items, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity) {
        return items;
    }
    size_t wanted = *capacity == 0 ? 16 : *capacity;
    while (wanted <= count) {
        wanted *= 2;
    }
    void *grown = realloc(items, wanted * item_size);
    if (grown == NULL) {
        abort();
    }
    *capacity = wanted;
    return grown;
}

char *script_copy(const char *text, size_t size)
{
    char *copy = malloc(size + 1);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

void script_bytes_free(struct script_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct script_bytes){0};
}

unsigned char *script_bytes_space(struct script_bytes *bytes, size_t size)
{
    bytes->data = script_grow(bytes->data, bytes->size + size, &bytes->capacity, 1);
    return bytes->data + bytes->size;
}

void script_bytes_append(struct script_bytes *bytes, const void *data, size_t size)
{
    unsigned char *space = script_bytes_space(bytes, size);
    if (size > 0) {
        memcpy(space, data, size);
    }
    bytes->size += size;
    bytes->data[bytes->size] = '\0';
}

void script_bytes_text(struct script_bytes *bytes, const char *text)
{
    script_bytes_append(bytes, text, strlen(text));
}

static void escape_octet(struct script_bytes *bytes, unsigned char octet)
{
    static const char named[] = {'\r', 'r', '\n', 'n', '\t', 't', '\0', '0', '\\', '\\'};
    for (size_t i = 0; i < sizeof named; i += 2) {
        if (octet == (unsigned char)named[i]) {
            script_bytes_append(bytes, (const char[]){'\\', named[i + 1]}, 2);
            return;
        }
    }
    char text[8];
    bool printable = octet >= 0x20 && octet < 0x7f;
    snprintf(text, sizeof text, printable ? "%c" : "\\x%02x", octet);
    script_bytes_text(bytes, text);
}

void script_bytes_escape(struct script_bytes *bytes, const unsigned char *data, size_t size, size_t limit)
{
    for (size_t i = 0; i < size && i < limit; i++) {
        escape_octet(bytes, data[i]);
    }
    if (size > limit) {
        char text[48];
        snprintf(text, sizeof text, "... (%zu octets)", size);
        script_bytes_text(bytes, text);
    }
}

static int hex_value(char digit)
{
    static const char digits[] = "0123456789abcdef";
    char lower = digit >= 'A' && digit <= 'F' ? (char)(digit - 'A' + 'a') : digit;
    const char *found = lower == '\0' ? NULL : strchr(digits, lower);
    return found == NULL ? -1 : (int)(found - digits);
}

/* The octet of the escape behind a backslash, and how many characters it took; -1 if there is no such escape.
 */
static int unescape(const char *text, size_t size, size_t *taken)
{
    static const char named[] = {'r', '\r', 'n', '\n', 't', '\t', '0', '\0', '\\', '\\', '"', '"', '*', '*'};
    *taken = 1;
    for (size_t i = 0; size > 0 && i < sizeof named; i += 2) {
        if (text[0] == named[i]) {
            return (unsigned char)named[i + 1];
        }
    }
    if (size < 3 || text[0] != 'x' || hex_value(text[1]) < 0 || hex_value(text[2]) < 0) {
        return -1;
    }
    *taken = 3;
    return hex_value(text[1]) * 16 + hex_value(text[2]);
}

bool script_pattern_parse(struct script_pattern *pattern, const char *text, size_t size)
{
    size_t capacity = 0;
    *pattern = (struct script_pattern){.items = script_grow(NULL, size, &capacity, sizeof *pattern->items)};
    for (size_t i = 0; i < size; i++) {
        int item = text[i] == '*' ? SCRIPT_STAR : (unsigned char)text[i];
        if (text[i] == '\\') {
            size_t taken;
            item = unescape(text + i + 1, size - i - 1, &taken);
            i += taken;
        }
        if (item < 0) {
            script_pattern_free(pattern);
            return false;
        }
        pattern->items[pattern->count++] = (uint16_t)item;
    }
    return true;
}

void script_pattern_free(struct script_pattern *pattern)
{
    free(pattern->items);
    *pattern = (struct script_pattern){0};
}

/* When an octet does not fit, the last star takes one more: earlier stars need never be tried again. */
bool script_pattern_match(const struct script_pattern *pattern, const unsigned char *data, size_t size)
{
    size_t item = 0;
    size_t at = 0;
    size_t star = SIZE_MAX;
    size_t star_at = 0;
    while (at < size) {
        if (item < pattern->count && pattern->items[item] == SCRIPT_STAR) {
            star = item++;
            star_at = at;
        } else if (item < pattern->count && pattern->items[item] == data[at]) {
            item++;
            at++;
        } else if (star != SIZE_MAX) {
            item = star + 1;
            at = ++star_at;
        } else {
            return false;
        }
    }
    while (item < pattern->count && pattern->items[item] == SCRIPT_STAR) {
        item++;
    }
    return item == pattern->count;
}

bool script_text_parse(struct script_bytes *bytes, const char *text, size_t size)
{
    struct script_pattern pattern;
    if (!script_pattern_parse(&pattern, text, size)) {
        return false;
    }
    for (size_t i = 0; i < pattern.count; i++) {
        unsigned char octet = pattern.items[i] == SCRIPT_STAR ? '*' : (unsigned char)pattern.items[i];
        script_bytes_append(bytes, &octet, 1);
    }
    script_pattern_free(&pattern);
    return true;
}
