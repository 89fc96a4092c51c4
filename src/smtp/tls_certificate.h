/*
 * tls_certificate: an X.509 certificate in words.
 */
#ifndef FCGI_SMTP_SMTP_TLS_CERTIFICATE_H
#define FCGI_SMTP_SMTP_TLS_CERTIFICATE_H

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/smtp_trace.h"

struct x509_st;

/* What can be told of the certificate; all texts are printable. */
void tls_certificate_describe(const struct x509_st *x509, struct smtp_certificate *certificate);

/* The DNS names and IP addresses that it is for, joined by ", ", as they are; what does not fit is left out. */
void tls_certificate_names(const struct x509_st *x509, struct buf *names);

#endif
