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

#define NAMES_LIMIT ((size_t)1024) /* octets of names before they are escaped */

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

static void describe_key(const X509 *x509, char *out, size_t cap)
{
    static const char prefix[] = "sha256:";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    unsigned char *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);
    out[0] = '\0';
    if (len > 0 && EVP_Digest(spki, (size_t)len, digest, &digest_len, EVP_sha256(), NULL) == 1 &&
        sizeof prefix + base64_encoded_size(digest_len, BASE64_UNWRAPPED) <= cap) {
        memcpy(out, prefix, sizeof prefix - 1);
        size_t encoded = base64_encode((const char *)digest, digest_len, out + sizeof prefix - 1);
        out[sizeof prefix - 1 + encoded] = '\0';
    }
    OPENSSL_free(spki);
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
