/*
 * The input is fields, each a letter and its value, with 0x1e between them (0x1f within a file's name, type and
 * content). What is composed of them must be a well-formed stream, the same for every buffer size.
 */
#include <stdint.h>
#include <stdlib.h>

#include "fcgi_smtp/compose.h"
#include "fcgi_smtp/utf8.h"

enum { MEMORY = 16 << 20, MANY = 100, BLOBS_MAX = 32, HEADERS_MAX = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool truth)
{
    if (!truth) {
        abort();
    }
}

struct input {
    struct arena arena;
    struct blob_store store;
    struct blob blobs[BLOBS_MAX];
    size_t blob_count;
    struct message message;
    struct message_part files[BLOBS_MAX];
    struct message_part inlines[BLOBS_MAX];
    struct message_header headers[HEADERS_MAX];
};

/* What stands before the first c; *rest is what stands behind it. */
static struct slice take(struct slice *rest, char c)
{
    const char *end = rest->len > 0 ? memchr(rest->data, c, rest->len) : NULL;
    struct slice taken = {rest->data, end != NULL ? (size_t)(end - rest->data) : rest->len};
    size_t used = taken.len + (end != NULL ? 1 : 0);
    *rest = (struct slice){rest->len > used ? rest->data + used : NULL, rest->len - used};
    return taken;
}

static struct blob *make_blob(struct input *input, struct slice content)
{
    struct blob *blob = &input->blobs[input->blob_count++];
    blob_begin(blob, &input->store);
    demand(blob_append(blob, content.data, content.len, NULL));
    return blob;
}

static void add_addresses(struct input *input, struct address_list *list, struct slice value)
{
    struct err err;
    (void)address_parse(list, value, MANY, &input->arena, &err);
}

static void add_part(struct input *input, char letter, struct slice value)
{
    struct message *message = &input->message;
    if (input->blob_count == BLOBS_MAX) {
        return;
    }
    if (letter == 'x') {
        message->text.content = make_blob(input, value);
    } else if (letter == 'h') {
        message->html.content = make_blob(input, value);
    } else if (letter == 'A') {
        message->amp.content = make_blob(input, value);
    } else {
        struct message_part *file = letter == 'a' ? &input->files[message->attachment_count++]
                                                  : &input->inlines[message->inline_count++];
        file->field = letter == 'a' ? "attachment" : "inline";
        file->file_name = take(&value, '\x1f');
        file->type = take(&value, '\x1f');
        file->content = make_blob(input, value);
    }
}

static void add_field(struct input *input, char letter, struct slice value)
{
    struct message *message = &input->message;
    const struct {
        char letter;
        struct address_list *list;
        struct slice *text;
    } fields[] = {
        {'f', &message->from, NULL},       {'s', &message->sender, NULL},
        {'r', &message->reply_to, NULL},   {'t', &message->to, NULL},
        {'c', &message->cc, NULL},         {'S', NULL, &message->subject},
        {'m', NULL, &message->message_id}, {'i', NULL, &message->in_reply_to},
        {'R', NULL, &message->references}, {'d', NULL, &message->date},
        {'D', NULL, &message->domain},     {'C', NULL, &message->text.charset},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i].letter == letter && fields[i].list != NULL) {
            add_addresses(input, fields[i].list, value);
        } else if (fields[i].letter == letter) {
            *fields[i].text = value;
        }
    }
    if (letter == 'H' && message->header_count < HEADERS_MAX) {
        struct slice name = take(&value, ':');
        input->headers[message->header_count++] = (struct message_header){name, value};
    }
    if (letter != '\0' && strchr("xhAan", letter) != NULL) {
        add_part(input, letter, value);
    }
}

static void pull(struct compose *compose, size_t chunk, struct buf *out)
{
    struct source source = compose_source(compose);
    size_t len = 1;
    source.rewind(source.ctx);
    while (len > 0) {
        char *room = buf_reserve(out, chunk);
        demand(room != NULL && source.read(source.ctx, room, chunk, &len, NULL) && len <= chunk);
        out->len += len;
    }
}

static void check_lines(struct slice whole, size_t header_section, bool utf8)
{
    size_t line = 0;
    for (size_t i = 0; i < whole.len; i++) {
        char c = whole.data[i];
        demand(c != '\0' && ((unsigned char)c < 0x80 || (utf8 && i < header_section)));
        if (c == '\r' || c == '\n') {
            demand(c == '\r' && i + 1 < whole.len && whole.data[i + 1] == '\n');
            i++;
            line = 0;
        } else {
            demand(++line <= 998);
        }
    }
    demand(line == 0);
}

/* Each line a field or the continuation of one, with something in it; no Bcc. */
static void check_header_section(struct slice section)
{
    demand(section.len > 4 && memcmp(section.data + section.len - 4, "\r\n\r\n", 4) == 0);
    section.len -= 2;
    bool first = true;
    while (section.len > 0) {
        const char *end = memmem(section.data, section.len, "\r\n", 2);
        struct slice line = {section.data, (size_t)(end - section.data)};
        if (line.data[0] == ' ' || line.data[0] == '\t') {
            demand(!first && strspn(line.data, " \t") < line.len);
        } else {
            struct slice rest = line;
            struct slice name = take(&rest, ':');
            demand(name.len > 0 && name.len < line.len && !slice_equal_nocase(name, SLICE("Bcc")));
            for (size_t i = 0; i < name.len; i++) {
                demand(name.data[i] > ' ' && name.data[i] < 0x7f);
            }
        }
        first = false;
        section = (struct slice){end + 2, section.len - line.len - 2};
    }
}

static void check(struct compose *compose, size_t size)
{
    struct buf whole;
    struct buf again;
    const char *field;
    buf_init(&whole, MEMORY);
    buf_init(&again, MEMORY);
    pull(compose, 16384, &whole);
    demand(whole.len == compose_size(compose));
    struct slice section = compose_header_section(compose);
    demand(section.len <= whole.len && memcmp(section.data, whole.data, section.len) == 0);
    check_header_section(section);
    check_lines(buf_slice(&whole), section.len, compose_needs_smtputf8(compose, &field));
    demand(compose_message_ids_valid(compose_message_id(compose), 1));
    pull(compose, 1 + size % 700, &again);
    demand(slice_equal(buf_slice(&whole), buf_slice(&again)));
    buf_free(&whole);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input *input = calloc(1, sizeof *input);
    struct compose *compose;
    struct err err = {"", ""};
    demand(input != NULL);
    arena_init(&input->arena, MEMORY);
    blob_store_init(&input->store, "/tmp", MEMORY);
    input->message.text.field = "text";
    input->message.html.field = "html";
    input->message.amp.field = "amp-html";
    input->message.attachments = input->files;
    input->message.inlines = input->inlines;
    input->message.headers = input->headers;
    input->message.domain = SLICE("web1.example.com");
    struct slice rest = {(const char *)data, size};
    while (rest.len > 0) {
        struct slice field = take(&rest, '\x1e');
        if (field.len > 0) {
            add_field(input, field.data[0], (struct slice){field.data + 1, field.len - 1});
        }
    }
    enum compose_result result = compose_new(&compose, &input->message, &err);
    demand(result != COMPOSE_FAILED);
    if (result == COMPOSE_OK) {
        check(compose, size);
    } else {
        demand(err.field[0] != '\0' && err.text[0] != '\0' && compose == NULL);
    }
    compose_free(compose);
    blob_store_free(&input->store);
    arena_free(&input->arena);
    free(input);
    return 0;
}
