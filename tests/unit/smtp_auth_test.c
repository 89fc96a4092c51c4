/* The choice of a mechanism, and all mechanisms but SCRAM (smtp_scram) octet by octet. */
#include "auth_run.h"

#define BIT(name)  CAPABILITY_AUTH(SMTP_AUTH_##name)
#define PASSWORDS  (BIT(PLAIN) | BIT(LOGIN) | BIT(CRAM_MD5))
#define SCRAMS     (BIT(SCRAM_SHA_1) | BIT(SCRAM_SHA_256))
#define PLUS       (BIT(SCRAM_SHA_1_PLUS) | BIT(SCRAM_SHA_256_PLUS))
#define BY_NAME    (BIT(XOAUTH2) | BIT(OAUTHBEARER) | BIT(EXTERNAL))
#define EVERYTHING (PASSWORDS | SCRAMS | PLUS | BY_NAME)

enum channel { TLS_1_3, TLS_1_2, LOCAL, CLEAR };

static const struct choice {
    enum smtp_auth setting;
    unsigned offered;
    enum channel channel;
    const char *expected; /* a mechanism; or, after "!", a part of the error */
} choices[] = {
    {SMTP_AUTH_AUTO, EVERYTHING, TLS_1_3, "SCRAM-SHA-256-PLUS"},
    {SMTP_AUTH_AUTO, EVERYTHING & ~BIT(SCRAM_SHA_256_PLUS), TLS_1_3, "SCRAM-SHA-1-PLUS"},
    {SMTP_AUTH_AUTO, EVERYTHING & ~PLUS, TLS_1_3, "SCRAM-SHA-256"},
    {SMTP_AUTH_AUTO, PASSWORDS | BIT(SCRAM_SHA_1), TLS_1_3, "SCRAM-SHA-1"},
    {SMTP_AUTH_AUTO, PASSWORDS | BY_NAME, TLS_1_3, "PLAIN"},
    {SMTP_AUTH_AUTO, BIT(CRAM_MD5) | BIT(LOGIN), TLS_1_3, "LOGIN"},
    {SMTP_AUTH_AUTO, BIT(CRAM_MD5) | BY_NAME, TLS_1_3, "CRAM-MD5"},
    {SMTP_AUTH_AUTO, BY_NAME, TLS_1_3, "!offers no mechanism"},
    {SMTP_AUTH_AUTO, 0, TLS_1_3, "!offers no mechanism"},
    /* The channel binding is that of TLS 1.3 only. */
    {SMTP_AUTH_AUTO, EVERYTHING, TLS_1_2, "SCRAM-SHA-256"},
    {SMTP_AUTH_AUTO, PLUS, TLS_1_2, "!offers no mechanism"},
    {SMTP_AUTH_SCRAM_SHA_256_PLUS, EVERYTHING, TLS_1_2, "!TLS 1.3"},
    {SMTP_AUTH_SCRAM_SHA_1_PLUS, EVERYTHING, LOCAL, "!TLS 1.3"},
    /* Without TLS. */
    {SMTP_AUTH_AUTO, EVERYTHING, LOCAL, "SCRAM-SHA-256"},
    {SMTP_AUTH_AUTO, PASSWORDS | BIT(SCRAM_SHA_1), LOCAL, "SCRAM-SHA-1"},
    {SMTP_AUTH_AUTO, PASSWORDS, LOCAL, "CRAM-MD5"},
    {SMTP_AUTH_AUTO, PASSWORDS, CLEAR, "CRAM-MD5"},
    {SMTP_AUTH_AUTO, BIT(PLAIN) | BIT(LOGIN), LOCAL, "PLAIN"},
    {SMTP_AUTH_AUTO, BIT(LOGIN), LOCAL, "LOGIN"},
    {SMTP_AUTH_AUTO, BIT(PLAIN) | BIT(LOGIN), CLEAR, "!without TLS"},
    {SMTP_AUTH_PLAIN, EVERYTHING, CLEAR, "!without TLS"},
    {SMTP_AUTH_LOGIN, EVERYTHING, CLEAR, "!without TLS"},
    {SMTP_AUTH_XOAUTH2, EVERYTHING, CLEAR, "!without TLS"},
    {SMTP_AUTH_OAUTHBEARER, EVERYTHING, CLEAR, "!without TLS"},
    {SMTP_AUTH_CRAM_MD5, EVERYTHING, CLEAR, "CRAM-MD5"},
    {SMTP_AUTH_SCRAM_SHA_1, EVERYTHING, CLEAR, "SCRAM-SHA-1"},
    {SMTP_AUTH_SCRAM_SHA_256, EVERYTHING, CLEAR, "SCRAM-SHA-256"},
    {SMTP_AUTH_EXTERNAL, EVERYTHING, CLEAR, "EXTERNAL"},
    /* By name: that one or none. */
    {SMTP_AUTH_PLAIN, EVERYTHING, TLS_1_3, "PLAIN"},
    {SMTP_AUTH_LOGIN, EVERYTHING, TLS_1_3, "LOGIN"},
    {SMTP_AUTH_CRAM_MD5, EVERYTHING, TLS_1_3, "CRAM-MD5"},
    {SMTP_AUTH_SCRAM_SHA_1, EVERYTHING, TLS_1_3, "SCRAM-SHA-1"},
    {SMTP_AUTH_SCRAM_SHA_256, EVERYTHING, TLS_1_3, "SCRAM-SHA-256"},
    {SMTP_AUTH_SCRAM_SHA_1_PLUS, EVERYTHING, TLS_1_3, "SCRAM-SHA-1-PLUS"},
    {SMTP_AUTH_SCRAM_SHA_256_PLUS, EVERYTHING, TLS_1_3, "SCRAM-SHA-256-PLUS"},
    {SMTP_AUTH_XOAUTH2, EVERYTHING, TLS_1_3, "XOAUTH2"},
    {SMTP_AUTH_OAUTHBEARER, EVERYTHING, TLS_1_3, "OAUTHBEARER"},
    {SMTP_AUTH_EXTERNAL, EVERYTHING, TLS_1_3, "EXTERNAL"},
    {SMTP_AUTH_LOGIN, EVERYTHING & ~BIT(LOGIN), TLS_1_3, "!does not offer AUTH LOGIN"},
    {SMTP_AUTH_EXTERNAL, EVERYTHING & ~BIT(EXTERNAL), TLS_1_3, "!does not offer AUTH EXTERNAL"},
};

