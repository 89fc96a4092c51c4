/*
 * The listener and the threads: one accepts, each connection has its own. The stop is an eventfd that stays
 * readable, so that every poll everywhere sees it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

enum { GRACE_MS = 2000 };

static void *run_connection(void *argument)
{
    struct script_connection *connection = argument;
    struct script_record *record = connection->play.record;
    script_play(&connection->play, connection->section);
    script_record_end(record);
    atomic_store(&connection->over, true);
    return NULL;
}

static void join(struct script_connection *connection)
{
    pthread_join(connection->thread, NULL);
    free(connection);
}

/* So that a long run does not gather ended threads. */
static void join_ended(struct smtp_script *script)
{
    size_t kept = 0;
    for (size_t i = 0; i < script->count; i++) {
        if (atomic_load(&script->connections[i]->over)) {
            join(script->connections[i]);
        } else {
            script->connections[kept++] = script->connections[i];
        }
    }
    script->count = kept;
}

/* For what the script has no section for, or no thread. */
static void turn_away(struct smtp_script *script, int fd, size_t number, const char *why)
{
    script_record_failure(&script->record, number, 0, why);
    close(fd);
    script_record_end(&script->record);
}

static void begin_connection(struct smtp_script *script, int fd)
{
    size_t number = script_record_begin(&script->record);
    const struct script_section *section = script_scenario_section(&script->scenario, number);
    if (section == NULL) {
        turn_away(script, fd, number, "there is no section for this connection");
        return;
    }
    int on = 1;
    if (script->tcp) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (script->send_buffer > 0) {
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &script->send_buffer, sizeof(int));
    }
    struct script_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        abort();
    }
    connection->section = section;
    connection->play.record = &script->record;
    connection->play.scenario = &script->scenario;
    connection->play.certs = &script->certs;
    script_wire_init(&connection->play.wire, fd, script->stop_fd, script->grace_ms, &script->record, number);
    if (pthread_create(&connection->thread, NULL, run_connection, connection) != 0) {
        turn_away(script, fd, number, "no thread for this connection");
        free(connection);
        return;
    }
    script->connections =
        script_grow(script->connections, script->count, &script->capacity, sizeof *script->connections);
    script->connections[script->count++] = connection;
}

/* False when it would fail again and again, as without descriptors. */
static bool accept_all(struct smtp_script *script)
{
    int fd;
    while ((fd = accept4(script->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        begin_connection(script, fd);
    }
    return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
}

/* What had connected before the stop is accepted still. */
static void *run_listener(void *argument)
{
    struct smtp_script *script = argument;
    bool stopped = false;
    while (!stopped) {
        struct pollfd polled[2] = {{.fd = script->listener, .events = POLLIN},
                                   {.fd = script->stop_fd, .events = POLLIN}};
        poll(polled, 2, -1);
        stopped = polled[1].revents != 0;
        join_ended(script);
        if (!accept_all(script)) {
            script_record_failure(&script->record, 0, 0, "connections cannot be accepted any more");
            break;
        }
    }
    close(script->listener);
    for (size_t i = 0; i < script->count; i++) {
        join(script->connections[i]);
    }
    return NULL;
}

/* SIGPIPE of OpenSSL's writes must not end the test; a signal to the process is the main thread's affair. */
static int create_quiet_thread(struct smtp_script *script)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&script->thread, NULL, run_listener, script);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

static const char *keep(struct smtp_script *script, size_t index, const char *text)
{
    script->strings[index] = text == NULL ? NULL : script_copy(text, strlen(text));
    return script->strings[index];
}

static struct smtp_script *new_script(const struct smtp_script_options *options)
{
    struct smtp_script *script = calloc(1, sizeof *script);
    if (script == NULL) {
        abort();
    }
    script->listener = -1;
    script->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    script->receive_buffer = options->receive_buffer;
    script->send_buffer = options->send_buffer;
    script->grace_ms = options->grace_ms > 0 ? options->grace_ms : GRACE_MS;
    pthread_mutex_init(&script->stop_lock, NULL);
    script_tls_init(&script->certs.tls);
    script->certs.settings = (struct script_tls_settings){.cert_file = keep(script, 0, options->cert_file),
                                                          .key_file = keep(script, 1, options->key_file),
                                                          .min = keep(script, 2, options->tls_min),
                                                          .max = keep(script, 3, options->tls_max)};
    script->certs.directory = keep(script, 4, options->cert_dir);
    return script;
}

/* False with a text in error. */
static bool prepare(struct smtp_script *script, const struct smtp_script_options *options, char *error,
                    size_t size)
{
    const char *name = options->name == NULL ? "scenario" : options->name;
    const char *where = options->listen == NULL ? "127.0.0.1" : options->listen;
    if (!script_record_init(&script->record, name, options->message_dir, options->transcript_file)) {
        snprintf(error, size, "%s: %s", options->transcript_file, strerror(errno));
        return false;
    }
    if (!script_scenario_parse(&script->scenario, options->scenario, error, size)) {
        return false;
    }
    return script_listen(script, where, options->port, error, size);
}

struct smtp_script *smtp_script_start(const struct smtp_script_options *options, char **error)
{
    char text[512] = "no thread";
    struct smtp_script *script = new_script(options);
    bool good = prepare(script, options, text, sizeof text);
    if (good) {
        good = create_quiet_thread(script) == 0;
        script->running = good;
    }
    if (good) {
        return script;
    }
    if (error != NULL) {
        *error = script_copy(text, strlen(text));
    }
    if (script->listener >= 0) {
        close(script->listener);
    }
    smtp_script_free(script);
    return NULL;
}

/* Sections whose connection never came. */
static void check_sections(struct smtp_script *script)
{
    for (size_t i = script->record.connections; i < script->scenario.section_count; i++) {
        if (!script->scenario.sections[i].optional) {
            script_record_failure(&script->record, i + 1, 0, "did not come");
        }
    }
}

bool smtp_script_stop(struct smtp_script *script)
{
    pthread_mutex_lock(&script->stop_lock);
    if (script->running) {
        uint64_t one = 1;
        script_record_stop(&script->record);
        if (write(script->stop_fd, &one, sizeof one) != sizeof one) {
            abort();
        }
        pthread_join(script->thread, NULL);
        script->running = false;
        check_sections(script);
    }
    pthread_mutex_unlock(&script->stop_lock);
    char *report = smtp_script_report(script);
    bool good = report[0] == '\0';
    free(report);
    return good;
}

void smtp_script_free(struct smtp_script *script)
{
    if (script == NULL) {
        return;
    }
    smtp_script_stop(script);
    if (script->unix_path != NULL) {
        unlink(script->unix_path);
    }
    close(script->stop_fd);
    script_tls_free(&script->certs.tls);
    script_scenario_free(&script->scenario);
    script_record_free(&script->record);
    pthread_mutex_destroy(&script->stop_lock);
    for (size_t i = 0; i < sizeof script->strings / sizeof script->strings[0]; i++) {
        free(script->strings[i]);
    }
    free(script->unix_path);
    free(script->connections);
    free(script);
}
