/*
 * auth_scram_message: the grammar of what a SCRAM server says (RFC 5802 7), as pure functions.
 */
#ifndef FCGI_SMTP_SMTP_AUTH_SCRAM_MESSAGE_H
#define FCGI_SMTP_SMTP_AUTH_SCRAM_MESSAGE_H

#include "smtp/auth_scram.h"

#define SCRAM_SALT_MAX 1024 /* octets */

/* server-first-message; the nonce is a view of it. */
struct scram_challenge {
    struct slice nonce;
    char salt[SCRAM_SALT_MAX];
    size_t salt_len;
    int iterations; /* within SCRAM_ITERATIONS_MIN and _MAX */
};

/* own: our part of the nonce, with which the server's begins. */
enum scram_result scram_parse_first(struct slice message, struct slice own, struct scram_challenge *challenge,
                                    struct err *why);

/* server-final-message: the signature's octets, of which there must be len. */
enum scram_result scram_parse_final(struct slice message, unsigned char *signature, size_t len,
                                    struct err *why);

#endif
