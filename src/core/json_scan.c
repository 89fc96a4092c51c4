/*
 * jansson handles a string octet by octet, at some hundred instructions each, and leaves copies of it in memory that
 * nobody can wipe. Nearly all of a mail is strings, and one of them may be a password. So they do not get there: this
 * one pass takes them out, at a few instructions an octet, and counts at once what would have to be built for the rest.
 */
#include "core/json_scan.h"

#include <stdint.h>
#include <stdlib.h>

#include "fcgi_smtp/utf8.h"

#define NUMBER_MAX     24            /* octets of a number in quotes */
#define STRINGS_MIN    16            /* that there is room for at first */
#define SKELETON_FIRST ((size_t)512) /* octets that there is room for at first */

/* Whether there is an octet below 0x20, which a string must escape (RFC 8259 7); eight are looked at at once. */
static bool has_control(const char *octets, size_t len)
{
    static const uint64_t ones = UINT64_MAX / 0xFF;
    while (len >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, octets, sizeof word);
        if (((word - ones * 0x20) & ~word & (ones * 0x80)) != 0) {
            return true;
        }
        octets += sizeof word;
        len -= sizeof word;
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)octets[i] < 0x20) {
            return true;
        }
    }
    return false;
}

size_t json_scan_origin(const struct json_scan *scan, size_t position)
{
    size_t low = 0;
    size_t high = scan->count; /* strings before low end before position, those from high on do not */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (scan->strings[middle].skeleton_end <= position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return position;
    }
    const struct json_string *before = &scan->strings[low - 1];
    return before->text_end + (position - before->skeleton_end);
}

/* Lines are counted in the skeleton: what was decoded may have line ends of its own. */
void json_scan_tell(const struct json_scan *scan, size_t skeleton_position, size_t text_position,
                    const char *what, struct err *err)
{
    size_t line = 1;
    size_t begin = 0;
    for (size_t i = 0; i < skeleton_position && i < scan->skeleton.len; i++) {
        if (scan->skeleton.data[i] == '\n') {
            line++;
            begin = json_scan_origin(scan, i) + 1;
        }
    }
    err_set(err, "The JSON is malformed in line %zu, column %zu: %s", line, text_position - begin + 1, what);
}

static enum json_read malformed(const struct json_scan *scan, size_t position, const char *what,
                                struct err *err)
{
    json_scan_tell(scan, scan->skeleton.len, position, what, err);
    return JSON_READ_MALFORMED;
}

