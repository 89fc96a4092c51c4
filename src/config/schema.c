/*
 * The table stands in the order in which --print-config prints it. Ranges are wide enough for every sensible
 * installation and narrow enough to catch a wrong unit.
 */
#include "config/schema.h"

#include <stdio.h>

#include "config/syntax.h"
#include "fcgi_smtp/config.h"

#define MS       INT64_C(1)
#define SECOND   (1000 * MS)
#define MINUTE   (60 * SECOND)
#define HOUR     (60 * MINUTE)
#define KIB      INT64_C(1024)
#define MIB      (1024 * KIB)
#define GIB      (1024 * MIB)
#define PATH_LEN 4095 /* octets, PATH_MAX without the NUL */
#define TEXT_LEN 8192 /* octets of a header field's value */
#define MAIL_LEN 320  /* octets of a pattern on addresses: 64 + 1 + 255 */
#define NAME_LEN 256  /* octets of a field's name in a form */

/* Enums and flags are stored through unsigned. */
_Static_assert(sizeof(enum config_tls) == sizeof(unsigned) && sizeof(enum log_level) == sizeof(unsigned),
               "an enum is as wide as unsigned");

static const struct schema_word log_levels[] = {{"error", LOG_LEVEL_ERROR},
                                                {"warning", LOG_LEVEL_WARNING},
                                                {"info", LOG_LEVEL_INFO},
                                                {"debug", LOG_LEVEL_DEBUG},
                                                {NULL, 0}};
static const struct schema_word log_formats[] = {
    {"logfmt", LOG_FORMAT_LOGFMT}, {"json", LOG_FORMAT_JSON}, {NULL, 0}};
static const struct schema_word log_targets[] = {
    {"stderr", LOG_TO_STDERR}, {"syslog", LOG_TO_SYSLOG}, {NULL, 0}};
static const struct schema_word sandboxes[] = {
    {"on", CONFIG_SANDBOX_ON}, {"warn", CONFIG_SANDBOX_WARN}, {"off", CONFIG_SANDBOX_OFF}, {NULL, 0}};
static const struct schema_word tls_modes[] = {{"starttls", CONFIG_TLS_STARTTLS},
                                               {"implicit", CONFIG_TLS_IMPLICIT},
                                               {"none", CONFIG_TLS_NONE},
                                               {NULL, 0}};
static const struct schema_word tls_versions[] = {
    {"1.2", CONFIG_TLS_1_2}, {"1.3", CONFIG_TLS_1_3}, {NULL, 0}};
static const struct schema_word verifications[] = {
    {"full", CONFIG_VERIFY_FULL}, {"none", CONFIG_VERIFY_NONE}, {NULL, 0}};
static const struct schema_word protocols[] = {
    {"smtp", CONFIG_PROTOCOL_SMTP}, {"lmtp", CONFIG_PROTOCOL_LMTP}, {NULL, 0}};
static const struct schema_word auth_mechanisms[] = {{"auto", CONFIG_AUTH_AUTO},
                                                     {"plain", CONFIG_AUTH_PLAIN},
                                                     {"login", CONFIG_AUTH_LOGIN},
                                                     {"cram-md5", CONFIG_AUTH_CRAM_MD5},
                                                     {"scram-sha-1", CONFIG_AUTH_SCRAM_SHA_1},
                                                     {"scram-sha-256", CONFIG_AUTH_SCRAM_SHA_256},
                                                     {"scram-sha-1-plus", CONFIG_AUTH_SCRAM_SHA_1_PLUS},
                                                     {"scram-sha-256-plus", CONFIG_AUTH_SCRAM_SHA_256_PLUS},
                                                     {"xoauth2", CONFIG_AUTH_XOAUTH2},
                                                     {"oauthbearer", CONFIG_AUTH_OAUTHBEARER},
                                                     {"external", CONFIG_AUTH_EXTERNAL},
                                                     {NULL, 0}};
static const struct schema_word refusals[] = {
    {"partial", CONFIG_REFUSED_PARTIAL}, {"abort", CONFIG_REFUSED_ABORT}, {NULL, 0}};
