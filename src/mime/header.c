/*
 * Failures are kept, not returned: a field is written by half a dozen calls whose order is the field's
 * grammar, and an "if" behind each would hide it.
 */
#include "mime/header.h"

#include <stdarg.h>
#include <stdio.h>

#include "fcgi_smtp/encoded_word.h"
#include "fcgi_smtp/utf8.h"

enum {
    PATH_MAX_LEN = 256 /* octets of "<" addr-spec ">" (RFC 5321 4.5.3.1.3) */
};

void header_init(struct header *header, struct buf *out, struct err *err)
{
    *header = (struct header){.out = out, .err = err, .result = COMPOSE_OK};
}

void header_refuse(struct header *header, const char *format, ...)
{
    if (header->result != COMPOSE_OK) {
        return;
    }
    char text[ERR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    err_set(header->err, "%s", text);
    err_set_field(header->err, header->field.data, header->field.len);
    header->result = COMPOSE_INVALID;
}

void header_fail(struct header *header, const char *text)
{
    if (header->result == COMPOSE_OK) {
        err_set(header->err, "%s", text);
        header->result = COMPOSE_FAILED;
    }
}

/* Stops the writing for lack of memory or room; wanted octets had to go in. */
static void no_room(struct header *header, size_t wanted)
{
    if (header->out->limit - header->out->len < wanted) {
        header_refuse(header, "the header fields of the message are over %zu octets", header->out->limit);
    } else {
        header_fail(header, "no memory for the header fields");
    }
}

bool header_check(struct header *header, struct slice text)
{
    size_t valid = utf8_valid_prefix(text);
    for (size_t i = 0; i < valid; i++) {
        if (text.data[i] == '\r' || text.data[i] == '\n' || text.data[i] == '\0') {
            header_refuse(header, "octet %zu is a line end or NUL, which no header field may hold", i + 1);
            return false;
        }
    }
    if (valid < text.len) {
        header_refuse(header, "octet %zu is not valid UTF-8", valid + 1);
        return false;
    }
    return true;
}

void header_append(struct header *header, struct slice text)
{
    if (header->result != COMPOSE_OK) {
        return;
    }
    if (!buf_append_slice(header->out, text)) {
        no_room(header, text.len);
    }
    header->column += text.len;
}

/* A single space, on a new line if what follows would pass the fold column here. */
static void append_space(struct header *header, size_t following)
{
    size_t limit = header->fresh ? HEADER_LINE_MAX : HEADER_LINE_FOLD;
    header->fresh = false;
    if (header->column + 1 + following > limit) {
        header_append(header, SLICE("\r\n"));
        header->column = 0;
    }
    header_append(header, SLICE(" "));
}

void header_begin(struct header *header, struct slice name, struct slice field)
{
    header->field = field;
    header->column = 0;
    header->fresh = true;
    header_append(header, name);
    header_append(header, SLICE(":"));
}

void header_end(struct header *header)
{
    header_append(header, SLICE("\r\n"));
    header->column = 0;
}

/* 8-bit octets only where the caller says that they are a local part's. */
static void append_word(struct header *header, struct slice word, const char *after, bool utf8)
{
    struct slice tail = slice_of(after);
    if (header->result != COMPOSE_OK || !header_check(header, word)) {
        return;
    }
    if (!utf8 && !utf8_is_ascii(word)) {
        header_refuse(header, "only ASCII characters may stand here");
        return;
    }
    if (1 + word.len + tail.len > HEADER_LINE_MAX) {
        header_refuse(header, "a word of %zu octets cannot be folded to lines of at most %d octets", word.len,
                      HEADER_LINE_MAX);
        return;
    }
    append_space(header, word.len + tail.len);
    header_append(header, word);
    header_append(header, tail);
}

void header_word(struct header *header, struct slice word, const char *after)
{
    append_word(header, word, after, false);
}

void header_words(struct header *header, struct slice text)
{
    text = slice_trim(text);
    while (text.len > 0 && header->result == COMPOSE_OK) {
        size_t len = 0;
        while (len < text.len && !ascii_is_blank(text.data[len])) {
            len++;
        }
        header_word(header, (struct slice){text.data, len}, "");
        text = slice_trim((struct slice){text.data + len, text.len - len});
    }
}

/* encoded_word_encode with the writer's failures; white space was written before. */
static void append_encoded(struct header *header, struct slice text, enum encoded_word_place place)
{
    if (header->result != COMPOSE_OK || !header_check(header, text)) {
        return;
    }
    if (encoded_word_encode(header->out, text, place, &header->column) != ENCODED_WORD_OK) {
        no_room(header, text.len * 4);
    }
}

/* Decodes into decoded; false: the writer has failed. */
static bool decode(struct header *header, struct slice text, struct buf *decoded)
{
    if (!encoded_word_decode(decoded, text)) {
        no_room(header, text.len * 16);
        return false;
    }
    return true;
}

void header_text(struct header *header, struct slice text)
{
    struct buf decoded;
    if (header->result != COMPOSE_OK || !header_check(header, text)) {
        return;
    }
    buf_init(&decoded, header->out->limit);
    bool ok = true;
    if (text.len > 0 && memmem(text.data, text.len, "=?", 2) != NULL) {
        ok = decode(header, text, &decoded);
        text = buf_slice(&decoded);
    }
    text = slice_trim(text);
    if (ok && text.len > 0) {
        header_append(header, SLICE(" "));
        append_encoded(header, text, ENCODED_WORD_UNSTRUCTURED);
    }
    buf_free(&decoded);
}

/* mailbox (RFC 5322 3.4) and the punctuation behind it. */
static void append_mailbox(struct header *header, const struct mailbox *mailbox, const char *after)
{
    char text[PATH_MAX_LEN];
    struct slice address = mailbox->address.text;
    if (address.len == 0) {
        header_refuse(header, "the null path is no address of a header field");
        return;
    }
    if (mailbox->name.len == 0) {
        append_word(header, address, after, mailbox->address.utf8);
        return;
    }
    if (address.len + 2 > sizeof text) {
        header_refuse(header, "an address is too long");
        return;
    }
    text[0] = '<';
    memcpy(text + 1, address.data, address.len);
    text[address.len + 1] = '>';
    append_space(header, mailbox->name.len + address.len + 4);
    append_encoded(header, mailbox->name, ENCODED_WORD_PHRASE);
    append_word(header, (struct slice){text, address.len + 2}, after, mailbox->address.utf8);
}

/* group (3.4): display-name ":" [mailbox-list] ";". */
static void append_group(struct header *header, const struct address_list *list,
                         const struct address_group *group, const char *after)
{
    append_space(header, group->name.len);
    append_encoded(header, group->name, ENCODED_WORD_PHRASE);
    bool encoded = header->out->len > 2 && memcmp(header->out->data + header->out->len - 2, "?=", 2) == 0;
    const char *end = after[0] != '\0' ? ";," : ";";
    const char *colon_end = group->count == 0 ? end : "";
    bool fits = header->column + 1 + strlen(colon_end) <= HEADER_LINE_FOLD;
    if (encoded || !fits) { /* RFC 2047 5 (3): apart from specials */
        append_word(header, SLICE(":"), colon_end, false);
    } else {
        header_append(header, SLICE(":"));
        header_append(header, slice_of(colon_end));
    }
    for (size_t i = 0; i < group->count; i++) {
        bool last = i + 1 == group->count;
        append_mailbox(header, &list->mailboxes[group->first + i], last ? end : ",");
    }
}

void header_addresses(struct header *header, const struct address_list *list)
{
    size_t mailbox = 0;
    size_t group = 0;
    while (mailbox < list->count || group < list->group_count) {
        if (group < list->group_count && list->groups[group].first == mailbox) {
            const struct address_group *found = &list->groups[group++];
            mailbox += found->count;
            bool last = mailbox >= list->count && group >= list->group_count;
            append_group(header, list, found, last ? "" : ",");
        } else {
            const struct mailbox *found = &list->mailboxes[mailbox++];
            bool last = mailbox >= list->count && group >= list->group_count;
            append_mailbox(header, found, last ? "" : ",");
        }
    }
}

void header_parameter(struct header *header, struct slice name, struct slice value)
{
    header_append(header, SLICE(";"));
    append_space(header, name.len + 1 + value.len);
    if (header->result != COMPOSE_OK || !header_check(header, value)) {
        return;
    }
    if (!utf8_is_ascii(value) || !utf8_is_ascii(name) || name.len + value.len + 3 > HEADER_LINE_MAX) {
        header_refuse(header, "the parameter %.*s is too long or not ASCII", SLICE_ARGS(name));
        return;
    }
    header_append(header, name);
    header_append(header, SLICE("="));
    header_append(header, value);
}