static void chooses(void)
{
    static const char binding[32] = "binding";
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        const struct choice *row = &choices[i];
        struct auth_run run;
        auth_run_init(&run, row->setting, "user", SLICE("password"));
        run.capabilities = (struct capabilities){.auth = row->offered, .auth_offered = "WHAT-IT-SAYS"};
        run.terms.encrypted = row->channel == TLS_1_3 || row->channel == TLS_1_2;
        run.terms.confidential = row->channel != CLEAR;
        run.terms.binding = (struct slice){binding, row->channel == TLS_1_3 ? sizeof binding : 0};
        bool ok = auth_begin(&run.auth, &run.terms, &run.why);
        bool held =
            ok == (row->expected[0] != '!') && (ok ? strcmp(auth_name(&run.auth), row->expected) == 0
                                                   : strstr(run.why.text, row->expected + 1) != NULL &&
                                                         strstr(run.why.text, "mail.example:587") != NULL);
        if (!held) {
            printf("\nrow %zu: %s\n", i, ok ? auth_name(&run.auth) : run.why.text);
        }
        CU_ASSERT(held);
        auth_run_free(&run);
    }
}

static void names_what_is_offered(void)
{
    struct auth_run run;
    auth_run_init(&run, SMTP_AUTH_AUTO, "user", SLICE("password"));
    run.capabilities = (struct capabilities){.auth = 0, .auth_offered = "GSSAPI NTLM"};
    CU_ASSERT_FALSE(auth_begin(&run.auth, &run.terms, &run.why));
    CU_ASSERT_PTR_NOT_NULL(strstr(run.why.text, "GSSAPI NTLM"));
    run.capabilities.auth_offered[0] = '\0';
    CU_ASSERT_FALSE(auth_begin(&run.auth, &run.terms, &run.why));
    CU_ASSERT_STRING_EQUAL(run.why.text, "mail.example:587 offers no authentication");
    auth_run_free(&run);
}

