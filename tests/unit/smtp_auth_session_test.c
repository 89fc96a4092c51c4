/* AUTH on a connection: what is said, and what becomes of the server's answers; where the secret comes from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory_search.h"
#include "smtp_fixture.h"
#include "unit.h"

#define HELLO(capabilities) "S: 220 mail ESMTP\nC: EHLO *\nS: 250-mail\n" capabilities "S: 250 HELP\n"
#define SEND                                                                                                 \
    "C: MAIL FROM:<a@example.com>\nS: 250 ok\nC: RCPT TO:<b@example.com>\nS: 250 2.1.5 ok\n"                 \
    "C: DATA\nS: 354 go on\nDATA\nS: 250 2.0.0 queued\n"
#define QUIT    "C: QUIT\nWAIT-EOF\n"
#define DELIVER SEND QUIT

/* --- the dialogue --- */

struct auth_row {
    const char *name;
    const char *scenario;
    enum smtp_auth auth;
    enum smtp_class class;
    int code;
    const char *text;
};

static const struct auth_row auth_rows[] = {
    {"PLAIN",
     HELLO("S: 250-AUTH LOGIN PLAIN\n") "C: AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=\nS: 235 2.7.0 welcome\n" DELIVER,
     SMTP_AUTH_AUTO, SMTP_ACCEPTED, 250, ""},
    {"LOGIN",
     HELLO("S: 250-AUTH LOGIN\n") "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: dXNlcg==\nS: 334 whatever\n"
                                  "C: cGFzc3dvcmQ=\nS: 235 ok\n" DELIVER,
     SMTP_AUTH_AUTO, SMTP_ACCEPTED, 250, ""},
    {"LOGIN by name",
     HELLO("S: 250-AUTH PLAIN LOGIN\n") "C: AUTH LOGIN\nS: 334 \nC: dXNlcg==\nS: 334\nC: cGFzc3dvcmQ=\nS: "
                                        "235 ok\n" DELIVER,
     SMTP_AUTH_LOGIN, SMTP_ACCEPTED, 250, ""},
    {"a 535 is final",
     HELLO("S: 250-AUTH PLAIN LOGIN\n") "C: AUTH PLAIN *\nS: 535 5.7.8 bad credentials\n" QUIT,
     SMTP_AUTH_AUTO, SMTP_AUTH_FAILED, 535, "refused AUTH PLAIN: 535 5.7.8 bad credentials"},
    {"LOGIN refused at the user",
     HELLO("S: 250-AUTH LOGIN\n") "C: AUTH LOGIN\nS: 334 x\nC: *\nS: 535 no\n" QUIT, SMTP_AUTH_AUTO,
     SMTP_AUTH_FAILED, 535, "refused AUTH LOGIN: 535 no"},
    {"454", HELLO("S: 250-AUTH PLAIN\n") "C: AUTH PLAIN *\nS: 454 4.7.0 later\n" QUIT, SMTP_AUTH_AUTO,
     SMTP_TEMPORARY, 454, "454 4.7.0 later"},
    {"504", HELLO("S: 250-AUTH PLAIN\n") "C: AUTH PLAIN *\nS: 504 5.5.4 what?\n" QUIT, SMTP_AUTH_AUTO,
     SMTP_AUTH_FAILED, 504, "504 5.5.4 what?"},
    {"a challenge too many", HELLO("S: 250-AUTH PLAIN\n") "C: AUTH PLAIN *\nS: 334 \nWAIT-EOF\n",
     SMTP_AUTH_AUTO, SMTP_PROTOCOL_ERROR, 334, "unexpected answer to AUTH PLAIN: 334"},
    {"250 instead of 235", HELLO("S: 250-AUTH PLAIN\n") "C: AUTH PLAIN *\nS: 354 go\nWAIT-EOF\n",
     SMTP_AUTH_AUTO, SMTP_PROTOCOL_ERROR, 354, "unexpected answer"},
    {"broken", HELLO("S: 250-AUTH PLAIN\n") "C: AUTH PLAIN *\nS: what?\nWAIT-EOF\n", SMTP_AUTH_AUTO,
     SMTP_PROTOCOL_ERROR, 0, "in reply to AUTH PLAIN: \"what?\""},
    {"lost", HELLO("S: 250-AUTH PLAIN\n") "C: AUTH PLAIN *\nCLOSE\n", SMTP_AUTH_AUTO, SMTP_UNAVAILABLE, 0,
     "instead of answering AUTH PLAIN"},
    {"none offered", HELLO("") QUIT, SMTP_AUTH_AUTO, SMTP_AUTH_FAILED, 0, "offers no authentication"},
    {"none usable", HELLO("S: 250-AUTH GSSAPI NTLM\n") QUIT, SMTP_AUTH_AUTO, SMTP_AUTH_FAILED, 0,
     "GSSAPI NTLM"},
    {"not the one named", HELLO("S: 250-AUTH LOGIN\n") QUIT, SMTP_AUTH_PLAIN, SMTP_AUTH_FAILED, 0, "LOGIN"},
    /* RFC 4954 4: an empty initial response is "=". */
    {"EXTERNAL", HELLO("S: 250-AUTH EXTERNAL\n") "C: AUTH EXTERNAL dXNlcg==\nS: 235 ok\n" DELIVER,
     SMTP_AUTH_EXTERNAL, SMTP_ACCEPTED, 250, ""},
    {"CRAM-MD5",
     HELLO("S: 250-AUTH PLAIN CRAM-MD5\n") "C: AUTH CRAM-MD5\nS: 334 PDEyMz4=\n"
                                           "C: dXNlciBiNzM2NjcwZWYxMGM4OTg1ZWNjNmQzMjg5ZjI5ZDJkMQ==\n"
                                           "S: 235 ok\n" DELIVER,
     SMTP_AUTH_AUTO, SMTP_ACCEPTED, 250, ""},
    {"CRAM-MD5 without a challenge", HELLO("S: 250-AUTH CRAM-MD5\n") "C: AUTH CRAM-MD5\nS: 334 \nWAIT-EOF\n",
     SMTP_AUTH_AUTO, SMTP_PROTOCOL_ERROR, 0, "broke the protocol of AUTH CRAM-MD5: an empty challenge"},
    {"a challenge that is not base64",
     HELLO("S: 250-AUTH CRAM-MD5\n") "C: AUTH CRAM-MD5\nS: 334 what?\nWAIT-EOF\n", SMTP_AUTH_AUTO,
     SMTP_PROTOCOL_ERROR, 0, "a challenge that is not base64"},
    {"SCRAM is preferred to what shows the password",
     HELLO("S: 250-AUTH PLAIN SCRAM-SHA-1\n") "C: AUTH SCRAM-SHA-1 biwsbj11c2VyLHI9*\nS: 535 5.7.8 no\n" QUIT,
     SMTP_AUTH_AUTO, SMTP_AUTH_FAILED, 535, "refused AUTH SCRAM-SHA-1: 535 5.7.8 no"},
    {"SCRAM with another's nonce",
     HELLO("S: 250-AUTH SCRAM-SHA-256\n") "C: AUTH SCRAM-SHA-256 *\nS: 334 "
                                          "cj1hYmMscz1RVUZCLGk9NDA5Ng==\nWAIT-EOF\n",
     SMTP_AUTH_AUTO, SMTP_AUTH_FAILED, 0, "is not trusted in AUTH SCRAM-SHA-256: the server's nonce"},
    {"SCRAM that succeeds at once",
     HELLO("S: 250-AUTH SCRAM-SHA-256\n") "C: AUTH SCRAM-SHA-256 *\nS: 235 ok\nWAIT-EOF\n", SMTP_AUTH_AUTO,
     SMTP_AUTH_FAILED, 0, "claims success without the proof"},
    {"SCRAM with an error of the server",
     HELLO("S: 250-AUTH SCRAM-SHA-256\n") "C: AUTH SCRAM-SHA-256 *\nS: 334 ZT11bmtub3duLXVzZXI=\nC: \nS: 535 "
                                          "5.7.8 no\n" QUIT,
     SMTP_AUTH_AUTO, SMTP_AUTH_FAILED, 535, "535 5.7.8 no (it explained: unknown-user)"},
    {"XOAUTH2",
     HELLO("S: 250-AUTH XOAUTH2\n") "C: AUTH XOAUTH2 dXNlcj11c2VyAWF1dGg9QmVhcmVyIHBhc3N3b3JkAQE=\nS: 235 "
                                    "ok\n" DELIVER,
     SMTP_AUTH_XOAUTH2, SMTP_ACCEPTED, 250, ""},
    {"XOAUTH2 refused",
     HELLO("S: 250-AUTH XOAUTH2\n") "C: AUTH XOAUTH2 *\nS: 334 eyJzdGF0dXMiOiI0MDEifQ==\nC: \nS: 535 5.7.8 "
                                    "bad\n" QUIT,
     SMTP_AUTH_XOAUTH2, SMTP_AUTH_FAILED, 535,
     "refused AUTH XOAUTH2: 535 5.7.8 bad (it explained: {\"status\":\"401\"})"},
    {"OAUTHBEARER refused",
     HELLO("S: 250-AUTH OAUTHBEARER\n") "C: AUTH OAUTHBEARER *\nS: 334 "
                                        "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\nC: AQ==\nS: 535 5.7.8 "
                                        "bad\n" QUIT,
     SMTP_AUTH_OAUTHBEARER, SMTP_AUTH_FAILED, 535,
     "535 5.7.8 bad (it explained: {\"status\":\"invalid_token\"})"},
    {"OAUTHBEARER, an error that repeats the token",
     HELLO("S: 250-AUTH OAUTHBEARER\n") "C: AUTH OAUTHBEARER *\nS: 334 eyJ0IjoicGFzc3dvcmQifQ==\nC: AQ==\nS: "
                                        "535 bad\n" QUIT,
     SMTP_AUTH_OAUTHBEARER, SMTP_AUTH_FAILED, 535, "(it explained: {\"t\":\"********\"})"},
    {"OAUTHBEARER, success after an error",
     HELLO("S: 250-AUTH OAUTHBEARER\n") "C: AUTH OAUTHBEARER *\nS: 334 e30=\nC: AQ==\nS: 235 ok\nWAIT-EOF\n",
     SMTP_AUTH_OAUTHBEARER, SMTP_AUTH_FAILED, 0, "claims success"},
    {"tokens are only for who names them", HELLO("S: 250-AUTH XOAUTH2 OAUTHBEARER EXTERNAL\n") QUIT,
     SMTP_AUTH_AUTO, SMTP_AUTH_FAILED, 0, "XOAUTH2 OAUTHBEARER EXTERNAL"},
    {"challenges without end",
     HELLO("S: 250-AUTH LOGIN\n") "C: AUTH LOGIN\nS: 334 a\nC: *\nS: 334 b\nC: *\nS: 334 c\nWAIT-EOF\n",
     SMTP_AUTH_AUTO, SMTP_PROTOCOL_ERROR, 334, "unexpected answer to AUTH LOGIN: 334"},
    /* What a server echoes of the secret does not get out, base64 or not, in an answer or in a quotation. */
    {"echo",
     HELLO("S: 250-AUTH PLAIN\n") "C: AUTH PLAIN *\nS: 501 5.5.2 cannot decode AHVzZXIAcGFzc3dvcmQ=\n" QUIT,
     SMTP_AUTH_AUTO, SMTP_AUTH_FAILED, 501, "cannot decode ********************"},
    {"decoded echo", HELLO("S: 250-AUTH PLAIN\n") "C: AUTH PLAIN *\nS: 535 no: password\n" QUIT,
     SMTP_AUTH_AUTO, SMTP_AUTH_FAILED, 535, "535 no: ********"},
    {"broken echo", HELLO("S: 250-AUTH PLAIN\n") "C: AUTH PLAIN *\nS: no AHVzZXIAcGFzc3dvcmQ=\nWAIT-EOF\n",
     SMTP_AUTH_AUTO, SMTP_PROTOCOL_ERROR, 0, "\"no ********************\""},
};

