/*
 * step: the steps of the dialogue, as one table. Sending, deadlines, judging a reply and error texts all use
 * it.
 */
#ifndef FCGI_SMTP_SMTP_STEP_H
#define FCGI_SMTP_SMTP_STEP_H

#include <stdbool.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/slice.h"
#include "fcgi_smtp/smtp_client.h"
#include "smtp/limit.h"

enum step {
    STEP_CONNECT,
    STEP_TLS, /* the handshake */
    STEP_GREETING,
    STEP_EHLO,
    STEP_HELO,
    STEP_LHLO, /* RFC 2033 4.1 */
    STEP_STARTTLS,
    STEP_AUTH,
    STEP_MAIL,
    STEP_RCPT,
    STEP_DATA,
    STEP_BDAT, /* its reply is that to STEP_END_OF_DATA */
    STEP_END_OF_DATA,
    STEP_RSET,
    STEP_QUIT
};

/* One thing that is said to the server: BEFORE argument AFTER. */
struct said {
    enum step step;
    struct slice argument; /* a domain, mechanism or path; never a secret */
};

/* smtp_outcome.stage */
const char *step_name(enum step step);

/* Whether code is what the step hopes for. */
bool step_expects(enum step step, int code);

/* The step's own time from now, but no later than total. */
struct limit step_limit(enum step step, const struct smtp_settings *settings, struct limit total);

/* For errors: "RCPT TO:<b@example.com>", "the connection", "the message"; cut where cap demands. */
void step_describe(struct said said, char *out, size_t cap);

/*
 * Appends the command and its CRLF: BEFORE argument AFTER, and SP more if there is more. This is the only
 * writer of commands: a CR, LF or NUL in an argument is refused, whatever was checked before, and nothing is
 * appended then. False also without memory.
 */
bool step_write(struct buf *out, struct said said, struct slice more) BUF_MUST_CHECK;

/* A line that is no command: the answer to an AUTH challenge (RFC 4954 4). The same rules. */
bool step_write_line(struct buf *out, struct slice line) BUF_MUST_CHECK;

#endif
