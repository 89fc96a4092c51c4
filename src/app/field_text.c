/*
 * UTF-8 is checked where it is; only other charsets cost a copy.
 */
#include "app/field_text.h"

#include <inttypes.h>

#include "fcgi_smtp/charset.h"
#include "fcgi_smtp/utf8.h"

#define CHARSET_GROWTH_MAX 16 /* octets of UTF-8 that one octet of another charset may become */

static bool charset_known(struct slice name)
{
    struct charset_decoder decoder;
    if (charset_open(&decoder, name) != CHARSET_OK) {
        return false;
    }
    charset_close(&decoder);
    return true;
}

static enum field_text_result unknown_charset(struct slice charset, struct err *err)
{
    err_set(err, "The charset \"%.*s\" is not known; send UTF-8", SLICE_ARGS(charset));
    return FIELD_TEXT_INVALID;
}

enum field_text_result field_text_charset(struct form *form, const struct form_field **source,
                                          struct slice *charset, struct err *err)
{
    *charset = (struct slice){0};
    struct form_field *field = form->first;
    while (field != NULL && (field->is_file || !slice_equal(field->name, SLICE("_charset_")))) {
        field = field->next;
    }
    *source = field;
    if (field == NULL) {
        return FIELD_TEXT_OK;
    }
    struct slice name;
    if (!blob_view(&field->content, &name, err)) {
        return FIELD_TEXT_FAILED;
    }
    if (name.len > 0 && !charset_known(name)) {
        return unknown_charset(name, err);
    }
    *charset = name;
    return FIELD_TEXT_OK;
}

static enum field_text_result convert(const struct form_field *field, struct slice charset, bool secret,
                                      struct arena *arena, struct slice *text, struct err *err)
{
    struct buf utf8;
    uint64_t offset = 0;
    buf_init(&utf8, text->len * CHARSET_GROWTH_MAX);
    utf8.secret = secret;
    enum charset_result result = charset_to_utf8(charset, *text, &utf8, &offset);
    const char *copy = result == CHARSET_OK ? arena_copy(arena, buf_slice(&utf8)) : "";
    *text = result == CHARSET_OK ? (struct slice){copy, utf8.len} : (struct slice){0};
    buf_free(&utf8);
    if (copy == NULL || result == CHARSET_NO_ROOM) {
        err_set(err, "There is no memory left for the field %.*s", SLICE_ARGS(field->name));
        return FIELD_TEXT_FAILED;
    }
    switch (result) {
    case CHARSET_UNKNOWN:
        return unknown_charset(charset, err);
    case CHARSET_MALFORMED:
    case CHARSET_INCOMPLETE:
        err_set(err, "%.*s is not valid %.*s at octet %" PRIu64 "; declare the charset that it is in",
                SLICE_ARGS(field->name), SLICE_ARGS(charset), offset + 1);
        return FIELD_TEXT_INVALID;
    default:
        return FIELD_TEXT_OK;
    }
}

enum field_text_result field_text_read(struct form_field *field, struct slice form_charset, bool secret,
                                       struct arena *arena, struct slice *text, struct err *err)
{
    if (!blob_view(&field->content, text, err)) {
        return FIELD_TEXT_FAILED;
    }
    struct slice charset = field->charset.len > 0 ? field->charset : form_charset;
    if (charset.len > 0 && !slice_equal_nocase(charset, SLICE("UTF-8"))) {
        return convert(field, charset, secret, arena, text, err);
    }
    size_t valid = utf8_valid_prefix(*text);
    if (valid < text->len) {
        err_set(err, "%.*s is not valid UTF-8 at octet %zu; send UTF-8, or declare the charset in _charset_",
                SLICE_ARGS(field->name), valid + 1);
        *text = (struct slice){0};
        return FIELD_TEXT_INVALID;
    }
    return FIELD_TEXT_OK;
}