/* The four digits behind "\u" at at; -1: there are none. */
static int32_t code_unit(const struct json_scan *scan, size_t at)
{
    int32_t value = 0;
    for (size_t i = at; i < at + 4; i++) {
        int digit = i < scan->len ? ascii_hex_value(scan->text[i]) : -1;
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* "\uXXXX", or two for a character beyond the first plane, at *in. NULL: good; else what is wrong. */
static const char *decode_unit(struct json_scan *scan, size_t *in, size_t *out)
{
    int32_t first = code_unit(scan, *in + 2);
    uint32_t c = (uint32_t)first;
    if (first < 0) {
        return "\\u has no four hexadecimal digits";
    }
    if (first == 0) {
        return "a string holds a NUL (\\u0000)";
    }
    *in += 6;
    if (first >= 0xD800 && first <= 0xDFFF) {
        bool more = *in + 1 < scan->len && scan->text[*in] == '\\' && scan->text[*in + 1] == 'u';
        int32_t second = more ? code_unit(scan, *in + 2) : -1;
        if (first > 0xDBFF || second < 0xDC00 || second > 0xDFFF) {
            return "a surrogate has no other half";
        }
        c = 0x10000 + (((uint32_t)first - 0xD800) << 10) + ((uint32_t)second - 0xDC00);
        *in += 6;
    }
    *out += put_utf8(scan->text + *out, c);
    return NULL;
}

/* The escape at *in, to *out, which is never behind it. */
static const char *decode_escape(struct json_scan *scan, size_t *in, size_t *out)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char letter = *in + 1 < scan->len ? scan->text[*in + 1] : '\0';
    if (letter == 'u') {
        return decode_unit(scan, in, out);
    }
    const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
    if (found == NULL) {
        return "a backslash begins no escape";
    }
    scan->text[(*out)++] = meanings[found - letters];
    *in += 2;
    return NULL;
}

/* Where octet c is in [from, to); to: nowhere. */
static size_t find(const struct json_scan *scan, char c, size_t from, size_t to)
{
    const char *found = from < to ? memchr(scan->text + from, c, to - from) : NULL;
    return found != NULL ? (size_t)(found - scan->text) : to;
}

/* Where the closing quote of the string is whose first octet is at begin; scan->len: there is none. */
static size_t string_end(const struct json_scan *scan, size_t begin)
{
    size_t quote = find(scan, '"', begin, scan->len);
    for (size_t at = find(scan, '\\', begin, quote); at < quote; at = find(scan, '\\', at, quote)) {
        at += 2;
        quote =
            at > quote ? find(scan, '"', at, scan->len) : quote; /* so that each octet is looked at once */
    }
    return quote;
}

/* The string [*in, end), where it stands. NULL: good; else what is wrong, and *in says where. */
static const char *decode_string(struct json_scan *scan, size_t *in, size_t end, struct slice *string)
{
    size_t begin = *in;
    size_t out = begin;
    while (*in < end) {
        size_t run = find(scan, '\\', *in, end) - *in;
        if (has_control(scan->text + *in, run)) {
            return "a string holds a control character; it is to be escaped";
        }
        if (out != *in) {
            memmove(scan->text + out, scan->text + *in, run);
        }
        out += run;
        *in += run;
        const char *wrong = *in < end ? decode_escape(scan, in, &out) : NULL;
        if (wrong != NULL) {
            return wrong;
        }
    }
    *string = (struct slice){scan->text + begin, out - begin};
    return utf8_valid_prefix(*string) == string->len ? NULL : "a string is not UTF-8";
}

/* Whether a colon follows, which makes a string a key. */
static bool is_key(const struct json_scan *scan, size_t after)
{
    while (after < scan->len && strchr(" \t\r\n", scan->text[after]) != NULL && scan->text[after] != '\0') {
        after++;
    }
    return after < scan->len && scan->text[after] == ':';
}

/* The string's number, in quotes. */
static bool put_number(struct buf *skeleton, size_t number)
{
    char text[NUMBER_MAX];
    size_t at = sizeof text;
    text[--at] = '"';
    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text[--at] = '"';
    return buf_append(skeleton, text + at, sizeof text - at);
}

static bool add_string(struct json_scan *scan, struct slice string, size_t text_end)
{
    if (scan->count == scan->cap) {
        size_t cap = scan->cap > 0 ? 2 * scan->cap : STRINGS_MIN;
        struct json_string *grown = realloc(scan->strings, cap * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        scan->strings = grown;
        scan->cap = cap;
    }
    if (!put_number(&scan->skeleton, scan->count)) {
        return false;
    }
    scan->strings[scan->count++] = (struct json_string){string, text_end, scan->skeleton.len};
    return true;
}

/* The string whose opening quote is at *at. */
static enum json_read take_string(struct json_scan *scan, size_t *at, const struct json_limits *limits,
                                  struct err *err)
{
    size_t begin = *at + 1;
    size_t end = string_end(scan, begin);
    if (end == scan->len) {
        return malformed(scan, *at, "a string has no end", err);
    }
    if (is_key(scan, end + 1)) {
        if (end - begin > JSON_SCAN_KEY_MAX) {
            return malformed(scan, *at, "a key is too long", err);
        }
        bool copied = buf_append(&scan->skeleton, scan->text + *at, end + 1 - *at);
        *at = end + 1;
        return copied ? JSON_READ_OK : JSON_READ_NO_MEMORY;
    }
    struct slice string;
    size_t in = begin;
    const char *wrong = decode_string(scan, &in, end, &string);
    if (wrong != NULL) {
        return malformed(scan, in, wrong, err);
    }
    *at = end + 1;
    if (scan->count == limits->values) { /* more than one value has no comma before it */
        return JSON_READ_TOO_MANY;
    }
    return add_string(scan, string, end + 1) ? JSON_READ_OK : JSON_READ_NO_MEMORY;
}

/* No value stands in a text without a bracket, a comma or the beginning before it. */
struct counts {
    size_t depth, values;
};

static enum json_read count(struct counts *counts, char c, const struct json_limits *limits)
{
    switch (c) {
    case '{':
    case '[':
        counts->depth++;
        counts->values++;
        break;
    case '}':
    case ']':
        counts->depth -= counts->depth > 0 ? 1 : 0;
        break;
    case ',':
        counts->values++;
        break;
    default:
        break;
    }
    if (counts->depth > limits->depth) {
        return JSON_READ_TOO_DEEP;
    }
    return counts->values > limits->values ? JSON_READ_TOO_MANY : JSON_READ_OK;
}

/* All up to the next string. A NUL goes no further: behind a number or word jansson would not see it. */
static enum json_read take_rest(struct json_scan *scan, size_t *at, struct counts *counts,
                                const struct json_limits *limits, struct err *err)
{
    size_t begin = *at;
    size_t end = find(scan, '"', begin, scan->len);
    size_t nul = find(scan, '\0', begin, end);
    bool has_nul = nul < end;
    end = nul;
    enum json_read result = JSON_READ_OK;
    for (size_t i = begin; i < end && result == JSON_READ_OK; i++) {
        result = count(counts, scan->text[i], limits);
    }
    *at = end;
    if (result == JSON_READ_OK && !buf_append(&scan->skeleton, scan->text + begin, end - begin)) {
        return JSON_READ_NO_MEMORY;
    }
    return result == JSON_READ_OK && has_nul ? malformed(scan, nul, "there is a NUL", err) : result;
}

enum json_read json_scan(struct json_scan *scan, char *text, size_t len, const struct json_limits *limits,
                         struct err *err)
{
    struct counts counts = {.values = 1};
    enum json_read result = JSON_READ_OK;
    *scan = (struct json_scan){.text = text, .len = len};
    buf_init_secret(&scan->skeleton, len + SKELETON_FIRST + NUMBER_MAX * (limits->values + 1));
    if (buf_reserve(&scan->skeleton, SKELETON_FIRST) == NULL) {
        return JSON_READ_NO_MEMORY;
    }
    for (size_t at = 0; at < len && result == JSON_READ_OK;) {
        result = text[at] == '"' ? take_string(scan, &at, limits, err)
                                 : take_rest(scan, &at, &counts, limits, err);
    }
    return result;
}

void json_scan_free(struct json_scan *scan)
{
    buf_free(&scan->skeleton);
    free(scan->strings);
    *scan = (struct json_scan){0};
}
