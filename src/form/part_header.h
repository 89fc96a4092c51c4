/*
 * part_header: the header of one part of a multipart/form-data body (RFC 7578 4, RFC 2046 5.1).
 */
#ifndef FCGI_SMTP_FORM_PART_HEADER_H
#define FCGI_SMTP_FORM_PART_HEADER_H

#include "fcgi_smtp/form_fields.h"

#define PART_HEADER_MAX   ((size_t)16 * 1024) /* octets of a part's header, the empty line included */
#define PART_HEADER_LINES ((size_t)32)        /* fields in it */
#define PART_HEADER_KNOWN 3

struct part_name {
    bool plain;    /* came as name= or filename= */
    bool extended; /* came as name*= or filename*=, which wins */
    size_t len;
    char octets[FORM_FILE_NAME_MAX + 1]; /* all in use: too long */
};

struct part_header {
    size_t number; /* of the part, for error texts */
    struct part_name name;
    struct part_name file_name;   /* given: the part is a file */
    struct slice type;            /* a view of the block */
    bool seen[PART_HEADER_KNOWN]; /* Content-Disposition, -Type, -Transfer-Encoding */
};

static inline bool part_name_given(const struct part_name *name)
{
    return name->plain || name->extended;
}

/*
 * Parses the block of header fields up to and including the empty line; every line ends in CRLF. Folded lines are
 * unfolded in place. FORM_MALFORMED says what is wrong with which part.
 */
enum form_result part_header_parse(struct part_header *header, size_t number, char *block, size_t len,
                                   struct err *err);

#endif
