/* Which TCP peers may connect. */
#ifndef FCGI_SMTP_HTTP_NETWORK_H
#define FCGI_SMTP_HTTP_NETWORK_H

#include <sys/socket.h>

#include "fcgi_smtp/http_server.h"

/* Whether the peer is in one of the networks; without any network: whether it is on this host. */
bool network_allows(const struct http_network *networks, size_t count, const struct sockaddr *peer);

#endif
