/*
 * smtp_client: delivers one message over SMTP (RFC 5321, 3207, 8314, 4954, 1870, 6152, 6531) and says what
 * came of it.
 *
 * Blocking; each call has an absolute deadline. Outcome = class + text: what the caller needs for its answer
 * and nothing of the dialogue. An endpoint is one server with one set of credentials and TLS settings; it may
 * be used by many threads at once and owns what is shared between deliveries (the trust store, TLS sessions).
 */
#ifndef FCGI_SMTP_SMTP_CLIENT_H
#define FCGI_SMTP_SMTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi_smtp/addr_spec.h"
#include "fcgi_smtp/deadline.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/secret.h"
#include "fcgi_smtp/smtp_trace.h"
#include "fcgi_smtp/source.h"

enum smtp_tls { SMTP_TLS_STARTTLS, SMTP_TLS_IMPLICIT, SMTP_TLS_NONE };
enum smtp_protocol { SMTP_PROTOCOL_SMTP, SMTP_PROTOCOL_LMTP };
enum smtp_auth {
    SMTP_AUTH_AUTO, /* the strongest offered, see auth.h */
    SMTP_AUTH_PLAIN,
    SMTP_AUTH_LOGIN,
    SMTP_AUTH_CRAM_MD5,
    SMTP_AUTH_SCRAM_SHA_1,
    SMTP_AUTH_SCRAM_SHA_256,
    SMTP_AUTH_SCRAM_SHA_1_PLUS,
    SMTP_AUTH_SCRAM_SHA_256_PLUS,
    SMTP_AUTH_XOAUTH2,
    SMTP_AUTH_OAUTHBEARER,
    SMTP_AUTH_EXTERNAL
};

/*
 * Where a password or token comes from when it is not fixed (password_command). get fills secret with what is known, or
 * with a fresh one: fresh is true after the server refused the last one (535), which secret holds then. Called by many
 * threads at once; may take as long as until says. False: err says why there is none.
 */
struct smtp_password_source {
    bool (*get)(void *ctx, bool fresh, deadline until, struct secret *secret, struct err *err);
    void *ctx;
};

/* What a configuration says of a server. Strings and the secret are copied by smtp_endpoint_new. */
struct smtp_settings {
    const char *name; /* the entry's name, for errors and answers */
    const char *host; /* a name, an IPv4 or IPv6 literal, or unix:/path */
    uint16_t port;    /* 0 only for unix: */
    enum smtp_protocol protocol;
    enum smtp_tls tls;
    bool tls_1_3;        /* tls_min: "1.3"; TLS 1.2 is the floor otherwise */
    bool verify;         /* chain and name; false only where the configuration spells it out */
    const char *ca_file; /* instead of the system's store; NULL: not given */
    const char *ca_path;
    const char *fingerprint; /* "sha256:BASE64" of the leaf's public key (SPKI); NULL: none */
    const char *client_cert; /* PEM files; NULL: none */
    const char *client_key;
    bool require_tls; /* RFC 8689: MAIL carries REQUIRETLS */
    const char *user; /* NULL: no AUTH */
    struct secret password;
    struct smtp_password_source password_source; /* get NULL: password is used */
    enum smtp_auth auth;
    bool allow_cleartext_auth;
    const char *domain;    /* EHLO name; without a dot: the connection's address literal is said instead */
    bool abort_on_refused; /* on_refused: abort */
    bool public_only;      /* never connect to loopback, link-local, private or otherwise special addresses */
    const char *source_address; /* an IPv4 or IPv6 literal to connect from; NULL: the system chooses */
    size_t inline_limit;        /* octets: up to this a message goes in the first flight (BDAT LAST) */
    size_t pool_size;           /* idle sessions kept at most; 0: no pool */
    int64_t pool_idle_ms;       /* how long an idle session is kept */
    unsigned pool_max_messages; /* after so many a session is closed */
    int64_t connect_timeout_ms; /* all addresses together */
    int64_t greeting_timeout_ms;
    int64_t command_timeout_ms; /* each reply */
    int64_t data_timeout_ms;    /* each write of data, and the end-of-data reply */
};

struct smtp_endpoint;

/* NULL when the trust store cannot be loaded; the error names the file. */
struct smtp_endpoint *smtp_endpoint_new(const struct smtp_settings *settings, struct err *err);

