/*
 * The header section is read and written anew, field by field. The octets that come before the body are held as they were
 * given, so that the recipients can be read when they are asked for: where the envelope is given apart, nobody needs them.
 */
#include "mime/passthrough.h"

#include <inttypes.h>

#include "fcgi_smtp/compose.h"
#include "fcgi_smtp/utf8.h"
#include "mime/date.h"
#include "mime/field_reader.h"

enum {
    HEAD_FIRST = 8 * 1024 /* octets that are read first: few header sections are longer */
};

static const struct {
    const char *name;
    enum known_field field;
} known_fields[] = {
    {"From", KNOWN_FROM},
    {"Sender", KNOWN_SENDER},
    {"To", KNOWN_TO},
    {"Cc", KNOWN_CC},
    {"Bcc", KNOWN_BCC},
    {"Date", KNOWN_DATE},
    {"Subject", KNOWN_SUBJECT},
    {"Message-ID", KNOWN_MESSAGE_ID},
    {"Resent-Bcc", KNOWN_LEFT_OUT},
    {"Return-Path", KNOWN_LEFT_OUT},
};

static enum known_field identify(struct slice name)
{
    for (size_t i = 0; i < sizeof known_fields / sizeof known_fields[0]; i++) {
        if (slice_equal_nocase(name, slice_of(known_fields[i].name))) {
            return known_fields[i].field;
        }
    }
    return KNOWN_NONE;
}

enum passthrough_result passthrough_invalid(const struct passthrough *passthrough, struct err *err)
{
    struct slice field = slice_of(passthrough->field);
    err_set_field(err, field.data, field.len);
    return PASSTHROUGH_INVALID;
}

static enum passthrough_result no_memory(struct err *err)
{
    err_set(err, "no memory for the message's header section");
    return PASSTHROUGH_FAILED;
}

/* Reads until the head has len octets. */
static enum passthrough_result read_head_to(struct passthrough_reading *r, size_t len)
{
    struct buf *head = &r->passthrough->head;
    while (head->len < len) {
        size_t got = 0;
        char *room = buf_reserve(head, len - head->len);
        if (room == NULL) {
            return no_memory(r->err);
        }
        if (!blob_read(r->input->content, head->len, room, len - head->len, &got, r->err) || got == 0) {
            return PASSTHROUGH_FAILED;
        }
        head->len += got;
    }
    return PASSTHROUGH_OK;
}

/* Reads the header section; the octets read double until its end is among them. */
static enum passthrough_result read_head(struct passthrough_reading *r)
{
    struct passthrough *p = r->passthrough;
    uint64_t size = r->input->content->size;
    size_t most = size < PASSTHROUGH_HEADER_MAX ? (size_t)size : PASSTHROUGH_HEADER_MAX;
    size_t section = 0;
    size_t all = 0;
    for (size_t want = HEAD_FIRST;; want *= 2) {
        want = want < most ? want : most;
        if (read_head_to(r, want) != PASSTHROUGH_OK) {
            return PASSTHROUGH_FAILED;
        }
        if (field_reader_find_end(buf_slice(&p->head), p->head.len == size, &section, &all)) {
            break;
        }
        if (want == most) {
            err_set(r->err, "the header section is over %zu octets, or no empty line ends it",
                    PASSTHROUGH_HEADER_MAX);
            return passthrough_invalid(p, r->err);
        }
    }
    p->head.len = all;
    p->section = (struct slice){p->head.data, section};
    if (slice_has(p->section, '\0')) {
        const char *nul = memchr(p->section.data, '\0', section);
        err_set(r->err, "octet %zu is NUL, which no message may hold", (size_t)(nul - p->section.data) + 1);
        return passthrough_invalid(p, r->err);
    }
    return PASSTHROUGH_OK;
}

