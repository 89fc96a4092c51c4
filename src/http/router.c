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

/* Cuts "/segment" off path; the segment, which has no slash. */
static struct slice next_segment(struct slice *path)
{
    const char *begin = path->data + 1;
    const char *slash = memchr(begin, '/', path->len - 1);
    size_t len = slash != NULL ? (size_t)(slash - begin) : path->len - 1;
    *path = (struct slice){begin + len, path->len - 1 - len};
    return (struct slice){begin, len};
}

static bool fits(struct slice pattern, struct slice path)
{
    while (pattern.len > 0 && path.len > 0 && path.data[0] == '/') {
        struct slice wanted = next_segment(&pattern);
        struct slice segment = next_segment(&path);
        bool any = slice_equal(wanted, SLICE("*")) && segment.len > 0;
        if (!any && !slice_equal(wanted, segment)) {
            return false;
        }
    }
    return pattern.len == 0 && path.len == 0;
}

const struct http_route *http_route_find(const struct http_route *routes, size_t count, struct slice path,
                                         const char *method, bool *method_allowed)
{
    *method_allowed = false;
    for (size_t i = 0; i < count; i++) {
        if (fits(slice_of(routes[i].path), path)) {
            *method_allowed = list_has(routes[i].allow, slice_of(method));
            return &routes[i];
        }
    }
    return NULL;
}
