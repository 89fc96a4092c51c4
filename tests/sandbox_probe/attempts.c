/*
 * Each is harmless where it is not forbidden, and then fails in another way than the sandbox makes it fail, or not at all.
 * Paths come from the environment.
 */
#include "attempts.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static int done(int fd)
{
    return fd >= 0 ? close(fd) : -1;
}

/* A file beside the variable's directory. */
static int open_in(const char *variable, const char *name, int flags)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", getenv(variable), name);
    return done(open(path, flags | O_CLOEXEC, 0600));
}

/* --- processes --- */

static int run_program(void)
{
    char name[] = "true";
    char *const argv[] = {name, NULL};
    pid_t pid = -1;
    int error = posix_spawn(&pid, "/bin/true", NULL, NULL, argv, argv + 1);
    errno = error;
    return error == 0 ? (int)waitpid(pid, NULL, 0) - pid : -1;
}

static int exec_nothing(void)
{
    char name[] = "nothing";
    char *const argv[] = {name, NULL};
    return execve("/nonexistent", argv, argv + 1);
}

static int execveat_nothing(void)
{
    char name[] = "nothing";
    char *const argv[] = {name, NULL};
    return (int)syscall(SYS_execveat, AT_FDCWD, "/nonexistent", argv, argv + 1, 0);
}

static int fork_process(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    return pid > 0 ? (int)waitpid(pid, NULL, 0) - pid : -1;
}

/* No kernel knows these flags. */
static int new_namespace(void)
{
    return unshare(CLONE_PARENT_SETTID);
}

static int trace(void)
{
    return ptrace(PTRACE_ATTACH, 0, 0, 0) < 0 ? -1 : 0;
}

static int read_memory(void)
{
    return process_vm_readv(0x7ffffff0, NULL, 0, NULL, 0, 0) < 0 ? -1 : 0;
}

static int signal_parent(void)
{
    return kill(getppid(), 0);
}

static int make_dumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 1);
}

/* --- the system --- */

static int mount_nothing(void)
{
    return mount("/nonexistent", "/nonexistent", "none", MS_BIND, NULL);
}

static int load_program(void)
{
    return syscall(SYS_bpf, BPF_PROG_LOAD, NULL, 0) < 0 ? -1 : 0;
}

static int filter_more(void)
{
    return syscall(SYS_seccomp, 1, 0, NULL) < 0 ? -1 : 0;
}

/* --- memory --- */

static int executable_memory(void)
{
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page != MAP_FAILED ? munmap(page, PAGE) : -1;
}

static int make_executable(void)
{
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int result = mprotect(page, PAGE, PROT_READ | PROT_EXEC);
    int error = errno;
    (void)munmap(page, PAGE);
    errno = error;
    return result;
}

/* --- sockets --- */

static int packet_socket(void)
{
    return done(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int raw_socket(void)
{
    return done(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
}

static int with_tcp_socket(int (*use)(int fd))
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = use(fd);
    int error = errno;
    (void)close(fd);
    errno = error;
    return result;
}

static int bind_to(int fd, unsigned port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    return bind(fd, (const struct sockaddr *)&address, sizeof address);
}

static int bind_fixed(int fd)
{
    return bind_to(fd, (unsigned)atoi(getenv("PROBE_PORT")));
}

static int bind_any(int fd)
{
    return bind_to(fd, 0);
}

static int listen_on(int fd)
{
    return listen(fd, 1);
}

static int bind_port(void)
{
    return with_tcp_socket(bind_fixed);
}

static int bind_source_address(void)
{
    return with_tcp_socket(bind_any);
}

static int listen_on_port(void)
{
    return with_tcp_socket(listen_on);
}

/* --- files --- */

static int read_other_file(void)
{
    return open_in("PROBE_OTHER", "file", O_RDONLY);
}

static int list_other_directory(void)
{
    DIR *directory = opendir(getenv("PROBE_OTHER"));
    return directory != NULL ? closedir(directory) : -1;
}

static int make_other_file(void)
{
    return open_in("PROBE_OTHER", "made", O_WRONLY | O_CREAT);
}

static int read_shadow(void)
{
    return done(open("/etc/shadow", O_RDONLY | O_CLOEXEC));
}

static int read_own_memory(void)
{
    return done(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
}

static int read_configuration(void)
{
    return open_in("PROBE_CONFIG", "fcgi-smtp.yaml", O_RDONLY);
}

static int write_configuration(void)
{
    return open_in("PROBE_CONFIG", "fcgi-smtp.yaml", O_WRONLY);
}

static int write_spill_file(void)
{
    return open_in("PROBE_SPILL", ".", O_TMPFILE | O_RDWR);
}

static int make_directory(void)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/directory", getenv("PROBE_SPILL"));
    return mkdir(path, 0700) == 0 ? rmdir(path) : -1;
}

const struct attempt attempts[] = {
    {"run a program", run_program},
    {"execve", exec_nothing},
    {"execveat", execveat_nothing},
    {"fork", fork_process},
    {"unshare", new_namespace},
    {"ptrace", trace},
    {"process_vm_readv", read_memory},
    {"signal another process", signal_parent},
    {"become dumpable", make_dumpable},
    {"mount", mount_nothing},
    {"bpf", load_program},
    {"another seccomp filter", filter_more},
    {"writable and executable memory", executable_memory},
    {"make memory executable", make_executable},
    {"packet socket", packet_socket},
    {"raw socket", raw_socket},
    {"bind a port", bind_port},
    {"bind port 0", bind_source_address},
    {"listen", listen_on_port},
    {"read another file", read_other_file},
    {"list another directory", list_other_directory},
    {"make another file", make_other_file},
    {"read /etc/shadow", read_shadow},
    {"open /proc/self/mem", read_own_memory},
    {"read the configuration", read_configuration},
    {"write the configuration", write_configuration},
    {"make a spill file", write_spill_file},
    {"make a directory", make_directory},
};
const size_t attempt_count = sizeof attempts / sizeof attempts[0];
