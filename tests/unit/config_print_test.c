#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/schema.h"
#include "fcgi_smtp/config.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PRINT_LIMIT  ((size_t)1024 * 1024)

/* Where the examples are, seen from where tests run. */
#define EXAMPLES "../../etc/"

static struct config *parse(struct slice yaml)
{
    struct config_report report;
    config_report_init(&report);
    struct config *config = config_parse("f", yaml, false, &report);
    CU_ASSERT_PTR_NOT_NULL(config);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&report.warnings), "");
    if (config == NULL) {
        fprintf(stderr, "%.*s-> %s", SLICE_ARGS(yaml), buf_cstr(&report.problems));
    }
    config_report_free(&report);
    return config;
}

/* What the configuration of that YAML is printed as, in out, which the caller frees. */
static void print_of(struct slice yaml, struct buf *out)
{
    buf_init(out, PRINT_LIMIT);
    struct config *config = parse(yaml);
    if (config != NULL) {
        CU_ASSERT_TRUE(config_print(config, out));
    }
    config_free(config);
}

static const char small[] =
    "server: {host: smtp.example.com, user: app@example.com, password: s, domain: w.example}\n"
    "defaults: {from: app@example.com, to: ops@example.com}\n";
static const char small_printed[] = "listen: unix:/run/fcgi-smtp/fcgi-smtp.sock\n"
                                    "listen_mode: \"0660\"\n"
                                    "listen_allowed: []\n"
                                    "base_path: /\n"
                                    "workers: 32\n"
                                    "queue_wait: 5s\n"
                                    "connections: 1024\n"
                                    "idle: 1m\n"
                                    "shutdown_timeout: 30s\n"
                                    "spill_dir: /tmp\n"
                                    "log:\n"
                                    "  level: info\n"
                                    "  format: logfmt\n"
                                    "  to: stderr\n"
                                    "sandbox: \"on\"\n"
                                    "pages: []\n"
                                    "pages_from:\n"
                                    "  - \"127.0.0.1\"\n"
                                    "  - \"::1\"\n"
                                    "server: default\n"
                                    "servers:\n"
                                    "  default:\n"
                                    "    host: smtp.example.com\n"
                                    "    port: 587\n"
                                    "    protocol: smtp\n"
                                    "    tls: starttls\n"
                                    "    tls_min: \"1.2\"\n"
                                    "    verify: full\n"
                                    "    require_tls: false\n"
                                    "    user: app@example.com\n"
                                    "    password: \"***\"\n"
                                    "    password_ttl: 5m\n"
                                    "    auth: auto\n"
                                    "    allow_cleartext_auth: false\n"
                                    "    domain: w.example\n"
                                    "    on_refused: partial\n"
                                    "    inline_limit: 64KiB\n"
                                    "    retry_after: 30s\n"
                                    "    timeouts:\n"
                                    "      connect: 10s\n"
                                    "      greeting: 20s\n"
                                    "      command: 20s\n"
                                    "      data: 30s\n"
                                    "      total: 50s\n"
                                    "    pool:\n"
                                    "      size: 32\n"
                                    "      idle: 30s\n"
                                    "      max_messages: 100\n"
                                    "defaults:\n"
                                    "  from: app@example.com\n"
                                    "  to:\n"
                                    "    - ops@example.com\n"
                                    "  cc: []\n"
                                    "  bcc: []\n"
                                    "  headers: {}\n"
                                    "allow:\n"
                                    "  recipients: []\n"
                                    "  senders: []\n"
                                    "  servers: []\n"
                                    "  override: []\n"
                                    "  hosts: []\n"
                                    "  ports:\n"
                                    "    - 25\n"
                                    "    - 465\n"
                                    "    - 587\n"
                                    "keys: []\n"
                                    "limits:\n"
                                    "  request: 32MiB\n"
                                    "  read_time: 1m\n"
                                    "  fields: 200\n"
                                    "  field: 64KiB\n"
                                    "  text: 4MiB\n"
                                    "  json: 2MiB\n"
                                    "  recipients: 100\n"
                                    "  header_value: 8KiB\n"
                                    "  memory_per_request: 256KiB\n"
                                    "idempotency:\n"
                                    "  keep: 24h\n"
                                    "  entries: 10000\n"
                                    "forms: {}\n";

