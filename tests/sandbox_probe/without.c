/*
 * sandbox_without seccomp|landlock PROGRAM [ARGUMENT...]: runs the program as on a system that lacks the one.
 *
 * Without seccomp, filters cannot be installed any more, as where a container's own filter forbids it.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

static int forbid_seccomp(scmp_filter_ctx filter)
{
    int error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0);
    return error != 0 ? error
                      : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1,
                                         SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP, 0));
}

static int forbid_landlock(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fputs("usage: sandbox_without seccomp|landlock PROGRAM [ARGUMENT...]\n", stderr);
        return EX_USAGE;
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int error = filter == NULL                    ? -ENOMEM
                : strcmp(argv[1], "seccomp") == 0 ? forbid_seccomp(filter)
                                                  : forbid_landlock(filter);
    error = error != 0 ? error : seccomp_load(filter);
    if (error != 0) {
        (void)fprintf(stderr, "sandbox_without: %s\n", strerror(-error));
        return EX_OSERR;
    }
    (void)execv(argv[2], argv + 2);
    perror(argv[2]);
    return EX_OSERR;
}