static void mechanism_names(void)
{
    enum smtp_auth mechanism = SMTP_AUTH_AUTO;
    CU_ASSERT_TRUE(auth_by_name(SLICE("scram-sha-256-plus"), &mechanism));
    CU_ASSERT_EQUAL(mechanism, SMTP_AUTH_SCRAM_SHA_256_PLUS);
    CU_ASSERT_TRUE(auth_by_name(SLICE("EXTERNAL"), &mechanism));
    CU_ASSERT_EQUAL(mechanism, SMTP_AUTH_EXTERNAL);
    CU_ASSERT_FALSE(auth_by_name(SLICE("PLAI"), &mechanism));
    CU_ASSERT_FALSE(auth_by_name(SLICE("PLAINX"), &mechanism));
    CU_ASSERT_FALSE(auth_by_name(SLICE(""), &mechanism));
    CU_ASSERT_FALSE(auth_by_name(SLICE("AUTO"), &mechanism));
}

static void is_wanted(void)
{
    struct smtp_settings settings = {.user = NULL};
    CU_ASSERT_FALSE(auth_wanted(&settings));
    settings.auth = SMTP_AUTH_EXTERNAL; /* a client certificate names us */
    CU_ASSERT_TRUE(auth_wanted(&settings));
    settings = (struct smtp_settings){.user = "user"};
    CU_ASSERT_TRUE(auth_wanted(&settings));
}

/* --- responses --- */

static const struct dialogue {
    enum smtp_auth mechanism;
    const char *user;
    const char *password;
    bool initial;
    const char *challenges[3]; /* octets; NULL: no more */
    struct slice responses[3];
} dialogues[] = {
    {SMTP_AUTH_PLAIN,
     "tim",
     "tanstaaftanstaaf",
     true,
     {""},
     {SLICE_INIT("\0tim\0tanstaaftanstaaf")}}, /* RFC 4616 4 */
    {SMTP_AUTH_PLAIN, "\xc3\xbc", "\xe2\x82\xac", true, {""}, {SLICE_INIT("\0\xc3\xbc\0\xe2\x82\xac")}},
    {SMTP_AUTH_LOGIN,
     "tim",
     "tanstaaf",
     false,
     {"Username:", "Password:"},
     {SLICE_INIT("tim"), SLICE_INIT("tanstaaf")}},
    {SMTP_AUTH_LOGIN, "tim", "tanstaaf", false, {"", "what?"}, {SLICE_INIT("tim"), SLICE_INIT("tanstaaf")}},
    /* RFC 2195 2 */
    {SMTP_AUTH_CRAM_MD5,
     "tim",
     "tanstaaftanstaaf",
     false,
     {"<1896.697170952@postoffice.reston.mci.net>"},
     {SLICE_INIT("tim b913a602c7eda7a495b4e6e7334d3890")}},
    /* RFC 4954 4.1's EXTERNAL, and an identity */
    {SMTP_AUTH_EXTERNAL, "", "", true, {""}, {SLICE_INIT("")}},
    {SMTP_AUTH_EXTERNAL, NULL, "", true, {""}, {SLICE_INIT("")}},
    {SMTP_AUTH_EXTERNAL, "app@example.com", "", true, {""}, {SLICE_INIT("app@example.com")}},
    /* developers.google.com: the protocol's own example */
    {SMTP_AUTH_XOAUTH2,
     "someuser@example.com",
     "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
     true,
     {""},
     {SLICE_INIT("user=someuser@example.com\001auth=Bearer "
                 "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\001\001")}},
    {SMTP_AUTH_XOAUTH2,
     "u",
     "t",
     true,
     {"", "{\"status\":\"401\"}"},
     {SLICE_INIT("user=u\001auth=Bearer t\001\001"), SLICE_INIT("")}},
    /* RFC 7628 4.1 and 4.3, but for our host and port */
    {SMTP_AUTH_OAUTHBEARER,
     "user@example.com",
     "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
     true,
     {"", "{\"status\":\"invalid_token\"}"},
     {SLICE_INIT("n,a=user@example.com,\001host=mail.example\001port=587\001auth=Bearer "
                 "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\001\001"),
      SLICE_INIT("\001")}},
    {SMTP_AUTH_OAUTHBEARER,
     "a=b,c",
     "t",
     true,
     {""},
     {SLICE_INIT("n,a=a=3Db=2Cc,\001host=mail.example\001port=587\001auth=Bearer t\001\001")}},
    {SMTP_AUTH_OAUTHBEARER,
     "",
     "t",
     true,
     {""},
     {SLICE_INIT("n,,\001host=mail.example\001port=587\001auth=Bearer t\001\001")}},
};

