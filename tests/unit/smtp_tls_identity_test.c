/* Who the two ends are: pins, client certificates, and what is known of it afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smtp_fixture.h"
#include "unit.h"

#define HELLO "S: 220 mail ESMTP\n" EHLO
#define EHLO  "C: EHLO *\nS: 250-mail\nS: 250 STARTTLS\n"
#define START HELLO "C: STARTTLS\nS: 220 go ahead\n"
#define QUIT  "C: QUIT\nWAIT-EOF\n"
#define SEND                                                                                                 \
    "C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\nS: 250 queued\nC: "               \
    "QUIT\nWAIT-EOF\n"

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

/* --- pins --- */

/* The setting that pins a certificate of the test's authority, as an operator's own tool makes it. */
static void fingerprint_of(const char *certificate, char out[64])
{
    char command[512];
    (void)snprintf(
        command, sizeof command,
        "openssl x509 -in %s/%s.pem -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst "
        "-sha256 -binary | base64",
        smtp_fixture_ca(), certificate);
    FILE *pipe = popen(command, "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pipe);
    char digest[48] = "";
    CU_ASSERT_PTR_NOT_NULL(fgets(digest, sizeof digest, pipe));
    CU_ASSERT_EQUAL(pclose(pipe), 0);
    digest[strcspn(digest, "\n")] = '\0';
    (void)snprintf(out, 64, "sha256:%s", digest);
}

struct pin_row {
    const char *certificate;
    const char *pinned; /* the certificate whose key is expected */
    bool verify;
    const char *text; /* in the error; NULL: accepted */
};

static const struct pin_row pin_rows[] = {
    {"valid", "valid", true, NULL},
    {"valid", "valid", false, NULL},
    {"valid", "other", true, "pin: the server's public key is sha256:"},
    {"valid", "other", false, "pin: the server's public key is sha256:"},
    {"self-signed", "self-signed", false, NULL},
    {"wrong-name", "wrong-name", false, NULL},
    {"expired", "expired", false, NULL},
    /* It is the leaf's key that counts, not that of its issuer. */
    {"valid", "ca", true, "pin: the server's public key is sha256:"},
    /* In addition to the chain, not instead of it. */
    {"self-signed", "self-signed", true, "the certificate is self-signed"},
    {"wrong-name", "wrong-name", true, "name mismatch"},
    {"expired", "expired", true, "the certificate has expired"},
};

static void check_pin(const struct pin_row *row, enum smtp_tls tls, const char *version)
{
    struct smtp_fixture f;
    char scenario[600];
    char pin[64];
    char right[64];
    init(&f, tls, "localhost");
    fingerprint_of(row->pinned, pin);
    fingerprint_of(row->certificate, right);
    f.settings.fingerprint = pin;
    f.settings.verify = row->verify;
    bool implicit = tls == SMTP_TLS_IMPLICIT;
    (void)snprintf(scenario, sizeof scenario, "%sTLS %s cert=%s max=%s\n%s", implicit ? "" : START,
                   row->text != NULL ? "fail" : "", row->certificate, version,
                   row->text != NULL ? ""
                   : implicit        ? HELLO SEND
                                     : EHLO SEND);
    smtp_fixture_run(&f, scenario, row->certificate);
    bool held = f.outcome.class == SMTP_ACCEPTED && f.outcome.tls.verified;
    if (row->text != NULL) {
        held = f.outcome.class == SMTP_TLS_FAILED && f.outcome.state == SMTP_DELIVERY_NONE &&
               strcmp(f.outcome.stage, "TLS") == 0 && strstr(f.outcome.err.text, row->text) != NULL &&
               (strstr(row->text, "pin") == NULL || strstr(f.outcome.err.text, right) != NULL);
    }
    if (!held) {
        printf("\n%s pinned to %s: class %d stage %s: %s\n", row->certificate, row->pinned, f.outcome.class,
               f.outcome.stage, f.outcome.err.text);
    }
    CU_ASSERT(held);
}

static void pins(void)
{
    for (size_t i = 0; i < sizeof pin_rows / sizeof pin_rows[0]; i++) {
        check_pin(&pin_rows[i], i % 2 == 0 ? SMTP_TLS_IMPLICIT : SMTP_TLS_STARTTLS, "1.2");
        check_pin(&pin_rows[i], i % 2 == 0 ? SMTP_TLS_STARTTLS : SMTP_TLS_IMPLICIT, "1.3");
    }
}

static void pins_that_are_none(void)
{
    static const char *const texts[] = {"",
                                        "sha256:",
                                        "sha256:AAEC",
                                        "sha1:AAECAwQFBgcICQoLDA0ODxAREhM=",
                                        "SHA256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                                        "sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
                                        "sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=="};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct smtp_fixture f;
        struct err err = {.text = ""};
        init(&f, SMTP_TLS_STARTTLS, "localhost");
        f.settings.fingerprint = texts[i];
        CU_ASSERT_PTR_NULL(smtp_endpoint_new(&f.settings, &err));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "is not sha256: and the base64 of 32 octets"));
    }
}

