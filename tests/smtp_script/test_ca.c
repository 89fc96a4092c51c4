/*
 * One table says what each certificate is like. Keys are P-256: made in no time. OpenSSL's errors are not
 * told apart: a test cannot go on without its certificates.
 */
#include "test_ca.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DAY 86400L

enum issuer { ISSUER_CA, ISSUER_UNKNOWN, ISSUER_INTERMEDIATE, ISSUER_SELF };

struct leaf {
    const char *name;
    const char *common_name;
    const char *alternative; /* subjectAltName; NULL: none */
    enum issuer issuer;
    long begins; /* seconds from now */
    long ends;
    bool chain;  /* with the intermediate CA behind it */
    bool client; /* for clients, not for servers */
};

#define HERE "DNS:localhost,IP:127.0.0.1,IP:::1"

static const struct leaf leaves[] = {
    {.name = "valid", .common_name = "localhost", .alternative = HERE, .begins = -DAY, .ends = DAY},
    {.name = "other", .common_name = "localhost", .alternative = HERE, .begins = -DAY, .ends = DAY},
    {.name = "wrong-name",
     .common_name = "localhost",
     .alternative = "DNS:elsewhere.test",
     .begins = -DAY,
     .ends = DAY},
    {.name = "wildcard",
     .common_name = "wildcard",
     .alternative = "DNS:*.example.test",
     .begins = -DAY,
     .ends = DAY},
    {.name = "ip-only", .common_name = "ip", .alternative = "IP:127.0.0.1", .begins = -DAY, .ends = DAY},
    {.name = "dns-only", .common_name = "dns", .alternative = "DNS:localhost", .begins = -DAY, .ends = DAY},
    {.name = "expired", .common_name = "localhost", .alternative = HERE, .begins = -2 * DAY, .ends = -DAY},
    {.name = "not-yet-valid",
     .common_name = "localhost",
     .alternative = HERE,
     .begins = DAY,
     .ends = 2 * DAY},
    {.name = "self-signed",
     .common_name = "localhost",
     .alternative = HERE,
     .issuer = ISSUER_SELF,
     .begins = -DAY,
     .ends = DAY},
    {.name = "unknown-issuer",
     .common_name = "localhost",
     .alternative = HERE,
     .issuer = ISSUER_UNKNOWN,
     .begins = -DAY,
     .ends = DAY},
    {.name = "common-name", .common_name = "localhost", .begins = -DAY, .ends = DAY},
    {.name = "intermediate",
     .common_name = "localhost",
     .alternative = HERE,
     .issuer = ISSUER_INTERMEDIATE,
     .begins = -DAY,
     .ends = DAY,
     .chain = true},
    {.name = "no-chain",
     .common_name = "localhost",
     .alternative = HERE,
     .issuer = ISSUER_INTERMEDIATE,
     .begins = -DAY,
     .ends = DAY},
    {.name = "client", .common_name = "client.example", .begins = -DAY, .ends = DAY, .client = true},
};

enum { LEAF_COUNT = sizeof leaves / sizeof leaves[0] };

/* A certificate with its key. */
struct identity {
    X509 *certificate;
    EVP_PKEY *key;
};

static void identity_free(struct identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
    *identity = (struct identity){0};
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool set_serial(X509 *certificate)
{
    unsigned char octets[8];
    BIGNUM *number = NULL;
    bool set = RAND_bytes(octets, sizeof octets) == 1 &&
               (number = BN_bin2bn(octets, sizeof octets, NULL)) != NULL &&
               BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return set;
}

static bool set_names(X509 *certificate, const char *common_name, X509 *issuer)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"fcgi-smtp tests", -1,
                                      -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1;
}

/* Names, key and times; issuer NULL: itself. */
static bool begin(struct identity *identity, const char *common_name, const struct identity *issuer,
                  long begins, long ends)
{
    identity->key = EVP_EC_gen("P-256");
    identity->certificate = X509_new();
    X509 *certificate = identity->certificate;
    if (identity->key == NULL || certificate == NULL) {
        return false;
    }
    return X509_set_version(certificate, 2) == 1 && set_serial(certificate) &&
           set_names(certificate, common_name, issuer == NULL ? certificate : issuer->certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), begins) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), ends) != NULL &&
           X509_set_pubkey(certificate, identity->key) == 1;
}

