/*
 * An answer has some 300 octets. jansson's own writer needs 24,000 instructions for them, since it looks for loops, which
 * our values cannot have: a node is given to one parent. This one needs a tenth.
 */
#include "core/json_write.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

/* RFC 8259, 7. */
static bool must_be_escaped(unsigned char octet)
{
    return octet < 0x20 || octet == '"' || octet == '\\';
}

static bool write_escaped(struct buf *out, unsigned char octet)
{
    static const char shorts[] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"', ['\\'] = '\\'};
    if (octet < sizeof shorts && shorts[octet] != '\0') {
        return buf_append(out, (char[]){'\\', shorts[octet]}, 2);
    }
    return buf_printf(out, "\\u%04X", octet);
}

static bool write_string(struct buf *out, struct slice text)
{
    bool ok = buf_append_char(out, '"');
    for (size_t at = 0; ok && at < text.len;) {
        size_t end = at;
        while (end < text.len && !must_be_escaped((unsigned char)text.data[end])) {
            end++;
        }
        ok = buf_append(out, text.data + at, end - at) &&
             (end == text.len || write_escaped(out, (unsigned char)text.data[end]));
        at = end + 1;
    }
    return ok && buf_append_char(out, '"');
}

static bool write_object(struct buf *out, const json_t *value)
{
    json_t *object = (json_t *)value; /* only read */
    bool ok = buf_append_char(out, '{');
    const char *between = "";
    for (void *at = json_object_iter(object); ok && at != NULL; at = json_object_iter_next(object, at)) {
        ok = buf_append_string(out, between) &&
             write_string(out, (struct slice){json_object_iter_key(at), json_object_iter_key_len(at)}) &&
             buf_append_char(out, ':') && json_write_value(out, json_object_iter_value(at));
        between = ",";
    }
    return ok && buf_append_char(out, '}');
}

static bool write_array(struct buf *out, const json_t *value)
{
    bool ok = buf_append_char(out, '[');
    for (size_t i = 0; ok && i < json_array_size(value); i++) {
        ok = (i == 0 || buf_append_char(out, ',')) && json_write_value(out, json_array_get(value, i));
    }
    return ok && buf_append_char(out, ']');
}

bool json_write_value(struct buf *out, const struct json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return write_object(out, value);
    case JSON_ARRAY:
        return write_array(out, value);
    case JSON_STRING:
        return write_string(out, (struct slice){json_string_value(value), json_string_length(value)});
    case JSON_INTEGER:
        return buf_printf(out, "%" PRId64, (int64_t)json_integer_value(value));
    default:
        return false;
    }
}
