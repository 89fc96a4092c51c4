/*
 * iconv is fenced in here. It stops before a character that the chunk's end cuts; those octets are held and completed by
 * the next update, one octet at a time (so what is converted never depends on the cut), until the character is whole.
 * UTF-8, which nearly all input is, needs no iconv and no second copy of the tables.
 */
#include "fcgi_smtp/charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "fcgi_smtp/utf8.h"

enum { UTF8_CHAR_MAX = 4, ICONV_OUT_MIN = 64 };

/* Letters and digits, and the punctuation of RFC 2978 2.3 and of names that IANA registered against it. No "/". */
static bool is_name(struct slice name)
{
    static const char others[] = "!#$%&'+-^_`{}~.:()";
    if (name.len == 0 || name.len > CHARSET_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!ascii_is_alphanumeric(name.data[i]) && !ascii_is_one_of(name.data[i], others)) {
            return false;
        }
    }
    return true;
}

static bool is_any_of(struct slice name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_nocase(name, slice_of(names[i]))) {
            return true;
        }
    }
    return false;
}

/* CHARSET_ICONV for all but the two that need no iconv. */
static enum charset_kind kind_of(struct slice name)
{
    static const char *const utf8[] = {"utf-8", "utf8"};
    static const char *const ascii[] = {"us-ascii", "ascii", "ansi_x3.4-1968"};
    if (is_any_of(name, utf8, sizeof utf8 / sizeof utf8[0])) {
        return CHARSET_UTF8;
    }
    return is_any_of(name, ascii, sizeof ascii / sizeof ascii[0]) ? CHARSET_ASCII : CHARSET_ICONV;
}

bool charset_is_utf8(struct slice name)
{
    return kind_of(name) != CHARSET_ICONV;
}

/*
 * What browsers and mail programs mean by these names (WHATWG Encoding 4.2) has more signs than the standard of that name,
 * and in Shift_JIS the backslash and the tilde where ASCII has them; some names iconv does not know at all.
 */
static struct slice practical_name(struct slice name)
{
    static const struct {
        struct slice name;
        struct slice meant;
    } names[] = {
        {SLICE_INIT("shift_jis"), SLICE_INIT("CP932")},
        {SLICE_INIT("shift-jis"), SLICE_INIT("CP932")},
        {SLICE_INIT("sjis"), SLICE_INIT("CP932")},
        {SLICE_INIT("x-sjis"), SLICE_INIT("CP932")},
        {SLICE_INIT("euc-kr"), SLICE_INIT("UHC")},
        {SLICE_INIT("ks_c_5601-1987"), SLICE_INIT("UHC")},
        {SLICE_INIT("windows-949"), SLICE_INIT("UHC")},
        {SLICE_INIT("gb2312"), SLICE_INIT("GB18030")},
        {SLICE_INIT("gbk"), SLICE_INIT("GB18030")},
        {SLICE_INIT("x-euc-jp"), SLICE_INIT("EUC-JP")},
        {SLICE_INIT("iso-8859-8-i"), SLICE_INIT("ISO-8859-8")},
        {SLICE_INIT("x-mac-cyrillic"), SLICE_INIT("MAC-CYRILLIC")},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (slice_equal_nocase(name, names[i].name)) {
            return names[i].meant;
        }
    }
    return name;
}

static enum charset_result open_iconv(struct charset_decoder *decoder, struct slice name)
{
    char string[CHARSET_NAME_MAX + 1];
    name = practical_name(name);
    memcpy(string, name.data, name.len);
    string[name.len] = '\0';
    iconv_t converter = iconv_open("UTF-8", string);
    if (converter == (iconv_t)-1) { /* NOLINT(performance-no-int-to-ptr): so iconv_open says it */
        return errno == EINVAL ? CHARSET_UNKNOWN : CHARSET_NO_ROOM;
    }
    decoder->iconv = converter;
    decoder->kind = CHARSET_ICONV;
    return CHARSET_OK;
}

