/*
 * libfcgi's own FCGX_OpenSocket knows no IPv6, deletes whatever is at a path, and ends the program on an
 * error.
 */
#include "http/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024

static bool bind_tcp(struct listener *listener, const struct http_address *address)
{
    static const int on = 1;
    bool v6 = address->any.sa_family == AF_INET6;
    listener->tcp = true;
    listener->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* V6ONLY: [::] would otherwise be open to IPv4 peers as well, which nobody wrote. */
    return listener->fd >= 0 && setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           (!v6 || setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
           bind(listener->fd, &address->any, address->len) == 0;
}

/* Reads the socket's address, in which the system may have chosen the port. */
static bool find_address(struct listener *listener, int fd, struct http_address *address)
{
    *address = (struct http_address){.len = sizeof address->storage};
    if (getsockname(fd, &address->any, &address->len) != 0) {
        return false;
    }
    http_address_write(address, listener->address);
    return true;
}

/* What an operator can do about it, or "". */
static const char *advice(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "; another process listens there";
    case EADDRNOTAVAIL:
        return "; this host does not have that address";
    case EACCES:
        return "; ports below 1024 are for root, take another one";
    default:
        return "";
    }
}

bool listener_open(struct listener *listener, const char *text, mode_t mode, const char *group,
                   struct err *err)
{
    *listener = (struct listener){.fd = -1};
    struct http_address address;
    if (!http_address_parse(&address, text)) {
        err_set(err, "cannot listen on %s: not unix:/path, A.B.C.D:PORT or [v6]:PORT", text);
        return false;
    }
    if (address.any.sa_family == AF_UNIX && !listener_bind_unix(listener, &address.local, mode, group, err)) {
        listener_close(listener);
        return false;
    }
    if ((address.any.sa_family != AF_UNIX && !bind_tcp(listener, &address)) ||
        listen(listener->fd, LISTEN_BACKLOG) != 0 || !find_address(listener, listener->fd, &address)) {
        int error = errno;
        err_set(err, "cannot listen on %s: %s%s", text, strerror(error), advice(error));
        listener_close(listener);
        return false;
    }
    return true;
}

static bool option_is(int fd, int option, int value)
{
    int is = -1;
    socklen_t len = sizeof is;
    return getsockopt(fd, SOL_SOCKET, option, &is, &len) == 0 && is == value;
}

bool listener_take(struct listener *listener, int fd, struct err *err)
{
    *listener = (struct listener){.fd = -1};
    struct http_address address;
    if (!option_is(fd, SO_TYPE, SOCK_STREAM) || !option_is(fd, SO_ACCEPTCONN, 1) ||
        !find_address(listener, fd, &address)) {
        err_set(err, "file descriptor %d is not a listening stream socket", fd);
        return false;
    }
    sa_family_t family = address.any.sa_family;
    if (family != AF_UNIX && family != AF_INET && family != AF_INET6) {
        err_set(err, "file descriptor %d is neither a unix nor a TCP socket", fd);
        return false;
    }
    /*
     * Other processes may accept from it too, so that there may be none left when it was reported readable.
     */
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        err_set(err, "file descriptor %d: %s", fd, strerror(errno));
        return false;
    }
    listener->fd = fd;
    listener->taken = true;
    listener->tcp = family != AF_UNIX;
    return true;
}

void listener_hide(struct listener *listener)
{
    if (listener->bound) {
        listener_remove_unix(listener);
        listener->bound = false;
    }
}

void listener_close(struct listener *listener)
{
    listener_hide(listener);
    if (listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
    }
}

int listener_accept(const struct listener *listener, struct http_address *peer)
{
    *peer = (struct http_address){.len = sizeof peer->storage};
    return accept4(listener->fd, &peer->any, &peer->len, SOCK_CLOEXEC);
}
