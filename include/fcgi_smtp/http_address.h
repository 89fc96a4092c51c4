/*
 * http_address: where FastCGI is spoken, as the configuration's listen writes it.
 */
#ifndef FCGI_SMTP_HTTP_ADDRESS_H
#define FCGI_SMTP_HTTP_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#define HTTP_ADDRESS_TEXT_MAX (sizeof(struct sockaddr_un) + sizeof "unix:") /* octets, with the NUL */

struct http_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
        struct sockaddr_storage storage;
    };
    socklen_t len;
};

/* "unix:/path", "A.B.C.D:PORT" or "[v6]:PORT" (port 0: any). False: none of these, or a path that is too long. */
bool http_address_parse(struct http_address *address, const char *text);

/* As the configuration would write it; abstract and unnamed unix sockets show as "unix:@name" and "unix:". */
void http_address_write(const struct http_address *address, char out[HTTP_ADDRESS_TEXT_MAX]);

#endif
