/*
 * syntax: what the texts of single keys may look like. Pure: nothing is looked up or resolved.
 *
 * Texts given to the functions other than syntax_text_prefix hold no control characters.
 */
#ifndef FCGI_SMTP_CONFIG_SYNTAX_H
#define FCGI_SMTP_CONFIG_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/slice.h"

#define SYNTAX_UNIX_PATH_MAX 107 /* octets that fit into struct sockaddr_un, the NUL not counted */
#define SYNTAX_HOST_MAX      253 /* RFC 1035 3.1 leaves 253 for a name in text */

/*
 * The length of the longest prefix that is well-formed UTF-8 without control characters (C0, DEL, C1), line and
 * paragraph separators, byte order marks and noncharacters of the first plane; but those in allowed are.
 */
size_t syntax_text_prefix(struct slice text, const char *allowed);

bool syntax_listen(struct slice text);       /* unix:/path, 127.0.0.1:9000, [::1]:9000 */
bool syntax_network(struct slice text);      /* an address or CIDR network whose host bits are zero */
bool syntax_base_path(struct slice text);    /* "/", "/mail", "/mail/" */
bool syntax_address(struct slice text);      /* IPv4 or IPv6 without brackets */
bool syntax_host(struct slice text);         /* a name, IPv4, IPv6, unix:/path */
bool syntax_host_name(struct slice text);    /* a name alone */
bool syntax_host_pattern(struct slice text); /* a name or address with * and ? */
bool syntax_server_name(struct slice text);  /* letters, digits, "-", "_", "." */
bool syntax_field_name(struct slice text);   /* RFC 5322 3.6.8: ftext */
bool syntax_media_range(struct slice text);  /* type/subtype or type and "*", of RFC 9110's tokens */
bool syntax_sha256(struct slice text);       /* 64 hexadecimal digits */
bool syntax_fingerprint(struct slice text);  /* sha256:BASE64 of 32 octets */

bool syntax_is_unix(struct slice text); /* begins with unix: */

/* Whether both texts are addresses, one of IPv4 and one of IPv6, so that neither can talk to the other. */
bool syntax_families_differ(struct slice a, struct slice b);

/* Whether text is a loopback address (127/8, ::1). */
bool syntax_loopback(struct slice text);

/* Whether a well-formed listen is a TCP address that others than this host can reach. */
bool syntax_listen_exposed(struct slice text);

#endif
