/*
 * connect: a TCP connection to the first of several addresses that answers, or one to a unix socket.
 */
#ifndef FCGI_SMTP_SMTP_CONNECT_H
#define FCGI_SMTP_SMTP_CONNECT_H

#include <stdbool.h>

#include "fcgi_smtp/err.h"
#include "smtp/limit.h"
#include "smtp/resolve.h"

#define CONNECT_STAGGER_MS 250 /* RFC 8305 5 */

enum connect_result {
    CONNECT_OK,
    CONNECT_FAILED,
    CONNECT_TIMED_OUT,
    CONNECT_NO_DESCRIPTOR, /* this process has none left */
    CONNECT_NO_ADDRESS,    /* endpoint_connect only: the host's name has none, or cannot be looked up */
    CONNECT_FORBIDDEN      /* endpoint_connect only: public_only, and there is no public address */
};

/* Where to, where from, and how an error calls it. */
struct connect_target {
    const char *who;
    const struct socket_addresses *addresses;
    const struct socket_address *source; /* an address of this machine, port 0; NULL: the system chooses */
};

/*
 * Begins with the first address; the next one is begun when one has failed or after CONNECT_STAGGER_MS. Those that
 * cannot be reached from the source because they are of another family are skipped. *winner is the index of the one
 * that answered first, *fd its socket (the caller's). On failure err lists each address and why it failed.
 */
enum connect_result connect_tcp(const struct connect_target *target, struct limit limit, size_t *winner,
                                int *fd, struct err *err);

enum connect_result connect_unix(const char *path, struct limit limit, int *fd, struct err *err);

/* Whether the peer is on this machine: a unix socket, or a loopback address. */
bool connect_peer_is_local(int fd);

/* "192.0.2.1", "2001:db8::1" */
void connect_address_text(const struct socket_address *address, char *out, size_t cap);

/* The address literal (RFC 5321 4.1.3) of the socket's own side: "[192.0.2.1]", "[IPv6:2001:db8::1]". */
void connect_own_literal(int fd, char *out, size_t cap);

#endif
