/*
 * Everything but bodies is written once, at compose_new: so what is wrong is found before a byte is sent, the size is
 * known, and a rewound stream is the same one, boundaries and Message-ID included.
 */
#include "fcgi_smtp/compose.h"

#include <stdio.h>
#include <stdlib.h>

#include "fcgi_smtp/encoded_word.h"
#include "fcgi_smtp/utf8.h"
#include "mime/content_id.h"
#include "mime/date.h"
#include "mime/header.h"
#include "mime/lexer.h"
#include "mime/message_id.h"
#include "mime/message_tree.h"
#include "mime/part.h"
#include "mime/segments.h"

enum {
    FIELDS_MAX = 4 << 20, /* octets of all header fields and delimiters of a message */
    DOMAIN_MAX = 255,     /* octets of a domain or address literal (RFC 5321 4.5.3.1.2) */
    QUOTED_MAX = 100,     /* octets of a refused value that an error shows */
    CUSTOM_WORD_MAX =
        900 /* octets: the encoder would encode a longer word, which a structured field cannot have */
};

struct compose {
    struct segments segments;
    size_t section_end; /* of the header section in segments.fixed */
    size_t id_at;       /* of the Message-ID in it */
    size_t id_len;
    const char *utf8_field; /* "" if there is none */
};

/* As much of a refused value as an error shows. */
static struct slice shortened(struct slice value)
{
    value.len = value.len < QUOTED_MAX ? value.len : QUOTED_MAX;
    return value;
}

static void write_date(struct header *header, const struct message *message)
{
    char made[DATE_SIZE];
    struct slice date = message->date;
    header_begin(header, SLICE("Date"), SLICE("date"));
    if (date.len == 0) {
        if (!date_make(made, message->now)) {
            header_refuse(header, "the clock's time is no date");
            return;
        }
        date = slice_of(made);
    } else if (!compose_date_valid(date)) {
        header_refuse(header, "\"%.*s\" is no date like \"Mon, 23 Nov 2026 09:48:00 +0100\" (RFC 5322 3.3)",
                      SLICE_ARGS(shortened(date)));
        return;
    }
    header_words(header, date);
    header_end(header);
}

static void write_addresses(struct header *header, const char *name, const char *field,
                            const struct address_list *list)
{
    if (list->count == 0 && list->group_count == 0) {
        return;
    }
    header_begin(header, slice_of(name), slice_of(field));
    header_addresses(header, list);
    header_end(header);
}

static bool writes_sender(const struct message *message)
{
    return message->from.count > 1 || message->sender_shown;
}

/* From, and Sender where From does not say who sent it (RFC 5322 3.6.2). */
static void write_originators(struct header *header, const struct message *message)
{
    header->field = SLICE("from");
    if (message->from.count == 0 || message->from.group_count > 0) {
        header_refuse(header, "one or more addresses are needed here, and no group");
        return;
    }
    write_addresses(header, "From", "from", &message->from);
    if (writes_sender(message)) {
        header->field = SLICE("sender");
        if (message->sender.count != 1 || message->sender.group_count > 0) {
            header_refuse(header, "a message with several from addresses needs one sender address");
            return;
        }
        write_addresses(header, "Sender", "sender", &message->sender);
    }
    write_addresses(header, "Reply-To", "reply_to", &message->reply_to);
}

static void write_recipients(struct header *header, const struct message *message)
{
    if (message->to.count + message->to.group_count + message->cc.count + message->cc.group_count == 0) {
        header_begin(header, SLICE("To"), SLICE("to"));
        header_words(header, SLICE("undisclosed-recipients:;"));
        header_end(header);
    }
    write_addresses(header, "To", "to", &message->to);
    write_addresses(header, "Cc", "cc", &message->cc);
}

static void write_subject(struct header *header, struct slice subject)
{
    if (slice_trim(subject).len == 0) {
        return;
    }
    header_begin(header, SLICE("Subject"), SLICE("subject"));
    header_text(header, subject);
    header_end(header);
}

static void write_message_id(struct header *header, const struct message *message, struct compose *compose)
{
    char made[MESSAGE_ID_MAX + 1];
    struct slice id = slice_trim(message->message_id);
    header_begin(header, SLICE("Message-ID"), SLICE("message_id"));
    if (id.len == 0) {
        struct slice domain = slice_has(message->domain, '.') || message->from.count == 0
                                  ? message->domain
                                  : message->from.mailboxes[0].address.domain;
        if (domain.len > DOMAIN_MAX) {
            header_refuse(header, "the domain \"%.*s\" is too long for a Message-ID",
                          SLICE_ARGS(shortened(domain)));
            return;
        }
        if (!message_id_make(made, domain, message->now)) {
            header_fail(header, "no Message-ID could be made");
            return;
        }
        id = slice_of(made);
    }
    if (!compose_message_ids_valid(id, 1)) {
        header_refuse(header, "\"%.*s\" is no message id like <id@domain> (RFC 5322 3.6.4)",
                      SLICE_ARGS(shortened(id)));
        return;
    }
    header_word(header, id, "");
    compose->id_at = header->out->len - (header->result == COMPOSE_OK ? id.len : 0);
    compose->id_len = id.len;
    header_end(header);
}

static void write_references(struct header *header, const char *name, const char *field, struct slice list)
{
    struct slice id;
    if (slice_trim(list).len == 0) {
        return;
    }
    header_begin(header, slice_of(name), slice_of(field));
    if (!compose_message_ids_valid(list, MESSAGE_IDS_MAX)) {
        header_refuse(header, "\"%.*s\" is no list of 1 to %d message ids like <id@domain> (RFC 5322 3.6.4)",
                      SLICE_ARGS(shortened(list)), MESSAGE_IDS_MAX);
        return;
    }
    while (message_id_next(&list, &id)) {
        header_word(header, id, "");
    }
    header_end(header);
}

