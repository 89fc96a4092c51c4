/*
 * OpenSSL verifies chain and name; what this file adds are errors that a person can act on. The verification
 * callback is the only place where the peer's certificate is at hand when the name does not match, so the
 * reason is put into words there.
 *
 * The socket is driven by a BIO of our own because OpenSSL's writes without MSG_NOSIGNAL: a peer that went
 * away must be an error, not a SIGPIPE.
 */
#include "smtp/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/slice.h"

struct tls_context {
    SSL_CTX *ssl;
    BIO_METHOD *socket_method;
    bool verify;
    pthread_mutex_t mutex;
    SSL_SESSION
    *last; /* guarded by mutex; taken by the next connection (RFC 8446 C.4: tickets are used once) */
};

struct tls {
    SSL *ssl;
    int fd;
    struct err reason; /* set by the verification callback */
};

/* --- the socket BIO --- */

static int bio_fd(BIO *bio)
{
    const struct tls *tls = BIO_get_data(bio);
    return tls->fd;
}

static bool would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static int bio_write(BIO *bio, const char *octets, size_t len, size_t *written)
{
    BIO_clear_retry_flags(bio);
    ssize_t n = send(bio_fd(bio), octets, len, MSG_NOSIGNAL);
    if (n < 0) {
        if (would_block(errno)) {
            BIO_set_retry_write(bio);
        }
        return 0;
    }
    *written = (size_t)n;
    return 1;
}

static int bio_read(BIO *bio, char *out, size_t cap, size_t *len)
{
    BIO_clear_retry_flags(bio);
    ssize_t n = recv(bio_fd(bio), out, cap, 0);
    if (n < 0 && would_block(errno)) {
        BIO_set_retry_read(bio);
    }
    if (n == 0) {
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    }
    if (n <= 0) {
        return 0;
    }
    *len = (size_t)n;
    return 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF) {
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    }
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
    if (method != NULL && BIO_meth_set_write_ex(method, bio_write) == 1 &&
        BIO_meth_set_read_ex(method, bio_read) == 1 && BIO_meth_set_ctrl(method, bio_ctrl) == 1) {
        return method;
    }
    BIO_meth_free(method);
    return NULL;
}

/* --- verification, in words --- */

static void append_name(struct buf *names, struct slice name)
{
    bool ok = names->len == 0 || buf_append_string(names, ", ");
    /* What does not fit within the limit is left out: the error is cut at about this length anyway. */
    ok = ok && buf_append_slice(names, name);
    (void)ok;
}

static void append_general_name(struct buf *names, const GENERAL_NAME *name)
{
    if (name->type == GEN_DNS) {
        const ASN1_STRING *dns = name->d.dNSName;
        append_name(
            names, (struct slice){(const char *)ASN1_STRING_get0_data(dns), (size_t)ASN1_STRING_length(dns)});
    } else if (name->type == GEN_IPADD) {
        const ASN1_STRING *ip = name->d.iPAddress;
        char text[INET6_ADDRSTRLEN] = "";
        int family = ASN1_STRING_length(ip) == 4 ? AF_INET : AF_INET6;
        if (ASN1_STRING_length(ip) == 4 || ASN1_STRING_length(ip) == 16) {
            (void)inet_ntop(family, ASN1_STRING_get0_data(ip), text, sizeof text);
        }
        append_name(names, slice_of(text));
    }
}

static void describe_mismatch(const X509 *certificate, struct err *reason)
{
    struct buf names;
    buf_init(&names, 512);
    GENERAL_NAMES *list = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
        append_general_name(&names, sk_GENERAL_NAME_value(list, i));
    }
    GENERAL_NAMES_free(list);
    err_set(reason, "name mismatch: the certificate is for %s", names.len > 0 ? buf_cstr(&names) : "no host");
    buf_free(&names);
}

static const char *reason_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "the certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "the certificate is not yet valid";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return "the certificate is self-signed";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "unknown issuer: the certificate is not signed by an authority that is trusted here";
    default:
        return NULL;
    }
}

static int on_verify(int ok, X509_STORE_CTX *store)
{
    if (ok == 1) {
        return 1;
    }
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *tls = SSL_get_app_data(ssl);
    int error = X509_STORE_CTX_get_error(store);
    if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        describe_mismatch(X509_STORE_CTX_get0_cert(store), &tls->reason);
    } else {
        const char *known = reason_of(error);
        err_set(&tls->reason, "%s", known != NULL ? known : X509_verify_cert_error_string(error));
    }
    return 0;
}

/* --- the context --- */

static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    /* A copy, because the connection goes on using its own in its own thread. */
    SSL_SESSION *copy = SSL_SESSION_dup(session);
    (void)pthread_mutex_lock(&context->mutex);
    SSL_SESSION *old = context->last;
    context->last = copy;
    (void)pthread_mutex_unlock(&context->mutex);
    SSL_SESSION_free(old);
    return 0; /* no reference was kept */
}

static SSL_SESSION *take_session(struct tls_context *context)
{
    (void)pthread_mutex_lock(&context->mutex);
    SSL_SESSION *session = context->last;
    context->last = NULL;
    (void)pthread_mutex_unlock(&context->mutex);
    return session;
}

static bool load_path(SSL_CTX *ssl, const char *path, struct err *err)
{
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        err_set(err, "ca_path %s: no such directory", path);
        return false;
    }
    if (SSL_CTX_load_verify_dir(ssl, path) != 1) {
        err_set(err, "ca_path %s cannot be used: %s", path, tls_last_error());
        return false;
    }
    return true;
}

