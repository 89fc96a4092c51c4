#include "app/servers/password_command.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory_search.h"
#include "unit.h"

#define MINUTE 60000

static char directory[64];

/* Each test has one command at a time, with a helper of its own. */
static struct password_helper *helper;

static struct password_command *command_of(const char *const *argv, size_t count, int64_t ttl_ms)
{
    struct config_server server = {
        .password_command = {.items = (char **)(uintptr_t)argv, .count = count}}; /* only read */
    struct config config = {.servers = &server, .server_count = 1};
    struct err err = {.text = ""};
    size_t index = SIZE_MAX;
    CU_ASSERT_TRUE_FATAL(password_helper_start(&helper, &config, &err));
    CU_ASSERT_TRUE_FATAL(password_helper_find(helper, &server.password_command, &index));
    struct password_command *command = password_command_new(helper, index, ttl_ms);
    CU_ASSERT_PTR_NOT_NULL_FATAL(command);
    return command;
}

static void finish(struct password_command *command)
{
    password_command_free(command);
    password_helper_free(helper);
    helper = NULL;
}

/* Runs sh -c script, with the test's directory as $0. */
static struct password_command *shell(const char *script, int64_t ttl_ms)
{
    const char *const argv[] = {"sh", "-c", script, directory};
    return command_of(argv, 4, ttl_ms);
}

static void make_directory(void)
{
    strcpy(directory, "/tmp/password-command-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
}

static void path_of(const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/%s", directory, name);
}

static void remove_directory(void)
{
    static const char *const names[] = {"runs", "go", "pid"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        path_of(names[i], path);
        (void)unlink(path);
    }
    CU_ASSERT_EQUAL(rmdir(directory), 0);
}

/* How often the program has run: it appends one octet to the file each time. */
static off_t runs(void)
{
    char path[128];
    struct stat status;
    path_of("runs", path);
    return stat(path, &status) == 0 ? status.st_size : 0;
}

#define COUNT  "printf x >> \"$0/runs\"; "
#define NUMBER "wc -c < \"$0/runs\" | tr -d ' '" /* another secret each time */

static bool get(struct password_command *command, bool fresh, struct secret *secret, struct err *err)
{
    err->text[0] = '\0';
    return password_command_get(command, fresh, deadline_after(20000), secret, err);
}

static void outputs(void)
{
    static const struct {
        const char *script;
        const char *expected; /* or, after "!", a part of the error */
    } table[] = {
        {"echo secret", "secret"},
        {"printf secret", "secret"},
        {"printf 'secret\\r\\n'", "secret"},
        {"printf 'one\\ntwo\\n'", "one"},
        {"printf ' s p\\tce \\n'", " s p\tce "},
        {"echo secret; echo warning >&2", "secret"},
        {"cat; echo secret", "secret"}, /* its standard input is empty */
        {"true", "!sh printed nothing"},
        {"printf '\\nsecond\\n'", "!sh printed nothing"},
        {"echo secret; exit 3", "!sh ended with status 3"},
        {"printf 'the token is gone\\nmore\\n' >&2; exit 1", "!sh ended with status 1: the token is gone"},
        {"printf 'bell\\007' >&2; exit 1", "!sh ended with status 1: bell?"},
        {"yes error | head -c 1000000 >&2; exit 1", "!sh ended with status 1: error"},
        {"head -c 1000 /dev/zero | tr '\\0' e >&2; exit 1", "!eeee"},
        {"kill -TERM $$", "!sh was ended by signal 15"},
        {"head -c 65536 /dev/zero | tr '\\0' s", "ssss"},
        {"head -c 65537 /dev/zero | tr '\\0' s", "!first line of more than 65536 octets"},
        {"yes | tr -d '\\n'", "!sh printed more than 65538 octets"},
        {"yes", "!sh printed more than 65538 octets"},
        {"echo secret; sleep 60 &", "secret"}, /* who holds the pipes is not waited for */
    };
    make_directory();
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct password_command *command = shell(table[i].script, MINUTE);
        struct secret secret = {NULL, 0};
        struct err err;
        bool ok = get(command, false, &secret, &err);
        size_t len = strlen(table[i].expected);
        bool held = ok ? strncmp(secret.data, table[i].expected, len) == 0 &&
                             (len == 4 || secret.len == len || len == 3)
                       : table[i].expected[0] == '!' && strstr(err.text, table[i].expected + 1) != NULL;
        if (!held) {
            printf("\n%s: %.100s\n", table[i].script, ok ? secret.data : err.text);
        }
        CU_ASSERT(held);
        secret_free(&secret);
        finish(command);
    }
    remove_directory();
}

