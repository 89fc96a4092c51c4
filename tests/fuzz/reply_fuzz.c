/*
 * The first octet says how large the pieces are in which the rest is fed. Whatever the pieces, the result is that of
 * feeding it whole, what is shown is printable, and EHLO's keywords can be looked at.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi_smtp/utf8.h"
#include "smtp/capabilities.h"
#include "smtp/outcome.h"
#include "smtp/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void require_printable(const char *text, size_t cap)
{
    size_t len = strnlen(text, cap);
    require(len < cap);
    require(utf8_valid_prefix((struct slice){text, len}) == len);
    for (size_t i = 0; i < len; i++) {
        require((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
    }
}

static enum reply_status feed(struct reply *reply, const char *octets, size_t len, size_t piece, size_t *used)
{
    enum reply_status status = REPLY_MORE;
    *used = 0;
    for (size_t at = 0; at < len && status == REPLY_MORE; at += piece) {
        size_t taken = 0;
        status = reply_feed(reply, octets + at, len - at < piece ? len - at : piece, &taken);
        *used += taken;
    }
    return status;
}

static void check_done(struct reply *reply, const struct reply *other)
{
    struct smtp_reply_view view;
    struct capabilities capabilities;
    reply_view(reply, &view);
    require(view.code >= 200 && view.code <= 599);
    require_printable(view.text, sizeof view.text);
    require_printable(view.enhanced, sizeof view.enhanced);
    require(reply->lines.len == other->lines.len &&
            memcmp(reply->lines.data, other->lines.data, reply->lines.len) == 0);
    capabilities_parse(&capabilities, reply);
    require(strnlen(capabilities.auth_offered, sizeof capabilities.auth_offered) <
            sizeof capabilities.auth_offered);
    size_t pos = 0;
    size_t lines = 0;
    for (struct slice text; reply_next_line(reply, &pos, &text);) {
        require(text.len <= REPLY_LINE_MAX);
        lines++;
    }
    require(lines == reply->line_count && lines <= REPLY_LINES_MAX);
    for (enum step step = STEP_GREETING; step <= STEP_QUIT; step++) {
        (void)outcome_classify(step, &view);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    size_t piece = (size_t)data[0] % 64 + 1;
    const char *octets = (const char *)data + 1;
    struct reply whole;
    struct reply pieces;
    size_t used_whole = 0;
    size_t used_pieces = 0;
    reply_init(&whole);
    reply_init(&pieces);
    enum reply_status status = feed(&whole, octets, size - 1, size, &used_whole);
    require(feed(&pieces, octets, size - 1, piece, &used_pieces) == status);
    if (status == REPLY_DONE) {
        require(used_whole == used_pieces);
        check_done(&whole, &pieces);
        reply_redact(&whole, (struct slice){octets, size / 2});
    } else if (status == REPLY_BROKEN) {
        char quote[4 * REPLY_QUOTE_MAX + 1];
        reply_quote(&pieces, quote, sizeof quote);
        require_printable(quote, sizeof quote);
    } else {
        require(status == REPLY_MORE && used_whole == size - 1);
    }
    reply_free(&whole);
    reply_free(&pieces);
    return 0;
}