static void prints_everything_that_is_in_effect(void)
{
    struct buf out;
    print_of(slice_of(small), &out);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&out), small_printed);
    buf_free(&out);
}

/* Every key with a value that is not its default, and what could go wrong in YAML. */
static const char full[] =
    "listen: '[::1]:9000'\nlisten_mode: 0\nlisten_group: root\nlisten_allowed: [\"::1\", 10.0.0.0/8]\n"
    "base_path: \"/a b/\xC3\xA4/\"\nworkers: 1\nqueue_wait: 0s\nconnections: 7\nidle: 61s\nshutdown_timeout: "
    "1500ms\n"
    "spill_dir: /var/tmp\nlog: {level: debug, format: json, to: syslog}\nsandbox: warn\n"
    "pages: [status, compose]\npages_from: [192.0.2.0/24, '2001:db8::/32']\nserver: ['123', a]\n"
    "servers:\n"
    "  a: {host: '::1', port: 2525, protocol: lmtp, tls: none, verify: full, source_address: '2001:db8::1',\n"
    "      timeouts: {connect: 1ms, total: 1s}, pool: {size: 0, idle: 1ms, max_messages: 1}, retry_after: "
    "0s}\n"
    "  '123': {host: 1.example, tls: implicit, tls_min: 1.3, ca_file: /etc/passwd, user: 'no', password: x,\n"
    "          auth: login, allow_cleartext_auth: true, domain: a.b, on_refused: abort, require_tls: true,\n"
    "          fingerprint: 'sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=', inline_limit: 1, "
    "password_ttl: 0s,\n"
    "          timeouts: {greeting: 59m}}\n";

#define DIGEST "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1"

static const char defaults[] =
    "defaults:\n  from: '\"A: \\\"b\\\"\" <a@b.example> # c'\n  sender: '<>'\n  reply_to: \"'x' \\\\ y\"\n"
    "  subject: ''\n  to: ['- a', '*x', '&y', '!z', '@', '%', '`', '|', '>', '{', '[', ']', '?', ':', 'a:', "
    "'a: b']\n"
    "  cc: [true, no, ~, 'null', 1e3, 0x1, .5, 1:30, '=', 'a #b', ' lead', 'trail ', '#', ',', '-', '---', "
    "'...']\n"
    "  bcc: ['M\xC3\xBCller \xF0\x9F\x98\x80', '\xC2\xA0', \"\\u00a0x\", a, /b, \"a\\\\nb\"]\n"
    "  headers: {X-A: 'a: b', '123': x, 'no': '', '#x': y, 'X\"Y': z, '-': '-'}\n"
    "allow: {recipients: ['*@x.example', '?'], senders: ['*'], servers: [a, '123'], override: [domain, "
    "server],\n"
    "        hosts: ['*.x.example', '::1'], ports: [1, 65535]}\n"
    "limits: {request: 2KB, read_time: 1s, fields: 1, field: 257, text: 1GiB, recipients: 1, header_value: "
    "1KiB,\n"
    "         memory_per_request: 1MB, json: 256}\nidempotency: {keep: 720h, entries: 1}\n"
    "keys:\n  - {name: '123', sha256: " DIGEST "0}\n"
    "  - {name: 'no', sha256: '" DIGEST "A', allow: {recipients: ['*', '- x'], senders: [a], servers: [a],\n"
    "     override: [port, tls], hosts: ['*'], pages: [status], ports: [25]}}\n"
    "forms:\n"
    "  contact: {to: x@y.example, cc: [a@b.example], bcc: c@d.example, from: 'N <n@y.example>', server: a,\n"
    "            subject: '{{name}}', reply_to: '{{email}}', required: [name, 'a b'], honeypot: website,\n"
    "            text: \"a: {{b}}\\n\\tc # d\\n\", success: /thanks, failure: 'https://y.example/?a=b#c',\n"
    "            origins: [https://y.example], redirect_origins: https://z.example,\n"
    "            attachments: {max: 3, types: ['image/*', application/pdf]}}\n"
    "  '1.b':\n"
    "    to: x@y.example\n"
    "    html: |\n"
    "      <p>\"{{x}}\"</p>\n"
    "        <b>\\\n"
    "    attachments: {}\n";

