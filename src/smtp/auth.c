/*
 * A mechanism is a row: its name, what it is like, and functions of octets. The order of `auto` and the rule
 * about clear text stand here alone, before anything is sent.
 */
#include "smtp/auth.h"

#include <string.h>

#include "fcgi_smtp/base64.h"
#include "smtp/auth_mechanism.h"

/* What a mechanism is like. */
enum {
    INITIAL = 1,    /* its first response needs no challenge (RFC 4954 4) */
    SHOWS = 2,      /* sends the secret as it is */
    BINDS = 4,      /* to the TLS channel */
    DEAF = 8,       /* its challenges carry nothing that a client needs, whatever they say */
    NO_SECRET = 16, /* needs none */
    NO_USER = 32    /* may do without */
};

struct auth_mechanism {
    const char *name;
    unsigned traits;
    auth_prepare *prepare; /* NULL: nothing to do */
    auth_step *step;
};

/* LOGIN's initial response is not standard, and some servers fail on it. */
static const struct auth_mechanism mechanisms[] = {
    [SMTP_AUTH_PLAIN] = {"PLAIN", INITIAL | SHOWS | DEAF, NULL, auth_step_plain},
    [SMTP_AUTH_LOGIN] = {"LOGIN", SHOWS | DEAF, NULL, auth_step_login},
    [SMTP_AUTH_CRAM_MD5] = {"CRAM-MD5", 0, NULL, auth_step_cram_md5},
    [SMTP_AUTH_SCRAM_SHA_1] = {"SCRAM-SHA-1", INITIAL, auth_prepare_scram_sha_1, auth_step_scram},
    [SMTP_AUTH_SCRAM_SHA_256] = {"SCRAM-SHA-256", INITIAL, auth_prepare_scram_sha_256, auth_step_scram},
    [SMTP_AUTH_SCRAM_SHA_1_PLUS] = {"SCRAM-SHA-1-PLUS", INITIAL | BINDS, auth_prepare_scram_sha_1_plus,
                                    auth_step_scram},
    [SMTP_AUTH_SCRAM_SHA_256_PLUS] = {"SCRAM-SHA-256-PLUS", INITIAL | BINDS, auth_prepare_scram_sha_256_plus,
                                      auth_step_scram},
    [SMTP_AUTH_XOAUTH2] = {"XOAUTH2", INITIAL | SHOWS, auth_prepare_token, auth_step_xoauth2},
    [SMTP_AUTH_OAUTHBEARER] = {"OAUTHBEARER", INITIAL | SHOWS | NO_USER, auth_prepare_token,
                               auth_step_oauthbearer},
    [SMTP_AUTH_EXTERNAL] = {"EXTERNAL", INITIAL | NO_SECRET | NO_USER, NULL, auth_step_external},
};

#define MECHANISMS (sizeof mechanisms / sizeof mechanisms[0])

/* `auto`, the strongest first. Tokens and EXTERNAL are taken only when named. */
static const enum smtp_auth under_tls[] = {SMTP_AUTH_SCRAM_SHA_256_PLUS,
                                           SMTP_AUTH_SCRAM_SHA_1_PLUS,
                                           SMTP_AUTH_SCRAM_SHA_256,
                                           SMTP_AUTH_SCRAM_SHA_1,
                                           SMTP_AUTH_PLAIN,
                                           SMTP_AUTH_LOGIN,
                                           SMTP_AUTH_CRAM_MD5};
static const enum smtp_auth in_clear[] = {SMTP_AUTH_SCRAM_SHA_256, SMTP_AUTH_SCRAM_SHA_1, SMTP_AUTH_CRAM_MD5,
                                          SMTP_AUTH_PLAIN, SMTP_AUTH_LOGIN};

bool auth_by_name(struct slice name, enum smtp_auth *mechanism)
{
    for (size_t i = SMTP_AUTH_AUTO + 1; i < MECHANISMS; i++) {
        if (slice_equal_nocase(name, slice_of(mechanisms[i].name))) {
            *mechanism = (enum smtp_auth)i;
            return true;
        }
    }
    return false;
}

/* --- the choice --- */

static bool offered(const struct auth_terms *terms, enum smtp_auth which)
{
    return (terms->capabilities->auth & CAPABILITY_AUTH(which)) != 0;
}

static const struct auth_mechanism *choose_strongest(const struct auth_terms *terms, struct err *why)
{
    const enum smtp_auth *order = terms->encrypted ? under_tls : in_clear;
    size_t count =
        terms->encrypted ? sizeof under_tls / sizeof under_tls[0] : sizeof in_clear / sizeof in_clear[0];
    for (size_t i = 0; i < count; i++) {
        const struct auth_mechanism *mechanism = &mechanisms[order[i]];
        bool possible = (mechanism->traits & BINDS) == 0 || terms->binding.len > 0;
        if (possible && offered(terms, order[i])) {
            return mechanism;
        }
    }
    err_set(why, "%s offers no mechanism of authentication that can be used here, but %s", terms->server,
            terms->capabilities->auth_offered);
    return NULL;
}

static const struct auth_mechanism *choose_named(const struct auth_terms *terms, struct err *why)
{
    const struct auth_mechanism *mechanism = &mechanisms[terms->settings->auth];
    if (!offered(terms, terms->settings->auth)) {
        err_set(why, "%s does not offer AUTH %s, which the configuration asks for, but %s", terms->server,
                mechanism->name, terms->capabilities->auth_offered);
        return NULL;
    }
    if ((mechanism->traits & BINDS) != 0 && terms->binding.len == 0) {
        err_set(why, "AUTH %s is bound to the channel of TLS 1.3, which the connection to %s does not have",
                mechanism->name, terms->server);
        return NULL;
    }
    return mechanism;
}

