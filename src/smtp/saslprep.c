/*
 * The tables of RFC 3454 that RFC 4013 names are short, but for NFKC and the bidirectional classes: these come from
 * libunistring, which libidn2 brings along anyway. All work is done in buffers of ours, so that it can be wiped.
 */
#include "smtp/saslprep.h"

#include <stdint.h>
#include <stdlib.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "fcgi_smtp/secret.h"
#include "fcgi_smtp/utf8.h"

#define NFKC_GROWTH 18 /* the most code points that one becomes: U+FDFA */

struct range {
    uint32_t first;
    uint32_t last;
};

/* RFC 4013 2.1: table C.1.2 of RFC 3454, mapped to U+0020. */
static const struct range spaces[] = {{0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200B},
                                      {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};

/* RFC 4013 2.1: table B.1, mapped to nothing. */
static const struct range nothing[] = {{0xAD, 0xAD},     {0x34F, 0x34F},   {0x1806, 0x1806},
                                       {0x180B, 0x180D}, {0x200C, 0x200D}, {0x2060, 0x2060},
                                       {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}};

/* RFC 4013 2.3: tables C.2.1 to C.9; overlapping ones are joined. */
static const struct range prohibited[] = {
    {0x0, 0x1F},        {0x7F, 0x9F},       {0x340, 0x341},     {0x6DD, 0x6DD},     {0x70F, 0x70F},
    {0x180E, 0x180E},   {0x200C, 0x200F},   {0x2028, 0x202E},   {0x2060, 0x2063},   {0x206A, 0x206F},
    {0x2FF0, 0x2FFB},   {0xD800, 0xF8FF},   {0xFDD0, 0xFDEF},   {0xFEFF, 0xFEFF},   {0xFFF9, 0xFFFF},
    {0x1D173, 0x1D17A}, {0xE0001, 0xE0001}, {0xE0020, 0xE007F}, {0xF0000, 0xFFFFD}, {0x100000, 0x10FFFD},
};

static bool in_ranges(uint32_t c, const struct range *ranges, size_t count)
{
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        found = found || (c >= ranges[i].first && c <= ranges[i].last);
    }
    return found;
}

#define IN(c, ranges) in_ranges((c), (ranges), sizeof(ranges) / sizeof((ranges)[0]))

/* Table C.4 has the last two code points of each plane. */
static bool is_prohibited(uint32_t c)
{
    return IN(c, prohibited) || (c & 0xFFFE) == 0xFFFE;
}

/* Code points in memory that is wiped. */
struct points {
    uint32_t *items;
    size_t count;
    size_t cap;
};

static bool points_new(struct points *points, size_t cap)
{
    *points = (struct points){malloc(cap * sizeof *points->items), 0, cap};
    return points->items != NULL;
}

static void points_free(struct points *points)
{
    secret_wipe(points->items, points->cap * sizeof *points->items);
    free(points->items);
}

/* RFC 4013 2.1. text is valid UTF-8; points has room for all of it. */
static void map(struct slice text, struct points *points)
{
    for (size_t at = 0; at < text.len;) {
        ucs4_t c = 0;
        at += (size_t)u8_mbtouc_unsafe(&c, (const uint8_t *)text.data + at, text.len - at);
        if (IN(c, spaces)) {
            points->items[points->count++] = ' ';
        } else if (!IN(c, nothing)) {
            points->items[points->count++] = c;
        }
    }
}

/* RFC 4013 2.2. to has room for the result, so that libunistring allocates none. */
static bool normalise(const struct points *from, struct points *to)
{
    size_t count = to->cap;
    uint32_t *result = u32_normalize(UNINORM_NFKC, from->items, from->count, to->items, &count);
    if (result == NULL) {
        return false;
    }
    bool ours = result == to->items;
    if (!ours) {
        secret_wipe(result, count * sizeof *result);
        free(result);
    }
    to->count = count;
    return ours;
}

/* RFC 4013 2.4, RFC 3454 6: text from right to left has no letter of the other kind, and begins and ends in
 * it. */
static bool bidi_valid(const struct points *points)
{
    bool right = false;
    bool left = false;
    bool is_right = false;
    bool begins_right = false;
    for (size_t i = 0; i < points->count; i++) {
        int class = uc_bidi_category(points->items[i]);
        is_right = class == UC_BIDI_R || class == UC_BIDI_AL;
        right = right || is_right;
        left = left || class == UC_BIDI_L;
        begins_right = i == 0 ? is_right : begins_right;
    }
    return !right || (!left && begins_right && is_right);
}

static bool check(const struct points *points, struct err *why)
{
    bool allowed = true;
    for (size_t i = 0; i < points->count; i++) {
        allowed = allowed && !is_prohibited(points->items[i]);
    }
    if (!allowed) {
        err_set(why, "holds a character that SASLprep does not allow (RFC 4013 2.3)");
    } else if (!bidi_valid(points)) {
        err_set(why, "mixes directions of writing as SASLprep does not allow (RFC 4013 2.4)");
        allowed = false;
    }
    return allowed;
}

static bool append_utf8(const struct points *points, struct buf *out)
{
    bool ok = true;
    for (size_t i = 0; ok && i < points->count; i++) {
        uint8_t octets[6];
        int len = u8_uctomb(octets, points->items[i], sizeof octets);
        ok = len > 0 && buf_append(out, octets, (size_t)len);
        secret_wipe(octets, sizeof octets);
    }
    return ok;
}

static bool prepare_unicode(struct slice text, struct buf *out, struct err *why)
{
    struct points mapped = {NULL, 0, 0};
    struct points normal = {NULL, 0, 0};
    bool ok = points_new(&mapped, text.len) && points_new(&normal, text.len * NFKC_GROWTH);
    if (ok) {
        map(text, &mapped);
        ok = normalise(&mapped, &normal);
    }
    if (!ok) {
        err_set(why, "cannot be prepared: out of memory");
    } else if (!check(&normal, why)) {
        ok = false;
    } else if (!append_utf8(&normal, out)) {
        err_set(why, "cannot be prepared: out of memory");
        ok = false;
    }
    points_free(&mapped);
    points_free(&normal);
    return ok;
}

static bool has_control(struct slice text)
{
    bool control = false;
    for (size_t i = 0; i < text.len; i++) {
        control = control || (unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f;
    }
    return control;
}

bool saslprep(struct slice text, struct buf *out, struct err *why)
{
    if (utf8_is_ascii(text)) {
        if (has_control(text)) {
            err_set(why, "holds a control character, which SASLprep does not allow (RFC 4013 2.3)");
            return false;
        }
        if (!buf_append_slice(out, text)) {
            err_set(why, "cannot be prepared: out of memory");
            return false;
        }
        return true;
    }
    if (text.len > SASLPREP_IN_MAX || utf8_valid_prefix(text) != text.len) {
        err_set(why, text.len > SASLPREP_IN_MAX ? "is too long" : "is not UTF-8");
        return false;
    }
    return prepare_unicode(text, out, why);
}
