#include "app/website/web_origin.h"

#include <stdio.h>

#include "app/website/accept_header.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check(bool gave, bool expected, const char *what)
{
    if (gave != expected) {
        fprintf(stderr, "%s: %d\n", what, gave);
    }
    CU_ASSERT_EQUAL(gave, expected);
}

static void test_accept(void)
{
    static const struct {
        const char *accept;
        bool json;
    } cases[] = {
        {NULL, false},
        {"", false},
        {"*/*", false},
        {"application/json", true},
        {"APPLICATION/JSON", true},
        {"application/json, text/plain, */*", true},                                /* axios */
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false}, /* a browser */
        {"application/json;q=0.9, */*;q=0.8", true},
        {"application/json;q=0.8, */*;q=0.9", false},
        {"application/json, text/html", false}, /* both the same: no preference */
        {"application/json, text/html;q=0.9", true},
        {"text/html;q=0.9, application/json", true},
        {"application/json;q=0.9, text/html", false},
        {"application/json;q=0.5,text/*;q=0.4", true},
        {"application/json;q=0.5,text/*;q=0.5", false},
        {"application/*", true},
        {"application/*;q=0.5, text/html;q=0.4", true},
        {"application/*, */*", false},
        {"application/json;q=0", false},
        {"application/json;q=0.000, application/*", false},
        {"application/json;q=0.001", true},
        {"application/json;q=1.000", true},
        {"application/json;q=1.001", false}, /* no quality counts as none */
        {"application/json;q=2", false},
        {"application/json;q=", true},
        {"application/json;q=x", false},
        {"application/json;q=0,5", false},
        {"application/json;q=0.1234", false},
        {"application/json; charset=utf-8 ; q=0.7 , text/html;q=0.6", true},
        {"application/json ; Q=0.7,text/html;q=0.8", false},
        {" , ,application/json,, ", true},
        {"application/jsonp", false},
        {"application/problem+json", false},
        {"text/html;q=0, application/json;q=0", false},
        {"text/html;q=0, application/json;q=0.1", true},
        {"*/*;q=0, application/json", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        check(accept_header_prefers_json(cases[i].accept), cases[i].json, cases[i].accept);
    }
}

