/* SCRAM's messages: the RFCs' examples, and servers that cheat. */
#include "auth_run.h"

/* RFC 5802 5 and RFC 7677 3. */
static const struct vector {
    enum smtp_auth mechanism;
    const char *nonce;
    const char *client_first;
    const char *server_first;
    const char *client_final;
    const char *server_final;
} vectors[] = {
    {SMTP_AUTH_SCRAM_SHA_1, "fyko+d2lbbFgONRv9qkxdawL", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
     "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
     "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
     "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
    {SMTP_AUTH_SCRAM_SHA_256, "rOprNGfwEbeRWgbNEkqO", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
     "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
     "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+"
     "Ute9ytag9zjfMHgsqmmiz7AndVQ=",
     "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
};

#define SHA_256 (&vectors[1])

/* After client-first-message. */
static void begin(struct auth_run *run, const struct vector *vector)
{
    auth_run_init(run, vector->mechanism, "user", SLICE("pencil"));
    CU_ASSERT_TRUE_FATAL(auth_begin(&run->auth, &run->terms, &run->why));
    strcpy(run->auth.scram.nonce, vector->nonce);
    CU_ASSERT_EQUAL(auth_run_step(run, SLICE("")), AUTH_RESPONSE);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&run->out), vector->client_first);
}

static void examples(void)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct auth_run run;
        begin(&run, &vectors[i]);
        CU_ASSERT_EQUAL(auth_run_step(&run, slice_of(vectors[i].server_first)), AUTH_RESPONSE);
        CU_ASSERT_STRING_EQUAL(buf_cstr(&run.out), vectors[i].client_final);
        CU_ASSERT_FALSE(auth_believes(&run.auth, &run.why)); /* success without the signature */
        CU_ASSERT_PTR_NOT_NULL(strstr(run.why.text, "without the proof"));
        CU_ASSERT_EQUAL(auth_run_step(&run, slice_of(vectors[i].server_final)), AUTH_RESPONSE);
        CU_ASSERT_EQUAL(run.out.len, 0);
        CU_ASSERT_TRUE(auth_believes(&run.auth, &run.why));
        CU_ASSERT_EQUAL(auth_run_step(&run, SLICE("more")), AUTH_UNEXPECTED);
        auth_run_free(&run);
    }
}

static const struct message {
    const char *text;
    enum auth_result result;
    const char *why;
} first_messages[] = {
    /* the nonce */
    {"r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", AUTH_DISTRUSTED,
     "nonce does not continue ours"},
    {"r=rOprNGfwEbeRWgbNEkqP%hvY,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", AUTH_DISTRUSTED, "nonce"},
    {"r=xrOprNGfwEbeRWgbNEkqO%hvY,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", AUTH_DISTRUSTED, "nonce"},
    {"r=rOprNGfwE,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", AUTH_DISTRUSTED, "nonce"},
    {"r=,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", AUTH_DISTRUSTED, "nonce"},
    {"r=rOprNGfwEbeRWgbNEkqO\x7f,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", AUTH_BROKEN, "printable"},
    {"r=rOprNGfwEbeRWgbNEkqO x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", AUTH_BROKEN, "printable"},
    {"r=rOprNGfwEbeRWgbNEkqO\xc3\xbc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", AUTH_BROKEN, "printable"},
    /* the iterations */
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1", AUTH_DISTRUSTED,
     "iteration count 1 is not between 4096 and 1000000"},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095", AUTH_DISTRUSTED, "iteration count 4095"},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", AUTH_RESPONSE, ""},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000000", AUTH_RESPONSE, ""},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000001", AUTH_DISTRUSTED,
     "iteration count 1000001"},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4294971392", AUTH_DISTRUSTED, "4294971392"},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=18446744073709555712", AUTH_DISTRUSTED, "count"},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999999999999999999", AUTH_DISTRUSTED,
     "count"},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=", AUTH_BROKEN, "no number"},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0", AUTH_BROKEN, "no number"},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=04096", AUTH_BROKEN, "no number"},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-4096", AUTH_BROKEN, "no number"},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096x", AUTH_BROKEN, "no number"},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0x2000", AUTH_BROKEN, "no number"},
    /* the salt */
    {"r=rOprNGfwEbeRWgbNEkqO+,s=,i=4096", AUTH_BROKEN, "salt"},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22Z!,i=4096", AUTH_BROKEN, "salt"},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ,i=4096", AUTH_BROKEN, "salt"},
    /* the grammar */
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,x=an-extension", AUTH_RESPONSE, ""},
    {"m=must,r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", AUTH_BROKEN, "mandatory"},
    {"r=rOprNGfwEbeRWgbNEkqO+,i=4096,s=W22ZaJ0SNY7soEsUEjb6gQ==", AUTH_BROKEN, "first message"},
    {"r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==", AUTH_BROKEN, "first message"},
    {"r=rOprNGfwEbeRWgbNEkqO+", AUTH_BROKEN, "first message"},
    {" r=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", AUTH_BROKEN, "first message"},
    {"R=rOprNGfwEbeRWgbNEkqO+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", AUTH_BROKEN, "first message"},
    {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", AUTH_BROKEN, "first message"},
    {"", AUTH_BROKEN, "first message"},
    {",", AUTH_BROKEN, "first message"},
    {"r", AUTH_BROKEN, "first message"},
};

