/*
 * A Content-ID is the file's name and nothing else, so that whoever writes the html knows it: cid:logo.png. It has no "@",
 * as RFC 5322 3.6.4 would have it; mail programs compare the octets between "<" and ">" with those of the URL. What they
 * would not read alike is refused, not changed: white space, which is folded, and characters that a cid: URL escapes by
 * "%" here and not there.
 */
#include "mime/content_id.h"

#include <stdlib.h>

#include "fcgi_smtp/encoded_word.h"
#include "mime/file_name.h"

enum { QUOTED_MAX = 100 }; /* octets of a name that an error shows */

static bool is_id(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if (c <= ' ' || c > '~' || strchr("<>\"\\", c) != NULL) {
            return false;
        }
    }
    return name.len > 0;
}

static int compare(const void *a, const void *b)
{
    const struct slice *left = a;
    const struct slice *right = b;
    if (left->len != right->len) {
        return left->len < right->len ? -1 : 1;
    }
    return memcmp(left->data, right->data, left->len);
}

/* Sorted, equal names are neighbours: O(n log n), whatever a client sends. */
static void check_repeated(struct header *header, struct slice *names, size_t count)
{
    qsort(names, count, sizeof *names, compare);
    for (size_t i = 1; i < count; i++) {
        if (slice_equal(names[i - 1], names[i])) {
            header_refuse(header,
                          "two inline files are called \"%.*s\", which is their Content-ID; give each a name "
                          "of its own",
                          SLICE_ARGS(names[i]));
            return;
        }
    }
}

void content_id_check(struct header *header, const struct message *message)
{
    if (message->inline_count == 0 || header->result != COMPOSE_OK) {
        return;
    }
    header->field = slice_of(message->inlines[0].field);
    struct slice *names = calloc(message->inline_count, sizeof *names);
    if (names == NULL) {
        header_fail(header, "no memory for the inline files");
        return;
    }
    for (size_t i = 0; i < message->inline_count; i++) {
        names[i] = file_name_without_directories(message->inlines[i].file_name);
        if (!is_id(names[i])) {
            int shown = (int)(names[i].len < QUOTED_MAX ? names[i].len : QUOTED_MAX);
            header_refuse(
                header,
                "the name of an inline file is its Content-ID, and \"%.*s\" cannot be one: give it one or "
                "more "
                "printable ASCII characters without white space, <, > and quotation marks, like logo.png",
                shown, names[i].data != NULL ? names[i].data : "");
        }
    }
    if (header->result == COMPOSE_OK) {
        check_repeated(header, names, message->inline_count);
    }
    free(names);
}

void content_id_write(struct header *header, const struct message_part *part)
{
    struct slice name = file_name_without_directories(part->file_name);
    char text[HEADER_LINE_MAX - 1]; /* a space stands before it */
    if (name.len + 2 > sizeof text) {
        header_refuse(header, "the name of an inline file is too long to be its Content-ID");
        return;
    }
    text[0] = '<';
    memcpy(text + 1, name.data, name.len);
    text[name.len + 1] = '>';
    header_begin(header, SLICE("Content-ID"), slice_of(part->field));
    header_word(header, (struct slice){text, name.len + 2}, "");
    header_end(header);
}