static void answers(void)
{
    for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++) {
        const struct dialogue *row = &dialogues[i];
        struct auth_run run;
        auth_run_init(&run, row->mechanism, row->user, slice_of(row->password));
        CU_ASSERT_TRUE_FATAL(auth_begin(&run.auth, &run.terms, &run.why));
        CU_ASSERT_EQUAL(auth_has_initial(&run.auth), row->initial);
        CU_ASSERT_FALSE(auth_believes(&run.auth, NULL)); /* before anything was said */
        size_t n = 0;
        for (; n < 3 && row->challenges[n] != NULL; n++) {
            CU_ASSERT_EQUAL(auth_run_step(&run, slice_of(row->challenges[n])), AUTH_RESPONSE);
            CU_ASSERT_TRUE(slice_equal(buf_slice(&run.out), row->responses[n]));
        }
        bool failed = run.auth.complaint.text[0] != '\0';
        CU_ASSERT_EQUAL(auth_believes(&run.auth, &run.why), !failed);
        bool token = row->mechanism == SMTP_AUTH_XOAUTH2 || row->mechanism == SMTP_AUTH_OAUTHBEARER;
        if (token && n == 1) {
            CU_ASSERT_EQUAL(auth_run_step(&run, SLICE("{}")), AUTH_RESPONSE); /* an error: one more */
        }
        CU_ASSERT_EQUAL(auth_run_step(&run, SLICE("more")), AUTH_UNEXPECTED);
        auth_run_free(&run);
    }
}

static void unix_socket_has_no_port(void)
{
    struct auth_run run;
    auth_run_init(&run, SMTP_AUTH_OAUTHBEARER, "u", SLICE("t"));
    run.settings.host = "unix:/run/lmtp";
    run.settings.port = 0;
    CU_ASSERT_TRUE_FATAL(auth_begin(&run.auth, &run.terms, &run.why));
    CU_ASSERT_EQUAL(auth_run_step(&run, SLICE("")), AUTH_RESPONSE);
    CU_ASSERT_TRUE(slice_equal(buf_slice(&run.out), SLICE("n,a=u,\001auth=Bearer t\001\001")));
    auth_run_free(&run);
}

static void token_errors(void)
{
    static const enum smtp_auth which[] = {SMTP_AUTH_XOAUTH2, SMTP_AUTH_OAUTHBEARER};
    static char json[1000];
    memset(json, 'x', sizeof json);
    for (size_t i = 0; i < 2; i++) {
        struct auth_run run;
        auth_run_init(&run, which[i], "u", SLICE("t"));
        CU_ASSERT_TRUE_FATAL(auth_begin(&run.auth, &run.terms, &run.why));
        CU_ASSERT_EQUAL(auth_run_step(&run, SLICE("")), AUTH_RESPONSE);
        CU_ASSERT_TRUE(auth_believes(&run.auth, &run.why));
        CU_ASSERT_EQUAL(auth_run_step(&run, SLICE("{\"status\":\"401\",\n\"scope\":\"mail\"}")),
                        AUTH_RESPONSE);
        CU_ASSERT_STRING_EQUAL(run.auth.complaint.text, "{\"status\":\"401\",?\"scope\":\"mail\"}");
        CU_ASSERT_FALSE(auth_believes(&run.auth, &run.why)); /* a success after the error is none */
        CU_ASSERT_PTR_NOT_NULL(strstr(run.why.text, auth_name(&run.auth)));
        auth_run_free(&run);
        auth_run_init(&run, which[i], "u", SLICE("t"));
        CU_ASSERT_TRUE_FATAL(auth_begin(&run.auth, &run.terms, &run.why));
        CU_ASSERT_EQUAL(auth_run_step(&run, SLICE("")), AUTH_RESPONSE);
        CU_ASSERT_EQUAL(auth_run_step(&run, (struct slice){json, sizeof json}), AUTH_RESPONSE);
        CU_ASSERT_EQUAL(strlen(run.auth.complaint.text), 403); /* cut, and "..." */
        auth_run_free(&run);
    }
}

