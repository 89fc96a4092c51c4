/* A handful of routes: a table and a loop are all that is needed. */
#include "fcgi_smtp/http_router.h"

/* Whether method is a member of the list "GET, HEAD" (RFC 9110, 5.6.1 and 10.2.1). */
static bool list_has(const char *list, struct slice method)
{
    while (*list != '\0') {
        struct slice member = {list, strcspn(list, ", ")};
        if (member.len > 0 && slice_equal(member, method)) {
            return true;
        }
        list += member.len;
        list += strspn(list, ", ");
    }
    return false;
}

/* What stands before the route's "*", and behind it. False: it has none. */
static bool split(const struct http_route *route, struct slice *before, struct slice *behind)
{
    const char *star = strchr(route->path, '*');
    if (star == NULL) {
        return false;
    }
    *before = (struct slice){route->path, (size_t)(star - route->path)};
    *behind = slice_of(star + 1);
    return true;
}

struct slice http_route_segment(const struct http_route *route, struct slice path)
{
    struct slice before;
    struct slice behind;
    if (!split(route, &before, &behind) || path.len <= before.len + behind.len) {
        return (struct slice){0};
    }
    struct slice segment = {path.data + before.len, path.len - before.len - behind.len};
    bool around = slice_equal((struct slice){path.data, before.len}, before) &&
                  slice_equal((struct slice){segment.data + segment.len, behind.len}, behind);
    return around && !slice_has(segment, '/') ? segment : (struct slice){0};
}

static bool matches(const struct http_route *route, struct slice path)
{
    return slice_equal(slice_of(route->path), path) || http_route_segment(route, path).len > 0;
}

const struct http_route *http_route_find(const struct http_route *routes, size_t count, struct slice path,
                                         const char *method, bool *method_allowed)
{
    *method_allowed = false;
    for (size_t i = 0; i < count; i++) {
        if (matches(&routes[i], path)) {
            *method_allowed = list_has(routes[i].allow, slice_of(method));
            return &routes[i];
        }
    }
    return NULL;
}
