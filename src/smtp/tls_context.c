/*
 * What all connections of an endpoint share: whom it trusts, who it is, and the last session.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "smtp/tls_inside.h"

int tls_context_keep(SSL *ssl, SSL_SESSION *session)
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

SSL_SESSION *tls_context_take(struct tls_context *context)
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

static const char *from_environment(const char *name, const char *otherwise)
{
    const char *value = secure_getenv(name); /* as OpenSSL does */
    return value != NULL ? value : otherwise;
}

const char *tls_default_file(void)
{
    return from_environment(X509_get_default_cert_file_env(), X509_get_default_cert_file());
}

const char *tls_default_path(void)
{
    return from_environment(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
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

/* --- our own certificate --- */

/* OpenSSL would ask at the terminal. */
static int no_passphrase(char *out, int cap, int writing, void *asked)
{
    (void)out;
    (void)cap;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static bool load_key(SSL_CTX *ssl, const char *path, struct err *err)
{
    bool asked = false;
    SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, &asked);
    bool loaded = SSL_CTX_use_PrivateKey_file(ssl, path, SSL_FILETYPE_PEM) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(ssl, NULL);
    SSL_CTX_set_default_passwd_cb(ssl, NULL);
    if (asked) {
        err_set(err, "client_key %s has a passphrase; a key without one is expected", path);
    } else if (!loaded && ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH) {
        err_set(err, "client_key %s is not the key of the certificate in client_cert", path);
    } else if (!loaded) {
        err_set(err, "client_key %s holds no private key that can be loaded: %s", path, tls_last_error());
    }
    return loaded;
}

/* The endpoint that settings were derived from had the same files: they are not read again for each mail. */
static bool share_identity(SSL_CTX *ssl, SSL_CTX *base)
{
    STACK_OF(X509) *chain = NULL;
    return SSL_CTX_get0_chain_certs(base, &chain) == 1 &&
           SSL_CTX_use_cert_and_key(ssl, SSL_CTX_get0_certificate(base), SSL_CTX_get0_privatekey(base), chain,
                                    1) == 1;
}

static bool load_identity(SSL_CTX *ssl, const struct smtp_settings *settings, const struct tls_context *base,
                          struct err *err)
{
    ERR_clear_error();
    if (settings->client_cert == NULL) {
        return true;
    }
    if (base != NULL && SSL_CTX_get0_certificate(base->ssl) != NULL) {
        if (!share_identity(ssl, base->ssl)) {
            err_set(err, "client_cert %s cannot be used: %s", settings->client_cert, tls_last_error());
            return false;
        }
        return true;
    }
    if (SSL_CTX_use_certificate_chain_file(ssl, settings->client_cert) != 1) {
        err_set(err, "client_cert %s holds no certificate that can be loaded: %s", settings->client_cert,
                tls_last_error());
        return false;
    }
    return load_key(ssl, settings->client_key, err);
}

/* --- the context --- */

static bool set_verification(struct tls_context *context, const struct smtp_settings *settings,
                             const struct tls_context *base, struct err *err)
{
    SSL_CTX *ssl = context->ssl;
    context->verify = settings->verify;
    context->pinned = settings->fingerprint != NULL;
    if (context->pinned && !tls_certificate_pin(settings->fingerprint, context->pin)) {
        err_set(err, "fingerprint %s is not sha256: and the base64 of 32 octets", settings->fingerprint);
        return false;
    }
    if (!context->verify && !context->pinned) {
        SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
        return true;
    }
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ssl, tls_verify, context);
    if (!context->verify) {
        return true;
    }
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
    SSL_CTX_set_read_ahead(ssl, 1); /* one read for a record, or several, and not two for each */
    (void)SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_app_data(ssl, context);
    (void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl, tls_context_keep);
    return set_verification(context, settings, base, err) && load_identity(ssl, settings, base, err);
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
    context->socket_method = tls_socket_method();
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
