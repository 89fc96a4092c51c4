/* The listening socket: TCP at an address literal, or a Unix socket. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "server.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

/* 0: it is none. */
static socklen_t make_address(union address *address, const char *text, uint16_t port)
{
    static const char local[] = "unix:";
    *address = (union address){0};
    if (strncmp(text, local, sizeof local - 1) == 0) {
        const char *path = text + sizeof local - 1;
        if (strlen(path) >= sizeof address->local.sun_path) {
            return 0;
        }
        address->local.sun_family = AF_UNIX;
        memcpy(address->local.sun_path, path, strlen(path) + 1);
        return sizeof address->local;
    }
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        return sizeof address->v4;
    }
    if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        return sizeof address->v6;
    }
    return 0;
}

static bool listen_at(struct smtp_script *script, const union address *address, socklen_t size)
{
    int on = 1;
    script->tcp = address->any.sa_family != AF_UNIX;
    script->listener = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (script->listener < 0) {
        return false;
    }
    if (script->tcp) {
        setsockopt(script->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (script->receive_buffer > 0) {
        setsockopt(script->listener, SOL_SOCKET, SO_RCVBUF, &script->receive_buffer, sizeof(int));
    }
    if (bind(script->listener, &address->any, size) != 0) {
        return false;
    }
    if (!script->tcp) {
        script->unix_path = script_copy(address->local.sun_path, strlen(address->local.sun_path));
        return listen(script->listener, SOMAXCONN) == 0;
    }
    union address bound = {0};
    socklen_t bound_size = sizeof bound;
    if (listen(script->listener, SOMAXCONN) != 0 ||
        getsockname(script->listener, &bound.any, &bound_size) != 0) {
        return false;
    }
    script->port = ntohs(bound.any.sa_family == AF_INET ? bound.v4.sin_port : bound.v6.sin6_port);
    return true;
}

bool script_listen(struct smtp_script *script, const char *where, uint16_t port, char *error,
                   size_t error_size)
{
    union address address;
    socklen_t size = make_address(&address, where, port);
    if (size == 0) {
        snprintf(error, error_size, "%s is no address", where);
        return false;
    }
    if (!listen_at(script, &address, size)) {
        snprintf(error, error_size, "%s: %s", where, strerror(errno));
        return false;
    }
    return true;
}
