/*
 * Keywords are compared whole and without case (RFC 5321 4.1.1.1); "AUTH=LOGIN", which some servers repeat
 * for clients older than RFC 4954, is no keyword and so says nothing.
 */
#include "smtp/capabilities.h"

#include <stddef.h>
#include <string.h>

#include "fcgi_smtp/ascii.h"
#include "fcgi_smtp/slice.h"
#include "smtp/auth.h"

/* Takes the next word off *line; empty at its end. Runs of spaces count as one. */
static struct slice next_word(struct slice *line)
{
    size_t start = 0;
    while (start < line->len && line->data[start] == ' ') {
        start++;
    }
    size_t end = start;
    while (end < line->len && line->data[end] != ' ') {
        end++;
    }
    struct slice word = {line->data + start, end - start};
    slice_skip(line, end);
    return word;
}

/* ehlo-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-"); parameters are graphic ASCII or, more lenient,
 * UTF-8. */
static bool line_valid(struct slice line)
{
    if (line.len == 0 || !ascii_is_alphanumeric(line.data[0])) {
        return false;
    }
    bool in_keyword = true;
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.data[i];
        in_keyword = in_keyword && c != ' ';
        if (c < 0x20 || c == 0x7f || (in_keyword && !ascii_is_alphanumeric(line.data[i]) && c != '-')) {
            return false;
        }
    }
    return true;
}

static void take_size(struct capabilities *capabilities, struct slice parameter)
{
    capabilities->size = true;
    capabilities->size_limit = 0;
    for (size_t i = 0; i < parameter.len; i++) {
        uint64_t digit = (uint64_t)(unsigned char)parameter.data[i] - '0';
        if (digit > 9) {
            capabilities->size_limit = 0;
            return;
        }
        if (capabilities->size_limit > (UINT64_MAX - digit) / 10) {
            capabilities->size_limit =
                UINT64_MAX; /* up to 20 digits (RFC 1870 4): more than any message has */
            return;
        }
        capabilities->size_limit = capabilities->size_limit * 10 + digit;
    }
}

static void note_offered(struct capabilities *capabilities, struct slice name)
{
    size_t used = strlen(capabilities->auth_offered);
    size_t space = used > 0 ? 1 : 0;
    if (used + space + name.len < sizeof capabilities->auth_offered) {
        memcpy(capabilities->auth_offered + used, " ", space);
        memcpy(capabilities->auth_offered + used + space, name.data, name.len);
    }
}

static void take_auth(struct capabilities *capabilities, struct slice parameters)
{
    for (struct slice name = next_word(&parameters); name.len > 0; name = next_word(&parameters)) {
        enum smtp_auth mechanism = SMTP_AUTH_AUTO;
        capabilities->auth |= auth_by_name(name, &mechanism) ? CAPABILITY_AUTH(mechanism) : 0;
        note_offered(capabilities, name);
    }
}

/* Keywords that say all by being there. */
static const struct flag {
    struct slice keyword;
    size_t where; /* the bool in struct capabilities */
} flags[] = {
    {SLICE_INIT("STARTTLS"), offsetof(struct capabilities, starttls)},
    {SLICE_INIT("8BITMIME"), offsetof(struct capabilities, eightbitmime)},
    {SLICE_INIT("SMTPUTF8"), offsetof(struct capabilities, smtputf8)},
    {SLICE_INIT("PIPELINING"), offsetof(struct capabilities, pipelining)},
    {SLICE_INIT("CHUNKING"), offsetof(struct capabilities, chunking)},
    {SLICE_INIT("DSN"), offsetof(struct capabilities, dsn)},
    {SLICE_INIT("REQUIRETLS"), offsetof(struct capabilities, requiretls)},
};

static void take_line(struct capabilities *capabilities, struct slice line)
{
    struct slice keyword = next_word(&line);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (slice_equal_nocase(keyword, flags[i].keyword)) {
            *(bool *)(void *)((char *)capabilities + flags[i].where) = true;
        }
    }
    if (slice_equal_nocase(keyword, SLICE("SIZE"))) {
        take_size(capabilities, next_word(&line));
    } else if (slice_equal_nocase(keyword, SLICE("AUTH"))) {
        take_auth(capabilities, line);
    }
}

void capabilities_parse(struct capabilities *capabilities, const struct reply *reply)
{
    memset(capabilities, 0, sizeof *capabilities);
    size_t pos = 0;
    struct slice line;
    if (!reply_next_line(reply, &pos, &line)) { /* the first one is the server's domain and greeting */
        return;
    }
    while (reply_next_line(reply, &pos, &line)) {
        if (line_valid(line)) {
            take_line(capabilities, line);
        }
    }
}
