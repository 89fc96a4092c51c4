/* What MAIL and RCPT carry beside the path. */
#include "smtp/parameters.h"

#include <string.h>

#include "unit.h"

static void xtext(void)
{
    static const struct {
        const char *text;
        const char *expected; /* NULL: refused */
    } table[] = {
        {"", ""},
        {"abc", "abc"},
        {"<a.b@example.com>", "<a.b@example.com>"},
        {"a+b=c d", "a+2Bb+3Dc+20d"},
        {"!~", "!~"},
        {"a\tb", NULL},
        {"a\r\nRCPT", NULL},
        {"\x7f", NULL},
        {"\xc3\xbc", NULL},
    };
    char out[64];
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        CU_ASSERT_EQUAL(parameters_xtext(table[i].text, out, sizeof out), table[i].expected != NULL);
        CU_ASSERT_STRING_EQUAL(out, table[i].expected != NULL ? table[i].expected : "");
    }
    char small[6];
    CU_ASSERT_TRUE(parameters_xtext("ab", small, sizeof small));
    CU_ASSERT_FALSE(parameters_xtext("abcd", small, sizeof small)); /* room is kept for an escape */
    CU_ASSERT_STRING_EQUAL(small, "");
}

static const struct capabilities every = {
    .size = true, .eightbitmime = true, .smtputf8 = true, .dsn = true, .requiretls = true};
static const struct capabilities bare = {.size = false};

static void mail(void)
{
    static const struct {
        struct smtp_delivery delivery;
        bool smtputf8;
        bool require_tls;
        const char *offered;     /* the parameters where all is offered */
        const char *not_offered; /* and where nothing is */
    } table[] = {
        {{.size = 0}, false, false, "SIZE=0", ""},
        {{.size = UINT64_MAX}, false, false, "SIZE=18446744073709551615", ""},
        {{.size = 5, .eight_bit = true}, false, false, "SIZE=5 BODY=8BITMIME", ""},
        {{.size = 5, .smtputf8 = true}, true, false, "SIZE=5 BODY=8BITMIME SMTPUTF8", "SMTPUTF8"},
        {{.size = 5}, false, true, "SIZE=5 REQUIRETLS", "REQUIRETLS"},
        {{.size = 5, .ret = SMTP_RET_HDRS}, false, false, "SIZE=5 RET=HDRS", ""},
        {{.size = 5, .ret = SMTP_RET_FULL, .envid = "a+b@x"},
         false,
         false,
         "SIZE=5 RET=FULL ENVID=a+2Bb@x",
         ""},
        {{.size = 5, .notify = SMTP_NOTIFY_NEVER, .envid = "q1"}, false, false, "SIZE=5 ENVID=q1", ""},
        {{.size = 5, .envid = "q1"}, false, false, "SIZE=5", ""},
        {{.size = 5, .notify = SMTP_NOTIFY_DELAY, .envid = ""}, false, false, "SIZE=5", ""},
        {{.size = 5, .notify = SMTP_NOTIFY_DELAY, .envid = "\xc3\xbc"}, false, false, "SIZE=5", ""},
        {{.size = 5, .eight_bit = true, .ret = SMTP_RET_FULL, .envid = "q"},
         true,
         true,
         "SIZE=5 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=q REQUIRETLS",
         "SMTPUTF8 REQUIRETLS"},
    };
    char out[PARAMETERS_MAX];
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        parameters_of_mail(out, &table[i].delivery, &every, table[i].smtputf8, table[i].require_tls);
        CU_ASSERT_STRING_EQUAL(out, table[i].offered);
        parameters_of_mail(out, &table[i].delivery, &bare, table[i].smtputf8, table[i].require_tls);
        CU_ASSERT_STRING_EQUAL(out, table[i].not_offered);
    }
}

/* RFC 3461 5.4: up to 100 octets. */
static void long_envid(void)
{
    char envid[120];
    char out[PARAMETERS_MAX];
    struct smtp_delivery delivery = {.ret = SMTP_RET_FULL, .envid = envid};
    for (size_t len = 98; len < 110; len++) {
        memset(envid, 'x', len);
        envid[len] = '\0';
        parameters_of_mail(out, &delivery, &every, false, false);
        CU_ASSERT_EQUAL(strstr(out, "ENVID=xx") != NULL, len <= 100);
        CU_ASSERT_PTR_NOT_NULL(strstr(out, "RET=FULL"));
    }
}

static void rcpt(void)
{
    static const struct {
        unsigned notify;
        const char *expected;
    } table[] = {
        {0, ""},
        {SMTP_NOTIFY_NEVER, "NOTIFY=NEVER"},
        {SMTP_NOTIFY_SUCCESS, "NOTIFY=SUCCESS"},
        {SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY, "NOTIFY=FAILURE,DELAY"},
        {SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY, "NOTIFY=SUCCESS,FAILURE,DELAY"},
        {SMTP_NOTIFY_NEVER | SMTP_NOTIFY_SUCCESS, "NOTIFY=NEVER"},
    };
    char out[PARAMETERS_MAX];
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct smtp_delivery delivery = {.notify = table[i].notify};
        parameters_of_rcpt(out, &delivery, &every);
        CU_ASSERT_STRING_EQUAL(out, table[i].expected);
        parameters_of_rcpt(out, &delivery, &bare);
        CU_ASSERT_STRING_EQUAL(out, "");
    }
}

static const struct unit_test tests[] = {
    {"xtext", xtext},
    {"MAIL", mail},
    {"a long ENVID", long_envid},
    {"RCPT", rcpt},
};

UNIT_SUITE(smtp_parameters, tests);
