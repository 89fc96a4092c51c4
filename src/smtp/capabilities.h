/*
 * capabilities: what a server said of itself in reply to EHLO (RFC 5321 4.1.1.1), as a pure function.
 */
#ifndef FCGI_SMTP_SMTP_CAPABILITIES_H
#define FCGI_SMTP_SMTP_CAPABILITIES_H

#include <stdbool.h>
#include <stdint.h>

#include "smtp/reply.h"

/* An AUTH mechanism (enum smtp_auth) as a bit. */
#define CAPABILITY_AUTH(mechanism) (1u << (unsigned)(mechanism))

struct capabilities {
    bool starttls;          /* RFC 3207 */
    bool eightbitmime;      /* RFC 6152 */
    bool smtputf8;          /* RFC 6531 */
    bool pipelining;        /* RFC 2920 */
    bool chunking;          /* RFC 3030 */
    bool dsn;               /* RFC 3461 */
    bool requiretls;        /* RFC 8689 */
    bool size;              /* RFC 1870 */
    uint64_t size_limit;    /* octets; 0: none is given */
    unsigned auth;          /* RFC 4954: bits CAPABILITY_AUTH(...) */
    char auth_offered[192]; /* the mechanisms' names as the server gave them, for errors; may be cut */
};

/* Lines that break the grammar are skipped: some servers send an empty keyword. */
void capabilities_parse(struct capabilities *capabilities, const struct reply *reply);

#endif
