/* Who may see which page, and what browsers are told about it. */
#include "app/pages/pages.h"

#include <stdio.h>

#include "app/exchange.h"
#include "app/redact.h"
#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/digest.h"
#include "fcgi_smtp/log.h"
#include "http/request.h"
#include "http/response.h"
#include "unit.h"

#define SERVER     "server: {host: mail.example.com, tls: none}\n"
#define ALL        "pages: [metrics, status, compose]\n"
#define PARAMS_MAX 8

/* A program and one request at a time, without a socket. */
struct world {
    struct config *config;
    struct app *app;
    struct http_response response;
};

static void begin(struct world *w, const char *yaml)
{
    struct config_report report;
    config_report_init(&report);
    w->config = config_parse("test.yaml", slice_of(yaml), true, &report);
    fputs(buf_cstr(&report.problems), stderr);
    config_report_free(&report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w->config);
    log_open(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT, LOG_TO_STDERR);
    w->app = app_new(w->config, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w->app);
    http_response_init(&w->response);
}

static void end(struct world *w)
{
    http_response_free(&w->response);
    app_free(w->app);
}

/* params: "NAME=value" as nginx gives them. */
static int ask(struct world *w, const char *const *params)
{
    char *given[PARAMS_MAX + 1] = {NULL};
    for (size_t i = 0; i < PARAMS_MAX && params[i] != NULL; i++) {
        given[i] = (char *)(uintptr_t)params[i];
    }
    struct http_request request;
    struct http_handler handler = app_handler(w->app);
    http_request_init(&request, given, NULL, deadline_now());
    http_response_reset(&w->response, 500);
    CU_ASSERT_EQUAL(handler.begin(handler.ctx, &request, &w->response), HTTP_ANSWER);
    handler.finished(handler.ctx, &request, &w->response, true);
    http_request_free(&request);
    return w->response.status;
}

static int get(struct world *w, const char *uri, const char *remote)
{
    return ask(w, (const char *const[]){"REQUEST_METHOD=GET", uri, remote, NULL});
}

static bool body_has(const struct world *w, const char *text)
{
    return strstr(buf_cstr(&w->response.body), text) != NULL;
}

static bool header_has(const struct world *w, const char *text)
{
    return strstr(buf_cstr(&w->response.headers), text) != NULL;
}

#define NEAR "REMOTE_ADDR=127.0.0.1"
#define FAR  "REMOTE_ADDR=192.0.2.9"

static void who_may_see_what(void)
{
    static const struct {
        const char *yaml, *uri, *remote;
        int status;
    } cases[] = {
        {SERVER, "REQUEST_URI=/metrics", NEAR, 404},
        {SERVER, "REQUEST_URI=/status", NEAR, 404},
        {SERVER, "REQUEST_URI=/", NEAR, 404},
        {SERVER "pages: [status]\n", "REQUEST_URI=/status", NEAR, 200},
        {SERVER "pages: [status]\n", "REQUEST_URI=/metrics", NEAR, 404},
        {SERVER "pages: [status]\n", "REQUEST_URI=/", NEAR, 404},
        {SERVER "pages: compose\n", "REQUEST_URI=/", NEAR, 200},
        {SERVER ALL, "REQUEST_URI=/metrics", "REMOTE_ADDR=::1", 200},
        {SERVER ALL, "REQUEST_URI=/metrics", "REMOTE_ADDR=::ffff:127.0.0.1", 200},
        {SERVER ALL, "REQUEST_URI=/metrics", FAR, 401},
        {SERVER ALL, "REQUEST_URI=/status", FAR, 401},
        {SERVER ALL, "REQUEST_URI=/", FAR, 401},
        {SERVER ALL, "REQUEST_URI=/metrics", "REMOTE_ADDR=unix:", 401},
        {SERVER ALL, "REQUEST_URI=/metrics", "REMOTE_ADDR=", 401},
        {SERVER ALL, "REQUEST_URI=/metrics", "REMOTE_ADDR=127.0.0.1, 192.0.2.9", 401},
        {SERVER ALL, "REQUEST_URI=/metrics", "X=", 401}, /* nobody says who it is */
        {SERVER ALL "pages_from: [192.0.2.0/24]\n", "REQUEST_URI=/status", FAR, 200},
        {SERVER ALL "pages_from: [192.0.2.0/24]\n", "REQUEST_URI=/status", NEAR, 401},
        {SERVER ALL "pages_from: []\n", "REQUEST_URI=/status", NEAR, 401},
        {SERVER ALL "base_path: /mail\n", "REQUEST_URI=/mail/status", NEAR, 200},
        {SERVER ALL "base_path: /mail\n", "REQUEST_URI=/mail", NEAR, 200},
        {SERVER ALL "base_path: /mail\n", "REQUEST_URI=/status", NEAR, 404},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w;
        begin(&w, cases[i].yaml);
        int status = get(&w, cases[i].uri, cases[i].remote);
        if (status != cases[i].status) {
            fprintf(stderr, "%s%s from %s: %d\n", cases[i].yaml, cases[i].uri, cases[i].remote, status);
        }
        CU_ASSERT_EQUAL(status, cases[i].status);
        CU_ASSERT_EQUAL(header_has(&w, "WWW-Authenticate: Basic realm=\"fcgi-smtp\""), status == 401);
        CU_ASSERT_EQUAL(body_has(&w, "urn:fcgi-smtp:key-required"), status == 401);
        CU_ASSERT_EQUAL(body_has(&w, "urn:fcgi-smtp:no-such-route"), status == 404);
        end(&w);
    }
}

