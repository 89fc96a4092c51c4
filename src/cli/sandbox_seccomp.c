/*
 * Two filters.
 *
 * The first lists what serving needs; all else fails with EPERM, which the kernel notes in its audit log. It fails and
 * does not kill: a service must not die of a system call that an update of libc makes, and what fails cannot do harm
 * either. Calls by another architecture's numbers, which no library makes, do kill.
 *
 * The second, which wins because it is the younger one, answers some calls with ENOSYS, as an older kernel does: those
 * that are newer than libseccomp, and clone3, whose flags a filter cannot see. The C library then does what it did before
 * there were these. Such answers are everyday, so they are not logged.
 *
 * Memory may be made executable only from files, and never together with writable: the resolver and iconv load modules
 * when they are first needed.
 *
 * Calls that are allowed whatever their arguments are cheap: the kernel remembers that, and does not run the filters.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/sandbox_inside.h"

#define SYSTEM_CALLS 600 /* numbers that are looked at for what is newer than libseccomp */

/* The flags of clone, which is called with its arguments in another order there. */
#ifdef __s390x__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

/* Whatever their arguments. */
/* clang-format off */
static const int allowed[] = {
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(mremap), SCMP_SYS(munmap),
    /* descriptors */
    SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_wait), SCMP_SYS(eventfd2), SCMP_SYS(pipe2), SCMP_SYS(poll),
    SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64), SCMP_SYS(pselect6), SCMP_SYS(read), SCMP_SYS(readv),
    SCMP_SYS(select), SCMP_SYS(write), SCMP_SYS(writev),
    /* files: Landlock says which */
    SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(fadvise64), SCMP_SYS(fallocate),
    SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(fstatat64), SCMP_SYS(fstatfs), SCMP_SYS(ftruncate),
    SCMP_SYS(getcwd), SCMP_SYS(getdents64), SCMP_SYS(lseek), SCMP_SYS(_llseek), SCMP_SYS(lstat),
    SCMP_SYS(newfstatat), SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(pread64), SCMP_SYS(preadv),
    SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(stat),
    SCMP_SYS(stat64), SCMP_SYS(statfs), SCMP_SYS(statx), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
    /* sockets: none listens that does not yet */
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(bind), SCMP_SYS(connect), SCMP_SYS(getpeername),
    SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(recvfrom), SCMP_SYS(recvmmsg), SCMP_SYS(recvmsg),
    SCMP_SYS(sendmmsg), SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
    /* threads */
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex), SCMP_SYS(futex_time64),
    SCMP_SYS(get_robust_list), SCMP_SYS(gettid), SCMP_SYS(membarrier), SCMP_SYS(restart_syscall),
    SCMP_SYS(rseq), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler),
    SCMP_SYS(sched_yield), SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address),
    /* signals */
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigsuspend), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigtimedwait_time64),
    SCMP_SYS(sigaltstack), SCMP_SYS(sigreturn),
    /* time */
    SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_nanosleep_time64), SCMP_SYS(gettimeofday), SCMP_SYS(nanosleep), SCMP_SYS(time),
    /* who and what we are; the end of the password helper */
    SCMP_SYS(getegid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getpid), SCMP_SYS(getppid),
    SCMP_SYS(getrandom), SCMP_SYS(getrlimit), SCMP_SYS(getrusage), SCMP_SYS(getuid), SCMP_SYS(sysinfo),
    SCMP_SYS(times), SCMP_SYS(ugetrlimit), SCMP_SYS(uname), SCMP_SYS(wait4), SCMP_SYS(waitid),
    /* to load the second filter, which forbids it */
    SCMP_SYS(seccomp),
#ifdef FCGI_SMTP_SANITIZED
    /* the leak checker stops and looks at all threads from a process of its own */
    SCMP_SYS(clone), SCMP_SYS(fcntl), SCMP_SYS(getdents), SCMP_SYS(ioctl), SCMP_SYS(kill), SCMP_SYS(mmap),
    SCMP_SYS(mprotect), SCMP_SYS(prctl), SCMP_SYS(prlimit64), SCMP_SYS(process_vm_readv), SCMP_SYS(ptrace),
    SCMP_SYS(tgkill),
#endif
};
/* clang-format on */

#define EQUALS(argument, value)                                                                              \
    {                                                                                                        \
        (argument), SCMP_CMP_EQ, (value), 0                                                                  \
    }
#define MASKED(argument, mask, value)                                                                        \
    {                                                                                                        \
        (argument), SCMP_CMP_MASKED_EQ, (mask), (value)                                                      \
    }
#define TYPE(value) MASKED(1, 0xf, value) /* of a socket, without its flags */
#define FROM_FILE   MASKED(2, PROT_EXEC | PROT_WRITE, PROT_EXEC), MASKED(3, MAP_ANONYMOUS, 0)

