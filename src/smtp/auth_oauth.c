/*
 * Tokens (RFC 6750) over SASL: OAUTHBEARER (RFC 7628) and XOAUTH2, which it grew out of.
 *
 * A token that the server does not like is answered by a challenge with a JSON object that says why. Only after one more
 * response does the server end the exchange with its 535: so the object is kept for the error, as it is.
 */
#include "smtp/auth_mechanism.h"

/* Octets of the server's JSON that an error shows. */
#define COMPLAINT_MAX 400

static bool graphic(struct slice text)
{
    bool good = true;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        good = good && c > 0x20 && c < 0x7f;
    }
    return good;
}

/* %x01 ends each part (RFC 7628 3.1), so it can be in none of them. */
bool auth_prepare_token(struct auth *auth, const struct auth_terms *terms, struct err *why)
{
    (void)terms;
    struct slice user = slice_of(auth->user);
    if (slice_has(user, '\x01')) {
        err_set(why, "the user holds a control character");
        return false;
    }
    if (!graphic((struct slice){auth->password->data, auth->password->len})) {
        err_set(why, "the token holds characters that no token has (RFC 6750 2.1)");
        return false;
    }
    return true;
}

static bool append_token(const struct auth *auth, struct buf *out)
{
    return buf_append_string(out, "auth=Bearer ") &&
           buf_append(out, auth->password->data, auth->password->len) && buf_append_string(out, "\x01\x01");
}

/* The response to the server's error is a dummy: it only ends the exchange. */
static enum auth_result end_exchange(struct auth *auth, struct slice challenge, const char *dummy,
                                     struct buf *out, struct err *why)
{
    if (auth->answered > 1) {
        return AUTH_UNEXPECTED;
    }
    auth->complete = false;
    int len = challenge.len < COMPLAINT_MAX ? (int)challenge.len : COMPLAINT_MAX;
    err_set(&auth->complaint, "%.*s%s", len, challenge.data != NULL ? challenge.data : "",
            challenge.len > COMPLAINT_MAX ? "..." : "");
    return buf_append_string(out, dummy) ? AUTH_RESPONSE : auth_no_memory(why);
}

/* developers.google.com/gmail/imap/xoauth2-protocol; the dummy is empty. */
enum auth_result auth_step_xoauth2(struct auth *auth, struct slice challenge, struct buf *out,
                                   struct err *why)
{
    if (auth->answered > 0) {
        return end_exchange(auth, challenge, "", out, why);
    }
    auth->complete = true;
    bool ok = buf_append_string(out, "user=") && buf_append_string(out, auth->user) &&
              buf_append_char(out, '\x01') && append_token(auth, out);
    return ok ? AUTH_RESPONSE : auth_no_memory(why);
}

/* RFC 7628 3.1: the GS2 header with the authorization identity, if there is one. */
static bool append_header(const struct auth *auth, struct buf *out)
{
    struct slice user = slice_of(auth->user);
    return buf_append_string(out, "n,") &&
           (user.len == 0 || (buf_append_string(out, "a=") && auth_append_saslname(out, user))) &&
           buf_append_string(out, ",\x01");
}

/* A unix socket has no port, and its path is nobody's host. */
static bool append_server(const struct smtp_settings *settings, struct buf *out)
{
    return settings->port == 0 ||
           buf_printf(out, "host=%s\x01port=%u\x01", settings->host, (unsigned)settings->port);
}

/* RFC 7628 3.1; the dummy is %x01 (3.2.3). */
enum auth_result auth_step_oauthbearer(struct auth *auth, struct slice challenge, struct buf *out,
                                       struct err *why)
{
    if (auth->answered > 0) {
        return end_exchange(auth, challenge, "\x01", out, why);
    }
    auth->complete = true;
    bool ok = append_header(auth, out) && append_server(auth->settings, out) && append_token(auth, out);
    return ok ? AUTH_RESPONSE : auth_no_memory(why);
}