/* --- our own certificate --- */

static void file_of(const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/%s", smtp_fixture_ca(), name);
}

struct client_row {
    const char *certificate; /* ours; NULL: none */
    const char *version;
    const char *text; /* in the error; NULL: accepted */
};

static const struct client_row client_rows[] = {
    {"client", "1.2", NULL},
    {"client", "1.3", NULL},
    {NULL, "1.3", "the server wants a certificate, see client_cert: "},
    {"unknown-issuer", "1.2", "the server does not accept the certificate in client_cert: "},
    {"unknown-issuer", "1.3", "the server does not accept the certificate in client_cert: "},
    /* TLS 1.2 has no alert for this; servers say handshake_failure. */
    {NULL, "1.2", "alert handshake failure"},
};

static void check_client(const struct client_row *row, enum smtp_tls tls)
{
    struct smtp_fixture f;
    char scenario[600];
    char cert[128];
    char key[128];
    char name[64];
    init(&f, tls, "localhost");
    if (row->certificate != NULL) {
        (void)snprintf(name, sizeof name, "%s.pem", row->certificate);
        file_of(name, cert);
        (void)snprintf(name, sizeof name, "%s.key", row->certificate);
        file_of(name, key);
        f.settings.client_cert = cert;
        f.settings.client_key = key;
    }
    bool implicit = tls == SMTP_TLS_IMPLICIT;
    (void)snprintf(scenario, sizeof scenario, "%sTLS %s ask=ca max=%s\n%s", implicit ? "" : START,
                   row->text != NULL ? "fail" : "", row->version,
                   row->text != NULL ? ""
                   : implicit        ? HELLO SEND
                                     : EHLO SEND);
    smtp_fixture_run(&f, scenario, row->version);
    bool held = f.outcome.class == SMTP_ACCEPTED;
    if (row->text != NULL) {
        held = f.outcome.class == SMTP_TLS_FAILED && f.outcome.state == SMTP_DELIVERY_NONE &&
               strcmp(f.outcome.stage, "TLS") == 0 && strstr(f.outcome.err.text, row->text) != NULL;
    }
    if (!held) {
        printf("\n%s, TLS %s: class %d stage %s: %s\n", row->certificate != NULL ? row->certificate : "none",
               row->version, f.outcome.class, f.outcome.stage, f.outcome.err.text);
    }
    CU_ASSERT(held);
}

static void client_certificates(void)
{
    for (size_t i = 0; i < sizeof client_rows / sizeof client_rows[0]; i++) {
        check_client(&client_rows[i], SMTP_TLS_IMPLICIT);
        check_client(&client_rows[i], SMTP_TLS_STARTTLS);
    }
}

static void make_key_with_passphrase(const char *path)
{
    char command[512];
    (void)snprintf(command, sizeof command,
                   "openssl ec -in %s/client.key -aes128 -passout pass:secret -out %s 2>/dev/null",
                   smtp_fixture_ca(), path);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void client_certificates_that_cannot_be_loaded(void)
{
    char cert[128];
    char key[128];
    char other[128];
    char locked[128];
    file_of("client.pem", cert);
    file_of("client.key", key);
    file_of("valid.key", other);
    file_of("locked.key", locked);
    make_key_with_passphrase(locked);
    const struct {
        const char *cert, *key, *text, *file;
    } table[] = {
        {"/nonexistent/c.pem", key, "client_cert /nonexistent/c.pem holds no certificate", ""},
        {key, key, "holds no certificate that can be loaded", key},
        {cert, "/nonexistent/c.key", "client_key /nonexistent/c.key holds no private key", ""},
        {cert, cert, "holds no private key that can be loaded", cert},
        {cert, other, "is not the key of the certificate in client_cert", other},
        {cert, locked, "has a passphrase; a key without one is expected", locked},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct smtp_fixture f;
        struct err err = {.text = ""};
        init(&f, SMTP_TLS_STARTTLS, "localhost");
        f.settings.client_cert = table[i].cert;
        f.settings.client_key = table[i].key;
        CU_ASSERT_PTR_NULL(smtp_endpoint_new(&f.settings, &err));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, table[i].text));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, table[i].file));
    }
    CU_ASSERT_EQUAL(unlink(locked), 0);
}

