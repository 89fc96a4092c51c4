/*
 * Files are granted with the directory that they are in, for editors, update-ca-certificates and secrets of a container
 * replace a file instead of writing to it, and a reload is to read the new one. But a directory directly below the root
 * is everybody's: there the file alone is granted.
 *
 * /etc is the exception: the resolver's and libc's files lie there, and DHCP clients replace resolv.conf. What is secret
 * there is root's, so that a user other than root may as well read all that it can.
 */
#include <dirent.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/sandbox_inside.h"

#define LINKS_MAX 10000 /* entries of a ca_path that are looked at */

/* What the resolver, iconv, OpenSSL and the C library read after the start. */
static const char *const system_paths[] = {
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/usr/lib/ssl",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates", /* what links in /etc/ssl/certs point to */
    "/usr/share/zoneinfo",
    "/dev/random",
    "/dev/urandom",
#ifdef FCGI_SMTP_SANITIZED
    "/proc",
    "/sys/devices/system/cpu",
#endif
};

/* Variables that make them read elsewhere: paths with ":" between them. */
static const char *const system_variables[] = {
    "GCONV_PATH",   "LD_LIBRARY_PATH", "OPENSSL_CONF", "OPENSSL_MODULES",
    "SSL_CERT_DIR", "SSL_CERT_FILE",   "TZDIR"};

void sandbox_paths_free(struct sandbox_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        free(paths->items[i].path);
    }
    free(paths->items);
    *paths = (struct sandbox_paths){0};
}

/* --- adding --- */

static bool has(const struct sandbox_paths *paths, const struct sandbox_path *path)
{
    for (size_t i = 0; i < paths->count; i++) {
        const struct sandbox_path *item = &paths->items[i];
        if (item->device == path->device && item->inode == path->inode &&
            (item->rights & path->rights) == path->rights) {
            return true;
        }
    }
    return false;
}

static bool make_room(struct sandbox_paths *paths)
{
    if (paths->count < paths->room) {
        return true;
    }
    size_t room = paths->room == 0 ? 64 : paths->room * 2;
    struct sandbox_path *items = reallocarray(paths->items, room, sizeof *items);
    if (items == NULL) {
        return false;
    }
    paths->items = items;
    paths->room = room;
    return true;
}

/* What is not there is left out. */
static void add(struct sandbox_paths *paths, const char *path, unsigned rights)
{
    char real[PATH_MAX];
    struct stat status;
    if (realpath(path, real) == NULL || stat(real, &status) != 0) {
        return;
    }
    struct sandbox_path item = {.rights = rights,
                                .directory = S_ISDIR(status.st_mode),
                                .device = status.st_dev,
                                .inode = status.st_ino};
    if (has(paths, &item)) {
        return;
    }
    item.path = strdup(real);
    if (item.path == NULL || !make_room(paths)) {
        free(item.path);
        paths->no_memory = true;
        return;
    }
    paths->items[paths->count++] = item;
}

