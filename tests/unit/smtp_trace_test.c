/* What a trace tells of a connection, and that it tells no secret. */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/tls_certificate.h"
#include "smtp/trace.h"
#include "smtp_fixture.h"
#include "unit.h"

#define HELLO "S: 220 mail ESMTP\nC: EHLO client.example\nS: 250-mail\nS: 250 8BITMIME\n"
#define QUIT  "C: QUIT\nWAIT-EOF\n"

/* A trace as lines: a sign for the kind, and the text or the certificate's subject and names. */
struct recorder {
    struct smtp_trace trace;
    struct buf lines;
    int64_t last_us;
};

static void record(void *ctx, const struct smtp_trace_event *event)
{
    static const char *const signs[] = {
        [SMTP_TRACE_RESOLVED] = "resolved ",
        [SMTP_TRACE_CONNECTED] = "connected ",
        [SMTP_TRACE_TLS] = "tls ",
        [SMTP_TRACE_CERTIFICATE] = "cert ",
        [SMTP_TRACE_VERIFIED] = "good: ",
        [SMTP_TRACE_UNVERIFIED] = "not good: ",
        [SMTP_TRACE_SENT] = "> ",
        [SMTP_TRACE_RECEIVED] = "< ",
    };
    struct recorder *recorder = ctx;
    const struct smtp_certificate *certificate = event->certificate;
    CU_ASSERT(event->at_us >= recorder->last_us);
    CU_ASSERT_EQUAL(certificate != NULL, event->kind == SMTP_TRACE_CERTIFICATE);
    recorder->last_us = event->at_us;
    CU_ASSERT(buf_printf(&recorder->lines, "%s%.*s%s%s%s\n", signs[event->kind], SLICE_ARGS(event->text),
                         certificate != NULL ? certificate->subject : "", certificate != NULL ? " for " : "",
                         certificate != NULL ? certificate->names : ""));
}

static void recorder_init(struct recorder *recorder)
{
    *recorder = (struct recorder){.trace = {.event = record, .ctx = recorder}};
    buf_init(&recorder->lines, (size_t)4 * 1024 * 1024);
}

static void expect_lines(const struct recorder *recorder, const char *expected)
{
    if (strcmp(buf_cstr(&recorder->lines), expected) != 0) {
        printf("\nexpected:\n%s\nbut it was:\n%s", expected, buf_cstr(&recorder->lines));
    }
    CU_ASSERT_STRING_EQUAL(buf_cstr(&recorder->lines), expected);
}

static bool has_line(const struct recorder *recorder, const char *text)
{
    bool found = strstr(buf_cstr(&recorder->lines), text) != NULL;
    if (!found) {
        printf("\nno \"%s\" in:\n%s", text, buf_cstr(&recorder->lines));
    }
    return found;
}

/* A traced delivery against the scenario. */
static void run_traced(struct smtp_fixture *f, struct recorder *recorder, const char *scenario)
{
    recorder_init(recorder);
    f->delivery.trace = &recorder->trace;
    smtp_fixture_run(f, scenario, scenario);
}

static void test_delivery(void)
{
    struct smtp_fixture f;
    struct recorder recorder;
    smtp_fixture_init(&f);
    run_traced(&f, &recorder,
               HELLO "C: MAIL *\nS: 250 2.1.0 ok\nC: RCPT *\nS: 250-2.1.5 well\nS: 250 2.1.5 ok\nC: DATA\n"
                     "S: 354 go\nDATA\nS: 250 2.0.0 queued\n" QUIT);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    expect_lines(&recorder, "resolved 127.0.0.1\nconnected 127.0.0.1\n"
                            "< 220 mail ESMTP\n> EHLO client.example\n< 250-mail\n< 250 8BITMIME\n"
                            "> MAIL FROM:<a@example.com>\n< 250 2.1.0 ok\n"
                            "> RCPT TO:<b@example.com>\n< 250-2.1.5 well\n< 250 2.1.5 ok\n"
                            "> DATA\n< 354 go\n> [34 octets of data]\n< 250 2.0.0 queued\n> QUIT\n");
    buf_free(&recorder.lines);
}