static const struct schema_word overrides[] = {
    {"server", CONFIG_OVERRIDE_SERVER}, {"port", CONFIG_OVERRIDE_PORT},
    {"tls", CONFIG_OVERRIDE_TLS},       {"credentials", CONFIG_OVERRIDE_CREDENTIALS},
    {"domain", CONFIG_OVERRIDE_DOMAIN}, {NULL, 0}};

static const struct schema_word pages[] = {{"metrics", CONFIG_PAGE_METRICS},
                                           {"status", CONFIG_PAGE_STATUS},
                                           {"compose", CONFIG_PAGE_COMPOSE},
                                           {NULL, 0}};

#define TOP(name, field, kind) .path = (name), .type = SCHEMA_##kind, .offset = offsetof(struct config, field)
#define SRV(field, kind)                                                                                     \
    .path = SCHEMA_SERVER "." #field, .type = SCHEMA_##kind, .offset = offsetof(struct config_server, field)
#define KEY(name, field, kind)                                                                               \
    .path = SCHEMA_API_KEY "." name, .type = SCHEMA_##kind, .offset = offsetof(struct config_key, field)
#define FORM(name, field, kind)                                                                              \
    .path = SCHEMA_FORM "." name, .type = SCHEMA_##kind, .offset = offsetof(struct config_form, field)
#define RANGE(least, most) .min = (least), .max = (most)
#define DEFAULT(text)      .fallback = (text)
#define IS(function, text) .valid = (function), .expected = (text)
#define NETWORK                                                                                              \
    IS(syntax_network, "an IPv4 or IPv6 address, or a network like 192.0.2.0/24 without host bits,")
#define HOST_PATTERN                                                                                         \
    IS(syntax_host_pattern, "a host name or address, with * and ? as wildcards; unix: is never allowed "     \
                            "here,")