/* --- what is refused --- */

static const struct refusal {
    enum smtp_auth mechanism;
    const char *user;
    struct slice password;
    const char *text;
} refusals[] = {
    {SMTP_AUTH_PLAIN, "u", SLICE_INIT(""), "is empty"},
    {SMTP_AUTH_PLAIN, "", SLICE_INIT("p"), "is empty"},
    {SMTP_AUTH_PLAIN, "u", SLICE_INIT("p\0q"), "holds a NUL"},
    {SMTP_AUTH_SCRAM_SHA_256, "u", SLICE_INIT("p\0q"), "holds a NUL"},
    {SMTP_AUTH_CRAM_MD5, "", SLICE_INIT("p"), "is empty"},
    {SMTP_AUTH_XOAUTH2, "", SLICE_INIT("t"), "is empty"},
    {SMTP_AUTH_XOAUTH2, "u\001", SLICE_INIT("t"), "the user holds a control character"},
    {SMTP_AUTH_XOAUTH2, "u", SLICE_INIT("t t"), "the token holds"},
    {SMTP_AUTH_OAUTHBEARER, "u", SLICE_INIT("t\001auth=Bearer x"), "the token holds"},
    {SMTP_AUTH_OAUTHBEARER, "u", SLICE_INIT("t\xc3\xbc"), "the token holds"},
    {SMTP_AUTH_SCRAM_SHA_256, "u", SLICE_INIT("p\tq"), "the password holds a control character"},
    {SMTP_AUTH_SCRAM_SHA_1, "u\x7f", SLICE_INIT("p"), "the user holds a control character"},
    {SMTP_AUTH_SCRAM_SHA_1, "u", SLICE_INIT("\xff"), "the password is not UTF-8"},
    {SMTP_AUTH_SCRAM_SHA_1, "\xc2\xad", SLICE_INIT("p"), "the user is empty"},
};

static void refuses(void)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *row = &refusals[i];
        struct auth_run run;
        auth_run_init(&run, row->mechanism, row->user, row->password);
        CU_ASSERT_FALSE(auth_begin(&run.auth, &run.terms, &run.why));
        CU_ASSERT_PTR_NOT_NULL(strstr(run.why.text, row->text));
        CU_ASSERT_PTR_NOT_NULL(strstr(run.why.text, "mail.example:587"));
        auth_run_free(&run);
    }
}

static void limits(void)
{
    static char text[SECRET_MAX + 1];
    static char user[AUTH_USER_MAX + 2];
    memset(text, 'p', sizeof text);
    memset(user, 'u', sizeof user - 1);
    struct auth_run run;
    auth_run_init(&run, SMTP_AUTH_PLAIN, user, (struct slice){text, SECRET_MAX});
    CU_ASSERT_FALSE(auth_begin(&run.auth, &run.terms, &run.why));
    CU_ASSERT_PTR_NOT_NULL(strstr(run.why.text, "too long"));
    auth_run_free(&run);
    user[AUTH_USER_MAX] = '\0';
    static const enum smtp_auth which[] = {SMTP_AUTH_PLAIN, SMTP_AUTH_LOGIN, SMTP_AUTH_XOAUTH2,
                                           SMTP_AUTH_OAUTHBEARER};
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
        auth_run_init(&run, which[i], user, (struct slice){text, SECRET_MAX});
        CU_ASSERT_TRUE_FATAL(auth_begin(&run.auth, &run.terms, &run.why));
        CU_ASSERT_EQUAL(auth_run_step(&run, SLICE("")), AUTH_RESPONSE);
        CU_ASSERT(which[i] == SMTP_AUTH_LOGIN || run.out.len > SECRET_MAX + AUTH_USER_MAX);
        auth_run_free(&run);
    }
}

/* --- hostile challenges --- */

