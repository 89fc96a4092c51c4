/* TLS of the scripted server and the certificates for tests, tried with an OpenSSL client. */
#include "script_run.h"

#include <openssl/x509_vfy.h>
#include <unistd.h>

#include "test_ca.h"
#include "test_client.h"

/* A directory of certificates for one test. */
struct authority {
    char directory[32];
    char ca[64];
};

static void authority_begin(struct authority *authority)
{
    strcpy(authority->directory, "/tmp/smtp_script.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(authority->directory));
    CU_ASSERT_TRUE_FATAL(test_ca_write(authority->directory));
    snprintf(authority->ca, sizeof authority->ca, "%s/ca.pem", authority->directory);
}

static void authority_end(const struct authority *authority)
{
    test_ca_remove(authority->directory);
    CU_ASSERT_NOT_EQUAL(access(authority->directory, F_OK), 0);
}

static struct smtp_script *start(const struct authority *authority, const char *scenario)
{
    struct smtp_script *script = smtp_script_start(
        &(struct smtp_script_options){
            .scenario = scenario, .cert_dir = authority->directory, .grace_ms = 1000},
        NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    return script;
}

static void test_starttls(void)
{
    struct authority authority;
    authority_begin(&authority);
    struct smtp_script *script =
        start(&authority, "S: 220 hi\nC: STARTTLS\nS: 220 go\nTLS\nC: EHLO *\nC+: NOOP\n"
                          "S: 250 ok\nDATA\nS: 250 stored\nWAIT-EOF\n");
    struct test_client client;
    CU_ASSERT_TRUE(test_client_connect(&client, smtp_script_port(script)));
    CU_ASSERT_TRUE(test_client_hears(&client, "220 hi\r\n"));
    CU_ASSERT_TRUE(test_client_say(&client, "STARTTLS\r\n"));
    CU_ASSERT_TRUE(test_client_hears(&client, "220 go\r\n"));
    CU_ASSERT_EQUAL(test_client_handshake(
                        &client, &(struct test_client_tls){.ca_file = authority.ca, .host = "localhost"}),
                    0);
    CU_ASSERT_TRUE(test_client_say(&client, "EHLO me\r\nNOOP\r\n"));
    CU_ASSERT_TRUE(test_client_hears(&client, "250 ok\r\n"));
    CU_ASSERT_TRUE(test_client_say(&client, "x\r\n.\r\n"));
    CU_ASSERT_TRUE(test_client_hears(&client, "250 stored\r\n"));
    test_client_close(&client);
    CU_ASSERT_TRUE(smtp_script_wait(script, 1, 5000));
    char *transcript = smtp_script_transcript(script, 1);
    CU_ASSERT_STRING_EQUAL(transcript,
                           "S: 220 hi\nC: STARTTLS\nS: 220 go\n* tls TLSv1.3 sni=localhost\nC: EHLO me\n"
                           "C: NOOP\nS: 250 ok\n* data 3 octets\nS: 250 stored\n"
                           "* alert received: close notify\n* eof\n* alert sent: close notify\n* closed\n");
    free(transcript);
    char *flights = smtp_script_flights(script, 1);
    CU_ASSERT_STRING_EQUAL(flights, "STARTTLS\\r\\n\nEHLO me\\r\\nNOOP\\r\\n\nx\\r\\n.\\r\\n\n");
    free(flights);
    CU_ASSERT_TRUE(reported(script, ""));
    authority_end(&authority);
}

/* Certificates as the client finds them. */
static const struct {
    const char *name;
    const char *host;
    long verified;
} certificates[] = {
    {"valid", "localhost", X509_V_OK},
    {"valid", "127.0.0.1", X509_V_OK},
    {"valid", "mail.example.test", X509_V_ERR_HOSTNAME_MISMATCH},
    {"other", "localhost", X509_V_OK},
    {"wrong-name", "localhost", X509_V_ERR_HOSTNAME_MISMATCH},
    {"wildcard", "mail.example.test", X509_V_OK},
    {"wildcard", "a.mail.example.test", X509_V_ERR_HOSTNAME_MISMATCH},
    {"ip-only", "127.0.0.1", X509_V_OK},
    {"ip-only", "localhost", X509_V_ERR_HOSTNAME_MISMATCH},
    {"dns-only", "localhost", X509_V_OK},
    {"dns-only", "127.0.0.1", X509_V_ERR_IP_ADDRESS_MISMATCH},
    {"expired", "localhost", X509_V_ERR_CERT_HAS_EXPIRED},
    {"not-yet-valid", "localhost", X509_V_ERR_CERT_NOT_YET_VALID},
    {"self-signed", "localhost", X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT},
    {"unknown-issuer", "localhost", X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY},
    {"common-name", "127.0.0.1", X509_V_ERR_IP_ADDRESS_MISMATCH},
    {"intermediate", "localhost", X509_V_OK},
    {"no-chain", "localhost", X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY},
};

static void test_certificates(void)
{
    struct authority authority;
    authority_begin(&authority);
    for (size_t i = 0; i < COUNT(certificates); i++) {
        bool good = certificates[i].verified == X509_V_OK;
        char scenario[128];
        snprintf(scenario, sizeof scenario, "TLS cert=%s%s\n", certificates[i].name, good ? "" : " fail");
        struct smtp_script *script = start(&authority, scenario);
        struct test_client client;
        const struct test_client_tls tls = {.ca_file = authority.ca, .host = certificates[i].host};
        CU_ASSERT_TRUE(test_client_connect(&client, smtp_script_port(script)));
        long verified = test_client_handshake(&client, &tls);
        if (verified != certificates[i].verified) {
            fprintf(stderr, "\n  %s for %s: %ld\n", certificates[i].name, certificates[i].host, verified);
            CU_FAIL("verified otherwise");
        }
        if (!good) {
            CU_ASSERT_TRUE(smtp_script_wait_line(script, 1, "\\* alert received: *", 5000));
            CU_ASSERT_TRUE(smtp_script_wait_line(script, 1, "\\* tls failed: *", 5000));
        }
        test_client_close(&client);
        CU_ASSERT_TRUE(reported(script, ""));
    }
    authority_end(&authority);
}

static void test_versions(void)
{
    static const struct {
        const char *scenario;
        int client_max;
        const char *line; /* of the transcript */
        const char *report;
    } versions[] = {
        {"TLS max=1.2\n", 0, "\\* tls TLSv1.2 sni=-", ""},
        {"TLS\n", TLS1_2_VERSION, "\\* tls TLSv1.2 sni=-", ""},
        {"TLS max=1.1\n", TLS1_1_VERSION, "\\* tls TLSv1.1 sni=-", ""},
        {"TLS min=1.0\n", TLS1_VERSION, "\\* tls TLSv1 sni=-", ""},
        {"TLS fail max=1.1\n", 0, "\\* alert sent: protocol version", ""},
        {"TLS fail min=1.3\n", TLS1_2_VERSION, "\\* alert sent: protocol version", ""},
        {"TLS\n", TLS1_1_VERSION, "\\* alert sent: protocol version",
         "scenario:1: connection 1: the handshake failed\n"},
        {"TLS fail\n", 0, "\\* tls TLSv1.3 sni=-", "scenario:1: connection 1: the handshake was to fail\n"},
        {"TLS max=2\n", 0, "\\* closed",
         "scenario:1: connection 1: TLS versions are 1.0, 1.1, 1.2 and 1.3\n"},
    };
    struct authority authority;
    authority_begin(&authority);
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct smtp_script *script = start(&authority, versions[i].scenario);
        struct test_client client;
        CU_ASSERT_TRUE(test_client_connect(&client, smtp_script_port(script)));
        test_client_handshake(&client, &(struct test_client_tls){.max_version = versions[i].client_max});
        CU_ASSERT_TRUE(smtp_script_wait_line(script, 1, versions[i].line, 5000));
        test_client_close(&client);
        CU_ASSERT_TRUE(reported(script, versions[i].report));
    }
    authority_end(&authority);
}

/* A client that speaks on after STARTTLS without waiting, or that does not handshake at all. */
static void test_no_handshake(void)
{
    static const struct {
        const char *said;
        const char *report;
    } cases[] = {
        {"STARTTLS\r\nEHLO me\r\n",
         "scenario:2: connection 1: 9 octets came in clear before the handshake\n"},
        {"STARTTLS\r\n", "scenario:2: connection 1: the handshake failed\n"},
    };
    struct authority authority;
    authority_begin(&authority);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct smtp_script *script = start(&authority, "C: STARTTLS\nTLS\n");
        struct test_client client;
        CU_ASSERT_TRUE(test_client_connect(&client, smtp_script_port(script)));
        CU_ASSERT_TRUE(test_client_say(&client, cases[i].said));
        test_client_close(&client);
        CU_ASSERT_TRUE(reported(script, cases[i].report));
    }
    authority_end(&authority);
}

