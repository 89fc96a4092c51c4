/*
 * RFC 5802 3, with its names:
 *
 *     SaltedPassword  = Hi(Normalize(password), salt, i)       ClientKey = HMAC(SaltedPassword, "Client Key")
 *     ServerKey       = HMAC(SaltedPassword, "Server Key")     StoredKey = H(ClientKey)
 *     AuthMessage     = client-first-message-bare "," server-first-message "," client-final-message-without-proof
 *     ClientProof     = ClientKey XOR HMAC(StoredKey, AuthMessage)
 *     ServerSignature = HMAC(ServerKey, AuthMessage)
 *
 * Hi is PBKDF2. What the server must sign with is computed along with our proof, so that no key is kept.
 */
#include "smtp/auth_scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/random.h"
#include "fcgi_smtp/secret.h"
#include "smtp/auth_mechanism.h"
#include "smtp/auth_scram_message.h"
#include "smtp/saslprep.h"

#define MESSAGE_MAX    ((size_t)64 * 1024) /* octets of what is signed: three messages */
#define GS2_HEADER_MAX 32

/* A hash's output, or a key of its length. */
struct key {
    unsigned char octets[SCRAM_SIGNATURE_MAX];
};

static const EVP_MD *hash_of(const struct scram *scram)
{
    return scram->sha_256 ? EVP_sha256() : EVP_sha1();
}

static size_t hash_len(const struct scram *scram)
{
    return scram->sha_256 ? 32 : 20;
}

bool scram_init(struct scram *scram, bool sha_256, enum scram_flag flag, struct slice binding,
                struct err *why)
{
    memset(scram, 0, sizeof *scram);
    scram->sha_256 = sha_256;
    scram->flag = flag;
    if (flag == SCRAM_BOUND) {
        if (binding.len == 0 || binding.len > sizeof scram->binding) {
            err_set(why, "the connection has no channel binding");
            return false;
        }
        memcpy(scram->binding, binding.data, binding.len);
        scram->binding_len = binding.len;
    }
    if (!random_hex(scram->nonce, SCRAM_NONCE_LEN)) {
        err_set(why, "the system has no randomness to give");
        return false;
    }
    return true;
}

static bool prepare(struct buf *out, struct slice text, const char *what, struct err *why)
{
    struct err reason = {.text = ""};
    buf_init_secret(out, SASLPREP_OUT_MAX);
    if (saslprep(text, out, &reason) && out->len > 0) {
        return true;
    }
    err_set(why, "the %s %s", what,
            reason.text[0] != '\0' ? reason.text : "is empty once prepared by SASLprep");
    return false;
}

/* RFC 5802 5.1: both are prepared by SASLprep. */
bool scram_set_credentials(struct scram *scram, struct slice user, struct slice password, struct err *why)
{
    return prepare(&scram->user, user, "user", why) && prepare(&scram->password, password, "password", why);
}

void scram_free(struct scram *scram)
{
    buf_wipe(&scram->user);
    buf_wipe(&scram->password);
    secret_wipe(scram, sizeof *scram);
}

/* --- messages --- */

/* RFC 5802 7: gs2-header; we speak for nobody else, so there is no authzid. */
static const char *gs2_header(const struct scram *scram)
{
    switch (scram->flag) {
    case SCRAM_BOUND:
        return "p=tls-exporter,,";
    case SCRAM_COULD_BIND:
        return "y,,";
    default:
        return "n,,";
    }
}

static bool append_first_bare(const struct scram *scram, struct buf *out)
{
    return buf_append_string(out, "n=") && auth_append_saslname(out, buf_slice(&scram->user)) &&
           buf_append_string(out, ",r=") && buf_append_string(out, scram->nonce);
}

bool scram_first(const struct scram *scram, struct buf *out)
{
    return buf_append_string(out, gs2_header(scram)) && append_first_bare(scram, out);
}

static bool append_base64(struct buf *out, const void *octets, size_t len)
{
    char *to = buf_reserve(out, base64_encoded_size(len, BASE64_UNWRAPPED));
    if (to == NULL) {
        return false;
    }
    out->len += base64_encode(octets, len, to);
    return true;
}