/* Replies that end badly are shown as far as they came; nothing in them can steer a terminal. */
static void test_broken_replies(void)
{
    static const struct {
        const char *scenario;
        const char *line;
    } cases[] = {
        {"RAW \"220 a\\x1b[31m\\x07\\xff\\r\\n\"\nC: EHLO *\nCLOSE\n", "< 220 a\\x1b[31m\\x07\\xff\n"},
        {"S: 220-one\nPART: 220 tw\nCLOSE\n", "< 220-one\n< 220 tw\n"},
        {"S: SSH-2.0-OpenSSH_9.2\nWAIT-EOF\n", "< SSH-2.0-OpenSSH_9.2"},
        {"S: 220-one\nS: 221 two\nWAIT-EOF\n", "< 220-one\n< 221 two"},
        {"S: 421 4.3.2 busy\nCLOSE\n", "< 421 4.3.2 busy\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct smtp_fixture f;
        struct recorder recorder;
        smtp_fixture_init(&f);
        run_traced(&f, &recorder, cases[i].scenario);
        CU_ASSERT_NOT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        CU_ASSERT(has_line(&recorder, cases[i].line));
        buf_free(&recorder.lines);
    }
}

static void test_no_connection(void)
{
    struct smtp_fixture f;
    struct recorder recorder;
    smtp_fixture_init(&f);
    recorder_init(&recorder);
    f.delivery.trace = &recorder.trace;
    smtp_fixture_start(&f, "CLOSE\n");
    smtp_fixture_deliver(&f); /* takes the only connection */
    (void)smtp_script_stop(f.script);
    buf_clear(&recorder.lines);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_UNAVAILABLE);
    expect_lines(&recorder, "resolved 127.0.0.1\n");
    smtp_fixture_end(&f, "no connection");
    buf_free(&recorder.lines);
}

/* --- secrets --- */

#define USER     "tim@example.com"
#define PASSWORD "tanstaaftanstaaf"

/* Neither as they are nor in base64, of either and of PLAIN's and LOGIN's responses, at every alignment. */
static const char *const secrets[] = {
    PASSWORD,   "tanstaaf",  "dGFuc3Rh", /* the password begins a group */
    "RhbnN0YW",                          /* or stands at its second octet */
    "0YW5zdGF",                          /* or third */
    "dGltQGV4", "RpbUBleGF", "0aW1AZXhh",
};

static void expect_no_secret(const struct recorder *recorder, const char *what)
{
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        bool found = strstr(buf_cstr(&recorder->lines), secrets[i]) != NULL;
        if (found) {
            printf("\n%s: %s in:\n%s", what, secrets[i], buf_cstr(&recorder->lines));
        }
        CU_ASSERT_FALSE(found);
    }
}

#define OFFER(mechanisms)                                                                                    \
    "S: 220 mail ESMTP\nC: EHLO client.example\nS: 250-mail\nS: 250 AUTH " mechanisms "\n"

static void run_auth(enum smtp_auth auth, const char *scenario, const char *expected)
{
    struct smtp_fixture f;
    struct recorder recorder;
    char password[] = PASSWORD;
    smtp_fixture_init(&f);
    f.settings.user = USER;
    f.settings.password = (struct secret){password, strlen(password)};
    f.settings.auth = auth;
    run_traced(&f, &recorder, scenario);
    expect_no_secret(&recorder, scenario);
    CU_ASSERT(has_line(&recorder, expected));
    buf_free(&recorder.lines);
}

