/* What of a configuration a running program can take over, and when two say the same of a server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"
#include "fcgi_smtp/config.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct config *parse(const char *yaml)
{
    struct config_report report;
    config_report_init(&report);
    struct config *config = config_parse("new.yaml", slice_of(yaml), true, &report);
    fputs(buf_cstr(&report.problems), stderr);
    config_report_free(&report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    return config;
}

/* --- servers --- */

/* For each key of a server: a value that differs from what is there without it. */
static const struct {
    const char *key, *yaml;
} server_cases[] = {
    {"host", "host: other.example.com"},
    {"port", "host: h, port: 26"},
    {"protocol", "host: h, protocol: lmtp, port: 26, tls: starttls"},
    {"tls", "host: h, port: 25, tls: none"},
    {"tls_min", "host: h, tls_min: '1.3'"},
    {"verify", "host: h, verify: none"},
    {"ca_file", "host: h, ca_file: /proc/self/maps"},
    {"ca_path", "host: h, ca_path: /"},
    {"fingerprint", "host: h, fingerprint: 'sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='"},
    {"client_cert", "host: h, client_cert: /proc/self/maps, client_key: /proc/self/maps"},
    {"client_key", "host: h, client_cert: /proc/self/maps, client_key: /proc/self/maps"},
    {"require_tls", "host: h, require_tls: true"},
    {"user", "host: h, user: v, password: p, port: 25"},
    {"password", "host: h, user: u, password: q, port: 25"},
    {"password_file", "host: h, user: u, password_file: /proc/self/comm, port: 25"},
    {"password_env", "host: h, user: u, password_env: RELOAD_TEST, port: 25"},
    {"password_command", "host: h, user: u, password_command: /bin/true, port: 25"},
    {"password_ttl", "host: h, password_ttl: 1s"},
    {"auth", "host: h, auth: plain, user: u, password: p, port: 25"},
    {"allow_cleartext_auth", "host: h, allow_cleartext_auth: true"},
    {"domain", "host: h, domain: d.example.com"},
    {"source_address", "host: h, source_address: 127.0.0.1"},
    {"on_refused", "host: h, on_refused: abort"},
    {"inline_limit", "host: h, inline_limit: 1"},
    {"retry_after", "host: h, retry_after: 1s"},
    {"timeouts.connect", "host: h, timeouts: {connect: 1s}"},
    {"timeouts.greeting", "host: h, timeouts: {greeting: 1s}"},
    {"timeouts.command", "host: h, timeouts: {command: 1s}"},
    {"timeouts.data", "host: h, timeouts: {data: 1s}"},
    {"timeouts.total", "host: h, timeouts: {total: 1s}"},
    {"pool.size", "host: h, pool: {size: 1}"},
    {"pool.idle", "host: h, pool: {idle: 1s}"},
    {"pool.max_messages", "host: h, pool: {max_messages: 1}"},
};

static const struct config_server *first(const struct config *config)
{
    return &config->servers[0];
}

static struct config *parse_server(const char *keys)
{
    char yaml[512];
    (void)snprintf(yaml, sizeof yaml, "server: {%s}\n", keys);
    return parse(yaml);
}

static void every_key_of_a_server_counts(void)
{
    CU_ASSERT_EQUAL(setenv("RELOAD_TEST", "other", 1), 0);
    for (size_t i = 0; i < COUNT(server_cases); i++) {
        bool with_user = strstr(server_cases[i].yaml, "user:") != NULL;
        const char *usual = with_user ? "host: h, user: u, password: p, port: 25" : "host: h, port: 25";
        struct config *plain = parse_server(usual);
        struct config *other = parse_server(server_cases[i].yaml);
        struct config *again = parse_server(server_cases[i].yaml);
        bool told = !config_server_equal(first(plain), first(other));
        if (!told) {
            fprintf(stderr, "%s is not compared\n", server_cases[i].key);
        }
        CU_ASSERT_TRUE(told);
        CU_ASSERT_TRUE(config_server_equal(first(other), first(again)));
        config_free(plain);
        config_free(other);
        config_free(again);
    }
}

/* A key that is added to the table has to be added above. */
static void every_key_of_a_server_is_tried(void)
{
    size_t known = 0;
    for (size_t i = 0; i < schema_key_count; i++) {
        known += schema_within(&schema_keys[i], SCHEMA_SERVER) ? 1 : 0;
    }
    CU_ASSERT_EQUAL(known, COUNT(server_cases));
}

static void names_count(void)
{
    struct config *config = parse("servers: {a: {host: h}, b: {host: h}}\nserver: a\n");
    CU_ASSERT_FALSE(config_server_equal(&config->servers[0], &config->servers[1]));
    config_free(config);
}

/* --- what needs a restart --- */

#define SERVER "server: {host: mail.example.com, user: u, password: p}\n"
#define COMMANDS                                                                                             \
    "servers: {a: {host: h, user: u, password_command: [/bin/echo, x]}, b: {host: g}}\nserver: a\n"

struct rule {
    const char *running, *next;
    const char *said[4]; /* the problems' beginnings; all NULL: there is none */
    bool handed_over;
};

