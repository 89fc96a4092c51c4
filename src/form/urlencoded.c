/*
 * application/x-www-form-urlencoded, WHATWG URL 5.1.
 *
 * The standard splits the whole body at "&" and "=" and decodes the pieces; here the same is done to chunks as they
 * arrive. All that is kept between two chunks is the name that is not complete and up to two octets of an escape.
 * Values are decoded into a window on the stack, so that a blob gets a few large appends however many escapes there are.
 *
 * A "%" without two hexadecimal digits behind it stands for itself (WHATWG URL 1.3, percent-decode): no octet that
 * a client sends is lost, and no body is malformed for its escapes.
 */
#include "form/urlencoded.h"

#include "fcgi_smtp/secret.h"
#include "form/type.h"

#define WINDOW ((size_t)16 * 1024)

/* What ends a run of octets that stand for themselves: 1 in names and values, 2 only in names. */
static const unsigned char special[256] = {['&'] = 1, ['+'] = 1, ['%'] = 1, ['='] = 2};

/* Adds the next octet to the escape that was begun, or gives the escape up, literally; returns octets written. */
static size_t continue_escape(struct urlencoded *parser, struct slice *in, char *out)
{
    int digit = ascii_hex_value(in->data[0]);
    if (digit < 0) {
        size_t len = parser->escape_len;
        memcpy(out, parser->escape, len);
        parser->escape_len = 0;
        return len;
    }
    parser->escape[parser->escape_len++] = in->data[0];
    slice_skip(in, 1);
    if (parser->escape_len < URLENCODED_ESCAPE) {
        return 0;
    }
    out[0] = (char)(ascii_hex_value(parser->escape[1]) * 16 + digit);
    parser->escape_len = 0;
    return 1;
}

/* The octet at in's beginning, and how many of in it stands in; -1: a separator, or an escape that is cut or none. */
static int decode_octet(struct slice in, unsigned char specials, size_t *taken)
{
    unsigned char c = (unsigned char)in.data[0];
    *taken = 1;
    if ((special[c] & specials) == 0) {
        return c;
    }
    if (c == '+') {
        return ' ';
    }
    *taken = URLENCODED_ESCAPE;
    return c == '%' && in.len >= URLENCODED_ESCAPE ? ascii_hex_octet(in.data + 1) : -1;
}

/* Decodes *in up to what needs a closer look; returns octets written. */
static size_t decode_run(struct slice *in, unsigned char specials, char *out)
{
    struct slice rest = *in;
    size_t len = 0;
    while (rest.len > 0) {
        size_t taken;
        int octet = decode_octet(rest, specials, &taken);
        if (octet < 0) {
            break;
        }
        out[len++] = (char)octet;
        rest = (struct slice){rest.data + taken, rest.len - taken};
    }
    *in = rest;
    return len;
}

/* Decodes *in up to a separator, its end, or until less than an escape of room is left; returns octets written. */
static size_t decode(struct urlencoded *parser, struct slice *in, char *out, size_t cap)
{
    unsigned char specials = parser->in_value ? 1 : 3;
    size_t len = 0;
    while (in->len > 0 && cap - len >= URLENCODED_ESCAPE) {
        if (parser->escape_len > 0) {
            len += continue_escape(parser, in, out + len);
            continue;
        }
        struct slice piece = {in->data, in->len < cap - len ? in->len : cap - len}; /* becomes no longer */
        size_t before = piece.len;
        len += decode_run(&piece, specials, out + len);
        slice_skip(in, before - piece.len);
        if (piece.len == 0) {
            continue;
        }
        if (piece.data[0] != '%') {
            break;
        }
        parser->escape[parser->escape_len++] = '%';
        slice_skip(in, 1);
    }
    return len;
}

static bool at_separator(const struct urlencoded *parser, struct slice in)
{
    return in.len > 0 && parser->escape_len == 0 &&
           (in.data[0] == '&' || (in.data[0] == '=' && !parser->in_value));
}

static enum form_result begin_value(struct urlencoded *parser, struct fields *fields, struct err *err)
{
    struct form_field head = {.name = {parser->name, parser->name_len}};
    parser->name_len = 0;
    parser->in_value = true;
    return fields_begin(fields, &head, err);
}

static enum form_result read_name(struct urlencoded *parser, struct fields *fields, struct slice *in,
                                  struct err *err)
{
    parser->name_len +=
        decode(parser, in, parser->name + parser->name_len, sizeof parser->name - parser->name_len);
    if (parser->name_len > FORM_NAME_MAX) {
        return begin_value(parser, fields, err); /* which refuses it */
    }
    if (!at_separator(parser, *in)) {
        return FORM_OK;
    }
    if (in->data[0] == '&' && parser->name_len == 0) { /* an empty sequence */
        slice_skip(in, 1);
        return FORM_OK;
    }
    if (in->data[0] == '=') {
        slice_skip(in, 1);
    }
    return begin_value(parser, fields, err); /* at "&" the value is empty */
}

static enum form_result read_value(struct urlencoded *parser, struct fields *fields, struct slice *in,
                                   struct err *err)
{
    char window[WINDOW];
    size_t len = decode(parser, in, window, sizeof window);
    enum form_result result = fields_append(fields, window, len, err);
    if (fields->open->content.secret) {
        secret_wipe(window, sizeof window);
    }
    if (result == FORM_OK && at_separator(parser, *in)) {
        slice_skip(in, 1);
        fields_end(fields);
        parser->in_value = false;
    }
    return result;
}

enum form_result urlencoded_update(struct urlencoded *parser, struct fields *fields, struct slice octets,
                                   struct err *err)
{
    enum form_result result = FORM_OK;
    while (octets.len > 0 && result == FORM_OK) {
        result = parser->in_value ? read_value(parser, fields, &octets, err)
                                  : read_name(parser, fields, &octets, err);
    }
    return result;
}

enum form_result urlencoded_finish(struct urlencoded *parser, struct fields *fields, struct err *err)
{
    /* The end acts like one more "&", which also gives up an escape that was cut. */
    return urlencoded_update(parser, fields, SLICE("&"), err);
}
