/*
 * Values are put in and never looked at again: what a visitor writes as {{name}} stays that. There are no conditions and
 * no loops, so the length of what comes out has no other factors than the places and the values.
 */
#include "app/website/template.h"

#include "app/pages/html.h"

#define OPEN  "{{"
#define CLOSE "}}"

/* Where needle, two octets, begins in text; text.len: nowhere. */
static size_t find(struct slice text, const char *needle)
{
    const char *at = text.len > 0 ? memmem(text.data, text.len, needle, 2) : NULL;
    return at != NULL ? (size_t)(at - text.data) : text.len;
}

static bool is_name(struct slice name)
{
    if (name.len == 0 || name.len > TEMPLATE_NAME_MAX || ascii_is_one_of(name.data[0], "#/^!&>=")) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (c < 0x20 || c == 0x7F || c == '{' || c == '}') {
            return false;
        }
    }
    return true;
}

static struct template_piece *push(struct template *template, struct arena *arena, struct err *err)
{
    void *pieces = template->pieces;
    struct template_piece *piece =
        arena_push(arena, &pieces, &template->count, &template->cap, sizeof *piece);
    template->pieces = pieces;
    if (piece == NULL) {
        err_set(err, "There is no memory left for the template");
    }
    return piece;
}

bool template_parse(struct template *template, struct slice text, struct arena *arena, struct err *err)
{
    *template = (struct template){0};
    struct slice rest = text;
    while (rest.len > 0) {
        struct template_piece *piece = push(template, arena, err);
        if (piece == NULL) {
            return false;
        }
        piece->text = (struct slice){rest.data, find(rest, OPEN)};
        slice_skip(&rest, piece->text.len);
        if (rest.len == 0) {
            break;
        }
        struct slice inside = {rest.data + 2, rest.len - 2};
        size_t close = find(inside, CLOSE);
        int shown = (int)(inside.len < 20 ? inside.len : 20);
        if (close == inside.len) {
            err_set(err, "\"{{%.*s\" is not closed by }}", shown, inside.data);
            return false;
        }
        piece->name = slice_trim((struct slice){inside.data, close});
        if (!is_name(piece->name)) {
            err_set(err, "\"{{%.*s}}\" names no field", (int)(close < 60 ? close : 60), inside.data);
            return false;
        }
        rest = (struct slice){inside.data + close + 2, inside.len - close - 2};
    }
    return true;
}

bool template_uses(const struct template *template, struct slice name)
{
    for (size_t i = 0; i < template->count; i++) {
        if (template->pieces[i].name.len > 0 && slice_equal(template->pieces[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool append(struct buf *out, struct slice text, enum template_escape escape)
{
    return escape == TEMPLATE_HTML ? html_append_escaped(out, text) : buf_append_slice(out, text);
}

static bool append_values(struct slice name, const struct template_value *values, size_t count,
                          enum template_escape escape, struct buf *out)
{
    bool more = false;
    for (size_t i = 0; name.len > 0 && i < count; i++) {
        if (values[i].text.len == 0 || !slice_equal(values[i].name, name)) {
            continue;
        }
        if ((more && !buf_append_string(out, ", ")) || !append(out, values[i].text, escape)) {
            return false;
        }
        more = true;
    }
    return true;
}

bool template_fill(const struct template *template, const struct template_value *values, size_t count,
                   enum template_escape escape, struct buf *out)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct template_piece *piece = &template->pieces[i];
        if (!buf_append_slice(out, piece->text) || !append_values(piece->name, values, count, escape, out)) {
            return false;
        }
    }
    return true;
}
