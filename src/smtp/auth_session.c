/*
 * The dialogue of AUTH: auth.c says what to answer, this file says it. Every buffer that a response passes through is
 * wiped as soon as it has left.
 */
#include "smtp/auth_session.h"

#include <string.h>

#include "smtp/auth.h"
#include "smtp/trace.h"

static const struct slice nothing = {NULL, 0};

/* --- failures --- */

/* The server did what makes the connection useless: not even QUIT is said, which it would take for a response. */
static bool give_up(struct smtp_session *session, enum smtp_class class, const char *what, struct said said,
                    const struct err *why)
{
    session->sound = false;
    err_set(outcome_failed(session->outcome, class, STEP_AUTH), "%s %s AUTH %.*s: %s",
            session->endpoint->label, what, SLICE_ARGS(said.argument), why->text);
    return false;
}

static bool respond_failed(struct smtp_session *session, enum auth_result result, struct said said,
                           const struct err *why)
{
    switch (result) {
    case AUTH_UNEXPECTED:
        return session_expect(session, said); /* a challenge where there is nothing to say is no answer */
    case AUTH_BROKEN:
        return give_up(session, SMTP_PROTOCOL_ERROR, "broke the protocol of", said, why);
    case AUTH_DISTRUSTED:
        return give_up(session, SMTP_AUTH_FAILED, "is not trusted in", said, why);
    default:
        return give_up(session, SMTP_LOCAL_FAILURE, "cannot be answered in", said, why);
    }
}

/* The server said in a challenge what it did not like, and refused then. */
static bool refused(struct smtp_session *session, struct auth *auth, struct said said)
{
    if (session_expect(session, said)) {
        return true;
    }
    if (auth->complaint.text[0] != '\0') {
        reply_redact_text(auth->complaint.text, strlen(auth->complaint.text),
                          (struct slice){session->password->data, session->password->len});
        err_set(&session->outcome->err, "%s (it explained: %s)", session->outcome->err.text,
                auth->complaint.text);
    }
    return false;
}

/* --- the dialogue (RFC 4954 4) --- */

/*
 * The initial response for the command, where the line stays within its limit. An empty one is "=", lest it look like
 * none.
 */
static struct slice initial_response(const struct buf *response, struct said said)
{
    if (response->len == 0) {
        return SLICE("=");
    }
    size_t line = strlen("AUTH ") + said.argument.len + strlen(" ") + response->len + strlen("\r\n");
    return line <= AUTH_COMMAND_MAX ? buf_slice(response) : nothing;
}

/* The answer to a 334, as a line of its own. */
static bool answer(struct smtp_session *session, struct said said, const struct buf *response)
{
    trace_text(session->trace, SMTP_TRACE_SENT, SLICE(TRACE_SECRET));
    bool ok =
        step_write_line(&session->stream.out, buf_slice(response)) && session_await_first(session, said);
    stream_wipe_out(&session->stream);
    return ok;
}

/* What stands behind the 334: one line. */
static struct slice challenge_of(const struct smtp_session *session)
{
    size_t pos = 0;
    struct slice text = nothing;
    (void)reply_next_line(&session->reply, &pos, &text);
    return text;
}

static bool answer_challenges(struct smtp_session *session, struct auth *auth, struct said said, bool ready,
                              struct buf *response)
{
    bool ok = true;
    while (ok && session->view.code == 334) {
        struct err why = {.text = ""};
        enum auth_result result = AUTH_RESPONSE;
        if (!ready) {
            buf_clear(response);
            result = auth_respond(auth, challenge_of(session), response, &why);
        }
        if (result != AUTH_RESPONSE) {
            return respond_failed(session, result, said, &why);
        }
        ready = false;
        ok = answer(session, said, response);
    }
    return ok;
}

