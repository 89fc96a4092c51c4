/*
 * Each order is carried out by a process of its own, forked here: that needs no more than a blocking child_run, and a
 * program that hangs holds up nobody. The answer goes to a socket that came with the order, so that answers need no
 * order among them; whoever closes its other end (because the time is over, or because the whole program has ended)
 * ends the run.
 *
 * SIGTERM and its like are ignored: a service manager sends them to all processes at once, while the requests in work may
 * still need a password. The end is that of the socket.
 */
#include "app/servers/password_runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/servers/child.h"
#include "fcgi_smtp/secret.h"

#define RUNS_MAX   64 /* at once; the program asks for one of each command at a time */
#define OUTPUT_MAX (SECRET_MAX + 2)

struct runner {
    int fd;
    char *const *const *programs;
    size_t count;
    unsigned runs; /* that have not been reaped */
};

/* --- a process of its own --- */

static void ignore_signals(void)
{
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE};
    struct sigaction action = {.sa_handler = SIG_IGN};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        (void)sigaction(ignored[i], &action, NULL);
    }
    action.sa_handler = SIG_DFL;
    (void)sigaction(SIGCHLD, &action, NULL);
}

/* Standard input may be the listening socket (spawn-fcgi). Standard error stays, for whoever reads our log. */
static void keep_only(int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    if (fd > STDERR_FILENO + 1) {
        (void)close_range(STDERR_FILENO + 1, (unsigned)fd - 1, 0);
    }
    (void)close_range((unsigned)fd + 1, ~0U, 0);
}

static void set_apart(int fd)
{
#ifndef FCGI_SMTP_SANITIZED
    (void)prctl(PR_SET_DUMPABLE, 0);
#endif
    (void)prctl(PR_SET_NAME, "password-helper");
    ignore_signals();
    keep_only(fd);
}

/* --- answering --- */

static void write_all(int fd, const void *octets, size_t len)
{
    const char *next = octets;
    while (len > 0) {
        ssize_t n = send(fd, next, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return; /* nobody wants to know any more */
        }
        next += n;
        len -= (size_t)n;
    }
}

static void answer(int fd, enum password_result result, struct slice text)
{
    struct password_answer head = {.result = (uint32_t)result, .len = (uint32_t)text.len};
    write_all(fd, &head, sizeof head);
    write_all(fd, text.data, text.len);
}

static void run(int fd, char *const *argv, deadline until)
{
    struct child_limits limits = {.until = until, .hangup_fd = fd};
    struct err err = {.text = ""};
    struct buf output;
    bool timed_out = false;
    buf_init_secret(&output, OUTPUT_MAX);
    if (child_run(argv, &limits, &output, &timed_out, &err)) {
        answer(fd, PASSWORD_RUN_GOOD, buf_slice(&output));
    } else {
        answer(fd, timed_out ? PASSWORD_RUN_TIMED_OUT : PASSWORD_RUN_FAILED, slice_of(err.text));
    }
    buf_wipe(&output);
}

/* --- orders --- */

static void reap(struct runner *runner)
{
    while (runner->runs > 0 && waitpid(-1, NULL, WNOHANG) > 0) {
        runner->runs--;
    }
}

static void carry_out(struct runner *runner, const struct password_order *order, int fd)
{
    reap(runner);
    if (order->index >= runner->count) {
        answer(fd, PASSWORD_RUN_FAILED, SLICE("there is no such program"));
        return;
    }
    pid_t pid = runner->runs < RUNS_MAX ? fork() : -1;
    if (pid == 0) {
        (void)close(runner->fd);
        run(fd, runner->programs[order->index], order->until);
        _exit(0);
    }
    if (pid < 0) {
        answer(fd, PASSWORD_RUN_FAILED, SLICE("there are too many processes"));
        return;
    }
    runner->runs++;
}

/* The descriptor that came with a datagram; -1: none did. */
static int descriptor_of(struct msghdr *message)
{
    int fd = -1;
    const struct cmsghdr *control = CMSG_FIRSTHDR(message);
    if (control != NULL && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS &&
        control->cmsg_len == CMSG_LEN(sizeof fd)) {
        memcpy(&fd, CMSG_DATA(control), sizeof fd);
    }
    return fd;
}

/* False: the other end is closed. */
static bool take_order(struct runner *runner)
{
    struct password_order order;
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec octets = {&order, sizeof order};
    struct msghdr message = {.msg_iov = &octets,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    ssize_t n = recvmsg(runner->fd, &message, MSG_CMSG_CLOEXEC);
    if (n <= 0) {
        return n < 0 && errno == EINTR;
    }
    int fd = descriptor_of(&message);
    if (fd >= 0) {
        if (n == (ssize_t)sizeof order) {
            carry_out(runner, &order, fd);
        }
        (void)close(fd);
    }
    return true;
}

void password_runner_serve(int fd, char *const *const *programs, size_t count)
{
    struct runner runner = {.fd = fd, .programs = programs, .count = count};
    set_apart(fd);
    while (take_order(&runner)) {
    }
}
