#include <stdio.h>
#include <stdlib.h>

#include "fcgi_smtp/config.h"
#include "unit.h"

/* A server that has no problem, to stand before or behind what a test is about. */
#define SERVER "server: {host: a.example}\n"

/* What is said of a YAML text, without the file's name; warnings behind the problems. */
static char *judge(struct slice yaml)
{
    struct config_report report;
    config_report_init(&report);
    struct config *config = config_parse("f", yaml, false, &report);
    CU_ASSERT_EQUAL(config == NULL, report.problems.len > 0);
    char *said = NULL;
    if (asprintf(&said, "%s%s", buf_cstr(&report.problems), buf_cstr(&report.warnings)) < 0) {
        said = NULL;
    }
    config_free(config);
    config_report_free(&report);
    return said;
}

struct yaml_case {
    const char *yaml;
    const char *said;
};

static void check_cases(const struct yaml_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *said = judge(slice_of(cases[i].yaml));
        CU_ASSERT_PTR_NOT_NULL_FATAL(said);
        CU_ASSERT_STRING_EQUAL(said, cases[i].said);
        if (strcmp(said, cases[i].said) != 0) {
            fprintf(stderr, "%s-> %s   not %s", cases[i].yaml, said, cases[i].said);
        }
        free(said);
    }
}
#define CHECK_CASES(cases) check_cases((cases), sizeof(cases) / sizeof((cases)[0]))

static void what_yaml_allows_is_read(void)
{
    static const struct yaml_case cases[] = {
        {SERVER, ""},
        {"---\n" SERVER "...\n", ""},
        {"%YAML 1.1\n---\n" SERVER, ""},
        {"\xEF\xBB\xBF" SERVER, ""},
        {"# comment\r\nserver:\r\n  host: a.example\r\n", ""},
        {"{\"server\": {\"host\": \"a.example\"}, \"workers\": 4}\n", ""},
        {"? server\n: host: a.example\n", ""},
        {SERVER "defaults:\n  subject: |-\n    one line\n", ""},
        {SERVER "defaults:\n  subject: >-\n    two\n    lines\n", ""},
        {SERVER "log:\nlimits: {}\nallow:\n  # nothing\n", ""},
    };
    CHECK_CASES(cases);
}

static void what_yaml_allows_and_we_do_not(void)
{
    static const struct yaml_case cases[] = {
        {SERVER "workers: &a 3\n",
         "f:2:10: workers: has an anchor (&); a plain value is expected, in quotes if it begins with &\n"},
        {SERVER "log: &a\n  level: info\n",
         "f:2:6: log: has an anchor (&); a plain value is expected, in quotes if it begins with &\n"},
        {SERVER "allow: {recipients: &a [x]}\n",
         "f:2:21: allow.recipients: has an anchor (&); a plain value is "
         "expected, in quotes if it begins with &\n"},
        {SERVER "&a workers: 3\n",
         "f:2:1: workers: has an anchor (&); a plain value is expected, in quotes if it begins with &\n"},
        {SERVER "workers: !!int 3\n",
         "f:2:10: workers: has a tag (!); a plain value is expected, in quotes if it begins with !\n"},
        {SERVER "workers: ! 3\n",
         "f:2:10: workers: has a tag (!); a plain value is expected, in quotes if it begins with !\n"},
        {SERVER "workers: *a\n",
         "f:2:10: workers: is an alias (*); a plain value is expected, in quotes if it begins with *\n"},
        {SERVER "allow: {recipients: [a, *b, c]}\n",
         "f:2:25: allow.recipients[1]: is an alias (*); a plain value is "
         "expected, in quotes if it begins with *\n"},
        {SERVER "*a : 3\n", "f:2:1: an alias (*) stands where a key is expected\n"},
        {SERVER "[a, b]: 3\n", "f:2:1: a list or mapping stands where a key is expected\n"},
        {SERVER "{a: b}: 3\n", "f:2:1: a list or mapping stands where a key is expected\n"},
        {SERVER "log: {<<: {level: info}}\n",
         "f:2:7: log.<<: is a merge key; every key is expected to be written out\n"},
        {SERVER "log: {\"<<\": x}\n", "f:2:7: log.<<: is an unknown key; known ones are level, format, to\n"},
        {SERVER "---\nworkers: 3\n", "f:2:1: a second document begins; one is expected\n"},
        {SERVER "workers: 0\n--- x\n",
         "f:2:10: workers: \"0\" is not valid; a whole number from 1 to 1024 is expected\n"
         "f:3:1: a second document begins; one is expected\n"},
    };
    CHECK_CASES(cases);
}