/* clang-format off: one key a line */
const struct schema_key schema_keys[] = {
    {TOP("listen", listen, STRING), RANGE(1, PATH_LEN), DEFAULT("unix:/run/fcgi-smtp/fcgi-smtp.sock"),
     IS(syntax_listen, "unix:/path, 127.0.0.1:9000 or [::1]:9000")},
    {TOP("listen_mode", listen_mode, MODE), RANGE(0, 0777), DEFAULT("0660")},
    {TOP("listen_group", listen_group, STRING), RANGE(1, 64)},
    {TOP("listen_allowed", listen_allowed, STRINGS), RANGE(1, 64), NETWORK},
    {TOP("base_path", base_path, STRING), RANGE(1, 1024), DEFAULT("/"),
     IS(syntax_base_path, "a path like / or /mail")},
    {TOP("workers", workers, NUMBER), RANGE(1, 1024), DEFAULT("32")},
    {TOP("queue_wait", queue_wait, DURATION), RANGE(0, 10 * MINUTE), DEFAULT("5s")},
    {TOP("connections", connections, NUMBER), RANGE(1, 65536), DEFAULT("1024")},
    {TOP("idle", idle, DURATION), RANGE(1 * SECOND, 24 * HOUR), DEFAULT("60s")},
    {TOP("shutdown_timeout", shutdown_timeout, DURATION), RANGE(0, 1 * HOUR), DEFAULT("30s")},
    {TOP("spill_dir", spill_dir, STRING), RANGE(1, PATH_LEN), DEFAULT("/tmp")},

    {TOP("log.level", log.level, WORD), DEFAULT("info"), .words = log_levels},
    {TOP("log.format", log.format, WORD), DEFAULT("logfmt"), .words = log_formats},
    {TOP("log.to", log.to, WORD), DEFAULT("stderr"), .words = log_targets},

    {TOP("sandbox", sandbox, WORD), DEFAULT("on"), .words = sandboxes},

    {TOP("pages", pages, WORDS), .words = pages},
    {TOP("pages_from", pages_from, STRINGS), RANGE(1, 64), DEFAULT("127.0.0.1,::1"), NETWORK},

    {TOP("server", server, CHOICE)},
    {TOP("servers", servers, SERVERS)},
    {SRV(host, STRING), RANGE(1, SYNTAX_HOST_MAX),
     IS(syntax_host, "a host name in ASCII, an IPv4 or IPv6 address without brackets, or unix:/path")},
    {SRV(port, NUMBER), RANGE(1, 65535)},
    {SRV(protocol, WORD), DEFAULT("smtp"), .words = protocols},
    {SRV(tls, WORD), .words = tls_modes},
    {SRV(tls_min, WORD), DEFAULT("1.2"), .words = tls_versions},
    {SRV(verify, WORD), DEFAULT("full"), .words = verifications},
    {SRV(ca_file, STRING), RANGE(1, PATH_LEN)},
    {SRV(ca_path, STRING), RANGE(1, PATH_LEN)},
    {SRV(fingerprint, STRING), RANGE(1, 64),
     IS(syntax_fingerprint, "sha256: and the base64 of a SHA-256 digest (44 characters)")},
    {SRV(client_cert, STRING), RANGE(1, PATH_LEN)},
    {SRV(client_key, STRING), RANGE(1, PATH_LEN)},
    {SRV(require_tls, BOOL), DEFAULT("false")},
    {SRV(user, STRING), RANGE(1, 1024)},
    {SRV(password, SECRET), RANGE(1, 8192)},
    {SRV(password_file, STRING), RANGE(1, PATH_LEN)},
    {SRV(password_env, STRING), RANGE(1, 1024)},
    {SRV(password_command, STRINGS), RANGE(0, PATH_LEN)},
    {SRV(password_ttl, DURATION), RANGE(0, 24 * HOUR), DEFAULT("5m")},
    {SRV(auth, WORD), DEFAULT("auto"), .words = auth_mechanisms},
    {SRV(allow_cleartext_auth, BOOL), DEFAULT("false")},
    {SRV(domain, STRING), RANGE(1, SYNTAX_HOST_MAX), IS(syntax_host_name, "a host name in ASCII")},
    {SRV(source_address, STRING), RANGE(1, 64),
     IS(syntax_address, "an IPv4 or IPv6 address without brackets")},
    {SRV(on_refused, WORD), DEFAULT("partial"), .words = refusals},
    {SRV(inline_limit, SIZE), RANGE(0, 8 * MIB), DEFAULT("64KiB")},
    {SRV(retry_after, DURATION), RANGE(0, 24 * HOUR), DEFAULT("30s")},
    {SRV(timeouts.connect, DURATION), RANGE(1 * MS, 1 * HOUR), DEFAULT("10s")},
    {SRV(timeouts.greeting, DURATION), RANGE(1 * MS, 1 * HOUR), DEFAULT("20s")},
    {SRV(timeouts.command, DURATION), RANGE(1 * MS, 1 * HOUR), DEFAULT("20s")},
    {SRV(timeouts.data, DURATION), RANGE(1 * MS, 1 * HOUR), DEFAULT("30s")},
    {SRV(timeouts.total, DURATION), RANGE(1 * MS, 1 * HOUR), DEFAULT("50s")},
    {SRV(pool.size, NUMBER), RANGE(0, 1024), DEFAULT("32")},
    {SRV(pool.idle, DURATION), RANGE(1 * MS, 1 * HOUR), DEFAULT("30s")},
    {SRV(pool.max_messages, NUMBER), RANGE(1, 1000000), DEFAULT("100")},

    {TOP("defaults.from", defaults.from, STRING), RANGE(1, TEXT_LEN)},
    {TOP("defaults.sender", defaults.sender, STRING), RANGE(1, TEXT_LEN)},
    {TOP("defaults.to", defaults.to, STRINGS), RANGE(1, TEXT_LEN)},
    {TOP("defaults.cc", defaults.cc, STRINGS), RANGE(1, TEXT_LEN)},
    {TOP("defaults.bcc", defaults.bcc, STRINGS), RANGE(1, TEXT_LEN)},
    {TOP("defaults.reply_to", defaults.reply_to, STRING), RANGE(1, TEXT_LEN)},
    {TOP("defaults.subject", defaults.subject, STRING), RANGE(0, TEXT_LEN)},
    {TOP("defaults.headers", defaults.headers, PAIRS), RANGE(0, TEXT_LEN),
     IS(syntax_field_name, "printable ASCII without colon")},

    {TOP("allow.recipients", allow.recipients, STRINGS), RANGE(1, MAIL_LEN)},
    {TOP("allow.senders", allow.senders, STRINGS), RANGE(1, MAIL_LEN)},
    {TOP("allow.servers", allow.servers, STRINGS), RANGE(1, 64)},
    {TOP("allow.override", allow.override, WORDS), .words = overrides},
    {TOP("allow.hosts", allow.hosts, STRINGS), RANGE(1, SYNTAX_HOST_MAX), HOST_PATTERN},
    {TOP("allow.ports", allow.ports, NUMBERS), RANGE(1, 65535), DEFAULT("25,465,587")},

    {TOP("keys", keys, KEYS)},
    {KEY("name", name, STRING), RANGE(1, 64),
     IS(syntax_server_name, "a name of letters, digits, \"-\", \"_\" and \".\"")},
    {KEY("sha256", sha256, STRING), RANGE(1, 64), .unquoted = true,
     IS(syntax_sha256, "the key's SHA-256 as 64 hexadecimal digits, as --new-key prints it,")},
    {KEY("allow.recipients", allow.recipients, STRINGS), RANGE(1, MAIL_LEN)},
    {KEY("allow.senders", allow.senders, STRINGS), RANGE(1, MAIL_LEN)},
    {KEY("allow.servers", allow.servers, STRINGS), RANGE(1, 64)},
    {KEY("allow.override", allow.override, WORDS), .words = overrides},
    {KEY("allow.hosts", allow.hosts, STRINGS), RANGE(1, SYNTAX_HOST_MAX), HOST_PATTERN},
    {KEY("allow.pages", allow.pages, WORDS), .words = pages},
    {KEY("allow.ports", allow.ports, NUMBERS), RANGE(1, 65535)},

    {TOP("limits.request", limits.request, SIZE), RANGE(1 * KIB, 4 * GIB), DEFAULT("32MiB")},
    {TOP("limits.read_time", limits.read_time, DURATION), RANGE(1 * SECOND, 1 * HOUR), DEFAULT("60s")},
    {TOP("limits.fields", limits.fields, NUMBER), RANGE(1, 100000), DEFAULT("200")},
    {TOP("limits.field", limits.field, SIZE), RANGE(256, 1 * GIB), DEFAULT("64KiB")},
    {TOP("limits.text", limits.text, SIZE), RANGE(256, 1 * GIB), DEFAULT("4MiB")},
    {TOP("limits.json", limits.json, SIZE), RANGE(256, 64 * MIB), DEFAULT("2MiB")},
    {TOP("limits.recipients", limits.recipients, NUMBER), RANGE(1, 10000), DEFAULT("100")},
    {TOP("limits.header_value", limits.header_value, SIZE), RANGE(256, 1 * MIB), DEFAULT("8KiB")},
    {TOP("limits.memory_per_request", limits.memory_per_request, SIZE), RANGE(16 * KIB, 1 * GIB),
     DEFAULT("256KiB")},

    {TOP("idempotency.keep", idempotency.keep, DURATION), RANGE(1 * SECOND, 720 * HOUR), DEFAULT("24h")},
    {TOP("idempotency.entries", idempotency.entries, NUMBER), RANGE(1, 1000000), DEFAULT("10000")},
    {TOP("forms", forms, FORMS)},
    {FORM("to", to, STRINGS), RANGE(1, TEXT_LEN)},
    {FORM("cc", cc, STRINGS), RANGE(1, TEXT_LEN)},
    {FORM("bcc", bcc, STRINGS), RANGE(1, TEXT_LEN)},
    {FORM("from", from, STRING), RANGE(1, TEXT_LEN)},
    {FORM("server", server, STRING), RANGE(1, 64)},
    {FORM("subject", subject, STRING), RANGE(1, TEXT_LEN)},
    {FORM("reply_to", reply_to, STRING), RANGE(1, TEXT_LEN)},
    {FORM("required", required, STRINGS), RANGE(1, NAME_LEN)},
    {FORM("honeypot", honeypot, STRING), RANGE(1, NAME_LEN)},
    {FORM("text", text, TEXT), RANGE(1, 256 * KIB)},
    {FORM("html", html, TEXT), RANGE(1, 256 * KIB)},
    {FORM("success", success, STRING), RANGE(1, 2048)},
    {FORM("failure", failure, STRING), RANGE(1, 2048)},
    {FORM("origins", origins, STRINGS), RANGE(1, SYNTAX_HOST_MAX + 16)},
    {FORM("redirect_origins", redirect_origins, STRINGS), RANGE(1, SYNTAX_HOST_MAX + 16)},
    {FORM("attachments.max", attachments.max, NUMBER), RANGE(0, 1000), DEFAULT("0")},
    {FORM("attachments.types", attachments.types, STRINGS), RANGE(1, NAME_LEN),
     IS(syntax_media_range, "a media type like application/pdf or image/*")},
};
/* clang-format on */
const size_t schema_key_count = sizeof schema_keys / sizeof schema_keys[0];

