/* A file becomes a configuration: defaults, types, where problems stand. */
#include "config_run.h"

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

static const struct unit_test tests[] = {
    {"defaults are filled in", defaults_are_filled_in},
    {"values take their type from the key", values_take_their_type_from_the_key},
    {"later problems get their position", later_problems_get_their_position},
    {"further problems are sorted in", further_problems_are_sorted_in},
    {"files are loaded", files_are_loaded},
};
UNIT_SUITE(config_load, tests);
