/*
 * addr_spec: the one parsed form of a mail address (RFC 5322 3.4.1, RFC 5321 4.1.2, RFC 6532).
 *
 * Made only by address_parse (address.h). Policy, header fields and envelope all use this object, so no two
 * parts of the program can read one address differently. Views live as long as the arena they were parsed
 * into.
 */
#ifndef FCGI_SMTP_ADDR_SPEC_H
#define FCGI_SMTP_ADDR_SPEC_H

#include <stdbool.h>

#include "fcgi_smtp/slice.h"

struct addr_spec {
    /*
     * local-part@domain as it goes on the wire: local part quoted only where RFC 5321 demands it, domain in A-labels, lower
     * case; or an address literal. The null path: empty.
     */
    struct slice text;
    struct slice local;  /* the local part's meaning: unquoted */
    struct slice domain; /* the domain as in text */
    bool utf8;           /* the local part has non-ASCII characters: needs SMTPUTF8 (RFC 6531) */
};

#endif
