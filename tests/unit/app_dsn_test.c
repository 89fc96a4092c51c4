#include "app/dsn.h"

#include "app_fixture.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void notify(void)
{
    static const struct {
        const char *text;
        unsigned bits; /* 0: none */
    } cases[] = {
        {"never", SMTP_NOTIFY_NEVER},
        {"NEVER", SMTP_NOTIFY_NEVER},
        {" never,", SMTP_NOTIFY_NEVER},
        {"success", SMTP_NOTIFY_SUCCESS},
        {"failure", SMTP_NOTIFY_FAILURE},
        {"delay", SMTP_NOTIFY_DELAY},
        {"success,failure", SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE},
        {"success failure\tdelay", SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY},
        {", delay , success,, success ", SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY},
        {"", 0},
        {",", 0},
        {"never,success", 0},
        {"success never", 0},
        {"always", 0},
        {"success;failure", 0},
        {"success,fail", 0},
        {"successfailure", 0},
        {"none", 0},
        {"success\r\n", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned bits = 99;
        CU_ASSERT_EQUAL(dsn_notify(slice_of(cases[i].text), &bits), cases[i].bits != 0);
        if (cases[i].bits != 0) {
            CU_ASSERT_EQUAL(bits, cases[i].bits);
        }
    }
}

static void ret(void)
{
    enum smtp_ret value = SMTP_RET_UNSET;
    CU_ASSERT_TRUE(dsn_ret(SLICE("full"), &value));
    CU_ASSERT_EQUAL(value, SMTP_RET_FULL);
    CU_ASSERT_TRUE(dsn_ret(SLICE("Headers"), &value));
    CU_ASSERT_EQUAL(value, SMTP_RET_HDRS);
    CU_ASSERT_FALSE(dsn_ret(SLICE("hdrs"), &value));
    CU_ASSERT_FALSE(dsn_ret(SLICE(""), &value));
    CU_ASSERT_FALSE(dsn_ret(SLICE("full "), &value));
}

static void fields(void)
{
    static const struct {
        const char *form;
        unsigned notify;
        enum smtp_ret ret;
        const char *error;
    } cases[] = {
        {"to=a@x.example", 0, SMTP_RET_UNSET, ""},
        {"dsn=&ret=", 0, SMTP_RET_UNSET, ""},
        {"dsn=success,delay&ret=headers", SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY, SMTP_RET_HDRS, ""},
        {"dsn=never", SMTP_NOTIFY_NEVER, SMTP_RET_UNSET, ""},
        {"ret=full", 0, SMTP_RET_FULL, ""},
        {"dsn=sometimes", 0, SMTP_RET_UNSET,
         "dsn is \"sometimes\"; give never, or any of success, failure and delay, like \"success,failure\""},
        {"ret=body", 0, SMTP_RET_UNSET, "ret is \"body\"; give full or headers"},
        {"dsn=delay&dsn=never", SMTP_NOTIFY_DELAY, SMTP_RET_UNSET, "dsn is given more than once"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct app_fixture fixture;
        app_fixture_init(&fixture, SERVER);
        CU_ASSERT_EQUAL(app_fixture_submit(&fixture, cases[i].form), SUBMISSION_OK);
        app_fixture_expect(fixture.errors.first.text, cases[i].error, cases[i].form);
        if (cases[i].error[0] == '\0') {
            CU_ASSERT_EQUAL(fixture.submission.notify, cases[i].notify);
            CU_ASSERT_EQUAL(fixture.submission.ret, cases[i].ret);
        }
        app_fixture_free(&fixture);
    }
}

static const struct unit_test tests[] = {
    {"NOTIFY", notify},
    {"RET", ret},
    {"the fields of /send", fields},
};
UNIT_SUITE(app_dsn, tests);
