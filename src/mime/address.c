/*
 * Recursive descent without recursion: groups do not nest, comments are counted. An element is read as words
 * until the character that says what it is: "@" an addr-spec (read again from its start, strictly), "<" the
 * words were a display name, ":" they name a group. So a text has one reading or none; what follows an
 * address must be a comma or the end, and "a@b@c" or "a@b <c@d>" cannot be taken for either of its halves.
 */
#include "fcgi_smtp/address.h"

#include "fcgi_smtp/encoded_word.h"
#include "fcgi_smtp/utf8.h"
#include "mime/addr_spec.h"
#include "mime/lexer.h"

enum {
    QUOTED_MAX = 120, /* octets of the refused piece that the error shows */
    GROWTH = 16       /* at most so many octets of UTF-8 come out of one octet of an encoded word */
};

struct parser {
    struct lexer lexer;
    struct address_list *list;
    struct arena *arena;
    size_t max;
    struct buf name;     /* the words of the element so far, as they are to be read */
    struct buf scratch;  /* of addr_spec_parse and decode_atoms */
    size_t atoms;        /* where in name the latest run of atoms begins */
    bool null_path;      /* "<>" is allowed */
    const char *element; /* where it begins */
    const char *why;     /* for the error */
};

static enum address_result refuse(struct parser *parser, const char *why)
{
    parser->why = why;
    return ADDRESS_INVALID;
}

static enum address_result skip_cfws(struct parser *parser, bool *any)
{
    return lexer_skip_cfws(&parser->lexer, any) ? ADDRESS_OK : refuse(parser, "a comment is not closed");
}

/* Decodes the encoded words in the latest run of atoms (RFC 2047 5 (3)); within quoted strings there are none. */
static enum address_result decode_atoms(struct parser *parser)
{
    struct buf *name = &parser->name;
    if (name->len == parser->atoms) {
        return ADDRESS_OK;
    }
    struct slice run = {name->data + parser->atoms, name->len - parser->atoms};
    if (memmem(run.data, run.len, "=?", 2) == NULL) {
        return ADDRESS_OK;
    }
    buf_clear(&parser->scratch);
    if (!encoded_word_decode(&parser->scratch, run)) {
        return ADDRESS_NO_MEMORY;
    }
    name->len = parser->atoms;
    return buf_append_slice(name, buf_slice(&parser->scratch)) ? ADDRESS_OK : ADDRESS_NO_MEMORY;
}

static enum address_result parse_quoted_word(struct parser *parser)
{
    enum address_result decoded = decode_atoms(parser);
    if (decoded != ADDRESS_OK) {
        return decoded;
    }
    enum lexer_result result = lexer_quoted_string(&parser->lexer, &parser->name);
    if (result == LEXER_UNTERMINATED) {
        return refuse(parser, "a quotation mark is not closed");
    }
    parser->atoms = parser->name.len;
    return result == LEXER_OK ? ADDRESS_OK : ADDRESS_NO_MEMORY;
}

static bool begins_word(char c, const struct parser *parser)
{
    struct lexer probe = parser->lexer;
    return c == '"' || (c == '.' && parser->name.len > 0) || lexer_atom(&probe).len > 0;
}

/*
 * phrase (RFC 5322 3.2.5), also with dots behind its first word (obs-phrase: "John Q. Public"). May be empty.
 * One space stands for the white space and comments between two words.
 */
static enum address_result parse_phrase(struct parser *parser)
{
    buf_clear(&parser->name);
    parser->atoms = 0;
    bool space = false;
    enum address_result result = skip_cfws(parser, NULL);
    while (result == ADDRESS_OK && begins_word(lexer_peek(&parser->lexer), parser)) {
        if (space && parser->name.len > 0 && !buf_append_char(&parser->name, ' ')) {
            return ADDRESS_NO_MEMORY;
        }
        if (lexer_peek(&parser->lexer) == '"') {
            result = parse_quoted_word(parser);
        } else if (!buf_append_slice(&parser->name, lexer_dot_atom(&parser->lexer))) {
            result = ADDRESS_NO_MEMORY;
        }
        if (result == ADDRESS_OK) {
            result = skip_cfws(parser, &space);
        }
    }
    return result == ADDRESS_OK ? decode_atoms(parser) : result;
}

/* Keeps what a name means; a control can only come out of an encoded word here. */
static enum address_result keep_name(struct parser *parser, struct slice *name)
{
    struct slice text = buf_slice(&parser->name);
    if (lexer_valid_prefix(text) != text.len) {
        return refuse(parser, "an encoded word in the name holds a control character");
    }
    *name = (struct slice){arena_copy(parser->arena, text), text.len};
    return name->data != NULL ? ADDRESS_OK : ADDRESS_NO_MEMORY;
}

