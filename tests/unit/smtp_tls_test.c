/* TLS: what is verified, what the error says, STARTTLS' ways to fail, resumption. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smtp_fixture.h"
#include "unit.h"

#define HELLO "S: 220 mail ESMTP\n" EHLO
#define EHLO  "C: EHLO *\nS: 250-mail\nS: 250 STARTTLS\n"
#define START HELLO "C: STARTTLS\nS: 220 go ahead\n"
#define SEND                                                                                                 \
    "C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\nS: 250 queued\nC: "               \
    "QUIT\nWAIT-EOF\n"
#define QUIT "C: QUIT\nWAIT-EOF\n"

static char ca_file[96];

static void init(struct smtp_fixture *f, enum smtp_tls tls, const char *host)
{
    smtp_fixture_init(f);
    f->ca_dir = smtp_fixture_ca();
    (void)snprintf(ca_file, sizeof ca_file, "%s/ca.pem", f->ca_dir);
    f->settings.ca_file = ca_file;
    f->settings.tls = tls;
    f->settings.host = host;
}

/* --- verification --- */

struct certificate_row {
    const char *certificate;
    const char *host;
    const char *text; /* in the error; NULL: accepted */
};

static const struct certificate_row certificate_rows[] = {
    {"valid", "localhost", NULL},
    {"valid", "127.0.0.1", NULL},
    {"dns-only", "localhost", NULL},
    {"ip-only", "127.0.0.1", NULL},
    {"intermediate", "localhost", NULL},
    {"dns-only", "127.0.0.1", "name mismatch: the certificate is for localhost"},
    {"ip-only", "localhost", "name mismatch: the certificate is for 127.0.0.1"},
    {"wrong-name", "localhost", "name mismatch: the certificate is for elsewhere.test"},
    {"wildcard", "localhost", "name mismatch: the certificate is for *.example.test"},
    {"common-name", "localhost", "name mismatch: the certificate is for no host"},
    {"expired", "localhost", "the certificate has expired"},
    {"not-yet-valid", "localhost", "the certificate is not yet valid"},
    {"self-signed", "localhost", "the certificate is self-signed"},
    {"unknown-issuer", "localhost", "unknown issuer"},
    {"no-chain", "localhost", "unknown issuer"},
};

static void check_certificate(const struct certificate_row *row, enum smtp_tls tls)
{
    struct smtp_fixture f;
    char scenario[600];
    init(&f, tls, row->host);
    (void)snprintf(scenario, sizeof scenario, "%sTLS %s cert=%s\n%s", tls == SMTP_TLS_IMPLICIT ? "" : START,
                   row->text != NULL ? "fail" : "", row->certificate,
                   row->text != NULL          ? ""
                   : tls == SMTP_TLS_IMPLICIT ? HELLO SEND
                                              : EHLO SEND);
    smtp_fixture_run(&f, scenario, row->certificate);
    if (row->text == NULL) {
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        return;
    }
    bool held = f.outcome.class == SMTP_TLS_FAILED && f.outcome.state == SMTP_DELIVERY_NONE &&
                strcmp(f.outcome.stage, "TLS") == 0 && strstr(f.outcome.err.text, row->text) != NULL &&
                strstr(f.outcome.err.text, row->host) != NULL;
    if (!held) {
        printf("\n%s for %s: class %d stage %s: %s\n", row->certificate, row->host, f.outcome.class,
               f.outcome.stage, f.outcome.err.text);
    }
    CU_ASSERT(held);
}

static void certificates(void)
{
    for (size_t i = 0; i < sizeof certificate_rows / sizeof certificate_rows[0]; i++) {
        check_certificate(&certificate_rows[i], SMTP_TLS_IMPLICIT);
        check_certificate(&certificate_rows[i], SMTP_TLS_STARTTLS);
    }
}

static void not_verified(void)
{
    struct smtp_fixture f;
    init(&f, SMTP_TLS_IMPLICIT, "localhost");
    f.settings.verify = false;
    smtp_fixture_run(&f, "TLS cert=expired\n" HELLO SEND, "verify: none");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
}