static enum auth_result respond_raw(enum smtp_auth mechanism, struct slice challenge)
{
    struct auth_run run;
    auth_run_init(&run, mechanism, "user", SLICE("password"));
    CU_ASSERT_TRUE_FATAL(auth_begin(&run.auth, &run.terms, &run.why));
    if (auth_has_initial(&run.auth)) {
        CU_ASSERT_EQUAL(auth_run_step(&run, SLICE("")), AUTH_RESPONSE);
        buf_clear(&run.out);
    }
    enum auth_result result = auth_respond(&run.auth, challenge, &run.out, &run.why);
    CU_ASSERT(result != AUTH_BROKEN || (run.why.text[0] != '\0' && run.out.len == 0));
    CU_ASSERT_FALSE(auth_believes(&run.auth, &run.why) && result != AUTH_RESPONSE &&
                    result != AUTH_UNEXPECTED && mechanism != SMTP_AUTH_XOAUTH2 &&
                    mechanism != SMTP_AUTH_OAUTHBEARER);
    auth_run_free(&run);
    return result;
}

static void hostile_challenges(void)
{
    static char huge[1024 * 1024];
    memset(huge, 'A', sizeof huge);
    static const enum smtp_auth which[] = {SMTP_AUTH_CRAM_MD5, SMTP_AUTH_SCRAM_SHA_1, SMTP_AUTH_SCRAM_SHA_256,
                                           SMTP_AUTH_XOAUTH2, SMTP_AUTH_OAUTHBEARER};
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
        CU_ASSERT_EQUAL(respond_raw(which[i], SLICE("not base64!")), AUTH_BROKEN);
        CU_ASSERT_EQUAL(respond_raw(which[i], SLICE("=")), AUTH_BROKEN);
        CU_ASSERT_EQUAL(respond_raw(which[i], SLICE("QQ")), AUTH_BROKEN);         /* no padding */
        CU_ASSERT_EQUAL(respond_raw(which[i], SLICE("QUFB\0QUFB")), AUTH_BROKEN); /* a NUL in the base64 */
        CU_ASSERT_EQUAL(respond_raw(which[i], (struct slice){huge, sizeof huge}), AUTH_BROKEN);
        CU_ASSERT_EQUAL(respond_raw(which[i], (struct slice){huge, AUTH_CHALLENGE_MAX + 4}), AUTH_BROKEN);
    }
    CU_ASSERT_EQUAL(respond_raw(SMTP_AUTH_CRAM_MD5, SLICE("")), AUTH_BROKEN);
    CU_ASSERT_EQUAL(respond_raw(SMTP_AUTH_CRAM_MD5, SLICE("AAAA")), AUTH_RESPONSE); /* NULs are octets */
    CU_ASSERT_EQUAL(respond_raw(SMTP_AUTH_CRAM_MD5, (struct slice){huge, AUTH_CHALLENGE_MAX}), AUTH_RESPONSE);
    CU_ASSERT_EQUAL(respond_raw(SMTP_AUTH_SCRAM_SHA_1, SLICE("")), AUTH_BROKEN);
    CU_ASSERT_EQUAL(respond_raw(SMTP_AUTH_XOAUTH2, SLICE("")), AUTH_RESPONSE); /* an error without a reason */
    CU_ASSERT_EQUAL(respond_raw(SMTP_AUTH_OAUTHBEARER, SLICE("AAAA")), AUTH_RESPONSE);
    /* LOGIN's prompts mean nothing. */
    CU_ASSERT_EQUAL(respond_raw(SMTP_AUTH_LOGIN, SLICE("not base64!")), AUTH_RESPONSE);
    CU_ASSERT_EQUAL(respond_raw(SMTP_AUTH_PLAIN, SLICE("not base64!")), AUTH_UNEXPECTED);
    CU_ASSERT_EQUAL(respond_raw(SMTP_AUTH_EXTERNAL, SLICE("QUFB")), AUTH_UNEXPECTED);
}

static const struct unit_test tests[] = {
    {"the mechanism is chosen", chooses},
    {"errors name what is offered", names_what_is_offered},
    {"names of mechanisms", mechanism_names},
    {"whether there is authentication", is_wanted},
    {"responses", answers},
    {"a unix socket has no port", unix_socket_has_no_port},
    {"errors about tokens are decoded", token_errors},
    {"users and passwords that are refused", refuses},
    {"limits", limits},
    {"hostile challenges", hostile_challenges},
};

UNIT_SUITE(smtp_auth, tests);
