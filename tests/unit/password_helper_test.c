#include "app/servers/password_helper.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#define OUTPUT_MAX 2000

/* Two servers with a program each, one without, and one with the first one's once more. */
struct fixture {
    char directory[64];
    char *first[5];
    char *second[3];
    struct config_server servers[4];
    struct config config;
    struct password_helper *helper;
    pid_t pid; /* of the helper */
};

static char sh[] = "/bin/sh";
static char option[] = "-c";
static char echo[] = "/bin/echo";
static char hello[] = "hello";

/* The only child of this process; 0: there is none. */
static pid_t only_child(void)
{
    int pid = 0;
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", getpid(), getpid());
    FILE *file = fopen(path, "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    (void)!fscanf(file, "%d", &pid);
    (void)fclose(file);
    return pid;
}

static void start(struct fixture *f, char *script)
{
    memset(f, 0, sizeof *f);
    strcpy(f->directory, "/tmp/password-helper-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f->directory));
    memcpy(f->first, (char *[]){sh, option, script, f->directory}, 4 * sizeof(char *));
    memcpy(f->second, (char *[]){echo, hello}, 2 * sizeof(char *));
    f->servers[0].password_command = (struct config_strings){f->first, 4};
    f->servers[2].password_command = (struct config_strings){f->second, 2};
    f->servers[3].password_command = (struct config_strings){f->first, 4};
    f->config = (struct config){.servers = f->servers, .server_count = 4};
    struct err err = {.text = ""};
    CU_ASSERT_TRUE_FATAL(password_helper_start(&f->helper, &f->config, &err));
    CU_ASSERT_PTR_NOT_NULL_FATAL(f->helper);
    f->pid = only_child();
    CU_ASSERT(f->pid > 0);
}

static bool exists(const char *directory, const char *name)
{
    char path[128];
    struct stat status;
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return stat(path, &status) == 0;
}

static void end(struct fixture *f)
{
    password_helper_free(f->helper);
    CU_ASSERT_EQUAL(only_child(), 0);
    DIR *directory = opendir(f->directory);
    const struct dirent *entry = NULL;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    (void)closedir(directory);
    CU_ASSERT_EQUAL(rmdir(f->directory), 0);
}

/* What a program printed, or "!" and what went wrong. */
static void run(struct fixture *f, size_t index, deadline until, char text[OUTPUT_MAX])
{
    struct buf out;
    struct err err = {.text = ""};
    bool timed_out = false;
    buf_init_secret(&out, 900);
    bool ok = password_helper_run(f->helper, index, until, &out, &timed_out, &err);
    (void)snprintf(text, OUTPUT_MAX, "%s%s", ok ? buf_cstr(&out) : timed_out ? "!!" : "!", err.text);
    buf_wipe(&out);
}

static void programs(void)
{
    static char script[] = "printf 'one\\ntwo'";
    static char other[] = "printf x";
    struct fixture f;
    char text[OUTPUT_MAX];
    size_t first = 9;
    size_t second = 9;
    size_t index = 9;
    start(&f, script);
    CU_ASSERT_TRUE(password_helper_find(f.helper, &f.servers[0].password_command, &first));
    CU_ASSERT_TRUE(password_helper_find(f.helper, &f.servers[2].password_command, &second));
    CU_ASSERT_TRUE(password_helper_find(f.helper, &f.servers[3].password_command, &index));
    CU_ASSERT_EQUAL(index, first); /* the same one */
    CU_ASSERT_NOT_EQUAL(second, first);
    CU_ASSERT_STRING_EQUAL(password_helper_name(f.helper, second), "/bin/echo");
    run(&f, first, deadline_after(20000), text);
    CU_ASSERT_STRING_EQUAL(text, "one\ntwo");
    run(&f, second, deadline_after(20000), text);
    CU_ASSERT_STRING_EQUAL(text, "hello\n");
    /* One argument more, less or other is another program, which there is not. */
    char *argv[] = {sh, option, other, f.directory, hello};
    CU_ASSERT_FALSE(password_helper_find(f.helper, &(struct config_strings){argv, 4}, &index));
    argv[2] = script;
    CU_ASSERT_TRUE(password_helper_find(f.helper, &(struct config_strings){argv, 4}, &index));
    CU_ASSERT_FALSE(password_helper_find(f.helper, &(struct config_strings){argv, 5}, &index));
    CU_ASSERT_FALSE(password_helper_find(f.helper, &(struct config_strings){argv, 3}, &index));
    CU_ASSERT_FALSE(password_helper_find(NULL, &(struct config_strings){argv, 4}, &index));
    run(&f, 2, deadline_after(20000), text);
    CU_ASSERT_STRING_EQUAL(text, "!there is no such program");
    run(&f, SIZE_MAX, deadline_after(20000), text);
    CU_ASSERT_STRING_EQUAL(text, "!there is no such program");
    end(&f);
}

static void none(void)
{
    struct config_server server = {0};
    struct config config = {.servers = &server, .server_count = 1};
    struct password_helper *helper = (struct password_helper *)&server;
    CU_ASSERT_TRUE(password_helper_start(&helper, &config, NULL));
    CU_ASSERT_PTR_NULL(helper);
    CU_ASSERT_EQUAL(only_child(), 0);
    password_helper_free(NULL);
}

static void too_much(void)
{
    static char script[] = "head -c 1000000 /dev/zero";
    struct fixture f;
    char text[OUTPUT_MAX];
    start(&f, script);
    run(&f, 0, deadline_after(20000), text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "printed more than"));
    run(&f, 1, deadline_after(20000), text);
    CU_ASSERT_STRING_EQUAL(text, "hello\n");
    end(&f);
}

/* --- several at once --- */

#define THREADS 8

struct runner {
    pthread_t thread;
    struct fixture *fixture;
    char text[OUTPUT_MAX];
};

static void *run_first(void *ctx)
{
    struct runner *runner = ctx;
    run(runner->fixture, 0, deadline_after(20000), runner->text);
    return NULL;
}

/* Each ends only when all have begun. */
static void at_once(void)
{
    static char script[] =
        "touch \"$0/$$\"; while test $(ls \"$0\" | wc -l) -lt 8; do sleep 0.01; done; echo done";
    struct fixture f;
    struct runner runners[THREADS] = {0};
    start(&f, script);
    for (size_t i = 0; i < THREADS; i++) {
        runners[i].fixture = &f;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&runners[i].thread, NULL, run_first, &runners[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL(pthread_join(runners[i].thread, NULL), 0);
        CU_ASSERT_STRING_EQUAL(runners[i].text, "done\n");
    }
    end(&f);
}

/* --- ends --- */

static void await(const char *directory, const char *name)
{
    deadline limit = deadline_after(20000);
    while (!exists(directory, name) && !deadline_passed(limit)) {
        (void)usleep(1000);
    }
    CU_ASSERT(exists(directory, name));
}

static void deadlines(void)
{
    static char script[] = "trap '' TERM; touch \"$0/begun\"; sleep 600";
    struct fixture f;
    char text[OUTPUT_MAX];
    start(&f, script);
    deadline before = deadline_now();
    run(&f, 0, deadline_after(300), text);
    CU_ASSERT(deadline_now() - before < 10000);
    CU_ASSERT_STRING_EQUAL(text, "!!/bin/sh did not end in time");
    run(&f, 1, deadline_after(-1), text);
    CU_ASSERT_STRING_EQUAL(text, "!!/bin/echo did not end in time");
    /* A helper that is stopped does not hold us either. */
    CU_ASSERT_EQUAL(kill(f.pid, SIGSTOP), 0);
    run(&f, 1, deadline_after(100), text);
    CU_ASSERT_STRING_EQUAL(text, "!!/bin/echo did not end in time");
    CU_ASSERT_EQUAL(kill(f.pid, SIGCONT), 0);
    run(&f, 1, deadline_after(20000), text);
    CU_ASSERT_STRING_EQUAL(text, "hello\n");
    end(&f);
}

/* What a service manager sends to all processes of a service. */
static void signals(void)
{
    static const int sent[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGPIPE};
    static char script[] = "echo one";
    struct fixture f;
    char text[OUTPUT_MAX];
    start(&f, script);
    run(&f, 0, deadline_after(20000), text); /* it is at work */
    for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++) {
        CU_ASSERT_EQUAL(kill(f.pid, sent[i]), 0);
        run(&f, 0, deadline_after(20000), text);
        CU_ASSERT_STRING_EQUAL(text, "one\n");
    }
    end(&f);
}

static void killed(void)
{
    static char script[] = "touch \"$0/begun\"; while ! test -e \"$0/go\"; do sleep 0.01; done; echo one";
    struct fixture f;
    struct runner runner = {.fixture = &f};
    char text[OUTPUT_MAX];
    start(&f, script);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&runner.thread, NULL, run_first, &runner), 0);
    await(f.directory, "begun");
    CU_ASSERT_EQUAL(kill(f.pid, SIGKILL), 0);
    for (int i = 0; i < 2; i++) {
        run(&f, 1, deadline_after(20000), text);
        CU_ASSERT_STRING_EQUAL(text, "!the helper process that runs password_command has ended");
    }
    /* A run that was under way goes on. */
    char path[128];
    (void)snprintf(path, sizeof path, "%s/go", f.directory);
    FILE *go = fopen(path, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(go);
    (void)fclose(go);
    CU_ASSERT_EQUAL(pthread_join(runner.thread, NULL), 0);
    CU_ASSERT_STRING_EQUAL(runner.text, "one\n");
    end(&f);
}

static const struct unit_test tests[] = {
    {"programs by index", programs},      {"no programs, no helper", none}, {"more than is taken", too_much},
    {"several at once", at_once},         {"deadlines", deadlines},         {"signals", signals},
    {"a helper that was killed", killed},
};

UNIT_SUITE(password_helper, tests);
