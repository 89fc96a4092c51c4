/*
 * The dialogue as a list of steps: `establish` is the whole of it, each step is one function. What a step
 * sends, how long it may take, what it hopes for and how an error names it stands in step.c.
 */
#include "smtp/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smtp/auth_session.h"
#include "smtp/trace.h"

static const struct slice nothing = {NULL, 0};

/* --- talking --- */

bool session_stream_failed(struct smtp_session *session, struct said said, enum stream_result result)
{
    session->sound = false;
    session->lost = session->lost || result == STREAM_CLOSED;
    if (session->stream.refused) { /* part of the handshake, whenever it is heard of */
        said = (struct said){STEP_TLS, nothing};
        result = STREAM_TLS_FAILED;
    }
    outcome_stream_failed(session->outcome, session->endpoint->label, said, result, session->stream.why.text);
    if (result == STREAM_TLS_FAILED && session->stream.tls != NULL) {
        session->outcome->cause = tls_cause(session->stream.tls);
    }
    return false;
}

bool session_say(struct smtp_session *session, struct said said, struct slice more)
{
    if (step_write(&session->stream.out, said, more)) {
        trace_command(session->trace, said, more);
        return true;
    }
    session->sound = false;
    err_set(outcome_failed(session->outcome, SMTP_LOCAL_FAILURE, said.step),
            "%s to %s holds a line end or is too long", step_name(said.step), session->endpoint->label);
    return false;
}

static void redact(struct smtp_session *session)
{
    if (session->sent_secret != NULL) {
        reply_redact(&session->reply, buf_slice(session->sent_secret));
        reply_redact(&session->reply, (struct slice){session->password->data, session->password->len});
    }
}

/* Feeds what has been read. */
static enum reply_status feed(struct smtp_session *session)
{
    size_t used = 0;
    struct buf *in = &session->stream.in;
    enum reply_status status = reply_feed(&session->reply, in->data, in->len, &used);
    buf_consume(in, used);
    return status;
}

/* What a reply means for the mails that may follow on this session. */
static void note_reply(struct smtp_session *session, enum step step)
{
    bool positive = step_expects(step, session->view.code);
    session->transactions += step == STEP_MAIL ? 1 : 0;
    if (positive && (step == STEP_MAIL || step == STEP_DATA)) {
        session->needs_reset = true;
    } else if (positive && (step == STEP_END_OF_DATA || step == STEP_RSET)) {
        session->needs_reset = false;
    }
}

/* Writes until all has left (STREAM_OK), a whole reply was read or neither is possible. */
static enum reply_status write_on(struct smtp_session *session, struct limit limit,
                                  enum stream_result *result)
{
    if (session->reply.done != REPLY_MORE) {
        reply_clear(&session->reply);
    }
    *result = STREAM_INPUT;
    enum reply_status status = feed(session);
    while (status == REPLY_MORE && *result == STREAM_INPUT) {
        *result = stream_flush(&session->stream, limit);
        status = feed(session); /* a server that goes away may have said why */
    }
    return status;
}

/* A reply is whole, or there will be none. */
static bool judge(struct smtp_session *session, struct said said, enum reply_status status,
                  enum stream_result result)
{
    redact(session);
    trace_reply(session->trace, said, &session->reply);
    if (status == REPLY_MORE) {
        return session_stream_failed(session, said, result);
    }
    reply_view(&session->reply, &session->view);
    bool open = result == STREAM_OK || result == STREAM_INPUT;
    session->sound = session->sound && status == REPLY_DONE && open && session->view.code != 421;
    session->lost = session->lost || result == STREAM_CLOSED;
    if (status == REPLY_DONE) {
        note_reply(session, said.step);
        return true;
    }
    if (status == REPLY_BROKEN) {
        outcome_broken(session->outcome, session->endpoint->label, said, &session->reply);
        return false;
    }
    return session_stream_failed(session, said, STREAM_NO_MEMORY);
}

enum session_progress session_push(struct smtp_session *session, struct said said)
{
    struct limit limit = step_limit(said.step, &session->endpoint->settings, session->total);
    enum stream_result result = STREAM_OK;
    enum reply_status status = write_on(session, limit, &result);
    if (status == REPLY_MORE && result == STREAM_OK) {
        return SESSION_WRITTEN;
    }
    return judge(session, said, status, result) ? SESSION_REPLIED : SESSION_FAILED;
}

bool session_await(struct smtp_session *session, struct said said)
{
    struct limit limit = step_limit(said.step, &session->endpoint->settings, session->total);
    enum stream_result result = STREAM_OK;
    enum reply_status status = write_on(session, limit, &result);
    while (status == REPLY_MORE && result == STREAM_OK) {
        result = stream_fill(&session->stream, limit);
        status = feed(session);
    }
    return judge(session, said, status, result);
}