static void cannot_run(void)
{
    static const char *const missing[] = {"/nowhere/program"};
    static const char *const directory_argv[] = {"/tmp"};
    struct secret secret = {NULL, 0};
    struct err err;
    struct password_command *command = command_of(missing, 1, MINUTE);
    CU_ASSERT_FALSE(get(command, false, &secret, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nowhere/program cannot be run: No such file"));
    finish(command);
    command = command_of(directory_argv, 1, MINUTE);
    CU_ASSERT_FALSE(get(command, false, &secret, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/tmp cannot be run: Permission denied"));
    finish(command);
    password_command_free(NULL);
}

/* No shell: arguments arrive as they are. */
static void arguments(void)
{
    static const char *const argv[] = {"printf", "%s|", "$HOME", "a b", "`id`", ""};
    struct password_command *command = command_of(argv, 6, MINUTE);
    struct secret secret = {NULL, 0};
    struct err err;
    CU_ASSERT_TRUE(get(command, false, &secret, &err));
    CU_ASSERT_STRING_EQUAL(secret.data, "$HOME|a b|`id`||");
    secret_free(&secret);
    finish(command);
}

static void no_descriptors_and_signals_of_ours(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD, 100); /* without close-on-exec */
    sigset_t blocked;
    sigset_t before;
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGUSR1);
    CU_ASSERT_EQUAL(pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
    void (*old)(int) = signal(SIGPIPE, SIG_IGN);
    make_directory();
    /* Signals 32 and 33 are the C library's own. */
    struct password_command *command = shell(
        "test ! -e /proc/$$/fd/100 || echo open; "
        "grep -E '^Sig(Blk|Ign)' /proc/self/status | grep -vE '0000000[01]80000000$|0{16}$' || echo clean",
        MINUTE);
    struct secret secret = {NULL, 0};
    struct err err;
    CU_ASSERT_TRUE(get(command, false, &secret, &err));
    CU_ASSERT_STRING_EQUAL(secret.data, "clean");
    secret_free(&secret);
    finish(command);
    remove_directory();
    (void)signal(SIGPIPE, old);
    CU_ASSERT_EQUAL(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    (void)close(fd);
}

static void kept(void)
{
    make_directory();
    struct password_command *command = shell(COUNT NUMBER, MINUTE);
    struct secret secret = {NULL, 0};
    struct err err;
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(get(command, false, &secret, &err));
        CU_ASSERT_STRING_EQUAL(secret.data, "1");
    }
    CU_ASSERT_EQUAL(runs(), 1);
    /* Refused: once more. */
    CU_ASSERT_TRUE(get(command, true, &secret, &err));
    CU_ASSERT_STRING_EQUAL(secret.data, "2");
    CU_ASSERT_TRUE(get(command, false, &secret, &err));
    CU_ASSERT_STRING_EQUAL(secret.data, "2");
    CU_ASSERT_EQUAL(runs(), 2);
    /* Somebody else's was refused, and what is kept is newer. */
    CU_ASSERT_TRUE(secret_set(&secret, SLICE("1")));
    CU_ASSERT_TRUE(get(command, true, &secret, &err));
    CU_ASSERT_STRING_EQUAL(secret.data, "2");
    CU_ASSERT_EQUAL(runs(), 2);
    secret_free(&secret);
    finish(command);
    remove_directory();
}

static void not_kept(void)
{
    make_directory();
    struct password_command *command = shell(COUNT NUMBER, 0);
    struct secret secret = {NULL, 0};
    struct err err;
    for (int i = 1; i <= 3; i++) {
        CU_ASSERT_TRUE(get(command, false, &secret, &err));
        CU_ASSERT_EQUAL(runs(), i);
        CU_ASSERT_EQUAL(secret.data[0], '0' + i);
    }
    finish(command);
    /* A failure is not kept either. */
    command = shell(COUNT "exit 1", MINUTE);
    CU_ASSERT_FALSE(get(command, false, &secret, &err));
    CU_ASSERT_FALSE(get(command, false, &secret, &err));
    CU_ASSERT_EQUAL(runs(), 5);
    secret_free(&secret);
    finish(command);
    remove_directory();
}

static void expires(void)
{
    make_directory();
    struct password_command *command = shell(COUNT NUMBER, 30);
    struct secret secret = {NULL, 0};
    struct err err;
    deadline end = deadline_after(20000);
    do {
        CU_ASSERT_TRUE_FATAL(get(command, false, &secret, &err));
    } while (secret.data[0] == '1' && !deadline_passed(end));
    CU_ASSERT_EQUAL(secret.data[0], '2');
    secret_free(&secret);
    finish(command);
    remove_directory();
}

static bool gone(pid_t pid)
{
    deadline end = deadline_after(20000);
    while (kill(pid, 0) == 0 && !deadline_passed(end)) {
        (void)usleep(1000);
    }
    return kill(pid, 0) != 0;
}

static void deadlines(void)
{
    make_directory();
    struct password_command *command = shell("sleep 600 & echo $! > \"$0/pid\"; wait", MINUTE);
    struct secret secret = {NULL, 0};
    struct err err = {.text = ""};
    deadline before = deadline_now();
    CU_ASSERT_FALSE(password_command_get(command, false, deadline_after(500), &secret, &err));
    CU_ASSERT(deadline_now() - before < 10000);
    CU_ASSERT_STRING_EQUAL(err.text, "sh did not end in time");
    /* The whole process group was ended, not the shell alone. An orphan may stay a zombie where nobody reaps it. */
    char path[128];
    path_of("pid", path);
    FILE *file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    int pid = 0;
    CU_ASSERT_EQUAL(fscanf(file, "%d", &pid), 1);
    (void)fclose(file);
    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    char cmdline[8] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CU_ASSERT(fd < 0 || read(fd, cmdline, sizeof cmdline) <= 0 || gone(pid));
    if (fd >= 0) {
        (void)close(fd);
    }
    CU_ASSERT_FALSE(password_command_get(command, false, deadline_after(-1), &secret, &err)); /* at once */
    finish(command);
    remove_directory();
}

/* --- threads --- */

#define THREADS 8

struct getter {
    pthread_t thread;
    struct password_command *command;
    deadline until;
    bool ok;
    struct secret secret;
    struct err err;
};

static atomic_int started;

static void *get_in_thread(void *ctx)
{
    struct getter *getter = ctx;
    (void)atomic_fetch_add(&started, 1);
    getter->ok = password_command_get(getter->command, false, getter->until, &getter->secret, &getter->err);
    return NULL;
}

static void start(struct getter *getter, struct password_command *command, deadline until)
{
    memset(getter, 0, sizeof *getter);
    getter->command = command;
    getter->until = until;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&getter->thread, NULL, get_in_thread, getter), 0);
}

static void let_go(void)
{
    char path[128];
    path_of("go", path);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CU_ASSERT(fd >= 0);
    (void)close(fd);
}

#define WAIT_FOR_GO "while ! test -e \"$0/go\"; do sleep 0.01; done; "

static void run_by_many(const char *script, bool expected, const char *text)
{
    make_directory();
    struct password_command *command = shell(script, MINUTE);
    struct getter getters[THREADS];
    atomic_store(&started, 0);
    for (size_t i = 0; i < THREADS; i++) {
        start(&getters[i], command, deadline_after(20000));
    }
    deadline end = deadline_after(20000);
    while ((atomic_load(&started) < THREADS || runs() < 1) && !deadline_passed(end)) {
        (void)usleep(1000);
    }
    (void)usleep(20000); /* those that have not come to wait yet get the same from what is kept */
    let_go();
    for (size_t i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL(pthread_join(getters[i].thread, NULL), 0);
        CU_ASSERT_EQUAL(getters[i].ok, expected);
        CU_ASSERT_STRING_EQUAL(expected ? getters[i].secret.data : getters[i].err.text, text);
        secret_free(&getters[i].secret);
    }
    CU_ASSERT(expected ? runs() == 1 : runs() < THREADS);
    finish(command);
    remove_directory();
}

static void one_run_for_many(void)
{
    run_by_many(COUNT WAIT_FOR_GO "echo secret", true, "secret");
    run_by_many(COUNT WAIT_FOR_GO "exit 1", false, "sh ended with status 1");
}

/* Who has less time than the run goes on without it; whoever has more runs the program again. */
static void each_its_own_deadline(void)
{
    make_directory();
    struct password_command *command = shell(COUNT WAIT_FOR_GO "echo secret", MINUTE);
    struct getter patient;
    struct getter hasty;
    start(&hasty, command, deadline_after(300));
    deadline end = deadline_after(20000);
    while (runs() < 1 && !deadline_passed(end)) {
        (void)usleep(1000);
    }
    start(&patient, command, deadline_after(20000));
    CU_ASSERT_EQUAL(pthread_join(hasty.thread, NULL), 0);
    CU_ASSERT_FALSE(hasty.ok);
    struct secret secret = {NULL, 0};
    struct err err = {.text = ""};
    while (runs() < 2 && !deadline_passed(end)) {
        (void)usleep(1000);
    }
    CU_ASSERT_FALSE(password_command_get(command, false, deadline_after(50), &secret, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "sh did not end in time");
    let_go();
    CU_ASSERT_EQUAL(pthread_join(patient.thread, NULL), 0);
    CU_ASSERT_TRUE(patient.ok);
    secret_free(&patient.secret);
    finish(command);
    remove_directory();
}

static void source(void)
{
    static const char *const argv[] = {"echo", "secret"};
    struct password_command *command = command_of(argv, 2, MINUTE);
    struct smtp_password_source from = password_command_source(command);
    struct secret secret = {NULL, 0};
    struct err err;
    CU_ASSERT_TRUE(from.get(from.ctx, false, DEADLINE_NEVER, &secret, &err));
    CU_ASSERT_STRING_EQUAL(secret.data, "secret");
    secret_free(&secret);
    finish(command);
}

/* The script holds the secret in another form than the program prints it. */
static void wiped(void)
{
    char text[MEMORY_SECRET_LEN + 1];
    char script[512] = "printf '";
    memory_secret(50, text);
    for (size_t i = 0; i < MEMORY_SECRET_LEN; i++) {
        (void)snprintf(script + strlen(script), sizeof script - strlen(script), "\\%03o", (unsigned)text[i]);
    }
    strcat(script, "\\nmore\\n'");
    struct password_command *command = shell(script, MINUTE);
    struct secret secret = {NULL, 0};
    struct err err;
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_TRUE(get(command, i == 1, &secret, &err));
        CU_ASSERT_EQUAL(memcmp(secret.data, text, sizeof text), 0);
    }
    secret_free(&secret);
    finish(command);
    secret_wipe(text, sizeof text);
    CU_ASSERT_EQUAL(memory_search(50), 0);
}

static const struct unit_test tests[] = {
    {"what a program prints", outputs},
    {"what cannot be run", cannot_run},
    {"arguments", arguments},
    {"descriptors and signals", no_descriptors_and_signals_of_ours},
    {"a secret is kept", kept},
    {"a secret is not kept", not_kept},
    {"a secret expires", expires},
    {"deadlines", deadlines},
    {"one run for many threads", one_run_for_many},
    {"each thread has its own deadline", each_its_own_deadline},
    {"as a password source", source},
    {"secrets are wiped", wiped},
};

UNIT_SUITE(password_command, tests);
