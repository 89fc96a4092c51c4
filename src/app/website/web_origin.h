/*
 * web_origin: origins of web pages (RFC 6454), and where a browser may be sent to. Pure.
 *
 * Narrower than browsers are: what one of them might read in another way is no origin here.
 */
#ifndef FCGI_SMTP_APP_WEB_ORIGIN_H
#define FCGI_SMTP_APP_WEB_ORIGIN_H

#include <stdbool.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/config.h"

/* Octets of a target in a Location header: by default nginx takes no more than 4 KiB of an answer's header fields
 * (fastcgi_buffer_size), and what comes with a longer one would be a 502. */
#define WEB_ORIGIN_TARGET_MAX ((size_t)2 * 1024)

/* A host and, where one was said, its port; views of what was parsed. */
struct web_origin {
    bool secure; /* https */
    struct slice host;
    unsigned port; /* the scheme's own, where none was said */
};

/* "https://host" or "http://host", and ":port": as an Origin header has it (RFC 6454 7). "null" is none. */
bool web_origin_parse(struct web_origin *origin, struct slice text);

/* The origin of an absolute http or https URL, as a Referer header has it; a user name in it makes it none. */
bool web_origin_of_url(struct web_origin *origin, struct slice url);

/* Appends it as an Origin header has it, with the port where it is not the scheme's own. */
bool web_origin_append(struct buf *out, const struct web_origin *origin) BUF_MUST_CHECK;

/* Whether the origin is in the list, whose entries web_origin_parse takes. */
bool web_origin_listed(const struct web_origin *origin, const struct config_strings *list);

/* Whether it is where a request for that host (RFC 9110 7.2) came in, by whichever of the two schemes; and by whichever port,
 * if host has none. */
bool web_origin_is_host(const struct web_origin *origin, struct slice host);

/*
 * Whether a request may come from where its Origin header, else its Referer says (NULL or "": not there): from nowhere
 * that is said, from an origin in the list, or from the request's own host.
 */
bool web_origin_request_allowed(const char *origin, const char *referer, const char *host,
                                const struct config_strings *list);

/*
 * Whether a browser may be sent to the target: a path ("/x", never "//host" or what a browser reads as one), or an
 * absolute URL of an origin in the list. None with a control character or backslash in it, or one that would be longer than
 * WEB_ORIGIN_TARGET_MAX in the header.
 */
bool web_origin_target_allowed(struct slice target, const struct config_strings *list);

/* Whether the target is a path or an http or https URL at all. */
bool web_origin_target_valid(struct slice target);

/* Appends a valid target for a Location header: what is not printable ASCII is percent-encoded. */
bool web_origin_append_target(struct buf *out, struct slice target) BUF_MUST_CHECK;

#endif
