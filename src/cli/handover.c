#include "cli/handover.h"

#include <stdbool.h>
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

static long environment_number(const char *name)
{
    const char *text = getenv(name);
    return text != NULL ? strtol(text, NULL, 10) : 0;
}

int handover_socket(void)
{
    /* The variables may be meant for a parent of ours. */
    if (environment_number("LISTEN_PID") == (long)getpid() && environment_number("LISTEN_FDS") >= 1 &&
        is_listening(SYSTEMD_FIRST_FD)) {
        return SYSTEMD_FIRST_FD;
    }
    return is_listening(STDIN_FILENO) ? STDIN_FILENO : -1;
}