static const struct auth_mechanism *choose(const struct auth_terms *terms, enum smtp_cause *cause,
                                           struct err *why)
{
    *cause = SMTP_CAUSE_NO_MECHANISM;
    if (terms->capabilities->auth_offered[0] == '\0') {
        err_set(why, "%s offers no authentication", terms->server);
        return NULL;
    }
    const struct auth_mechanism *mechanism =
        terms->settings->auth == SMTP_AUTH_AUTO ? choose_strongest(terms, why) : choose_named(terms, why);
    if (mechanism != NULL && (mechanism->traits & SHOWS) != 0 && !terms->confidential) {
        *cause = SMTP_CAUSE_CLEAR_TEXT;
        err_set(why, "AUTH %s would show the password to the network: %s is connected without TLS",
                mechanism->name, terms->server);
        return NULL;
    }
    return mechanism;
}

/* No mechanism here can carry a NUL (RFC 4616 2). */
static bool credentials_valid(const struct auth *auth)
{
    const struct secret *password = auth->password;
    bool secret = (auth->mechanism->traits & NO_SECRET) != 0 ||
                  (password->len > 0 && memchr(password->data, '\0', password->len) == NULL);
    bool user = (auth->mechanism->traits & NO_USER) != 0 || auth->user[0] != '\0';
    return secret && user && strlen(auth->user) <= AUTH_USER_MAX;
}

bool auth_begin(struct auth *auth, const struct auth_terms *terms, struct err *why)
{
    const char *user = terms->settings->user;
    *auth = (struct auth){
        .settings = terms->settings, .password = terms->password, .user = user != NULL ? user : ""};
    auth->mechanism = choose(terms, &auth->cause, why);
    if (auth->mechanism == NULL) {
        return false;
    }
    auth->cause = SMTP_CAUSE_PASSWORD;
    if (!credentials_valid(auth)) {
        err_set(why, "the user or password for %s is empty, too long or holds a NUL", terms->server);
        return false;
    }
    struct err reason = {.text = ""};
    if (auth->mechanism->prepare != NULL && !auth->mechanism->prepare(auth, terms, &reason)) {
        err_set(why, "AUTH %s with %s: %s", auth->mechanism->name, terms->server, reason.text);
        auth_end(auth);
        return false;
    }
    return true;
}

void auth_end(struct auth *auth)
{
    scram_free(&auth->scram);
}

bool auth_wanted(const struct smtp_settings *settings)
{
    return settings->user != NULL || settings->auth == SMTP_AUTH_EXTERNAL;
}

const char *auth_name(const struct auth *auth)
{
    return auth->mechanism->name;
}

bool auth_has_initial(const struct auth *auth)
{
    return (auth->mechanism->traits & INITIAL) != 0;
}

/* --- responses --- */

enum auth_result auth_no_memory(struct err *why)
{
    err_set(why, "out of memory");
    return AUTH_LOCAL_FAILURE;
}

bool auth_append_saslname(struct buf *out, struct slice name)
{
    bool ok = true;
    for (size_t i = 0; ok && i < name.len; i++) {
        const char *escaped = name.data[i] == '=' ? "=3D" : name.data[i] == ',' ? "=2C" : NULL;
        ok = escaped != NULL ? buf_append_string(out, escaped) : buf_append_char(out, name.data[i]);
    }
    return ok;
}

/* Room is made once, so that no copy stays behind in memory that was given back. */
static bool encode(struct slice response, struct buf *out)
{
    char *to = buf_reserve(out, base64_encoded_size(response.len, BASE64_UNWRAPPED));
    if (to == NULL) {
        return false;
    }
    out->len += base64_encode(response.data, response.len, to);
    return true;
}

static enum auth_result answer(struct auth *auth, struct slice challenge, struct buf *out, struct err *why)
{
    struct buf response;
    buf_init_secret(&response, AUTH_RESPONSE_MAX);
    enum auth_result result = auth->mechanism->step(auth, challenge, &response, why);
    if (result == AUTH_RESPONSE && !encode(buf_slice(&response), out)) {
        result = auth_no_memory(why);
    }
    buf_wipe(&response);
    auth->answered++;
    return result;
}

/* RFC 4954 4: a challenge is base64 and nothing else. */
static enum auth_result decode(struct slice challenge, struct buf *decoded, struct err *why)
{
    if (challenge.len > AUTH_CHALLENGE_MAX) {
        err_set(why, "a challenge of %zu octets", challenge.len);
        return AUTH_BROKEN;
    }
    char *to = buf_reserve(decoded, BASE64_DECODER_UPDATE_MAX(challenge.len));
    if (to == NULL) {
        return auth_no_memory(why);
    }
    size_t len = 0;
    if (!base64_decode(challenge.data, challenge.len, to, &len)) {
        err_set(why, "a challenge that is not base64");
        return AUTH_BROKEN;
    }
    decoded->len += len;
    return AUTH_RESPONSE;
}

enum auth_result auth_respond(struct auth *auth, struct slice challenge, struct buf *out, struct err *why)
{
    if ((auth->mechanism->traits & DEAF) != 0 || challenge.len == 0) {
        return answer(auth, SLICE(""), out, why);
    }
    struct buf decoded;
    buf_init(&decoded, BASE64_DECODER_UPDATE_MAX(AUTH_CHALLENGE_MAX));
    enum auth_result result = decode(challenge, &decoded, why);
    if (result == AUTH_RESPONSE) {
        result = answer(auth, buf_slice(&decoded), out, why);
    }
    buf_free(&decoded);
    return result;
}

bool auth_believes(const struct auth *auth, struct err *why)
{
    if (!auth->complete) {
        err_set(why, "claims success without the proof that AUTH %s asks of it", auth->mechanism->name);
    }
    return auth->complete;
}
