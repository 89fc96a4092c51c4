/*
 * The end of the program is what is waited for (pidfd), not the end of its output: a daemon that it leaves behind may
 * keep the pipes open. The pipes are read meanwhile, so that it never waits for us.
 */
#include "app/servers/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi_smtp/secret.h"

#define ERROR_LINE_MAX 200 /* octets of standard error that are kept */
#define READ_SIZE      4096

struct child {
    pid_t pid;
    int pidfd;
    int out;
    int err;
};

/* --- starting --- */

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* The program has the signals as a shell's child has them, whatever this thread blocks and ignores, and a process group
 * of its own, so that all of it can be ended. */
static bool set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    return posix_spawnattr_setsigmask(attributes, &none) == 0 &&
           posix_spawnattr_setsigdefault(attributes, &all) == 0 &&
           posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETPGROUP) == 0;
}

static bool set_actions(posix_spawn_file_actions_t *actions, int out, int err)
{
    return posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
           posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO) == 0 &&
           posix_spawn_file_actions_adddup2(actions, err, STDERR_FILENO) == 0 &&
           posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1) == 0;
}

static int spawn(char *const *argv, int out, int err, pid_t *pid)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int error = posix_spawnattr_init(&attributes);
    if (error != 0) {
        return error;
    }
    error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        error = set_attributes(&attributes) && set_actions(&actions, out, err)
                    ? posix_spawnp(pid, argv[0], &actions, &attributes, argv, environ)
                    : ENOMEM;
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    (void)posix_spawnattr_destroy(&attributes);
    return error;
}

static int spawn_with_pipes(char *const *argv, struct child *child)
{
    int out[2] = {-1, -1};
    int err[2] = {-1, -1};
    int error = pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0 ? errno : 0;
    if (error == 0) {
        error = spawn(argv, out[1], err[1], &child->pid);
    }
    close_fd(&out[1]);
    close_fd(&err[1]);
    if (error != 0) {
        close_fd(&out[0]);
        close_fd(&err[0]);
        return error;
    }
    child->out = out[0];
    child->err = err[0];
    (void)fcntl(child->out, F_SETFL, O_NONBLOCK);
    (void)fcntl(child->err, F_SETFL, O_NONBLOCK);
    return 0;
}

/* --- listening --- */

/* What the program says. */
struct said {
    struct buf *out;
    bool too_much;
    char error[ERROR_LINE_MAX];
    size_t error_len;
};

static void take_out(struct said *said, const char *octets, size_t len)
{
    said->too_much = said->too_much || !buf_append(said->out, octets, len);
}

static void take_err(struct said *said, const char *octets, size_t len)
{
    size_t room = sizeof said->error - said->error_len;
    size_t taken = len < room ? len : room;
    memcpy(said->error + said->error_len, octets, taken);
    said->error_len += taken;
}

/* Reads what is there; closes the descriptor at its end. */
static void drain(int *fd, struct said *said, void (*take)(struct said *said, const char *octets, size_t len))
{
    char octets[READ_SIZE];
    ssize_t n = 0;
    while (*fd >= 0 && !said->too_much && (n = read(*fd, octets, sizeof octets)) > 0) {
        take(said, octets, (size_t)n);
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        close_fd(fd);
    }
    secret_wipe(octets, sizeof octets);
}

/* Until the program has ended: true. False: the time is over, nobody wants to know any more, or it says too much. */
static bool listen_to(struct child *child, const struct child_limits *limits, struct said *said)
{
    bool ended = false;
    bool unwanted = false;
    while (!ended && !unwanted && !said->too_much && !deadline_passed(limits->until)) {
        struct pollfd polled[] = {{.fd = child->pidfd, .events = POLLIN},
                                  {.fd = child->out, .events = POLLIN},
                                  {.fd = child->err, .events = POLLIN},
                                  {.fd = limits->hangup_fd}}; /* a hang-up is always reported */
        (void)poll(polled, sizeof polled / sizeof polled[0], deadline_poll_ms(limits->until));
        ended = polled[0].revents != 0;
        unwanted = polled[3].revents != 0;
        drain(&child->out, said, take_out);
        drain(&child->err, said, take_err);
    }
    return ended && !said->too_much;
}

/* --- ending --- */

/* The status of the program, which has ended or is killed now. */
static int reap(struct child *child, bool ended)
{
    int status = 0;
    if (!ended) {
        (void)kill(-child->pid, SIGKILL);
    }
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
    close_fd(&child->pidfd);
    close_fd(&child->out);
    close_fd(&child->err);
    return status;
}

static bool judge(const char *name, int status, const struct said *said, struct err *err)
{
    struct slice line = {said->error, said->error_len};
    const char *lf = line.len > 0 ? memchr(line.data, '\n', line.len) : NULL;
    line.len = lf != NULL ? (size_t)(lf - line.data) : line.len;
    const char *colon = line.len > 0 ? ": " : "";
    if (WIFSIGNALED(status)) {
        err_set(err, "%s was ended by signal %d%s%.*s", name, WTERMSIG(status), colon, SLICE_ARGS(line));
    } else if (WEXITSTATUS(status) != 0) {
        err_set(err, "%s ended with status %d%s%.*s", name, WEXITSTATUS(status), colon, SLICE_ARGS(line));
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool child_run(char *const *argv, const struct child_limits *limits, struct buf *out, bool *timed_out,
               struct err *err)
{
    struct child child = {.pid = -1, .pidfd = -1, .out = -1, .err = -1};
    *timed_out = false;
    int error = spawn_with_pipes(argv, &child);
    if (error != 0) {
        char text[128];
        err_set(err, "%s cannot be run: %s", argv[0], strerror_r(error, text, sizeof text));
        return false;
    }
    child.pidfd = pidfd_open(child.pid, 0);
    struct said said = {.out = out};
    bool ended = child.pidfd >= 0 && listen_to(&child, limits, &said);
    int status = reap(&child, ended);
    if (said.too_much) {
        err_set(err, "%s printed more than %zu octets", argv[0], out->limit);
        return false;
    }
    if (!ended) {
        *timed_out = deadline_passed(limits->until);
        err_set(err, "%s %s", argv[0], *timed_out ? "did not end in time" : "cannot be waited for");
        return false;
    }
    return judge(argv[0], status, &said, err);
}