static void versions(void)
{
    static const struct {
        const char *step;
        bool tls_1_3;
        bool accepted;
    } table[] = {{"TLS fail max=1.1\n", false, false},
                 {"TLS max=1.2\n", false, true},
                 {"TLS min=1.3\n", false, true},
                 {"TLS fail max=1.2\n", true, false},
                 {"TLS min=1.3\n", true, true}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct smtp_fixture f;
        char scenario[400];
        init(&f, SMTP_TLS_IMPLICIT, "localhost");
        f.settings.tls_1_3 = table[i].tls_1_3;
        (void)snprintf(scenario, sizeof scenario, "%s%s", table[i].step, table[i].accepted ? HELLO SEND : "");
        smtp_fixture_run(&f, scenario, table[i].step);
        CU_ASSERT_EQUAL(f.outcome.class, table[i].accepted ? SMTP_ACCEPTED : SMTP_TLS_FAILED);
        CU_ASSERT(table[i].accepted || strstr(f.outcome.err.text, "protocol version") != NULL);
    }
}

static void names_are_sent(void)
{
    struct smtp_fixture f;
    init(&f, SMTP_TLS_IMPLICIT, "localhost");
    smtp_fixture_start(&f, "TLS\n" HELLO SEND);
    smtp_fixture_deliver(&f);
    CU_ASSERT_TRUE(smtp_script_wait_line(f.script, 1, "\\* tls * sni=localhost*", 10000));
    smtp_fixture_end(&f, "SNI");
    init(&f, SMTP_TLS_IMPLICIT, "127.0.0.1");
    smtp_fixture_start(&f, "TLS\n" HELLO SEND);
    smtp_fixture_deliver(&f);
    CU_ASSERT_TRUE(smtp_script_wait(f.script, 1, 10000));
    char *transcript = smtp_script_transcript(f.script, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(transcript, "* tls TLSv1.3"));
    CU_ASSERT_PTR_NULL(strstr(transcript, "sni=1")); /* RFC 6066 3: never an address */
    free(transcript);
    smtp_fixture_end(&f, "no SNI");
}

static void resumption(void)
{
    static const char *const versions_of_tls[] = {"TLS max=1.2\n", "TLS min=1.3\n"};
    for (size_t i = 0; i < 2; i++) {
        struct smtp_fixture f;
        char scenario[600];
        init(&f, SMTP_TLS_IMPLICIT, "localhost");
        (void)snprintf(scenario, sizeof scenario, "== *\n%s%s", versions_of_tls[i], HELLO SEND);
        smtp_fixture_start(&f, scenario);
        for (size_t n = 0; n < 3; n++) {
            smtp_fixture_deliver(&f);
            CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
        }
        CU_ASSERT_TRUE(smtp_script_wait_line(f.script, 2, "\\* tls *resumed*", 10000));
        CU_ASSERT_TRUE(smtp_script_wait_line(f.script, 3, "\\* tls *resumed*", 10000));
        smtp_fixture_end(&f, "resumption");
    }
}

/* --- STARTTLS --- */

struct starttls_row {
    const char *name;
    const char *scenario;
    enum smtp_class class;
    const char *stage;
    const char *text;
};

static const struct starttls_row starttls_rows[] = {
    {"not offered", "S: 220 x\nC: EHLO *\nS: 250-x\nS: 250 SIZE\n" QUIT, SMTP_TLS_FAILED, "STARTTLS",
     "does not offer STARTTLS"},
    {"HELO only", "S: 220 x\nC: EHLO *\nS: 502 x\nC: HELO *\nS: 250 x\n" QUIT, SMTP_TLS_FAILED, "STARTTLS",
     "does not offer STARTTLS"},
    {"refused", HELLO "C: STARTTLS\nS: 454 4.7.0 no TLS\n" QUIT, SMTP_TLS_FAILED, "STARTTLS",
     "refused STARTTLS: 454 4.7.0 no TLS"},
    {"refused for good", HELLO "C: STARTTLS\nS: 502 5.5.1 no\n" QUIT, SMTP_TLS_FAILED, "STARTTLS",
     "502 5.5.1 no"},
    {"injected", HELLO "C: STARTTLS\nRAW \"220 go\\r\\n250 injected\\r\\n\"\nWAIT-EOF\n", SMTP_TLS_FAILED,
     "STARTTLS", "went on in clear"},
    {"one octet injected", HELLO "C: STARTTLS\nRAW \"220 go\\r\\n\\n\"\nWAIT-EOF\n", SMTP_TLS_FAILED,
     "STARTTLS", "went on in clear"},
    {"lost", HELLO "C: STARTTLS\nCLOSE\n", SMTP_UNAVAILABLE, "STARTTLS", "closed the connection"},
    {"lost in the handshake", START "READ-UNTIL-EOF\n", SMTP_TIMED_OUT, "TLS", "the TLS handshake in time"},
    {"forgotten capabilities",
     START "TLS\nC: EHLO *\nS: 250-mail\nS: 250 HELP\nC: MAIL FROM:<a@example.com>\nS: 550 no\n" QUIT,
     SMTP_MESSAGE_REFUSED, "MAIL", "550 no"},
    {"forgotten where EHLO is not known any more",
     "S: 220 x\nC: EHLO *\nS: 250-x\nS: 250-STARTTLS\nS: 250-PIPELINING\nS: 250 SIZE\nC: STARTTLS\nS: 220 "
     "go\n"
     "TLS\nC: EHLO *\nS: 502 no\nC: HELO *\nS: 250 x\nC: MAIL FROM:<a@example.com>\nS: 550 no\n" QUIT,
     SMTP_MESSAGE_REFUSED, "MAIL", "550 no"},
    {"EHLO refused under TLS", START "TLS\nC: EHLO *\nS: 451 no\n" QUIT, SMTP_TEMPORARY, "EHLO", "451 no"},
};

