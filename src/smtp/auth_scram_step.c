/*
 * SCRAM as a mechanism: which GS2 flag is to be said, and the order of its messages.
 */
#include <string.h>

#include "smtp/auth_mechanism.h"

static bool binding_offered(const struct capabilities *capabilities)
{
    return (capabilities->auth & (CAPABILITY_AUTH(SMTP_AUTH_SCRAM_SHA_1_PLUS) |
                                  CAPABILITY_AUTH(SMTP_AUTH_SCRAM_SHA_256_PLUS))) != 0;
}

/*
 * RFC 5802 6: "y" tells a server that does offer channel binding that somebody has taken the offer out of what
 * we heard. Where we heard it, and the configuration named a mechanism without, it is "n".
 */
static enum scram_flag flag_of(const struct auth_terms *terms, bool bound)
{
    if (bound) {
        return SCRAM_BOUND;
    }
    bool could = terms->binding.len > 0 && !binding_offered(terms->capabilities);
    return could ? SCRAM_COULD_BIND : SCRAM_NOT_BOUND;
}

static bool prepare(struct auth *auth, const struct auth_terms *terms, bool sha_256, bool bound,
                    struct err *why)
{
    struct slice password = {auth->password->data, auth->password->len};
    return scram_init(&auth->scram, sha_256, flag_of(terms, bound), terms->binding, why) &&
           scram_set_credentials(&auth->scram, slice_of(auth->user), password, why);
}

bool auth_prepare_scram_sha_1(struct auth *auth, const struct auth_terms *terms, struct err *why)
{
    return prepare(auth, terms, false, false, why);
}

bool auth_prepare_scram_sha_256(struct auth *auth, const struct auth_terms *terms, struct err *why)
{
    return prepare(auth, terms, true, false, why);
}

bool auth_prepare_scram_sha_1_plus(struct auth *auth, const struct auth_terms *terms, struct err *why)
{
    return prepare(auth, terms, false, true, why);
}

bool auth_prepare_scram_sha_256_plus(struct auth *auth, const struct auth_terms *terms, struct err *why)
{
    return prepare(auth, terms, true, true, why);
}

/* "e=" is no failure of the exchange: the server will end it after one more, empty, response. */
static enum auth_result result_of(struct auth *auth, enum scram_result result, struct err *why)
{
    static const enum auth_result results[] = {[SCRAM_OK] = AUTH_RESPONSE,
                                               [SCRAM_REFUSED] = AUTH_RESPONSE,
                                               [SCRAM_BROKEN] = AUTH_BROKEN,
                                               [SCRAM_DISTRUSTED] = AUTH_DISTRUSTED,
                                               [SCRAM_FAILURE] = AUTH_LOCAL_FAILURE};
    if (result == SCRAM_REFUSED && why != NULL) {
        auth->complaint = *why;
    }
    return results[result];
}

enum auth_result auth_step_scram(struct auth *auth, struct slice challenge, struct buf *out, struct err *why)
{
    struct err reason = {.text = ""};
    enum auth_result result = AUTH_UNEXPECTED;
    if (auth->complaint.text[0] != '\0') {
        return AUTH_UNEXPECTED; /* the exchange is over */
    }
    if (auth->answered == 0) {
        return scram_first(&auth->scram, out) ? AUTH_RESPONSE : auth_no_memory(why);
    }
    if (auth->answered == 1) {
        result = result_of(auth, scram_final(&auth->scram, challenge, out, &reason), &reason);
    } else if (auth->answered == 2) {
        enum scram_result verified = scram_verify(&auth->scram, challenge, &reason);
        auth->complete = verified == SCRAM_OK;
        result = result_of(auth, verified, &reason);
    }
    err_set(why, "%s", reason.text);
    return result;
}
