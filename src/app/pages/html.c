/*
 * Runs of harmless octets are appended at once: most of a text is one.
 */
#include "app/pages/html.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* What stands for the octet; NULL: itself. */
static const char *replacement(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\t':
    case '\n':
    case '\r':
        return NULL;
    default:
        return c < 0x20 || c == 0x7F ? REPLACEMENT : NULL;
    }
}

bool html_append_escaped(struct buf *out, struct slice text)
{
    size_t done = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *instead = replacement((unsigned char)text.data[i]);
        if (instead == NULL) {
            continue;
        }
        if (!buf_append(out, text.data + done, i - done) || !buf_append_string(out, instead)) {
            return false;
        }
        done = i + 1;
    }
    return done == text.len || buf_append(out, text.data + done, text.len - done);
}
