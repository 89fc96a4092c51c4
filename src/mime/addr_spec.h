/* addr_spec: local-part "@" domain at a cursor (RFC 5322 3.4.1 within the bounds of RFC 5321 4.1.2
 * and 4.5.3.1). */
#ifndef FCGI_SMTP_MIME_ADDR_SPEC_H
#define FCGI_SMTP_MIME_ADDR_SPEC_H

#include "fcgi_smtp/address.h"
#include "mime/lexer.h"

/*
 * Reads an addr-spec with the comments and white space around its tokens. scratch is overwritten. On
 * ADDRESS_INVALID *why says what is wrong, as the rest of a sentence.
 */
enum address_result addr_spec_parse(struct addr_spec *address, struct lexer *lexer, struct buf *scratch,
                                    struct arena *arena, const char **why);

#endif
