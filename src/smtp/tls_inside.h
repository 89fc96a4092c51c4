/*
 * tls_inside: what the files of tls share. OpenSSL's types are named by their structs, so that its headers stay in the
 * files that need them.
 */
#ifndef FCGI_SMTP_SMTP_TLS_INSIDE_H
#define FCGI_SMTP_SMTP_TLS_INSIDE_H

#include <pthread.h>
#include <stdbool.h>

#include "fcgi_smtp/err.h"
#include "smtp/tls.h"
#include "smtp/tls_certificate.h"

struct bio_method_st;
struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;
struct stack_st_X509;
struct x509_store_ctx_st;

struct tls_context {
    struct ssl_ctx_st *ssl;
    struct bio_method_st *socket_method;
    bool verify; /* chain and name */
    bool pinned; /* and the key, whatever verify says: */
    unsigned char pin[TLS_KEY_DIGEST];
    pthread_mutex_t mutex;
    struct ssl_session_st
        *last; /* guarded by mutex; taken by the next connection (RFC 8446 C.4: tickets are used once) */
};

struct tls {
    struct ssl_st *ssl;
    int fd;
    struct err reason;             /* set by tls_verify */
    enum smtp_cause cause;         /* of the failure */
    struct stack_st_X509 *refused; /* likewise: the chain, which the handshake does not keep then; owned */
};

/* The BIO that drives tls->fd, and one for a connection. NULL without memory; false likewise. */
struct bio_method_st *tls_socket_method(void);
bool tls_socket_set(struct tls *tls, struct bio_method_st *method);

/*
 * OpenSSL's verification of a certificate, in its place: chain and name where context->verify, then the pin. 0: refused,
 * and the connection's tls->reason says why.
 */
int tls_verify(struct x509_store_ctx_st *store, void *context);

/* Keeps a session for the next connection; takes no reference. */
int tls_context_keep(struct ssl_st *ssl, struct ssl_session_st *session);

/* The session to resume, the caller's; NULL if there is none. */
struct ssl_session_st *tls_context_take(struct tls_context *context);

#endif