/* What stands behind "section." in a path; NULL: the path is not below the section. */
static const char *below(const char *path, const char *section)
{
    size_t len = strlen(section);
    if (len == 0) {
        return path;
    }
    return strncmp(path, section, len) == 0 && path[len] == '.' ? path + len + 1 : NULL;
}

enum schema_found schema_find(const char *section, struct slice name, const struct schema_key **key,
                              char path[SCHEMA_PATH_MAX])
{
    if (name.len == 0 || name.len >= SCHEMA_PATH_MAX || slice_has(name, '.') || slice_has(name, '*') ||
        slice_has(name, '\0')) {
        return SCHEMA_UNKNOWN; /* "log.level: info" is not a way to write it */
    }
    for (size_t i = 0; i < schema_key_count; i++) {
        const char *rest = below(schema_keys[i].path, section);
        if (rest == NULL || strncmp(rest, name.data, name.len) != 0) {
            continue;
        }
        if (rest[name.len] == '\0') {
            *key = &schema_keys[i];
            return SCHEMA_KEY;
        }
        if (rest[name.len] == '.') {
            size_t len = (size_t)(rest - schema_keys[i].path) + name.len;
            (void)snprintf(path, SCHEMA_PATH_MAX, "%.*s", (int)len, schema_keys[i].path);
            return SCHEMA_SECTION;
        }
    }
    return SCHEMA_UNKNOWN;
}