static void what_is_printed_is_read_again(void)
{
    struct buf yaml;
    struct buf once;
    struct buf twice;
    buf_init(&yaml, PRINT_LIMIT);
    CU_ASSERT_TRUE(buf_append_string(&yaml, full) && buf_append_string(&yaml, defaults));
    print_of(buf_slice(&yaml), &once);
    print_of(buf_slice(&once), &twice);
    CU_ASSERT(once.len > 1000);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&once), buf_cstr(&twice));
    CU_ASSERT_PTR_NULL(strstr(once.data, "password: x"));
    struct config *first = parse(buf_slice(&yaml));
    struct config *second = parse(buf_slice(&once));
    CU_ASSERT_FATAL(first != NULL && second != NULL);
    CU_ASSERT_EQUAL_FATAL(first->server.count, 2);
    CU_ASSERT_EQUAL_FATAL(second->server.count, 2);
    CU_ASSERT_EQUAL(memcmp(first->server.items, second->server.items, 2 * sizeof(size_t)), 0);
    const struct config_strings *lists[][2] = {{&first->defaults.to, &second->defaults.to},
                                               {&first->defaults.cc, &second->defaults.cc},
                                               {&first->defaults.bcc, &second->defaults.bcc}};
    for (size_t i = 0; i < COUNT(lists); i++) {
        CU_ASSERT_EQUAL_FATAL(lists[i][0]->count, lists[i][1]->count);
        for (size_t j = 0; j < lists[i][0]->count; j++) {
            CU_ASSERT_STRING_EQUAL(lists[i][0]->items[j], lists[i][1]->items[j]);
        }
    }
    CU_ASSERT_EQUAL_FATAL(first->defaults.headers.count, second->defaults.headers.count);
    for (size_t i = 0; i < first->defaults.headers.count; i++) {
        CU_ASSERT_STRING_EQUAL(first->defaults.headers.items[i].name, second->defaults.headers.items[i].name);
        CU_ASSERT_STRING_EQUAL(first->defaults.headers.items[i].value,
                               second->defaults.headers.items[i].value);
    }
    CU_ASSERT_STRING_EQUAL(first->defaults.from, second->defaults.from);
    CU_ASSERT_STRING_EQUAL(first->defaults.reply_to, second->defaults.reply_to);
    CU_ASSERT_STRING_EQUAL(second->servers[1].password.data, "***");
    CU_ASSERT_EQUAL_FATAL(second->key_count, 2);
    CU_ASSERT_STRING_EQUAL(second->keys[0].name, "123");
    CU_ASSERT_EQUAL(second->keys[0].allow.recipients.count + second->keys[0].allow.ports.count, 0);
    CU_ASSERT_STRING_EQUAL(second->keys[1].sha256, DIGEST "A");
    CU_ASSERT_STRING_EQUAL(second->keys[1].allow.recipients.items[1], "- x");
    CU_ASSERT_EQUAL(second->keys[1].allow.override, CONFIG_OVERRIDE_PORT | CONFIG_OVERRIDE_TLS);
    CU_ASSERT_EQUAL(second->keys[1].allow.ports.items[0], 25);
    CU_ASSERT_EQUAL(second->keys[1].allow.pages, CONFIG_PAGE_STATUS);
    CU_ASSERT_EQUAL(second->pages, CONFIG_PAGE_STATUS | CONFIG_PAGE_COMPOSE);
    CU_ASSERT_EQUAL(second->pages_from.count, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(once.data, "\nkeys:\n  - name: \"123\"\n    sha256: \"" DIGEST "0\"\n"
                                             "    allow:\n      recipients: []\n"));
    config_free(first);
    config_free(second);
    buf_free(&twice);
    buf_free(&once);
    buf_free(&yaml);
}

