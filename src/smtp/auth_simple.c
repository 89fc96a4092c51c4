/*
 * The mechanisms that need no state but the number of responses given: PLAIN, LOGIN, CRAM-MD5, EXTERNAL.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "smtp/auth_mechanism.h"

#define MD5_LEN 16

static bool append_password(const struct auth *auth, struct buf *out)
{
    return buf_append(out, auth->password->data, auth->password->len);
}

/* RFC 4616 2: [authzid] NUL authcid NUL passwd */
enum auth_result auth_step_plain(struct auth *auth, struct slice challenge, struct buf *out, struct err *why)
{
    (void)challenge;
    if (auth->answered > 0) {
        return AUTH_UNEXPECTED;
    }
    auth->complete = true;
    bool ok = buf_append_char(out, '\0') && buf_append_string(out, auth->user) &&
              buf_append_char(out, '\0') && append_password(auth, out);
    return ok ? AUTH_RESPONSE : auth_no_memory(why);
}

/* draft-murchison-sasl-login: the user name, then the password, whatever the prompts say. */
enum auth_result auth_step_login(struct auth *auth, struct slice challenge, struct buf *out, struct err *why)
{
    (void)challenge;
    if (auth->answered > 1) {
        return AUTH_UNEXPECTED;
    }
    auth->complete = auth->answered == 1;
    bool ok = auth->answered == 0 ? buf_append_string(out, auth->user) : append_password(auth, out);
    return ok ? AUTH_RESPONSE : auth_no_memory(why);
}

/* RFC 4422 A.1: the authorization identity, which may be empty; who we are is known from elsewhere. */
enum auth_result auth_step_external(struct auth *auth, struct slice challenge, struct buf *out,
                                    struct err *why)
{
    (void)challenge;
    if (auth->answered > 0) {
        return AUTH_UNEXPECTED;
    }
    auth->complete = true;
    return buf_append_string(out, auth->user) ? AUTH_RESPONSE : auth_no_memory(why);
}

static bool append_hex(struct buf *out, const unsigned char *octets, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    bool ok = true;
    for (size_t i = 0; i < len; i++) {
        ok = ok && buf_append_char(out, digits[octets[i] >> 4]) &&
             buf_append_char(out, digits[octets[i] & 15]);
    }
    return ok;
}

/* RFC 2195 2: user SP, and in hexadecimal the HMAC-MD5 of the challenge under the password. */
enum auth_result auth_step_cram_md5(struct auth *auth, struct slice challenge, struct buf *out,
                                    struct err *why)
{
    if (auth->answered > 0) {
        return AUTH_UNEXPECTED;
    }
    if (challenge.len == 0) {
        /* An answer to nothing would be good for ever: whoever hears it can log in. */
        err_set(why, "an empty challenge");
        return AUTH_BROKEN;
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (HMAC(EVP_md5(), auth->password->data, (int)auth->password->len, (const unsigned char *)challenge.data,
             challenge.len, digest, &len) == NULL ||
        len != MD5_LEN) {
        err_set(why, "OpenSSL does not offer MD5 here");
        return AUTH_LOCAL_FAILURE;
    }
    auth->complete = true;
    bool ok = buf_append_string(out, auth->user) && buf_append_char(out, ' ') && append_hex(out, digest, len);
    secret_wipe(digest, sizeof digest);
    return ok ? AUTH_RESPONSE : auth_no_memory(why);
}
