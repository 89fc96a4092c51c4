/*
 * tls: TLS on a non-blocking socket, with verification of the server (RFC 5280, RFC 9525), by OpenSSL.
 *
 * A tls_context is one endpoint's: trust store, floor, and the last session for resumption; many threads may
 * use it. A struct tls is one connection's. Nothing here waits: WANT_READ and WANT_WRITE say what to poll
 * for.
 */
#ifndef FCGI_SMTP_SMTP_TLS_H
#define FCGI_SMTP_SMTP_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/err.h"
#include "fcgi_smtp/smtp_client.h"

struct tls_context;
struct tls;

/*
 * The trust store is base's when base is not NULL, else ca_file and ca_path, else the system's; it is read
 * here and never again. NULL when it cannot be loaded (the error names the file) or without memory.
 */
struct tls_context *tls_context_new(const struct smtp_settings *settings, const struct tls_context *base,
                                    struct err *err);
void tls_context_free(struct tls_context *context); /* takes NULL */

/* Where the system's store is, SSL_CERT_FILE and SSL_CERT_DIR in the environment included. */
const char *tls_default_file(void);
const char *tls_default_path(void);

/*
 * A connection to host, the name or IP literal that the certificate must be for. NULL without memory. The
 * descriptor stays the caller's.
 */
struct tls *tls_new(struct tls_context *context, int fd, const char *host);

/* Takes NULL. Says close_notify if the socket takes it at once. */
void tls_free(struct tls *tls);

enum tls_io {
    TLS_DONE,
    TLS_WANT_READ,
    TLS_WANT_WRITE,
    TLS_CLOSED,
    TLS_FAILED,
    TLS_REFUSED /* tls_read only: the server does not accept our certificate, or misses it */
};

/* On TLS_FAILED and TLS_CLOSED, why says which check failed: expired, not yet valid, self-signed, unknown
 * issuer, pin, ... */
enum tls_io tls_handshake(struct tls *tls, struct err *why);

/*
 * In TLS 1.3 the handshake is over for us before the server has seen our certificate, so its refusal comes in the place
 * of the first data (RFC 8446 4.4.2.4); why is set then, and only then.
 */
enum tls_io tls_read(struct tls *tls, void *out, size_t cap, size_t *len, struct err *why);
enum tls_io tls_write(struct tls *tls, const void *octets, size_t len, size_t *written);

#define TLS_BINDING_LEN 32

/* The channel binding "tls-exporter" (RFC 9266). False for a connection of TLS 1.2, which has none. */
bool tls_channel_binding(const struct tls *tls, char out[TLS_BINDING_LEN]);

/* Why the handshake failed, or tls_read said REFUSED. */
enum smtp_cause tls_cause(const struct tls *tls);

/* After a successful handshake. */
void tls_view(const struct tls *tls, struct smtp_tls_view *view);

/* What is known behind a handshake, be it a failed one: version and cipher, certificates, and what was found of them. */
void tls_trace(const struct tls *tls, const struct smtp_trace *trace);

/* What the last TLS_FAILED of this thread was. Static. */
const char *tls_last_error(void);

#endif
