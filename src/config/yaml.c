/*
 * libyaml's events become a tree. This is the only file that knows libyaml.
 *
 * Events, not libyaml's documents: those resolve aliases and forget anchors and tags, which are to be reported
 * here. The nesting is followed by the parent pointers of the tree instead of recursion, so that hostile input
 * can't use up the stack.
 *
 * libyaml decodes its input some way ahead of what it parses, so that an octet that isn't UTF-8 would end the
 * reading before lines above it were seen. The characters are therefore looked through first, and the text is
 * cut before the line with a bad one.
 *
 * Scalars may be passwords: the copies that can be reached are wiped. libyaml never quotes input in its errors.
 */
#include <yaml.h>

#include "config/syntax.h"
#include "config/tree.h"
#include "fcgi_smtp/secret.h"
#include "fcgi_smtp/utf8.h"

#define TREE_MEMORY                                                                                          \
    ((size_t)32 * 1024 * 1024) /* octets: TREE_NODES_MAX nodes and the texts of a largest file */

struct builder {
    struct tree *tree;
    struct problems *problems;
    struct node *open;    /* the innermost mapping or sequence */
    struct node *pending; /* the mapping's entry whose value comes next */
    size_t depth;
    bool begun;   /* a document */
    bool stopped; /* at a problem after which nothing can be understood */
    bool no_memory;
};

static struct place place_of(yaml_mark_t mark)
{
    return (struct place){(unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static struct node *stop(struct builder *b, struct place place, const char *what)
{
    b->stopped = true;
    b->tree->complete = false;
    char path[TREE_PATH_MAX] = "";
    if (b->pending != NULL || b->open != NULL) {
        node_path(b->pending != NULL ? b->pending : b->open, path);
    }
    problems_add(b->problems, place, path, "%s", what);
    return NULL;
}

static struct slice copy_text(struct builder *b, const yaml_char_t *text, size_t len)
{
    char *copy = arena_copy(&b->tree->arena, (struct slice){(const char *)text, len});
    if (copy == NULL) {
        b->no_memory = true;
    }
    return (struct slice){copy, copy != NULL ? len : 0};
}

/* A new entry of the open mapping or sequence, or the root. */
static struct node *add_node(struct builder *b, struct place place)
{
    if (b->tree->nodes == TREE_NODES_MAX) {
        return stop(b, place, "there are too many values; at most 100000 are expected");
    }
    struct node *node = arena_alloc(&b->tree->arena, sizeof *node);
    if (node == NULL) {
        b->no_memory = true;
        return NULL;
    }
    b->tree->nodes++;
    node->parent = b->open;
    node->place = place;
    if (b->open == NULL) {
        b->tree->root = node;
        return node;
    }
    node->index = b->open->count++;
    if (b->open->last != NULL) {
        b->open->last->next = node;
    } else {
        b->open->first = node;
    }
    b->open->last = node;
    return node;
}

/* The node that the next value goes into. */
static struct node *value_node(struct builder *b, struct place place)
{
    struct node *node = b->pending;
    b->pending = NULL;
    if (node != NULL) {
        node->place = place;
        return node;
    }
    return add_node(b, place);
}

static bool key_comes_next(const struct builder *b)
{
    return b->open != NULL && b->open->kind == NODE_MAPPING && b->pending == NULL;
}

static void check_properties(struct builder *b, const struct node *node, struct place place, bool anchor,
                             bool tag)
{
    char path[TREE_PATH_MAX];
    node_path(node, path);
    if (anchor) {
        problems_add(b->problems, place, path,
                     "has an anchor (&); a plain value is expected, in quotes if it begins "
                     "with &");
    }
    if (tag) {
        problems_add(b->problems, place, path,
                     "has a tag (!); a plain value is expected, in quotes if it begins "
                     "with !");
    }
}

static void take_key(struct builder *b, const yaml_event_t *event)
{
    struct place place = place_of(event->start_mark);
    struct node *node = add_node(b, place);
    if (node == NULL) {
        return;
    }
    node->key = copy_text(b, event->data.scalar.value, event->data.scalar.length);
    node->key_place = place;
    b->pending = node;
    check_properties(b, node, place, event->data.scalar.anchor != NULL, event->data.scalar.tag != NULL);
    if (slice_equal(node->key, SLICE("<<")) && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        node->ignored = true;
        node_key_problem(b->problems, node, "is a merge key; every key is expected to be written out");
    }
}

static void take_scalar(struct builder *b, const yaml_event_t *event)
{
    if (key_comes_next(b)) {
        take_key(b, event);
        return;
    }
    struct node *node = value_node(b, place_of(event->start_mark));
    if (node == NULL) {
        return;
    }
    node->kind = NODE_SCALAR;
    node->text = copy_text(b, event->data.scalar.value, event->data.scalar.length);
    node->empty = node->text.len == 0 && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    check_properties(b, node, node->place, event->data.scalar.anchor != NULL, event->data.scalar.tag != NULL);
}

/* The name of an alias is not shown: "password: *secret" is a password that lacks quotes. */
static void take_alias(struct builder *b, const yaml_event_t *event)
{
    struct place place = place_of(event->start_mark);
    if (key_comes_next(b)) {
        (void)stop(b, place, "an alias (*) stands where a key is expected");
        return;
    }
    struct node *node = value_node(b, place);
    if (node != NULL) {
        node_problem(b->problems, node,
                     "is an alias (*); a plain value is expected, in quotes if it begins with *");
    }
}

static void open_node(struct builder *b, enum node_kind kind, yaml_mark_t mark, bool anchor, bool tag)
{
    struct place place = place_of(mark);
    if (key_comes_next(b)) {
        (void)stop(b, place, "a list or mapping stands where a key is expected");
        return;
    }
    if (b->depth == TREE_DEPTH_MAX) {
        (void)stop(b, place, "is nested too deeply; no key has so many levels");
        return;
    }
    struct node *node = value_node(b, place);
    if (node == NULL) {
        return;
    }
    node->kind = kind;
    check_properties(b, node, place, anchor, tag);
    b->open = node;
    b->depth++;
}

static void close_node(struct builder *b)
{
    if (b->open != NULL) { /* libyaml closes what it opened */
        b->open = b->open->parent;
        b->depth--;
    }
}

static void begin_document(struct builder *b, yaml_mark_t mark)
{
    if (b->begun) {
        (void)stop(b, place_of(mark), "a second document begins; one is expected");
        b->tree->complete = true; /* the first one is */
    }
    b->begun = true;
}

static void take_event(struct builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        begin_document(b, event->start_mark);
        break;
    case YAML_ALIAS_EVENT:
        take_alias(b, event);
        break;
    case YAML_SCALAR_EVENT:
        take_scalar(b, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        open_node(b, NODE_SEQUENCE, event->start_mark, event->data.sequence_start.anchor != NULL,
                  event->data.sequence_start.tag != NULL);
        break;
    case YAML_MAPPING_START_EVENT:
        open_node(b, NODE_MAPPING, event->start_mark, event->data.mapping_start.anchor != NULL,
                  event->data.mapping_start.tag != NULL);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_node(b);
        break;
    case YAML_STREAM_END_EVENT:
        b->stopped = true;
        break;
    default:
        break;
    }
}

static void syntax_problem(struct builder *b, const yaml_parser_t *parser)
{
    bool cut = !b->tree->complete; /* then this is only where the text was cut */
    bool tab = parser->error == YAML_SCANNER_ERROR && *parser->buffer.pointer == '\t';
    b->stopped = true;
    b->tree->complete = false;
    b->no_memory = parser->error == YAML_MEMORY_ERROR;
    if (!b->no_memory && !cut && tab) {
        problems_add(b->problems, place_of(parser->problem_mark), NULL,
                     "is not YAML: a tab cannot indent a line; spaces are expected");
    } else if (!b->no_memory && !cut) {
        problems_add(b->problems, place_of(parser->problem_mark), NULL,
                     "is not YAML: %s%s%s; values with special characters are expected in quotes",
                     parser->problem != NULL ? parser->problem : "broken", parser->context != NULL ? " " : "",
                     parser->context != NULL ? parser->context : "");
    }
}

static void wipe_event(yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT) {
        secret_wipe(event->data.scalar.value, event->data.scalar.length);
    }
    yaml_event_delete(event);
}

static void wipe_parser(yaml_parser_t *parser)
{
    secret_wipe(parser->buffer.start, (size_t)(parser->buffer.end - parser->buffer.start));
    secret_wipe(parser->raw_buffer.start, (size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
    yaml_parser_delete(parser);
}

static bool parse(struct builder *b, struct slice yaml)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        return false;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)(yaml.len > 0 ? yaml.data : ""), yaml.len);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    while (!b->stopped && !b->no_memory) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            syntax_problem(b, &parser);
            break;
        }
        take_event(b, &event);
        wipe_event(&event);
    }
    wipe_parser(&parser);
    return !b->no_memory;
}