/*
 * The same but sharing the trust store of base (which must outlive it): for a request that overrides settings. A host that
 * is not base's is looked up apart, so that no request can keep base's from being found.
 */
struct smtp_endpoint *smtp_endpoint_derive(const struct smtp_endpoint *base,
                                           const struct smtp_settings *settings, struct err *err);

/*
 * Whether a file that the endpoint was made from (the trust store, the system's own included, the client certificate or its
 * key) is another one by now.
 */
bool smtp_endpoint_files_changed(const struct smtp_endpoint *endpoint);

/*
 * No more sessions are kept: those in the pool get their QUIT now, by a thread of its own, so that the call returns at once.
 * Deliveries under way, and further ones, end as ever.
 */
void smtp_endpoint_retire(struct smtp_endpoint *endpoint);

void smtp_endpoint_free(struct smtp_endpoint *endpoint); /* takes NULL; no delivery may be under way */

/* A server's reply (RFC 5321 4.2), made safe to print. */
struct smtp_reply_view {
    int code;          /* 0: none was received */
    char enhanced[12]; /* RFC 3463 "5.1.1", "" if none */
    char text[512];    /* all lines' texts joined by spaces, without code and enhanced code, controls escaped;
                          may be cut */
};

enum smtp_class {
    SMTP_ACCEPTED,          /* the server took responsibility for at least one recipient */
    SMTP_ADDRESS_FORBIDDEN, /* public_only, and the host has no public address */
    SMTP_UNAVAILABLE,       /* DNS, connect, 5yz greeting, EHLO and HELO refused, connection lost */
    SMTP_TLS_FAILED,        /* STARTTLS missing or refused, handshake, verification */
    SMTP_AUTH_FAILED,       /* 530, 534, 535, 538, x.7.8; no usable mechanism; refused by us without TLS */
    SMTP_PROTOCOL_ERROR,    /* broken replies */
    SMTP_TEMPORARY,         /* 4yz */
    SMTP_MESSAGE_REFUSED, /* 5yz to MAIL, DATA or the end of data; over SIZE; SMTPUTF8 or 8BITMIME missing */
    SMTP_RECIPIENTS_REFUSED, /* 5yz to every RCPT */
    SMTP_TIMED_OUT,          /* a deadline */
    SMTP_LOCAL_FAILURE       /* memory, the message's source */
};

/* What class, stage and reply leave open, so that an operator can be told what to change. */
enum smtp_cause {
    SMTP_CAUSE_OTHER,
    SMTP_CAUSE_DESCRIPTORS,  /* this process has none left */
    SMTP_CAUSE_LOOKUP,       /* the host has no address, or nobody could say which */
    SMTP_CAUSE_NOT_OFFERED,  /* STARTTLS */
    SMTP_CAUSE_NAME,         /* the certificate is for other hosts */
    SMTP_CAUSE_VALIDITY,     /* it has expired, or is not valid yet */
    SMTP_CAUSE_ISSUER,       /* it is self-signed, or of an authority that is not trusted here */
    SMTP_CAUSE_PIN,          /* the key is another one than fingerprint says */
    SMTP_CAUSE_TLS_VERSION,  /* no version in common */
    SMTP_CAUSE_NOT_TLS,      /* what answers does not speak TLS */
    SMTP_CAUSE_CLIENT_CERT,  /* the server wants a certificate of ours, or another one */
    SMTP_CAUSE_REQUIRE_TLS,  /* REQUIRETLS cannot be asked for */
    SMTP_CAUSE_CLEAR_TEXT,   /* AUTH would show the password to the network */
    SMTP_CAUSE_NO_MECHANISM, /* no AUTH that both sides can use */
    SMTP_CAUSE_PASSWORD,     /* there is none to send */
    SMTP_CAUSE_SIZE,         /* over the server's limit */
    SMTP_CAUSE_EIGHT_BIT,    /* 8BITMIME is missing */
    SMTP_CAUSE_UTF8          /* SMTPUTF8 is missing */
};

enum smtp_delivery_state { SMTP_DELIVERY_NONE, SMTP_DELIVERY_DONE, SMTP_DELIVERY_UNKNOWN };

struct smtp_recipient {
    const struct addr_spec *address; /* given by the caller */
    enum smtp_delivery_state state;  /* filled: DONE only if this recipient's mail was accepted */
    struct smtp_reply_view reply;    /* filled: to RCPT, or to the data when that decided */
};