bool session_expect(struct smtp_session *session, struct said said)
{
    if (step_expects(said.step, session->view.code)) {
        return true;
    }
    outcome_refused(session->outcome, session->endpoint->label, said, &session->view);
    session->sound = session->sound && session->outcome->class != SMTP_PROTOCOL_ERROR;
    return false;
}

bool session_await_first(struct smtp_session *session, struct said said)
{
    bool early = session->stream.in.len > 0;
    if (early) {
        stream_wipe_out(&session->stream);
    }
    if (!session_await(session, said)) {
        return false;
    }
    session->sound = session->sound && !early;
    if (early && session->view.code < 400) {
        err_set(outcome_failed(session->outcome, SMTP_PROTOCOL_ERROR, said.step),
                "%s broke the protocol: it answered before it was asked: %d %s", session->endpoint->label,
                session->view.code, session->view.text);
        return false;
    }
    return true;
}

bool session_exchange(struct smtp_session *session, struct said said, struct slice more)
{
    return session_say(session, said, more) && session_await_first(session, said);
}

/* --- the steps --- */

static enum smtp_class class_of(enum connect_result result)
{
    switch (result) {
    case CONNECT_TIMED_OUT:
        return SMTP_TIMED_OUT;
    case CONNECT_FORBIDDEN:
        return SMTP_ADDRESS_FORBIDDEN;
    default:
        return SMTP_UNAVAILABLE;
    }
}

static enum smtp_cause cause_of(enum connect_result result)
{
    switch (result) {
    case CONNECT_NO_ADDRESS:
        return SMTP_CAUSE_LOOKUP;
    case CONNECT_NO_DESCRIPTOR:
        return SMTP_CAUSE_DESCRIPTORS;
    default:
        return SMTP_CAUSE_OTHER;
    }
}

static bool connect_server(struct smtp_session *session)
{
    struct smtp_endpoint *endpoint = session->endpoint;
    struct limit limit = step_limit(STEP_CONNECT, &endpoint->settings, session->total);
    struct err why = {.text = ""};
    int fd = -1;
    int64_t begun = deadline_clock_us();
    enum connect_result result = endpoint_connect(endpoint, limit, session->trace, &fd, &why);
    if (result != CONNECT_OK) {
        err_set(outcome_failed(session->outcome, class_of(result), STEP_CONNECT), "%s", why.text);
        session->outcome->cause = cause_of(result);
        return false;
    }
    session->outcome->times.connect = outcome_took(begun);
    stream_init(&session->stream, fd);
    session->sound = true;
    return true;
}

static bool start_tls(struct smtp_session *session)
{
    struct smtp_endpoint *endpoint = session->endpoint;
    struct limit limit = step_limit(STEP_TLS, &endpoint->settings, session->total);
    int64_t begun = deadline_clock_us();
    enum stream_result result = stream_start_tls(&session->stream, endpoint->tls, endpoint->tls_name, limit);
    if (session->trace != NULL && session->stream.tls != NULL) {
        tls_trace(session->stream.tls, session->trace);
    }
    if (result != STREAM_OK) {
        return session_stream_failed(session, (struct said){STEP_TLS, nothing}, result);
    }
    session->outcome->times.tls = outcome_took(begun);
    tls_view(session->stream.tls, &session->outcome->tls);
    return true;
}

static bool await_greeting(struct smtp_session *session)
{
    struct said greeting = {STEP_GREETING, nothing};
    session->outcome->greeted = session_await(session, greeting) && session_expect(session, greeting);
    return session->outcome->greeted;
}

/* RFC 5321 4.1.1.1: the address literal where there is no meaningful name. */
static struct slice own_name(const struct smtp_session *session, char *literal, size_t cap)
{
    const char *domain = session->endpoint->settings.domain;
    if (domain != NULL && (strchr(domain, '.') != NULL || domain[0] == '[')) {
        return slice_of(domain);
    }
    connect_own_literal(session->stream.fd, literal, cap);
    return slice_of(literal);
}

/* EHLO, or HELO where EHLO is not known (RFC 5321 3.2); LHLO has no other form (RFC 2033 4.1). What was heard before is
 * forgotten (RFC 3207 4.2). */