static void test_secrets(void)
{
    static const struct {
        enum smtp_auth auth;
        const char *scenario;
        const char *expected;
    } cases[] = {
        {SMTP_AUTH_PLAIN, OFFER("PLAIN") "C: AUTH PLAIN *\nS: 535 5.7.8 no\n" QUIT,
         "> AUTH PLAIN ***\n< 535 5.7.8 no\n"},
        {SMTP_AUTH_LOGIN,
         OFFER(
             "LOGIN") "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: *\nS: 334 UGFzc3dvcmQ6\nC: *\nS: 535 no\n" QUIT,
         "> AUTH LOGIN\n< 334 ***\n> ***\n< 334 ***\n> ***\n< 535 no\n"},
        /* a challenge of several lines, and one that is cut off */
        {SMTP_AUTH_LOGIN,
         OFFER("LOGIN") "C: AUTH LOGIN\nS: 334-VXNlcm5hbWU6\nS: 334 VXNlcm5hbWU6\nC: *\nS: 535 no\n" QUIT,
         "> AUTH LOGIN\n< 334 ***\n< 334 ***\n> ***\n< 535 no\n"},
        {SMTP_AUTH_LOGIN, OFFER("LOGIN") "C: AUTH LOGIN\nPART: 334 VXNlcm5h\nCLOSE\n",
         "> AUTH LOGIN\n< 334 ***\n"},
        /* a server that repeats what it got */
        {SMTP_AUTH_PLAIN,
         OFFER("PLAIN") "C: AUTH *\nS: 535 AHRpbUBleGFtcGxlLmNvbQB0YW5zdGFhZnRhbnN0YWFm\n" QUIT, "< 535 ***"},
        {SMTP_AUTH_PLAIN, OFFER("PLAIN") "C: AUTH *\nS: 535-no: " PASSWORD "\nS: 535 bye\n" QUIT,
         "< 535-no: ****************\n< 535 bye\n"},
        {SMTP_AUTH_PLAIN, OFFER("PLAIN") "C: AUTH *\nPART: 535 " PASSWORD "\nCLOSE\n", "< 535 ***"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_auth(cases[i].auth, cases[i].scenario, cases[i].expected);
    }
}

/* The writer masks by the step: whatever a mechanism's first response is, it is not shown. */
static void test_every_mechanism(void)
{
    static const char *const names[] = {
        "PLAIN",   "LOGIN",       "CRAM-MD5", "SCRAM-SHA-1",        "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
        "XOAUTH2", "OAUTHBEARER", "EXTERNAL", "SCRAM-SHA-256-PLUS", "X-LATER-ONES"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct recorder recorder;
        char expected[120];
        recorder_init(&recorder);
        struct said said = {STEP_AUTH, slice_of(names[i])};
        trace_command(&recorder.trace, said, SLICE("dGFuc3RhYWY="));
        trace_command(&recorder.trace, said, SLICE("="));
        trace_command(&recorder.trace, said, SLICE(""));
        (void)snprintf(expected, sizeof expected, "> AUTH %s ***\n> AUTH %s ***\n> AUTH %s\n", names[i],
                       names[i], names[i]);
        expect_lines(&recorder, expected);
        buf_free(&recorder.lines);
    }
}

/* --- TLS --- */

static void run_tls(const char *certificate, bool verify, const char *expected)
{
    struct smtp_fixture f;
    struct recorder recorder;
    char ca_file[96];
    char scenario[200];
    smtp_fixture_init(&f);
    f.ca_dir = smtp_fixture_ca();
    (void)snprintf(ca_file, sizeof ca_file, "%s/ca.pem", f.ca_dir);
    f.settings.ca_file = ca_file;
    f.settings.tls = SMTP_TLS_IMPLICIT;
    f.settings.verify = verify;
    f.settings.host = "localhost";
    bool good = strstr(expected, "not good") == NULL || !verify;
    (void)snprintf(scenario, sizeof scenario, "TLS%s cert=%s\n%s", good ? "" : " fail", certificate,
                   good ? "S: 421 busy\nCLOSE\n" : "");
    run_traced(&f, &recorder, scenario);
    CU_ASSERT(has_line(&recorder, expected));
    CU_ASSERT_EQUAL(strstr(buf_cstr(&recorder.lines), "tls TLSv1.3, TLS_") != NULL, good);
    buf_free(&recorder.lines);
}

static void test_tls(void)
{
#define LEAF "cert CN=localhost,O=fcgi-smtp tests for localhost, 127.0.0.1, ::1\n"
    run_tls("valid", true, LEAF "good: chain and name are good\n< 421 busy\n");
    run_tls("intermediate", true, LEAF "cert CN=Intermediate CA,O=fcgi-smtp tests for \ngood: ");
    run_tls("expired", true, LEAF "not good: the certificate has expired\n");
    run_tls("self-signed", true, LEAF "not good: the certificate is self-signed\n");
    run_tls("wrong-name", true,
            " for elsewhere.test\nnot good: name mismatch: the certificate is for elsewhere.test\n");
    run_tls("expired", false,
            LEAF "not good: not verified: the configuration says verify: none\n< 421 busy\n");
#undef LEAF
    smtp_fixture_remove_ca();
}

/* What anybody may write into a certificate is made printable, and what does not fit is left out whole. */
static void test_hostile_certificate(void)
{
    X509 *x509 = X509_new();
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    CU_ASSERT_TRUE_FATAL(x509 != NULL && names != NULL);
    static const unsigned char subject[] = "a\x1b[31m\nb";
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8, subject, -1, -1, 0);
    (void)X509_gmtime_adj(X509_getm_notBefore(x509), 0);
    for (size_t i = 0; i < 100; i++) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();
        (void)ASN1_STRING_set(text, "evil\x1b]0;\x07\n.example", -1);
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
        (void)sk_GENERAL_NAME_push(names, name);
    }
    CU_ASSERT_EQUAL(X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0), 1);
    struct smtp_certificate certificate;
    tls_certificate_describe(x509, &certificate);
    CU_ASSERT_STRING_EQUAL(certificate.subject, "CN=a\\1B[31m\\0Ab");
    CU_ASSERT_PTR_NOT_NULL(strstr(certificate.names, "evil\\x1b]0;\\x07\\x0a.example, evil"));
    CU_ASSERT_STRING_EQUAL(certificate.issuer, "");
    CU_ASSERT_STRING_EQUAL(certificate.not_after, "unreadable");
    for (const char *c = certificate.names; *c != '\0'; c++) {
        CU_ASSERT(*c >= ' ' && *c <= '~');
    }
    GENERAL_NAMES_free(names);
    X509_free(x509);
}

