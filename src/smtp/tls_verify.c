/*
 * OpenSSL verifies chain and name; what this file adds are the pin, and errors that a person can act on. The callback
 * is the only place where the peer's certificate is at hand when a handshake fails, so the reason is put into words
 * there.
 */
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "fcgi_smtp/buf.h"
#include "smtp/tls_inside.h"

static void describe_mismatch(const X509 *certificate, struct err *reason)
{
    struct buf names;
    buf_init(&names, 512);
    tls_certificate_names(certificate, &names);
    err_set(reason, "name mismatch: the certificate is for %s", names.len > 0 ? buf_cstr(&names) : "no host");
    buf_free(&names);
}

static const char *reason_of(int error, enum smtp_cause *cause)
{
    *cause = SMTP_CAUSE_ISSUER;
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        *cause = SMTP_CAUSE_VALIDITY;
        return "the certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        *cause = SMTP_CAUSE_VALIDITY;
        return "the certificate is not yet valid";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return "the certificate is self-signed";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "unknown issuer: the certificate is not signed by an authority that is trusted here";
    default:
        *cause = SMTP_CAUSE_OTHER;
        return NULL;
    }
}

/* OpenSSL goes on to its next check when this says 1; no failed check is forgiven. */
static int on_check(int ok, X509_STORE_CTX *store)
{
    if (ok == 1) {
        return 1;
    }
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *tls = SSL_get_app_data(ssl);
    int error = X509_STORE_CTX_get_error(store);
    if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        tls->cause = SMTP_CAUSE_NAME;
        describe_mismatch(X509_STORE_CTX_get0_cert(store), &tls->reason);
    } else {
        const char *known = reason_of(error, &tls->cause);
        err_set(&tls->reason, "%s", known != NULL ? known : X509_verify_cert_error_string(error));
    }
    return 0;
}

/* The one key that the server must have, whoever vouches for it. */
static bool check_pin(X509_STORE_CTX *store, const struct tls_context *context, struct err *reason)
{
    unsigned char digest[TLS_KEY_DIGEST];
    const X509 *leaf = X509_STORE_CTX_get0_cert(store);
    if (leaf == NULL || !tls_certificate_key(leaf, digest)) {
        err_set(reason, "pin: the server's public key cannot be read");
        return false;
    }
    if (CRYPTO_memcmp(digest, context->pin, sizeof digest) == 0) {
        return true;
    }
    char fingerprint[TLS_FINGERPRINT_MAX];
    tls_certificate_fingerprint(digest, fingerprint);
    err_set(reason, "pin: the server's public key is %s, which is not what fingerprint asks for",
            fingerprint);
    return false;
}

int tls_verify(X509_STORE_CTX *store, void *of_context)
{
    const struct tls_context *context = of_context;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *tls = SSL_get_app_data(ssl);
    X509_STORE_CTX_set_verify_cb(store, on_check);
    bool good = !context->verify || X509_verify_cert(store) == 1;
    if (good && context->pinned && !check_pin(store, context, &tls->reason)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        tls->cause = SMTP_CAUSE_PIN;
        good = false;
    }
    if (!good && tls->refused == NULL) {
        tls->refused = X509_chain_up_ref(X509_STORE_CTX_get0_untrusted(store));
    }
    return good ? 1 : 0;
}
