/*
 * Comments nest without recursion: a counter is all that they need, so a hostile "((((…" costs nothing but
 * its length.
 */
#include "mime/lexer.h"

#include "fcgi_smtp/utf8.h"

/* RFC 5322 3.2.3; octets of 0x80 and more are UTF-8 (RFC 6532 3.2). */
static bool is_atext(char c)
{
    unsigned char u = (unsigned char)c;
    return ascii_is_alphanumeric(c) || u >= 0x80 || ascii_is_one_of(c, "!#$%&'*+-/=?^_`{|}~");
}

bool lexer_take(struct lexer *lexer, char c)
{
    if (lexer_at_end(lexer) || *lexer->at != c) {
        return false;
    }
    lexer->at++;
    return true;
}

/* A comment that begins here (3.2.2), with those inside it. */
static bool skip_comment(struct lexer *lexer)
{
    size_t depth = 0;
    for (; lexer->at < lexer->end; lexer->at++) {
        char c = *lexer->at;
        if (c == '\\' && ++lexer->at == lexer->end) { /* a quoted-pair: the next octet means nothing */
            return false;
        }
        depth += c == '(';
        if (c == ')' && --depth == 0) {
            lexer->at++;
            return true;
        }
    }
    return false;
}

bool lexer_skip_cfws(struct lexer *lexer, bool *any)
{
    const char *begin = lexer->at;
    bool ok = true;
    while (ok && lexer->at < lexer->end && (ascii_is_blank(*lexer->at) || *lexer->at == '(')) {
        if (*lexer->at == '(') {
            ok = skip_comment(lexer);
        } else {
            lexer->at++;
        }
    }
    if (any != NULL) {
        *any = lexer->at != begin;
    }
    return ok;
}

struct slice lexer_atom(struct lexer *lexer)
{
    const char *begin = lexer->at;
    while (lexer->at < lexer->end && is_atext(*lexer->at)) {
        lexer->at++;
    }
    return (struct slice){begin, (size_t)(lexer->at - begin)};
}

struct slice lexer_dot_atom(struct lexer *lexer)
{
    const char *begin = lexer->at;
    while (lexer->at < lexer->end && (*lexer->at == '.' || is_atext(*lexer->at))) {
        lexer->at++;
    }
    return (struct slice){begin, (size_t)(lexer->at - begin)};
}

enum lexer_result lexer_quoted_string(struct lexer *lexer, struct buf *meaning)
{
    lexer->at++; /* the opening quote */
    while (lexer->at < lexer->end && *lexer->at != '"') {
        if (*lexer->at == '\\' && ++lexer->at == lexer->end) {
            return LEXER_UNTERMINATED;
        }
        const char *begin = lexer->at++; /* this octet is content even if it is a quote: a quoted-pair */
        while (lexer->at < lexer->end && *lexer->at != '"' && *lexer->at != '\\') {
            lexer->at++;
        }
        if (!buf_append(meaning, begin, (size_t)(lexer->at - begin))) {
            return LEXER_NO_MEMORY;
        }
    }
    return lexer_take(lexer, '"') ? LEXER_OK : LEXER_UNTERMINATED;
}

bool lexer_is_dot_atom(struct slice text)
{
    struct lexer lexer = lexer_of(text);
    do {
        if (lexer_atom(&lexer).len == 0) {
            return false;
        }
    } while (lexer_take(&lexer, '.'));
    return lexer_at_end(&lexer);
}

size_t lexer_valid_prefix(struct slice text)
{
    size_t valid = utf8_valid_prefix(text);
    for (size_t i = 0; i < valid; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool c1 = c == 0xc2 && (unsigned char)text.data[i + 1] < 0xa0; /* U+0080..U+009F (RFC 5198 2) */
        if ((c < 0x20 && c != '\t') || c == 0x7f || c1) {
            return i;
        }
    }
    return valid;
}
