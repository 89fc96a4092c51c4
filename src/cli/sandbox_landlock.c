/*
 * Landlock (Linux 5.13): from its system calls, since the C library has none. Every right that the kernel's level knows
 * is taken away and given back for the paths. What headers of Linux 6.1 do not know yet is named here.
 *
 * Ports: a listening socket is open already, and source_address binds to port 0; so no other port can be bound. Ports to
 * connect to are left alone: a request may name others where the configuration allows it, a new configuration too, and the
 * resolver uses TCP for long answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/sandbox_inside.h"

#define FS_BEFORE_REFER (LANDLOCK_ACCESS_FS_REFER - 1) /* level 1 */
#define FS_TRUNCATE     (UINT64_C(1) << 14)            /* level 3 */
#define FS_IOCTL_DEV    (UINT64_C(1) << 15)            /* level 5 */
#define NET_BIND_TCP    (UINT64_C(1) << 0)             /* level 4 */
#define RULE_NET_PORT   2                              /* level 4 */
#define SCOPE_ABSTRACT  (UINT64_C(1) << 0) /* level 6: unix sockets without a path, not yet connected */
#define SCOPE_SIGNAL    (UINT64_C(1) << 1) /* level 6 */

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                                                             \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |          \
     FS_TRUNCATE)
#define FS_OF_FILES                                                                                          \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |             \
     FS_TRUNCATE | FS_IOCTL_DEV)

/* As of level 6; an older kernel takes it as long as what it does not know is zero. */
struct ruleset {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};

struct port_rule {
    uint64_t access;
    uint64_t port;
};

static struct ruleset ruleset_of(int abi)
{
    struct ruleset ruleset = {.fs = FS_BEFORE_REFER};
    ruleset.fs |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
    ruleset.fs |= abi >= 3 ? FS_TRUNCATE : 0;
    ruleset.fs |= abi >= 5 ? FS_IOCTL_DEV : 0;
    ruleset.net = abi >= 4 ? NET_BIND_TCP : 0;
    ruleset.scoped = abi >= 6 ? SCOPE_ABSTRACT | SCOPE_SIGNAL : 0;
    return ruleset;
}

static uint64_t access_of(const struct sandbox_path *path)
{
    uint64_t access = 0;
    access |= (path->rights & SANDBOX_READ) != 0 ? FS_READ : 0;
    access |= (path->rights & SANDBOX_WRITE) != 0 ? FS_WRITE : 0;
    access |= (path->rights & SANDBOX_REMOVE) != 0 ? LANDLOCK_ACCESS_FS_REMOVE_FILE : 0;
    return path->directory ? access : access & FS_OF_FILES;
}

static bool grant(int fd, const struct ruleset *ruleset, const struct sandbox_path *path)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access_of(path) & ruleset->fs,
                                              .parent_fd = open(path->path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0) {
        return true; /* it has gone meanwhile */
    }
    bool ok = syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    int error = errno;
    (void)close(rule.parent_fd);
    errno = error;
    return ok;
}

static bool grant_any_port(int fd, const struct ruleset *ruleset)
{
    struct port_rule rule = {.access = NET_BIND_TCP, .port = 0};
    return ruleset->net == 0 || syscall(SYS_landlock_add_rule, fd, RULE_NET_PORT, &rule, 0) == 0;
}

static bool grant_all(int fd, const struct ruleset *ruleset, const struct sandbox_paths *paths)
{
    bool ok = grant_any_port(fd, ruleset);
    for (size_t i = 0; ok && i < paths->count; i++) {
        ok = grant(fd, ruleset, &paths->items[i]);
    }
    return ok;
}

bool sandbox_landlock(const struct sandbox_paths *paths, int *abi, struct err *err)
{
    *abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (*abi < 1) {
        err_set(err, "%s", strerror(errno));
        return false;
    }
    struct ruleset ruleset = ruleset_of(*abi);
    int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0);
    bool ok = fd >= 0 && grant_all(fd, &ruleset, paths) && syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    if (!ok) {
        err_set(err, "%s", strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}