static bool say_hello(struct smtp_session *session)
{
    char literal[64];
    bool lmtp = session->endpoint->settings.protocol == SMTP_PROTOCOL_LMTP;
    struct said hello = {lmtp ? STEP_LHLO : STEP_EHLO, own_name(session, literal, sizeof literal)};
    memset(&session->capabilities, 0, sizeof session->capabilities);
    if (!session_exchange(session, hello, nothing)) {
        return false;
    }
    if (session->view.code / 100 == 5 && !lmtp) {
        hello.step = STEP_HELO;
        return session_exchange(session, hello, nothing) && session_expect(session, hello);
    }
    if (!session_expect(session, hello)) {
        return false;
    }
    capabilities_parse(&session->capabilities, &session->reply);
    return true;
}

/* Octets that came in clear behind the 220 would be taken for what was said under TLS (CVE-2011-0411). */
static bool nothing_in_clear(struct smtp_session *session)
{
    struct said said = {STEP_STARTTLS, nothing};
    if (session->stream.in.len == 0 && stream_poll(&session->stream) == STREAM_CLOSED) {
        return session_stream_failed(session, said, STREAM_CLOSED);
    }
    if (session->stream.in.len > 0) {
        session->sound = false;
        err_set(outcome_failed(session->outcome, SMTP_TLS_FAILED, STEP_STARTTLS),
                "%s went on in clear after it had agreed to STARTTLS: somebody may be injecting replies",
                session->endpoint->label);
        return false;
    }
    return true;
}

static bool upgrade(struct smtp_session *session)
{
    struct said said = {STEP_STARTTLS, nothing};
    if (!session->capabilities.starttls) {
        err_set(outcome_failed(session->outcome, SMTP_TLS_FAILED, STEP_STARTTLS),
                "%s does not offer STARTTLS", session->endpoint->label);
        session->outcome->cause = SMTP_CAUSE_NOT_OFFERED;
        return false;
    }
    return session_exchange(session, said, nothing) && session_expect(session, said) &&
           nothing_in_clear(session) && start_tls(session);
}

/* --- life --- */

static bool authenticate(struct smtp_session *session, struct secret *secret)
{
    int64_t begun = deadline_clock_us();
    if (!auth_session_run(session, secret)) {
        return false;
    }
    if (session->endpoint->settings.user != NULL) {
        session->outcome->times.auth = outcome_took(begun);
    }
    return true;
}

static bool establish(struct smtp_session *session, const struct session_order *order, struct secret *secret)
{
    const struct smtp_settings *settings = &session->endpoint->settings;
    return connect_server(session) && (settings->tls != SMTP_TLS_IMPLICIT || start_tls(session)) &&
           await_greeting(session) && say_hello(session) &&
           (settings->tls != SMTP_TLS_STARTTLS || (upgrade(session) && say_hello(session))) &&
           (order->anonymous || authenticate(session, secret));
}

static struct smtp_session *session_new(struct smtp_endpoint *endpoint)
{
    struct smtp_session *session = calloc(1, sizeof *session);
    if (session != NULL) {
        session->endpoint = endpoint;
        session->stream.fd = -1;
        reply_init(&session->reply);
    }
    return session;
}

static struct smtp_session *try_open(struct smtp_endpoint *endpoint, const struct session_order *order,
                                     struct smtp_outcome *outcome, struct secret *secret)
{
    struct smtp_session *session = session_new(endpoint);
    if (session == NULL) {
        err_set(outcome_failed(outcome, SMTP_LOCAL_FAILURE, STEP_CONNECT), "out of memory");
        return NULL;
    }
    session->trace = order->trace;
    session_lend(session, order->total, outcome);
    if (establish(session, order, secret)) {
        return session;
    }
    session_end(session);
    return NULL;
}

struct smtp_session *session_open(struct smtp_endpoint *endpoint, const struct session_order *order,
                                  struct smtp_outcome *outcome)
{
    struct secret secret = {NULL, 0};
    struct smtp_session *session = try_open(endpoint, order, outcome, &secret);
    if (session == NULL && auth_session_renew(endpoint, order->total, &secret, outcome)) {
        outcome_init(outcome);
        session = try_open(endpoint, order, outcome, &secret);
    }
    secret_free(&secret);
    return session;
}

void session_end(struct smtp_session *session)
{
    /* RFC 5321 4.1.1.10 wants the reply awaited; but what was delivered is delivered, and nobody is to wait
     * for it. */
    struct said quit = {STEP_QUIT, nothing};
    if (session != NULL && session->sound && step_write(&session->stream.out, quit, nothing)) {
        trace_command(session->trace, quit, nothing);
        stream_try_flush(&session->stream);
    }
    session_close(session);
}

void session_close(struct smtp_session *session)
{
    if (session == NULL) {
        return;
    }
    stream_close(&session->stream);
    reply_free(&session->reply);
    free(session);
}