/* The octets of the longest run without white space. */
static size_t longest_word(struct slice text)
{
    size_t longest = 0;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        len = ascii_is_blank(text.data[i]) ? 0 : len + 1;
        longest = len > longest ? len : longest;
    }
    return longest;
}

/*
 * Whether the text is ASCII whose encoded words are all well-formed. Then it stays as it is: the field may be structured,
 * and a comma that an encoded word hides must stay hidden.
 */
static bool is_encoded_already(struct slice text)
{
    if (memmem(text.data, text.len, "=?", 2) == NULL || !utf8_is_ascii(text) ||
        lexer_valid_prefix(text) != text.len) {
        return false;
    }
    struct buf decoded;
    buf_init(&decoded, FIELDS_MAX);
    bool ok = encoded_word_decode(&decoded, text) && decoded.len > 0 &&
              memmem(decoded.data, decoded.len, "=?", 2) == NULL;
    buf_free(&decoded);
    return ok;
}

static void write_custom(struct header *header, const struct message_header *custom)
{
    struct err why;
    char field[ERR_FIELD_MAX];
    struct slice value = slice_trim(custom->value);
    (void)snprintf(field, sizeof field, "h:%.*s", SLICE_ARGS(custom->name));
    header->field = slice_of(field);
    if (!compose_header_name_allowed(custom->name, &why)) {
        header_refuse(header, "%s", why.text);
    } else if (longest_word(value) > CUSTOM_WORD_MAX && utf8_is_ascii(value)) {
        header_refuse(
            header, "a word of %zu octets is too long to be folded: at most %d may stand without white space",
            longest_word(value), CUSTOM_WORD_MAX);
    } else if (value.len > 0) {
        header_begin(header, custom->name, slice_of(field));
        if (is_encoded_already(value)) {
            header_words(header, value);
        } else {
            header_text(header, value);
        }
        header_end(header);
    }
    header->field = (struct slice){NULL, 0};
}

/* The header section up to the Content-* fields, in the order that people know. */
static void write_fields(struct header *header, const struct message *message, struct compose *compose)
{
    write_date(header, message);
    write_originators(header, message);
    write_recipients(header, message);
    write_subject(header, message->subject);
    write_message_id(header, message, compose);
    write_references(header, "In-Reply-To", "in_reply_to", message->in_reply_to);
    write_references(header, "References", "references", message->references);
    header_begin(header, SLICE("MIME-Version"), (struct slice){NULL, 0});
    header_word(header, SLICE("1.0"), "");
    header_end(header);
    for (size_t i = 0; i < message->header_count && header->result == COMPOSE_OK; i++) {
        write_custom(header, &message->headers[i]);
    }
}

static bool needs_utf8(const struct address_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->mailboxes[i].address.utf8) {
            return true;
        }
    }
    return false;
}

/* The first address field with a non-ASCII local part that is written. */
static const char *find_utf8_field(const struct message *message)
{
    const struct {
        const struct address_list *list;
        const char *field;
    } lists[] = {{&message->from, "from"},
                 {&message->sender, "sender"},
                 {&message->reply_to, "reply_to"},
                 {&message->to, "to"},
                 {&message->cc, "cc"}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        bool written = lists[i].list != &message->sender || writes_sender(message);
        if (written && needs_utf8(lists[i].list)) {
            return lists[i].field;
        }
    }
    return "";
}

static enum compose_result write_message(struct compose *compose, const struct message *message,
                                         const struct message_tree *tree, struct err *err)
{
    struct header header;
    if (!segments_init(&compose->segments, tree->bodies, FIELDS_MAX)) {
        err_set(err, "no memory for the message");
        return COMPOSE_FAILED;
    }
    header_init(&header, &compose->segments.fixed, err);
    write_fields(&header, message, compose);
    content_id_check(&header, message);
    if (header.result == COMPOSE_OK) {
        part_write_tree(&header, &compose->segments, &tree->root, &compose->section_end);
        segments_end(&compose->segments);
    }
    compose->utf8_field = find_utf8_field(message);
    return header.result;
}

enum compose_result compose_new(struct compose **out, const struct message *message, struct err *err)
{
    struct message_tree tree;
    enum compose_result result = COMPOSE_FAILED;
    struct compose *compose = calloc(1, sizeof *compose);
    bool built = message_tree_build(&tree, message);
    *out = NULL;
    if (compose == NULL || !built) {
        err_set(err, "no memory for the message");
    } else {
        result = write_message(compose, message, &tree, err);
    }
    message_tree_free(&tree);
    if (result != COMPOSE_OK) {
        compose_free(compose);
        return result;
    }
    *out = compose;
    return COMPOSE_OK;
}

void compose_free(struct compose *compose)
{
    if (compose != NULL) {
        segments_free(&compose->segments);
        free(compose);
    }
}

struct source compose_source(struct compose *compose)
{
    return (struct source){&compose->segments, segments_read, segments_rewind};
}

uint64_t compose_size(const struct compose *compose)
{
    return compose->segments.size;
}

bool compose_needs_smtputf8(const struct compose *compose, const char **field)
{
    *field = compose->utf8_field;
    return compose->utf8_field[0] != '\0';
}

struct slice compose_message_id(const struct compose *compose)
{
    return (struct slice){compose->segments.fixed.data + compose->id_at, compose->id_len};
}

struct slice compose_header_section(const struct compose *compose)
{
    return (struct slice){compose->segments.fixed.data, compose->section_end};
}