/* --- probes --- */

static void run_probe(const char *scenario, bool authenticate, enum smtp_class class, const char *stage)
{
    struct smtp_fixture f;
    char password[] = PASSWORD;
    smtp_fixture_init(&f);
    f.settings.user = USER;
    f.settings.password = (struct secret){password, strlen(password)};
    smtp_fixture_start(&f, scenario);
    struct smtp_probe probe = {.authenticate = authenticate, .total = deadline_after(20000), .cancel_fd = -1};
    struct smtp_outcome outcome;
    smtp_probe(f.endpoint, &probe, &outcome);
    CU_ASSERT_EQUAL(outcome.class, class);
    CU_ASSERT_STRING_EQUAL(outcome.stage, stage);
    CU_ASSERT_EQUAL(outcome.state, SMTP_DELIVERY_NONE);
    CU_ASSERT_PTR_NULL(outcome.session);
    smtp_fixture_end(&f, scenario);
}

static void test_probe(void)
{
    run_probe(OFFER("PLAIN") "C: AUTH PLAIN *\nS: 235 ok\n" QUIT, true, SMTP_ACCEPTED, "QUIT");
    run_probe(OFFER("PLAIN") QUIT, false, SMTP_ACCEPTED, "QUIT");
    run_probe(OFFER("PLAIN") "C: AUTH PLAIN *\nS: 535 no\n" QUIT, true, SMTP_AUTH_FAILED, "AUTH");
    run_probe("S: 554 no\n" QUIT, true, SMTP_UNAVAILABLE, "greeting");
    run_probe("CLOSE\n", false, SMTP_UNAVAILABLE, "greeting");
}

static void test_probe_deadline(void)
{
    struct smtp_fixture f;
    smtp_fixture_init(&f);
    smtp_fixture_start(&f, "STALL\n");
    struct smtp_probe probe = {.total = deadline_after(100), .cancel_fd = -1};
    struct smtp_outcome outcome;
    smtp_probe(f.endpoint, &probe, &outcome);
    CU_ASSERT_EQUAL(outcome.class, SMTP_TIMED_OUT);
    smtp_fixture_end(&f, "probe's deadline");
}

static const struct unit_test tests[] = {
    {"delivery", test_delivery},
    {"broken replies", test_broken_replies},
    {"no connection", test_no_connection},
    {"secrets", test_secrets},
    {"every mechanism", test_every_mechanism},
    {"TLS", test_tls},
    {"hostile certificate", test_hostile_certificate},
    {"probe", test_probe},
    {"probe's deadline", test_probe_deadline},
};

UNIT_SUITE(smtp_trace, tests);
