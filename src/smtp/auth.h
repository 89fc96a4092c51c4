/*
 * auth: SASL mechanisms (RFC 4422) as SMTP uses them (RFC 4954), without I/O: which one to take, and what to
 * answer.
 */
#ifndef FCGI_SMTP_SMTP_AUTH_H
#define FCGI_SMTP_SMTP_AUTH_H

#include <stdbool.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/secret.h"
#include "fcgi_smtp/smtp_client.h"
#include "smtp/capabilities.h"

#define AUTH_RESPONSE_MAX 12288 /* octets of one response in base64 (RFC 4954 4) */
#define AUTH_COMMAND_MAX  512   /* octets of the AUTH command with its CRLF (RFC 5321 4.5.3.1.4) */

struct auth_mechanism;

/* One authentication under way. */
struct auth {
    const struct auth_mechanism *mechanism;
    const char *user;              /* not owned */
    const struct secret *password; /* not owned */
    unsigned answered;             /* responses given */
};

/*
 * Takes the mechanism that settings ask for, if the server offers it. confidential: the connection is
 * encrypted, or ends on this machine, or the configuration allows clear text. False: none is usable, and why
 * says why; host is the server's label for it.
 */
bool auth_begin(struct auth *auth, const struct smtp_settings *settings,
                const struct capabilities *capabilities, bool confidential, const char *host, struct err *why)
    __attribute__((warn_unused_result));

const char *auth_name(const struct auth *auth); /* "PLAIN" */

/* Whether the first response goes with the command, if that stays within AUTH_COMMAND_MAX. */
bool auth_has_initial(const struct auth *auth);

enum auth_result {
    AUTH_RESPONSE,   /* out holds the response in base64 */
    AUTH_UNEXPECTED, /* the mechanism has nothing more to say */
    AUTH_UNUSABLE    /* too long, or a NUL in the user or password; or no memory */
};

/*
 * The next response, in base64, appended to out (whose limit is at least AUTH_RESPONSE_MAX). The challenges
 * of PLAIN and LOGIN carry nothing that a client needs. out is to be wiped.
 */
enum auth_result auth_respond(struct auth *auth, struct buf *out);

#endif
