/*
 * domain: the right side of an addr-spec (RFC 5321 4.1.2, 4.1.3). Domain names are address_domain_to_ascii's
 * matter (address.h).
 */
#ifndef FCGI_SMTP_MIME_DOMAIN_H
#define FCGI_SMTP_MIME_DOMAIN_H

#include <stdbool.h>

#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/slice.h"

/*
 * The canonical form of an address literal with its brackets, "[192.0.2.1]" or "[IPv6:2001:db8::1]"; false:
 * it is none, or no memory. Other literals (General-address-literal) have no meaning that anybody registered.
 */
bool domain_literal_canonical(struct slice literal, struct arena *arena, struct slice *canonical);

#endif
