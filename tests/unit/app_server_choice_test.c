#include <stdio.h>

#include "app_fixture.h"
#include "unit.h"

#define SERVERS                                                                                              \
    "server: main\n"                                                                                         \
    "servers:\n"                                                                                             \
    "  main: {host: mail.example.com, port: 587, user: app, password: secret, domain: web.example.com,\n"    \
    "         verify: none, allow_cleartext_auth: true, auth: login}\n"                                      \
    "  backup: {host: backup.example.com, port: 465}\n"                                                      \
    "  local: {host: localhost, port: 25}\n"
#define OPEN                                                                                                 \
    SERVERS "allow: {override: [server, port, tls, credentials, domain], servers: [backup, local],\n"        \
            "        hosts: [\"*\", named.example.com, 127.0.0.1], ports: [25, 465, 587, 2525]}\n"

static const char *tls_text(enum config_tls tls)
{
    static const char *const texts[] = {
        [CONFIG_TLS_UNSET] = "unset",
        [CONFIG_TLS_STARTTLS] = "starttls",
        [CONFIG_TLS_IMPLICIT] = "implicit",
        [CONFIG_TLS_NONE] = "none",
    };
    return texts[tls];
}

/* "name host:port tls user/password domain", and what differs from the strict defaults. */
static void describe(const struct server_choice *choice, struct buf *out)
{
    const struct config_server *settings = choice->overrides ? &choice->settings : choice->server;
    CU_ASSERT_TRUE(buf_printf(out, "%s %s:%lld %s", server_choice_name(choice), settings->host,
                              (long long)settings->port, tls_text(settings->tls)));
    if (settings->user != NULL) {
        CU_ASSERT_TRUE(buf_printf(out, " %s/%.*s", settings->user, (int)settings->password.len,
                                  settings->password.data));
    } else {
        CU_ASSERT_PTR_NULL(settings->password.data);
    }
    CU_ASSERT_TRUE(buf_printf(out, "%s%s%s%s%s", settings->verify == CONFIG_VERIFY_NONE ? " unverified" : "",
                              settings->allow_cleartext_auth ? " cleartext" : "",
                              settings->auth == CONFIG_AUTH_AUTO ? "" : " auth",
                              choice->public_only ? " public" : "",
                              strcmp(settings->domain, "other.example.com") == 0 ? " other" : ""));
}

#define MAIN "main mail.example.com:587 starttls app/secret unverified cleartext auth"

