#include "app/policy.h"

#include <stdio.h>

#include "app_fixture.h"
#include "unit.h"

#define DEFAULTS "defaults: {from: d@x.example, to: t@x.example, cc: c@x.example, bcc: b@x.example}\n"
#define BOUNCES  "defaults: {from: d@x.example, to: t@x.example, sender: bounces@x.example}\n"
#define ANYBODY  "allow: {recipients: [\"*\"], senders: [\"*\"]}\n"
#define EXAMPLE  "allow: {recipients: [\"*@y.example\"], senders: [\"*@y.example\", \"s?@z.example\"]}\n"

static void test_addresses(void)
{
    static const struct {
        const char *yaml;
        const char *form;
        enum policy_result result;
        const char *field;
        const char *text;
    } cases[] = {
        /* closed: nothing but the defaults, each in its role */
        {DEFAULTS, "", POLICY_ALLOWED, "", ""},
        {DEFAULTS, "to=t@x.example", POLICY_ALLOWED, "", ""},
        {DEFAULTS, "bcc=c@x.example&cc=b@X.example", POLICY_ALLOWED, "", ""},
        {DEFAULTS, "to=other@x.example", POLICY_RECIPIENT, "to",
         "The recipient <other@x.example> is not allowed here; use one that is, or ask the operator to add "
         "it to "
         "allow.recipients"},
        {DEFAULTS, "to=T@x.example", POLICY_RECIPIENT, "to", "<T@x.example>"},
        {DEFAULTS, "to=d@x.example", POLICY_RECIPIENT, "to", "<d@x.example>"},
        {DEFAULTS, "cc=t@x.example&bcc=e@x.example", POLICY_RECIPIENT, "bcc", "<e@x.example>"},
        {DEFAULTS, "from=t@x.example", POLICY_SENDER, "from", "The sender <t@x.example>"},
        {DEFAULTS, "from=d@x.example,e@x.example&sender=d@x.example", POLICY_SENDER, "from", "<e@x.example>"},
        {DEFAULTS, "sender=e@x.example", POLICY_SENDER, "sender", "The return path <e@x.example>"},
        {DEFAULTS, "sender=d@x.example", POLICY_ALLOWED, "", ""}, /* it would be that anyway */
        {DEFAULTS, "sender=<>", POLICY_SENDER, "sender", "The return path <>"},
        {DEFAULTS, "reply_to=anybody@z.example", POLICY_ALLOWED, "", ""},
        {"", "from=a@y.example&to=b@y.example", POLICY_RECIPIENT, "to", "<b@y.example>"},
        /* the default return path */
        {BOUNCES, "", POLICY_ALLOWED, "", ""},
        {BOUNCES, "sender=bounces@x.example", POLICY_ALLOWED, "", ""},
        {BOUNCES, "sender=d@x.example", POLICY_SENDER, "sender", "<d@x.example>"},
        {BOUNCES, "from=bounces@x.example", POLICY_SENDER, "from", "<bounces@x.example>"},
        {"defaults: {from: d@x.example, to: t@x.example, sender: <>}\n", "", POLICY_ALLOWED, "", ""},
        /* patterns */
        {DEFAULTS EXAMPLE, "to=a@y.example&from=a@Y.EXAMPLE", POLICY_ALLOWED, "", ""},
        {DEFAULTS EXAMPLE, "to=a@y.example&from=s1@z.example", POLICY_ALLOWED, "", ""},
        {DEFAULTS EXAMPLE, "to=a@y.example&from=s12@z.example", POLICY_SENDER, "from", "<s12@z.example>"},
        {DEFAULTS EXAMPLE, "to=a@y.example.evil.example", POLICY_RECIPIENT, "to", ""},
        {DEFAULTS EXAMPLE, "to=\"a@y.example\"@evil.example", POLICY_RECIPIENT, "to", "@evil.example"},
        {DEFAULTS EXAMPLE, "to=a@y.example,b@z.example", POLICY_RECIPIENT, "to", "<b@z.example>"},
        {DEFAULTS EXAMPLE, "sender=<>", POLICY_ALLOWED, "", ""},
        {DEFAULTS ANYBODY, "from=a@z.example&to=\"q@r\"@z.example&sender=e@q.example", POLICY_ALLOWED, "",
         ""},
        /* the envelope is what counts: with rcpt, to and cc are text alone */
        {DEFAULTS EXAMPLE, "to=b@z.example&rcpt=a@y.example", POLICY_ALLOWED, "", ""},
        {DEFAULTS EXAMPLE, "to=a@y.example&rcpt=b@z.example", POLICY_RECIPIENT, "rcpt", "<b@z.example>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_fixture fixture;
        char yaml[1024];
        snprintf(yaml, sizeof yaml, "%s%s", SERVER, cases[i].yaml);
        app_fixture_init(&fixture, yaml);
        CU_ASSERT_EQUAL(app_fixture_submit(&fixture, cases[i].form), SUBMISSION_OK);
        CU_ASSERT_EQUAL(fixture.errors.count, 0);
        enum policy_result result =
            policy_check(&fixture.config->allow, &fixture.defaults, &fixture.submission, &fixture.err);
        if (result != cases[i].result) {
            fprintf(stderr, "%s %s\n", cases[i].yaml, cases[i].form);
        }
        CU_ASSERT_EQUAL(result, cases[i].result);
        CU_ASSERT_STRING_EQUAL(fixture.err.field, cases[i].field);
        if (cases[i].text[0] != '\0' || result == POLICY_ALLOWED) {
            app_fixture_expect(fixture.err.text, cases[i].text, cases[i].form);
        }
        app_fixture_free(&fixture);
    }
}

static void test_hosts(void)
{
    static const struct {
        const char *host;
        bool allowed;
        bool named;
    } cases[] = {
        {"mail.example.com", true, false},    {"MAIL.EXAMPLE.COM", true, false},
        {"example.com", false, false},        {"mail.example.com.evil.example", false, false},
        {"relay.example.org", true, true},    {"Relay.Example.Org", true, true},
        {"relay.example.orgs", false, false}, {"127.0.0.1", true, true},
        {"127.0.0.2", false, false},          {"smtp1.example.net", true, false},
        {"smtp12.example.net", false, false}, {"", false, false},
        {"*.example.com", true, false},
    };
    struct app_fixture fixture;
    app_fixture_init(&fixture, SERVER "allow: {hosts: [\"*.example.com\", relay.example.org, 127.0.0.1, "
                                      "\"smtp?.example.net\"], override: [server]}\n");
    const struct config_allow *allow = &fixture.config->allow;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(policy_host_allowed(allow, slice_of(cases[i].host)), cases[i].allowed);
        CU_ASSERT_EQUAL(policy_host_named(allow, slice_of(cases[i].host)), cases[i].named);
    }
    static const char nul[] = "mail.example.com\0.example.com";
    CU_ASSERT_FALSE(policy_host_allowed(allow, (struct slice){nul, sizeof nul - 1}));
    char longest[POLICY_HOST_MAX + 1];
    memset(longest, 'a', sizeof longest);
    memcpy(longest + POLICY_HOST_MAX - 12, ".example.com", 12);
    CU_ASSERT_TRUE(policy_host_allowed(allow, (struct slice){longest, POLICY_HOST_MAX}));
    memcpy(longest + POLICY_HOST_MAX - 11, ".example.com", 12);
    CU_ASSERT_FALSE(policy_host_allowed(allow, (struct slice){longest, POLICY_HOST_MAX + 1}));
    app_fixture_free(&fixture);
}

static const struct unit_test tests[] = {
    {"recipients, senders and return paths", test_addresses},
    {"hosts", test_hosts},
};

UNIT_SUITE(app_policy, tests);
