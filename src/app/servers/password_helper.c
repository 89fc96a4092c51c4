/*
 * Every run has a socket pair of its own, whose other end goes to the helper with the order: so threads need no lock
 * and no numbers to find their answers, and the end of the helper is the end of the pair.
 */
#include "app/servers/password_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/servers/password_runner.h"
#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/log.h"
#include "fcgi_smtp/secret.h"

#define ARGUMENTS_LIMIT ((size_t)16 * 1024 * 1024) /* octets; the configuration file is smaller */
#define READ_SIZE       4096

static const char has_ended[] = "the helper process that runs password_command has ended";

struct password_helper {
    struct arena memory;
    char *const **programs; /* argument vectors */
    size_t count;
    int fd;
    pid_t pid;
    atomic_bool lost; /* it has ended, and the log says so */
};

/* --- starting --- */

static char *const *copy_arguments(struct arena *memory, const struct config_strings *argv)
{
    char **copy = arena_array(memory, argv->count + 1, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < argv->count; i++) {
        copy[i] = arena_copy(memory, slice_of(argv->items[i]));
        if (copy[i] == NULL) {
            return NULL;
        }
    }
    return copy;
}

static bool take_programs(struct password_helper *helper, const struct config *config)
{
    helper->programs = arena_array(&helper->memory, config->server_count, sizeof *helper->programs);
    if (helper->programs == NULL) {
        return false;
    }
    for (size_t i = 0; i < config->server_count; i++) {
        const struct config_strings *argv = &config->servers[i].password_command;
        size_t known;
        if (argv->count == 0 || password_helper_find(helper, argv, &known)) {
            continue;
        }
        helper->programs[helper->count] = copy_arguments(&helper->memory, argv);
        if (helper->programs[helper->count] == NULL) {
            return false;
        }
        helper->count++;
    }
    return true;
}

/* The new process; it never comes back. The socket's end is enough of an end, but not while it is stopped. */
static void be_helper(const struct password_helper *helper, int fd, pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
        password_runner_serve(fd, (char *const *const *)helper->programs, helper->count);
    }
    _exit(0);
}