static void test_chosen(void)
{
    static const struct {
        const char *yaml;
        const char *form;
        const char *expected;
    } cases[] = {
        {SERVERS, "", MAIN},
        {SERVERS, "server=main", MAIN}, /* what it would be anyway */
        {OPEN, "server=backup", "backup backup.example.com:465 implicit"},
        {OPEN, "server=local", "local localhost:25 none"},
        /* the configuration's credentials go to its host, port and TLS mode alone */
        {OPEN, "port=2525", "main mail.example.com:2525 starttls unverified cleartext auth"},
        {OPEN, "port=587", "main mail.example.com:587 starttls unverified cleartext auth"},
        {OPEN, "tls=none", "main mail.example.com:587 none unverified cleartext auth"},
        {OPEN, "tls=starttls", "main mail.example.com:587 starttls unverified cleartext auth"},
        {OPEN, "port=465", "main mail.example.com:465 implicit unverified cleartext auth"},
        {OPEN, "port=465&tls=starttls", "main mail.example.com:465 starttls unverified cleartext auth"},
        {OPEN, "domain=other.example.com", MAIN " other"},
        {OPEN, "user=me&password=mine",
         "main mail.example.com:587 starttls me/mine unverified cleartext auth"},
        {OPEN, "port=2525&user=me&password=mine",
         "main mail.example.com:2525 starttls me/mine unverified cleartext auth"},
        {OPEN, "server=local&port=2525", "local localhost:2525 starttls"},
        {OPEN, "server=backup&port=25", "backup backup.example.com:25 starttls"},
        /* a host of its own: nothing of the entry's trust, credentials, port or mode */
        {OPEN, "server=smtp.example.net", "smtp.example.net smtp.example.net:25 starttls public"},
        {OPEN, "server=named.example.com", "named.example.com named.example.com:25 starttls"},
        {OPEN, "server=127.0.0.1", "127.0.0.1 127.0.0.1:25 none"},
        {OPEN, "server=127.0.0.2", "127.0.0.2 127.0.0.2:25 none public"},
        {OPEN, "server=::1&port=2525", "::1 ::1:2525 starttls public"},
        {OPEN, "server=localhost", "localhost localhost:25 none public"},
        {OPEN, "server=mail.example.com", "main mail.example.com:25 starttls public"},
        {OPEN, "server=smtp.example.net&user=me&password=mine",
         "smtp.example.net smtp.example.net:587 starttls me/mine public"},
        {OPEN, "server=smtp.example.net&tls=implicit&user=me&password=mine",
         "smtp.example.net smtp.example.net:465 implicit me/mine public"},
        {OPEN, "server=smtp.example.net&port=465", "smtp.example.net smtp.example.net:465 implicit public"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_fixture fixture;
        struct buf text;
        buf_init(&text, 1024);
        app_fixture_init(&fixture, cases[i].yaml);
        CU_ASSERT_EQUAL(app_fixture_choose(&fixture, cases[i].form), SERVER_CHOSEN);
        CU_ASSERT_EQUAL(fixture.errors.count, 0);
        describe(&fixture.choice, &text);
        if (strcmp(buf_cstr(&text), cases[i].expected) != 0) {
            fprintf(stderr, "%s\n  gave: %s\n", cases[i].form, buf_cstr(&text));
        }
        CU_ASSERT_STRING_EQUAL(buf_cstr(&text), cases[i].expected);
        buf_free(&text);
        app_fixture_free(&fixture);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *allow;
        const char *form;
        const char *field;
        const char *key;
    } cases[] = {
        {"", "server=backup", "server", "allow.servers"},
        {"", "server=smtp.example.net", "server", "allow.servers or allow.override: [server]"},
        {"", "server=no+host", "server", "allow.override: [server]"},
        {"", "port=25", "port", "allow.override: [port]"},
        {"", "tls=none", "tls", "allow.override: [tls]"},
        {"", "user=u&password=p", "user", "allow.override: [credentials]"},
        {"", "user=u", "user", "allow.override: [credentials]"},
        {"", "password=p", "password", "allow.override: [credentials]"},
        {"", "domain=other.example.com", "domain", "allow.override: [domain]"},
        {"", "domain=other.example.com&tls=none&port=25", "port", "allow.override: [port]"}, /* the first */
        {"allow: {override: [port]}\n", "port=2525", "port", "allow.ports"},
        {"allow: {override: [port]}\n", "port=25&tls=none", "tls", "allow.override: [tls]"},
        {"allow: {override: [server]}\n", "server=smtp.example.net", "server", "allow.hosts"},
        {"allow: {override: [server], hosts: [\"*.example.com\"]}\n", "server=smtp.example.net", "server",
         "allow.hosts"},
        {"allow: {override: [server], hosts: [\"*\"]}\n", "server=backup", "server", "allow.servers"},
        {"allow: {servers: [backup]}\n", "server=local", "server", "allow.servers"},
        {"allow: {servers: [backup]}\n", "server=Backup", "server", "allow.servers"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_fixture fixture;
        char yaml[1024];
        snprintf(yaml, sizeof yaml, "%s%s", SERVERS, cases[i].allow);
        app_fixture_init(&fixture, yaml);
        CU_ASSERT_EQUAL(app_fixture_choose(&fixture, cases[i].form), SERVER_NOT_ALLOWED);
        CU_ASSERT_EQUAL(fixture.errors.count, 0);
        CU_ASSERT_STRING_EQUAL(fixture.err.field, cases[i].field);
        app_fixture_expect(fixture.err.text, cases[i].key, cases[i].form);
        app_fixture_free(&fixture);
    }
}

/* Wrong values are errors whether the field is allowed or not, and all are found. */
static void test_wrong_values(void)
{
    static const struct {
        const char *yaml;
        const char *form;
        size_t count;
        const char *field;
        const char *text;
    } cases[] = {
        {OPEN, "port=0", 1, "port", "a number from 1 to 65535"},
        {OPEN, "port=65536", 1, "port", "\"65536\""},
        {OPEN, "port=18446744073709551641", 1, "port", "a number"}, /* 2^64 + 25 */
        {OPEN, "port=25x", 1, "port", "a number"},
        {OPEN, "port=-25", 1, "port", "a number"},
        {OPEN, "tls=STARTTLS", 1, "tls", "starttls, implicit or none"},
        {OPEN, "user=u", 1, "password", "give password too"},
        {OPEN, "password=p", 1, "user", "give user too"},
        {OPEN, "domain=-x-.example", 1, "domain", "one like web1.example.com"},
        {OPEN, "server=unix:/run/smtp", 1, "server", "no host"},
        {OPEN, "server=unix:smtp", 1, "server", "no host"},
        {OPEN, "server=UNIX:smtp", 1, "server", "no host"},
        {OPEN, "server=a@b", 1, "server", "no host"},
        {OPEN, "server=a%0D%0Ab", 1, "server", "no host"},
        {OPEN, "server=a+b", 1, "server", "no host"},
        {SERVERS, "port=x", 1, "port", "a number"},
        {OPEN, "server=/&port=x&tls=y&user=u&domain=-", 5, "server", "no host"},
        {SERVERS, "server=backup&port=x&tls=y", 2, "port", "a number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_fixture fixture;
        app_fixture_init(&fixture, cases[i].yaml);
        (void)app_fixture_choose(&fixture, cases[i].form);
        CU_ASSERT_EQUAL(fixture.errors.count, cases[i].count);
        CU_ASSERT_STRING_EQUAL(fixture.errors.first.field, cases[i].field);
        app_fixture_expect(fixture.errors.first.text, cases[i].text, cases[i].form);
        app_fixture_free(&fixture);
    }
}

static void test_no_memory(void)
{
    struct app_fixture fixture;
    app_fixture_init(&fixture, OPEN);
    app_fixture_sort(&fixture, URLENCODED, SLICE("server=smtp.example.net"));
    fixture.arena.limit = fixture.arena.used;
    CU_ASSERT_EQUAL(server_choice_make(&fixture.choice, &fixture.fields, fixture.config,
                                       &fixture.config->allow, &fixture.arena, &fixture.errors, &fixture.err),
                    SERVER_CHOICE_FAILED);
    app_fixture_expect(fixture.err.text, "no memory", "server");
    app_fixture_free(&fixture);
}

static const struct unit_test tests[] = {
    {"chosen", test_chosen},
    {"not allowed", test_refused},
    {"wrong values", test_wrong_values},
    {"no memory", test_no_memory},
};

UNIT_SUITE(app_server_choice, tests);
