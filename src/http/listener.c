/*
 * libfcgi's own FCGX_OpenSocket knows no IPv6, deletes whatever is at a path, and ends the program on an
 * error.
 */
#include "http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
    struct sockaddr_storage storage;
};

/* 1..5 digits, at most 65535; 0 lets the system choose. */
static bool parse_port(const char *text, in_port_t *port)
{
    size_t len = strspn(text, "0123456789");
    unsigned long value = len > 0 && len <= 5 && text[len] == '\0' ? strtoul(text, NULL, 10) : 65536;
    *port = htons((uint16_t)value);
    return value <= 65535;
}

/* The length of the socket address; 0: neither A.B.C.D:PORT nor [v6]:PORT. */
static socklen_t parse_tcp(const char *text, union address *address)
{
    char host[INET6_ADDRSTRLEN];
    bool v6 = text[0] == '[';
    const char *colon = v6 ? strstr(text, "]:") : strchr(text, ':');
    const char *start = v6 ? text + 1 : text;
    if (colon == NULL || (size_t)(colon - start) >= sizeof host) {
        return 0;
    }
    memcpy(host, start, (size_t)(colon - start));
    host[colon - start] = '\0';
    memset(address, 0, sizeof *address);
    address->any.sa_family = v6 ? AF_INET6 : AF_INET;
    void *to = v6 ? (void *)&address->v6.sin6_addr : (void *)&address->v4.sin_addr;
    in_port_t *port = v6 ? &address->v6.sin6_port : &address->v4.sin_port;
    if (inet_pton(address->any.sa_family, host, to) != 1 || !parse_port(colon + (v6 ? 2 : 1), port)) {
        return 0;
    }
    return v6 ? sizeof address->v6 : sizeof address->v4;
}

/*
 * Writes the address as the configuration would; abstract and unnamed unix sockets show as "unix:@name" and
 * "unix:".
 */
static void write_address(struct listener *listener, const union address *address, socklen_t len)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        snprintf(listener->address, sizeof listener->address, "%s:%u", host, ntohs(address->v4.sin_port));
    } else if (address->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        snprintf(listener->address, sizeof listener->address, "[%s]:%u", host, ntohs(address->v6.sin6_port));
    } else {
        size_t path_len =
            len > offsetof(struct sockaddr_un, sun_path) ? len - offsetof(struct sockaddr_un, sun_path) : 0;
        bool abstract = path_len > 0 && address->local.sun_path[0] == '\0';
        snprintf(listener->address, sizeof listener->address, "unix:%s%.*s", abstract ? "@" : "",
                 (int)(abstract ? path_len - 1 : path_len), address->local.sun_path + (abstract ? 1 : 0));
    }
}

static bool open_tcp(struct listener *listener, const union address *address, socklen_t len, const char *text,
                     struct err *err)
{
    static const int on = 1;
    bool v6 = address->any.sa_family == AF_INET6;
    listener->tcp = true;
    listener->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* V6ONLY: [::] would otherwise be open to IPv4 peers as well, which nobody wrote. */
    if (listener->fd < 0 || setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (v6 && setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        bind(listener->fd, &address->any, len) != 0) {
        err_set(err, "cannot listen on %s: %s", text, strerror(errno));
        return false;
    }
    return true;
}

static bool bind_address(struct listener *listener, const char *address, mode_t mode, const char *group,
                         struct err *err)
{
    if (strncmp(address, "unix:", 5) == 0) {
        return listener_open_unix(listener, address + 5, mode, group, err);
    }
    union address tcp;
    socklen_t len = parse_tcp(address, &tcp);
    if (len == 0) {
        err_set(err, "cannot listen on %s: not unix:/path, A.B.C.D:PORT or [v6]:PORT", address);
        return false;
    }
    return open_tcp(listener, &tcp, len, address, err);
}

bool listener_open(struct listener *listener, const char *address, mode_t mode, const char *group,
                   struct err *err)
{
    *listener = (struct listener){.fd = -1};
    union address bound = {.storage = {0}};
    socklen_t len = sizeof bound;
    if (!bind_address(listener, address, mode, group, err)) {
        listener_close(listener);
        return false;
    }
    if (listen(listener->fd, LISTEN_BACKLOG) != 0 || getsockname(listener->fd, &bound.any, &len) != 0) {
        err_set(err, "cannot listen on %s: %s", address, strerror(errno));
        listener_close(listener);
        return false;
    }
    write_address(listener, &bound, len);
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
    union address address = {.storage = {0}};
    socklen_t len = sizeof address;
    if (!option_is(fd, SO_TYPE, SOCK_STREAM) || !option_is(fd, SO_ACCEPTCONN, 1) ||
        getsockname(fd, &address.any, &len) != 0) {
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
    write_address(listener, &address, len);
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

int listener_accept(const struct listener *listener, struct sockaddr_storage *peer)
{
    union address address = {.storage = {0}};
    socklen_t len = sizeof address;
    int fd = accept4(listener->fd, &address.any, &len, SOCK_CLOEXEC);
    *peer = address.storage;
    return fd;
}
