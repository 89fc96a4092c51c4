/*
 * charset: text of a named charset to UTF-8, as a stream (RFC 2978 names; glibc's iconv does the work).
 *
 * UTF-8 and US-ASCII go without iconv: they are checked and copied. Nothing is replaced or left out: an octet
 * that the charset does not allow is an error with its offset. A decoder is opened, updated, finished,
 * closed.
 */
#ifndef FCGI_SMTP_CHARSET_H
#define FCGI_SMTP_CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/slice.h"

#define CHARSET_NAME_MAX 64 /* octets */
#define CHARSET_HELD_MAX 16 /* octets of one character, escape sequences included */

enum charset_result {
    CHARSET_OK,
    CHARSET_UNKNOWN,    /* open: the name is not one, or iconv has no such charset */
    CHARSET_MALFORMED,  /* error_offset is that of the first octet that cannot be, or begins what cannot be */
    CHARSET_INCOMPLETE, /* finish: the text ends within a character, which begins at error_offset */
    CHARSET_NO_ROOM     /* out's limit would be passed, or memory is exhausted */
};

struct charset_decoder {
    enum charset_kind { CHARSET_CLOSED, CHARSET_ASCII, CHARSET_UTF8, CHARSET_ICONV } kind;
    void *iconv;           /* owned */
    uint64_t offset;       /* octets that are converted */
    uint64_t error_offset; /* from the text's first octet */
    size_t held_len;
    char held[CHARSET_HELD_MAX]; /* the beginning of a character that the next update completes */
};

/* Whether the name is UTF-8's or US-ASCII's, which costs nothing to open; for others glibc may load a module each time. */
bool charset_is_utf8(struct slice name);

/*
 * The name, in any case: 1..CHARSET_NAME_MAX letters, digits and !#$%&'+-^_`{}~ . : ( ) only (RFC 2978 2.3 and what IANA
 * registered besides), so that iconv's own //IGNORE and //TRANSLIT cannot get in. CHARSET_OK, CHARSET_UNKNOWN or
 * CHARSET_NO_ROOM; only after OK charset_close is needed.
 */
enum charset_result charset_open(struct charset_decoder *decoder, struct slice name)
    __attribute__((warn_unused_result));
void charset_close(struct charset_decoder *decoder); /* takes a zeroed one; leaves it closed */

/*
 * Appends the converted text to out. After any result but CHARSET_OK out holds what was converted before, and
 * the decoder can only be closed.
 */
enum charset_result charset_update(struct charset_decoder *decoder, const void *in, size_t len,
                                   struct buf *out) __attribute__((warn_unused_result));
enum charset_result charset_finish(struct charset_decoder *decoder, struct buf *out)
    __attribute__((warn_unused_result));

/* All at once: open, update, finish, close. *error_offset (may be NULL) is set for MALFORMED and INCOMPLETE.
 */
enum charset_result charset_to_utf8(struct slice name, struct slice text, struct buf *out,
                                    uint64_t *error_offset) __attribute__((warn_unused_result));

#endif
