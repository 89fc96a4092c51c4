/*
 * One connection. Who the server must be is set here and judged in tls_verify.c; why a handshake failed for any other
 * reason is put into words here.
 */
#include "smtp/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi_smtp/slice.h"
#include "smtp/tls_inside.h"
#include "smtp/trace.h"

static bool is_ip_literal(const char *host)
{
    unsigned char octets[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, octets) == 1 || inet_pton(AF_INET6, host, octets) == 1;
}

/* Name or IP SAN; the common name is not looked at (RFC 9525 6.1). SNI is for names only (RFC 6066 3). */
static bool set_identity(SSL *ssl, const char *host)
{
    if (is_ip_literal(host)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    }
    size_t len = strlen(host);
    char name[256];
    if (len >= sizeof name) {
        return false;
    }
    memcpy(name, host, len + 1);
    if (len > 1 && name[len - 1] == '.') {
        name[len - 1] = '\0'; /* the root's dot is in no certificate */
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct tls *tls_new(struct tls_context *context, int fd, const char *host)
{
    struct tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        return NULL;
    }
    tls->fd = fd;
    tls->ssl = SSL_new(context->ssl);
    if (tls->ssl == NULL || !set_identity(tls->ssl, host) || !tls_socket_set(tls, context->socket_method)) {
        tls_free(tls);
        return NULL;
    }
    SSL_set_app_data(tls->ssl, tls);
    SSL_SESSION *session = tls_context_take(context);
    if (session != NULL) {
        (void)SSL_set_session(tls->ssl, session);
        SSL_SESSION_free(session);
    }
    SSL_set_connect_state(tls->ssl);
    return tls;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL) {
        return;
    }
    if (tls->ssl != NULL && SSL_is_init_finished(tls->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(tls->ssl);
    }
    SSL_free(tls->ssl);
    sk_X509_pop_free(tls->refused, X509_free);
    free(tls);
}

static enum tls_io result_of(const struct tls *tls, int returned)
{
    switch (SSL_get_error(tls->ssl, returned)) {
    case SSL_ERROR_NONE:
        return TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
    case SSL_ERROR_SYSCALL:
        return TLS_CLOSED;
    default:
        return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? TLS_CLOSED
                                                                                      : TLS_FAILED;
    }
}

const char *tls_last_error(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_error());
    return text != NULL ? text : "unknown reason";
}

/* Whether an alert means that the server wants a certificate of ours, or another one (RFC 8446 6.2). */
static bool is_about_us(int reason)
{
    switch (reason) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return true;
    default:
        return false;
    }
}

/* In TLS 1.2 a server that lacks our certificate may say no more than handshake_failure. */
static void describe_refusal(struct tls *tls, struct err *why)
{
    bool ours = SSL_get_certificate(tls->ssl) != NULL;
    tls->cause = SMTP_CAUSE_CLIENT_CERT;
    err_set(why, "the server %s: %s",
            ours ? "does not accept the certificate in client_cert" : "wants a certificate, see client_cert",
            tls_last_error());
}

/* Why a handshake failed for another reason than the certificate. */
static void describe_failure(struct tls *tls, struct err *why)
{
    unsigned long error = ERR_peek_error();
    if (is_about_us(ERR_GET_REASON(error))) {
        describe_refusal(tls, why);
        return;
    }
    switch (ERR_GET_REASON(error)) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        tls->cause = SMTP_CAUSE_TLS_VERSION;
        err_set(why, "protocol version: the server does not speak a TLS version that is accepted here");
        return;
    case SSL_R_WRONG_VERSION_NUMBER:
        tls->cause = SMTP_CAUSE_NOT_TLS;
        err_set(why, "the server does not speak TLS here");
        return;
    default:
        err_set(why, "%s", tls_last_error());
        return;
    }
}

/* Some servers close, without an alert, when they do not like the versions that they were offered. */
static void describe_close(struct tls *tls, struct err *why)
{
    bool before_hello = SSL_get_current_cipher(tls->ssl) == NULL;
    tls->cause = before_hello ? SMTP_CAUSE_TLS_VERSION : SMTP_CAUSE_OTHER;
    err_set(why, "the server closed the connection%s",
            before_hello
                ? " without answering the handshake; perhaps it speaks no TLS version that is accepted here"
                : "");
}

/* A TLS 1.2 session that was resumed is as good as new; TLS 1.3 sends new ones (see tls_context_keep). */
static void keep_resumed(SSL *ssl)
{
    if (SSL_session_reused(ssl) == 1 && SSL_version(ssl) < TLS1_3_VERSION) {
        (void)tls_context_keep(ssl, SSL_get_session(ssl));
    }
}