static void test_parse(void)
{
    static const struct {
        const char *text;
        bool origin, url;
        const char *written; /* of the origin */
    } cases[] = {
        {"https://example.com", true, true, "https://example.com"},
        {"http://example.com", true, true, "http://example.com"},
        {"HTTPS://Example.COM", true, true, "https://Example.COM"},
        {"https://example.com:443", true, true, "https://example.com"},
        {"http://example.com:443", true, true, "http://example.com:443"},
        {"https://example.com:8443", true, true, "https://example.com:8443"},
        {"https://[::1]:8443", true, true, "https://[::1]:8443"},
        {"https://127.0.0.1", true, true, "https://127.0.0.1"},
        {"https://a_b.example", true, true, "https://a_b.example"},
        {"https://example.com/", false, true, "https://example.com"},
        {"https://example.com/a?b#c", false, true, "https://example.com"},
        {"https://example.com?b", false, true, "https://example.com"},
        {"https://example.com#b", false, true, "https://example.com"},
        {"https://example.com:8443/a", false, true, "https://example.com:8443"},
        {"https://user@example.com/", false, false, NULL},
        {"https://user:pass@example.com/", false, false, NULL},
        {"https://example.com@evil.example/", false, false, NULL},
        {"https://example.com\\@evil.example/", false, false, NULL},
        {"https://example.com:", false, false, NULL},
        {"https://example.com:/", false, false, NULL},
        {"https://example.com:65536", false, false, NULL},
        {"https://example.com:000443", false, false, NULL},
        {"https://example.com:4a", false, false, NULL},
        {"https://exa mple.com", false, false, NULL},
        {"https://ex%61mple.com", false, false, NULL},
        {"https://\xC3\xA4.example", false, false, NULL},
        {"https://", false, false, NULL},
        {"https:///x", false, false, NULL},
        {"https:/example.com", false, false, NULL},
        {"https:example.com", false, false, NULL},
        {"https://[::1", false, false, NULL},
        {"https://[]", false, false, NULL},
        {"https://[::1]x", false, false, NULL},
        {" https://example.com", false, false, NULL},
        {"//example.com", false, false, NULL},
        {"example.com", false, false, NULL},
        {"null", false, false, NULL},
        {"file:///x", false, false, NULL},
        {"javascript://example.com/%0aalert(1)", false, false, NULL},
        {"", false, false, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct web_origin origin;
        struct buf out;
        buf_init(&out, 1000);
        check(web_origin_parse(&origin, slice_of(cases[i].text)), cases[i].origin, cases[i].text);
        check(web_origin_of_url(&origin, slice_of(cases[i].text)), cases[i].url, cases[i].text);
        if (cases[i].url) {
            CU_ASSERT_TRUE(web_origin_append(&out, &origin));
            CU_ASSERT_STRING_EQUAL(buf_cstr(&out), cases[i].written);
        }
        buf_free(&out);
    }
}

static char *listed[] = {(char[]){"https://example.com"}, (char[]){"http://localhost:8080"},
                         (char[]){"https://other.example:443"}};
static const struct config_strings list = {listed, COUNT(listed)};
static const struct config_strings none = {NULL, 0};

static void test_requests(void)
{
    static const struct {
        const char *origin, *referer, *host;
        const struct config_strings *list;
        bool allowed;
    } cases[] = {
        {NULL, NULL, "a.example", &list, true}, /* both absent */
        {"", "", "a.example", &list, true},
        {NULL, NULL, NULL, &none, true},
        {"https://example.com", NULL, "a.example", &list, true},
        {"https://EXAMPLE.com", NULL, "a.example", &list, true},
        {"https://example.com:443", NULL, "a.example", &list, true},
        {"https://other.example", NULL, "a.example", &list, true},
        {"http://localhost:8080", NULL, "a.example", &list, true},
        {"http://localhost", NULL, "a.example", &list, false},
        {"http://example.com", NULL, "a.example", &list, false}, /* another scheme */
        {"https://example.com:444", NULL, "a.example", &list, false},
        {"https://www.example.com", NULL, "a.example", &list, false},
        {"https://example.com.evil.example", NULL, "a.example", &list, false},
        {"https://evil.example", NULL, "a.example", &list, false},
        {"null", NULL, "a.example", &list, false},
        {"null", "https://example.com/", "a.example", &list, false},
        {"null", NULL, "null", &list, false},
        {"https://evil.example", "https://example.com/", "a.example", &list, false}, /* Origin comes first */
        {"https://example.com", "https://evil.example/", "a.example", &list, true},
        {"", "https://evil.example/", "a.example", &list, false},
        {NULL, "https://example.com/contact.html?x=y", "a.example", &list, true},
        {NULL, "https://example.com", "a.example", &list, true},
        {NULL, "https://example.com@evil.example/", "a.example", &list, false},
        {NULL, "https://evil.example/https://example.com/", "a.example", &list, false},
        {NULL, "about:blank", "a.example", &list, false},
        /* where the form itself is: there the page that corrects it comes from */
        {"https://a.example", NULL, "a.example", &list, true},
        {"http://a.example", NULL, "A.example", &list, true},
        {"https://a.example", NULL, "a.example", &none, true},
        {"https://a.example", NULL, "a.example:443", &none, true},
        {"https://a.example:8443", NULL, "a.example:8443", &none, true},
        {"https://a.example:8443", NULL, "a.example", &none, true}, /* a web server may leave the port out */
        {"https://a.example", NULL, "a.example:8443", &none, false},
        {"https://b.example", NULL, "a.example", &none, false},
        {"https://a.example", NULL, NULL, &none, false},
        {"https://a.example", NULL, "", &none, false},
        {"https://a.example", NULL, "a.example/", &none, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        check(web_origin_request_allowed(cases[i].origin, cases[i].referer, cases[i].host, cases[i].list),
              cases[i].allowed, cases[i].origin != NULL ? cases[i].origin : cases[i].referer);
    }
}

static void test_targets(void)
{
    static const struct {
        const char *target;
        bool allowed, valid;
        const char *location;
    } cases[] = {
        {"/", true, true, "/"},
        {"/thanks", true, true, "/thanks"},
        {"/a/b?c=d&e=//f#g", true, true, "/a/b?c=d&e=//f#g"},
        {"/./x", true, true, "/./x"},
        {"/gr\xC3\xBC\xC3\x9F"
         "e dich",
         true, true, "/gr%C3%BC%C3%9Fe%20dich"},
        {"https://example.com", true, true, "https://example.com"},
        {"https://example.com/x", true, true, "https://example.com/x"},
        {"https://example.com?x", true, true, "https://example.com?x"},
        {"http://localhost:8080/", true, true, "http://localhost:8080/"},
        {"https://evil.example/", false, true, "https://evil.example/"},
        {"http://example.com/", false, true, "http://example.com/"},
        {"https://example.com:444/", false, true, "https://example.com:444/"},
        {"//evil.example", false, false, NULL},
        {"///evil.example", false, false, NULL},
        {"/\\evil.example", false, false, NULL},
        {"\\\\evil.example", false, false, NULL},
        {"\\/evil.example", false, false, NULL},
        {"/x\\y", false, false, NULL},
        {"/\t/evil.example", false, false, NULL},
        {"/\n/evil.example", false, false, NULL},
        {"/x\r\nSet-Cookie: a=b", false, false, NULL},
        {"\t//evil.example", false, false, NULL},
        {" /x", false, false, NULL},
        {"/\x7F", false, false, NULL},
        {"https://example.com\\@evil.example/", false, false, NULL},
        {"https://example.com@evil.example/", false, false, NULL},
        {"https://example.com/\r\nx", false, false, NULL},
        {"https:evil.example", false, false, NULL},
        {"javascript:alert(1)", false, false, NULL},
        {"data:text/html,x", false, false, NULL},
        {"thanks.html", false, false, NULL},
        {"?x", false, false, NULL},
        {"", false, false, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice target = slice_of(cases[i].target);
        check(web_origin_target_allowed(target, &list), cases[i].allowed, cases[i].target);
        check(web_origin_target_valid(target), cases[i].valid, cases[i].target);
        struct buf out;
        buf_init(&out, 1000);
        if (cases[i].valid) {
            CU_ASSERT_TRUE(web_origin_append_target(&out, target));
            CU_ASSERT_STRING_EQUAL(buf_cstr(&out), cases[i].location);
        }
        buf_free(&out);
    }
    CU_ASSERT_FALSE(web_origin_target_allowed(SLICE("/a\0b"), &list));
    CU_ASSERT_FALSE(web_origin_target_allowed(SLICE("https://example.com/"), &none));
}

/* What no Location header has room for is refused before a mail is sent, not after. */
static void test_long_targets(void)
{
    static char path[WEB_ORIGIN_TARGET_MAX + 2];
    memset(path, 'a', sizeof path - 1);
    path[0] = '/';
    struct slice target = {path, WEB_ORIGIN_TARGET_MAX};
    CU_ASSERT_TRUE(web_origin_target_allowed(target, &none));
    CU_ASSERT_TRUE(web_origin_target_valid(target));
    target.len++;
    CU_ASSERT_FALSE(web_origin_target_allowed(target, &none));
    CU_ASSERT_FALSE(web_origin_target_valid(target));
    target.len -= 3;
    path[1] = ' '; /* %20 */
    CU_ASSERT_TRUE(web_origin_target_allowed(target, &none));
    path[2] = ' ';
    CU_ASSERT_FALSE(web_origin_target_allowed(target, &none));
}

static const struct unit_test tests[] = {
    {"Accept", test_accept},
    {"origins and URLs", test_parse},
    {"who may post", test_requests},
    {"where to go after", test_targets},
    {"long targets", test_long_targets},
};
UNIT_SUITE(app_web_origin, tests);
