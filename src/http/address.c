/* Numbers only: names would have to be resolved, and a listener must not depend on that. */
#include "fcgi_smtp/http_address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_PREFIX     "unix:"
#define UNIX_PREFIX_LEN (sizeof UNIX_PREFIX - 1)

/* 1..5 digits, at most 65535; 0 lets the system choose. */
static bool parse_port(const char *text, in_port_t *port)
{
    size_t len = strspn(text, "0123456789");
    unsigned long value = len > 0 && len <= 5 && text[len] == '\0' ? strtoul(text, NULL, 10) : 65536;
    *port = htons((uint16_t)value);
    return value <= 65535;
}

static bool parse_tcp(struct http_address *address, const char *text)
{
    char host[INET6_ADDRSTRLEN];
    bool v6 = text[0] == '[';
    const char *colon = v6 ? strstr(text, "]:") : strchr(text, ':');
    const char *start = v6 ? text + 1 : text;
    if (colon == NULL || (size_t)(colon - start) >= sizeof host) {
        return false;
    }
    memcpy(host, start, (size_t)(colon - start));
    host[colon - start] = '\0';
    address->any.sa_family = v6 ? AF_INET6 : AF_INET;
    address->len = v6 ? sizeof address->v6 : sizeof address->v4;
    void *to = v6 ? (void *)&address->v6.sin6_addr : (void *)&address->v4.sin_addr;
    in_port_t *port = v6 ? &address->v6.sin6_port : &address->v4.sin_port;
    return inet_pton(address->any.sa_family, host, to) == 1 && parse_port(colon + (v6 ? 2 : 1), port);
}

static bool parse_unix(struct http_address *address, const char *path)
{
    size_t len = strlen(path);
    if (path[0] != '/' || len >= sizeof address->local.sun_path) {
        return false;
    }
    address->local.sun_family = AF_UNIX;
    memcpy(address->local.sun_path, path, len + 1);
    address->len = sizeof address->local;
    return true;
}

bool http_address_parse(struct http_address *address, const char *text)
{
    memset(address, 0, sizeof *address);
    if (strncmp(text, UNIX_PREFIX, UNIX_PREFIX_LEN) == 0) {
        return parse_unix(address, text + UNIX_PREFIX_LEN);
    }
    return parse_tcp(address, text);
}

static void write_unix(const struct http_address *address, char out[HTTP_ADDRESS_TEXT_MAX])
{
    size_t before = offsetof(struct sockaddr_un, sun_path);
    size_t len = address->len > before ? address->len - before : 0;
    const char *path = address->local.sun_path;
    bool abstract = len > 0 && path[0] == '\0';
    (void)snprintf(out, HTTP_ADDRESS_TEXT_MAX, UNIX_PREFIX "%s%.*s", abstract ? "@" : "",
                   (int)(abstract ? len - 1 : len), path + (abstract ? 1 : 0));
}

void http_address_write(const struct http_address *address, char out[HTTP_ADDRESS_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        (void)snprintf(out, HTTP_ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(address->v4.sin_port));
    } else if (address->any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        (void)snprintf(out, HTTP_ADDRESS_TEXT_MAX, "[%s]:%u", host, ntohs(address->v6.sin6_port));
    } else {
        write_unix(address, out);
    }
}
