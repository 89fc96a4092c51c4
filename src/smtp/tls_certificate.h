/*
 * tls_certificate: an X.509 certificate in words.
 */
#ifndef FCGI_SMTP_SMTP_TLS_CERTIFICATE_H
#define FCGI_SMTP_SMTP_TLS_CERTIFICATE_H

#include <stdbool.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/smtp_trace.h"

struct x509_st;

#define TLS_KEY_DIGEST      32 /* octets: SHA-256 */
#define TLS_FINGERPRINT_MAX 64 /* octets of "sha256:BASE64", its NUL included */

/* What can be told of the certificate; all texts are printable. */
void tls_certificate_describe(const struct x509_st *x509, struct smtp_certificate *certificate);

/* The DNS names and IP addresses that it is for, joined by ", ", as they are; what does not fit is left out. */
void tls_certificate_names(const struct x509_st *x509, struct buf *names);

/* The SHA-256 digest of the public key (RFC 5280 4.1: subjectPublicKeyInfo). */
bool tls_certificate_key(const struct x509_st *x509, unsigned char digest[TLS_KEY_DIGEST]);

/* A digest as the setting of that name, and back; false: text is none. */
void tls_certificate_fingerprint(const unsigned char digest[TLS_KEY_DIGEST], char text[TLS_FINGERPRINT_MAX]);
bool tls_certificate_pin(const char *text, unsigned char digest[TLS_KEY_DIGEST]);

#endif
