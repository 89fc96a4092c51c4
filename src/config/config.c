/*
 * The public calls: octets -> tree -> struct -> checks -> report. A configuration that has any problem does
 * not come out of here.
 */
#include "fcgi_smtp/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/check.h"
#include "config/reading.h"
#include "config/schema.h"
#include "config/syntax.h"

#define CONFIG_MEMORY ((size_t)64 * 1024 * 1024) /* octets: a largest file's values and their positions */

#define NAME_MAX_LEN 64 /* octets */

static const struct place whole_file = {0, 0};

void config_free(struct config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config->server_count; i++) {
        secret_free(&config->servers[i].password);
    }
    if (config->memory != NULL) {
        arena_free(&config->memory->arena);
    }
    free(config->memory);
    free(config);
}

static struct config *new_config(const char *file)
{
    struct config *config = calloc(1, sizeof *config);
    struct config_memory *memory = calloc(1, sizeof *memory);
    if (config == NULL || memory == NULL) {
        free(config);
        free(memory);
        return NULL;
    }
    config->memory = memory;
    arena_init(&memory->arena, CONFIG_MEMORY);
    memory->file = arena_copy(&memory->arena, slice_of(file));
    if (memory->file == NULL) {
        config_free(config);
        return NULL;
    }
    return config;
}

/* The steps; false without memory. */
static bool fill(struct reading *reading, struct slice yaml)
{
    if (!tree_parse(reading->tree, yaml, reading->problems) || !read_tree(reading)) {
        return false;
    }
    /* What was cut off may hold whatever the rules across keys would miss. */
    return !reading->tree->complete || check_config(reading);
}

/* Lets the caller add what only it can know, in one order with everything else. */
static void check_further(const struct reading *reading, struct config_report *report)
{
    if (report->further != NULL && reading->tree->complete) {
        reading->config->memory->problems = reading->problems;
        report->further(reading->config, report);
        reading->config->memory->problems = NULL;
    }
}

static struct config *parse(const char *name, struct slice yaml, bool handed_over, bool others_can_read,
                            struct config_report *report)
{
    struct problems problems;
    struct tree tree = {.root = NULL};
    problems_init(&problems);
    struct config *config = new_config(name);
    struct reading reading = {.config = config,
                              .problems = &problems,
                              .tree = &tree,
                              .handed_over = handed_over,
                              .others_can_read = others_can_read};
    if (yaml.len > CONFIG_FILE_MAX) {
        problems_add(&problems, whole_file, NULL, "cannot be read: too large; at most 1MiB is expected");
    } else if (config == NULL || !fill(&reading, yaml)) {
        problems.no_memory = true;
    } else {
        check_further(&reading, report);
    }
    tree_free(&tree);
    problems_write(&problems, name, report);
    if (problems.errors > 0 || problems.no_memory) {
        config_free(config);
        config = NULL;
    }
    problems_free(&problems);
    return config;
}

struct config *config_parse(const char *name, struct slice yaml, bool handed_over,
                            struct config_report *report)
{
    return parse(name, yaml, handed_over, false, report);
}

/*
 * Up to one octet more than a file may have. The room is made once, for a buffer that grows would leave copies
 * of passwords behind.
 */
static bool read_all(int fd, struct buf *text)
{
    char *at = buf_reserve(text, CONFIG_FILE_MAX + 1);
    if (at == NULL) {
        errno = ENOMEM;
        return false;
    }
    while (text->len <= CONFIG_FILE_MAX) {
        ssize_t got = read(fd, at + text->len, CONFIG_FILE_MAX + 1 - text->len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0;
        }
        text->len += (size_t)got;
    }
    return true;
}

/* Opens and reads the file; false with errno. */
static bool read_file(const char *path, struct buf *text, bool *others_can_read)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool good = fstat(fd, &status) == 0 && read_all(fd, text);
    int reason = errno;
    *others_can_read = good && (status.st_mode & S_IROTH) != 0;
    (void)close(fd);
    errno = reason;
    return good;
}

