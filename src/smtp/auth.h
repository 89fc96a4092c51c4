/*
 * auth: SASL mechanisms (RFC 4422) as SMTP uses them (RFC 4954), without I/O: which one to take, and what to
 * answer to a challenge.
 *
 *     auth_begin, then auth_respond for each response that is to be sent, auth_believes when the server says
 *     that all is well, and auth_end in any case.
 */
#ifndef FCGI_SMTP_SMTP_AUTH_H
#define FCGI_SMTP_SMTP_AUTH_H

#include <stdbool.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/secret.h"
#include "fcgi_smtp/smtp_client.h"
#include "smtp/auth_scram.h"
#include "smtp/capabilities.h"

/* Octets of one response in base64. RFC 4954 4 has no limit but what the mechanism needs: this is enough for a
 * token of SECRET_MAX. A server with less room (12288 are expected) says 500. */
#define AUTH_RESPONSE_MAX  ((size_t)128 * 1024)
#define AUTH_CHALLENGE_MAX 12288 /* octets of one challenge in base64 */
#define AUTH_COMMAND_MAX   512   /* octets of the AUTH command with its CRLF (RFC 5321 4.5.3.1.4) */
#define AUTH_USER_MAX      1024  /* octets */

struct auth_mechanism;

/* What the configuration and the connection bring along. All of it outlives the authentication. */
struct auth_terms {
    const struct smtp_settings *settings;
    const struct secret *password; /* or a token */
    const struct capabilities *capabilities;
    const char *server;   /* its label, for errors */
    bool encrypted;       /* under TLS */
    bool confidential;    /* likewise, or ends on this machine, or the configuration allows clear text */
    struct slice binding; /* tls-exporter (RFC 9266); empty: the connection has none */
};

/* One authentication under way. */
struct auth {
    const struct auth_mechanism *mechanism;
    const struct smtp_settings *settings;
    const struct secret *password;
    const char *user;      /* "" if none */
    unsigned answered;     /* responses given */
    bool complete;         /* the server has done what the mechanism asks of it */
    enum smtp_cause cause; /* why auth_begin has failed */
    struct err complaint;  /* what the server said of a failure inside a challenge; "" if nothing */
    struct scram scram;    /* of the SCRAM mechanisms */
};

/*
 * Takes the mechanism that the settings ask for, if the server offers it. False: none can be used, and why
 * says why; the auth needs no auth_end then.
 *
 * `auto` takes the strongest offered: SCRAM-SHA-256-PLUS, SCRAM-SHA-1-PLUS, SCRAM-SHA-256, SCRAM-SHA-1, then
 * under TLS PLAIN, LOGIN, CRAM-MD5 and without it CRAM-MD5, PLAIN, LOGIN.
 */
bool auth_begin(struct auth *auth, const struct auth_terms *terms, struct err *why)
    __attribute__((warn_unused_result));

void auth_end(struct auth *auth); /* wipes; takes a zeroed one */

/* Whether the settings want an authentication at all. */
bool auth_wanted(const struct smtp_settings *settings);

const char *auth_name(const struct auth *auth); /* "PLAIN" */

/* Whether the first response needs no challenge and goes with the command, if that stays within
 * AUTH_COMMAND_MAX. */
bool auth_has_initial(const struct auth *auth);

enum auth_result {
    AUTH_RESPONSE,     /* out holds the response in base64; it may be empty */
    AUTH_UNEXPECTED,   /* the mechanism has nothing more to say */
    AUTH_BROKEN,       /* the challenge breaks the mechanism's grammar */
    AUTH_DISTRUSTED,   /* the server failed to prove what it must, or asks for what is not safe */
    AUTH_LOCAL_FAILURE /* no memory, or OpenSSL refuses */
};

/*
 * The next response, in base64, appended to out (whose limit is AUTH_RESPONSE_MAX; it is to be wiped).
 * challenge: the text of the 334, in base64; empty for an initial response. Results but the first two come
 * with a why.
 */
enum auth_result auth_respond(struct auth *auth, struct slice challenge, struct buf *out, struct err *why);

/* Whether a success that the server claims may be believed; if not, why says why. */
bool auth_believes(const struct auth *auth, struct err *why) __attribute__((warn_unused_result));

/* The mechanism of that name, compared without case, as what `auth` calls it; false: it is not known here. */
bool auth_by_name(struct slice name, enum smtp_auth *mechanism);

#endif