/* Every key of the table appears in a print of a file that gives them all. */
static void no_key_is_left_out(void)
{
    static const char rest[] = "  c: {host: c, user: a, password_env: CONFIG_TEST_PASSWORD, ca_path: /etc}\n"
                               "  d: {host: d, user: a, password_file: /etc/passwd}\n"
                               "  e: {host: e, user: a, password_command: [/bin/sh, '-c', 'echo \"x\"'],\n"
                               "      client_cert: /etc/passwd, client_key: /etc/passwd}\n"
                               "  f: {host: f, user: a, password_command: /bin/sh}\n";
    struct buf yaml;
    struct buf out;
    buf_init(&yaml, PRINT_LIMIT);
    buf_init(&out, PRINT_LIMIT);
    CU_ASSERT_TRUE(buf_append_string(&yaml, full) && buf_append_string(&yaml, rest) &&
                   buf_append_string(&yaml, defaults));
    CU_ASSERT_EQUAL(setenv("CONFIG_TEST_PASSWORD", "root:", 1), 0);
    struct config_report report; /* with a warning: everybody can read /etc/passwd */
    config_report_init(&report);
    struct config *config = config_parse("f", buf_slice(&yaml), false, &report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_TRUE(config_print(config, &out));
    for (size_t i = 0; i < schema_key_count; i++) {
        const char *dot = strrchr(schema_keys[i].path, '.');
        char key[SCHEMA_PATH_MAX + 4];
        (void)snprintf(key, sizeof key, "%s%s:", dot != NULL ? " " : "",
                       dot != NULL ? dot + 1 : schema_keys[i].path);
        CU_ASSERT_PTR_NOT_NULL(strstr(out.data, key));
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "password_env: CONFIG_TEST_PASSWORD\n"));
    CU_ASSERT_PTR_NULL(strstr(out.data, "root:"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(out.data, "    password_command:\n      - /bin/sh\n      - \"***\"\n      - \"***\"\n"));
    config_free(config);
    config_report_free(&report);
    buf_free(&out);
    buf_free(&yaml);
}

static void a_unix_host_has_no_port(void)
{
    struct buf once;
    struct buf twice;
    print_of(SLICE("server: {host: 'unix:/run/smtp'}\n"), &once);
    CU_ASSERT_PTR_NULL(strstr(once.data, " port:"));
    CU_ASSERT_PTR_NOT_NULL(strstr(once.data, " tls: none\n"));
    print_of(buf_slice(&once), &twice);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&once), buf_cstr(&twice));
    buf_free(&once);
    buf_free(&twice);
}