struct config *config_load(const char *path, bool handed_over, struct config_report *report)
{
    struct config *config = NULL;
    bool others_can_read = false;
    struct buf text;
    buf_init(&text, CONFIG_FILE_MAX + 1);
    if (read_file(path, &text, &others_can_read)) {
        config = parse(path, buf_slice(&text), handed_over, others_can_read, report);
    } else {
        char reason[CHECK_REASON_MAX];
        char line[CHECK_REASON_MAX + 64];
        check_reason(errno, reason);
        (void)snprintf(line, sizeof line, "cannot be read: %s; a YAML file is expected", reason);
        problems_line(&report->problems, path, whole_file, false, line);
    }
    buf_wipe(&text);
    return config;
}

/*
 * A file may say the same in two ways: "servers.default.host" as "server.host" (the short form), and
 * "defaults.to[0]" as "defaults.to" (a list of one).
 */
static bool same_path(struct slice in_file, struct slice path)
{
    static const struct slice named = {"servers." SCHEMA_SHORT_FORM ".",
                                       sizeof("servers." SCHEMA_SHORT_FORM ".") - 1};
    static const struct slice in_short = {"server.", sizeof "server." - 1};
    if (path.len > named.len && memcmp(path.data, named.data, named.len) == 0 && in_file.len > in_short.len &&
        memcmp(in_file.data, in_short.data, in_short.len) == 0) {
        path = (struct slice){path.data + named.len, path.len - named.len};
        in_file = (struct slice){in_file.data + in_short.len, in_file.len - in_short.len};
    }
    if (path.len == in_file.len + 3 && memcmp(path.data + in_file.len, "[0]", 3) == 0) {
        path.len -= 3;
    }
    return slice_equal(in_file, path);
}

void config_report_add(struct config_report *report, const struct config *config, const char *path,
                       const char *text)
{
    const struct config_memory *memory = config->memory;
    struct place place = whole_file;
    for (size_t i = 0; memory != NULL && i < memory->position_count; i++) {
        if (same_path(slice_of(memory->positions[i].path), slice_of(path))) {
            path = memory->positions[i].path;
            place = memory->positions[i].place;
            break;
        }
    }
    if (memory != NULL && memory->problems != NULL) {
        problems_add(memory->problems, place, path, "%s", text);
        return;
    }
    char line[ERR_TEXT_MAX + TREE_PATH_MAX];
    (void)snprintf(line, sizeof line, "%s: %s", path, text);
    problems_line(&report->problems, memory != NULL ? memory->file : "configuration", place, false, line);
}

bool config_report_clean(const struct config *config)
{
    const struct config_memory *memory = config->memory;
    return memory == NULL || memory->problems == NULL || memory->problems->errors == 0;
}

const struct config_server *config_find_server(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->server_count; i++) {
        if (slice_equal(slice_of(config->servers[i].name), name)) {
            return &config->servers[i];
        }
    }
    return NULL;
}

bool config_name_valid(struct slice name)
{
    return name.len <= NAME_MAX_LEN && syntax_server_name(name);
}

static int64_t usual_port(const struct config_server *server)
{
    if (server->tls == CONFIG_TLS_IMPLICIT) {
        return 465; /* RFC 8314 7.3 */
    }
    if (server->protocol == CONFIG_PROTOCOL_LMTP) {
        return 24; /* "any private mail system" (RFC 1700): what servers use, for 25 is ruled out (RFC 2033 5) */
    }
    return server->user != NULL ? 587 : 25; /* RFC 6409 3.1, RFC 5321 4.5.4.2 */
}

static enum config_tls usual_tls(const struct config_server *server)
{
    struct slice host = slice_of(server->host);
    bool loopback = syntax_loopback(host) || slice_equal_nocase(host, SLICE("localhost"));
    if (server->port == 465) {
        return CONFIG_TLS_IMPLICIT;
    }
    return loopback && (server->port == 24 || server->port == 25) ? CONFIG_TLS_NONE : CONFIG_TLS_STARTTLS;
}

void config_server_complete(struct config_server *server)
{
    if (syntax_is_unix(slice_of(server->host))) {
        server->tls = server->tls != CONFIG_TLS_UNSET ? server->tls : CONFIG_TLS_NONE;
        return; /* a unix socket has no port */
    }
    server->port = server->port != 0 ? server->port : usual_port(server);
    server->tls = server->tls != CONFIG_TLS_UNSET ? server->tls : usual_tls(server);
}
