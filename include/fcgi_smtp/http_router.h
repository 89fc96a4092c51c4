/*
 * http_router: a table of routes; path and method choose one.
 */
#ifndef FCGI_SMTP_HTTP_ROUTER_H
#define FCGI_SMTP_HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/slice.h"

struct http_route {
    const char *path;  /* "/send"; a "*" as a segment of it stands for any one that is not empty */
    const char *allow; /* the methods as an Allow header's value: "GET, HEAD" */
    int id;            /* the caller's, > 0 */
};

/*
 * The first route whose path is path; NULL: 404. *method_allowed says whether method (case-sensitive, RFC
 * 9110 9.1) is one of its methods; if not: 405 with allow.
 */
const struct http_route *http_route_find(const struct http_route *routes, size_t count, struct slice path,
                                         const char *method, bool *method_allowed);

/* What stands in path for the route's "*"; empty: it has none, or the route is not path's. */
struct slice http_route_segment(const struct http_route *route, struct slice path);

#endif