static void test_ends_of_tls(void)
{
    static const struct {
        const char *scenario;
        enum test_client_end end;
    } ends[] = {
        {"TLS\nCLOSE\n", TEST_CLIENT_EOF},
        {"TLS\nCLOSE abrupt\n", TEST_CLIENT_TRUNCATED},
        {"TLS\nRESET\n", TEST_CLIENT_RESET},
        {"TLS\n", TEST_CLIENT_EOF},
    };
    struct authority authority;
    authority_begin(&authority);
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct smtp_script *script = start(&authority, ends[i].scenario);
        struct test_client client;
        CU_ASSERT_TRUE(test_client_connect(&client, smtp_script_port(script)));
        CU_ASSERT_EQUAL(test_client_handshake(&client, &(struct test_client_tls){0}), 0);
        CU_ASSERT_EQUAL(test_client_end(&client), ends[i].end);
        test_client_close(&client);
        CU_ASSERT_TRUE(reported(script, ""));
    }
    authority_end(&authority);
}

static void test_peer_leaves_without_close_notify(void)
{
    struct authority authority;
    authority_begin(&authority);
    struct smtp_script *script = start(&authority, "TLS\nS: hi\nWAIT-EOF\n");
    struct test_client client;
    CU_ASSERT_TRUE(test_client_connect(&client, smtp_script_port(script)));
    CU_ASSERT_EQUAL(test_client_handshake(&client, &(struct test_client_tls){0}), 0);
    CU_ASSERT_TRUE(test_client_hears(&client, "hi\r\n"));
    SSL_set_quiet_shutdown(client.ssl, 1);
    test_client_close(&client);
    CU_ASSERT_TRUE(smtp_script_wait_line(script, 1, "\\* eof without close_notify: *", 5000));
    CU_ASSERT_TRUE(reported(script, ""));
    authority_end(&authority);
}