/* A derived endpoint with the same identity does not read its files again. */
static void derived_client_certificate(void)
{
    struct smtp_fixture f;
    char cert[128];
    char key[128];
    file_of("client.pem", cert);
    file_of("client.key", key);
    init(&f, SMTP_TLS_IMPLICIT, "localhost");
    f.settings.client_cert = cert;
    f.settings.client_key = key;
    smtp_fixture_start(&f, "TLS ask=ca\n" HELLO SEND);
    struct smtp_endpoint *base = f.endpoint;
    f.settings.client_cert = "/nonexistent/c.pem";
    f.settings.client_key = "/nonexistent/c.key";
    f.endpoint = smtp_endpoint_derive(base, &f.settings, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f.endpoint);
    smtp_fixture_deliver(&f);
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    smtp_fixture_end(&f, "derived identity");
    smtp_endpoint_free(base);
}

/* --- what is known of it --- */

#define ONE_MAIL "C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\nS: 250 queued\n"

static void check_view(const struct smtp_tls_view *view, const char *version, bool verified, bool resumed)
{
    CU_ASSERT_STRING_EQUAL(view->version, version);
    CU_ASSERT_PTR_NOT_NULL(strstr(view->cipher, "AES"));
    CU_ASSERT_EQUAL(view->verified, verified);
    CU_ASSERT_EQUAL(view->resumed, resumed);
}

static void views(void)
{
    static const struct {
        const char *step, *version;
        bool verify;
    } table[] = {{"TLS max=1.2\n", "TLSv1.2", true}, {"TLS\n", "TLSv1.3", true}, {"TLS\n", "TLSv1.3", false}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct smtp_fixture f;
        char scenario[600];
        init(&f, SMTP_TLS_IMPLICIT, "localhost");
        f.settings.verify = table[i].verify;
        (void)snprintf(scenario, sizeof scenario, "== *\n%s%s", table[i].step, HELLO SEND);
        smtp_fixture_start(&f, scenario);
        smtp_fixture_deliver(&f);
        check_view(&f.outcome.tls, table[i].version, table[i].verify, false);
        smtp_fixture_deliver(&f);
        check_view(&f.outcome.tls, table[i].version, table[i].verify, true);
        smtp_fixture_end(&f, "views");
    }
    struct smtp_fixture warm;
    init(&warm, SMTP_TLS_STARTTLS, "localhost");
    warm.settings.pool_size = 1;
    warm.settings.pool_idle_ms = 20000;
    warm.settings.pool_max_messages = 10;
    smtp_fixture_start(&warm, START "TLS max=1.2\n" EHLO ONE_MAIL ONE_MAIL QUIT);
    for (size_t i = 0; i < 2; i++) {
        smtp_fixture_deliver(&warm);
        CU_ASSERT_EQUAL(warm.outcome.reused, i > 0);
        check_view(&warm.outcome.tls, "TLSv1.2", true, false);
    }
    smtp_endpoint_free(warm.endpoint);
    warm.endpoint = NULL;
    smtp_fixture_end(&warm, "a warm session");
    struct smtp_fixture clear;
    smtp_fixture_init(&clear);
    smtp_fixture_run(&clear, "S: 220 x\nC: EHLO *\nS: 250 x\n" SEND, "in clear");
    CU_ASSERT_EQUAL(clear.outcome.class, SMTP_ACCEPTED);
    CU_ASSERT_STRING_EQUAL(clear.outcome.tls.version, "");
    struct smtp_fixture failed;
    init(&failed, SMTP_TLS_IMPLICIT, "localhost");
    smtp_fixture_run(&failed, "TLS fail cert=expired\n", "a handshake that failed");
    CU_ASSERT_STRING_EQUAL(failed.outcome.tls.version, "");
    CU_ASSERT_FALSE(failed.outcome.tls.verified);
}

static void clean_up(void)
{
    smtp_fixture_remove_ca();
    CU_ASSERT_NOT_EQUAL(access(ca_file, F_OK), 0);
}

static const struct unit_test tests[] = {
    {"pins", pins},
    {"pins that are none", pins_that_are_none},
    {"client certificates", client_certificates},
    {"client certificates that cannot be loaded", client_certificates_that_cannot_be_loaded},
    {"a derived endpoint's client certificate", derived_client_certificate},
    {"what is known of a connection", views},
    {"clean up", clean_up},
};

UNIT_SUITE(smtp_tls_identity, tests);
