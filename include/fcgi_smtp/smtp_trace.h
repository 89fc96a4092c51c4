/*
 * smtp_trace: what happens on a connection, as it happens, for a person who looks for a mistake.
 *
 * A trace is given to a delivery or a probe. Its event function is called by the thread that delivers, in the order of
 * what happened; texts and views are valid during the call only. They are printable (controls and octets that are not
 * UTF-8 are escaped), and they hold no secret: whoever writes one to the server gives the trace "***" in its place, and
 * the message itself is only counted.
 */
#ifndef FCGI_SMTP_SMTP_TRACE_H
#define FCGI_SMTP_SMTP_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi_smtp/slice.h"

enum smtp_trace_kind {
    SMTP_TRACE_RESOLVED, /* the host's addresses in the order in which they are tried: "192.0.2.1, 2001:db8::1" */
    SMTP_TRACE_CONNECTED,   /* the address that answered, or unix:/path */
    SMTP_TRACE_TLS,         /* the handshake has succeeded: "TLSv1.3, TLS_AES_256_GCM_SHA384" */
    SMTP_TRACE_CERTIFICATE, /* one of the server's, its own first; text empty, see certificate */
    SMTP_TRACE_VERIFIED,    /* the certificates are good: how that was found */
    SMTP_TRACE_UNVERIFIED,  /* they are not, or nobody looked: why */
    SMTP_TRACE_SENT,        /* a command or another line, without its line end */
    SMTP_TRACE_RECEIVED     /* a line of a reply, likewise; "250-..." is followed by more */
};

/* A certificate in words; each may be cut. */
struct smtp_certificate {
    char subject[256]; /* RFC 2253's form, most specific first: "CN=mail.example.com,O=Example" */
    char issuer[256];
    char names[512];     /* its DNS names and IP addresses: "mail.example.com, 192.0.2.1"; "": none */
    char not_before[32]; /* "2026-01-31 12:00:00 UTC" */
    char not_after[32];
    char fingerprint[64]; /* of its public key, as the setting of that name: "sha256:BASE64" */
};

struct smtp_trace_event {
    enum smtp_trace_kind kind;
    int64_t at_us; /* microseconds of the monotonic clock */
    struct slice text;
    const struct smtp_certificate *certificate; /* NULL but for SMTP_TRACE_CERTIFICATE */
};

struct smtp_trace {
    void (*event)(void *ctx, const struct smtp_trace_event *event);
    void *ctx;
};

#endif
