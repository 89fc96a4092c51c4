/* The rules for one server: passwords, TLS, mechanisms, what is completed. */
#include "config_run.h"

static void passwords(void)
{
    static const struct check_case cases[] = {
        {"server: {host: x, user: y, password: z}\n", ""},
        {"server: {host: x, user: y, password_file: @/password}\n", ""},
        {"server: {host: x, user: y, password_env: CONFIG_TEST_PASSWORD}\n", ""},
        {"server: {host: x, user: y, password_command: /bin/sh}\n", ""},
        {"server: {host: x, user: y, password_command: [/bin/sh, -c, '', echo x], password_ttl: 1h}\n", ""},
        {"server: {host: x, user: y, password_command: []}\n",
         "f:1:46: server.password_command: is an empty list; a program's path and its arguments are "
         "expected\n"},
        {"server: {host: x, user: y, password_command: [sh, -c, x]}\n",
         "f:1:47: server.password_command[0]: is no absolute path; a program's absolute path is expected\n"},
        {"server: {host: x, user: y, password_command: ''}\n",
         "f:1:46: server.password_command: is no absolute path; a program's absolute path is expected\n"},
        {"server: {host: x, user: y, password_command: [\"/bin/s\\x01h\", /bin/sh]}\n",
         "f:1:47: server.password_command[0]: holds a control character; plain text is expected\n"},
        {"server: {host: x, user: y, password_command: @/none}\n",
         "f:1:46: server.password_command: cannot be run: No such file or directory; a program's absolute "
         "path is expected\n"},
        {"server: {host: x, user: y, password_command: [@/password]}\n",
         "f:1:47: server.password_command[0]: cannot be run: Permission denied; a program's absolute path is "
         "expected\n"},
        {"server: {host: x, user: y, password_command: @}\n",
         "f:1:46: server.password_command: cannot be run: not a regular file; a program's absolute path is "
         "expected\n"},
        {"server: {host: x, user: y, password: z, password_command: /bin/sh}\n",
         "f:1:41: server.password_command: stands beside password; only one of them is expected\n"},
        {"server: {host: x, password_command: /bin/sh}\n",
         "f:1:19: server.password_command: stands without a user; both or none are expected\n"},
        {"server: {host: x, user: y}\n",
         "f:1:19: server.user: stands without a password; password, password_file, password_env or "
         "password_command is expected\n"},
        {"server: {host: x, password: y}\n",
         "f:1:19: server.password: stands without a user; both or none are expected\n"},
        {"server: {host: x, password_env: CONFIG_TEST_PASSWORD}\n",
         "f:1:19: server.password_env: stands without a user; both or none are expected\n"},
        {"server: {host: x, user: y, password: z, password_env: CONFIG_TEST_PASSWORD}\n",
         "f:1:41: server.password_env: stands beside password; only one of them is expected\n"},
        {"server: {password_env: a, user: y, password: z, host: x, password_file: c}\n",
         "f:1:10: server.password_env: stands beside password; only one of them is expected\n"
         "f:1:58: server.password_file: stands beside password; only one of them is expected\n"},
        {"server: {host: x, user: y, password: ''}\n",
         "f:1:38: server.password: is empty; text is expected\n"},
        {"server: {host: x, user: y, password_file: @/none}\n",
         "f:1:43: server.password_file: cannot be read: No such file or directory; a file with the password "
         "in its "
         "first line is expected\n"},
        {"server: {host: x, user: y, password_file: @}\n",
         "f:1:43: server.password_file: cannot be read: not a regular file; a file with the password in its "
         "first "
         "line is expected\n"},
        {"server: {host: x, user: y, password_file: @/fifo}\n",
         "f:1:43: server.password_file: cannot be read: not a regular file; a file with the password in its "
         "first "
         "line is expected\n"},
        {"server: {host: x, user: y, password_file: @/empty}\n",
         "f:1:43: server.password_file: its first line is empty or too long; the password is expected "
         "there\n"},
        {"server: {host: x, user: y, password_file: @/open}\n",
         "f:1:43: warning: server.password_file: everybody can read this file; mode 0640 or stricter is "
         "expected\n"},
        {"server: {host: x, user: y, password_env: CONFIG_TEST_UNSET}\n",
         "f:1:42: server.password_env: this environment variable is not set or empty; the name of one with "
         "the "
         "password is expected\n"},
    };
    CU_ASSERT_EQUAL(setenv("CONFIG_TEST_PASSWORD", "se cret", 1), 0);
    CU_ASSERT_EQUAL(unsetenv("CONFIG_TEST_UNSET"), 0);
    CHECK_CASES(cases);
}

