/*
 * encoded_word: text of header fields that is not ASCII (RFC 2047), folded (RFC 5322 2.2.3).
 *
 * Each direction has a call for a text that is at hand and a stream for one that arrives in pieces (init, update with
 * any cut, finish, free). The output does not depend on how the input was cut. The streams complete the set for other
 * programs; this one has every header field at hand.
 */
#ifndef FCGI_SMTP_ENCODED_WORD_H
#define FCGI_SMTP_ENCODED_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/slice.h"

#define ENCODED_WORD_MAX 75 /* octets of one encoded word (RFC 2047 2) */
#define HEADER_LINE_FOLD                                                                                     \
    76 /* octets of a line with an encoded word (RFC 2047 2); all lines are folded there */
#define HEADER_LINE_MAX 998 /* octets of any line, without its CRLF (RFC 5322 2.1.1) */

/* Runs of words in other charsets than UTF-8 that one text's decoding converts. */
#define ENCODED_WORD_CONVERSIONS_MAX 16

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
 * The stream. The whole text is held, up to the limit: whether a phrase becomes a quoted-string, and where B is the
 * shorter, only its last octet tells.
 */
struct encoded_word_encoder {
    struct buf text; /* held */
    enum encoded_word_place place;
    size_t column; /* as *column above */
};

/* limit: octets of the text at most. */
void encoded_word_encoder_init(struct encoded_word_encoder *encoder, enum encoded_word_place place,
                               size_t column, size_t limit);
void encoded_word_encoder_free(struct encoded_word_encoder *encoder); /* takes a zeroed one */

/* ENCODED_WORD_OK or ENCODED_WORD_NO_ROOM. */
enum encoded_word_result encoded_word_encoder_update(struct encoded_word_encoder *encoder, const void *in,
                                                     size_t len) __attribute__((warn_unused_result));

/* Appends to out what encoded_word_encode would, and sets column. Another text may follow. */
enum encoded_word_result encoded_word_encoder_finish(struct encoded_word_encoder *encoder, struct buf *out)
    __attribute__((warn_unused_result));

/*
 * Appends the text to out with its encoded words decoded to UTF-8, from any charset that charset.h can open.
 *
 * Adjacent words are joined and the white space between them goes (6.2); a character that is split between
 * two words of one charset is made whole. Line ends before white space are removed (unfolding). A word that
 * is broken (syntax, unknown charset, octets that the charset does not allow) or would bring a CR, LF or NUL
 * is left as it is; so are words of other charsets than UTF-8 behind ENCODED_WORD_CONVERSIONS_MAX runs of such: each
 * may make glibc load a module, and no honest text has so many. Text outside encoded words is copied, whatever its
 * octets. False: no room or memory; out keeps what it had.
 */
bool encoded_word_decode(struct buf *out, struct slice text) __attribute__((warn_unused_result));

/*
 * The stream. What can be decoded is written as it comes; held are the last word and, before it, encoded words that
 * others may be joined to.
 */
struct encoded_word_decoder {
    struct buf held;
    size_t scanned;     /* octets of held that are whole words, and the white space behind them */
    size_t conversions; /* so far, of ENCODED_WORD_CONVERSIONS_MAX */
};

/* limit: octets that are held at most. */
void encoded_word_decoder_init(struct encoded_word_decoder *decoder, size_t limit);
void encoded_word_decoder_free(struct encoded_word_decoder *decoder); /* takes a zeroed one */

/* Both append to out. False, for good: no room or memory. */
bool encoded_word_decoder_update(struct encoded_word_decoder *decoder, const void *in, size_t len,
                                 struct buf *out) __attribute__((warn_unused_result));
bool encoded_word_decoder_finish(struct encoded_word_decoder *decoder, struct buf *out)
    __attribute__((warn_unused_result));

#endif