#define KEYS                                                                                                 \
    "keys:\n"                                                                                                \
    "  - {name: watcher, sha256: %s, allow: {pages: [status, metrics]}}\n"                                   \
    "  - {name: shop, sha256: %s, allow: {recipients: ['*']}}\n"

static void keys_open_pages(void)
{
    static const struct {
        const char *authorization, *uri, *remote;
        int status;
        const char *token; /* of the problem */
    } cases[] = {
        {"HTTP_AUTHORIZATION=Bearer secret-1", "REQUEST_URI=/status", FAR, 200, NULL},
        {"HTTP_AUTHORIZATION=Basic d2hvOnNlY3JldC0x", "REQUEST_URI=/metrics", FAR, 200,
         NULL}, /* who:secret-1 */
        {"HTTP_AUTHORIZATION=Bearer secret-1", "REQUEST_URI=/", FAR, 401, "key-required"},
        {"HTTP_AUTHORIZATION=Bearer secret-1", "REQUEST_URI=/", NEAR, 200,
         NULL}, /* no less than without it */
        {"HTTP_AUTHORIZATION=Bearer secret-2", "REQUEST_URI=/status", FAR, 401, "key-required"},
        {"HTTP_AUTHORIZATION=Bearer secret-3", "REQUEST_URI=/status", FAR, 401, "key-unknown"},
        {"HTTP_AUTHORIZATION=Bearer secret-3", "REQUEST_URI=/status", NEAR, 401, "key-unknown"},
        {"HTTP_AUTHORIZATION=Bearer secret-3", "REQUEST_URI=/healthz", FAR, 200, NULL},
        {"HTTP_AUTHORIZATION=Bearer secret-3", "REQUEST_URI=/readyz", FAR, 503, "not-ready"},
    };
    char yaml[1024];
    unsigned char digests[2][DIGEST_SIZE];
    char hex[2][DIGEST_HEX_SIZE + 1];
    for (size_t i = 0; i < 2; i++) {
        CU_ASSERT_TRUE(digest_of(i == 0 ? SLICE("secret-1") : SLICE("secret-2"), digests[i]));
        digest_to_hex(digests[i], hex[i]);
    }
    snprintf(yaml, sizeof yaml, "server: {host: 127.0.0.1, port: 1, tls: none}\n" ALL KEYS, hex[0], hex[1]);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w;
        begin(&w, yaml);
        int status = ask(&w, (const char *const[]){"REQUEST_METHOD=GET", cases[i].uri, cases[i].remote,
                                                   cases[i].authorization, NULL});
        if (status != cases[i].status || (cases[i].token != NULL && !body_has(&w, cases[i].token))) {
            fprintf(stderr, "%s %s: %d %s\n", cases[i].authorization, cases[i].uri, status,
                    buf_cstr(&w.response.body));
            CU_FAIL("not as expected");
        }
        end(&w);
    }
}

