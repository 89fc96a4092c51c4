/* The rules across keys, but for those of one server: who serves, who may connect, keys, forms. */
#include "config_run.h"

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
    {"API keys", api_keys},
    {"too many keys", too_many_keys},
    {"a key has an allow of its own", a_key_has_an_allow_of_its_own},
    {"who may connect", who_may_connect},
    {"files and directories", files_and_directories},
    {"several servers in order", several_servers_in_order},
    {"forms", forms},
    {"forms are read", forms_are_read},
};
UNIT_SUITE(config_check, tests);