static bool dialogue(struct smtp_session *session, struct auth *auth, struct said said, struct buf *response)
{
    struct err why = {.text = ""};
    struct slice initial = nothing;
    if (auth_has_initial(auth)) {
        enum auth_result result = auth_respond(auth, nothing, response, &why);
        if (result != AUTH_RESPONSE) {
            return respond_failed(session, result, said, &why);
        }
        initial = initial_response(response, said);
    }
    bool ready = response->len > 0 && initial.len == 0; /* a response that is yet to be sent */
    bool ok = session_exchange(session, said, initial);
    stream_wipe_out(&session->stream);
    if (!ok || !answer_challenges(session, auth, said, ready, response) || !refused(session, auth, said)) {
        return false;
    }
    return auth_believes(auth, &why) || give_up(session, SMTP_AUTH_FAILED, "is not trusted in", said, &why);
}

/* --- the secret --- */

static bool has_source(const struct smtp_endpoint *endpoint)
{
    return endpoint->settings.password_source.get != NULL;
}

static bool get_secret(struct smtp_session *session, struct secret *secret)
{
    const struct smtp_password_source *source = &session->endpoint->settings.password_source;
    struct err why = {.text = ""};
    session->password = &session->endpoint->settings.password;
    if (!has_source(session->endpoint)) {
        return true;
    }
    session->password = secret;
    if (secret->data != NULL || source->get(source->ctx, false, session->total.until, secret, &why)) {
        return true;
    }
    enum smtp_class class = limit_passed(session->total) ? SMTP_TIMED_OUT : SMTP_AUTH_FAILED;
    err_set(outcome_failed(session->outcome, class, STEP_AUTH), "there is no password for %s: %s",
            session->endpoint->label, why.text);
    session->outcome->cause = SMTP_CAUSE_PASSWORD;
    return false;
}

bool auth_session_renew(const struct smtp_endpoint *endpoint, struct limit total, struct secret *secret,
                        struct smtp_outcome *outcome)
{
    const struct smtp_password_source *source = &endpoint->settings.password_source;
    if (outcome->class != SMTP_AUTH_FAILED || outcome->reply.code != 535 || secret->data == NULL) {
        return false;
    }
    struct secret fresh = {NULL, 0};
    struct err why = {.text = ""};
    if (!secret_set(&fresh, (struct slice){secret->data, secret->len}) ||
        !source->get(source->ctx, true, total.until, &fresh, &why)) {
        err_set(&outcome->err, "%s; and there is no other password: %s", outcome->err.text, why.text);
        secret_free(&fresh);
        return false;
    }
    bool changed = !secret_equal(&fresh, secret);
    secret_free(secret);
    *secret = fresh;
    return changed;
}

/* --- all of it --- */

static bool authenticate(struct smtp_session *session)
{
    const struct smtp_settings *settings = &session->endpoint->settings;
    char binding[TLS_BINDING_LEN];
    bool encrypted = session->stream.tls != NULL;
    bool bound = encrypted && tls_channel_binding(session->stream.tls, binding);
    struct auth_terms terms = {.settings = settings,
                               .password = session->password,
                               .capabilities = &session->capabilities,
                               .server = session->endpoint->label,
                               .encrypted = encrypted,
                               .confidential = encrypted || settings->allow_cleartext_auth ||
                                               connect_peer_is_local(session->stream.fd),
                               .binding = {binding, bound ? sizeof binding : 0}};
    struct auth auth;
    struct err why = {.text = ""};
    if (!auth_begin(&auth, &terms, &why)) {
        err_set(outcome_failed(session->outcome, SMTP_AUTH_FAILED, STEP_AUTH), "%s", why.text);
        session->outcome->cause = auth.cause;
        return false;
    }
    struct buf response;
    buf_init_secret(&response, AUTH_RESPONSE_MAX);
    session->sent_secret = &response;
    bool ok = dialogue(session, &auth, (struct said){STEP_AUTH, slice_of(auth_name(&auth))}, &response);
    session->sent_secret = NULL;
    buf_wipe(&response);
    auth_end(&auth);
    return ok;
}

bool auth_session_run(struct smtp_session *session, struct secret *secret)
{
    if (!auth_wanted(&session->endpoint->settings)) {
        return true;
    }
    bool ok = get_secret(session, secret) && authenticate(session);
    session->password = NULL;
    return ok;
}