static bool sign(struct identity *identity, const struct identity *issuer)
{
    X509 *by = issuer == NULL ? identity->certificate : issuer->certificate;
    EVP_PKEY *key = issuer == NULL ? identity->key : issuer->key;
    return add_extension(identity->certificate, by, NID_subject_key_identifier, "hash") &&
           add_extension(identity->certificate, by, NID_authority_key_identifier, "keyid") &&
           X509_sign(identity->certificate, key, EVP_sha256()) != 0;
}

static bool make_authority(struct identity *identity, const char *common_name, const struct identity *issuer)
{
    return begin(identity, common_name, issuer, -10 * DAY, 10 * DAY) &&
           add_extension(identity->certificate, identity->certificate, NID_basic_constraints,
                         "critical,CA:TRUE") &&
           add_extension(identity->certificate, identity->certificate, NID_key_usage,
                         "critical,keyCertSign,cRLSign") &&
           sign(identity, issuer);
}

static bool make_leaf(struct identity *identity, const struct leaf *leaf, const struct identity *issuer)
{
    if (!begin(identity, leaf->common_name, issuer, leaf->begins, leaf->ends)) {
        return false;
    }
    X509 *certificate = identity->certificate;
    if (leaf->alternative != NULL &&
        !add_extension(certificate, certificate, NID_subject_alt_name, leaf->alternative)) {
        return false;
    }
    return add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, certificate, NID_ext_key_usage,
                         leaf->client ? "clientAuth" : "serverAuth") &&
           sign(identity, issuer);
}

static FILE *open_file(const char *directory, const char *name, const char *suffix)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%s", directory, name, suffix);
    return fopen(path, "we");
}

static bool write_certificate(const char *directory, const char *name, X509 *certificate, X509 *behind)
{
    FILE *file = open_file(directory, name, ".pem");
    if (file == NULL) {
        return false;
    }
    bool written =
        PEM_write_X509(file, certificate) == 1 && (behind == NULL || PEM_write_X509(file, behind) == 1);
    return fclose(file) == 0 && written;
}

static bool write_key(const char *directory, const char *name, EVP_PKEY *key)
{
    FILE *file = open_file(directory, name, ".key");
    if (file == NULL) {
        return false;
    }
    bool written = PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
    return fclose(file) == 0 && written;
}

static bool write_leaf(const char *directory, const struct leaf *leaf, const struct identity *authorities)
{
    struct identity identity = {0};
    const struct identity *issuer = leaf->issuer == ISSUER_SELF ? NULL : &authorities[leaf->issuer];
    X509 *behind = leaf->chain ? authorities[ISSUER_INTERMEDIATE].certificate : NULL;
    bool good = make_leaf(&identity, leaf, issuer) &&
                write_certificate(directory, leaf->name, identity.certificate, behind) &&
                write_key(directory, leaf->name, identity.key);
    identity_free(&identity);
    return good;
}

bool test_ca_write(const char *directory)
{
    struct identity authorities[3] = {0};
    bool good =
        make_authority(&authorities[ISSUER_CA], "Test CA", NULL) &&
        make_authority(&authorities[ISSUER_UNKNOWN], "Unknown CA", NULL) &&
        make_authority(&authorities[ISSUER_INTERMEDIATE], "Intermediate CA", &authorities[ISSUER_CA]) &&
        write_certificate(directory, "ca", authorities[ISSUER_CA].certificate, NULL) &&
        write_key(directory, "ca", authorities[ISSUER_CA].key) &&
        write_certificate(directory, "unknown-ca", authorities[ISSUER_UNKNOWN].certificate, NULL);
    for (size_t i = 0; i < LEAF_COUNT && good; i++) {
        good = write_leaf(directory, &leaves[i], authorities);
    }
    for (size_t i = 0; i < sizeof authorities / sizeof authorities[0]; i++) {
        identity_free(&authorities[i]);
    }
    if (!good) {
        fprintf(stderr, "the test certificates could not be written to %s\n", directory);
        ERR_print_errors_fp(stderr);
    }
    return good;
}

static void remove_file(const char *directory, const char *name, const char *suffix)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%s", directory, name, suffix);
    unlink(path);
}

void test_ca_remove(const char *directory)
{
    remove_file(directory, "ca", ".pem");
    remove_file(directory, "ca", ".key");
    remove_file(directory, "unknown-ca", ".pem");
    for (size_t i = 0; i < LEAF_COUNT; i++) {
        remove_file(directory, leaves[i].name, ".pem");
        remove_file(directory, leaves[i].name, ".key");
    }
    rmdir(directory);
}
