/*
 * auth_scram: the client's side of SCRAM (RFC 5802, RFC 7677) over the octets of its messages, with channel
 * binding to the TLS channel (tls-exporter, RFC 9266). No I/O.
 *
 *     scram_init, scram_first, scram_final, scram_verify, and scram_free in any case.
 */
#ifndef FCGI_SMTP_SMTP_AUTH_SCRAM_H
#define FCGI_SMTP_SMTP_AUTH_SCRAM_H

#include <stdbool.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/slice.h"

/* RFC 7677 4 asks for 4096 at least; more than the maximum would only keep this machine busy (half a second). */
#define SCRAM_ITERATIONS_MIN 4096
#define SCRAM_ITERATIONS_MAX 1000000

#define SCRAM_NONCE_LEN     32 /* characters of ours: 128 bits */
#define SCRAM_BINDING_MAX   64 /* octets of channel binding data */
#define SCRAM_SIGNATURE_MAX 32

/* RFC 5802 7: the gs2-cbind-flag. */
enum scram_flag {
    SCRAM_NOT_BOUND = 'n', /* we cannot bind */
    SCRAM_COULD_BIND =
        'y', /* we could, but the server did not offer it: it fails if it did and somebody lied */
    SCRAM_BOUND = 'p'
};

struct scram {
    bool sha_256; /* else SHA-1 */
    enum scram_flag flag;
    char nonce[SCRAM_NONCE_LEN + 1];
    char binding[SCRAM_BINDING_MAX];
    size_t binding_len;
    struct buf user;                              /* prepared by SASLprep */
    struct buf password;                          /* likewise */
    unsigned char signature[SCRAM_SIGNATURE_MAX]; /* what the server is to sign with */
};

enum scram_result {
    SCRAM_OK,
    SCRAM_REFUSED,    /* "e=": the server's error is in why */
    SCRAM_BROKEN,     /* the message breaks the grammar */
    SCRAM_DISTRUSTED, /* nonce, iterations or signature are not acceptable */
    SCRAM_FAILURE     /* no memory, or OpenSSL refuses */
};

/* binding is used with SCRAM_BOUND only. False: the user or password is not allowed, or there is no randomness
 * or memory. The scram is to be freed in any case. */
bool scram_init(struct scram *scram, bool sha_256, enum scram_flag flag, struct slice binding,
                struct err *why) __attribute__((warn_unused_result));
bool scram_set_credentials(struct scram *scram, struct slice user, struct slice password, struct err *why)
    __attribute__((warn_unused_result));
void scram_free(struct scram *scram); /* wipes; takes a zeroed one */

/* Appends client-first-message. */
bool scram_first(const struct scram *scram, struct buf *out) BUF_MUST_CHECK;

/* Writes client-final-message, the answer to server-first-message, into out, which is empty. All results but OK
 * come with a why. */
enum scram_result scram_final(struct scram *scram, struct slice server_first, struct buf *out,
                              struct err *why);

/* Judges server-final-message: OK only if the server knows the password's keys. */
enum scram_result scram_verify(const struct scram *scram, struct slice server_final, struct err *why);

#endif