static void first_message(void)
{
    for (size_t i = 0; i < sizeof first_messages / sizeof first_messages[0]; i++) {
        const struct message *row = &first_messages[i];
        struct auth_run run;
        begin(&run, SHA_256);
        enum auth_result result = auth_run_step(&run, slice_of(row->text));
        bool held = result == row->result && strstr(run.why.text, row->why) != NULL &&
                    (result == AUTH_RESPONSE || run.out.len == 0);
        if (!held) {
            printf("\n%s: %d %s\n", row->text, result, run.why.text);
        }
        CU_ASSERT(held);
        CU_ASSERT_FALSE(auth_believes(&run.auth, &run.why));
        auth_run_free(&run);
    }
}

static void salts(void)
{
    static char message[3000];
    for (size_t salt = 1024; salt <= 1400; salt += 376) { /* 768 octets, and 1050 */
        struct auth_run run;
        begin(&run, SHA_256);
        strcpy(message, "r=rOprNGfwEbeRWgbNEkqO+,s=");
        memset(message + strlen(message), 'A', salt);
        strcpy(message + strlen("r=rOprNGfwEbeRWgbNEkqO+,s=") + salt, ",i=4096");
        CU_ASSERT_EQUAL(auth_run_step(&run, slice_of(message)), salt == 1024 ? AUTH_RESPONSE : AUTH_BROKEN);
        auth_run_free(&run);
    }
}

