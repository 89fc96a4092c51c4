/*
 * Whatever a certificate says was chosen by its maker, who may be anybody before it is verified: names are escaped
 * by OpenSSL's printer or by ours.
 */
#include "smtp/tls_certificate.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fcgi_smtp/base64.h"
#include "smtp/reply.h"

#define DIGEST_CHARS 44             /* a SHA-256 digest in base64 */
#define NAMES_LIMIT  ((size_t)1024) /* octets of names before they are escaped */

static const char prefix[] = "sha256:";
#define PREFIX_LEN (sizeof prefix - 1)

static void append_name(struct buf *names, struct slice name)
{
    size_t before = names->len;
    bool ok = (before == 0 || buf_append_string(names, ", ")) && buf_append_slice(names, name);
    if (!ok) {
        names->len = before; /* no separator without its name */
    }
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

void tls_certificate_names(const X509 *x509, struct buf *names)
{
    GENERAL_NAMES *list = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
        append_general_name(names, sk_GENERAL_NAME_value(list, i));
    }
    GENERAL_NAMES_free(list);
}

static void describe_name(const X509_NAME *name, char *out, size_t cap)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    out[0] = '\0';
    /* RFC 2253's escapes for control characters, but UTF-8 as it is. */
    unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, flags) >= 0) {
        long len = BIO_get_mem_data(bio, &data);
        (void)reply_escape((struct slice){data, len > 0 ? (size_t)len : 0}, out, cap);
    }
    BIO_free(bio);
}

static void describe_time(const ASN1_TIME *time, char *out, size_t cap)
{
    struct tm tm;
    memset(&tm, 0, sizeof tm);
    if (ASN1_TIME_to_tm(time, &tm) != 1 || strftime(out, cap, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0) {
        (void)snprintf(out, cap, "unreadable");
    }
}

bool tls_certificate_key(const X509 *x509, unsigned char digest[TLS_KEY_DIGEST])
{
    unsigned char *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);
    bool good = len > 0 && EVP_Digest(spki, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(spki);
    return good;
}

void tls_certificate_fingerprint(const unsigned char digest[TLS_KEY_DIGEST], char text[TLS_FINGERPRINT_MAX])
{
    memcpy(text, prefix, PREFIX_LEN);
    size_t encoded = base64_encode(digest, TLS_KEY_DIGEST, text + PREFIX_LEN);
    text[PREFIX_LEN + encoded] = '\0';
}

bool tls_certificate_pin(const char *text, unsigned char digest[TLS_KEY_DIGEST])
{
    char octets[BASE64_DECODER_UPDATE_MAX(DIGEST_CHARS)];
    size_t len = 0;
    bool good = strncmp(text, prefix, PREFIX_LEN) == 0 && strlen(text) == PREFIX_LEN + DIGEST_CHARS &&
                base64_decode(text + PREFIX_LEN, DIGEST_CHARS, octets, &len) && len == TLS_KEY_DIGEST;
    if (good) {
        memcpy(digest, octets, TLS_KEY_DIGEST);
    }
    return good;
}

static void describe_key(const X509 *x509, char *out, size_t cap)
{
    unsigned char digest[TLS_KEY_DIGEST];
    char text[TLS_FINGERPRINT_MAX] = "";
    if (tls_certificate_key(x509, digest)) {
        tls_certificate_fingerprint(digest, text);
    }
    (void)snprintf(out, cap, "%s", text);
}

void tls_certificate_describe(const X509 *x509, struct smtp_certificate *certificate)
{
    struct buf names;
    buf_init(&names, NAMES_LIMIT);
    memset(certificate, 0, sizeof *certificate);
    describe_name(X509_get_subject_name(x509), certificate->subject, sizeof certificate->subject);
    describe_name(X509_get_issuer_name(x509), certificate->issuer, sizeof certificate->issuer);
    tls_certificate_names(x509, &names);
    (void)reply_escape(buf_slice(&names), certificate->names, sizeof certificate->names);
    describe_time(X509_get0_notBefore(x509), certificate->not_before, sizeof certificate->not_before);
    describe_time(X509_get0_notAfter(x509), certificate->not_after, sizeof certificate->not_after);
    describe_key(x509, certificate->fingerprint, sizeof certificate->fingerprint);
    buf_free(&names);
}