/* One of the fields that may be there once. */
static enum passthrough_result read_originator(struct passthrough_reading *r,
                                               const struct message_field *field, size_t max,
                                               struct address_list *list)
{
    struct err wrong = {"", ""};
    buf_clear(&r->unfolded);
    if (!field_unfold(&r->unfolded, field->value)) {
        return no_memory(r->err);
    }
    enum address_result result = ADDRESS_INVALID;
    if (list->count > 0) {
        err_set(&wrong, "it is there for the second time, and only one may be");
    } else {
        result = address_parse(list, buf_slice(&r->unfolded), max, r->arena, &wrong);
    }
    if (result == ADDRESS_OK && list->group_count > 0) {
        err_set(&wrong, "mailboxes are wanted here, not a group");
        result = ADDRESS_INVALID;
    }
    if (result == ADDRESS_OK || result == ADDRESS_NO_MEMORY) {
        return result == ADDRESS_OK ? PASSTHROUGH_OK : no_memory(r->err);
    }
    err_set(r->err, "%.*s in line %" PRIu64 ": %s", SLICE_ARGS(field->name), field->line, wrong.text);
    return passthrough_invalid(r->passthrough, r->err);
}

/* A value without the white space and folds around it. */
static struct slice trim(struct slice value)
{
    static const char white[] = " \t\r\n";
    while (value.len > 0 && strchr(white, value.data[0]) != NULL) {
        value = (struct slice){value.data + 1, value.len - 1};
    }
    while (value.len > 0 && strchr(white, value.data[value.len - 1]) != NULL) {
        value.len--;
    }
    return value;
}

/* Looks at a field that is known; what it says is needed later. */
static enum passthrough_result note_field(struct passthrough_reading *r, enum known_field known,
                                          const struct message_field *field)
{
    struct passthrough *p = r->passthrough;
    bool first = p->count[known]++ == 0;
    switch (known) {
    case KNOWN_FROM:
        return read_originator(r, field, PASSTHROUGH_MAILBOXES_MAX, &p->from);
    case KNOWN_SENDER:
        return read_originator(r, field, 1, &p->sender);
    case KNOWN_MESSAGE_ID:
        p->message_id = first ? trim(field->value) : p->message_id;
        return PASSTHROUGH_OK;
    case KNOWN_SUBJECT:
        p->subject = first ? trim(field->value) : p->subject;
        return PASSTHROUGH_OK;
    default:
        return PASSTHROUGH_OK;
    }
}

/* Writes a field as it is but for its line ends. */
static enum passthrough_result keep_field(struct passthrough_reading *r, const struct message_field *field)
{
    struct buf *out = &r->passthrough->segments.fixed;
    if (field->long_line != 0) {
        err_set(r->err, "line %" PRIu64 " is over %d octets; fold it (RFC 5322 2.1.1, 2.2.3)",
                field->long_line, LINE_OCTETS_MAX);
        return passthrough_invalid(r->passthrough, r->err);
    }
    if (utf8_valid_prefix(field->whole) < field->whole.len) {
        err_set(r->err, "%.*s in line %" PRIu64 " is not valid UTF-8; write it in encoded words (RFC 2047)",
                SLICE_ARGS(field->name), field->line);
        return passthrough_invalid(r->passthrough, r->err);
    }
    struct crlf_encoder encoder;
    crlf_encoder_init(&encoder);
    char *room = buf_reserve(out, CRLF_ENCODER_UPDATE_MAX(field->whole.len) + CRLF_ENCODER_FINISH_MAX);
    if (room == NULL) {
        return no_memory(r->err);
    }
    size_t len = crlf_encoder_update(&encoder, field->whole.data, field->whole.len, room);
    out->len += len + crlf_encoder_finish(&encoder, room + len);
    return PASSTHROUGH_OK;
}

static enum passthrough_result read_fields(struct passthrough_reading *r)
{
    struct field_reader reader;
    struct message_field field;
    enum passthrough_result result = PASSTHROUGH_OK;
    field_reader_init(&reader, r->passthrough->section);
    while (result == PASSTHROUGH_OK) {
        enum field_result read = field_reader_next(&reader, &field, r->err);
        if (read != FIELD_OK) {
            result = read == FIELD_END ? PASSTHROUGH_OK : passthrough_invalid(r->passthrough, r->err);
            break;
        }
        enum known_field known = identify(field.name);
        result = note_field(r, known, &field);
        if (result == PASSTHROUGH_OK && known != KNOWN_BCC && known != KNOWN_LEFT_OUT) {
            result = keep_field(r, &field);
        }
    }
    r->passthrough->lines = reader.line; /* those of the section, and the empty one */
    return result;
}

