/*
 * lexer: a cursor over the value of a structured header field, and the tokens such fields share (RFC
 * 5322 3.2, with UTF-8 as RFC 6532 3.2 adds it).
 *
 * The text must be free of controls but HTAB and be valid UTF-8: lexer_valid_prefix says so, before anything is
 * read.
 */
#ifndef FCGI_SMTP_MIME_LEXER_H
#define FCGI_SMTP_MIME_LEXER_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/slice.h"

struct lexer {
    const char *at;
    const char *end;
};

static inline struct lexer lexer_of(struct slice text)
{
    const char *data = text.data != NULL ? text.data : "";
    return (struct lexer){data, data + text.len};
}

static inline bool lexer_at_end(const struct lexer *lexer)
{
    return lexer->at == lexer->end;
}

/* The next octet, NUL at the end (a NUL never stands in the text). */
static inline char lexer_peek(const struct lexer *lexer)
{
    return lexer->at < lexer->end ? *lexer->at : '\0';
}

/* Steps over the octet c if it is next. */
bool lexer_take(struct lexer *lexer, char c);

/* Steps over white space and comments (CFWS, 3.2.2); *any says whether there were any. False: a comment
 * without end. */
bool lexer_skip_cfws(struct lexer *lexer, bool *any) __attribute__((warn_unused_result));

/* The longest run of atext (3.2.3) from here, empty if there is none; with dots also of ".". */
struct slice lexer_atom(struct lexer *lexer);
struct slice lexer_dot_atom(struct lexer *lexer);

enum lexer_result { LEXER_OK, LEXER_UNTERMINATED, LEXER_NO_MEMORY };

/* A quoted-string (3.2.4) that begins here; appends what it means, without quotes and backslashes. */
enum lexer_result lexer_quoted_string(struct lexer *lexer, struct buf *meaning);

/* Whether all is atoms with single dots between them (dot-atom-text, 3.2.3). */
bool lexer_is_dot_atom(struct slice text);

/* The offset of the first octet that no header field may hold: a control but HTAB, or broken UTF-8; else
 * text.len. */
size_t lexer_valid_prefix(struct slice text);

#endif