static void syntax_errors_end_the_reading_but_hide_nothing_above(void)
{
    static const struct yaml_case cases[] = {
        {"workers: x\nserver: {host: a\n",
         "f:1:10: workers: \"x\" is not valid; a whole number from 1 to 1024 is expected\n"
         "f:3:1: is not YAML: did not find expected ',' or '}' while parsing a flow mapping; values with "
         "special "
         "characters are expected in quotes\n"},
        {"workers: a: b\n",
         "f:1:10: workers: \"a\" is not valid; a whole number from 1 to 1024 is expected\n"
         "f:1:11: is not YAML: mapping values are not allowed in this context; values with special "
         "characters are expected in quotes\n"},
        {"server:\n\thost: a\n", "f:2:1: is not YAML: a tab cannot indent a line; spaces are expected\n"},
        {"server:\n  host: @\n",
         "f:2:9: is not YAML: found character that cannot start any token while scanning for "
         "the next token; values with special characters are expected in quotes\n"},
        {"workers: 'a\n",
         "f:2:1: is not YAML: found unexpected end of stream while scanning a quoted scalar; values "
         "with special characters are expected in quotes\n"},
        {"workers: x\nidle: \xFF\n",
         "f:1:10: workers: \"x\" is not valid; a whole number from 1 to 1024 is expected\n"
         "f:2:7: is not UTF-8; UTF-8 is expected\n"},
        {"idle: \xC3\xA4\x01\n", "f:1:8: there is a control character; text is expected\n"},
        {"idle: 1\r\rlog: \xC2\x85\n",
         "f:1:7: idle: \"1\" is not valid; a duration from 1s to 24h (units: ms, s, m, h) "
         "is expected\nf:3:6: there is a control character; text is expected\n"},
        {"server: {host: a,\n  port: \xE2\x80\xA8}\n",
         "f:2:9: there is a control character; text is expected\n"},
        {"\xFF\xFE"
         "a\0",
         "f:1:1: is not UTF-8; UTF-8 is expected\n"},
    };
    CHECK_CASES(cases);
}

static void an_embedded_nul_is_found(void)
{
    static const char yaml[] = SERVER "workers: 3\0\n";
    char *said = judge((struct slice){yaml, sizeof yaml - 1});
    CU_ASSERT_STRING_EQUAL(said, "f:2:11: there is a control character; text is expected\n");
    free(said);
    static const char escaped[] = SERVER "\"workers\\0x\": 3\n";
    said = judge(slice_of(escaped));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "is an unknown key"));
    free(said);
}

static void the_document_is_a_mapping(void)
{
    static const struct yaml_case cases[] = {
        {"", "f:1:1: server: is missing; a server with its host is expected\n"},
        {"# nothing\n", "f:1:1: server: is missing; a server with its host is expected\n"},
        {"---\n", "f:1:1: server: is missing; a server with its host is expected\n"},
        {"text\n", "f:1:1: is a single value; keys with values are expected\n"
                   "f:1:1: server: is missing; a server with its host is expected\n"},
        {"- a\n", "f:1:1: is a list; keys with values are expected\n"
                  "f:1:1: server: is missing; a server with its host is expected\n"},
        {"*a\n", "f:1:1: is an alias (*); a plain value is expected, in quotes if it begins with *\n"
                 "f:1:1: server: is missing; a server with its host is expected\n"},
    };
    CHECK_CASES(cases);
}

