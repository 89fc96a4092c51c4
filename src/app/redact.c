/*
 * Servers repeat addresses in many spellings, some of them as a local part in brackets alone. What may be one goes: a
 * reason that lost a word is still a reason.
 */
#include "app/redact.h"

#include <stdbool.h>
#include <string.h>

struct output {
    char *to;
    size_t len;
    size_t cap; /* at least 1 */
};

static void put(struct output *out, const char *octets, size_t len)
{
    size_t room = out->cap - 1 - out->len;
    len = len < room ? len : room;
    memcpy(out->to + out->len, octets, len);
    out->len += len;
}

/* Ends a word. Not '=', '/' or '&': what is glued to an address by them goes with it. */
static bool is_delimiter(char c)
{
    return c == '\0' || ascii_is_one_of(c, " \t\r\n<>()[]{},;\"");
}

static bool has_at(struct slice word)
{
    for (size_t i = 0; i < word.len; i++) {
        bool escaped = word.len - i >= 3 && memcmp(word.data + i, "%40", 3) == 0;
        if (word.data[i] == '@' || escaped) {
            return true;
        }
    }
    return false;
}

static struct slice word_at(struct slice text)
{
    size_t len = 0;
    while (len < text.len && !is_delimiter(text.data[len])) {
        len++;
    }
    return (struct slice){text.data, len};
}

/* The octets of an opening delimiter, what it holds and the closing one; 0: it is not closed, or holds nothing. */
static size_t enclosed(struct slice text, char closing)
{
    const char *end = text.len > 1 ? memchr(text.data + 1, closing, text.len - 1) : NULL;
    return end != NULL && end > text.data + 1 ? (size_t)(end - text.data) + 1 : 0;
}

static struct slice behind(struct slice text, size_t len)
{
    slice_skip(&text, len);
    return text;
}

/* How many octets at the beginning are an address; 0: none. A quotation mark that ends a word opens nothing. */
static size_t address_at(struct slice text, bool in_word)
{
    size_t len = 0;
    if (text.data[0] == '"') { /* RFC 5321 4.1.2: Quoted-string "@" Domain */
        if (in_word) {
            return 0;
        }
        len = enclosed(text, '"');
        bool local_part = len > 0 && len < text.len && text.data[len] == '@';
        return local_part ? len + word_at(behind(text, len)).len : 0;
    }
    struct slice word = word_at(text);
    if (!has_at(word)) {
        return 0;
    }
    if (word.len < text.len && text.data[word.len] == '[') { /* an address literal */
        len = enclosed(behind(text, word.len), ']');
    }
    return word.len + len;
}

void redact_addresses(struct slice text, char *out, size_t cap)
{
    struct output output = {out, 0, cap};
    bool in_word = false;
    while (text.len > 0) {
        size_t used = text.data[0] == '<' ? enclosed(text, '>') : 0;
        if (used > 0) {
            put(&output, "<" REDACT_MARK ">", strlen("<" REDACT_MARK ">"));
        } else if ((used = address_at(text, in_word)) > 0) {
            put(&output, REDACT_MARK, strlen(REDACT_MARK));
        } else {
            used = word_at(text).len;
            used = used > 0 ? used : 1;
            put(&output, text.data, used);
        }
        in_word = !is_delimiter(text.data[used - 1]);
        slice_skip(&text, used);
    }
    out[output.len] = '\0';
}