static enum address_result add_mailbox(struct parser *parser, const struct mailbox *mailbox)
{
    struct address_list *list = parser->list;
    if (list->count >= parser->max) {
        return ADDRESS_TOO_MANY;
    }
    void *array = list->mailboxes;
    struct mailbox *added = arena_push(parser->arena, &array, &list->count, &list->cap, sizeof *added);
    list->mailboxes = array;
    if (added == NULL) {
        return ADDRESS_NO_MEMORY;
    }
    *added = *mailbox;
    return ADDRESS_OK;
}

/* "<" addr-spec ">", after the display name. */
static enum address_result parse_angle(struct parser *parser, struct mailbox *mailbox)
{
    lexer_take(&parser->lexer, '<');
    enum address_result result = skip_cfws(parser, NULL);
    char next = lexer_peek(&parser->lexer);
    if (result == ADDRESS_OK && (next == '@' || next == ',')) {
        return refuse(parser, "a route before the address is obsolete (RFC 5321 appendix C)");
    }
    if (result == ADDRESS_OK && next == '>' && !parser->null_path) {
        return refuse(parser, "nothing stands between \"<\" and \">\"");
    }
    if (result == ADDRESS_OK && next != '>') {
        result =
            addr_spec_parse(&mailbox->address, &parser->lexer, &parser->scratch, parser->arena, &parser->why);
    }
    if (result == ADDRESS_OK && !lexer_take(&parser->lexer, '>')) {
        result = refuse(parser, "a \">\" is missing or not where it must be");
    }
    return result;
}

/* mailbox (3.4), whose phrase has been read: the lexer stands behind it. */
static enum address_result parse_mailbox(struct parser *parser, struct mailbox *mailbox)
{
    *mailbox = (struct mailbox){{NULL, 0}, {{NULL, 0}, {NULL, 0}, {NULL, 0}, false}};
    if (lexer_peek(&parser->lexer) != '<') {
        parser->lexer.at = parser->element; /* no display name: the words were the local part */
        return addr_spec_parse(&mailbox->address, &parser->lexer, &parser->scratch, parser->arena,
                               &parser->why);
    }
    enum address_result result = keep_name(parser, &mailbox->name);
    if (result == ADDRESS_OK) {
        result = parse_angle(parser, mailbox);
    }
    return result == ADDRESS_OK ? skip_cfws(parser, NULL) : result;
}

static enum address_result begin_group(struct parser *parser)
{
    struct address_list *list = parser->list;
    struct slice name;
    enum address_result result = keep_name(parser, &name);
    if (result != ADDRESS_OK) {
        return result;
    }
    if (name.len == 0) {
        return refuse(parser, "a group has no name before its \":\"");
    }
    void *array = list->groups;
    struct address_group *group =
        arena_push(parser->arena, &array, &list->group_count, &list->group_cap, sizeof *group);
    list->groups = array;
    if (group == NULL) {
        return ADDRESS_NO_MEMORY;
    }
    *group = (struct address_group){name, list->count, 0};
    return ADDRESS_OK;
}

/* One element of the list: a mailbox, or a group's begin up to its ":" (*in_group is set then). */
static enum address_result parse_element(struct parser *parser, bool *in_group)
{
    struct mailbox mailbox;
    enum address_result result = parse_phrase(parser);
    if (result == ADDRESS_OK && lexer_peek(&parser->lexer) == ':') {
        if (*in_group) {
            return refuse(parser, "a group stands within a group");
        }
        lexer_take(&parser->lexer, ':');
        *in_group = true;
        return begin_group(parser);
    }
    if (result == ADDRESS_OK) {
        result = parse_mailbox(parser, &mailbox);
    }
    return result == ADDRESS_OK ? add_mailbox(parser, &mailbox) : result;
}

/* Ends a group at its ";". */
static void end_group(struct parser *parser, bool *in_group)
{
    struct address_group *group = &parser->list->groups[parser->list->group_count - 1];
    group->count = parser->list->count - group->first;
    *in_group = false;
}

