/*
 * config: the configuration file as a typed, checked struct that is never changed after it was loaded.
 *
 * YAML (libyaml) is read by one table of keys (schema): path, type, range, default. All problems of a file
 * are found in one run; each is one line "FILE:LINE:COLUMN: key.path: what is wrong; what is expected". All
 * strings are owned by the struct and freed by config_free; a string or list that is not given is NULL /
 * count 0 unless a default is said here. Durations are milliseconds, sizes octets.
 */
#ifndef FCGI_SMTP_CONFIG_H
#define FCGI_SMTP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/log.h"
#include "fcgi_smtp/secret.h"

#define CONFIG_DEFAULT_PATH "/etc/fcgi-smtp/fcgi-smtp.yaml"
#define CONFIG_FILE_MAX     ((size_t)1024 * 1024) /* octets of a file */

struct config_strings {
    char **items;
    size_t count;
};

struct config_numbers {
    int64_t *items;
    size_t count;
};

struct config_indexes {
    size_t *items;
    size_t count;
};

struct config_pair {
    char *name;
    char *value;
};

struct config_pairs {
    struct config_pair *items;
    size_t count;
};

enum config_tls { CONFIG_TLS_UNSET, CONFIG_TLS_STARTTLS, CONFIG_TLS_IMPLICIT, CONFIG_TLS_NONE };
enum config_tls_min { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };
enum config_verify { CONFIG_VERIFY_FULL, CONFIG_VERIFY_NONE };
enum config_protocol { CONFIG_PROTOCOL_SMTP, CONFIG_PROTOCOL_LMTP };
enum config_auth {
    CONFIG_AUTH_AUTO,
    CONFIG_AUTH_PLAIN,
    CONFIG_AUTH_LOGIN,
    CONFIG_AUTH_CRAM_MD5,
    CONFIG_AUTH_SCRAM_SHA_1,
    CONFIG_AUTH_SCRAM_SHA_256,
    CONFIG_AUTH_SCRAM_SHA_1_PLUS,
    CONFIG_AUTH_SCRAM_SHA_256_PLUS,
    CONFIG_AUTH_XOAUTH2,
    CONFIG_AUTH_OAUTHBEARER,
    CONFIG_AUTH_EXTERNAL
};
enum config_on_refused { CONFIG_REFUSED_PARTIAL, CONFIG_REFUSED_ABORT };

struct config_timeouts {
    int64_t connect, greeting, command, data, total;
};

struct config_pool {
    int64_t size; /* sessions; 0: none is kept */
    int64_t idle;
    int64_t max_messages;
};

struct config_server {
    char *name; /* its key under servers:, "default" for the short form */
    char *host;
    int64_t port; /* 0: not given; config_server_complete fills it in */
    enum config_protocol protocol;
    enum config_tls tls; /* likewise */
    enum config_tls_min tls_min;
    enum config_verify verify;
    char *ca_file, *ca_path; /* these and the other files: absolute, or as the configuration file was given */
    char *fingerprint;       /* "sha256:" and the base64 of 32 octets */
    char *client_cert, *client_key; /* both or none */
    bool require_tls;
    char *user;
    struct secret password; /* from password, password_file or password_env, read when the file is loaded */
    char *password_file, *password_env;     /* where it came from, for print */
    struct config_strings password_command; /* argv; [0] is an absolute path. Empty: none */
    int64_t password_ttl;                   /* how long what the command said is used */
    enum config_auth auth;
    bool allow_cleartext_auth;
    char *domain;         /* default: the host's own name */
    char *source_address; /* an IPv4 or IPv6 address without brackets */
    enum config_on_refused on_refused;
    int64_t inline_limit;
    int64_t retry_after; /* so long a server that could not be connected to is tried last */
    struct config_timeouts timeouts;
    struct config_pool pool;
};

struct config_defaults {
    char *from, *sender, *reply_to, *subject;
    struct config_strings to, cc, bcc;
    struct config_pairs headers;
};

enum config_override {
    CONFIG_OVERRIDE_SERVER = 1,
    CONFIG_OVERRIDE_PORT = 2,
    CONFIG_OVERRIDE_TLS = 4,
    CONFIG_OVERRIDE_CREDENTIALS = 8,
    CONFIG_OVERRIDE_DOMAIN = 16
};

/* What pages: lists, and a key's allow.pages. */
enum config_page { CONFIG_PAGE_METRICS = 1, CONFIG_PAGE_STATUS = 2, CONFIG_PAGE_COMPOSE = 4 };

struct config_allow {
    struct config_strings recipients; /* patterns on addresses */
    struct config_strings senders;
    struct config_strings servers;
    unsigned override; /* bits of enum config_override */
    struct config_strings hosts;
    unsigned pages;              /* of a key: bits of enum config_page */
    struct config_numbers ports; /* default: 25, 465, 587; of a key: none */
};

/* An API key. What its allow does not say is empty. */
struct config_key {
    char *name;   /* unique */
    char *sha256; /* of the key, as 64 hexadecimal digits; unique */
    struct config_allow allow;
};

