/*
 * resolve: names to addresses without ever waiting past a limit.
 *
 * getaddrinfo cannot be cancelled, so a few helper threads call it while the caller waits within its own limit.
 * One look-up per name is under way at a time, whoever asks; its result is kept for a while. Literals are
 * converted at once. Thread-safe.
 */
#ifndef FCGI_SMTP_SMTP_RESOLVE_H
#define FCGI_SMTP_SMTP_RESOLVE_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "fcgi_smtp/err.h"
#include "smtp/limit.h"

#define RESOLVE_ADDRESSES 16    /* of one name; more are left out */
#define RESOLVE_THREADS   4     /* of one resolver; begun when needed */
#define RESOLVE_NAMES     256   /* that are kept or being looked up; what is only kept gives way */
#define RESOLVE_KEEP_MS   30000 /* a result; failures are not kept */
#define RESOLVE_NAME_MAX  256   /* octets of a name with its NUL */

struct socket_address {
    struct sockaddr_storage storage;
    socklen_t len;
};

struct socket_addresses {
    struct socket_address items[RESOLVE_ADDRESSES];
    size_t count;
};

/* Looks a name up, in the manner of getaddrinfo: 0 and addresses (port 0), or an EAI_ code. May take its
 * time. */
typedef int resolve_lookup(const char *name, struct socket_addresses *addresses);

struct resolver;

/* lookup: NULL for the system's. keep_ms: how long a result is good, RESOLVE_KEEP_MS. NULL without memory. */
struct resolver *resolver_new(resolve_lookup *lookup, int64_t keep_ms);

/* Ends the helper threads; one that is inside a look-up is not awaited but ends behind it. Takes NULL. */
void resolver_free(struct resolver *resolver);

enum resolve_result { RESOLVE_OK, RESOLVE_FAILED, RESOLVE_TIMED_OUT };

/* The addresses of host with port put in. err says what went wrong. */
enum resolve_result resolver_resolve(struct resolver *resolver, const char *host, uint16_t port,
                                     struct limit limit, struct socket_addresses *addresses, struct err *err);

#endif
