/*
 * header: the one writer of header fields (RFC 5322 2.1.1, 2.2; RFC 2047; RFC 2045 5.1).
 *
 * A field is begun, filled and ended; lines are folded at white space, none passes 998 octets. Every octet
 * that goes in is checked here, whatever was checked before: no CR, LF or NUL, nothing but ASCII except a
 * UTF-8 local part. The first failure stays in result, err names the field, and all further calls do nothing.
 */
#ifndef FCGI_SMTP_MIME_HEADER_H
#define FCGI_SMTP_MIME_HEADER_H

#include "fcgi_smtp/address.h"
#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/compose.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/slice.h"

struct header {
    struct buf *out; /* not owned */
    struct err *err;
    struct slice field; /* of the request, to blame */
    size_t column;      /* octets in the current line */
    bool fresh;         /* only "Name:" stands in the line: no fold here without need */
    enum compose_result result;
};

void header_init(struct header *header, struct buf *out, struct err *err);

/* Begins "Name:" for a value that came from the request's field; ends it with CRLF. */
void header_begin(struct header *header, struct slice name, struct slice field);
void header_end(struct header *header);

/* Octets that are no field's and hold no user's text: the delimiters between parts. */
void header_append(struct header *header, struct slice text);

/* White space (a fold where the line is full) and one word, never broken, with its punctuation directly
 * behind it. */
void header_word(struct header *header, struct slice word, const char *after);

/* Text with encoded words where they are needed. Encoded words in it are decoded first. White space at its
 * ends goes. */
void header_text(struct header *header, struct slice text);

/* The words of an ASCII text as they are, folded between them. */
void header_words(struct header *header, struct slice text);

void header_addresses(struct header *header, const struct address_list *list);

/* ";" name "=" value; the value is a token or a quoted-string with its quotes. */
void header_parameter(struct header *header, struct slice name, struct slice value);

/* Stops the writing: the field is to blame, the text says what to change. */
void header_refuse(struct header *header, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Stops the writing: not the request is to blame. */
void header_fail(struct header *header, const char *text);

/* Whether text is UTF-8 without CR, LF and NUL; refuses it otherwise, naming the octet. */
bool header_check(struct header *header, struct slice text);

#endif
