/*
 * encoded_word: text of header fields that is not ASCII (RFC 2047), folded (RFC 5322 2.2.3).
 */
#ifndef FCGI_SMTP_ENCODED_WORD_H
#define FCGI_SMTP_ENCODED_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/slice.h"

#define ENCODED_WORD_MAX 75 /* octets of one encoded word (RFC 2047 2) */
#define HEADER_LINE_FOLD                                                                                     \
    76 /* octets of a line that has an encoded word (RFC 2047 2); all lines are folded there */
#define HEADER_LINE_MAX 998 /* octets of any line, without its CRLF (RFC 5322 2.1.1) */

enum encoded_word_place {
    ENCODED_WORD_UNSTRUCTURED, /* a Subject, a Comments field, most of h:NAME (RFC 2047 5 (1)) */
    ENCODED_WORD_PHRASE        /* a display name (RFC 2047 5 (3), RFC 5322 3.2.5) */
};

enum encoded_word_result {
    ENCODED_WORD_OK,
    ENCODED_WORD_NOT_UTF8, /* the text is not valid UTF-8 */
    ENCODED_WORD_CONTROL,  /* it holds CR, LF or NUL: those are never let into a header field */
    ENCODED_WORD_NO_ROOM   /* out's limit would be passed, or memory is exhausted */
};

/*
 * Appends the UTF-8 text to out as it may stand in a field's body, without a final CRLF.
 *
 * *column is the number of octets already in the current line (the field's name, ": ", what else stands
 * before the text) and becomes that of the line where the text ends. The caller has written the white space
 * before the text.
 *
 * Words without anything special stay as they are. What is not ASCII, holds controls or "=?", begins or ends
 * the text with white space, or could not be folded to lines of at most HEADER_LINE_MAX octets becomes
 * encoded words, in B or Q, whichever is the shorter; they never split a character, and the white space
 * between two of them is inside them (6.2). In a phrase, words with specials are encoded as well when
 * anything must be; a phrase that is all ASCII is atoms or, if it has specials, one quoted-string. Lines have
 * at most HEADER_LINE_FOLD octets unless one literal word is longer, or the column was. An empty text gives
 * nothing (an empty phrase too: write no display name then).
 *
 * On an error out keeps what it had and *column is unchanged. Time is linear in the text.
 */
enum encoded_word_result encoded_word_encode(struct buf *out, struct slice text,
                                             enum encoded_word_place place, size_t *column)
    __attribute__((warn_unused_result));

/*
 * Appends the text to out with its encoded words decoded to UTF-8, from any charset that charset.h can open.
 *
 * Adjacent words are joined and the white space between them goes (6.2); a character that is split between
 * two words of one charset is made whole. Line ends before white space are removed (unfolding). A word that
 * is broken (syntax, unknown charset, octets that the charset does not allow) or would bring a CR, LF or NUL
 * is left as it is. Text outside encoded words is copied, whatever its octets. False: no room or memory; out
 * keeps what it had.
 */
bool encoded_word_decode(struct buf *out, struct slice text) __attribute__((warn_unused_result));

#endif