enum charset_result charset_open(struct charset_decoder *decoder, struct slice name)
{
    *decoder = (struct charset_decoder){.kind = CHARSET_CLOSED};
    if (!is_name(name)) {
        return CHARSET_UNKNOWN;
    }
    if (!charset_is_utf8(name)) {
        return open_iconv(decoder, name);
    }
    decoder->kind = kind_of(name);
    return CHARSET_OK;
}

void charset_close(struct charset_decoder *decoder)
{
    if (decoder->kind == CHARSET_ICONV) {
        iconv_close(decoder->iconv);
    }
    *decoder = (struct charset_decoder){.kind = CHARSET_CLOSED};
}

/* Whether more octets can make a character of the 1..3 octets. Of all second octets 80 or BF follows any lead. */
static bool can_become_utf8(const char *octets, size_t len)
{
    char low[UTF8_CHAR_MAX] = {'\x80', '\x80', '\x80', '\x80'};
    char high[UTF8_CHAR_MAX] = {'\xBF', '\xBF', '\xBF', '\xBF'};
    if (len >= UTF8_CHAR_MAX) {
        return false;
    }
    memcpy(low, octets, len);
    memcpy(high, octets, len);
    return utf8_char_len(low, sizeof low) > len || utf8_char_len(high, sizeof high) > len;
}

/*
 * Each converter appends what it can of in, counts it in *taken, and says CHARSET_OK (all taken), INCOMPLETE (the
 * rest begins a character), MALFORMED or NO_ROOM.
 */
static enum charset_result convert_ascii(struct slice in, struct buf *out, size_t *taken)
{
    while (*taken < in.len && (unsigned char)in.data[*taken] < 0x80) {
        ++*taken;
    }
    if (!buf_append(out, in.data, *taken)) {
        return CHARSET_NO_ROOM;
    }
    return *taken == in.len ? CHARSET_OK : CHARSET_MALFORMED;
}

static enum charset_result convert_utf8(struct slice in, struct buf *out, size_t *taken)
{
    *taken = utf8_valid_prefix(in);
    if (!buf_append(out, in.data, *taken)) {
        return CHARSET_NO_ROOM;
    }
    if (*taken == in.len) {
        return CHARSET_OK;
    }
    return can_become_utf8(in.data + *taken, in.len - *taken) ? CHARSET_INCOMPLETE : CHARSET_MALFORMED;
}

/* Room for n octets or for as many as the limit allows, 0 if it allows none. */
static size_t make_room(struct buf *out, size_t n, char **at)
{
    size_t left = out->limit - out->len;
    size_t room = n < left ? n : left;
    *at = room > 0 ? buf_reserve(out, room) : NULL;
    return *at != NULL ? room : 0;
}

/*
 * One call of iconv; in == NULL writes what its state still holds. *full tells that there is more to write. Without room
 * the output goes to scratch: input that gives none (a shift sequence) needs none.
 */
static enum charset_result call_iconv(iconv_t converter, char **in, size_t *in_len, struct buf *out,
                                      bool *full)
{
    char scratch[ICONV_OUT_MIN];
    char *at = NULL;
    size_t room = make_room(out, (in_len != NULL ? *in_len * 2 : 0) + ICONV_OUT_MIN, &at);
    char *to = room > 0 ? at : scratch;
    size_t left = room > 0 ? room : sizeof scratch;
    size_t result = iconv(converter, in, in_len, &to, &left);
    int reason = result == (size_t)-1 ? errno : 0;
    size_t written = room > 0 ? room - left : 0;
    if (written > 0) {
        out->len += written;
        out->data[out->len] = '\0';
    }
    *full = reason == E2BIG;
    if (room == 0 && left < sizeof scratch) {
        return CHARSET_NO_ROOM;
    }
    switch (reason) {
    case 0:
        return CHARSET_OK;
    case E2BIG:
        return written > 0 ? CHARSET_OK : CHARSET_NO_ROOM;
    case EINVAL:
        return CHARSET_INCOMPLETE;
    default:
        return CHARSET_MALFORMED;
    }
}