static enum address_result parse_list(struct parser *parser)
{
    bool in_group = false;
    bool separated = true; /* an element may begin here */
    while (true) {
        enum address_result result = skip_cfws(parser, NULL);
        if (result != ADDRESS_OK) {
            return result;
        }
        if (lexer_at_end(&parser->lexer)) {
            return in_group ? refuse(parser, "a group is not closed by \";\"") : ADDRESS_OK;
        }
        if (lexer_take(&parser->lexer, ',')) {
            separated = true; /* obs-mbox-list: elements may be empty */
            continue;
        }
        if (in_group && lexer_take(&parser->lexer, ';')) {
            end_group(parser, &in_group);
            separated = false;
            continue;
        }
        if (!separated) {
            return refuse(parser, "behind an address only a comma may follow");
        }
        bool within = in_group;
        parser->element = parser->lexer.at;
        result = parse_element(parser, &in_group);
        if (result != ADDRESS_OK) {
            return result;
        }
        separated = in_group && !within;
    }
}

/* The refused piece: the element up to the comma behind the place where reading stopped, shortened. */
static struct slice refused_piece(const struct parser *parser, bool *cut)
{
    const char *end = parser->lexer.at < parser->lexer.end
                          ? memchr(parser->lexer.at, ',', (size_t)(parser->lexer.end - parser->lexer.at))
                          : NULL;
    end = end != NULL ? end : parser->lexer.end;
    struct slice piece = slice_trim((struct slice){parser->element, (size_t)(end - parser->element)});
    *cut = piece.len > QUOTED_MAX;
    if (*cut) {
        piece.len = QUOTED_MAX;
        piece.len = utf8_valid_prefix(piece);
    }
    return piece;
}

static void explain(const struct parser *parser, enum address_result result, struct err *err)
{
    bool cut;
    struct slice piece = refused_piece(parser, &cut);
    if (result == ADDRESS_INVALID) {
        err_set(err, "\"%.*s%s\" cannot be read as a mail address: %s", SLICE_ARGS(piece), cut ? "..." : "",
                parser->why);
    } else if (result == ADDRESS_TOO_MANY) {
        err_set(err, "more than %zu addresses", parser->max);
    } else if (result == ADDRESS_NO_MEMORY) {
        err_set(err, "no memory for the addresses");
    }
}

/* Runs parse on the text; what it added to the list goes again when it fails. */
static enum address_result run(struct parser *parser, struct slice text,
                               enum address_result (*parse)(struct parser *), struct err *err)
{
    struct address_list *list = parser->list;
    size_t count = list->count;
    size_t group_count = list->group_count;
    parser->lexer = lexer_of(text);
    parser->element = parser->lexer.at;
    buf_init(&parser->name, text.len * GROWTH + 1);
    buf_init(&parser->scratch, text.len * GROWTH + 1);
    size_t valid = lexer_valid_prefix(text);
    enum address_result result = ADDRESS_INVALID;
    if (valid < text.len) {
        err_set(err, "octet %zu is a control character or no UTF-8 text", valid + 1);
    } else {
        result = parse(parser);
        explain(parser, result, err);
    }
    buf_free(&parser->name);
    buf_free(&parser->scratch);
    if (result != ADDRESS_OK) {
        list->count = count;
        list->group_count = group_count;
    }
    return result;
}

enum address_result address_parse(struct address_list *list, struct slice text, size_t max,
                                  struct arena *arena, struct err *err)
{
    struct parser parser = {.list = list, .arena = arena, .max = max};
    size_t before = list->count + list->group_count;
    enum address_result result = run(&parser, text, parse_list, err);
    if (result == ADDRESS_OK && list->count + list->group_count == before) {
        err_set(err, "there is no address in \"%.*s\"", (int)(text.len < QUOTED_MAX ? text.len : QUOTED_MAX),
                text.data != NULL ? text.data : "");
        return ADDRESS_INVALID;
    }
    return result;
}

/* The list of parse_one is a place for one mailbox; a group has none. */
static enum address_result parse_single(struct parser *parser)
{
    enum address_result result = parse_phrase(parser);
    if (result == ADDRESS_OK && lexer_peek(&parser->lexer) == ':') {
        return refuse(parser, "one address is wanted, not a group");
    }
    if (result == ADDRESS_OK) {
        result = parse_mailbox(parser, parser->list->mailboxes);
    }
    if (result == ADDRESS_OK && !lexer_at_end(&parser->lexer)) {
        return refuse(parser, lexer_peek(&parser->lexer) == ',' ? "one address is wanted, not a list"
                                                                : "behind the address nothing may follow");
    }
    return result;
}

enum address_result address_parse_one(struct mailbox *mailbox, struct slice text, bool null_path,
                                      struct arena *arena, struct err *err)
{
    struct address_list list = {.mailboxes = mailbox, .count = 0, .cap = 1};
    struct parser parser = {.list = &list, .arena = arena, .max = 1, .null_path = null_path};
    return run(&parser, text, parse_single, err);
}