/* The directory that path is in, as it is written. */
static void directory_of(const char *path, char directory[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    int len = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
    (void)snprintf(directory, PATH_MAX, "%.*s", len, slash == NULL ? "." : path);
}

/* The directory that path is in, unless that is the root or directly below it. */
static void add_directory_of(struct sandbox_paths *paths, const char *path, unsigned rights)
{
    char directory[PATH_MAX];
    char real[PATH_MAX];
    directory_of(path, directory);
    if (realpath(directory, real) != NULL && strrchr(real, '/') != real) {
        add(paths, real, rights);
    }
}

/* A file that may be replaced: where it is written to be, and where links lead. */
static void add_file(struct sandbox_paths *paths, const char *path)
{
    char real[PATH_MAX];
    if (path == NULL) {
        return;
    }
    add(paths, path, SANDBOX_READ);
    add_directory_of(paths, path, SANDBOX_READ);
    if (realpath(path, real) != NULL) {
        add_directory_of(paths, real, SANDBOX_READ);
    }
}

/* A directory of certificates, which may be links to other directories. */
static void add_certificates(struct sandbox_paths *paths, const char *path)
{
    DIR *directory = path != NULL ? opendir(path) : NULL;
    if (directory == NULL) {
        return;
    }
    add(paths, path, SANDBOX_READ);
    const struct dirent *entry = NULL;
    for (int i = 0; i < LINKS_MAX && (entry = readdir(directory)) != NULL;
         i++) { /* NOLINT(concurrency-mt-unsafe) */
        char link[PATH_MAX];
        char real[PATH_MAX];
        int len = snprintf(link, sizeof link, "%s/%s", path, entry->d_name);
        if (entry->d_type == DT_LNK && len < (int)sizeof link && realpath(link, real) != NULL) {
            add_directory_of(paths, real, SANDBOX_READ);
        }
    }
    (void)closedir(directory);
}

/* --- what there is --- */

/* NSS modules, gconv modules and OpenSSL's providers are in the directories of the libraries that load them. */
static int add_libraries(struct dl_phdr_info *library, size_t size, void *ctx)
{
    (void)size;
    const char *slash = strrchr(library->dlpi_name, '/');
    if (slash != NULL && (strncmp(slash, "/libc.", 6) == 0 || strncmp(slash, "/libcrypto.", 11) == 0)) {
        char real[PATH_MAX];
        if (realpath(library->dlpi_name, real) != NULL) {
            add_directory_of(ctx, real, SANDBOX_READ);
        }
    }
    return 0;
}

static void add_variable(struct sandbox_paths *paths, const char *name)
{
    const char *next = getenv(name); /* NOLINT(concurrency-mt-unsafe): there are no threads yet */
    while (next != NULL && *next != '\0') {
        char path[PATH_MAX];
        size_t len = strcspn(next, ":");
        if (len > 0 && len < sizeof path) {
            (void)snprintf(path, sizeof path, "%.*s", (int)len, next);
            add(paths, path, SANDBOX_READ);
        }
        next += len + (next[len] == ':' ? 1 : 0);
    }
}

static void add_system(struct sandbox_paths *paths)
{
    if (geteuid() != 0) {
        add(paths, "/etc", SANDBOX_READ);
    }
    add(paths, "/dev/null", SANDBOX_READ | SANDBOX_WRITE);
    for (size_t i = 0; i < sizeof system_paths / sizeof system_paths[0]; i++) {
        add(paths, system_paths[i], SANDBOX_READ);
    }
    add_file(paths,
             "/etc/resolv.conf"); /* often a link to what systemd-resolved or NetworkManager replaces */
    add_certificates(paths, "/etc/ssl/certs");
    for (size_t i = 0; i < sizeof system_variables / sizeof system_variables[0]; i++) {
        add_variable(paths, system_variables[i]);
    }
    (void)dl_iterate_phdr(add_libraries, paths);
}

static void add_server(struct sandbox_paths *paths, const struct config_server *server)
{
    add_file(paths, server->password_file);
    add_file(paths, server->ca_file);
    add_file(paths, server->client_cert);
    add_file(paths, server->client_key);
    add_certificates(paths, server->ca_path);
}

bool sandbox_paths_gather(struct sandbox_paths *paths, const struct config *config, const char *config_path,
                          const char *socket)
{
    add_system(paths);
    add_file(paths, config_path);
    for (size_t i = 0; i < config->server_count; i++) {
        add_server(paths, &config->servers[i]);
    }
    add(paths, config->spill_dir, SANDBOX_READ | SANDBOX_WRITE);
    if (socket != NULL) {
        char directory[PATH_MAX];
        directory_of(socket, directory);
        add(paths, directory, SANDBOX_REMOVE);
    }
    return !paths->no_memory;
}

/* --- asking --- */

static bool grants(const struct sandbox_paths *paths, const struct stat *status, unsigned rights)
{
    bool found = false;
    for (size_t i = 0; i < paths->count; i++) {
        const struct sandbox_path *item = &paths->items[i];
        found = found || (item->device == status->st_dev && item->inode == status->st_ino &&
                          (item->rights & rights) == rights);
    }
    return found;
}

/* As the kernel does: what is at the path, and every directory above it, may be what was granted. */
bool sandbox_paths_cover(const struct sandbox_paths *paths, const char *path, unsigned rights)
{
    char real[PATH_MAX];
    struct stat status;
    if (realpath(path, real) == NULL || stat(real, &status) != 0) {
        return true; /* whoever opens it says so */
    }
    bool found = grants(paths, &status, rights);
    for (char *slash = strrchr(real, '/'); !found && slash != NULL; slash = strrchr(real, '/')) {
        *slash = '\0';
        found = stat(slash == real ? "/" : real, &status) == 0 && grants(paths, &status, rights);
    }
    return found;
}