/* A form of a web site. Its texts are not yet read: what is wrong with them is for who knows templates and addresses. */
struct config_form {
    char *name;                        /* its key under forms: */
    struct config_strings to, cc, bcc; /* at least one of all */
    char *from;                        /* NULL: defaults.from, which is then given */
    char *server;                      /* one of servers; NULL: as for any other mail */
    char *subject, *reply_to;          /* templates */
    struct config_strings required;    /* names of fields */
    char *honeypot;                    /* a field's name */
    char *text, *html;                 /* templates */
    char *success, *failure;           /* where a browser is sent to */
    struct config_strings origins, redirect_origins;
    struct {
        int64_t max;                 /* files; 0: none */
        struct config_strings types; /* "image/png" or "image/" and "*"; empty: any */
    } attachments;
};

struct config_limits {
    int64_t request, read_time, fields, field, text, json, recipients, header_value, memory_per_request;
};

struct config_idempotency {
    int64_t keep;    /* how long an answer is remembered */
    int64_t entries; /* at most */
};

struct config_log {
    enum log_level level;
    enum log_format format;
    enum log_target to;
};

/* Whether the program gives up what serving does not need: it must, it tries to, it does not. */
enum config_sandbox { CONFIG_SANDBOX_ON, CONFIG_SANDBOX_WARN, CONFIG_SANDBOX_OFF };

struct config {
    char *listen;
    int64_t listen_mode;
    char *listen_group;
    struct config_strings listen_allowed;
    char *base_path; /* "/" or "/mail": no trailing slash */
    int64_t workers;
    int64_t queue_wait;
    int64_t connections;
    int64_t idle;
    int64_t shutdown_timeout;
    char *spill_dir;
    struct config_log log;
    enum config_sandbox sandbox;
    unsigned pages;                   /* bits of enum config_page: those that there are */
    struct config_strings pages_from; /* addresses and networks that need no key for them */
    /* >= 1 of servers, in the order in which they are tried when a request names none; each once. */
    struct config_indexes server;
    struct config_server *servers;
    size_t server_count; /* >= 1 */
    struct config_defaults defaults;
    struct config_allow allow; /* of requests without a key */
    struct config_key *keys;
    size_t key_count;
    struct config_limits limits;
    struct config_idempotency idempotency;
    struct config_form *forms;
    size_t form_count;
    struct config_memory *memory; /* what owns all of the above; NULL in a struct that was filled by hand */
};

/*
 * What was found wrong (or only worth a warning) in a file, as lines that are ready to print. The texts never
 * hold a secret.
 */
struct config_report {
    struct buf problems; /* "FILE:LINE:COLUMN: ...\n"; empty: the file is good */
    struct buf warnings; /* likewise, prefixed "warning: " behind the position */
    /*
     * NULL, or called with the configuration that was read, be it with problems, so that who knows more of its values can
     * add what else is wrong (config_report_add) to the same report. Set it behind config_report_init.
     */
    void (*further)(const struct config *config, struct config_report *report);
};

void config_report_init(struct config_report *report);
void config_report_free(struct config_report *report);

/*
 * A further problem with the value at path, found by somebody who knows more of it: "defaults.from",
 * "defaults.to[1]", "defaults.headers.X-Mailer", "servers.main.ca_file". text says what is wrong and what is
 * expected. The line has the value's position if the file gives that value.
 */
void config_report_add(struct config_report *report, const struct config *config, const char *path,
                       const char *text);

/* Whether nothing has been found wrong so far, while report->further looks at it: then every value is what it should be. */
bool config_report_clean(const struct config *config);

/*
 * Reads, checks and completes the file. NULL when report->problems is not empty then. handed_over: a
 * listening socket was handed over (fd 0, LISTEN_FDS), so that rules about `listen` do not apply.
 *
 * A value means what its key says, quoted or not: "true" is a boolean and 123 a string where one is wanted.
 * Numbers are decimal digits; durations have a unit (ms, s, m, h); sizes may have one (B, KiB, MiB, GiB, KB,
 * MB, GB), without it they are octets; modes are octal digits. Where a list is wanted a single value is a
 * list of one. A section without content is a section without keys.
 */
struct config *config_load(const char *path, bool handed_over, struct config_report *report);

/* The same from memory: pure but for the files, directories and variables that keys name, which are looked at. */
struct config *config_parse(const char *name, struct slice yaml, bool handed_over,
                            struct config_report *report);

void config_free(struct config *config); /* takes NULL; wipes secrets */

/* The whole effective configuration as YAML that config_load reads again; secrets and a command's arguments are "***". */
bool config_print(const struct config *config, struct buf *out) BUF_MUST_CHECK;

/*
 * Fills in a server's port and tls where they are not given: implicit TLS -> 465, lmtp -> 24, user -> 587, else 25; then
 * tls: port 465 -> implicit; unix: -> none; localhost, 127/8 or ::1 by that spelling on 24 or 25 -> none;
 * else starttls. Used for the file's servers and again for a request that overrides some of a server's
 * settings.
 */
void config_server_complete(struct config_server *server);

/* The server of that name; NULL if there is none. */
const struct config_server *config_find_server(const struct config *config, struct slice name);

/* Whether both say the same in every key, name and the password itself included. */
bool config_server_equal(const struct config_server *a, const struct config_server *b);

/*
 * Adds to the report what a running program that was started with one configuration cannot take over from another without a
 * restart; one line for each key. handed_over: as for config_load. True: there is nothing of that kind.
 */
bool config_reload_check(const struct config *running, const struct config *next, bool handed_over,
                         struct config_report *report);

/* Whether it may be the name of a key or a server: 1 to 64 letters, digits, "-", "_" and ".". */
bool config_name_valid(struct slice name);

#endif
