/* What the tests of SASL mechanisms share: an authentication without a connection. */
#ifndef FCGI_SMTP_TESTS_AUTH_RUN_H
#define FCGI_SMTP_TESTS_AUTH_RUN_H

#include <stdlib.h>
#include <string.h>

#include "fcgi_smtp/base64.h"
#include "smtp/auth.h"
#include "unit.h"

struct auth_run {
    struct smtp_settings settings;
    struct secret password;
    struct capabilities capabilities;
    struct auth_terms terms;
    struct auth auth;
    struct buf out;
    struct err why;
};

/* Settings for mail.example:587 under TLS without a channel binding, all mechanisms offered. */
static inline void auth_run_init(struct auth_run *run, enum smtp_auth mechanism, const char *user,
                                 struct slice password)
{
    memset(run, 0, sizeof *run);
    run->settings =
        (struct smtp_settings){.host = "mail.example", .port = 587, .user = user, .auth = mechanism};
    CU_ASSERT_TRUE(secret_set(&run->password, password));
    run->capabilities = (struct capabilities){.auth = ~0u, .auth_offered = "ALL"};
    run->terms = (struct auth_terms){.settings = &run->settings,
                                     .password = &run->password,
                                     .capabilities = &run->capabilities,
                                     .server = "mail.example:587",
                                     .encrypted = true,
                                     .confidential = true};
    buf_init(&run->out, AUTH_RESPONSE_MAX);
}

static inline void auth_run_free(struct auth_run *run)
{
    auth_end(&run->auth);
    secret_free(&run->password);
    buf_free(&run->out);
}

/* The answer to a challenge given as octets; what comes is in run->out as octets too. */
static inline enum auth_result auth_run_step(struct auth_run *run, struct slice challenge)
{
    struct buf encoded;
    buf_init(&encoded, (size_t)4 * 1024 * 1024);
    char *to = buf_reserve(&encoded, base64_encoded_size(challenge.len, BASE64_UNWRAPPED));
    CU_ASSERT_PTR_NOT_NULL_FATAL(to);
    encoded.len += base64_encode(challenge.data != NULL ? challenge.data : "", challenge.len, to);
    run->why.text[0] = '\0';
    buf_clear(&run->out);
    enum auth_result result = auth_respond(&run->auth, buf_slice(&encoded), &run->out, &run->why);
    buf_free(&encoded);
    if (result == AUTH_RESPONSE && run->out.len > 0) {
        size_t len = 0;
        CU_ASSERT_TRUE(base64_decode(run->out.data, run->out.len, run->out.data, &len));
        run->out.len = len;
        run->out.data[len] = '\0';
    }
    return result;
}

#endif