static void a_full_buffer_is_noticed(void)
{
    struct config *config = parse(SLICE("server: {host: a}\n"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    struct buf whole;
    buf_init(&whole, PRINT_LIMIT);
    CU_ASSERT_TRUE(config_print(config, &whole));
    for (size_t limit = 0; limit < whole.len; limit++) {
        struct buf out;
        buf_init(&out, limit);
        CU_ASSERT_FALSE(config_print(config, &out));
        buf_free(&out);
    }
    buf_free(&whole);
    config_free(config);
}

static void read_example(const char *name, struct buf *out)
{
    char path[128];
    (void)snprintf(path, sizeof path, EXAMPLES "%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CU_ASSERT_FATAL(fd >= 0);
    buf_init(out, PRINT_LIMIT);
    char *at = buf_reserve(out, 65536);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    ssize_t len = read(fd, at, 65536);
    CU_ASSERT_FATAL(len > 0 && len < 65536);
    out->len += (size_t)len;
    CU_ASSERT_EQUAL(close(fd), 0);
}

/*
 * Copies an example with its password in a file of the test's; with_defaults: with the # taken off every line that
 * begins with "#key:", which is how examples show defaults.
 */
static void prepare_example(struct slice text, const char *password_file, bool with_defaults, struct buf *out)
{
    static const char path[] = "file: password\n";
    static const char path_in_flow[] = "file: password}";
    bool at_begin = true;
    buf_init(out, PRINT_LIMIT);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool uncomment = with_defaults && at_begin && c == '#' && i + 1 < text.len &&
                         islower((unsigned char)text.data[i + 1]);
        bool password = text.len - i >= sizeof path &&
                        (memcmp(text.data + i, path, sizeof path - 1) == 0 ||
                         memcmp(text.data + i, path_in_flow, sizeof path_in_flow - 1) == 0);
        if (password) {
            CU_ASSERT_TRUE(buf_append_string(out, "file: ") && buf_append_string(out, password_file));
            i += sizeof path - 3;
        } else if (!uncomment) {
            CU_ASSERT_TRUE(buf_append_char(out, c));
        }
        at_begin = c == '\n' || (at_begin && c == ' ');
    }
}

static void examples_are_right(void)
{
    char password[] = "/tmp/config_print.XXXXXX";
    int fd = mkstemp(password);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, "secret\n", 7), 7);
    CU_ASSERT_EQUAL(close(fd), 0);
    static const char *const names[] = {"fcgi-smtp.yaml", "minimal.yaml"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct buf text;
        struct buf plain;
        struct buf with_defaults;
        struct buf prints[2];
        read_example(names[i], &text);
        prepare_example(buf_slice(&text), password, false, &plain);
        prepare_example(buf_slice(&text), password, true, &with_defaults);
        print_of(buf_slice(&plain), &prints[0]);
        print_of(buf_slice(&with_defaults), &prints[1]);
        CU_ASSERT(prints[0].len > 0);
        CU_ASSERT_STRING_EQUAL(buf_cstr(&prints[0]), buf_cstr(&prints[1]));
        buf_free(&prints[0]);
        buf_free(&prints[1]);
        buf_free(&plain);
        buf_free(&with_defaults);
        buf_free(&text);
    }
    CU_ASSERT_EQUAL(unlink(password), 0);
}

/* Whether a line of the text is that key, be it commented out. */
static bool shows_key(const char *text, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += strspn(line, "\n #-");
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            return true;
        }
    }
    return false;
}

static void the_example_shows_every_key(void)
{
    struct buf text;
    read_example("fcgi-smtp.yaml", &text);
    CU_ASSERT_TRUE(buf_append_char(&text, '\n'));
    for (size_t i = 0; i < schema_key_count; i++) {
        const char *dot = strrchr(schema_keys[i].path, '.');
        const char *name = dot != NULL ? dot + 1 : schema_keys[i].path;
        CU_ASSERT_TRUE(shows_key(text.data, name));
        if (!shows_key(text.data, name)) {
            fprintf(stderr, "%s is not in the example\n", schema_keys[i].path);
        }
        /* A default is shown as one: "#key: default". */
        char commented[SCHEMA_PATH_MAX + 4];
        (void)snprintf(commented, sizeof commented, "#%s:", name);
        if (schema_keys[i].fallback != NULL && strstr(text.data, commented) == NULL) {
            CU_FAIL("a default is not shown");
            fprintf(stderr, "%s\n", commented);
        }
    }
    buf_free(&text);
}

static const struct unit_test tests[] = {
    {"prints everything that is in effect", prints_everything_that_is_in_effect},
    {"what is printed is read again", what_is_printed_is_read_again},
    {"no key is left out", no_key_is_left_out},
    {"a unix host has no port", a_unix_host_has_no_port},
    {"a full buffer is noticed", a_full_buffer_is_noticed},
    {"examples are right", examples_are_right},
    {"the example shows every key", the_example_shows_every_key},
};
UNIT_SUITE(config_print, tests);
