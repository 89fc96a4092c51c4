/*
 * sandbox_probe: stands for code that got into the program (LD_PRELOAD). It makes all attempts when the program starts
 * its first thread, which is the first thing that it does inside the sandbox: in the main thread and in one of its own.
 * Results go to the file that PROBE_RESULTS names, opened before.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attempts.h"

typedef int thread_creator(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                           void *argument);

static int results = -1;
static thread_creator *create;

__attribute__((constructor)) static void prepare(void)
{
    void *symbol = dlsym(RTLD_NEXT, "pthread_create");
    memcpy(&create, &symbol, sizeof create);
    results = open(getenv("PROBE_RESULTS"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

static void *attempt_all(void *where)
{
    for (size_t i = 0; i < attempt_count; i++) {
        errno = 0;
        int result = attempts[i].run();
        const char *text = result == 0 ? "done" : strerrorname_np(errno);
        (void)dprintf(results, "%s: %s: %s\n", (const char *)where, attempts[i].name, text);
    }
    return NULL;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument)
{
    static int begun;
    static char main_thread[] = "main";
    static char other_thread[] = "thread";
    if (!begun) {
        begun = 1;
        pthread_t other;
        (void)attempt_all(main_thread);
        if (create(&other, NULL, attempt_all, other_thread) == 0) {
            (void)pthread_join(other, NULL);
        }
        (void)dprintf(results, "end\n");
    }
    return create(thread, attributes, start, argument);
}