static enum charset_result convert_iconv(iconv_t converter, struct slice in, struct buf *out, size_t *taken)
{
    char *p = (char *)in.data; /* iconv's prototype wants char **; it does not write there */
    size_t left = in.len;
    bool full = true;
    enum charset_result result = CHARSET_OK;
    while (result == CHARSET_OK && full) {
        result = call_iconv(converter, &p, &left, out, &full);
    }
    *taken = in.len - left;
    return result;
}

static enum charset_result convert(struct charset_decoder *decoder, struct slice in, struct buf *out,
                                   size_t *taken)
{
    *taken = 0;
    switch (decoder->kind) {
    case CHARSET_ASCII:
        return convert_ascii(in, out, taken);
    case CHARSET_UTF8:
        return convert_utf8(in, out, taken);
    case CHARSET_ICONV:
        return convert_iconv(decoder->iconv, in, out, taken);
    default:
        return CHARSET_UNKNOWN;
    }
}

/* Completes the held character, octet by octet. *at counts the octets used. */
static enum charset_result complete_held(struct charset_decoder *decoder, struct slice in, struct buf *out,
                                         size_t *at)
{
    while (decoder->held_len > 0 && *at < in.len) {
        if (decoder->held_len == CHARSET_HELD_MAX) {
            return CHARSET_MALFORMED;
        }
        decoder->held[decoder->held_len++] = in.data[(*at)++];
        size_t taken = 0;
        enum charset_result result =
            convert(decoder, (struct slice){decoder->held, decoder->held_len}, out, &taken);
        decoder->offset += taken;
        decoder->held_len -= taken;
        memmove(decoder->held, decoder->held + taken, decoder->held_len);
        if (result != CHARSET_OK && result != CHARSET_INCOMPLETE) {
            return result;
        }
    }
    return CHARSET_OK;
}

static enum charset_result hold(struct charset_decoder *decoder, struct slice rest)
{
    if (rest.len > CHARSET_HELD_MAX) {
        return CHARSET_MALFORMED;
    }
    memcpy(decoder->held, rest.data, rest.len);
    decoder->held_len = rest.len;
    return CHARSET_OK;
}

static enum charset_result convert_chunk(struct charset_decoder *decoder, struct slice in, struct buf *out)
{
    size_t at = 0;
    enum charset_result result = complete_held(decoder, in, out, &at);
    if (result != CHARSET_OK || at == in.len) {
        return result;
    }
    struct slice rest = {in.data + at, in.len - at};
    size_t taken = 0;
    result = convert(decoder, rest, out, &taken);
    decoder->offset += taken;
    if (result != CHARSET_INCOMPLETE) {
        return result;
    }
    return hold(decoder, (struct slice){rest.data + taken, rest.len - taken});
}

enum charset_result charset_update(struct charset_decoder *decoder, const void *in, size_t len,
                                   struct buf *out)
{
    if (len == 0) {
        return CHARSET_OK;
    }
    enum charset_result result = convert_chunk(decoder, (struct slice){in, len}, out);
    decoder->error_offset = decoder->offset;
    return result;
}

enum charset_result charset_finish(struct charset_decoder *decoder, struct buf *out)
{
    decoder->error_offset = decoder->offset;
    if (decoder->held_len > 0) {
        return CHARSET_INCOMPLETE;
    }
    bool full = false;
    return decoder->kind == CHARSET_ICONV ? call_iconv(decoder->iconv, NULL, NULL, out, &full) : CHARSET_OK;
}

enum charset_result charset_to_utf8(struct slice name, struct slice text, struct buf *out,
                                    uint64_t *error_offset)
{
    struct charset_decoder decoder;
    enum charset_result result = charset_open(&decoder, name);
    if (result != CHARSET_OK) {
        return result;
    }
    result = charset_update(&decoder, text.data, text.len, out);
    if (result == CHARSET_OK) {
        result = charset_finish(&decoder, out);
    }
    if (error_offset != NULL) {
        *error_offset = decoder.error_offset;
    }
    charset_close(&decoder);
    return result;
}