/* "c=" base64(gs2-header and the channel's data) ",r=" nonce */
static bool append_without_proof(const struct scram *scram, struct slice nonce, struct buf *out)
{
    struct buf input;
    buf_init(&input, GS2_HEADER_MAX + SCRAM_BINDING_MAX);
    bool ok = buf_append_string(&input, gs2_header(scram)) &&
              buf_append(&input, scram->binding, scram->binding_len) && buf_append_string(out, "c=") &&
              append_base64(out, buf_cstr(&input), input.len) && buf_append_string(out, ",r=") &&
              buf_append_slice(out, nonce);
    buf_free(&input);
    return ok;
}

/* --- keys --- */

static bool hmac(const struct scram *scram, const struct key *key, struct slice text, struct key *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    bool ok = HMAC(hash_of(scram), key->octets, (int)hash_len(scram), (const unsigned char *)text.data,
                   text.len, digest, &len) != NULL &&
              len == hash_len(scram);
    if (ok) {
        memcpy(out->octets, digest, len);
    }
    secret_wipe(digest, sizeof digest);
    return ok;
}

static bool salt_password(const struct scram *scram, const struct scram_challenge *challenge, struct key *out)
{
    return PKCS5_PBKDF2_HMAC(scram->password.data, (int)scram->password.len,
                             (const unsigned char *)challenge->salt, (int)challenge->salt_len,
                             challenge->iterations, hash_of(scram), (int)hash_len(scram), out->octets) == 1;
}

static bool hash_key(const struct scram *scram, const struct key *key, struct key *out)
{
    return EVP_Digest(key->octets, hash_len(scram), out->octets, NULL, hash_of(scram), NULL) == 1;
}

/* Keeps the server's signature and gives our proof. */
static bool sign(struct scram *scram, const struct scram_challenge *challenge, struct slice auth_message,
                 struct key *proof)
{
    struct {
        struct key salted;
        struct key client;
        struct key stored;
        struct key server;
        struct key signature;
    } k;
    bool ok = salt_password(scram, challenge, &k.salted) &&
              hmac(scram, &k.salted, SLICE("Client Key"), &k.client) &&
              hash_key(scram, &k.client, &k.stored) && hmac(scram, &k.stored, auth_message, proof) &&
              hmac(scram, &k.salted, SLICE("Server Key"), &k.server) &&
              hmac(scram, &k.server, auth_message, &k.signature);
    for (size_t i = 0; ok && i < hash_len(scram); i++) {
        proof->octets[i] ^= k.client.octets[i];
    }
    if (ok) {
        memcpy(scram->signature, k.signature.octets, hash_len(scram));
    }
    secret_wipe(&k, sizeof k);
    return ok;
}

static bool append_auth_message(const struct scram *scram, struct slice server_first,
                                struct slice without_proof, struct buf *out)
{
    return append_first_bare(scram, out) && buf_append_char(out, ',') &&
           buf_append_slice(out, server_first) && buf_append_char(out, ',') &&
           buf_append_slice(out, without_proof);
}

static bool append_final(struct scram *scram, const struct scram_challenge *challenge,
                         struct slice server_first, struct buf *out)
{
    struct buf message;
    struct key proof;
    buf_init(&message, MESSAGE_MAX);
    bool ok = append_without_proof(scram, challenge->nonce, out) &&
              append_auth_message(scram, server_first, buf_slice(out), &message) &&
              sign(scram, challenge, buf_slice(&message), &proof) && buf_append_string(out, ",p=") &&
              append_base64(out, proof.octets, hash_len(scram));
    secret_wipe(&proof, sizeof proof);
    buf_free(&message);
    return ok;
}

enum scram_result scram_final(struct scram *scram, struct slice server_first, struct buf *out,
                              struct err *why)
{
    struct scram_challenge challenge = {.salt_len = 0};
    enum scram_result result = scram_parse_first(server_first, slice_of(scram->nonce), &challenge, why);
    if (result == SCRAM_OK && !append_final(scram, &challenge, server_first, out)) {
        err_set(why, "the proof cannot be computed: no memory, or OpenSSL refuses");
        return SCRAM_FAILURE;
    }
    return result;
}

enum scram_result scram_verify(const struct scram *scram, struct slice server_final, struct err *why)
{
    struct key signature;
    enum scram_result result = scram_parse_final(server_final, signature.octets, hash_len(scram), why);
    if (result == SCRAM_OK && CRYPTO_memcmp(signature.octets, scram->signature, hash_len(scram)) != 0) {
        err_set(why, "the server's signature is wrong: it does not know the password");
        return SCRAM_DISTRUSTED;
    }
    return result;
}