static void test_sessions_are_resumed(void)
{
    struct authority authority;
    authority_begin(&authority);
    struct smtp_script *script = start(&authority, "== *\nTLS\nS: hi\nWAIT-EOF\n");
    SSL_SESSION *session = NULL;
    for (int i = 0; i < 2; i++) {
        struct test_client client;
        const struct test_client_tls tls = {.ca_file = authority.ca, .host = "localhost", .session = session};
        CU_ASSERT_TRUE(test_client_connect(&client, smtp_script_port(script)));
        CU_ASSERT_EQUAL(test_client_handshake(&client, &tls), 0);
        CU_ASSERT_TRUE(test_client_hears(&client, "hi\r\n")); /* the tickets are there as well */
        SSL_SESSION_free(session);
        session = SSL_get1_session(client.ssl);
        test_client_close(&client);
    }
    SSL_SESSION_free(session);
    CU_ASSERT_TRUE(smtp_script_wait_line(script, 1, "\\* tls TLSv1.3 sni=localhost", 0));
    CU_ASSERT_TRUE(smtp_script_wait_line(script, 2, "\\* tls TLSv1.3 sni=localhost resumed", 0));
    CU_ASSERT_TRUE(reported(script, ""));
    authority_end(&authority);
}

static void test_flood_over_tls_ends_early(void)
{
    struct authority authority;
    authority_begin(&authority);
    struct smtp_script *script = start(&authority, "TLS\nOCTETS 1000000000\n");
    struct test_client client;
    CU_ASSERT_TRUE(test_client_connect(&client, smtp_script_port(script)));
    CU_ASSERT_EQUAL(test_client_handshake(&client, &(struct test_client_tls){0}), 0);
    CU_ASSERT_TRUE(test_client_hears(&client, "xxx"));
    test_client_close(&client);
    CU_ASSERT_TRUE(smtp_script_wait(script, 1, 5000));
    CU_ASSERT_TRUE(reported(script, ""));
    authority_end(&authority);
}

static void test_missing_certificate(void)
{
    struct smtp_script *script = smtp_script_start(
        &(struct smtp_script_options){.scenario = "TLS\n", .cert_file = "/nonexistent/a", .key_file = "b"},
        NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    struct test_client client;
    CU_ASSERT_TRUE(test_client_connect(&client, smtp_script_port(script)));
    CU_ASSERT_EQUAL(test_client_end(&client), TEST_CLIENT_EOF);
    test_client_close(&client);
    CU_ASSERT_FALSE(smtp_script_stop(script));
    CU_ASSERT_TRUE(smtp_script_wait_line(script, 1, "\\* failed: certificate /nonexistent/a, key b: *", 0));
    smtp_script_free(script);
    CU_ASSERT_FALSE(test_ca_write("/nonexistent/directory"));
}

static const struct unit_test tests[] = {
    {"STARTTLS", test_starttls},
    {"certificates", test_certificates},
    {"versions", test_versions},
    {"no handshake", test_no_handshake},
    {"ends of TLS", test_ends_of_tls},
    {"peer leaves without close_notify", test_peer_leaves_without_close_notify},
    {"sessions are resumed", test_sessions_are_resumed},
    {"flood over TLS ends early", test_flood_over_tls_ends_early},
    {"missing certificate", test_missing_certificate},
};

UNIT_SUITE(smtp_script_tls, tests);
