/*
 * Files are looked at by name only: what is used later is opened by whoever uses it. Nothing but regular files
 * and directories will do, for opening a FIFO could block for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/check.h"

void check_reason(int error, char reason[CHECK_REASON_MAX])
{
    char text[CHECK_REASON_MAX];
    (void)snprintf(reason, CHECK_REASON_MAX, "%s", strerror_r(error, text, sizeof text)); /* the GNU one */
}

/* Whether path is of that kind (S_IFREG, S_IFDIR) and has the rights. */
static bool look_at(const char *path, mode_t kind, int rights, struct stat *status,
                    char reason[CHECK_REASON_MAX])
{
    if (stat(path, status) != 0) {
        check_reason(errno, reason);
        return false;
    }
    if ((status->st_mode & S_IFMT) != kind) {
        (void)snprintf(reason, CHECK_REASON_MAX, "%s",
                       kind == S_IFDIR ? "not a directory" : "not a regular file");
        return false;
    }
    if (faccessat(AT_FDCWD, path, rights, AT_EACCESS) != 0) {
        check_reason(errno, reason);
        return false;
    }
    return true;
}

bool check_directory(const char *path, int rights, char reason[CHECK_REASON_MAX])
{
    struct stat status;
    return look_at(path, S_IFDIR, rights, &status, reason);
}

bool check_file(const char *path, bool *others, char reason[CHECK_REASON_MAX])
{
    struct stat status;
    bool good = look_at(path, S_IFREG, R_OK, &status, reason);
    *others = good && (status.st_mode & S_IROTH) != 0;
    return good;
}

const char *check_shown(const struct node *node, const char *path, char out[CHECK_SHOWN_MAX])
{
    bool relative = !slice_equal(node->text, slice_of(path));
    (void)snprintf(out, CHECK_SHOWN_MAX, "%s%s", relative ? path : "", relative ? ": " : "");
    return out;
}

bool check_executable(const char *path, char reason[CHECK_REASON_MAX])
{
    struct stat status;
    return look_at(path, S_IFREG, X_OK, &status, reason);
}
