/* The listening socket: bound here, or handed over. */
#ifndef FCGI_SMTP_HTTP_LISTENER_H
#define FCGI_SMTP_HTTP_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

#include "fcgi_smtp/err.h"
#include "fcgi_smtp/http_address.h"

struct listener {
    int fd;     /* not blocking; -1: closed */
    bool taken; /* it was handed over */
    bool tcp;   /* peers have addresses that are to be checked */
    bool bound; /* a unix socket that was bound here, to be removed at the end if it is still the same */
    dev_t device;
    ino_t inode;
    struct sockaddr_un path;
    char address[HTTP_ADDRESS_TEXT_MAX]; /* "unix:/path", "127.0.0.1:9000", "[::1]:9000" */
};

/* Listens on "unix:/path" (with mode and group), "A.B.C.D:PORT" or "[v6]:PORT". */
bool listener_open(struct listener *listener, const char *text, mode_t mode, const char *group,
                   struct err *err);

/* Takes over fd, which must be a listening stream socket; it stays the caller's when that fails. */
bool listener_take(struct listener *listener, int fd, struct err *err);

/* Nobody finds a unix socket that was bound here any more; those who are connected stay. */
void listener_hide(struct listener *listener);

void listener_close(struct listener *listener);

/* The next connection (blocking, close-on-exec); -1: see errno. */
int listener_accept(const struct listener *listener, struct http_address *peer);

/* unix_listener.c: the socket, bound, with its mode and group. */
bool listener_bind_unix(struct listener *listener, const struct sockaddr_un *path, mode_t mode,
                        const char *group, struct err *err);
void listener_remove_unix(struct listener *listener);

#endif
