#include "smtp/auth.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static struct smtp_settings make_settings(enum smtp_auth setting, char *user, char *password)
{
    return (struct smtp_settings){
        .user = user, .auth = setting, .password = {.data = password, .len = strlen(password)}};
}

static void chooses(void)
{
    static const struct {
        enum smtp_auth setting;
        unsigned offered;
        const char *expected; /* NULL: none */
    } table[] = {
        {SMTP_AUTH_AUTO, CAPABILITY_AUTH_PLAIN | CAPABILITY_AUTH_LOGIN, "PLAIN"},
        {SMTP_AUTH_AUTO, CAPABILITY_AUTH_LOGIN, "LOGIN"},
        {SMTP_AUTH_AUTO, 0, NULL},
        {SMTP_AUTH_LOGIN, CAPABILITY_AUTH_PLAIN | CAPABILITY_AUTH_LOGIN, "LOGIN"},
        {SMTP_AUTH_LOGIN, CAPABILITY_AUTH_PLAIN, NULL},
        {SMTP_AUTH_PLAIN, CAPABILITY_AUTH_LOGIN, NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct smtp_settings settings = make_settings(table[i].setting, "u", "p");
        struct capabilities capabilities = {.auth = table[i].offered, .auth_offered = "XOAUTH2"};
        struct auth auth;
        struct err why = {.text = ""};
        bool ok = auth_begin(&auth, &settings, &capabilities, true, "mail:25", &why);
        CU_ASSERT_EQUAL(ok, table[i].expected != NULL);
        if (ok) {
            CU_ASSERT_STRING_EQUAL(auth_name(&auth), table[i].expected);
        } else {
            CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "mail:25"));
            CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "XOAUTH2"));
        }
    }
}

static void clear_text_is_refused(void)
{
    struct smtp_settings settings = make_settings(SMTP_AUTH_AUTO, "u", "p");
    struct capabilities capabilities = {.auth = CAPABILITY_AUTH_LOGIN, .auth_offered = "LOGIN"};
    struct auth auth;
    struct err why = {.text = ""};
    CU_ASSERT_FALSE(auth_begin(&auth, &settings, &capabilities, false, "mail:25", &why));
    CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "without TLS"));
    capabilities.auth_offered[0] = '\0';
    CU_ASSERT_FALSE(auth_begin(&auth, &settings, &capabilities, true, "mail:25", &why));
    CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "no authentication"));
}

/* The responses of a mechanism, one after another, joined by "|". */
static void responses(enum smtp_auth setting, char *user, char *password, const char *expected)
{
    struct smtp_settings settings = make_settings(setting, user, password);
    struct capabilities capabilities = {.auth = CAPABILITY_AUTH_PLAIN | CAPABILITY_AUTH_LOGIN,
                                        .auth_offered = "x"};
    struct auth auth;
    struct buf all;
    buf_init(&all, 2 * AUTH_RESPONSE_MAX);
    CU_ASSERT_TRUE(auth_begin(&auth, &settings, &capabilities, true, "mail:25", NULL));
    enum auth_result result = AUTH_RESPONSE;
    for (size_t i = 0; i < 5 && result == AUTH_RESPONSE; i++) {
        CU_ASSERT_TRUE(i == 0 || buf_append_char(&all, '|'));
        result = auth_respond(&auth, &all);
    }
    CU_ASSERT_EQUAL(result, AUTH_UNEXPECTED);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&all), expected);
    buf_free(&all);
}

static void answers(void)
{
    responses(SMTP_AUTH_PLAIN, "tim", "tanstaaftanstaaf", "AHRpbQB0YW5zdGFhZnRhbnN0YWFm|"); /* RFC 4616 4 */
    responses(SMTP_AUTH_LOGIN, "tim", "tanstaaf", "dGlt|dGFuc3RhYWY=|");
    responses(SMTP_AUTH_PLAIN, "\xc3\xbc", "\xe2\x82\xac", "AMO8AOKCrA==|");
}

static void initial(void)
{
    struct smtp_settings settings = make_settings(SMTP_AUTH_PLAIN, "u", "p");
    struct capabilities capabilities = {.auth = 3, .auth_offered = "x"};
    struct auth auth;
    CU_ASSERT_TRUE(auth_begin(&auth, &settings, &capabilities, true, "mail:25", NULL));
    CU_ASSERT_TRUE(auth_has_initial(&auth));
    settings.auth = SMTP_AUTH_LOGIN;
    CU_ASSERT_TRUE(auth_begin(&auth, &settings, &capabilities, true, "mail:25", NULL));
    CU_ASSERT_FALSE(auth_has_initial(&auth));
}

static enum auth_result respond_with(char *password, size_t len)
{
    struct smtp_settings settings = {.user = "u", .auth = SMTP_AUTH_PLAIN, .password = {password, len}};
    struct capabilities capabilities = {.auth = CAPABILITY_AUTH_PLAIN, .auth_offered = "PLAIN"};
    struct auth auth;
    struct buf out;
    buf_init(&out, AUTH_RESPONSE_MAX);
    CU_ASSERT_TRUE(auth_begin(&auth, &settings, &capabilities, true, "mail:25", NULL));
    enum auth_result result = auth_respond(&auth, &out);
    CU_ASSERT(result != AUTH_RESPONSE || out.len <= AUTH_RESPONSE_MAX);
    buf_wipe(&out);
    return result;
}

static void limits(void)
{
    size_t most = AUTH_RESPONSE_MAX / 4 * 3 - 3; /* less NUL "u" NUL */
    char *password = malloc(most + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(password);
    memset(password, 'p', most + 1);
    CU_ASSERT_EQUAL(respond_with(password, most), AUTH_RESPONSE);
    CU_ASSERT_EQUAL(respond_with(password, most + 1), AUTH_UNUSABLE);
    CU_ASSERT_EQUAL(respond_with(password, 0), AUTH_UNUSABLE);
    CU_ASSERT_EQUAL(respond_with(NULL, 0), AUTH_UNUSABLE);
    password[3] = '\0';
    CU_ASSERT_EQUAL(respond_with(password, 10), AUTH_UNUSABLE);
    free(password);
}

static const struct unit_test tests[] = {
    {"the mechanism is chosen", chooses},
    {"clear text is refused", clear_text_is_refused},
    {"responses", answers},
    {"initial responses", initial},
    {"limits", limits},
};

UNIT_SUITE(smtp_auth, tests);