static char password[] = "password";

static void auth(void)
{
    for (size_t i = 0; i < sizeof auth_rows / sizeof auth_rows[0]; i++) {
        const struct auth_row *row = &auth_rows[i];
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        f.settings.user = "user";
        f.settings.password = (struct secret){password, sizeof password - 1};
        f.settings.auth = row->auth;
        smtp_fixture_run(&f, row->scenario, row->name);
        const struct smtp_outcome *o = &f.outcome;
        bool held = o->class == row->class && o->reply.code == row->code &&
                    (row->class == SMTP_ACCEPTED || strcmp(o->stage, "AUTH") == 0) &&
                    strstr(o->err.text, row->text) != NULL && strstr(o->err.text, "AHVzZXIA") == NULL &&
                    strstr(o->err.text, password) == NULL && strstr(o->reply.text, "AHVzZXIA") == NULL;
        if (!held) {
            printf("\n%s: class %d stage %s code %d: %s\n", row->name, o->class, o->stage, o->reply.code,
                   o->err.text);
        }
        CU_ASSERT(held);
    }
}

/* RFC 4954 4: a command over 512 octets has no initial response; the line of a response has no limit but the mechanism's
 * need. */
static void long_tokens(void)
{
    static const struct {
        size_t len;
        const char *auth;
    } table[] = {
        {365, "C: AUTH PLAIN A*\nS: 235 ok\n"}, /* 370 octets, 496 in base64: 511 in all */
        {366, "C: AUTH PLAIN A*\nS: 235 ok\n"},
        {367, "C: AUTH PLAIN\nS: 334 \nC: A*\nS: 235 ok\n"},
        {8192, "C: AUTH PLAIN\nS: 334 \nC: A*\nS: 235 ok\n"},
        {20000, "C: AUTH PLAIN\nS: 334 \nC: A*\nS: 235 ok\n"},
        {SECRET_MAX, "C: AUTH PLAIN\nS: 334 \nC: A*\nS: 235 ok\n"},
        {20000, "C: AUTH PLAIN\nS: 334 \nC: A*\nS: 500 5.5.6 too long\n"},
    };
    static char secret[SECRET_MAX];
    memset(secret, 'x', sizeof secret);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        f.settings.user = "user";
        f.settings.password = (struct secret){secret, table[i].len};
        char scenario[600];
        bool refused = strstr(table[i].auth, "500 ") != NULL;
        (void)snprintf(scenario, sizeof scenario, "%s%s%s", HELLO("S: 250-AUTH PLAIN\n"), table[i].auth,
                       refused ? QUIT : DELIVER);
        smtp_fixture_run(&f, scenario, "long token");
        CU_ASSERT_EQUAL(f.outcome.class, refused ? SMTP_AUTH_FAILED : SMTP_ACCEPTED);
    }
}

