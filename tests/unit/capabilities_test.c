#include "smtp/capabilities.h"

#include <string.h>

#include "unit.h"

#define PLAIN CAPABILITY_AUTH(SMTP_AUTH_PLAIN)
#define LOGIN CAPABILITY_AUTH(SMTP_AUTH_LOGIN)

static struct capabilities parse(const char *text)
{
    struct capabilities capabilities;
    struct reply reply;
    size_t used = 0;
    reply_init(&reply);
    CU_ASSERT_EQUAL(reply_feed(&reply, text, strlen(text), &used), REPLY_DONE);
    capabilities_parse(&capabilities, &reply);
    reply_free(&reply);
    return capabilities;
}

static void all_known(void)
{
    struct capabilities c =
        parse("250-mail.example greets you\r\n250-STARTTLS\r\n250-8bitmime\r\n250-SMTPutf8\r\n"
              "250-SIZE 12345\r\n250-PIPELINING\r\n250-Chunking\r\n250-dsn\r\n250-REQUIRETLS\r\n"
              "250 AUTH PLAIN LOGIN XOAUTH2\r\n");
    CU_ASSERT_TRUE(c.pipelining && c.chunking && c.dsn && c.requiretls);
    CU_ASSERT_TRUE(c.starttls && c.eightbitmime && c.smtputf8 && c.size);
    CU_ASSERT_EQUAL(c.size_limit, 12345);
    CU_ASSERT_EQUAL(c.auth, PLAIN | LOGIN | CAPABILITY_AUTH(SMTP_AUTH_XOAUTH2));
    CU_ASSERT_STRING_EQUAL(c.auth_offered, "PLAIN LOGIN XOAUTH2");
}

static void none(void)
{
    /* The first line is a domain and a greeting, whatever it says. */
    struct capabilities c = parse("250 STARTTLS\r\n");
    struct capabilities zero;
    memset(&zero, 0, sizeof zero);
    CU_ASSERT_EQUAL(memcmp(&c, &zero, sizeof c), 0);
}

static void keywords_are_whole(void)
{
    struct capabilities c =
        parse("250-x\r\n250-STARTTLSX\r\n250-XSTARTTLS\r\n250-SMTPUTF8-X\r\n250-8BITMIM\r\n250-"
              "PIPELININGS\r\n250-XCHUNKING\r\n250-DSNX\r\n250-REQUIRETLS-1\r\n"
              "250-AUTH=PLAIN LOGIN\r\n250 SIZES 5\r\n");
    CU_ASSERT_FALSE(c.starttls || c.smtputf8 || c.eightbitmime || c.size);
    CU_ASSERT_FALSE(c.pipelining || c.chunking || c.dsn || c.requiretls);
    CU_ASSERT_EQUAL(c.auth, 0);
    CU_ASSERT_STRING_EQUAL(c.auth_offered, "");
}

static void broken_lines_are_skipped(void)
{
    struct capabilities c = parse("250-x\r\n250-\r\n250- STARTTLS\r\n250--STARTTLS\r\n250-STARTTLS\tnow\r\n"
                                  "250-SIZE\x01 9\r\n250 8BITMIME\r\n");
    CU_ASSERT_FALSE(c.starttls || c.size);
    CU_ASSERT_TRUE(c.eightbitmime);
}

static void sizes(void)
{
    static const struct {
        const char *line;
        uint64_t limit;
    } table[] = {
        {"SIZE", 0},
        {"SIZE 0", 0},
        {"SIZE 10485760 ", 10485760},
        {"SIZE 18446744073709551615", UINT64_MAX},
        {"SIZE 18446744073709551616", UINT64_MAX},
        {"SIZE 99999999999999999999", UINT64_MAX},
        {"SIZE -5", 0},
        {"SIZE 5k", 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[80] = "250-x\r\n250 ";
        strcat(text, table[i].line);
        strcat(text, "\r\n");
        struct capabilities c = parse(text);
        CU_ASSERT_TRUE(c.size);
        CU_ASSERT_EQUAL(c.size_limit, table[i].limit);
    }
}

static void auth_lines(void)
{
    struct capabilities c = parse("250-x\r\n250-AUTH LOGIN  \r\n250 auth  plain\r\n");
    CU_ASSERT_EQUAL(c.auth, PLAIN | LOGIN);
    CU_ASSERT_STRING_EQUAL(c.auth_offered, "LOGIN plain");
    c = parse("250-x\r\n250 AUTH PLAINER XLOGIN\r\n");
    CU_ASSERT_EQUAL(c.auth, 0);
    c = parse("250-x\r\n250 AUTH "
              "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA "
              "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB "
              "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC PLAIN\r\n");
    CU_ASSERT_EQUAL(c.auth, PLAIN);
    CU_ASSERT_PTR_NOT_NULL(strstr(c.auth_offered, "B PLAIN")); /* what has no room is left out */
    c = parse("250-x\r\n250 AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS "
              "SCRAM-SHA-256-PLUS "
              "XOAUTH2 OAUTHBEARER EXTERNAL\r\n");
    for (enum smtp_auth mechanism = SMTP_AUTH_PLAIN; mechanism <= SMTP_AUTH_EXTERNAL; mechanism++) {
        CU_ASSERT_NOT_EQUAL(c.auth & CAPABILITY_AUTH(mechanism), 0);
    }
}

static const struct unit_test tests[] = {
    {"all that are known", all_known},
    {"the first line is no keyword", none},
    {"keywords are compared whole", keywords_are_whole},
    {"broken lines are skipped", broken_lines_are_skipped},
    {"SIZE", sizes},
    {"AUTH", auth_lines},
};

UNIT_SUITE(capabilities, tests);
