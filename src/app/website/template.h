/*
 * template: a text with {{name}} in the places of values. Pure.
 *
 * Parsed once, filled in many times. A name is what stands between the braces without the white space around it: 1 to
 * TEMPLATE_NAME_MAX octets without braces and controls that do not begin with # / ^ ! & > = (which other template
 * languages give a meaning that this one does not have). "}}" alone is text.
 */
#ifndef FCGI_SMTP_APP_TEMPLATE_H
#define FCGI_SMTP_APP_TEMPLATE_H

#include <stdbool.h>

#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/err.h"

#define TEMPLATE_NAME_MAX ((size_t)256) /* octets: as long as a form's field's */

/* A piece of text and the name of the value behind it. */
struct template_piece {
    struct slice text;
    struct slice name; /* empty: no value follows; only of the last piece */
};

struct template
{
    struct template_piece *pieces;
    size_t count;
    size_t cap;
};

/* The template's pieces are views of text, and the array is arena's. False: err says what is wrong and where. */
bool template_parse(struct template *template, struct slice text, struct arena *arena, struct err *err);

/* Whether the value of that name stands in it somewhere. */
bool template_uses(const struct template *template, struct slice name);

struct template_value {
    struct slice name;
    struct slice text; /* UTF-8 */
};

enum template_escape { TEMPLATE_PLAIN, TEMPLATE_HTML };

/*
 * Appends the template with its values: of several of one name all, with ", " between those that are not empty; of none
 * nothing. False: over out's limit or without memory; out may then hold a part of it.
 */
bool template_fill(const struct template *template, const struct template_value *values, size_t count,
                   enum template_escape escape, struct buf *out) BUF_MUST_CHECK;

#endif
