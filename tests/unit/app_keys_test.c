#include "app/keys.h"

#include <stdio.h>

#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/digest.h"
#include "unit.h"

/* The SHA-256 of "first" in upper case, of "second" and of "" in lower case. */
#define FIRST  "A7937B64B8CAA58F03721BB6BACF5C78CB235FEBE0E70B1B84CD99541461A08E"
#define SECOND "16367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4"

static struct config_key configured[] = {{.name = "one", .sha256 = FIRST}, {.name = "two", .sha256 = SECOND}};
static const struct config config = {.keys = configured, .key_count = 2};

static const char *find(const struct keys *keys, const char *authorization)
{
    const struct config_key *key = &configured[0];
    switch (keys_find(keys, authorization, &key)) {
    case KEYS_NONE:
        CU_ASSERT_PTR_NULL(key);
        return "none";
    case KEYS_FOUND:
        CU_ASSERT_PTR_NOT_NULL_FATAL(key);
        return key->name;
    case KEYS_UNKNOWN:
        CU_ASSERT_PTR_NULL(key);
        return "unknown";
    case KEYS_FAILED:
        break;
    }
    return "failed";
}

static void test_bearer(void)
{
    static const struct {
        const char *authorization;
        const char *found;
    } cases[] = {
        {NULL, "none"},
        {"", "none"},
        {"Bearer first", "one"},
        {"Bearer second", "two"},
        {"bearer first", "one"},
        {"BEARER   first", "one"},
        {"Bearer third", "unknown"},
        {"Bearer firs", "unknown"},
        {"Bearer firstt", "unknown"},
        {"Bearer First", "unknown"},
        {"Bearer first ", "unknown"},
        {"Bearer first second", "unknown"},
        {"Bearer " SECOND, "unknown"}, /* the digest is no key */
        {"Bearer", "unknown"},
        {"Bearer ", "unknown"},
        {"Bearerfirst", "unknown"},
        {"Bearer\tfirst", "unknown"},
        {" Bearer first", "unknown"},
        {"first", "unknown"},
        {"Token first", "unknown"},
        {"Digest username=\"first\"", "unknown"},
    };
    struct keys keys;
    CU_ASSERT_TRUE_FATAL(keys_init(&keys, &config));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *found = find(&keys, cases[i].authorization);
        CU_ASSERT_STRING_EQUAL(found, cases[i].found);
        if (strcmp(found, cases[i].found) != 0) {
            fprintf(stderr, "%s\n", cases[i].authorization);
        }
    }
    keys_free(&keys);
}

static void test_basic(void)
{
    static const struct {
        const char *credentials; /* not yet encoded */
        const char *found;
    } cases[] = {
        {"api:first", "one"},      {":second", "two"},        {"first:second", "two"},
        {"\xc3\xa9:first", "one"}, {"api:first:", "unknown"}, {"api: first", "unknown"},
        {"first", "unknown"},      {"first:", "unknown"},     {":", "unknown"},
        {"a:b:first", "unknown"},  {"api:First", "unknown"},  {"api:" SECOND, "unknown"},
    };
    static const char *const malformed[] = {
        "Basic", "Basic ", "Basic YXBpOmZpcnN0IQ", "Basic !!!!", "Basic YXBpOmZp cnN0", "BasicYXBpOmZpcnN0",
    };
    struct keys keys;
    CU_ASSERT_TRUE_FATAL(keys_init(&keys, &config));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char header[256] = "basic ";
        size_t len = strlen(header);
        len += base64_encode(cases[i].credentials, strlen(cases[i].credentials), header + len);
        header[len] = '\0';
        CU_ASSERT_STRING_EQUAL(find(&keys, header), cases[i].found);
    }
    CU_ASSERT_STRING_EQUAL(find(&keys, "Basic YXBpOmZpcnN0"), "one");
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        CU_ASSERT_STRING_EQUAL(find(&keys, malformed[i]), "unknown");
    }
    keys_free(&keys);
}

static void test_long(void)
{
    static const char *const schemes[] = {"Bearer ", "Basic "};
    char header[5000];
    struct keys keys;
    CU_ASSERT_TRUE_FATAL(keys_init(&keys, &config));
    for (size_t i = 0; i < 2; i++) {
        for (size_t len = 1020; len <= 1028; len += 4) {
            (void)snprintf(header, sizeof header, "%s%0*d", schemes[i], (int)len, 0);
            CU_ASSERT_STRING_EQUAL(find(&keys, header), "unknown");
        }
        (void)snprintf(header, sizeof header, "%s%04900d", schemes[i], 0);
        CU_ASSERT_STRING_EQUAL(find(&keys, header), "unknown");
    }
    keys_free(&keys);
}

/* Without keys every key is a wrong one. */
static void test_no_keys(void)
{
    static const struct config empty = {.key_count = 0};
    struct keys keys;
    CU_ASSERT_TRUE_FATAL(keys_init(&keys, &empty));
    CU_ASSERT_STRING_EQUAL(find(&keys, NULL), "none");
    CU_ASSERT_STRING_EQUAL(find(&keys, "Bearer first"), "unknown");
    keys_free(&keys);
    keys_free(&keys); /* a zeroed one */
}

static void test_challenge(void)
{
    struct http_response response;
    http_response_init(&response);
    keys_challenge(&response, true);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&response.headers),
                           "WWW-Authenticate: Bearer realm=\"fcgi-smtp\", error=\"invalid_token\"\r\n"
                           "WWW-Authenticate: Basic realm=\"fcgi-smtp\", charset=\"UTF-8\"\r\n");
    http_response_reset(&response, 401);
    keys_challenge(&response, false);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&response.headers),
                           "WWW-Authenticate: Bearer realm=\"fcgi-smtp\"\r\n"
                           "WWW-Authenticate: Basic realm=\"fcgi-smtp\", charset=\"UTF-8\"\r\n");
    http_response_free(&response);
}

static const struct unit_test tests[] = {
    {"bearer", test_bearer},   {"basic", test_basic},         {"long credentials", test_long},
    {"no keys", test_no_keys}, {"challenge", test_challenge},
};
UNIT_SUITE(app_keys, tests);
