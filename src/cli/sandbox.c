/*
 * Landlock comes first, because seccomp then forbids its system calls too.
 *
 * Without seccomp `on` does not start: injected code could run any program, and nothing would say so. Landlock is younger
 * (Linux 5.13) and left out of some kernels and containers; what it would add is missing then, which is a warning.
 */
#include "cli/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "cli/sandbox_inside.h"
#include "fcgi_smtp/log.h"

struct sandbox {
    struct sandbox_paths paths;
    bool files; /* Landlock is in force */
};

static bool no_new_privileges(struct err *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        err_set(err, "no_new_privs: %s", strerror(errno));
        return false;
    }
    return true;
}

static void restrict_files(struct sandbox *sandbox, int *abi)
{
    struct err err = {.text = ""};
    sandbox->files = sandbox_landlock(&sandbox->paths, abi, &err);
    if (!sandbox->files) {
        log_message(
            LOG_LEVEL_WARNING,
            "sandbox: Landlock is not available (%s): code that gets into this process could use every file "
            "that its user may",
            err.text);
    }
}

static bool enter(struct sandbox *sandbox, bool must, struct err *err)
{
    int abi = 0;
    struct err why = {.text = ""};
    bool ok = no_new_privileges(&why);
    restrict_files(sandbox, &abi);
    ok = ok && sandbox_seccomp(&why);
    if (!ok && must) {
        err_set(err, "sandbox: seccomp is not available (%s); start where it is, or set sandbox: warn",
                why.text);
        return false;
    }
    if (!ok) {
        log_message(
            LOG_LEVEL_WARNING,
            "sandbox: seccomp is not available (%s): code that gets into this process could run programs",
            why.text);
    }
    char files[64] = "";
    (void)snprintf(files, sizeof files, sandbox->files ? "Landlock ABI %d" : "no Landlock", abi);
    log_message(LOG_LEVEL_INFO, "sandbox: %s, %s", ok ? "seccomp" : "no seccomp", files);
    return true;
}

struct sandbox *sandbox_enter(const struct config *config, const char *config_path, const char *socket,
                              struct err *err)
{
    struct sandbox *sandbox = calloc(1, sizeof *sandbox);
    if (sandbox == NULL) {
        err_set(err, "sandbox: there is no memory left");
        return NULL;
    }
    if (config->sandbox == CONFIG_SANDBOX_OFF) {
        log_message(LOG_LEVEL_INFO, "sandbox: off");
        return sandbox;
    }
    if (!sandbox_paths_gather(&sandbox->paths, config, config_path, socket)) {
        err_set(err, "sandbox: there is no memory left");
    } else if (enter(sandbox, config->sandbox == CONFIG_SANDBOX_ON, err)) {
        return sandbox;
    }
    sandbox_free(sandbox);
    return NULL;
}

void sandbox_free(struct sandbox *sandbox)
{
    if (sandbox != NULL) {
        sandbox_paths_free(&sandbox->paths);
        free(sandbox);
    }
}

/* --- a new configuration --- */

struct check {
    const struct sandbox *sandbox;
    const struct config *config;
    struct config_report *report;
};

static void check_path(const struct check *check, const char *key, const char *path, unsigned rights)
{
    if (path != NULL && !sandbox_paths_cover(&check->sandbox->paths, path, rights)) {
        config_report_add(check->report, check->config, key,
                          "is outside of what the sandbox granted at the start; a restart is needed");
    }
}

static void check_server(const struct check *check, const struct config_server *server)
{
    const struct {
        const char *key;
        const char *path;
    } files[] = {{"password_file", server->password_file},
                 {"ca_file", server->ca_file},
                 {"ca_path", server->ca_path},
                 {"client_cert", server->client_cert},
                 {"client_key", server->client_key}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char key[128];
        (void)snprintf(key, sizeof key, "servers.%s.%s", server->name, files[i].key);
        check_path(check, key, files[i].path, SANDBOX_READ);
    }
}

void sandbox_check(const struct sandbox *sandbox, const struct config *config, struct config_report *report)
{
    if (!sandbox->files) {
        return;
    }
    const struct check check = {sandbox, config, report};
    check_path(&check, "spill_dir", config->spill_dir, SANDBOX_READ | SANDBOX_WRITE);
    for (size_t i = 0; i < config->server_count; i++) {
        check_server(&check, &config->servers[i]);
    }
}