static void values_of_the_wrong_kind(void)
{
    static const struct yaml_case cases[] = {
        {SERVER "workers: [3]\n", "f:2:10: workers: is a list; a whole number from 1 to 1024 is expected\n"},
        {SERVER "workers: {a: b}\n",
         "f:2:10: workers: is a mapping; a whole number from 1 to 1024 is expected\n"},
        {SERVER "workers:\n", "f:2:9: workers: has no value; a whole number from 1 to 1024 is expected\n"},
        {SERVER "workers: \"\"\n",
         "f:2:10: workers: \"\" is not valid; a whole number from 1 to 1024 is expected\n"},
        {SERVER "log: info\n", "f:2:6: log: is a single value; keys with values are expected\n"},
        {SERVER "log: [info]\n", "f:2:6: log: is a list; keys with values are expected\n"},
        {SERVER "log: ''\n", "f:2:6: log: is a single value; keys with values are expected\n"},
        {SERVER "defaults: {to: {a: b}}\n", "f:2:16: defaults.to: is a mapping; text is expected\n"},
        {SERVER "defaults: {to: [a, [b], {c: d}, '', ]}\n",
         "f:2:20: defaults.to[1]: is a list; text is expected\n"
         "f:2:25: defaults.to[2]: is a mapping; text is expected\n"
         "f:2:33: defaults.to[3]: is empty; text is expected\n"},
        {SERVER "defaults:\n  to:\n    -\n", "f:4:6: defaults.to[0]: has no value; text is expected\n"},
        {SERVER "defaults: {headers: [a]}\n",
         "f:2:21: defaults.headers: is a list; keys with values are expected\n"},
        {SERVER "defaults: {headers: {a: [b], c: }}\n",
         "f:2:25: defaults.headers.a: is a list; text is expected\n"
         "f:2:33: defaults.headers.c: has no value; text is expected\n"},
        {"server: []\n", "f:1:9: server: has no value; the name of a server, a list of names, or a "
                         "server's keys is expected\n"},
        {"server:\n", "f:1:8: server: has no value; the name of a server, a list of names, or a server's "
                      "keys is expected\n"},
        {"servers: [a]\n", "f:1:10: servers: is a list; keys with values are expected\n"},
        {"servers: {a: b}\n", "f:1:14: servers.a: is a single value; keys with values are expected\n"},
        {"servers: {a: }\n",
         "f:1:11: servers.a.host: is missing; the server's name, address or unix:/path is "
         "expected\n"},
        {"servers: {\"a b\": {host: x}}\n",
         "f:1:11: servers.a b: is no name for a server; 1 to 64 letters, digits, "
         "\"-\", \"_\" and \".\" are expected\n"},
    };
    CHECK_CASES(cases);
}

static void keys_that_are_unknown_or_there_twice(void)
{
    static const struct yaml_case cases[] = {
        {SERVER "wrokers: 3\n", "f:2:1: wrokers: is an unknown key; the nearest known one is workers\n"},
        {SERVER "Workers: 3\n", "f:2:1: Workers: is an unknown key; the nearest known one is workers\n"},
        {SERVER "log.level: info\n",
         "f:2:1: log.level: is an unknown key; known ones are listen, listen_mode, listen_group, "
         "listen_allowed, base_path, workers, queue_wait, connections, idle, shutdown_timeout, spill_dir, "
         "log, "
         "sandbox, pages, pages_from, server, servers, defaults, allow, keys, limits, idempotency, forms\n"},
        {SERVER "log: {lvl: info}\n",
         "f:2:7: log.lvl: is an unknown key; known ones are level, format, to\n"},
        {SERVER "log: {levle: info}\n",
         "f:2:7: log.levle: is an unknown key; the nearest known one is level\n"},
        {SERVER "port: 25\n", "f:2:1: port: is an unknown key here; it is known as servers.*.port\n"},
        {SERVER "from: a@b.example\n", "f:2:1: from: is an unknown key here; it is known as defaults.from\n"},
        {"server: {hots: a, host: b}\n",
         "f:1:10: server.hots: is an unknown key; the nearest known one is host\n"},
        {SERVER "timeouts: {connect: 1s}\n",
         "f:2:1: timeouts: is an unknown key here; it is known as servers.*.timeouts\n"},
        {"server: {host: a, workers: 3}\n",
         "f:1:19: server.workers: is an unknown key here; it is known as workers at the top level\n"},
        {"servers: {a: {host: b, timeouts: {conect: 1s}}}\n",
         "f:1:35: servers.a.timeouts.conect: is an unknown key; the nearest known one is connect\n"},
        {SERVER "workers: 3\nworkers: 4\nworkers: 5\n",
         "f:3:1: workers: is there twice; it stands in line 2 already\n"
         "f:4:1: workers: is there twice; it stands in line 2 already\n"},
        {"servers: {a: {host: b}, c: {host: d}, a: {host: e}}\nserver: c\n",
         "f:1:39: servers.a: is there twice; it stands in line 1 already\n"},
        {SERVER "defaults: {headers: {X-A: b, x-a: c, X-: d}}\n",
         "f:2:30: defaults.headers.x-a: is there twice; it stands in line 2 already\n"},
        {SERVER "\"a\\nb\": 3\nlog: {}\n", NULL},
    };
    check_cases(cases, sizeof cases / sizeof cases[0] - 1);
    /* What cannot be printed is replaced, so that a problem stays one line. */
    char *said = judge(slice_of(cases[sizeof cases / sizeof cases[0] - 1].yaml));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "f:2:1: a?b: is an unknown key; known ones are listen, "));
    free(said);
}

