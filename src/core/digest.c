/*
 * OpenSSL does the work. A failure within is remembered and told at the end, so that a long run of additions needs one
 * check only.
 */
#include "fcgi_smtp/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>

void digest_begin(struct digest *digest)
{
    EVP_MD_CTX *state = EVP_MD_CTX_new();
    *digest = (struct digest){.state = state};
    digest->failed = state == NULL || EVP_DigestInit_ex(state, EVP_sha256(), NULL) != 1;
}

void digest_add(struct digest *digest, const void *octets, size_t len)
{
    if (!digest->failed && len > 0) {
        digest->failed = EVP_DigestUpdate(digest->state, octets, len) != 1;
    }
}

void digest_add_slice(struct digest *digest, struct slice slice)
{
    unsigned char len[8];
    for (size_t i = 0; i < sizeof len; i++) {
        len[i] = (unsigned char)((uint64_t)slice.len >> (8 * i));
    }
    digest_add(digest, len, sizeof len);
    digest_add(digest, slice.data, slice.len);
}

bool digest_end(struct digest *digest, unsigned char out[DIGEST_SIZE])
{
    bool good = !digest->failed && EVP_DigestFinal_ex(digest->state, out, NULL) == 1;
    if (!good) {
        memset(out, 0, DIGEST_SIZE);
    }
    EVP_MD_CTX_free(digest->state); /* wipes it; takes NULL */
    *digest = (struct digest){.failed = true};
    return good;
}

bool digest_of(struct slice content, unsigned char out[DIGEST_SIZE])
{
    struct digest digest;
    digest_begin(&digest);
    digest_add(&digest, content.data, content.len);
    return digest_end(&digest, out);
}

bool digest_equal(const unsigned char a[DIGEST_SIZE], const unsigned char b[DIGEST_SIZE])
{
    return CRYPTO_memcmp(a, b, DIGEST_SIZE) == 0;
}

bool digest_from_hex(struct slice text, unsigned char out[DIGEST_SIZE])
{
    if (text.len != DIGEST_HEX_SIZE) {
        return false;
    }
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        int octet = ascii_hex_octet(text.data + 2 * i);
        if (octet < 0) {
            return false;
        }
        out[i] = (unsigned char)octet;
    }
    return true;
}

void digest_to_hex(const unsigned char digest[DIGEST_SIZE], char out[DIGEST_HEX_SIZE + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 0x0F];
    }
    out[DIGEST_HEX_SIZE] = '\0';
}