static const struct message final_messages[] = {
    {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", AUTH_RESPONSE, ""},
    {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,x=an-extension", AUTH_RESPONSE, ""},
    {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", AUTH_BROKEN,
     "final message"}, /* bits behind the end */
    {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=", AUTH_DISTRUSTED, "signature is wrong"},
    {"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", AUTH_DISTRUSTED, "signature is wrong"},
    {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", AUTH_DISTRUSTED, "signature is wrong"},
    {"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", AUTH_BROKEN, "final message"}, /* SHA-1's length */
    {"v=", AUTH_BROKEN, "final message"},
    {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G46rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G46rriTRBi23WpRR/"
     "wtup+mMhUZUn/dB5nLTJRsjl95G4AAAA",
     AUTH_BROKEN, "final message"},
    {"v=!", AUTH_BROKEN, "final message"},
    {"x=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", AUTH_BROKEN, "final message"},
    {"", AUTH_BROKEN, "final message"},
    {"v", AUTH_BROKEN, "final message"},
};

static void final_message(void)
{
    for (size_t i = 0; i < sizeof final_messages / sizeof final_messages[0]; i++) {
        const struct message *row = &final_messages[i];
        struct auth_run run;
        begin(&run, SHA_256);
        CU_ASSERT_EQUAL(auth_run_step(&run, slice_of(SHA_256->server_first)), AUTH_RESPONSE);
        enum auth_result result = auth_run_step(&run, slice_of(row->text));
        bool held = result == row->result && strstr(run.why.text, row->why) != NULL &&
                    auth_believes(&run.auth, &run.why) == (result == AUTH_RESPONSE);
        if (!held) {
            printf("\n%s: %d %s\n", row->text, result, run.why.text);
        }
        CU_ASSERT(held);
        auth_run_free(&run);
    }
}

/* "e=" is answered by an empty response, so that the server ends the exchange; it is never a success. */
static void server_errors(void)
{
    static const struct {
        const char *text;
        const char *complaint;
    } table[] = {{"e=invalid-proof", "invalid-proof"},
                 {"e=channel-bindings-dont-match,x=y", "channel-bindings-dont-match"},
                 {"e=a\nb\x01", "a?b?"},
                 {"e=", "an error without a name"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (int after = 1; after <= 2; after++) {
            struct auth_run run;
            begin(&run, SHA_256);
            if (after == 2) {
                CU_ASSERT_EQUAL(auth_run_step(&run, slice_of(SHA_256->server_first)), AUTH_RESPONSE);
            }
            CU_ASSERT_EQUAL(auth_run_step(&run, slice_of(table[i].text)), AUTH_RESPONSE);
            CU_ASSERT_EQUAL(run.out.len, 0);
            CU_ASSERT_STRING_EQUAL(run.auth.complaint.text, table[i].complaint);
            CU_ASSERT_FALSE(auth_believes(&run.auth, &run.why));
            CU_ASSERT_EQUAL(auth_run_step(&run, slice_of(SHA_256->server_final)), AUTH_UNEXPECTED);
            CU_ASSERT_FALSE(auth_believes(&run.auth, &run.why));
            auth_run_free(&run);
        }
    }
}

/* RFC 5802 6: which flag is said. */
static void flags(void)
{
    static const char binding[32] = "0123456789abcdefghijklmnopqrstu";
    const unsigned plain = CAPABILITY_AUTH(SMTP_AUTH_SCRAM_SHA_256) | CAPABILITY_AUTH(SMTP_AUTH_SCRAM_SHA_1);
    const unsigned plus = CAPABILITY_AUTH(SMTP_AUTH_SCRAM_SHA_256_PLUS);
    const unsigned plus_1 = CAPABILITY_AUTH(SMTP_AUTH_SCRAM_SHA_1_PLUS);
    const struct {
        enum smtp_auth setting;
        unsigned offered;
        bool can_bind;
        const char *header;
        const char *encoded; /* "c=" of the final message */
    } table[] = {
        {SMTP_AUTH_AUTO, plain, false, "n,,n=user,r=", "c=biws,"},
        {SMTP_AUTH_AUTO, plain, true, "y,,n=user,r=", "c=eSws,"},
        {SMTP_AUTH_SCRAM_SHA_1, plain, true, "y,,n=user,r=", "c=eSws,"},
        {SMTP_AUTH_AUTO, plain | plus, false, "n,,n=user,r=", "c=biws,"},
        {SMTP_AUTH_SCRAM_SHA_256, plain | plus, true, "n,,n=user,r=", "c=biws,"},
        {SMTP_AUTH_SCRAM_SHA_256, plain | plus_1, true, "n,,n=user,r=", "c=biws,"},
        {SMTP_AUTH_AUTO, plain | plus, true,
         "p=tls-exporter,,n=user,r=", "c=cD10bHMtZXhwb3J0ZXIsLDAxMjM0NTY3ODlhYmNkZWZnaGlqa2xtbm9wcXJzdHUA,"},
        {SMTP_AUTH_AUTO, plain | plus_1, true,
         "p=tls-exporter,,n=user,r=", "c=cD10bHMtZXhwb3J0ZXIsLDAxMjM0NTY3ODlhYmNkZWZnaGlqa2xtbm9wcXJzdHUA,"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct auth_run run;
        auth_run_init(&run, table[i].setting, "user", SLICE("pencil"));
        run.capabilities.auth = table[i].offered;
        run.terms.binding = (struct slice){binding, table[i].can_bind ? sizeof binding : 0};
        CU_ASSERT_TRUE_FATAL(auth_begin(&run.auth, &run.terms, &run.why));
        strcpy(run.auth.scram.nonce, "abc");
        CU_ASSERT_EQUAL(auth_run_step(&run, SLICE("")), AUTH_RESPONSE);
        size_t len = strlen(table[i].header);
        CU_ASSERT_EQUAL(strncmp(buf_cstr(&run.out), table[i].header, len), 0);
        CU_ASSERT_STRING_EQUAL(buf_cstr(&run.out) + len, "abc");
        CU_ASSERT_EQUAL(auth_run_step(&run, SLICE("r=abcdef,s=QUFB,i=4096")), AUTH_RESPONSE);
        CU_ASSERT_EQUAL(strncmp(buf_cstr(&run.out), table[i].encoded, strlen(table[i].encoded)), 0);
        auth_run_free(&run);
    }
}

static void nonces_differ(void)
{
    char nonces[2][SCRAM_NONCE_LEN + 1];
    for (size_t i = 0; i < 2; i++) {
        struct auth_run run;
        auth_run_init(&run, SMTP_AUTH_SCRAM_SHA_1, "user", SLICE("pencil"));
        CU_ASSERT_TRUE_FATAL(auth_begin(&run.auth, &run.terms, &run.why));
        memcpy(nonces[i], run.auth.scram.nonce, sizeof nonces[i]);
        CU_ASSERT_EQUAL(strlen(nonces[i]), SCRAM_NONCE_LEN);
        auth_run_free(&run);
    }
    CU_ASSERT_STRING_NOT_EQUAL(nonces[0], nonces[1]);
}

/* RFC 5802 5.1: "," and "=" in a user; both strings prepared. */
static void users(void)
{
    struct auth_run run;
    auth_run_init(&run, SMTP_AUTH_SCRAM_SHA_1, "a,b=c\xc2\xaa", SLICE("pencil"));
    CU_ASSERT_TRUE_FATAL(auth_begin(&run.auth, &run.terms, &run.why));
    strcpy(run.auth.scram.nonce, "x");
    CU_ASSERT_EQUAL(auth_run_step(&run, SLICE("")), AUTH_RESPONSE);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&run.out), "n,,n=a=2Cb=3Dca,r=x");
    auth_run_free(&run);
    auth_run_init(&run, SMTP_AUTH_SCRAM_SHA_1, "u", SLICE("I\xc2\xadX"));
    CU_ASSERT_TRUE_FATAL(auth_begin(&run.auth, &run.terms, &run.why));
    CU_ASSERT_STRING_EQUAL(buf_cstr(&run.auth.scram.password), "IX");
    auth_run_free(&run);
}

static void binding_limits(void)
{
    static const char data[SCRAM_BINDING_MAX + 1] = "";
    struct scram scram;
    struct err why = {.text = ""};
    CU_ASSERT_FALSE(scram_init(&scram, true, SCRAM_BOUND, (struct slice){data, 0}, &why));
    CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "no channel binding"));
    CU_ASSERT_FALSE(scram_init(&scram, true, SCRAM_BOUND, (struct slice){data, sizeof data}, &why));
    CU_ASSERT_TRUE(scram_init(&scram, true, SCRAM_BOUND, (struct slice){data, sizeof data - 1}, &why));
    scram_free(&scram);
}

static const struct unit_test tests[] = {
    {"the RFCs' examples", examples},
    {"the server's first message", first_message},
    {"salts", salts},
    {"the server's final message", final_message},
    {"the server's errors", server_errors},
    {"GS2 flags and channel binding", flags},
    {"every nonce is new", nonces_differ},
    {"users and passwords are prepared", users},
    {"channel bindings have limits", binding_limits},
};

UNIT_SUITE(smtp_scram, tests);
