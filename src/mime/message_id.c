/*
 * The strict grammar only: a message id goes into In-Reply-To and References of every answer, through
 * programs that agree on the strict form and on nothing else. Made ids hold the second (so that people can
 * find them in logs) and 64 random bits (so that nobody can guess or repeat them).
 */
#include "mime/message_id.h"

#include <stdio.h>

#include "fcgi_smtp/compose.h"
#include "fcgi_smtp/random.h"
#include "fcgi_smtp/utf8.h"
#include "mime/lexer.h"

enum { RANDOM_DIGITS = 16 };

/* no-fold-literal (RFC 5322 3.6.4): "[" *dtext "]". */
static bool is_no_fold_literal(struct slice text)
{
    if (text.len < 2 || text.data[0] != '[' || text.data[text.len - 1] != ']') {
        return false;
    }
    for (size_t i = 1; i + 1 < text.len; i++) {
        char c = text.data[i];
        if (c < 33 || c > 126 || c == '[' || c == ']' || c == '\\') {
            return false;
        }
    }
    return true;
}

/* id-left "@" id-right, between the brackets. */
static bool is_id(struct slice text)
{
    const char *at = text.len > 0 ? memchr(text.data, '@', text.len) : NULL;
    if (at == NULL || !utf8_is_ascii(text)) {
        return false;
    }
    struct slice left = {text.data, (size_t)(at - text.data)};
    struct slice right = {at + 1, text.len - left.len - 1};
    return lexer_is_dot_atom(left) && (lexer_is_dot_atom(right) || is_no_fold_literal(right));
}

bool message_id_next(struct slice *list, struct slice *id)
{
    struct slice rest = slice_trim(*list);
    const char *close = rest.len > 0 ? memchr(rest.data, '>', rest.len) : NULL;
    if (close == NULL || rest.data[0] != '<') {
        return false;
    }
    *id = (struct slice){rest.data, (size_t)(close + 1 - rest.data)};
    *list = (struct slice){close + 1, rest.len - id->len};
    return true;
}

bool compose_message_ids_valid(struct slice text, size_t max)
{
    struct slice id;
    size_t count = 0;
    while (count <= max && message_id_next(&text, &id)) {
        if (id.len > MESSAGE_ID_MAX || !is_id((struct slice){id.data + 1, id.len - 2})) {
            return false;
        }
        count++;
    }
    return count >= 1 && count <= max && slice_trim(text).len == 0;
}

bool message_id_make(char out[MESSAGE_ID_MAX + 1], struct slice domain, time_t now)
{
    char digits[RANDOM_DIGITS + 1];
    char when[sizeof "20261123T094800"];
    struct tm utc;
    if (!random_hex(digits, RANDOM_DIGITS) || gmtime_r(&now, &utc) == NULL ||
        strftime(when, sizeof when, "%Y%m%dT%H%M%S", &utc) == 0) {
        return false;
    }
    int len = snprintf(out, MESSAGE_ID_MAX + 1, "<%s.%s@%.*s>", when, digits, SLICE_ARGS(domain));
    return len > 0 && len <= MESSAGE_ID_MAX;
}
