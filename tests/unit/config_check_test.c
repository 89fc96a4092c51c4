#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi_smtp/config.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SERVER       "server: {host: a.example}\n"

/* A directory of its own with the files that configurations name. */
struct place {
    char dir[64];
};

static void make_file(const struct place *place, const char *name, const char *text, mode_t mode)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", place->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    CU_ASSERT_EQUAL(fchmod(fd, mode), 0);
    CU_ASSERT_EQUAL(close(fd), 0);
}

static void make_place(struct place *place)
{
    char fifo[128];
    (void)snprintf(place->dir, sizeof place->dir, "/tmp/config_check.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place->dir));
    make_file(place, "password", "se cret\r\nsecond line\n", 0640);
    make_file(place, "open", "secret\n", 0644);
    make_file(place, "empty", "\n", 0600);
    make_file(place, "ca.pem", "x", 0644);
    (void)snprintf(fifo, sizeof fifo, "%s/fifo", place->dir);
    CU_ASSERT_EQUAL(mkfifo(fifo, 0600), 0);
}

static void remove_place(const struct place *place)
{
    static const char *const names[] = {"password", "open", "empty", "ca.pem", "fifo", "config.yaml"};
    char path[128];
    for (size_t i = 0; i < COUNT(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", place->dir, names[i]);
        (void)unlink(path);
    }
    CU_ASSERT_EQUAL(rmdir(place->dir), 0);
}

/* Replaces every @ by the directory. */
static char *in_place(const struct place *place, const char *text)
{
    struct buf out;
    buf_init(&out, 65536);
    for (const char *c = text; *c != '\0'; c++) {
        bool good = *c == '@' ? buf_append_string(&out, place->dir) : buf_append_char(&out, *c);
        CU_ASSERT_TRUE_FATAL(good);
    }
    char *copy = strdup(buf_cstr(&out));
    buf_free(&out);
    return copy;
}

struct check_case {
    const char *yaml;
    const char *said; /* problems, then warnings */
};

static void check_case(const struct place *place, const struct check_case *one, bool handed_over)
{
    char *yaml = in_place(place, one->yaml);
    char *expected = in_place(place, one->said);
    struct config_report report;
    config_report_init(&report);
    struct config *config = config_parse("f", slice_of(yaml), handed_over, &report);
    CU_ASSERT_EQUAL(config == NULL, report.problems.len > 0);
    char *said = NULL;
    CU_ASSERT(asprintf(&said, "%s%s", buf_cstr(&report.problems), buf_cstr(&report.warnings)) >= 0);
    CU_ASSERT_STRING_EQUAL(said, expected);
    if (strcmp(said, expected) != 0) {
        fprintf(stderr, "%s-> %s   not %s", yaml, said, expected);
    }
    free(said);
    config_free(config);
    config_report_free(&report);
    free(expected);
    free(yaml);
}

static void check_cases(const struct check_case *cases, size_t count)
{
    struct place place;
    make_place(&place);
    for (size_t i = 0; i < count; i++) {
        check_case(&place, &cases[i], false);
    }
    remove_place(&place);
}
#define CHECK_CASES(cases) check_cases((cases), COUNT(cases))

static void which_server(void)
{
    static const struct check_case cases[] = {
        {"servers: {a: {host: x}}\n", ""},
        {"servers: {a: {host: x}}\nserver: a\n", ""},
        {"servers: {a: {host: x}, b: {host: y}}\nserver: b\n", ""},
        {"servers: {default: {host: x}}\nserver: default\n", ""},
        {"servers: {a: {host: x}, b: {host: y}}\nserver: [b, a]\n", ""},
        {"servers: {a: {host: x}, b: {host: y}}\nserver: [a]\n", ""},
        {"servers: {a: {host: x}, b: {host: y}}\nserver: [b, c, b, a, b]\n",
         "f:2:13: server[1]: \"c\" is not a server; one of a, b is expected\n"
         "f:2:16: server[2]: names b again; each server once is expected\n"
         "f:2:22: server[4]: names b again; each server once is expected\n"},
        {"servers: {a: {host: x}, b: {host: y}}\nserver: []\n",
         "f:2:9: server: has no value; the name of a server, a list of names, or a server's keys is "
         "expected\n"},
        {"servers: {a: {host: x}, b: {host: y}}\nserver:\n- a\n-\n- {host: z}\n- [b]\n",
         "f:4:2: server[1]: has no value; the name of a server is expected\n"
         "f:5:3: server[2]: is a mapping; the name of a server is expected\n"
         "f:6:3: server[3]: is a list; the name of a server is expected\n"},
        {"workers: 3\n", "f:1:1: server: is missing; a server with its host is expected\n"},
        {"servers:\n", "f:1:1: server: is missing; a server with its host is expected\n"},
        {"workers: 3\nservers: {}\n", "f:2:1: server: is missing; a server with its host is expected\n"},
        {"servers: {a: {host: x}, b: {host: y}}\n",
         "f:1:1: server: is missing, and there are several servers; one of a, b is expected\n"},
        {"servers: {a: {host: x}, b: {host: y}}\nserver: c\n",
         "f:2:9: server: \"c\" is not a server; one of a, b is expected\n"},
        {"server: c\n",
         "f:1:9: server: \"c\" is not a server; one of an entry of servers (there is none) is expected\n"},
        {"servers: {a: {host: x}}\nserver: {host: y}\n",
         "f:2:1: server: is a server of its own, and there is servers "
         "as well; only one of them is expected\n"},
        {"server: {}\n",
         "f:1:1: server.host: is missing; the server's name, address or unix:/path is expected\n"},
        {"servers:\n  a:\n    port: 25\n",
         "f:2:3: servers.a.host: is missing; the server's name, address or unix:/path is expected\n"},
        {"servers: {a: {host: x}, b: {host: y}}\nserver: a\nallow: {servers: [a, c, b]}\n",
         "f:3:22: allow.servers[1]: \"c\" is not a server; one of a, b is expected\n"},
        {"server: {host: x}\nallow: {servers: main}\n",
         "f:2:18: allow.servers: \"main\" is not a server; one of default is expected\n"},
        /* A key that is there with a wrong value is not missing. */
        {"server: {host: a b}\n",
         "f:1:16: server.host: \"a b\" is not valid; a host name in ASCII, an IPv4 or IPv6 "
         "address without brackets, or unix:/path is expected\n"},
        {"server: {host: x, user: \"\", password: y}\n", "f:1:25: server.user: is empty; text is expected\n"},
    };
    CHECK_CASES(cases);
}

#define DIGEST "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1"

static void api_keys(void)
{
    static const struct check_case cases[] = {
        {SERVER "keys: []\n", ""},
        {SERVER "keys:\n", ""},
        {SERVER "keys: [{name: a, sha256: " DIGEST "f}, {name: b, sha256: " DIGEST "e, allow: {}}]\n", ""},
        {SERVER "keys: {name: a, sha256: " DIGEST "f}\n", ""}, /* a list of one */
        {SERVER "keys: [{}]\n", "f:2:8: keys[0]: has no name; one is expected, for logs and messages\n"
                                "f:2:8: keys[0]: has no sha256; that of the key is expected, as fcgi-smtp "
                                "--new-key NAME prints it\n"},
        {SERVER "keys: [x]\n", "f:2:8: keys[0]: is a single value; a key's name and sha256 are expected\n"},
        {SERVER "keys: x\n", "f:2:7: keys: is a single value; a key's name and sha256 are expected\n"},
        {SERVER "keys: [[]]\n", "f:2:8: keys[0]: is a list; a key's name and sha256 are expected\n"},
        /* the key itself, put there by mistake, is not shown */
        {SERVER "keys: [{name: a, sha256: fsk_secret}]\n",
         "f:2:26: keys[0].sha256: is not valid; the key's SHA-256 as 64 hexadecimal digits, as --new-key "
         "prints "
         "it, is expected\n"},
        {SERVER "keys: [{name: a, sha256: fsk_" DIGEST "f}]\n",
         "f:2:26: keys[0].sha256: is 68 octets long; at most 64 are expected\n"},
        {SERVER "keys: [{name: 'a b', sha256: " DIGEST "f}]\n",
         "f:2:15: keys[0].name: \"a b\" is not valid; a name of letters, digits, \"-\", \"_\" and \".\" is "
         "expected\n"},
        {SERVER "keys:\n- {name: a, sha256: " DIGEST "f}\n- {name: b, sha256: " DIGEST "0}\n"
                "- {name: A, sha256: " DIGEST "F}\n",
         "f:5:10: keys[2].name: \"A\" is the name of keys[0] already; one of its own is expected\n"
         "f:5:21: keys[2].sha256: is that of keys[0] already; a key of its own is expected\n"},
        {SERVER "keys: [{name: a, sha256: " DIGEST "f, key: x, recipients: y}]\n",
         "f:2:92: keys[0].key: is an unknown key; known ones are name, sha256, allow\n"
         "f:2:100: keys[0].recipients: is an unknown key here; it is known as allow.recipients\n"},
        {SERVER "keys: [{name: a, sha256: " DIGEST "f, allow: {servers: [default, main], ports: [0]}}]\n",
         "f:2:119: keys[0].allow.servers[1]: \"main\" is not a server; one of default is expected\n"
         "f:2:134: keys[0].allow.ports[0]: \"0\" is not valid; a whole number from 1 to 65535 is expected\n"},
        {SERVER "idempotency: {keep: 0s, entries: 0}\n",
         "f:2:21: idempotency.keep: \"0s\" is not valid; a duration from 1s to 720h (units: ms, s, m, h) is "
         "expected\n"
         "f:2:34: idempotency.entries: \"0\" is not valid; a whole number from 1 to 1000000 is expected\n"},
    };
    CHECK_CASES(cases);
}

static void too_many_keys(void)
{
    struct buf yaml;
    struct config_report report;
    buf_init(&yaml, CONFIG_FILE_MAX);
    CU_ASSERT_TRUE(buf_append_string(&yaml, SERVER "keys:\n"));
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT_TRUE(buf_printf(&yaml, "- {name: k%d, sha256: '%064d'}\n", i, i));
    }
    for (int more = 0; more < 2; more++) {
        config_report_init(&report);
        struct config *config = config_parse("f", buf_slice(&yaml), false, &report);
        CU_ASSERT_EQUAL(config != NULL, more == 0);
        CU_ASSERT_STRING_EQUAL(buf_cstr(&report.problems),
                               more == 0 ? "" : "f:3:1: keys: has 1001 entries; at most 1000 are expected\n");
        config_free(config);
        config_report_free(&report);
        CU_ASSERT_TRUE(buf_append_string(&yaml, "- {name: more, sha256: 'x'}\n"));
    }
    buf_free(&yaml);
}

/* What a key's allow does not say is empty, whatever the top-level one says. */
static void a_key_has_an_allow_of_its_own(void)
{
    static const char yaml[] = SERVER "allow: {recipients: ['*'], senders: ['*'], override: [port]}\n"
                                      "keys: [{name: a, sha256: " DIGEST "f, allow: {senders: b@c}}]\n";
    struct config_report report;
    config_report_init(&report);
    struct config *config = config_parse("f", slice_of(yaml), false, &report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_EQUAL_FATAL(config->key_count, 1);
    const struct config_allow *allow = &config->keys[0].allow;
    CU_ASSERT_EQUAL(allow->senders.count, 1);
    CU_ASSERT_EQUAL(allow->recipients.count + allow->servers.count + allow->hosts.count + allow->ports.count,
                    0);
    CU_ASSERT_EQUAL(allow->override, 0);
    CU_ASSERT_EQUAL(config->idempotency.keep, 24 * 3600 * 1000);
    CU_ASSERT_EQUAL(config->idempotency.entries, 10000);
    CU_ASSERT_TRUE(config_name_valid(SLICE("a-b_c.1")));
    CU_ASSERT_FALSE(config_name_valid(SLICE("")));
    CU_ASSERT_FALSE(config_name_valid(SLICE("a b")));
    CU_ASSERT_TRUE(config_name_valid((struct slice){DIGEST "f", 64}));
    CU_ASSERT_FALSE(config_name_valid((struct slice){DIGEST "ff", 65}));
    config_free(config);
    config_report_free(&report);
}

static void who_may_connect(void)
{
    static const struct check_case cases[] = {
        {SERVER "listen: 127.0.0.1:9000\n", ""},
        {SERVER "listen: \"[::1]:9000\"\n", ""},
        {SERVER "listen: 0.0.0.0:9000\nlisten_allowed: 192.0.2.1\n", ""},
        {SERVER "listen: 0.0.0.0:9000\n", "f:2:9: listen: can be reached from other hosts; listen_allowed is "
                                          "expected to say which may connect\n"},
        {SERVER "listen: '[::]:9000'\nlisten_allowed: []\n",
         "f:2:9: listen: can be reached from other hosts; listen_allowed is expected to say which may "
         "connect\n"},
        {SERVER "listen: 192.0.2.1:9000\n", "f:2:9: listen: can be reached from other hosts; listen_allowed "
                                            "is expected to say which may connect\n"},
        {SERVER "listen: x\n",
         "f:2:9: listen: \"x\" is not valid; unix:/path, 127.0.0.1:9000 or [::1]:9000 is "
         "expected\n"},
        {SERVER "listen: 0.0.0.0:9000\nlisten_allowed: [x]\n",
         "f:3:18: listen_allowed[0]: \"x\" is not valid; an IPv4 or IPv6 address, or a network like "
         "192.0.2.0/24 "
         "without host bits, is expected\n"},
        {SERVER "listen: unix:/run/x\nlisten_allowed: [127.0.0.1]\n",
         "f:3:17: warning: listen_allowed: is for TCP; a unix socket is guarded by listen_mode and "
         "listen_group\n"},
        {SERVER "listen_allowed: 127.0.0.1\n", "f:2:17: warning: listen_allowed: is for TCP; a unix socket "
                                               "is guarded by listen_mode and listen_group\n"},
        {SERVER "listen_mode: \"0770\"\nlisten_group: root\n", ""},
        {SERVER "listen_group: no-such-group\n",
         "f:2:15: listen_group: \"no-such-group\" is not a group of this system; one is expected\n"},
    };
    CHECK_CASES(cases);
    static const struct check_case handed_over[] = {
        {SERVER "listen: 0.0.0.0:9000\n", ""},
        {SERVER "listen_allowed: 127.0.0.1\n", ""},
        {SERVER "listen_group: no-such-group\n", ""},
        {SERVER "listen: x\n",
         "f:2:9: listen: \"x\" is not valid; unix:/path, 127.0.0.1:9000 or [::1]:9000 is "
         "expected\n"},
    };
    struct place none = {""};
    for (size_t i = 0; i < COUNT(handed_over); i++) {
        check_case(&none, &handed_over[i], true);
    }
}

static void files_and_directories(void)
{
    static const struct check_case cases[] = {
        {SERVER "spill_dir: @\n", ""},
        {SERVER "spill_dir: @/none\n",
         "f:2:12: spill_dir: cannot be used: No such file or directory; a writable "
         "directory is expected\n"},
        {SERVER "spill_dir: @/open\n",
         "f:2:12: spill_dir: cannot be used: not a directory; a writable directory is expected\n"},
        {"server: {host: x, ca_file: @/ca.pem}\n", ""},
        {"server: {host: x, ca_path: @}\n", ""},
        {"server: {host: x, ca_file: @/none}\n",
         "f:1:28: server.ca_file: cannot be read: No such file or directory; "
         "a file of PEM certificates is expected\n"},
        {"server: {host: x, ca_file: @}\n", "f:1:28: server.ca_file: cannot be read: not a regular file; a "
                                            "file of PEM certificates is expected\n"},
        {"server: {host: x, ca_file: @/fifo}\n", "f:1:28: server.ca_file: cannot be read: not a regular "
                                                 "file; a file of PEM certificates is expected\n"},
        {"server: {host: x, ca_path: @/ca.pem}\n", "f:1:28: server.ca_path: cannot be read: not a directory; "
                                                   "a directory of certificates is expected\n"},
        {"server: {host: x, ca_path: @, ca_file: @/ca.pem}\n", NULL},
    };
    check_cases(cases, COUNT(cases) - 1);
    /* The column depends on the directory's name. */
    struct config_report report;
    config_report_init(&report);
    CU_ASSERT_PTR_NULL(
        config_parse("f", SLICE("server: {host: x, ca_path: /tmp, ca_file: /dev/null}\n"), false, &report));
    CU_ASSERT_STRING_EQUAL(
        buf_cstr(&report.problems),
        "f:1:19: server.ca_path: stands beside ca_file; only one of them is expected\n"
        "f:1:43: server.ca_file: cannot be read: not a regular file; a file of PEM certificates is "
        "expected\n");
    config_report_free(&report);
}

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

static void several_servers_in_order(void)
{
    struct config_report report;
    config_report_init(&report);
    struct config *config = config_parse(
        "f", SLICE("server: [c, a]\nservers: {a: {host: x}, b: {host: y}, c: {host: z}}\n"), false, &report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_EQUAL_FATAL(config->server.count, 2);
    CU_ASSERT_EQUAL(config->server.items[0], 2);
    CU_ASSERT_EQUAL(config->server.items[1], 0);
    config_free(config);
    config = config_parse("f", SLICE("server: {host: x}\n"), false, &report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_EQUAL_FATAL(config->server.count, 1);
    CU_ASSERT_EQUAL(config->server.items[0], 0);
    config_free(config);
    config_report_free(&report);
}

static void defaults_are_filled_in(void)
{
    struct config_report report;
    config_report_init(&report);
    struct config *config = config_parse("f",
                                         SLICE("servers: {a: {host: x}, b: {host: y, domain: z}}\nserver: b\n"
                                               "base_path: /mail/\n"),
                                         false, &report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_STRING_EQUAL(config->listen, "unix:/run/fcgi-smtp/fcgi-smtp.sock");
    CU_ASSERT_EQUAL(config->listen_mode, 0660);
    CU_ASSERT_PTR_NULL(config->listen_group);
    CU_ASSERT_STRING_EQUAL(config->base_path, "/mail");
    CU_ASSERT_EQUAL(config->workers, 32);
    CU_ASSERT_EQUAL(config->queue_wait, 5000);
    CU_ASSERT_EQUAL_FATAL(config->server.count, 1);
    CU_ASSERT_EQUAL(config->server.items[0], 1);
    CU_ASSERT_EQUAL(config->server_count, 2);
    char name[256] = "";
    CU_ASSERT_EQUAL(gethostname(name, sizeof name - 1), 0);
    CU_ASSERT_STRING_EQUAL(config->servers[0].domain, name);
    CU_ASSERT_STRING_EQUAL(config->servers[1].domain, "z");
    CU_ASSERT_EQUAL(config->servers[1].timeouts.total, 50000);
    CU_ASSERT_EQUAL(config->servers[1].protocol, CONFIG_PROTOCOL_SMTP);
    CU_ASSERT_FALSE(config->servers[1].require_tls);
    CU_ASSERT_EQUAL(config->servers[1].password_ttl, 300000);
    CU_ASSERT_EQUAL(config->servers[1].password_command.count, 0);
    CU_ASSERT_EQUAL(config->servers[1].inline_limit, 65536);
    CU_ASSERT_EQUAL(config->servers[1].retry_after, 30000);
    CU_ASSERT_EQUAL(config->servers[1].pool.size, 32);
    CU_ASSERT_EQUAL(config->servers[1].pool.idle, 30000);
    CU_ASSERT_EQUAL(config->servers[1].pool.max_messages, 100);
    CU_ASSERT_PTR_NULL(config->servers[1].fingerprint);
    CU_ASSERT_PTR_NULL(config->servers[1].source_address);
    CU_ASSERT_EQUAL(config->servers[1].port, 25);
    CU_ASSERT_PTR_NULL(config->servers[1].password.data);
    CU_ASSERT_EQUAL(config->allow.ports.count, 3);
    CU_ASSERT_EQUAL(config->allow.ports.items[2], 587);
    CU_ASSERT_EQUAL(config->allow.recipients.count, 0);
    CU_ASSERT_EQUAL(config->allow.override, 0);
    CU_ASSERT_EQUAL(config->limits.request, 32 * 1024 * 1024);
    CU_ASSERT_PTR_NULL(config->defaults.from);
    CU_ASSERT_PTR_EQUAL(config_find_server(config, SLICE("a")), &config->servers[0]);
    CU_ASSERT_PTR_NULL(config_find_server(config, SLICE("c")));
    config_free(config);
    config_free(NULL);
    config_report_free(&report);
}

static void values_take_their_type_from_the_key(void)
{
    static const char yaml[] =
        "server: {host: x, user: no, password: 123, tls_min: 1.3, allow_cleartext_auth: \"true\"}\n"
        "listen_mode: 0600\nworkers: \"7\"\n"
        "defaults: {to: single@a.example, cc: [null, ~], subject: '', headers: {X-A: true}}\n"
        "allow: {override: [port, tls, port], ports: 2525, hosts: ['*.example']}\n";
    struct config_report report;
    config_report_init(&report);
    struct config *config = config_parse("f", slice_of(yaml), false, &report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    const struct config_server *server = &config->servers[0];
    CU_ASSERT_STRING_EQUAL(server->name, "default");
    CU_ASSERT_STRING_EQUAL(server->user, "no");
    CU_ASSERT_STRING_EQUAL(server->password.data, "123");
    CU_ASSERT_EQUAL(server->tls_min, CONFIG_TLS_1_3);
    CU_ASSERT_TRUE(server->allow_cleartext_auth);
    CU_ASSERT_EQUAL(config->listen_mode, 0600);
    CU_ASSERT_EQUAL(config->workers, 7);
    CU_ASSERT_EQUAL(config->defaults.to.count, 1);
    CU_ASSERT_STRING_EQUAL(config->defaults.to.items[0], "single@a.example");
    CU_ASSERT_EQUAL(config->defaults.cc.count, 2);
    CU_ASSERT_STRING_EQUAL(config->defaults.cc.items[1], "~");
    CU_ASSERT_STRING_EQUAL(config->defaults.subject, "");
    CU_ASSERT_STRING_EQUAL(config->defaults.headers.items[0].value, "true");
    CU_ASSERT_EQUAL(config->allow.override, CONFIG_OVERRIDE_PORT | CONFIG_OVERRIDE_TLS);
    CU_ASSERT_EQUAL(config->allow.ports.count, 1);
    CU_ASSERT_EQUAL(config->allow.ports.items[0], 2525);
    config_free(config);
    config_report_free(&report);
    static const struct check_case wrong[] = {
        {"server: {host: x, allow_cleartext_auth: yes}\n",
         "f:1:41: server.allow_cleartext_auth: \"yes\" is not valid; true or false is expected\n"},
        {"server: {host: x, allow_cleartext_auth: True}\n",
         "f:1:41: server.allow_cleartext_auth: \"True\" is not valid; true or false is expected\n"},
    };
    CHECK_CASES(wrong);
}

static void later_problems_get_their_position(void)
{
    static const char yaml[] = "server: {host: x, ca_file: @/ca.pem}\ndefaults:\n  from: a\n  to: [b, c]\n"
                               "  cc: d\n  headers:\n    X-A: e\n";
    static const struct {
        const char *path, *line;
    } cases[] = {
        {"defaults.from", "f:3:9: defaults.from: bad\n"},
        {"defaults.to[1]", "f:4:11: defaults.to[1]: bad\n"},
        {"defaults.cc[0]", "f:5:7: defaults.cc: bad\n"},
        {"defaults.headers.X-A", "f:7:10: defaults.headers.X-A: bad\n"},
        {"servers.default.ca_file", "f:1:28: server.ca_file: bad\n"},
        {"servers.main.ca_file", "f: servers.main.ca_file: bad\n"},
        {"defaults.sender", "f: defaults.sender: bad\n"},
        {"defaults.to[2]", "f: defaults.to[2]: bad\n"},
        {"", "f: : bad\n"},
    };
    struct place place;
    make_place(&place);
    char *text = in_place(&place, yaml);
    struct config_report report;
    config_report_init(&report);
    struct config *config = config_parse("f", slice_of(text), false, &report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    for (size_t i = 0; i < COUNT(cases); i++) {
        buf_clear(&report.problems);
        config_report_add(&report, config, cases[i].path, "bad");
        CU_ASSERT_STRING_EQUAL(buf_cstr(&report.problems), cases[i].line);
    }
    buf_clear(&report.problems);
    config_report_add(&report, config, "defaults.from", "bad\n\x01");
    CU_ASSERT_STRING_EQUAL(buf_cstr(&report.problems), "f:3:9: defaults.from: bad??\n");
    const struct config by_hand = {.server_count = 0};
    buf_clear(&report.problems);
    config_report_add(&report, &by_hand, "defaults.from", "bad");
    CU_ASSERT_STRING_EQUAL(buf_cstr(&report.problems), "configuration: defaults.from: bad\n");
    config_free(config);
    config_report_free(&report);
    free(text);
    remove_place(&place);
}

static void complain_of_defaults(const struct config *config, struct config_report *report)
{
    CU_ASSERT_STRING_EQUAL(config->defaults.from, "a");
    config_report_add(report, config, "defaults.from", "bad");
}

/* What the caller finds stands among the other problems, in the file's order. */
static void further_problems_are_sorted_in(void)
{
    static const struct {
        const char *yaml, *problems;
    } cases[] = {
        {"workers: 0\ndefaults: {from: a}\nserver: {host: x}\nidle: 1\n",
         "f:1:10: workers: \"0\" is not valid; a whole number from 1 to 1024 is expected\n"
         "f:2:18: defaults.from: bad\n"
         "f:4:7: idle: \"1\" is not valid; a duration from 1s to 24h (units: ms, s, m, h) is expected\n"},
        {"defaults: {from: a}\nserver: {host: x}\n", "f:1:18: defaults.from: bad\n"},
        /* A file that was not read whole is not looked at further. */
        {"defaults: {from: b}\nserver: {host: x}\nidle: \x01\n",
         "f:3:7: there is a control character; text is expected\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config_report report;
        config_report_init(&report);
        report.further = complain_of_defaults;
        CU_ASSERT_PTR_NULL(config_parse("f", slice_of(cases[i].yaml), false, &report));
        CU_ASSERT_STRING_EQUAL(buf_cstr(&report.problems), cases[i].problems);
        config_report_free(&report);
    }
}

static void check_load(const struct place *place, const char *path, const char *problems,
                       const char *warnings)
{
    char *file = in_place(place, path);
    char *expected_problems = in_place(place, problems);
    char *expected_warnings = in_place(place, warnings);
    struct config_report report;
    config_report_init(&report);
    struct config *config = config_load(file, false, &report);
    CU_ASSERT_EQUAL(config == NULL, problems[0] != '\0');
    CU_ASSERT_STRING_EQUAL(buf_cstr(&report.problems), expected_problems);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&report.warnings), expected_warnings);
    config_free(config);
    config_report_free(&report);
    free(expected_warnings);
    free(expected_problems);
    free(file);
}

static void files_are_loaded(void)
{
    static const char with_password[] = "server: {host: x, user: y, password: z}\n";
    static const char warning[] = "@/config.yaml:1:38: warning: server.password: everybody can read this "
                                  "configuration file; mode 0640 or stricter is expected\n";
    struct place place;
    make_place(&place);
    make_file(&place, "config.yaml", with_password, 0640);
    check_load(&place, "@/config.yaml", "", "");
    make_file(&place, "config.yaml", with_password, 0644);
    check_load(&place, "@/config.yaml", "", warning);
    make_file(&place, "config.yaml", SERVER, 0644);
    check_load(&place, "@/config.yaml", "", "");
    make_file(&place, "config.yaml", SERVER "workers: 0\n", 0600);
    check_load(&place, "@/config.yaml",
               "@/config.yaml:2:10: workers: \"0\" is not valid; a whole number from 1 to 1024 is expected\n",
               "");
    make_file(&place, "config.yaml", "", 0600);
    check_load(&place, "@/config.yaml",
               "@/config.yaml:1:1: server: is missing; a server with its host is expected\n", "");
    check_load(&place, "@/none",
               "@/none: cannot be read: No such file or directory; a YAML file is expected\n", "");
    check_load(&place, "@", "@: cannot be read: Is a directory; a YAML file is expected\n", "");
    char *large = malloc(CONFIG_FILE_MAX + 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(large);
    memset(large, '\n', CONFIG_FILE_MAX + 1);
    memcpy(large, SERVER, strlen(SERVER));
    large[CONFIG_FILE_MAX] = '\0';
    make_file(&place, "config.yaml", large, 0600);
    check_load(&place, "@/config.yaml", "", "");
    large[CONFIG_FILE_MAX] = '\n';
    large[CONFIG_FILE_MAX + 1] = '\0';
    make_file(&place, "config.yaml", large, 0600);
    check_load(&place, "@/config.yaml",
               "@/config.yaml: cannot be read: too large; at most 1MiB is expected\n", "");
    free(large);
    remove_place(&place);
}

/* Whether addresses are some is not looked at here. */
#define FROM "defaults: {from: a.b.example, to: c.d.example}\n"

static void forms(void)
{
    static const struct check_case cases[] = {
        {SERVER "forms:\n", ""},
        {SERVER "forms: {}\n", ""},
        {SERVER FROM "forms: {a: {to: x.y.example}, b: {bcc: [x.y.example]}}\n", ""},
        {SERVER "forms: {a: {to: x.y.example, from: n.y.example, server: default}}\n", ""},
        {SERVER "forms: {a: {cc: x.y.example}}\n",
         "f:2:9: forms.a: has no sender; from is expected, here or under defaults\n"},
        {SERVER FROM "forms: {a: {to: []}, b: , c: {from: n.y.example}}\n",
         "f:3:9: forms.a: has no recipient; to, cc or bcc is expected\n"
         "f:3:22: forms.b: has no recipient; to, cc or bcc is expected\n"
         "f:3:27: forms.c: has no recipient; to, cc or bcc is expected\n"},
        {SERVER FROM "forms: {a: {to: x.y.example, server: b}}\n",
         "f:3:38: forms.a.server: \"b\" is not a server; one of default is expected\n"},
        {SERVER FROM "forms: {a: {to: x.y.example, attachments: {types: text/plain}}}\n",
         "f:3:30: forms.a.attachments: says which files but not how many; max is expected too\n"},
        {SERVER FROM
         "forms: {a: {to: x.y.example, attachments: {max: 1, types: [a/b, 'a/*', '*/*', a, a/, /b, "
         "'a/b;c=d', 'a b/c', 'a/b*']}}}\n",
         "f:3:72: forms.a.attachments.types[2]: \"*/*\" is not valid; a media type like application/pdf or "
         "image/* is expected\n"
         "f:3:79: forms.a.attachments.types[3]: \"a\" is not valid; a media type like application/pdf or "
         "image/* is expected\n"
         "f:3:82: forms.a.attachments.types[4]: \"a/\" is not valid; a media type like application/pdf or "
         "image/* is expected\n"
         "f:3:86: forms.a.attachments.types[5]: \"/b\" is not valid; a media type like application/pdf or "
         "image/* is expected\n"
         "f:3:90: forms.a.attachments.types[6]: \"a/b;c=d\" is not valid; a media type like application/pdf "
         "or "
         "image/* is expected\n"
         "f:3:101: forms.a.attachments.types[7]: \"a b/c\" is not valid; a media type like application/pdf "
         "or "
         "image/* is expected\n"
         "f:3:110: forms.a.attachments.types[8]: \"a/b*\" is not valid; a media type like application/pdf or "
         "image/* is expected\n"},
        {SERVER FROM
         "forms: {a: x, b: [], 'c d': {to: x.y.example}, e: {to: x.y.example, host: h, sucess: /}}\n",
         "f:3:12: forms.a: is a single value; keys with values are expected\n"
         "f:3:18: forms.b: is a list; keys with values are expected\n"
         "f:3:22: forms.c d: is no name for a form; 1 to 64 letters, digits, \"-\", \"_\" and \".\" are "
         "expected\n"
         "f:3:69: forms.e.host: is an unknown key here; it is known as servers.*.host\n"
         "f:3:78: forms.e.sucess: is an unknown key; the nearest known one is success\n"},
        {SERVER FROM
         "forms: {a: {to: x.y.example, subject: \"a\\nb\", text: \"a\\nb\\tc\", html: \"a\\u0001\", "
         "success: '', required: ['']}}\n",
         "f:3:39: forms.a.subject: holds a control character; plain text is expected\n"
         "f:3:70: forms.a.html: holds a control character; plain text is expected\n"
         "f:3:90: forms.a.success: is empty; text is expected\n"
         "f:3:105: forms.a.required[0]: is empty; text is expected\n"},
    };
    CHECK_CASES(cases);
}

static void forms_are_read(void)
{
    static const char yaml[] = SERVER FROM "forms:\n"
                                           "  contact:\n"
                                           "    to: [x.y.example, z.y.example]\n"
                                           "    required: name\n"
                                           "    text: |\n"
                                           "      {{a}}\n"
                                           "        b\n"
                                           "    attachments: {max: 3, types: ['image/*']}\n"
                                           "  other: {bcc: x.y.example}\n";
    struct config_report report;
    config_report_init(&report);
    struct config *config = config_parse("f", slice_of(yaml), false, &report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_EQUAL_FATAL(config->form_count, 2);
    const struct config_form *form = &config->forms[0];
    CU_ASSERT_STRING_EQUAL(form->name, "contact");
    CU_ASSERT_EQUAL(form->to.count, 2);
    CU_ASSERT_STRING_EQUAL(form->required.items[0], "name");
    CU_ASSERT_STRING_EQUAL(form->text, "{{a}}\n  b\n");
    CU_ASSERT_EQUAL(form->attachments.max, 3);
    CU_ASSERT_STRING_EQUAL(form->attachments.types.items[0], "image/*");
    CU_ASSERT_PTR_NULL(form->html);
    CU_ASSERT_STRING_EQUAL(config->forms[1].name, "other");
    CU_ASSERT_EQUAL(config->forms[1].attachments.max, 0);
    config_free(config);
    config_report_free(&report);
}

static const struct unit_test tests[] = {
    {"which server", which_server},
    {"forms", forms},
    {"forms are read", forms_are_read},
    {"API keys", api_keys},
    {"too many keys", too_many_keys},
    {"a key has an allow of its own", a_key_has_an_allow_of_its_own},
    {"who may connect", who_may_connect},
    {"files and directories", files_and_directories},
    {"passwords", passwords},
    {"passwords are there after loading", passwords_are_there_after_loading},
    {"TLS and unix sockets", tls_and_unix_sockets},
    {"identities and pins", identities_and_pins},
    {"mechanisms", mechanisms},
    {"LMTP and source addresses", lmtp_and_source_addresses},
    {"LMTP has a port of its own", lmtp_has_a_port_of_its_own},
    {"several servers in order", several_servers_in_order},
    {"completes port and TLS", completes_port_and_tls},
    {"defaults are filled in", defaults_are_filled_in},
    {"values take their type from the key", values_take_their_type_from_the_key},
    {"later problems get their position", later_problems_get_their_position},
    {"further problems are sorted in", further_problems_are_sorted_in},
    {"files are loaded", files_are_loaded},
};
UNIT_SUITE(config_check, tests);
