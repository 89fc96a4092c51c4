#include "cli/handover.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SYSTEMD_FIRST_FD 3

static bool is_listening(int fd)
{
    int listening = 0;
    socklen_t len = sizeof listening;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening != 0;
}

/* 0: not set, or no number. */
static long environment_number(const char *name)
{
    const char *text = getenv(name);
    return text != NULL ? strtol(text, NULL, 10) : 0;
}

/* How many descriptors systemd hands over to this process; the variables may be meant for a parent of ours. */
static long count_from_systemd(void)
{
    long count = environment_number("LISTEN_PID") == (long)getpid() ? environment_number("LISTEN_FDS") : 0;
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    return count;
}

bool handover_find(int *fd, struct err *err)
{
    long count = count_from_systemd();
    *fd = is_listening(STDIN_FILENO) ? STDIN_FILENO : -1;
    if (count <= 0) {
        return true;
    }
    if (count > 1) {
        err_set(err, "systemd handed over %ld sockets; one ListenStream= in the socket unit is expected",
                count);
        return false;
    }
    if (!is_listening(SYSTEMD_FIRST_FD) || fcntl(SYSTEMD_FIRST_FD, F_SETFD, FD_CLOEXEC) != 0) {
        err_set(
            err,
            "what systemd handed over is not a listening socket; ListenStream= and Accept=no are expected "
            "in the socket unit");
        return false;
    }
    *fd = SYSTEMD_FIRST_FD;
    return true;
}