static bool fork_helper(struct password_helper *helper, struct err *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        err_set(err, "cannot start the helper process for password_command: %s", strerror(errno));
        return false;
    }
    /* Above the standard ones, of which the helper makes its own. */
    int end = fcntl(pair[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    pid_t parent = getpid();
    helper->fd = pair[0];
    helper->pid = end >= 0 ? fork() : -1;
    if (helper->pid == 0) {
        be_helper(helper, end, parent);
    }
    if (helper->pid < 0) {
        err_set(err, "cannot start the helper process for password_command: %s", strerror(errno));
    }
    (void)close(pair[1]);
    if (end >= 0) {
        (void)close(end);
    }
    return helper->pid > 0;
}

static bool has_programs(const struct config *config)
{
    bool any = false;
    for (size_t i = 0; i < config->server_count; i++) {
        any = any || config->servers[i].password_command.count > 0;
    }
    return any;
}

bool password_helper_start(struct password_helper **helper, const struct config *config, struct err *err)
{
    *helper = NULL;
    if (!has_programs(config)) {
        return true;
    }
    struct password_helper *made = calloc(1, sizeof *made);
    if (made == NULL) {
        err_set(err, "There is no memory left for password_command");
        return false;
    }
    made->fd = -1;
    made->pid = -1;
    arena_init(&made->memory, ARGUMENTS_LIMIT);
    bool ok = take_programs(made, config);
    if (!ok) {
        err_set(err, "There is no memory left for password_command");
    }
    if (!ok || !fork_helper(made, err)) {
        password_helper_free(made);
        return false;
    }
    *helper = made;
    return true;
}

void password_helper_free(struct password_helper *helper)
{
    if (helper == NULL) {
        return;
    }
    if (helper->fd >= 0) {
        (void)close(helper->fd);
    }
    while (helper->pid > 0 && waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    arena_free(&helper->memory);
    free(helper);
}

/* --- its programs --- */

static bool is_program(char *const *program, const struct config_strings *argv)
{
    size_t i = 0;
    while (i < argv->count && program[i] != NULL && strcmp(program[i], argv->items[i]) == 0) {
        i++;
    }
    return i == argv->count && program[i] == NULL;
}

bool password_helper_find(const struct password_helper *helper, const struct config_strings *argv,
                          size_t *index)
{
    for (size_t i = 0; helper != NULL && i < helper->count; i++) {
        if (is_program(helper->programs[i], argv)) {
            *index = i;
            return true;
        }
    }
    return false;
}

const char *password_helper_name(const struct password_helper *helper, size_t index)
{
    return index < helper->count ? helper->programs[index][0] : "?";
}

/* --- a run --- */

/* Not blocking: a helper that is stopped must not hold us past the deadline. */
static bool send_order(const struct password_helper *helper, const struct password_order *order, int fd)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {
        .head = {.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    struct iovec octets = {(void *)(uintptr_t)order, sizeof *order}; /* only read */
    struct msghdr message = {.msg_iov = &octets,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    ssize_t n = 0;
    do {
        n = sendmsg(helper->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *order;
}

/* The next octets, at most cap; 0: there are no more, or the time is over. */
static size_t read_some(int fd, void *octets, size_t cap, deadline until)
{
    ssize_t n = -1;
    while (n < 0 && !deadline_passed(until)) {
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        (void)poll(&polled, 1, deadline_poll_ms(until));
        n = recv(fd, octets, cap, MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return 0;
        }
    }
    return n > 0 ? (size_t)n : 0;
}

/* Appends len octets to out; false: there were fewer, or there is no memory. */
static bool read_into(int fd, struct buf *out, size_t len, deadline until)
{
    char octets[READ_SIZE];
    bool ok = true;
    while (ok && len > 0) {
        size_t n = read_some(fd, octets, len < sizeof octets ? len : sizeof octets, until);
        ok = n > 0 && buf_append(out, octets, n);
        len -= n;
    }
    secret_wipe(octets, sizeof octets);
    return ok;
}

/* Nothing starts another one: behind a sandbox nobody could. */
static bool helper_has_ended(struct password_helper *helper)
{
    struct pollfd polled = {.fd = helper->fd}; /* a hang-up is always reported */
    bool ended = poll(&polled, 1, 0) > 0;
    if (ended && !atomic_exchange(&helper->lost, true)) {
        log_message(LOG_LEVEL_ERROR, "%s; password_command works again after a restart", has_ended);
    }
    return ended;
}

/* What came of the run, into out or err. False: the answer did not come, or not all of it. */
static bool take_answer(int fd, deadline until, struct password_answer *head, struct buf *out,
                        struct err *err)
{
    struct buf octets;
    buf_init(&octets, sizeof *head);
    bool ok = read_into(fd, &octets, sizeof *head, until);
    if (ok) {
        memcpy(head, octets.data, sizeof *head);
    }
    buf_free(&octets);
    if (!ok || head->result == PASSWORD_RUN_GOOD) {
        return ok && read_into(fd, out, head->len, until);
    }
    buf_init(&octets, sizeof err->text);
    ok = read_into(fd, &octets, head->len, until);
    err_set(err, "%s", buf_cstr(&octets));
    buf_free(&octets);
    return ok;
}

static bool no_answer(struct password_helper *helper, size_t index, deadline until, bool *timed_out,
                      struct err *err)
{
    if (helper_has_ended(helper)) {
        err_set(err, "%s", has_ended);
    } else if (deadline_passed(until)) {
        *timed_out = true;
        err_set(err, "%s did not end in time", password_helper_name(helper, index));
    } else {
        err_set(err, "the helper process that runs password_command gave no answer");
    }
    return false;
}

bool password_helper_run(struct password_helper *helper, size_t index, deadline until, struct buf *out,
                         bool *timed_out, struct err *err)
{
    struct password_order order = {index, until};
    struct password_answer head = {0};
    int pair[2];
    *timed_out = false;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        err_set(err, "%s cannot be run: %s", password_helper_name(helper, index), strerror(errno));
        return false;
    }
    bool sent = send_order(helper, &order, pair[1]);
    (void)close(pair[1]);
    bool answered = sent && take_answer(pair[0], until, &head, out, err);
    (void)close(pair[0]);
    if (!answered) {
        return no_answer(helper, index, until, timed_out, err);
    }
    *timed_out = head.result == PASSWORD_RUN_TIMED_OUT;
    return head.result == PASSWORD_RUN_GOOD;
}