/* RFC 5322 3.6, 3.6.2: what makes a message somebody's. */
static enum passthrough_result check_originators(struct passthrough_reading *r)
{
    struct passthrough *p = r->passthrough;
    if (p->count[KNOWN_FROM] == 0) {
        err_set(r->err, "the message has no From field");
        return passthrough_invalid(p, r->err);
    }
    if (p->from.count > 1 && p->sender.count == 0) {
        err_set(r->err,
                "the message's From has several mailboxes; add a Sender field with the one that sends it");
        return passthrough_invalid(p, r->err);
    }
    return PASSTHROUGH_OK;
}

/* The domain that is given, where it can stand in an id; else From's, which always can. */
static bool make_id(struct passthrough *p, const struct passthrough_input *input)
{
    if (slice_has(input->domain, '.') && message_id_make(p->made_id, input->domain, input->now) &&
        compose_message_ids_valid(slice_of(p->made_id), 1)) {
        return true;
    }
    return message_id_make(p->made_id, p->from.mailboxes[0].address.domain, input->now);
}

/* What RFC 5322 3.6 wants and is missing, and the section's end. */
static enum passthrough_result add_fields(struct passthrough_reading *r)
{
    struct passthrough *p = r->passthrough;
    struct buf *out = &p->segments.fixed;
    char date[DATE_SIZE];
    bool ok = true;
    if (p->count[KNOWN_DATE] == 0) {
        ok = date_make(date, r->input->now) && buf_printf(out, "Date: %s\r\n", date);
    }
    if (ok && p->count[KNOWN_MESSAGE_ID] == 0) {
        ok = make_id(p, r->input) && buf_printf(out, "Message-ID: %s\r\n", p->made_id);
        p->message_id = slice_of(p->made_id);
    }
    if (!ok || !buf_append_string(out, "\r\n")) {
        err_set(r->err, "no Date or Message-ID could be made for the message");
        return PASSTHROUGH_FAILED;
    }
    return PASSTHROUGH_OK;
}

enum passthrough_result passthrough_read_header(struct passthrough_reading *r)
{
    static enum passthrough_result (*const steps[])(struct passthrough_reading *) = {
        read_head, read_fields, check_originators, add_fields};
    enum passthrough_result result = PASSTHROUGH_OK;
    buf_init(&r->unfolded, PASSTHROUGH_HEADER_MAX);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && result == PASSTHROUGH_OK; i++) {
        result = steps[i](r);
    }
    buf_free(&r->unfolded);
    return result;
}

/* A To, Cc or Bcc. */
static enum address_result add_recipients(const struct passthrough *passthrough,
                                          const struct message_field *field, struct buf *unfolded,
                                          struct address_list *list, size_t max, struct arena *arena,
                                          struct err *err)
{
    struct err wrong = {"", ""};
    if (trim(field->value).len == 0) {
        return ADDRESS_OK;
    }
    buf_clear(unfolded);
    enum address_result result = ADDRESS_NO_MEMORY;
    if (field_unfold(unfolded, field->value)) {
        result = address_parse(list, buf_slice(unfolded), max, arena, &wrong);
    }
    if (result != ADDRESS_OK) {
        struct slice request_field = slice_of(passthrough->field);
        err_set_field(err, request_field.data, request_field.len);
        err_set(err, "%.*s in line %" PRIu64 ": %s", SLICE_ARGS(field->name), field->line, wrong.text);
    }
    return result;
}

enum address_result passthrough_recipients(const struct passthrough *passthrough, struct address_list *list,
                                           size_t max, struct arena *arena, struct err *err)
{
    struct field_reader reader;
    struct message_field field;
    struct buf unfolded;
    enum address_result result = ADDRESS_OK;
    buf_init(&unfolded, PASSTHROUGH_HEADER_MAX);
    field_reader_init(&reader, passthrough->section);
    while (result == ADDRESS_OK && field_reader_next(&reader, &field, err) == FIELD_OK) {
        enum known_field known = identify(field.name);
        if (known == KNOWN_TO || known == KNOWN_CC || known == KNOWN_BCC) {
            result = add_recipients(passthrough, &field, &unfolded, list, max, arena, err);
        }
    }
    buf_free(&unfolded);
    return result;
}