/* DSN: what the sender wants to be told of, and how much of the message comes back. */
enum smtp_notify {
    SMTP_NOTIFY_NEVER = 1,
    SMTP_NOTIFY_SUCCESS = 2,
    SMTP_NOTIFY_FAILURE = 4,
    SMTP_NOTIFY_DELAY = 8
};
enum smtp_ret { SMTP_RET_UNSET, SMTP_RET_FULL, SMTP_RET_HDRS };

struct smtp_session;

struct smtp_delivery {
    /* That an earlier delivery to the same endpoint left: taken over, and used if it is still fit. NULL: none. */
    struct smtp_session *session;
    const struct addr_spec *return_path; /* text empty: the null path */
    struct smtp_recipient *recipients;
    size_t recipient_count; /* >= 1, each address once */
    struct source message;
    uint64_t size;              /* octets of message, without dot-stuffing */
    bool smtputf8;              /* a header field of the message needs SMTPUTF8 */
    const char *smtputf8_field; /* which, for the error */
    bool eight_bit;  /* the message has octets over 127: needs 8BITMIME (or smtputf8 and SMTPUTF8) */
    unsigned notify; /* DSN (RFC 3461): SMTP_NOTIFY_ bits; 0: nothing is said */
    enum smtp_ret ret;
    const char *envid; /* ENVID, not yet xtext-encoded; NULL: none. Said only with notify or ret */
    deadline total;
    /*
     * All that comes before MAIL must be done by then, so that there is time for another server; 0: only total counts.
     * Nothing that was begun with MAIL ends because of it.
     */
    deadline ready_by;
    int cancel_fd; /* once it is readable the delivery ends as if total had passed; -1: there is none */
    const struct smtp_trace *trace; /* NULL: none; else valid until smtp_release, and the pool is not used */
};

/* What is known of a connection's TLS, for logs and pages. */
struct smtp_tls_view {
    char version[16]; /* "TLSv1.3"; "": in clear */
    char cipher[64];
    bool verified; /* chain and name, or the pin */
    bool resumed;
};

/*
 * How long the steps took that went well, in microseconds, each at least 1; 0: it was not taken. Those before the transaction
 * are of the connection that was opened for this delivery.
 */
struct smtp_times {
    int64_t connect; /* names and addresses included */
    int64_t tls;
    int64_t auth;
    int64_t transaction; /* from MAIL to the reply to the data */
};

struct smtp_outcome {
    enum smtp_class class;
    /* UNKNOWN: lost after the write that holds the data's last octet was begun. */
    enum smtp_delivery_state state;
    const char *stage; /* "connect", "TLS", "greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA",
                          "end of data"; static */
    struct smtp_reply_view reply; /* the deciding one; code 0 if none */
    enum smtp_cause cause;
    struct err err;               /* who said what in reply to which command; "" when all were accepted */
    struct smtp_session *session; /* see smtp_release; NULL if there is none to release */
    bool reused;                  /* the session came from the pool */
    bool greeted;                 /* a connection was opened, and its greeting (220) came */
    struct smtp_times times;
    struct smtp_tls_view tls; /* of the connection that was used last */
};

/*
 * Delivers. Returns when the server's answer to the end of the data is there, or when it failed. The session,
 * if still sound, is left in outcome->session so that the caller can answer its own client first; then it
 * calls smtp_release.
 */
void smtp_deliver(struct smtp_endpoint *endpoint, struct smtp_delivery *delivery,
                  struct smtp_outcome *outcome);

/* What smtp_probe is to do. */
struct smtp_probe {
    bool authenticate; /* and not end before AUTH */
    deadline total;
    int cancel_fd;                  /* as in struct smtp_delivery */
    const struct smtp_trace *trace; /* NULL: none */
};

/*
 * Connects as a delivery does, on a connection of its own, and says QUIT where that would go on with MAIL. Class
 * SMTP_ACCEPTED: all went well. Nothing is left to release.
 */
void smtp_probe(struct smtp_endpoint *endpoint, const struct smtp_probe *probe, struct smtp_outcome *outcome);

/*
 * Gives the session to the pool of its endpoint; where that does not keep it, says QUIT without awaiting the reply and
 * closes. Takes NULL. Never waits.
 */
void smtp_release(struct smtp_session *session);

/* Sessions that wait in the endpoint's pool at this moment. */
size_t smtp_endpoint_idle(const struct smtp_endpoint *endpoint);

#endif
