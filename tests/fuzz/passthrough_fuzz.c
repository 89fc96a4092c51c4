/*
 * The input is a message. What leaves must be what any mail must be, as many octets as were told, and, line for line, what
 * came: all of the body, and of the header section what is not left out, in its order.
 */
#include <stdint.h>
#include <stdlib.h>

#include "fcgi_smtp/compose.h"
#include "fcgi_smtp/passthrough.h"

enum { MEMORY = 16 << 20, MANY = 100, ADDED_MAX = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool truth)
{
    if (!truth) {
        abort();
    }
}

/* Takes a line off the text, without its line end; false where there is none. */
static bool take_line(struct slice *text, struct slice *line)
{
    if (text->len == 0) {
        return false;
    }
    size_t len = 0;
    while (len < text->len && text->data[len] != '\r' && text->data[len] != '\n') {
        len++;
    }
    *line = (struct slice){text->data, len};
    size_t end = len < text->len ? len + 1 : len;
    end += end < text->len && text->data[len] == '\r' && text->data[end] == '\n' ? 1 : 0;
    *text = (struct slice){text->data + end, text->len - end};
    return true;
}

/* Takes a line that must end with CRLF and be no longer than a line may be. */
static bool take_strict_line(struct slice *text, struct slice *line)
{
    if (text->len == 0) {
        return false;
    }
    const char *end = memmem(text->data, text->len, "\r\n", 2);
    demand(end != NULL);
    *line = (struct slice){text->data, (size_t)(end - text->data)};
    demand(line->len <= 998 && !slice_has(*line, '\r') && !slice_has(*line, '\n') && !slice_has(*line, '\0'));
    *text = (struct slice){end + 2, text->len - line->len - 2};
    return true;
}

static bool begins(struct slice line, struct slice name)
{
    return line.len >= name.len && slice_equal_nocase((struct slice){line.data, name.len}, name);
}

/* A field's first line, or the continuation of one. */
static void check_header_line(struct slice line, bool first)
{
    bool fold = line.data[0] == ' ' || line.data[0] == '\t';
    demand(!begins(line, SLICE("Bcc")) || (line.len > 3 && line.data[3] != ':' && line.data[3] != ' '));
    demand(!begins(line, SLICE("Resent-Bcc:")) && !begins(line, SLICE("Return-Path:")));
    demand(fold ? !first && strspn(line.data, " \t") < line.len
                : line.data[0] != ':' && slice_has(line, ':'));
}

/* Every line of the header section stands in the given one, in this order, but for those that were added. */
static void check_header(struct slice *out, struct slice *in)
{
    struct slice line;
    struct slice given;
    bool first = true;
    size_t added = 0;
    while (take_strict_line(out, &line) && line.len > 0) {
        struct slice rest = *in;
        bool found = false;
        check_header_line(line, first);
        while (!found && take_line(&rest, &given) && given.len > 0) {
            found = slice_equal(line, given);
        }
        if (found && added == 0) {
            *in = rest;
        } else {
            demand(begins(line, SLICE("Date: ")) || begins(line, SLICE("Message-ID: <")));
            added++;
        }
        first = false;
    }
    demand(added <= ADDED_MAX);
    while (take_line(in, &given) && given.len > 0) {
    }
}

static void check_body(struct slice out, struct slice in)
{
    struct slice line;
    struct slice given;
    while (take_strict_line(&out, &line)) {
        demand(take_line(&in, &given) && slice_equal(line, given));
    }
    demand(in.len == 0);
}

static void pull(struct passthrough *passthrough, size_t chunk, struct buf *out)
{
    struct source source = passthrough_source(passthrough);
    size_t len = 1;
    source.rewind(source.ctx);
    buf_init(out, MEMORY);
    while (len > 0) {
        char *room = buf_reserve(out, chunk);
        demand(room != NULL && source.read(source.ctx, room, chunk, &len, NULL) && len <= chunk);
        out->len += len;
    }
}

static void check_addresses(struct passthrough *passthrough, struct arena *arena)
{
    struct address_list list = {0};
    struct err err = {"", ""};
    enum address_result result = passthrough_recipients(passthrough, &list, MANY, arena, &err);
    demand(result == ADDRESS_OK || err.text[0] != '\0');
    demand(passthrough_from(passthrough)->count > 0 && passthrough_sender(passthrough)->count <= 1);
    for (size_t i = 0; i < list.count; i++) {
        struct slice text = list.mailboxes[i].address.text;
        demand(slice_has(text, '@') && !slice_has(text, '\r') && !slice_has(text, '\n'));
    }
}

static void check(struct passthrough *passthrough, struct slice given, struct arena *arena)
{
    struct buf whole;
    struct buf again;
    pull(passthrough, 16384, &whole);
    demand(whole.len == passthrough_size(passthrough));
    struct slice section = passthrough_header_section(passthrough);
    demand(section.len <= whole.len && memcmp(section.data, whole.data, section.len) == 0);
    bool eight_bit = false;
    for (size_t i = 0; i < whole.len; i++) {
        eight_bit = eight_bit || (unsigned char)whole.data[i] > 127;
        demand((unsigned char)whole.data[i] < 128 || i >= section.len ||
               passthrough_needs_smtputf8(passthrough));
    }
    demand(eight_bit == passthrough_is_eight_bit(passthrough));
    pull(passthrough, 1 + given.len % 700, &again);
    demand(slice_equal(buf_slice(&whole), buf_slice(&again)));
    struct slice out = buf_slice(&whole);
    check_header(&out, &given);
    check_body(out, given);
    check_addresses(passthrough, arena);
    buf_free(&whole);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice given = {(const char *)data, size};
    struct arena arena;
    struct blob_store store;
    struct blob blob;
    struct passthrough *passthrough;
    struct err err = {"", ""};
    arena_init(&arena, MEMORY);
    blob_store_init(&store, "/tmp", size % 8 == 0 ? size / 2 : MEMORY);
    blob_begin(&blob, &store);
    demand(blob_append(&blob, given.data, given.len, NULL));
    const struct passthrough_input input = {
        .content = &blob, .field = "message", .domain = SLICE("web1.example.com"), .now = 1795427280};
    enum passthrough_result result = passthrough_new(&passthrough, &input, &arena, &err);
    demand(result != PASSTHROUGH_FAILED && (result == PASSTHROUGH_OK) == (passthrough != NULL));
    if (result == PASSTHROUGH_OK) {
        check(passthrough, given, &arena);
    } else {
        demand(strcmp(err.field, "message") == 0 && err.text[0] != '\0');
    }
    passthrough_free(passthrough);
    blob_store_free(&store);
    arena_free(&arena);
    return 0;
}