static void starttls(void)
{
    for (size_t i = 0; i < sizeof starttls_rows / sizeof starttls_rows[0]; i++) {
        const struct starttls_row *row = &starttls_rows[i];
        struct smtp_fixture f;
        init(&f, SMTP_TLS_STARTTLS, "localhost");
        if (row->class == SMTP_TIMED_OUT) {
            f.settings.command_timeout_ms = 300;
        }
        smtp_fixture_run(&f, row->scenario, row->name);
        bool held = f.outcome.class == row->class && f.outcome.state == SMTP_DELIVERY_NONE &&
                    strcmp(f.outcome.stage, row->stage) == 0 && strstr(f.outcome.err.text, row->text) != NULL;
        if (!held) {
            printf("\n%s: class %d stage %s: %s\n", row->name, f.outcome.class, f.outcome.stage,
                   f.outcome.err.text);
        }
        CU_ASSERT(held);
    }
}

static void implicit_without_tls(void)
{
    struct smtp_fixture f;
    init(&f, SMTP_TLS_IMPLICIT, "localhost");
    smtp_fixture_run(&f, "S: 220 mail ESMTP\nREAD-UNTIL-EOF\n", "a server without TLS");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_TLS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.outcome.err.text, "does not speak TLS"));
    init(&f, SMTP_TLS_IMPLICIT, "localhost");
    smtp_fixture_run(&f, "CLOSE\n", "closed");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_TLS_FAILED);
}

/* AUTH under TLS; a session of lines and of a large message. */
static void auth_and_large(void)
{
    static char text[1 << 20];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : '.';
    }
    struct smtp_fixture f;
    init(&f, SMTP_TLS_STARTTLS, "localhost");
    smtp_fixture_message(&f, text, sizeof text);
    char password[] = "p";
    f.settings.user = "u";
    f.settings.password = (struct secret){password, 1};
    smtp_fixture_start(
        &f, START "TLS\nC: EHLO *\nS: 250-mail\nS: 250 AUTH PLAIN\nC: AUTH PLAIN AHUAcA==\nS: 235 ok\n" SEND);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    size_t size = 0;
    const unsigned char *got = smtp_script_message(f.script, 0, &size);
    CU_ASSERT(got != NULL && size == sizeof text && memcmp(got, text, size) == 0);
    smtp_fixture_end(&f, "auth and large");
}

static void lost_under_tls(void)
{
    static const struct {
        const char *scenario;
        enum smtp_delivery_state state;
    } table[] = {
        {"TLS\n" HELLO "C: MAIL *\nCLOSE\n", SMTP_DELIVERY_NONE},
        {"TLS\n" HELLO "C: MAIL *\nCLOSE abrupt\n", SMTP_DELIVERY_NONE},
        {"TLS\n" HELLO "C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\nCLOSE\n",
         SMTP_DELIVERY_UNKNOWN},
        {"TLS\n" HELLO "C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\nRESET\n",
         SMTP_DELIVERY_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct smtp_fixture f;
        init(&f, SMTP_TLS_IMPLICIT, "localhost");
        smtp_fixture_run(&f, table[i].scenario, "lost under TLS");
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_UNAVAILABLE);
        CU_ASSERT_EQUAL(f.outcome.state, table[i].state);
    }
}

/* --- endpoints --- */

