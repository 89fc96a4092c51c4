/*
 * A mechanism is a row: its name, its capability bit, and a function that gives the n-th response. Both here
 * send the password as it is, so the rule about clear text stands in auth_begin, before anything is sent.
 */
#include "smtp/auth.h"

#include <string.h>

#include "fcgi_smtp/base64.h"

struct auth_mechanism {
    const char *name;
    unsigned capability;
    enum smtp_auth setting; /* which value of `auth` names it */
    bool initial;           /* its first response needs no challenge (RFC 4954 4) */
    unsigned responses;
    bool (*respond)(const struct auth *auth, struct buf *out);
};

/* RFC 4616 2: [authzid] NUL authcid NUL passwd */
static bool plain_respond(const struct auth *auth, struct buf *out)
{
    return buf_append_char(out, '\0') && buf_append_string(out, auth->user) && buf_append_char(out, '\0') &&
           buf_append(out, auth->password->data, auth->password->len);
}

/* draft-murchison-sasl-login: the user name, then the password, whatever the prompts say. */
static bool login_respond(const struct auth *auth, struct buf *out)
{
    return auth->answered == 0 ? buf_append_string(out, auth->user)
                               : buf_append(out, auth->password->data, auth->password->len);
}

/* The strongest first. LOGIN's initial response is not standard, and some servers fail on it. */
static const struct auth_mechanism mechanisms[] = {
    {"PLAIN", CAPABILITY_AUTH_PLAIN, SMTP_AUTH_PLAIN, true, 1, plain_respond},
    {"LOGIN", CAPABILITY_AUTH_LOGIN, SMTP_AUTH_LOGIN, false, 2, login_respond},
};

static const struct auth_mechanism *choose(enum smtp_auth setting, unsigned offered)
{
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        bool wanted = setting == SMTP_AUTH_AUTO || setting == mechanisms[i].setting;
        if (wanted && (offered & mechanisms[i].capability) != 0) {
            return &mechanisms[i];
        }
    }
    return NULL;
}

bool auth_begin(struct auth *auth, const struct smtp_settings *settings,
                const struct capabilities *capabilities, bool confidential, const char *host, struct err *why)
{
    *auth = (struct auth){.user = settings->user, .password = &settings->password};
    if (capabilities->auth_offered[0] == '\0') {
        err_set(why, "%s offers no authentication", host);
        return false;
    }
    auth->mechanism = choose(settings->auth, capabilities->auth);
    if (auth->mechanism == NULL) {
        err_set(why, "%s offers no mechanism of authentication that can be used here, but %s", host,
                capabilities->auth_offered);
        return false;
    }
    if (!confidential) {
        err_set(why, "AUTH %s would show the password to the network: %s is connected without TLS",
                auth->mechanism->name, host);
        return false;
    }
    return true;
}

const char *auth_name(const struct auth *auth)
{
    return auth->mechanism->name;
}

bool auth_has_initial(const struct auth *auth)
{
    return auth->mechanism->initial;
}

/* No mechanism here can carry a NUL (RFC 4616 2). */
static bool password_valid(const struct secret *password)
{
    return password->len > 0 && memchr(password->data, '\0', password->len) == NULL;
}

/* Encodes the n-th response. Room is made once, so that no copy stays behind in memory that was given back.
 */
static bool encode_response(const struct auth *auth, struct buf *response, struct buf *out)
{
    if (!auth->mechanism->respond(auth, response)) {
        return false;
    }
    char *to = buf_reserve(out, base64_encoded_size(response->len, BASE64_UNWRAPPED));
    if (to == NULL) {
        return false;
    }
    out->len += base64_encode(response->data, response->len, to);
    return true;
}

enum auth_result auth_respond(struct auth *auth, struct buf *out)
{
    if (auth->answered >= auth->mechanism->responses) {
        return AUTH_UNEXPECTED;
    }
    size_t most = 2 + strlen(auth->user) + auth->password->len;
    if (!password_valid(auth->password) || base64_encoded_size(most, BASE64_UNWRAPPED) > AUTH_RESPONSE_MAX) {
        return AUTH_UNUSABLE;
    }
    struct buf response;
    buf_init(&response, most);
    bool ok = buf_reserve(&response, most) != NULL && encode_response(auth, &response, out);
    buf_wipe(&response);
    auth->answered++;
    return ok ? AUTH_RESPONSE : AUTH_UNUSABLE;
}
