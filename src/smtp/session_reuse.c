/*
 * What happens to a session between two mails.
 *
 * RSET is said when a session comes back and its reply is read when the session is taken again: nobody waits for
 * it, and by then it is there. So at that moment there is nothing to read but what is owed; anything else that can be
 * read is the server's goodbye (RFC 5321 3.8) or a breach of the protocol, and either way the session is done
 * for. TLS records without data (tickets, RFC 8446 4.6.1) are taken in by the same read and are not data.
 */
#include "smtp/session.h"

#define OUT_KEPT          ((size_t)256 * 1024)
#define RESET_PATIENCE_MS 1000 /* for the reply to RSET; a new connection costs less than this */

static const struct said rset = {STEP_RSET, {NULL, 0}};

void session_lend(struct smtp_session *session, struct limit total, struct smtp_outcome *outcome)
{
    session->total = total;
    session->outcome = outcome;
    if (outcome != NULL && session->stream.tls != NULL) {
        tls_view(session->stream.tls, &outcome->tls);
    }
}

bool session_reset(struct smtp_session *session)
{
    bool said = step_write(&session->stream.out, rset, (struct slice){NULL, 0});
    stream_try_flush(&session->stream);
    session->sound = session->sound && said && stream_unsent(&session->stream) == 0;
    session->owed++;
    return session->sound;
}

bool session_rest(struct smtp_session *session)
{
    const struct smtp_settings *settings = &session->endpoint->settings;
    session->sound = session->sound && session->stream.in.len == 0 && stream_unsent(&session->stream) == 0;
    if (session->stream.out.cap > OUT_KEPT) {
        buf_shrink(&session->stream.out); /* empty: what a long flight needed is given back */
    }
    bool fit = session->sound && !session->spent && session->transactions < settings->pool_max_messages;
    return fit && (!session->needs_reset || session_reset(session));
}

/* Reads what is owed. Only the last reply, that to RSET, has to be a good one. */
static bool take_owed(struct smtp_session *session, struct limit limit)
{
    struct smtp_outcome unused; /* why it failed concerns nobody */
    outcome_init(&unused);
    session_lend(session, limit_by(limit, deadline_after(RESET_PATIENCE_MS)), &unused);
    bool done = true;
    while (done && session->owed > 0) {
        session->owed--;
        done = session_await(session, rset) && (session->owed > 0 || session_expect(session, rset));
    }
    session_lend(session, limit, NULL);
    return done;
}

bool session_recheck(struct smtp_session *session, struct limit limit)
{
    if (stream_poll(&session->stream) == STREAM_CLOSED) {
        session->sound = false;
        session->lost = true;
        return false;
    }
    if (session->owed > 0 && !take_owed(session, limit)) {
        return false;
    }
    session->sound = session->sound && session->stream.in.len == 0;
    return session->sound;
}

bool session_has_left(struct smtp_session *session, struct limit limit)
{
    if (session->sound) {
        (void)session_reset(session);
        (void)session_recheck(session, limit);
    }
    return session->lost;
}
