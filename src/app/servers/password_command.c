/*
 * One mutex guards all; the program runs while nobody holds it. A run has a number, so that a thread that waited for one
 * knows when it is over, and a failure that is not the runner's own lack of time is everybody's who waited: a program
 * that fails is not started once more for each of them.
 */
#include "app/servers/password_command.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum run { RUN_GOOD, RUN_FAILED, RUN_TIMED_OUT };

struct password_command {
    struct password_helper *helper;
    size_t index; /* of the program there */
    const char *name;
    int64_t ttl_ms;
    pthread_mutex_t mutex;
    pthread_cond_t ended; /* a run has */
    bool running;
    uint64_t runs; /* that have ended */
    enum run last;
    struct secret secret; /* of the last good run */
    deadline good_until;  /* of the secret */
    struct err why;       /* of a bad one */
};

/* Waits are measured by the clock of deadlines. */
static bool condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    bool ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(condition, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    return ok;
}

struct password_command *password_command_new(struct password_helper *helper, size_t index, int64_t ttl_ms)
{
    struct password_command *command = calloc(1, sizeof *command);
    if (command == NULL || pthread_mutex_init(&command->mutex, NULL) != 0) {
        free(command);
        return NULL;
    }
    if (!condition_init(&command->ended)) {
        (void)pthread_mutex_destroy(&command->mutex);
        free(command);
        return NULL;
    }
    command->helper = helper;
    command->index = index;
    command->name = password_helper_name(helper, index);
    command->ttl_ms = ttl_ms;
    return command;
}

void password_command_free(struct password_command *command)
{
    if (command == NULL) {
        return;
    }
    secret_free(&command->secret);
    (void)pthread_cond_destroy(&command->ended);
    (void)pthread_mutex_destroy(&command->mutex);
    free(command);
}

/* --- a run --- */

static bool take_first_line(const struct password_command *command, struct slice output,
                            struct secret *secret, struct err *err)
{
    const char *lf = output.len > 0 ? memchr(output.data, '\n', output.len) : NULL;
    output.len = lf != NULL ? (size_t)(lf - output.data) : output.len;
    output.len -= output.len > 0 && output.data[output.len - 1] == '\r' ? 1 : 0;
    if (output.len == 0) {
        err_set(err, "%s printed nothing in its first line", command->name);
        return false;
    }
    if (!secret_set(secret, output)) {
        err_set(err, "%s printed a first line of more than %zu octets", command->name, SECRET_MAX);
        return false;
    }
    return true;
}

static enum run run(const struct password_command *command, deadline until, struct secret *secret,
                    struct err *err)
{
    struct buf output;
    bool timed_out = false;
    buf_init_secret(&output, SECRET_MAX + 2);
    bool ok = password_helper_run(command->helper, command->index, until, &output, &timed_out, err) &&
              take_first_line(command, buf_slice(&output), secret, err);
    buf_wipe(&output);
    return ok ? RUN_GOOD : timed_out ? RUN_TIMED_OUT : RUN_FAILED;
}

/* Called with the mutex, which is let go while the program runs. */
static void run_unlocked(struct password_command *command, deadline until)
{
    struct secret secret = {NULL, 0};
    struct err why = {.text = ""};
    command->running = true;
    (void)pthread_mutex_unlock(&command->mutex);
    enum run result = run(command, until, &secret, &why);
    (void)pthread_mutex_lock(&command->mutex);
    command->running = false;
    command->runs++;
    command->last = result;
    command->why = why;
    if (result == RUN_GOOD) {
        secret_free(&command->secret);
        command->secret = secret;
        command->good_until = deadline_after(command->ttl_ms);
    }
    (void)pthread_cond_broadcast(&command->ended);
}

/* Waits for the end of the run under way; false when until has come before. */
static bool await_run(struct password_command *command, deadline until)
{
    uint64_t before = command->runs;
    struct timespec when = {.tv_sec = (time_t)(until / 1000), .tv_nsec = (long)(until % 1000) * 1000000};
    bool never = until == DEADLINE_NEVER;
    int error = 0;
    while (command->runs == before && error == 0) {
        error = never ? pthread_cond_wait(&command->ended, &command->mutex)
                      : pthread_cond_timedwait(&command->ended, &command->mutex, &when);
    }
    return command->runs != before;
}

/* --- getting --- */

/* Whether what is kept will do: known to be valid, and not the one that was refused. */
static bool kept_will_do(const struct password_command *command, bool fresh, const struct secret *refused)
{
    if (command->secret.data == NULL || deadline_passed(command->good_until)) {
        return false;
    }
    struct slice kept = {command->secret.data, command->secret.len};
    return !fresh || !slice_equal(kept, (struct slice){refused->data, refused->len});
}

static bool give(const struct password_command *command, struct secret *secret, struct err *err)
{
    if (!secret_set(secret, (struct slice){command->secret.data, command->secret.len})) {
        err_set(err, "out of memory");
        return false;
    }
    return true;
}

/* A run has just ended, our own or one that we waited for. */
static bool take_result(const struct password_command *command, struct secret *secret, struct err *err)
{
    if (command->last != RUN_GOOD) {
        *err = command->why;
        return false;
    }
    return give(command, secret, err);
}

static bool get_locked(struct password_command *command, bool fresh, deadline until, struct secret *secret,
                       struct err *err)
{
    if (kept_will_do(command, fresh, secret)) {
        return give(command, secret, err);
    }
    while (command->running) {
        if (!await_run(command, until)) {
            err_set(err, "%s did not end in time", command->name);
            return false;
        }
        if (command->last != RUN_TIMED_OUT) {
            return take_result(command, secret, err);
        }
    }
    run_unlocked(command, until);
    return take_result(command, secret, err);
}

bool password_command_get(struct password_command *command, bool fresh, deadline until, struct secret *secret,
                          struct err *err)
{
    (void)pthread_mutex_lock(&command->mutex);
    bool ok = get_locked(command, fresh, until, secret, err);
    (void)pthread_mutex_unlock(&command->mutex);
    return ok;
}

static bool get(void *ctx, bool fresh, deadline until, struct secret *secret, struct err *err)
{
    return password_command_get(ctx, fresh, until, secret, err);
}

struct smtp_password_source password_command_source(struct password_command *command)
{
    return (struct smtp_password_source){.get = get, .ctx = command};
}