static void passwords_are_there_after_loading(void)
{
    static const char *const yamls[] = {"server: {host: x, user: y, password: se cret}\n",
                                        "server: {host: x, user: y, password_file: @/password}\n",
                                        "server: {host: x, user: y, password_env: CONFIG_TEST_PASSWORD}\n"};
    struct place place;
    make_place(&place);
    CU_ASSERT_EQUAL(setenv("CONFIG_TEST_PASSWORD", "se cret", 1), 0);
    for (size_t i = 0; i < COUNT(yamls); i++) {
        struct config_report report;
        config_report_init(&report);
        char *yaml = in_place(&place, yamls[i]);
        struct config *config = config_parse("f", slice_of(yaml), false, &report);
        CU_ASSERT_PTR_NOT_NULL_FATAL(config);
        CU_ASSERT_STRING_EQUAL(config->servers[0].password.data, "se cret");
        CU_ASSERT_EQUAL(config->servers[0].password.len, 7);
        config_free(config);
        free(yaml);
        config_report_free(&report);
    }
    remove_place(&place);
}

static void tls_and_unix_sockets(void)
{
    static const struct check_case cases[] = {
        {"server: {host: 'unix:/run/smtp'}\n", ""},
        {"server: {host: 'unix:/run/smtp', tls: none}\n", ""},
        {"server: {host: 'unix:/run/smtp', port: 25}\n",
         "f:1:40: server.port: has no meaning beside host: unix:/path; no port is expected\n"},
        {"server: {host: 'unix:/run/smtp', tls: starttls}\n",
         "f:1:39: server.tls: has no meaning beside host: unix:/path; no tls is expected\n"},
        {"server: {host: x, verify: full}\n", ""},
        {"server: {host: x, verify: none}\n", "f:1:27: warning: server.verify: the server's certificate is "
                                              "not verified, so anybody on the way can read "
                                              "mails and password\n"},
        {"server: {host: x, tls: none, user: y, password: z}\n",
         "f:1:36: warning: server.user: without TLS the password is sent only to this host itself; tls: "
         "starttls or "
         "implicit, or allow_cleartext_auth: true is expected\n"},
        {"server: {host: x, tls: none, user: y, password: z, allow_cleartext_auth: true}\n", ""},
        {"server: {host: LOCALHOST, tls: none, user: y, password: z}\n", ""},
        {"server: {host: 127.0.0.2, tls: none, user: y, password: z}\n", ""},
        {"server: {host: x, timeouts: {total: 59s}}\n", ""},
        {"server: {host: x, timeouts: {total: 1m}}\n",
         "f:1:37: warning: server.timeouts.total: nginx itself gives up after 60s unless its "
         "fastcgi_read_timeout is "
         "raised; less is expected\n"},
    };
    CHECK_CASES(cases);
}

#define PIN "fingerprint: 'sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='"

static void identities_and_pins(void)
{
    static const struct check_case cases[] = {
        {"server: {host: x, " PIN "}\n", ""},
        {"server: {host: x, " PIN ", verify: none}\n",
         "f:1:95: warning: server.verify: the server's certificate is not verified; only its key is compared "
         "to fingerprint\n"},
        {"server: {host: x, fingerprint: 'sha256:AAEC'}\n",
         "f:1:32: server.fingerprint: \"sha256:AAEC\" is not valid; sha256: and the base64 of a SHA-256 "
         "digest "
         "(44 characters) is expected\n"},
        {"server: {host: x, tls: none, " PIN ", require_tls: true}\n",
         "f:1:30: server.fingerprint: needs TLS, and tls is none here; tls: starttls or implicit is "
         "expected\n"
         "f:1:98: server.require_tls: needs TLS, and tls is none here; tls: starttls or implicit is "
         "expected\n"},
        /* tls is none though nobody wrote it. */
        {"server: {host: localhost, require_tls: true}\n",
         "f:1:27: server.require_tls: needs TLS, and tls is none here; tls: starttls or implicit is "
         "expected\n"},
        {"server: {host: localhost, require_tls: false}\n", ""},
        {"server: {host: localhost, port: 25, auth: scram-sha-256-plus, user: y, password: z}\n",
         "f:1:37: server.auth: needs TLS, and tls is none here; tls: starttls or implicit is expected\n"},
        {"server: {host: x, auth: scram-sha-1-plus, user: y, password: z}\n", ""},
        {"server: {host: x, client_cert: @/ca.pem, client_key: @/password}\n", ""},
        {"server: {client_cert: @/ca.pem, host: x}\n",
         "f:1:10: server.client_cert: stands without client_key; both or none are expected\n"},
        {"server: {client_key: @/password, host: x}\n",
         "f:1:10: server.client_key: stands without client_cert; both or none are expected\n"},
        {"server:\n  host: x\n  client_cert: @/none\n  client_key: @/fifo\n",
         "f:3:16: server.client_cert: cannot be read: No such file or directory; a PEM file with a "
         "certificate is expected\n"
         "f:4:15: server.client_key: cannot be read: not a regular file; a PEM file with a private key is "
         "expected\n"},
        {"server:\n  host: x\n  client_cert: @/ca.pem\n  client_key: @/open\n",
         "f:4:15: warning: server.client_key: everybody can read this file; mode 0640 or stricter is "
         "expected\n"},
        {"server:\n  host: localhost\n  client_cert: @/ca.pem\n  client_key: @/password\n",
         "f:3:3: server.client_cert: needs TLS, and tls is none here; tls: starttls or implicit is "
         "expected\n"},
    };
    CHECK_CASES(cases);
}

