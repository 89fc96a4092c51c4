#include "fcgi_smtp/http_router.h"

#include "unit.h"

static const struct http_route routes[] = {{"/send", "POST", 1},
                                           {"/healthz", "GET, HEAD", 2},
                                           {"/", "GET,HEAD,OPTIONS", 3},
                                           {"/form/*", "POST", 4},
                                           {"/v3/*/messages", "POST", 5}};

static void test_find(void)
{
    static const struct {
        const char *path;
        const char *method;
        int id; /* 0: no route */
        bool allowed;
    } cases[] = {
        {"/send", "POST", 1, true},
        {"/send", "GET", 1, false},
        {"/send", "post", 1, false},
        {"/send", "", 1, false},
        {"/send", "POST, ", 1, false},
        {"/send", "POS", 1, false},
        {"/send", "POSTS", 1, false},
        {"/healthz", "GET", 2, true},
        {"/healthz", "HEAD", 2, true},
        {"/healthz", "GET, HEAD", 2, false},
        {"/healthz", "EAD", 2, false},
        {"/", "OPTIONS", 3, true},
        {"/", "GET", 3, true},
        {"/", "POST", 3, false},
        {"", "GET", 0, false},
        {"/sen", "POST", 0, false},
        {"/send/", "POST", 0, false},
        {"/Send", "POST", 0, false},
        {"/send/x", "POST", 0, false},
        {"send", "POST", 0, false},
        {"/form/a", "POST", 4, true},
        {"/form/*", "POST", 4, true},
        {"/form/a", "GET", 4, false},
        {"/form/", "POST", 0, false},
        {"/form", "POST", 0, false},
        {"/form/a/b", "POST", 0, false},
        {"/form//", "POST", 0, false},
        {"/form/a/", "POST", 0, false},
        {"//a", "POST", 0, false},
        {"/*/a", "POST", 0, false},
        {"/v3/x.example/messages", "POST", 5, true},
        {"/v3//messages", "POST", 0, false},
        {"/v3/x/messages/y", "POST", 0, false},
        {"/v3/x/message", "POST", 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool allowed = !cases[i].allowed;
        const struct http_route *route = http_route_find(routes, sizeof routes / sizeof routes[0],
                                                         slice_of(cases[i].path), cases[i].method, &allowed);
        CU_ASSERT_EQUAL(route != NULL ? route->id : 0, cases[i].id);
        CU_ASSERT_EQUAL(allowed, cases[i].allowed);
    }
}

static void test_no_routes(void)
{
    bool allowed = true;
    CU_ASSERT_PTR_NULL(http_route_find(NULL, 0, SLICE("/send"), "POST", &allowed));
    CU_ASSERT_FALSE(allowed);
}

static void test_segment(void)
{
    static const struct http_route some[] = {
        {"/form/*", "POST", 1}, {"/v3/*/messages", "POST", 2}, {"/v3/*/messages.mime", "POST", 3}};
    static const struct {
        const char *path;
        int id; /* 0: no route */
        const char *segment;
    } cases[] = {
        {"/form/contact", 1, "contact"},
        {"/form/*", 1, "*"},
        {"/form/", 0, ""},
        {"/form", 0, ""},
        {"/form/a/b", 0, ""},
        {"/Form/a", 0, ""},
        {"/v3/mg.example.com/messages", 2, "mg.example.com"},
        {"/v3/mg.example.com/messages.mime", 3, "mg.example.com"},
        {"/v3/a/messagesx", 0, ""},
        {"/v3//messages", 0, ""},
        {"/v3/messages", 0, ""},
        {"/v3/a/b/messages", 0, ""},
        {"/v3/*/messages", 2, "*"},
        {"", 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool allowed = false;
        struct slice path = slice_of(cases[i].path);
        const struct http_route *route = http_route_find(some, 3, path, "POST", &allowed);
        struct slice segment = route != NULL ? http_route_segment(route, path) : (struct slice){0};
        CU_ASSERT_EQUAL(route != NULL ? route->id : 0, cases[i].id);
        CU_ASSERT_EQUAL(allowed, cases[i].id != 0);
        CU_ASSERT_TRUE(slice_equal(segment, slice_of(cases[i].segment)));
    }
    CU_ASSERT_EQUAL(http_route_segment(&routes[0], SLICE("/send")).len, 0);
}

static const struct unit_test tests[] = {
    {"find", test_find}, {"segment", test_segment}, {"no routes", test_no_routes}};
UNIT_SUITE(http_router, tests);
