/*
 * Of the ranges that match a type the most specific one counts (RFC 9110 12.5.1). Qualities are thousandths.
 */
#include "app/website/accept_header.h"

#include "fcgi_smtp/slice.h"

enum { QUALITY_MAX = 1000, NOT_NAMED = -1 };

/* How well the ranges that were read so far like a type. */
struct liking {
    int type;   /* "text/html" */
    int family; /* "text" and any subtype */
    int any;    /* all types */
};

/* Cuts what stands before the separator off text. Quoted strings are not known: no parameter looked for has one. */
static struct slice next(struct slice *text, char separator)
{
    const char *at = text->len > 0 ? memchr(text->data, separator, text->len) : NULL;
    size_t len = at != NULL ? (size_t)(at - text->data) : text->len;
    struct slice piece = {text->data, len};
    slice_skip(text, at != NULL ? len + 1 : len);
    return slice_trim(piece);
}

/* "0.8" in thousandths (12.4.2); what is none counts as 0. */
static int read_quality(struct slice text)
{
    int value = 0;
    int digits = 0; /* behind the point */
    for (size_t i = 0; i < text.len && digits <= 3; i++) {
        char c = text.data[i];
        bool point = i == 1 && c == '.';
        if (!point && (i == 1 || !ascii_is_digit(c))) {
            return 0;
        }
        value = point ? value : value * 10 + (c - '0');
        digits += i > 1 ? 1 : 0;
    }
    for (; digits < 3; digits++) {
        value *= 10;
    }
    return value <= QUALITY_MAX ? value : 0;
}

static int quality_of(struct slice parameters)
{
    while (parameters.len > 0) {
        struct slice parameter = next(&parameters, ';');
        if (parameter.len > 2 && slice_equal_nocase((struct slice){parameter.data, 2}, SLICE("q="))) {
            return read_quality((struct slice){parameter.data + 2, parameter.len - 2});
        }
    }
    return QUALITY_MAX;
}

static void note(struct liking *liking, struct slice range, struct slice type, struct slice family,
                 int quality)
{
    if (slice_equal_nocase(range, type)) {
        liking->type = quality;
    } else if (slice_equal_nocase(range, family)) {
        liking->family = quality;
    } else if (slice_equal(range, SLICE("*/*"))) {
        liking->any = quality;
    }
}

static int quality(const struct liking *liking)
{
    int named = liking->type != NOT_NAMED ? liking->type : liking->family;
    named = named != NOT_NAMED ? named : liking->any;
    return named != NOT_NAMED ? named : 0;
}

bool accept_header_prefers_json(const char *accept)
{
    struct liking json = {NOT_NAMED, NOT_NAMED, NOT_NAMED};
    struct liking html = json;
    struct slice rest = slice_of(accept);
    while (rest.len > 0) {
        struct slice parameters = next(&rest, ',');
        struct slice range = next(&parameters, ';');
        int value = quality_of(parameters);
        note(&json, range, SLICE("application/json"), SLICE("application/*"), value);
        note(&html, range, SLICE("text/html"), SLICE("text/*"), value);
    }
    json.any = NOT_NAMED; /* it counts as HTML */
    bool only_json = json.type != NOT_NAMED && html.type == NOT_NAMED && html.family == NOT_NAMED;
    int wanted = quality(&json);
    return wanted > quality(&html) || (wanted > 0 && wanted == quality(&html) && only_json);
}