static void check(const struct rule *rule)
{
    struct config *running = parse(rule->running);
    struct config *next = parse(rule->next);
    struct config_report report;
    config_report_init(&report);
    bool good = config_reload_check(running, next, rule->handed_over, &report);
    char *line = (char *)buf_cstr(&report.problems);
    CU_ASSERT_EQUAL(good, line[0] == '\0');
    for (size_t i = 0; rule->said[i] != NULL; i++) {
        bool as_expected = strncmp(line, rule->said[i], strlen(rule->said[i])) == 0;
        if (!as_expected) {
            fprintf(stderr, "%s gave\n%s  instead of %s\n", rule->next, line, rule->said[i]);
        }
        CU_ASSERT_TRUE_FATAL(as_expected);
        const char *end = strchr(line, '\n');
        CU_ASSERT_PTR_NOT_NULL_FATAL(end);
        CU_ASSERT_PTR_NOT_NULL(strstr(line, "restart"));
        line += end - line + 1;
    }
    if (line[0] != '\0') {
        fprintf(stderr, "%s gave also\n%s", rule->next, line);
    }
    CU_ASSERT_EQUAL(line[0], '\0');
    config_report_free(&report);
    config_free(running);
    config_free(next);
}

static void some_keys_need_a_restart(void)
{
    static const struct rule rules[] = {
        {"listen: unix:/a\n" SERVER, "listen: unix:/b\n" SERVER, {"new.yaml:1:9: listen: "}, false},
        {"listen: unix:/a\n" SERVER, SERVER, {"new.yaml: listen: "}, false}, /* nowhere in the file */
        {SERVER, SERVER "listen_mode: '0600'\n", {"new.yaml:2:14: listen_mode: "}, false},
        {SERVER, SERVER "listen_group: root\n", {"new.yaml:2:15: listen_group: "}, false},
        {SERVER, SERVER "workers: 31\n", {"new.yaml:2:10: workers: "}, false},
        {SERVER,
         SERVER "workers: 31\nlisten: unix:/b\n",
         {"new.yaml:3:9: listen: ", "new.yaml:2:10: workers: "},
         false},
        {"listen: unix:/a\n" SERVER,
         "listen: unix:/b\nlisten_mode: '0600'\nworkers: 1\n" SERVER,
         {"new.yaml:3:10: workers: "},
         true}, /* the socket was handed over */
    };
    for (size_t i = 0; i < COUNT(rules); i++) {
        check(&rules[i]);
    }
}

static void new_commands_need_a_restart(void)
{
    static const struct rule rules[] = {
        {COMMANDS, COMMANDS, {NULL}, false},
        {COMMANDS, "server: {host: h, user: u, password: p}\n", {NULL}, false}, /* one less */
        {COMMANDS,
         "server: {host: k, user: v, password_command: [/bin/echo, x], password_ttl: 1s}\n",
         {NULL},
         false},
        {COMMANDS,
         "server: {host: k, user: v, password_command: [/bin/echo, y]}\n",
         {"new.yaml:1:47: server.password_command[0]: "},
         false},
        {COMMANDS,
         "server: {host: k, user: v, password_command: /bin/echo}\n",
         {"new.yaml:1:46: server.password_command: "},
         false},
        {SERVER, COMMANDS, {"new.yaml:1:52: servers.a.password_command[0]: "}, false},
    };
    for (size_t i = 0; i < COUNT(rules); i++) {
        check(&rules[i]);
    }
}

static void all_else_does_not(void)
{
    static const struct rule rule = {
        SERVER,
        "server: [a, b]\nservers: {a: {host: h}, b: {host: g, port: 26, pool: {size: 1}}}\n"
        "listen_allowed: 127.0.0.1\nbase_path: /x\nqueue_wait: 1s\nconnections: 7\nidle: 7s\n"
        "shutdown_timeout: 1s\nspill_dir: /\nlog: {level: debug, format: json, to: syslog}\npages: metrics\n"
        "pages_from: 10.0.0.1\ndefaults: {from: a@b.example, to: c@d.example, headers: {X: y}}\n"
        "allow: {recipients: '*', override: [server], hosts: '*', ports: 25}\n"
        "keys: {name: k, sha256: a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e}\n"
        "limits: {request: 1MiB, read_time: 1s, fields: 1, field: 1KiB, text: 1KiB, json: 1KiB, recipients: "
        "1,\n"
        "  header_value: 1KiB, memory_per_request: 1MiB}\nidempotency: {keep: 1s, entries: 1}\n"
        "forms: {contact: {to: a@b.example}}\n",
        {NULL},
        false,
    };
    check(&rule);
}

static const struct unit_test tests[] = {
    {"every key of a server counts", every_key_of_a_server_counts},
    {"every key of a server is tried", every_key_of_a_server_is_tried},
    {"names count", names_count},
    {"some keys need a restart", some_keys_need_a_restart},
    {"new commands need a restart", new_commands_need_a_restart},
    {"all else does not", all_else_does_not},
};
UNIT_SUITE(config_reload, tests);