static void control_characters_are_refused_in_every_string(void)
{
    static const struct yaml_case cases[] = {
        {SERVER "defaults: {subject: \"a\\nb\"}\n",
         "f:2:21: defaults.subject: holds a control character; plain text is expected\n"},
        {SERVER "defaults: {from: \"a\\0\"}\n",
         "f:2:18: defaults.from: holds a control character; plain text is expected\n"},
        {SERVER "defaults: {to: [\"a\\r\"]}\n",
         "f:2:17: defaults.to[0]: holds a control character; plain text is expected\n"},
        {SERVER "defaults: {headers: {X-A: \"\\x85\"}}\n",
         "f:2:27: defaults.headers.X-A: holds a control character; plain text is expected\n"},
        {SERVER "defaults: {headers: {\"X\\nA\": b}}\n",
         "f:2:22: defaults.headers.X?A: is no name for a header field; printable ASCII without colon is "
         "expected\n"},
        {SERVER "defaults:\n  subject: |\n    line\n",
         "f:3:12: defaults.subject: holds a control character; plain text is expected\n"},
        {"server: {host: a, user: \"b\\t\", password: \"c\\n\"}\n",
         "f:1:25: server.user: holds a control character; plain text is expected\n"
         "f:1:42: server.password: holds a control character; plain text is expected\n"},
    };
    CHECK_CASES(cases);
}

static void secrets_are_never_quoted(void)
{
    static const char *const values[] = {
        "[hunter2]",        "{hunter2: x}",   "*hunter2",        "&hunter2 hunter2",
        "!hunter2 x",       "\"hunter2\\n\"", "{x: &y hunter2}", "{hunter2: *z}",
        "hunter2: hunter2", "'hunter2",       "{hunter2: !x y}", "\"hunter2\\xZZ\"",
        "@hunter2",         "%hunter2",       "{? [hunter2]}",   "&hunter2,x"};
    char yaml[256];
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        (void)snprintf(yaml, sizeof yaml, "server:\n  host: a\n  user: b\n  password: %s\n", values[i]);
        char *said = judge(slice_of(yaml));
        CU_ASSERT_PTR_NOT_NULL(strstr(said, "f:4:") != NULL ? said : strstr(said, "f:5:"));
        CU_ASSERT_PTR_NULL(strstr(said, "hunter"));
        free(said);
    }
    char *said = judge(slice_of("server: {host: a, user: b, password_env: hunter2}\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "f:1:42: server.password_env: "));
    CU_ASSERT_PTR_NULL(strstr(said, "hunter"));
    free(said);
}

static char *repeated(const char *before, const char *piece, size_t times, const char *after)
{
    size_t len = strlen(before) + strlen(piece) * times + strlen(after);
    char *text = malloc(len + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    char *end = stpcpy(text, before);
    for (size_t i = 0; i < times; i++) {
        end = stpcpy(end, piece);
    }
    (void)stpcpy(end, after);
    return text;
}

static void check_repeated(const char *before, const char *piece, size_t times, const char *after,
                           const char *part)
{
    char *yaml = repeated(before, piece, times, after);
    char *said = judge(slice_of(yaml));
    CU_ASSERT_PTR_NOT_NULL_FATAL(said);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, part));
    if (strstr(said, part) == NULL) {
        fprintf(stderr, "%.40s...: %.2000s", yaml, said);
    }
    free(said);
    free(yaml);
}