/* The octets of a path that name the struct it is in: "servers.*", or none for struct config. */
static size_t struct_len(const char *path)
{
    const char *star = strchr(path, '*');
    return star != NULL ? (size_t)(star - path) + 1 : 0;
}

bool schema_within(const struct schema_key *key, const char *section)
{
    size_t len = struct_len(section);
    return struct_len(key->path) == len && memcmp(key->path, section, len) == 0 &&
           below(key->path, section) != NULL;
}

size_t schema_names(const char *section, char names[SCHEMA_NAMES_MAX][SCHEMA_PATH_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < schema_key_count && count < SCHEMA_NAMES_MAX; i++) {
        if (!schema_within(&schema_keys[i], section)) {
            continue;
        }
        const char *name = below(schema_keys[i].path, section);
        int len = (int)strcspn(name, ".");
        bool again = count > 0 && strlen(names[count - 1]) == (size_t)len &&
                     memcmp(names[count - 1], name, (size_t)len) == 0;
        if (!again) {
            (void)snprintf(names[count++], SCHEMA_PATH_MAX, "%.*s", len, name);
        }
    }
    return count;
}

/* The octets of path up to and with its part of that name; 0: it has none. */
static size_t part_end(const char *path, struct slice name)
{
    for (const char *part = path; part != NULL;) {
        struct slice found = {part, strcspn(part, ".")};
        if (slice_equal(found, name)) {
            return (size_t)(part - path) + found.len;
        }
        part = part[found.len] == '.' ? part + found.len + 1 : NULL;
    }
    return 0;
}

bool schema_elsewhere(struct slice name, char path[SCHEMA_PATH_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < schema_key_count && len == 0 && !slice_equal(name, SLICE("*")); i++) {
        len = part_end(schema_keys[i].path, name);
        (void)snprintf(path, SCHEMA_PATH_MAX, "%.*s", (int)len, schema_keys[i].path);
    }
    return len > 0;
}
