/*
 * Whoever can connect to the socket can send mail as this program may. So it is bound with no permissions at
 * all, gets its group and mode, and only then listens: before that a connect is refused whatever the mode is.
 */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/listener.h"

/* Removes the socket that a process which no longer runs has left behind. */
static bool remove_stale(const struct sockaddr_un *path, struct err *err)
{
    struct stat status;
    if (lstat(path->sun_path, &status) != 0) {
        return true; /* gone in the meantime, or bind will say why not */
    }
    if (!S_ISSOCK(status.st_mode)) {
        err_set(err, "cannot listen on unix:%s: there is a file that is not a socket", path->sun_path);
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        err_set(err, "cannot listen on unix:%s: %s", path->sun_path, strerror(errno));
        return false;
    }
    /*
     * Refused: nobody listens. Everything else, also EAGAIN (a full backlog) and EACCES, may be somebody at
     * work.
     */
    int failure = connect(fd, (const struct sockaddr *)path, sizeof *path) == 0 ? 0 : errno;
    close(fd);
    if (failure != ECONNREFUSED) {
        err_set(err,
                failure == EACCES
                    ? "cannot listen on unix:%s: there is a socket of another user, and maybe a process that "
                      "listens on it; end that, or remove the socket"
                    : "cannot listen on unix:%s: another process listens on it",
                path->sun_path);
        return false;
    }
    if (unlink(path->sun_path) != 0 && errno != ENOENT) {
        err_set(err, "cannot remove the stale socket %s: %s", path->sun_path, strerror(errno));
        return false;
    }
    return true;
}

/* What is wrong is the directory, as a rule. */
static void explain_bind(const char *path, int error, struct err *err)
{
    const char *slash = strrchr(path, '/');
    int directory = slash == NULL || slash == path ? 1 : (int)(slash - path);
    if (error == ENOENT && slash != NULL) {
        err_set(err,
                "cannot listen on unix:%s: there is no directory %.*s; make it, and give it to the user that "
                "runs fcgi-smtp",
                path, directory, path);
    } else if (error == EACCES && slash != NULL) {
        err_set(err,
                "cannot listen on unix:%s: the user that runs fcgi-smtp (uid %u) may not make files in %.*s",
                path, (unsigned)geteuid(), directory, path);
    } else {
        err_set(err, "cannot listen on unix:%s: %s", path, strerror(error));
    }
}

static bool bind_path(struct listener *listener, struct err *err)
{
    const struct sockaddr *address = (const struct sockaddr *)&listener->path;
    int bound = bind(listener->fd, address, sizeof listener->path);
    if (bound != 0 && errno == EADDRINUSE) {
        if (!remove_stale(&listener->path, err)) {
            return false;
        }
        bound = bind(listener->fd, address, sizeof listener->path);
    }
    if (bound != 0) {
        explain_bind(listener->path.sun_path, errno, err);
    }
    return bound == 0;
}

/* The group's number; false: unknown. */
static bool find_group(const char *name, gid_t *gid, struct err *err)
{
    char space[16 * 1024];
    struct group group;
    struct group *found = NULL;
    if (getgrnam_r(name, &group, space, sizeof space, &found) != 0 || found == NULL) {
        err_set(err, "listen_group: there is no group %s", name);
        return false;
    }
    *gid = found->gr_gid;
    return true;
}

static bool give_away(const char *path, mode_t mode, const char *group, struct err *err)
{
    gid_t gid = (gid_t)-1;
    if (group != NULL && !find_group(group, &gid, err)) {
        return false;
    }
    /* The group first, so that the mode never speaks of another one. */
    if (group != NULL && lchown(path, (uid_t)-1, gid) != 0) {
        err_set(err, "cannot give unix:%s to group %s: %s%s", path, group, strerror(errno),
                errno == EPERM ? "; the user that runs fcgi-smtp has to be in that group" : "");
        return false;
    }
    if (chmod(path, mode) != 0) {
        err_set(err, "cannot set the mode of unix:%s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

bool listener_bind_unix(struct listener *listener, const struct sockaddr_un *path, mode_t mode,
                        const char *group, struct err *err)
{
    listener->path = *path;
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* bind(2) makes the file with the socket's own mode, less the umask. */
    if (listener->fd < 0 || fchmod(listener->fd, 0) != 0) {
        err_set(err, "cannot listen on unix:%s: %s", path->sun_path, strerror(errno));
        return false;
    }
    struct stat status;
    if (!bind_path(listener, err)) {
        return false;
    }
    if (lstat(path->sun_path, &status) != 0) {
        err_set(err, "cannot listen on unix:%s: %s", path->sun_path, strerror(errno));
        return false;
    }
    listener->bound = true;
    listener->device = status.st_dev;
    listener->inode = status.st_ino;
    return give_away(path->sun_path, mode, group, err);
}

void listener_remove_unix(struct listener *listener)
{
    struct stat status;
    const char *path = listener->path.sun_path;
    /* A successor may have put its own socket there. */
    if (lstat(path, &status) == 0 && status.st_dev == listener->device && status.st_ino == listener->inode) {
        (void)unlink(path);
    }
}