static void everything_is_bounded(void)
{
    check_repeated("a: ", "[", 100000, "",
                   "f:1:11: a[0][0][0][0][0][0]: is nested too deeply; no key has so many");
    check_repeated("", "a: {", 20, "", "f:1:32: a.a.a.a.a.a.a.a: is nested too deeply");
    check_repeated(SERVER "allow: {recipients: [", "a,", 100000, "]}\n",
                   "there are too many values; at most 100000");
    check_repeated(SERVER, "x: y\n", 200, "", "f: 100 more problems are not shown\n");
    check_repeated(SERVER "#", "0123456789abcdef", 65536, "\n", "f: cannot be read: too large; at most 1MiB");
    check_repeated(SERVER "defaults: {subject: ", "0123456789abcdef", 1000, "}\n",
                   "f:2:21: defaults.subject: is 16000 octets long; at most 8192 are expected\n");
    check_repeated(SERVER "servers: {", "a: b,", 1001, "}\n",
                   "servers: has 1001 entries; at most 1000 are expected");
    check_repeated(SERVER, "k", 300, ": x\n",
                   "f:2:1: kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk...: is ");
    check_repeated(SERVER "workers: ", "9", 300, "\n",
                   "\"999999999999999999999999999999999999999999999999999999999999...\" is not valid");
}

static void many_different_keys_are_no_burden(void)
{
    size_t room = (size_t)1024 * 1024;
    char *yaml = malloc(room);
    CU_ASSERT_PTR_NOT_NULL_FATAL(yaml);
    size_t used = (size_t)snprintf(yaml, room, SERVER "defaults:\n  headers:\n");
    for (unsigned i = 0; i < 40000; i++) {
        used += (size_t)snprintf(yaml + used, room - used, "    X-%u: y\n", i * 2654435761U);
    }
    char *said = judge((struct slice){yaml, used});
    CU_ASSERT_STRING_EQUAL(said, "");
    free(said);
    free(yaml);
}

/* A file that is cut anywhere is never accepted as something else or crashed on. */
static void every_cut(void)
{
    static const char yaml[] = "servers:\n  main:\n    host: a.example\n    timeouts: {total: 40s}\n"
                               "defaults: {from: \"A \\\"b\\\" <a@b.example>\", to: [x@y.example, 'z']}\n"
                               "allow:\n  recipients:\n  - '*@b.example'\n# end\n";
    for (size_t len = 0; len < sizeof yaml; len++) {
        char *copy = malloc(len + 1); /* exactly as long, for AddressSanitizer */
        CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
        memcpy(copy, yaml, len);
        char *said = judge((struct slice){copy, len});
        CU_ASSERT_PTR_NOT_NULL(said);
        free(said);
        free(copy);
    }
}

static void problems_are_sorted_by_position(void)
{
    static const struct yaml_case cases[] = {
        {"server: b\nservers:\n  a:\n    port: 0\n    ca_path: /nonexistent\n    ca_file: "
         "/nonexistent\nworkers: x\n",
         "f:1:9: server: \"b\" is not a server; one of a is expected\n"
         "f:3:3: servers.a.host: is missing; the server's name, address or unix:/path is expected\n"
         "f:4:11: servers.a.port: \"0\" is not valid; a whole number from 1 to 65535 is expected\n"
         "f:5:5: servers.a.ca_path: stands beside ca_file; only one of them is expected\n"
         "f:5:14: servers.a.ca_path: cannot be read: No such file or directory; a directory of certificates "
         "is "
         "expected\n"
         "f:6:14: servers.a.ca_file: cannot be read: No such file or directory; a file of PEM certificates "
         "is "
         "expected\n"
         "f:7:10: workers: \"x\" is not valid; a whole number from 1 to 1024 is expected\n"},
    };
    CHECK_CASES(cases);
}

static const struct unit_test tests[] = {
    {"what YAML allows is read", what_yaml_allows_is_read},
    {"aliases, anchors, tags, merge keys, documents", what_yaml_allows_and_we_do_not},
    {"syntax errors end the reading but hide nothing above",
     syntax_errors_end_the_reading_but_hide_nothing_above},
    {"an embedded NUL is found", an_embedded_nul_is_found},
    {"the document is a mapping", the_document_is_a_mapping},
    {"values of the wrong kind", values_of_the_wrong_kind},
    {"unknown and duplicate keys", keys_that_are_unknown_or_there_twice},
    {"control characters are refused in every string", control_characters_are_refused_in_every_string},
    {"secrets are never quoted", secrets_are_never_quoted},
    {"everything is bounded", everything_is_bounded},
    {"many different keys are no burden", many_different_keys_are_no_burden},
    {"every cut", every_cut},
    {"problems are sorted by position", problems_are_sorted_by_position},
};
UNIT_SUITE(config_yaml, tests);