static void external_without_user(void)
{
    static const char *const users[] = {NULL, ""};
    for (size_t i = 0; i < 2; i++) {
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        f.settings.user = users[i];
        f.settings.auth = SMTP_AUTH_EXTERNAL;
        smtp_fixture_run(&f, HELLO("S: 250-AUTH EXTERNAL\n") "C: AUTH EXTERNAL =\nS: 235 ok\n" DELIVER,
                         "EXTERNAL");
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_ACCEPTED);
    }
}

/* --- TLS 1.3 and 1.2: the flag, by the beginning of the initial response --- */

static void channel_binding(void)
{
    static const struct {
        const char *tls;
        const char *offered;
        const char *expected;
    } table[] = {
        {"TLS", "SCRAM-SHA-256 SCRAM-SHA-256-PLUS",
         "SCRAM-SHA-256-PLUS cD10bHMtZXhwb3J0ZXIsLG49*"}, /* p=tls-exporter,,n= */
        {"TLS", "SCRAM-SHA-256 SCRAM-SHA-1-PLUS", "SCRAM-SHA-1-PLUS cD10bHMtZXhwb3J0ZXIsLG49*"},
        {"TLS", "SCRAM-SHA-256 PLAIN", "SCRAM-SHA-256 eSwsbj11*"},                      /* y,,n=u */
        {"TLS max=1.2", "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "SCRAM-SHA-256 biwsbj11*"}, /* n,,n=u */
        {"TLS", "CRAM-MD5 LOGIN PLAIN", "PLAIN AHVzZXIAcGFzc3dvcmQ="},
        {"TLS", "CRAM-MD5 LOGIN", "LOGIN"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct smtp_fixture f;
        char ca_file[96];
        char scenario[600];
        smtp_fixture_init(&f);
        f.ca_dir = smtp_fixture_ca();
        (void)snprintf(ca_file, sizeof ca_file, "%s/ca.pem", f.ca_dir);
        f.settings.ca_file = ca_file;
        f.settings.tls = SMTP_TLS_IMPLICIT;
        f.settings.user = "user";
        f.settings.password = (struct secret){password, sizeof password - 1};
        (void)snprintf(
            scenario, sizeof scenario,
            "%s\nS: 220 mail\nC: EHLO *\nS: 250-mail\nS: 250 AUTH %s\nC: AUTH %s\nS: 535 5.7.8 no\n%s",
            table[i].tls, table[i].offered, table[i].expected, QUIT);
        smtp_fixture_run(&f, scenario, table[i].offered);
        CU_ASSERT_EQUAL(f.outcome.class, SMTP_AUTH_FAILED);
        smtp_fixture_remove_ca();
    }
}

/* --- a password source --- */

struct giver {
    const char *known; /* NULL: there is none */
    const char *fresh; /* likewise */
    char refused[32];  /* what was given with fresh */
    unsigned asked;
    unsigned asked_fresh;
};

static bool give(void *ctx, bool fresh, deadline until, struct secret *secret, struct err *err)
{
    struct giver *giver = ctx;
    CU_ASSERT_FALSE(deadline_passed(until));
    giver->asked += fresh ? 0 : 1;
    giver->asked_fresh += fresh ? 1 : 0;
    if (fresh) {
        (void)snprintf(giver->refused, sizeof giver->refused, "%.*s", (int)secret->len, secret->data);
    }
    const char *given = fresh ? giver->fresh : giver->known;
    if (given == NULL) {
        err_set(err, "the token program ended with status 1");
        return false;
    }
    return secret_set(secret, slice_of(given));
}

#define PLAIN_ONE "C: AUTH PLAIN AHVzZXIAb25l\n" /* NUL user NUL one */
#define PLAIN_TWO "C: AUTH PLAIN AHVzZXIAdHdv\n"
#define NO        "S: 535 5.7.8 no\n"

static const struct source_row {
    const char *name;
    const char *scenario;
    const char *known;
    const char *fresh;
    enum smtp_class class;
    unsigned asked_fresh;
    const char *text;
} source_rows[] = {
    {"good at once", HELLO("S: 250-AUTH PLAIN\n") PLAIN_ONE "S: 235 ok\n" DELIVER, "one", NULL, SMTP_ACCEPTED,
     0, ""},
    {"refused, then another on a new connection",
     "== 1\n" HELLO("S: 250-AUTH PLAIN\n") PLAIN_ONE NO QUIT "== 2\n" HELLO("S: 250-AUTH PLAIN\n") PLAIN_TWO
     "S: 235 ok\n" DELIVER,
     "one", "two", SMTP_ACCEPTED, 1, ""},
    {"refused twice",
     "== 1\n" HELLO("S: 250-AUTH PLAIN\n") PLAIN_ONE NO QUIT "== 2\n" HELLO("S: 250-AUTH PLAIN\n")
         PLAIN_TWO NO QUIT,
     "one", "two", SMTP_AUTH_FAILED, 1, "refused AUTH PLAIN: 535 5.7.8 no"},
    {"refused, and the same again", HELLO("S: 250-AUTH PLAIN\n") PLAIN_ONE NO QUIT, "one", "one",
     SMTP_AUTH_FAILED, 1, "refused AUTH PLAIN: 535 5.7.8 no"},
    {"refused, and no other", HELLO("S: 250-AUTH PLAIN\n") PLAIN_ONE NO QUIT, "one", NULL, SMTP_AUTH_FAILED,
     1, "535 5.7.8 no; and there is no other password: the token program ended with status 1"},
    {"only a 535", HELLO("S: 250-AUTH PLAIN\n") PLAIN_ONE "S: 534 5.7.9 too weak\n" QUIT, "one", "two",
     SMTP_AUTH_FAILED, 0, "534 5.7.9 too weak"},
    {"not a 454", HELLO("S: 250-AUTH PLAIN\n") PLAIN_ONE "S: 454 4.7.0 later\n" QUIT, "one", "two",
     SMTP_TEMPORARY, 0, "454"},
    {"none", HELLO("S: 250-AUTH PLAIN\n") QUIT, NULL, "two", SMTP_AUTH_FAILED, 0,
     "there is no password for 127.0.0.1:"},
};

static void password_source(void)
{
    for (size_t i = 0; i < sizeof source_rows / sizeof source_rows[0]; i++) {
        const struct source_row *row = &source_rows[i];
        struct giver giver = {.known = row->known, .fresh = row->fresh};
        struct smtp_fixture f;
        smtp_fixture_init(&f);
        f.settings.user = "user";
        f.settings.password_source = (struct smtp_password_source){give, &giver};
        smtp_fixture_run(&f, row->scenario, row->name);
        bool held = f.outcome.class == row->class && strstr(f.outcome.err.text, row->text) != NULL &&
                    giver.asked == 1 && giver.asked_fresh == row->asked_fresh &&
                    (row->asked_fresh == 0 || strcmp(giver.refused, "one") == 0);
        if (!held) {
            printf("\n%s: class %d, asked %u and %u: %s\n", row->name, f.outcome.class, giver.asked,
                   giver.asked_fresh, f.outcome.err.text);
        }
        CU_ASSERT(held);
    }
}

/* --- nothing of a secret stays in memory --- */

/* One delivery whose password nobody knows afterwards; the server has it in base64 or in no form. */
static void deliver_with_secret(unsigned number, enum smtp_auth mechanism, const char *scenario,
                                bool from_source)
{
    static char text[MEMORY_SECRET_LEN + 1];
    struct giver giver = {.known = text, .fresh = text};
    struct smtp_fixture f;
    memory_secret(number, text);
    smtp_fixture_init(&f);
    f.settings.user = "user";
    f.settings.auth = mechanism;
    if (from_source) {
        f.settings.password_source = (struct smtp_password_source){give, &giver};
    } else {
        f.settings.password = (struct secret){text, MEMORY_SECRET_LEN};
    }
    smtp_fixture_run(&f, scenario, "wiped");
    CU_ASSERT_EQUAL(f.outcome.class, SMTP_AUTH_FAILED);
    secret_wipe(giver.refused, sizeof giver.refused);
    secret_wipe(text, sizeof text);
}

static void wiped(void)
{
    static const struct {
        enum smtp_auth mechanism;
        const char *scenario;
    } table[] = {
        {SMTP_AUTH_PLAIN, HELLO("S: 250-AUTH PLAIN\n") "C: AUTH PLAIN *\nS: 535 no\n" QUIT},
        {SMTP_AUTH_LOGIN,
         HELLO("S: 250-AUTH LOGIN\n") "C: AUTH LOGIN\nS: 334 \nC: *\nS: 334 \nC: *\nS: 535 no\n" QUIT},
        {SMTP_AUTH_CRAM_MD5,
         HELLO("S: 250-AUTH CRAM-MD5\n") "C: AUTH CRAM-MD5\nS: 334 PDEyMz4=\nC: *\nS: 535 no\n" QUIT},
        {SMTP_AUTH_SCRAM_SHA_256,
         HELLO("S: 250-AUTH SCRAM-SHA-256\n") "C: AUTH SCRAM-SHA-256 *\nS: 535 no\n" QUIT},
        {SMTP_AUTH_XOAUTH2,
         HELLO("S: 250-AUTH XOAUTH2\n") "C: AUTH XOAUTH2 *\nS: 334 e30=\nC: \nS: 535 no\n" QUIT},
        {SMTP_AUTH_OAUTHBEARER,
         HELLO("S: 250-AUTH OAUTHBEARER\n") "C: AUTH OAUTHBEARER *\nS: 334 e30=\nC: *\nS: 535 no\n" QUIT},
    };
    char secret[MEMORY_SECRET_LEN + 1];
    memory_secret(99, secret);
    CU_ASSERT(memory_search(99) >= 1); /* the search does find what is there */
    secret_wipe(secret, sizeof secret);
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        deliver_with_secret(2 * i, table[i].mechanism, table[i].scenario, false);
        CU_ASSERT_EQUAL(memory_search(2 * i), 0);
        deliver_with_secret(2 * i + 1, table[i].mechanism, table[i].scenario, true);
        CU_ASSERT_EQUAL(memory_search(2 * i + 1), 0);
    }
}

static const struct unit_test tests[] = {
    {"the dialogue", auth},
    {"long tokens", long_tokens},
    {"EXTERNAL without a user", external_without_user},
    {"channel binding", channel_binding},
    {"a password source", password_source},
    {"secrets are wiped", wiped},
};

UNIT_SUITE(smtp_auth_session, tests);
