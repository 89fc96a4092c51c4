/*
 * public_address: whether an address is one of the public Internet's. Pure.
 */
#ifndef FCGI_SMTP_SMTP_PUBLIC_ADDRESS_H
#define FCGI_SMTP_SMTP_PUBLIC_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * False for loopback, private, link-local, multicast, documentation and all other special addresses (IANA's
 * special-purpose registries, RFC 6890), for IPv6 addresses that only wrap such an IPv4 address, and for other
 * families.
 */
bool public_address(const struct sockaddr_storage *address);

#endif