enum tls_io tls_handshake(struct tls *tls, struct err *why)
{
    ERR_clear_error();
    errno = 0;
    enum tls_io result = result_of(tls, SSL_do_handshake(tls->ssl));
    if (result == TLS_DONE) {
        keep_resumed(tls->ssl);
    } else if (tls->reason.text[0] != '\0') {
        err_set(why, "%s", tls->reason.text);
    } else if (result == TLS_FAILED) {
        describe_failure(tls, why);
    } else if (result == TLS_CLOSED) {
        describe_close(tls, why);
    }
    return result;
}

enum tls_io tls_read(struct tls *tls, void *out, size_t cap, size_t *len, struct err *why)
{
    ERR_clear_error();
    enum tls_io result = result_of(tls, SSL_read_ex(tls->ssl, out, cap, len));
    if (result == TLS_FAILED && is_about_us(ERR_GET_REASON(ERR_peek_error()))) {
        describe_refusal(tls, why);
        return TLS_REFUSED;
    }
    return result;
}

enum tls_io tls_write(struct tls *tls, const void *octets, size_t len, size_t *written)
{
    ERR_clear_error();
    return result_of(tls, SSL_write_ex(tls->ssl, octets, len, written));
}

/* RFC 9266 2 and 3: this label, an empty context, 32 octets; without TLS 1.3 they need not be unique. */
bool tls_channel_binding(const struct tls *tls, char out[TLS_BINDING_LEN])
{
    static const char label[] = "EXPORTER-Channel-Binding";
    if (SSL_version(tls->ssl) < TLS1_3_VERSION) {
        return false;
    }
    ERR_clear_error();
    return SSL_export_keying_material(tls->ssl, (unsigned char *)out, TLS_BINDING_LEN, label,
                                      sizeof label - 1, (const unsigned char *)"", 0, 1) == 1;
}

/* --- for logs and traces --- */

enum smtp_cause tls_cause(const struct tls *tls)
{
    return tls->cause;
}

static const struct tls_context *context_of(const struct tls *tls)
{
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls->ssl));
}

void tls_view(const struct tls *tls, struct smtp_tls_view *view)
{
    const struct tls_context *context = context_of(tls);
    (void)snprintf(view->version, sizeof view->version, "%s", SSL_get_version(tls->ssl));
    (void)snprintf(view->cipher, sizeof view->cipher, "%s", SSL_get_cipher_name(tls->ssl));
    view->verified = context->verify || context->pinned; /* else there would have been no handshake */
    view->resumed = SSL_session_reused(tls->ssl) == 1;
}

static void trace_chain(const struct tls *tls, const struct smtp_trace *trace)
{
    STACK_OF(X509) *chain = tls->refused != NULL ? tls->refused : SSL_get_peer_cert_chain(tls->ssl);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        struct smtp_certificate certificate;
        tls_certificate_describe(sk_X509_value(chain, i), &certificate);
        trace_certificate(trace, &certificate);
    }
}

static void trace_version(const struct tls *tls, const struct smtp_trace *trace)
{
    char text[128];
    int len = snprintf(text, sizeof text, "%s, %s%s", SSL_get_version(tls->ssl),
                       SSL_get_cipher_name(tls->ssl), SSL_session_reused(tls->ssl) == 1 ? ", resumed" : "");
    trace_text(trace, SMTP_TRACE_TLS, (struct slice){text, len > 0 ? (size_t)len : 0});
}

static void trace_verification(const struct tls_context *context, const struct smtp_trace *trace)
{
    if (!context->verify && !context->pinned) {
        trace_text(trace, SMTP_TRACE_UNVERIFIED, SLICE("not verified: the configuration says verify: none"));
        return;
    }
    trace_text(trace, SMTP_TRACE_VERIFIED,
               !context->pinned ? SLICE("chain and name are good")
               : context->verify
                   ? SLICE("chain and name are good, and the key is that of fingerprint")
                   : SLICE("the key is that of fingerprint; the configuration says verify: none"));
}

void tls_trace(const struct tls *tls, const struct smtp_trace *trace)
{
    bool finished = SSL_is_init_finished(tls->ssl);
    if (finished) {
        trace_version(tls, trace);
    }
    trace_chain(tls, trace);
    if (tls->refused != NULL) {
        trace_text(trace, SMTP_TRACE_UNVERIFIED, slice_of(tls->reason.text));
    } else if (finished) {
        trace_verification(context_of(tls), trace);
    }
}