static void mechanisms(void)
{
    static const struct check_case cases[] = {
        {"server: {host: x, auth: auto}\n", ""},
        {"server: {host: x, auth: xoauth2, user: y, password: z}\n", ""},
        {"server: {host: x, auth: xoauth2}\n",
         "f:1:25: server.auth: stands without a user; a user and a password are expected\n"},
        {"server: {host: x, auth: oauthbearer, user: y}\n",
         "f:1:38: server.user: stands without a password; password, password_file, password_env or "
         "password_command is expected\n"},
        {"server: {host: x, auth: oauthbearer, password: y}\n",
         "f:1:25: server.auth: stands without a user; a user and a password are expected\n"
         "f:1:38: server.password: stands without a user; both or none are expected\n"},
        {"server: {host: x, auth: cram-md5}\n",
         "f:1:25: server.auth: stands without a user; a user and a password are expected\n"},
        {"server: {host: x, auth: external}\n",
         "f:1:25: server.auth: stands without client_cert; a client's certificate is expected\n"},
        {"server: {host: x, auth: external, client_cert: @/ca.pem, client_key: @/password}\n", ""},
        {"server: {host: x, auth: external, user: y, client_cert: @/ca.pem, client_key: @/password}\n", ""},
        {"server: {password: z, host: x, auth: external, client_cert: @/ca.pem, client_key: @/password}\n",
         "f:1:10: server.password: has no meaning beside auth: external; no password is expected\n"},
        {"server: {host: x, auth: digest-md5, user: y, password: z}\n",
         "f:1:25: server.auth: \"digest-md5\" is not valid; one of auto, plain, login, cram-md5, "
         "scram-sha-1, "
         "scram-sha-256, scram-sha-1-plus, scram-sha-256-plus, xoauth2, oauthbearer, external is expected\n"},
    };
    CHECK_CASES(cases);
}

static void lmtp_and_source_addresses(void)
{
    static const struct check_case cases[] = {
        {"server: {host: x, protocol: lmtp}\n", ""},
        {"server: {host: x, protocol: lmtp, port: 25}\n", "f:1:41: server.port: is SMTP's, and LMTP must not "
                                                          "be spoken there; another one is expected, usually "
                                                          "24\n"},
        {"server: {host: 'unix:/run/lmtp', protocol: lmtp}\n", ""},
        {"server: {host: x, source_address: 192.0.2.7}\n", ""},
        {"server: {host: '::2', source_address: '::1'}\n", ""},
        {"server: {host: x, source_address: y}\n",
         "f:1:35: server.source_address: \"y\" is not valid; an IPv4 or IPv6 address without brackets is "
         "expected\n"},
        {"server: {host: 192.0.2.1, source_address: '::1'}\n",
         "f:1:43: server.source_address: cannot reach host; an address of the same kind (IPv4 or IPv6) is "
         "expected\n"},
        {"server: {host: 'unix:/run/smtp', source_address: '::1'}\n",
         "f:1:50: server.source_address: has no meaning beside host: unix:/path; no source_address is "
         "expected\n"},
    };
    CHECK_CASES(cases);
}