/* Where the octet at offset stands, in lines and characters as libyaml counts them. */
static struct place place_at(struct slice yaml, size_t offset, size_t *line_start)
{
    struct place place = {1, 1};
    *line_start = 0;
    for (size_t i = 0; i < offset; i++) {
        bool line_end = yaml.data[i] == '\n' || (yaml.data[i] == '\r' && yaml.data[i + 1] != '\n');
        if (line_end) {
            place.line++;
            place.column = 1;
            *line_start = i + 1;
        } else if (((unsigned char)yaml.data[i] & 0xC0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

/* The text up to the line with the first character that can't be in it. */
static struct slice readable_part(struct builder *b, struct slice yaml)
{
    size_t good = syntax_text_prefix(yaml, "\t\r\n");
    if (good == yaml.len) {
        return yaml;
    }
    size_t line_start;
    struct place place = place_at(yaml, good, &line_start);
    bool utf8 = utf8_char_len(yaml.data + good, yaml.len - good) > 0;
    problems_add(b->problems, place, NULL,
                 utf8 ? "there is a control character; text is expected" : "is not UTF-8; UTF-8 is expected");
    b->tree->complete = false;
    return (struct slice){yaml.data, line_start};
}

bool tree_parse(struct tree *tree, struct slice yaml, struct problems *problems)
{
    *tree = (struct tree){.complete = true};
    arena_init(&tree->arena, TREE_MEMORY);
    if (yaml.len >= 3 && memcmp(yaml.data, "\xEF\xBB\xBF", 3) == 0) {
        yaml = (struct slice){yaml.data + 3, yaml.len - 3}; /* a byte order mark */
    }
    struct builder b = {.tree = tree, .problems = problems};
    struct slice readable = readable_part(&b, yaml);
    bool complete = tree->complete;
    bool done = parse(&b, readable);
    tree->complete = tree->complete && complete;
    return done;
}