static void methods(void)
{
    static const struct {
        const char *yaml, *method, *uri;
        int status;
    } cases[] = {
        {SERVER ALL, "REQUEST_METHOD=HEAD", "REQUEST_URI=/metrics", 200},
        {SERVER ALL, "REQUEST_METHOD=HEAD", "REQUEST_URI=/", 200},
        {SERVER ALL, "REQUEST_METHOD=POST", "REQUEST_URI=/", 405},
        {SERVER ALL, "REQUEST_METHOD=POST", "REQUEST_URI=/status", 405},
        {SERVER ALL, "REQUEST_METHOD=DELETE", "REQUEST_URI=/readyz", 405},
        {SERVER, "REQUEST_METHOD=POST", "REQUEST_URI=/", 404}, /* what is not there has no methods */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w;
        begin(&w, cases[i].yaml);
        int status = ask(&w, (const char *const[]){cases[i].method, cases[i].uri, NEAR, NULL});
        CU_ASSERT_EQUAL(status, cases[i].status);
        CU_ASSERT_EQUAL(header_has(&w, "Allow: GET, HEAD"), status == 405);
        end(&w);
    }
}

/* The octets of the page's only element of that name. */
static struct slice element(const struct world *w, const char *begin_tag, const char *end_tag)
{
    const char *begin_at = strstr(buf_cstr(&w->response.body), begin_tag);
    CU_ASSERT_PTR_NOT_NULL_FATAL(begin_at);
    begin_at += strlen(begin_tag);
    CU_ASSERT_PTR_NULL(strstr(begin_at, begin_tag));
    const char *end_at = strstr(begin_at, end_tag);
    CU_ASSERT_PTR_NOT_NULL_FATAL(end_at);
    return (struct slice){begin_at, (size_t)(end_at - begin_at)};
}

/* The policy names exactly what the page holds. */
static void expect_source(const struct world *w, const char *directive, struct slice content)
{
    unsigned char digest[DIGEST_SIZE];
    char text[64];
    char source[160];
    CU_ASSERT_TRUE(digest_of(content, digest));
    size_t len = base64_encode(digest, sizeof digest, text);
    snprintf(source, sizeof source, "%s 'sha256-%.*s';", directive, (int)len, text);
    CU_ASSERT_TRUE(header_has(w, source));
}

static void the_policy_is_strict(void)
{
    static const char *const uris[] = {"REQUEST_URI=/status", "REQUEST_URI=/"};
    struct world w;
    begin(&w, SERVER ALL);
    for (size_t i = 0; i < 2; i++) {
        bool compose = i == 1;
        CU_ASSERT_EQUAL(get(&w, uris[i], NEAR), 200);
        CU_ASSERT_TRUE(header_has(&w, "Content-Security-Policy: default-src 'none'; "));
        CU_ASSERT_TRUE(header_has(&w, "; base-uri 'none'; frame-ancestors 'none'; form-action "));
        CU_ASSERT_TRUE(header_has(&w, "X-Content-Type-Options: nosniff\r\n"));
        CU_ASSERT_TRUE(header_has(&w, "Content-Type: text/html; charset=utf-8\r\n"));
        CU_ASSERT_FALSE(header_has(&w, "unsafe"));
        CU_ASSERT_EQUAL(header_has(&w, "form-action 'none'"), !compose);
        CU_ASSERT_EQUAL(header_has(&w, "script-src"), compose);
        CU_ASSERT_EQUAL(body_has(&w, "<script"), compose);
        expect_source(&w, "style-src", element(&w, "<style>", "</style>"));
        if (compose) {
            expect_source(&w, "script-src", element(&w, "<script>", "</script>"));
        }
        /* What the policy would forbid must not be tried. */
        CU_ASSERT_FALSE(body_has(&w, " style="));
        CU_ASSERT_FALSE(body_has(&w, " onclick="));
        CU_ASSERT_FALSE(body_has(&w, "src=\"http"));
        CU_ASSERT_TRUE(body_has(&w, "<html lang=\"en\">"));
    }
    end(&w);
}

