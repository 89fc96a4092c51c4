/*
 * field_reader: takes the fields off a header section that somebody else wrote (RFC 5322 2.2), strictly.
 *
 * CR, LF and CRLF are one line end each, whatever stands around them.
 */
#ifndef FCGI_SMTP_MIME_FIELD_READER_H
#define FCGI_SMTP_MIME_FIELD_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/slice.h"

struct field_reader {
    struct slice rest;
    uint64_t line; /* number of the next line */
};

struct message_field {
    struct slice name;
    struct slice value; /* what stands behind the colon, with its folds, without the last line end */
    struct slice whole; /* all lines with their line ends */
    uint64_t line;      /* number of the first line */
    uint64_t long_line; /* number of the first line over 998 octets; 0: there is none */
};

/*
 * Where a header section ends: *len is its octets without the empty line, *with_empty_line the octets with it (the same where
 * there is none). complete: nothing follows the octets. False: the end is not among them.
 */
bool field_reader_find_end(struct slice octets, bool complete, size_t *len, size_t *with_empty_line);

/* Begins at a section's first line; steps over a first line that is an mbox file's "From " line (RFC 4155). */
void field_reader_init(struct field_reader *reader, struct slice section);

enum field_result { FIELD_OK, FIELD_END, FIELD_MALFORMED };

/* FIELD_MALFORMED: err says which line is wrong, and why. */
enum field_result field_reader_next(struct field_reader *reader, struct message_field *field,
                                    struct err *err);

/* Appends a value without its line ends. False: no room or memory. */
bool field_unfold(struct buf *out, struct slice value) BUF_MUST_CHECK;

#endif