static bool load_default(SSL_CTX *ssl, struct err *err)
{
    if (SSL_CTX_set_default_verify_paths(ssl) != 1) {
        err_set(err, "the system's trusted certificates cannot be loaded: %s", tls_last_error());
        return false;
    }
    return true;
}

static bool load_trust(SSL_CTX *ssl, const struct smtp_settings *settings, struct err *err)
{
    ERR_clear_error();
    if (settings->ca_file == NULL && settings->ca_path == NULL) {
        return load_default(ssl, err);
    }
    if (settings->ca_file != NULL && SSL_CTX_load_verify_file(ssl, settings->ca_file) != 1) {
        err_set(err, "ca_file %s holds no certificate that can be loaded: %s", settings->ca_file,
                tls_last_error());
        return false;
    }
    return settings->ca_path == NULL || load_path(ssl, settings->ca_path, err);
}

/*
 * OpenSSL decodes a certificate's extensions when they are first looked at. Here, so that the threads that share
 * the store only read.
 */
static void decode_extensions(SSL_CTX *ssl)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(ssl));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (certificate != NULL) {
            (void)X509_check_purpose(certificate, -1, 0);
        }
    }
}

static bool context_setup(struct tls_context *context, const struct smtp_settings *settings,
                          const struct tls_context *base, struct err *err)
{
    SSL_CTX *ssl = context->ssl;
    int floor = settings->tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION; /* RFC 8997, RFC 9325 3.1.1 */
    if (SSL_CTX_set_min_proto_version(ssl, floor) != 1) {
        err_set(err, "this OpenSSL does not offer the TLS version that tls_min asks for");
        return false;
    }
    (void)SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_app_data(ssl, context);
    (void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl, on_new_session);
    if (!settings->verify) {
        SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
        return true;
    }
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, on_verify);
    if (base != NULL && base->verify) {
        SSL_CTX_set1_cert_store(ssl, SSL_CTX_get_cert_store(base->ssl));
        return true;
    }
    if (!load_trust(ssl, settings, err)) {
        return false;
    }
    decode_extensions(ssl);
    return true;
}

struct tls_context *tls_context_new(const struct smtp_settings *settings, const struct tls_context *base,
                                    struct err *err)
{
    struct tls_context *context = calloc(1, sizeof *context);
    if (context == NULL || pthread_mutex_init(&context->mutex, NULL) != 0) {
        free(context);
        err_set(err, "out of memory");
        return NULL;
    }
    context->verify = settings->verify;
    context->socket_method = bio_method_new();
    context->ssl = SSL_CTX_new(TLS_client_method());
    if (context->ssl == NULL || context->socket_method == NULL) {
        err_set(err, "OpenSSL cannot be set up");
    } else if (context_setup(context, settings, base, err)) {
        return context;
    }
    tls_context_free(context);
    return NULL;
}

void tls_context_free(struct tls_context *context)
{
    if (context == NULL) {
        return;
    }
    SSL_SESSION_free(context->last);
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->socket_method);
    (void)pthread_mutex_destroy(&context->mutex);
    free(context);
}

/* --- one connection --- */

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

static bool set_socket(struct tls *tls, BIO_METHOD *method)
{
    BIO *bio = BIO_new(method);
    if (bio == NULL) {
        return false;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    return true;
}

struct tls *tls_new(struct tls_context *context, int fd, const char *host)
{
    struct tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        return NULL;
    }
    tls->fd = fd;
    tls->ssl = SSL_new(context->ssl);
    if (tls->ssl == NULL || !set_identity(tls->ssl, host) || !set_socket(tls, context->socket_method)) {
        tls_free(tls);
        return NULL;
    }
    SSL_set_app_data(tls->ssl, tls);
    SSL_SESSION *session = take_session(context);
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

/* Why a handshake failed for another reason than the certificate. */
static void describe_failure(struct err *why)
{
    unsigned long error = ERR_peek_error();
    switch (ERR_GET_REASON(error)) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        err_set(why, "protocol version: the server does not speak a TLS version that is accepted here");
        return;
    case SSL_R_WRONG_VERSION_NUMBER:
        err_set(why, "the server does not speak TLS here");
        return;
    default:
        err_set(why, "%s", tls_last_error());
        return;
    }
}

/* Some servers close, without an alert, when they do not like the versions that they were offered. */
static void describe_close(const SSL *ssl, struct err *why)
{
    bool before_hello = SSL_get_current_cipher(ssl) == NULL;
    err_set(why, "the server closed the connection%s",
            before_hello
                ? " without answering the handshake; perhaps it speaks no TLS version that is accepted here"
                : "");
}

/* A TLS 1.2 session that was resumed is as good as new; TLS 1.3 sends new ones (see on_new_session). */
static void keep_resumed(SSL *ssl)
{
    if (SSL_session_reused(ssl) == 1 && SSL_version(ssl) < TLS1_3_VERSION) {
        (void)on_new_session(ssl, SSL_get_session(ssl));
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
        describe_failure(why);
    } else if (result == TLS_CLOSED) {
        describe_close(tls->ssl, why);
    }
    return result;
}

enum tls_io tls_read(struct tls *tls, void *out, size_t cap, size_t *len)
{
    ERR_clear_error();
    return result_of(tls, SSL_read_ex(tls->ssl, out, cap, len));
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