static void completes_port_and_tls(void)
{
    static const struct {
        char *host;
        int64_t port;
        enum config_tls tls;
        bool user;
        int64_t port_expected;
        enum config_tls tls_expected;
    } cases[] = {
        {"x", 0, CONFIG_TLS_UNSET, false, 25, CONFIG_TLS_STARTTLS},
        {"x", 0, CONFIG_TLS_UNSET, true, 587, CONFIG_TLS_STARTTLS},
        {"x", 0, CONFIG_TLS_IMPLICIT, true, 465, CONFIG_TLS_IMPLICIT},
        {"x", 0, CONFIG_TLS_IMPLICIT, false, 465, CONFIG_TLS_IMPLICIT},
        {"x", 0, CONFIG_TLS_NONE, true, 587, CONFIG_TLS_NONE},
        {"x", 465, CONFIG_TLS_UNSET, false, 465, CONFIG_TLS_IMPLICIT},
        {"x", 465, CONFIG_TLS_STARTTLS, false, 465, CONFIG_TLS_STARTTLS},
        {"x", 2525, CONFIG_TLS_UNSET, true, 2525, CONFIG_TLS_STARTTLS},
        {"x", 2525, CONFIG_TLS_IMPLICIT, true, 2525, CONFIG_TLS_IMPLICIT},
        {"localhost", 0, CONFIG_TLS_UNSET, false, 25, CONFIG_TLS_NONE},
        {"LocalHost", 24, CONFIG_TLS_UNSET, false, 24, CONFIG_TLS_NONE},
        {"127.0.0.1", 25, CONFIG_TLS_UNSET, true, 25, CONFIG_TLS_NONE},
        {"127.8.9.10", 25, CONFIG_TLS_UNSET, false, 25, CONFIG_TLS_NONE},
        {"::1", 25, CONFIG_TLS_UNSET, false, 25, CONFIG_TLS_NONE},
        {"::1", 25, CONFIG_TLS_STARTTLS, false, 25, CONFIG_TLS_STARTTLS},
        {"localhost", 0, CONFIG_TLS_UNSET, true, 587, CONFIG_TLS_STARTTLS},
        {"localhost", 465, CONFIG_TLS_UNSET, false, 465, CONFIG_TLS_IMPLICIT},
        {"localhost", 1025, CONFIG_TLS_UNSET, false, 1025, CONFIG_TLS_STARTTLS},
        {"localhost.example", 25, CONFIG_TLS_UNSET, false, 25, CONFIG_TLS_STARTTLS},
        {"128.0.0.1", 25, CONFIG_TLS_UNSET, false, 25, CONFIG_TLS_STARTTLS},
        {"unix:/run/smtp", 0, CONFIG_TLS_UNSET, true, 0, CONFIG_TLS_NONE},
        {NULL, 0, CONFIG_TLS_UNSET, false, 25, CONFIG_TLS_STARTTLS},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char user[] = "y";
        struct config_server server = {.host = cases[i].host,
                                       .port = cases[i].port,
                                       .tls = cases[i].tls,
                                       .user = cases[i].user ? user : NULL};
        config_server_complete(&server);
        CU_ASSERT_EQUAL(server.port, cases[i].port_expected);
        CU_ASSERT_EQUAL(server.tls, cases[i].tls_expected);
    }
}

static void lmtp_has_a_port_of_its_own(void)
{
    static const struct {
        char *host;
        int64_t port;
        enum config_tls tls;
        int64_t port_expected;
        enum config_tls tls_expected;
    } cases[] = {
        {"x", 0, CONFIG_TLS_UNSET, 24, CONFIG_TLS_STARTTLS},
        {"x", 0, CONFIG_TLS_IMPLICIT, 465, CONFIG_TLS_IMPLICIT},
        {"localhost", 0, CONFIG_TLS_UNSET, 24, CONFIG_TLS_NONE},
        {"x", 2003, CONFIG_TLS_UNSET, 2003, CONFIG_TLS_STARTTLS},
        {"unix:/run/lmtp", 0, CONFIG_TLS_UNSET, 0, CONFIG_TLS_NONE},
    };
    char user[] = "y";
    for (size_t i = 0; i < 2 * COUNT(cases); i++) {
        struct config_server server = {.host = cases[i / 2].host,
                                       .port = cases[i / 2].port,
                                       .tls = cases[i / 2].tls,
                                       .user = i % 2 == 0 ? user : NULL,
                                       .protocol = CONFIG_PROTOCOL_LMTP};
        config_server_complete(&server);
        CU_ASSERT_EQUAL(server.port, cases[i / 2].port_expected);
        CU_ASSERT_EQUAL(server.tls, cases[i / 2].tls_expected);
    }
}

static const struct unit_test tests[] = {
    {"passwords", passwords},
    {"passwords are there after loading", passwords_are_there_after_loading},
    {"TLS and unix sockets", tls_and_unix_sockets},
    {"identities and pins", identities_and_pins},
    {"mechanisms", mechanisms},
    {"LMTP and source addresses", lmtp_and_source_addresses},
    {"completes port and TLS", completes_port_and_tls},
    {"LMTP has a port of its own", lmtp_has_a_port_of_its_own},
};
UNIT_SUITE(config_server, tests);
