/*
 * session: one connection to a server, from connect to the point where a message can be given, and the
 * dialogue on it.
 *
 * A session belongs to one thread at a time. Functions that return false have put what went wrong into the
 * outcome that the session was lent.
 */
#ifndef FCGI_SMTP_SMTP_SESSION_H
#define FCGI_SMTP_SMTP_SESSION_H

#include <stdbool.h>

#include "fcgi_smtp/smtp_client.h"
#include "smtp/capabilities.h"
#include "smtp/endpoint.h"
#include "smtp/limit.h"
#include "smtp/outcome.h"
#include "smtp/reply.h"
#include "smtp/step.h"
#include "smtp/stream.h"

struct smtp_session {
    struct smtp_endpoint *endpoint;
    struct stream stream;
    struct capabilities capabilities; /* as of the last EHLO */
    struct reply reply;               /* the last one */
    struct smtp_reply_view view;      /* the same, made safe to print */
    const struct buf *sent_secret;    /* what a reply may not repeat; NULL but in AUTH */
    const struct secret *password;    /* likewise */
    struct smtp_outcome *outcome;     /* of the delivery in work */
    struct limit total;               /* likewise */
    const struct smtp_trace
        *trace;            /* of the delivery for which it was opened, and never another; NULL: none */
    bool sound;            /* nothing went wrong that makes it useless: QUIT may be said */
    bool lost;             /* the server closed or reset the connection */
    bool spent;            /* not for another mail, though sound */
    bool needs_reset;      /* a transaction may be open: RSET before the next MAIL */
    unsigned owed;         /* replies that were not read and decide nothing; the last is to RSET */
    unsigned transactions; /* that were begun on it */
};

/* Whom a session works for. */
struct session_order {
    struct limit total;
    const struct smtp_trace *trace; /* NULL: none */
    bool anonymous;                 /* AUTH is left out */
};

/* Connects, secures, greets and authenticates. NULL when that failed. */
struct smtp_session *session_open(struct smtp_endpoint *endpoint, const struct session_order *order,
                                  struct smtp_outcome *outcome);

void session_end(struct smtp_session *session);   /* with QUIT if it is sound; never waits; takes NULL */
void session_close(struct smtp_session *session); /* without a word; takes NULL */

/* --- between two mails (session_reuse.c) --- */

/* Gives the session to a delivery, or with outcome NULL takes it back. */
void session_lend(struct smtp_session *session, struct limit total, struct smtp_outcome *outcome);

/* Says RSET in one write that does not wait, nor for the reply: session_recheck reads it. */
bool session_reset(struct smtp_session *session);

/*
 * Makes the session ready to wait for another mail, with a RSET whose reply is not awaited where a transaction may
 * be open. False: it is not fit for one, or has had pool_max_messages; then session_end.
 */
bool session_rest(struct smtp_session *session);

/*
 * Whether a session that has waited is still fit, without a round trip: the server has closed it, or said 421,
 * if there is anything to read. (Only what is owed is waited for, for a little while.)
 */
bool session_recheck(struct smtp_session *session, struct limit limit);

/* Whether the server went away instead of answering; asked after a 4yz, which a server that closes says as well. */
bool session_has_left(struct smtp_session *session, struct limit limit);

/* --- the dialogue --- */

/* Adds a command to the flight. */
bool session_say(struct smtp_session *session, struct said said, struct slice more);

/*
 * Lets the flight go and reads one reply, that to said, into session->reply and ->view. It comes back with the reply even
 * if the flight has not left yet: the next call goes on with it. So replies are taken as they come.
 */
bool session_await(struct smtp_session *session, struct said said);

/* session_await for the first reply of a flight. One that was there before the flight is broken, unless it refuses what
 * comes; the flight is not sent then. */
bool session_await_first(struct smtp_session *session, struct said said);

/* What session_push came to. */
enum session_progress { SESSION_WRITTEN, SESSION_REPLIED, SESSION_FAILED };

/* Lets the flight go. REPLIED: a whole reply came while it could not be written on. */
enum session_progress session_push(struct smtp_session *session, struct said said);

/* One command and its reply, as session_await_first. */
bool session_exchange(struct smtp_session *session, struct said said, struct slice more);

/* True when the last reply is what said hopes for. */
bool session_expect(struct smtp_session *session, struct said said);

/* Reports the stream's failure at said. Always false. */
bool session_stream_failed(struct smtp_session *session, struct said said, enum stream_result result);

#endif