/* The system's store, a directory instead of it, and a file: read once, for it may be gone by the time of a mail. */
static void trust(void)
{
    enum { SYSTEM, DIRECTORY, GONE };
    for (int i = SYSTEM; i <= GONE; i++) {
        struct smtp_fixture f;
        char directory[] = "/tmp/smtp-test-trust-XXXXXX";
        char command[256];
        char file[64];
        init(&f, SMTP_TLS_IMPLICIT, "localhost");
        CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
        (void)snprintf(file, sizeof file, "%s/ca.pem", directory);
        (void)snprintf(command, sizeof command, "cp %s %s && openssl rehash %s", ca_file, file, directory);
        CU_ASSERT_EQUAL(system(command), 0);
        f.settings.ca_file = i == GONE ? file : NULL;
        f.settings.ca_path = i == DIRECTORY ? directory : NULL;
        smtp_fixture_start(&f, i == SYSTEM ? "TLS fail\n" : "== *\nTLS\n" HELLO SEND);
        CU_ASSERT(i != GONE || unlink(file) == 0);
        for (int mail = 0; mail < (i == SYSTEM ? 1 : 2); mail++) {
            smtp_fixture_deliver(&f);
            CU_ASSERT_EQUAL(f.outcome.class, i == SYSTEM ? SMTP_TLS_FAILED : SMTP_ACCEPTED);
        }
        CU_ASSERT(i != SYSTEM || strstr(f.outcome.err.text, "not signed by an authority") != NULL);
        smtp_fixture_end(&f, "trust");
        (void)snprintf(command, sizeof command, "rm -r %s", directory);
        CU_ASSERT_EQUAL(system(command), 0);
    }
}

/* The system's store is what is trusted when nothing is named, and not beside what is. */
static void system_trust(void)
{
    char directory[] = "/tmp/smtp-test-trust-XXXXXX"; /* of no authorities */
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
    CU_ASSERT_EQUAL(setenv("SSL_CERT_FILE", ca_file, 1), 0); /* OpenSSL's way to say where that store is */
    for (int named = 0; named < 2; named++) {
        struct smtp_fixture f;
        init(&f, SMTP_TLS_IMPLICIT, "localhost");
        f.settings.ca_file = NULL;
        f.settings.ca_path = named != 0 ? directory : NULL;
        smtp_fixture_run(&f, named != 0 ? "TLS fail\n" : "TLS\n" HELLO SEND, "the system's store");
        CU_ASSERT_EQUAL(f.outcome.class, named != 0 ? SMTP_TLS_FAILED : SMTP_ACCEPTED);
    }
    CU_ASSERT_EQUAL(unsetenv("SSL_CERT_FILE"), 0);
    CU_ASSERT_EQUAL(rmdir(directory), 0);
}

static void bad_trust(void)
{
    struct smtp_fixture f;
    init(&f, SMTP_TLS_STARTTLS, "localhost");
    struct err err = {.text = ""};
    f.settings.ca_file = "/nonexistent/ca.pem";
    CU_ASSERT_PTR_NULL(smtp_endpoint_new(&f.settings, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nonexistent/ca.pem"));
    f.settings.ca_file = "/dev/null";
    CU_ASSERT_PTR_NULL(smtp_endpoint_new(&f.settings, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/dev/null"));
    f.settings.ca_file = NULL;
    f.settings.ca_path = "/nonexistent";
    CU_ASSERT_PTR_NULL(smtp_endpoint_new(&f.settings, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "ca_path /nonexistent"));
    smtp_endpoint_free(NULL);
}

/* A derived endpoint trusts what its base trusts, whatever files the settings name. */
static void derived(void)
{
    struct smtp_fixture f;
    init(&f, SMTP_TLS_IMPLICIT, "localhost");
    smtp_fixture_start(&f, "TLS cert=dns-only\n" HELLO SEND);
    struct smtp_endpoint *base = f.endpoint;
    f.settings.ca_file = NULL;
    f.endpoint = smtp_endpoint_derive(base, &f.settings, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f.endpoint);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    smtp_fixture_end(&f, "derived");
    smtp_endpoint_free(base);
}

static void clean_up(void)
{
    smtp_fixture_remove_ca();
    CU_ASSERT_NOT_EQUAL(access(ca_file, F_OK), 0);
}

static const struct unit_test tests[] = {
    {"certificates", certificates},
    {"verify: none", not_verified},
    {"versions", versions},
    {"SNI", names_are_sent},
    {"resumption", resumption},
    {"STARTTLS", starttls},
    {"implicit TLS without TLS", implicit_without_tls},
    {"AUTH and a large message", auth_and_large},
    {"lost under TLS", lost_under_tls},
    {"trust", trust},
    {"the system's store", system_trust},
    {"trust that cannot be loaded", bad_trust},
    {"derived endpoints", derived},
    {"clean up", clean_up},
};

UNIT_SUITE(smtp_tls, tests);