/* Only where arguments have these values. */
static const struct {
    int call;
    unsigned count;
    struct scmp_arg_cmp arguments[2];
} restricted[] = {
    {SCMP_SYS(socketpair), 1, {EQUALS(0, AF_UNIX)}},
    {SCMP_SYS(socket), 1, {EQUALS(0, AF_UNIX)}},
    {SCMP_SYS(socket), 2, {EQUALS(0, AF_INET), TYPE(SOCK_STREAM)}},
    {SCMP_SYS(socket), 2, {EQUALS(0, AF_INET), TYPE(SOCK_DGRAM)}},
    {SCMP_SYS(socket), 2, {EQUALS(0, AF_INET6), TYPE(SOCK_STREAM)}},
    {SCMP_SYS(socket), 2, {EQUALS(0, AF_INET6), TYPE(SOCK_DGRAM)}},
    {SCMP_SYS(socket),
     2,
     {EQUALS(0, AF_NETLINK), EQUALS(2, NETLINK_ROUTE)}}, /* the resolver: our addresses */
#ifndef FCGI_SMTP_SANITIZED
    {SCMP_SYS(clone), 1, {MASKED(CLONE_FLAGS, CLONE_VM | CLONE_THREAD, CLONE_VM | CLONE_THREAD)}},
    {SCMP_SYS(fcntl), 1, {EQUALS(1, F_GETFD)}},
    {SCMP_SYS(fcntl), 1, {EQUALS(1, F_SETFD)}},
    {SCMP_SYS(fcntl), 1, {EQUALS(1, F_GETFL)}},
    {SCMP_SYS(fcntl), 1, {EQUALS(1, F_SETFL)}},
    {SCMP_SYS(fcntl), 1, {EQUALS(1, F_DUPFD_CLOEXEC)}},
    {SCMP_SYS(ioctl), 1, {EQUALS(1, FIONREAD)}}, /* the resolver */
    {SCMP_SYS(ioctl), 1, {EQUALS(1, FIONBIO)}},
    {SCMP_SYS(ioctl), 1, {EQUALS(1, TCGETS)}}, /* stdio asks what it writes to */
    {SCMP_SYS(mmap), 1, {MASKED(2, PROT_EXEC, 0)}},
    {SCMP_SYS(mmap), 2, {FROM_FILE}},
    {SCMP_SYS(mmap2), 1, {MASKED(2, PROT_EXEC, 0)}},
    {SCMP_SYS(mmap2), 2, {FROM_FILE}},
    {SCMP_SYS(mprotect), 1, {MASKED(2, PROT_EXEC, 0)}},
    {SCMP_SYS(prctl), 1, {EQUALS(0, PR_SET_NAME)}},
    {SCMP_SYS(prctl), 1, {EQUALS(0, PR_SET_NO_NEW_PRIVS)}}, /* libseccomp does */
    {SCMP_SYS(prctl), 1, {EQUALS(0, PR_SET_VMA)}},          /* malloc names its memory */
    {SCMP_SYS(prlimit64), 1, {EQUALS(2, 0)}},               /* reading only */
#endif
};

/* Signals to this process alone: raise and abort. */
static int allow_own_signals(scmp_filter_ctx filter)
{
    struct scmp_arg_cmp us = {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0};
    int error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1, &us);
    return error != 0 ? error : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &us);
}

static int allow_calls(scmp_filter_ctx filter)
{
    int error = allow_own_signals(filter);
    for (size_t i = 0; error == 0 && i < sizeof allowed / sizeof allowed[0]; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    }
    for (size_t i = 0; error == 0 && i < sizeof restricted / sizeof restricted[0]; i++) {
        error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, restricted[i].call, restricted[i].count,
                                       restricted[i].arguments);
    }
    return error;
}

/* Calls that an older kernel would not know, and further filters. */
static int hide_calls(scmp_filter_ctx filter)
{
    int error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0);
    error = error != 0 ? error : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    for (int number = 0; error == 0 && number < SYSTEM_CALLS; number++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
        if (name == NULL) {
            error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0);
        }
        free(name);
    }
    return error;
}

/* 0, or an errno value below it, as libseccomp has them. */
static int set_attributes(scmp_filter_ctx filter)
{
    static const struct {
        enum scmp_filter_attr attribute;
        uint32_t value;
    } attributes[] = {
        {SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS},
        {SCMP_FLTATR_CTL_TSYNC, 1},    /* all threads */
        {SCMP_FLTATR_CTL_OPTIMIZE, 2}, /* a binary tree */
        {SCMP_FLTATR_API_SYSRAWRC, 1}, /* the system's reason when it cannot be loaded */
    };
    int error = 0;
    for (size_t i = 0; error == 0 && i < sizeof attributes / sizeof attributes[0]; i++) {
        error = seccomp_attr_set(filter, attributes[i].attribute, attributes[i].value);
    }
    return error;
}

static int load_both(scmp_filter_ctx allowing, scmp_filter_ctx hiding)
{
    if (allowing == NULL || hiding == NULL) {
        return -ENOMEM;
    }
    int error = set_attributes(allowing);
    error = error != 0 ? error : set_attributes(hiding);
    error = error != 0 ? error : seccomp_attr_set(allowing, SCMP_FLTATR_CTL_LOG, 1);
    error = error != 0 ? error : allow_calls(allowing);
    error = error != 0 ? error : hide_calls(hiding);
    error = error != 0 ? error : seccomp_load(allowing);
    return error != 0 ? error : seccomp_load(hiding);
}

/* Asked of the kernel itself: libseccomp's errors do not tell. */
static bool is_available(struct err *err)
{
    uint32_t action = SECCOMP_RET_ERRNO;
    bool ok = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
    if (!ok) {
        err_set(err, "%s", strerror(errno));
    }
    return ok;
}

bool sandbox_seccomp(struct err *err)
{
    if (!is_available(err)) {
        return false;
    }
    scmp_filter_ctx allowing = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    scmp_filter_ctx hiding = seccomp_init(SCMP_ACT_ALLOW);
    int error = load_both(allowing, hiding);
    seccomp_release(allowing);
    seccomp_release(hiding);
    if (error != 0) {
        err_set(err, "%s", strerror(-error));
    }
    return error == 0;
}
