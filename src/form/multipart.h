/*
 * multipart: multipart/form-data (RFC 7578, RFC 2046 5.1) as a push parser.
 */
#ifndef FCGI_SMTP_FORM_MULTIPART_H
#define FCGI_SMTP_FORM_MULTIPART_H

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/form_fields.h"

#define MULTIPART_BOUNDARY_MAX  ((size_t)70) /* RFC 2046 5.1.1 */
#define MULTIPART_DELIMITER_MAX (4 + MULTIPART_BOUNDARY_MAX)

enum multipart_state {
    MULTIPART_PREAMBLE,
    MULTIPART_DELIMITER,      /* just behind one */
    MULTIPART_DELIMITER_DASH, /* one "-" behind it */
    MULTIPART_PADDING,        /* of a delimiter that begins a part */
    MULTIPART_LINE_FEED,      /* its CR was seen */
    MULTIPART_HEADER,
    MULTIPART_CONTENT,
    MULTIPART_CLOSE, /* behind the close delimiter, and its padding */
    MULTIPART_EPILOGUE
};

struct multipart {
    enum multipart_state state;
    char delimiter[MULTIPART_DELIMITER_MAX]; /* CRLF "--" boundary */
    size_t delimiter_len;
    size_t matched;    /* octets of the delimiter that the last chunk ended in */
    size_t borrowed;   /* the first so many of them are no content: the CRLF of the empty line */
    struct buf header; /* of the part */
    size_t line;       /* where the header's last line begins */
};

/* False unless boundary is 1..70 octets of RFC 2046's bchars and does not end in a space. */
bool multipart_init(struct multipart *parser, struct slice boundary);
void multipart_free(struct multipart *parser); /* takes a zeroed one */

enum form_result multipart_update(struct multipart *parser, struct fields *fields, struct slice octets,
                                  struct err *err);
enum form_result multipart_finish(struct multipart *parser, struct fields *fields, struct err *err);

#endif