static void the_form_leads_to_send(void)
{
    static const struct {
        const char *base, *document, *uri, *target;
    } cases[] = {
        {"", "DOCUMENT_URI=/", "REQUEST_URI=/", "action=\"send\""},
        {"", "DOCUMENT_URI=/", "REQUEST_URI=/?a=/b", "action=\"send\""},
        {"base_path: /mail\n", "DOCUMENT_URI=/mail/", "REQUEST_URI=/mail/", "action=\"send\""},
        {"base_path: /mail\n", "DOCUMENT_URI=/mail", "REQUEST_URI=/mail", "action=\"./mail/send\""},
        {"base_path: /a/mail\n", "DOCUMENT_URI=/a/mail", "REQUEST_URI=/a/mail?x", "action=\"./mail/send\""},
        /* nginx may have changed the path: the browser's counts */
        {"", "DOCUMENT_URI=/", "REQUEST_URI=/outside", "action=\"./outside/send\""},
        {"", "DOCUMENT_URI=/", "REQUEST_URI=//x:y\"><script>",
         "action=\"./x:y&quot;&gt;&lt;script&gt;/send\""},
        {"", "DOCUMENT_URI=/", "X=", "action=\"send\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char yaml[256];
        struct world w;
        snprintf(yaml, sizeof yaml, SERVER ALL "%s", cases[i].base);
        begin(&w, yaml);
        CU_ASSERT_EQUAL(
            ask(&w, (const char *const[]){"REQUEST_METHOD=GET", cases[i].document, cases[i].uri, NEAR, NULL}),
            200);
        CU_ASSERT_TRUE(body_has(&w, cases[i].target));
        CU_ASSERT_TRUE(body_has(&w, "<form method=\"post\" enctype=\"multipart/form-data\""));
        end(&w);
    }
}

static void defaults_are_shown_escaped(void)
{
    struct world w;
    begin(&w, SERVER ALL
          "defaults: {from: '\"A <b> & \\\"c\\\"\" <a@example.com>', subject: \"</textarea>'\"}\n");
    CU_ASSERT_EQUAL(get(&w, "REQUEST_URI=/", NEAR), 200);
    CU_ASSERT_TRUE(body_has(
        &w, "placeholder=\"&quot;A &lt;b&gt; &amp; \\&quot;c\\&quot;&quot; &lt;a@example.com&gt;\""));
    CU_ASSERT_TRUE(body_has(&w, "placeholder=\"&lt;/textarea&gt;&#39;\""));
    end(&w);
}

static void failures_are_shown_without_addresses(void)
{
    struct world w;
    begin(&w, SERVER ALL);
    CU_ASSERT_EQUAL(get(&w, "REQUEST_URI=/status", NEAR), 200);
    CU_ASSERT_TRUE(body_has(&w, "There was none."));
    const struct failure failure = {.at = 951782400,
                                    .status = 502,
                                    .route = "send",
                                    .server = "main",
                                    .problem = "smtp-unavailable",
                                    .request_id = "r1"};
    failures_add(&w.app->failures, &failure,
                 "mail:25 refused <b@example.com>: 550 <script>alert(1)</script> & more");
    CU_ASSERT_EQUAL(get(&w, "REQUEST_URI=/status", NEAR), 200);
    CU_ASSERT_FALSE(body_has(&w, "b@example.com"));
    CU_ASSERT_FALSE(body_has(&w, "<script"));
    CU_ASSERT_TRUE(body_has(&w, "mail:25 refused &lt;" REDACT_MARK "&gt;: 550 "));
    CU_ASSERT_TRUE(body_has(&w, " &amp; more"));
    CU_ASSERT_TRUE(body_has(&w, "2000-02-29 00:00:00 UTC"));
    CU_ASSERT_TRUE(body_has(&w, "smtp-unavailable"));
    end(&w);
}

static void the_chart_grows(void)
{
    struct world w;
    begin(&w, SERVER ALL);
    const struct smtp_outcome outcome = {.class = SMTP_ACCEPTED};
    struct metrics_server *server = metrics_server_named(&w.app->metrics, "default");
    for (size_t i = 0; i < 1000; i++) {
        metrics_count_delivery(&w.app->metrics, server, &outcome, 2000, 0);
    }
    metrics_count_delivery(&w.app->metrics, server, &outcome, 40, 0);
    metrics_count_delivery(&w.app->metrics, &w.app->metrics.others, &outcome, 70000000,
                           0); /* a server of a request's own */
    CU_ASSERT_EQUAL(get(&w, "REQUEST_URI=/status", NEAR), 200);
    CU_ASSERT_TRUE(body_has(&w, "<svg "));
    CU_ASSERT_TRUE(body_has(&w, "height=\"140\"/><text")); /* the highest */
    CU_ASSERT_TRUE(body_has(&w, "height=\"1\"/><text"));   /* one of a thousand can be seen */
    CU_ASSERT_TRUE(body_has(&w, "height=\"0\"/><text"));   /* none has no number */
    CU_ASSERT_TRUE(body_has(&w, ">1000</text>"));
    CU_ASSERT_TRUE(body_has(&w, ">2.5 ms</text>"));
    CU_ASSERT_TRUE(body_has(&w, ">500 \xC2\xB5s</text>"));
    CU_ASSERT_TRUE(body_has(&w, "<td class=\"number\">1,001</td>"));
    CU_ASSERT_TRUE(body_has(&w, "(of requests)"));
    end(&w);
}

/* The number behind the sample of that name and those labels. */
static unsigned long long sample(const struct world *w, const char *name)
{
    char line[200];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *found = strstr(buf_cstr(&w->response.body), line);
    unsigned long long value = 0;
    CU_ASSERT_TRUE(found != NULL && sscanf(found + strlen(line), "%llu", &value) == 1);
    return value;
}

/* Every request once, whatever became of it. */
static void accepted_refused_and_failed_are_all(void)
{
    struct world w;
    begin(&w, SERVER ALL);
    static const char *const uris[] = {"REQUEST_URI=/healthz", "REQUEST_URI=/nothing", "REQUEST_URI=/status",
                                       "REQUEST_URI=/send", "REQUEST_URI=bad"};
    for (size_t i = 0; i < 5; i++) {
        (void)get(&w, uris[i], NEAR);
        (void)get(&w, uris[i], FAR);
    }
    (void)ask(&w, (const char *const[]){"REQUEST_METHOD=POST", "REQUEST_URI=/send", NEAR, NULL});
    CU_ASSERT_EQUAL(get(&w, "REQUEST_URI=/metrics", NEAR), 200);
    CU_ASSERT_TRUE(header_has(&w, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    CU_ASSERT_EQUAL(sample(&w, "fcgi_smtp_requests_total{route=\"healthz\",status=\"200\"}"), 2);
    CU_ASSERT_EQUAL(sample(&w, "fcgi_smtp_requests_total{route=\"other\",status=\"404\"}"), 4);
    CU_ASSERT_EQUAL(sample(&w, "fcgi_smtp_requests_total{route=\"status\",status=\"401\"}"), 1);
    CU_ASSERT_EQUAL(sample(&w, "fcgi_smtp_requests_total{route=\"send\",status=\"405\"}"), 2);
    CU_ASSERT_EQUAL(sample(&w, "fcgi_smtp_requests_total{route=\"send\",status=\"415\"}"), 1);
    CU_ASSERT_EQUAL(sample(&w, "fcgi_smtp_results_total{result=\"accepted\"}"), 3);
    CU_ASSERT_EQUAL(sample(&w, "fcgi_smtp_results_total{result=\"refused\"}"), 8);
    CU_ASSERT_EQUAL(sample(&w, "fcgi_smtp_results_total{result=\"failed\"}"), 0);
    end(&w);
}

static const struct unit_test tests[] = {
    {"who may see what", who_may_see_what},
    {"keys open pages", keys_open_pages},
    {"methods", methods},
    {"the policy is strict", the_policy_is_strict},
    {"the form leads to /send", the_form_leads_to_send},
    {"defaults are shown escaped", defaults_are_shown_escaped},
    {"failures are shown without addresses", failures_are_shown_without_addresses},
    {"the chart grows", the_chart_grows},
    {"accepted, refused and failed are all", accepted_refused_and_failed_are_all},
};
UNIT_SUITE(app_pages, tests);
