#include "http_fixture.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void respond(struct http_response *response, int status, struct slice body)
{
    http_response_reset(response, status);
    CU_ASSERT_TRUE(http_response_header(response, "Content-Type", "text/plain"));
    CU_ASSERT_TRUE(buf_append_slice(&response->body, body));
}

/* Reads the whole body; false: it was cut short, and answered. */
static bool read_body(struct http_request *request, struct http_response *response)
{
    struct slice part;
    enum http_read got;
    respond(response, 200, SLICE(""));
    while ((got = http_request_read(request, &part)) == HTTP_READ_DATA) {
        CU_ASSERT_TRUE(part.len > 0);
        (void)!buf_append_slice(&response->body, part);
    }
    CU_ASSERT_EQUAL(http_request_read(request, &part), got);
    CU_ASSERT_EQUAL(http_request_complete_at(request) != 0, got == HTTP_READ_END);
    if (got == HTTP_READ_TRUNCATED) {
        respond(response, 400, SLICE("cut short"));
    }
    return got == HTTP_READ_END;
}

static void await_release(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->lock);
    while (!fixture->release) {
        pthread_cond_wait(&fixture->released, &fixture->lock);
    }
    pthread_mutex_unlock(&fixture->lock);
}

static enum http_verdict begin(void *ctx, struct http_request *request, struct http_response *response)
{
    struct fixture *fixture = ctx;
    struct slice path;
    CU_ASSERT_TRUE(http_request_path(request, "/", &path));
    http_request_set_data(request, fixture);
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    CU_ASSERT_TRUE(sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGINT) == 1);
    atomic_fetch_add(&fixture->begun, 1);
    if (slice_equal(path, SLICE("/ping"))) {
        respond(response, 200, SLICE("pong"));
        return HTTP_ANSWER;
    }
    if (slice_equal(path, SLICE("/large"))) {
        respond(response, 413, SLICE("too large"));
        return HTTP_ANSWER;
    }
    if (slice_equal(path, SLICE("/rash"))) {
        return HTTP_DELIVER;
    }
    if (slice_equal(path, SLICE("/stuck"))) {
        await_release(fixture);
    }
    if (!read_body(request, response)) {
        return HTTP_ANSWER;
    }
    bool deliver = slice_equal(path, SLICE("/deliver")) || slice_equal(path, SLICE("/stall"));
    return deliver ? HTTP_DELIVER : HTTP_ANSWER;
}

static void deliver(void *ctx, struct http_request *request, struct http_response *response)
{
    struct fixture *fixture = ctx;
    struct slice path;
    unsigned now = atomic_fetch_add(&fixture->delivering, 1) + 1;
    unsigned most = atomic_load(&fixture->most_delivering);
    while (now > most && !atomic_compare_exchange_weak(&fixture->most_delivering, &most, now)) {
    }
    if (http_request_path(request, "/", &path) && slice_equal(path, SLICE("/stall"))) {
        await_release(fixture);
    }
    respond(response, 200, SLICE("delivered"));
    atomic_fetch_add(&fixture->delivered, 1);
    atomic_fetch_sub(&fixture->delivering, 1);
}

static void overloaded(void *ctx, struct http_request *request, struct http_response *response)
{
    struct fixture *fixture = ctx;
    (void)request;
    respond(response, 503, SLICE("overloaded"));
    atomic_fetch_add(&fixture->overloaded, 1);
}

static void finished(void *ctx, struct http_request *request, struct http_response *response, bool written)
{
    struct fixture *fixture = ctx;
    CU_ASSERT_PTR_EQUAL(http_request_data(request), fixture);
    CU_ASSERT_NOT_EQUAL(http_request_method(request)[0], '\0'); /* parameters are valid still */
    CU_ASSERT_TRUE(response->status >= 200);
    atomic_fetch_add(&fixture->written, written ? 1 : 0);
    atomic_fetch_add(&fixture->finished, 1);
}

static void cancel(void *ctx)
{
    struct fixture *fixture = ctx;
    (void)http_server_counts(fixture->server); /* may be called from here, too */
    atomic_fetch_add(&fixture->cancelled, 1);
    if (fixture->obeys_cancel) {
        fixture_release(fixture);
    }
}

void fixture_init(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    strcpy(fixture->dir, "/tmp/http_server_test.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(fixture->dir));
    snprintf(fixture->listen, sizeof fixture->listen, "unix:%s/s", fixture->dir);
    pthread_mutex_init(&fixture->lock, NULL);
    pthread_cond_init(&fixture->released, NULL);
    fixture->options = (struct http_server_options){
        .listen = fixture->listen,
        .fd = -1,
        .listen_mode = 0660,
        .workers = 4,
        .connections = 100,
        .queue_wait_ms = FIXTURE_WAIT_MS,
        .idle_ms = FIXTURE_WAIT_MS,
        .read_time_ms = FIXTURE_WAIT_MS,
        .shutdown_timeout_ms = FIXTURE_WAIT_MS,
    };
}

static void *run(void *argument)
{
    struct fixture *fixture = argument;
    fixture->ended_well = http_server_run(fixture->server, &fixture->err);
    return NULL;
}

void fixture_start(struct fixture *fixture)
{
    static const struct http_handler handler = {
        .begin = begin, .deliver = deliver, .overloaded = overloaded, .finished = finished, .cancel = cancel};
    struct http_handler own = handler;
    own.ctx = fixture;
    fixture->server = http_server_new(&fixture->options, &own, &fixture->err);
    if (fixture->server == NULL) {
        puts(fixture->err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->server);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&fixture->thread, NULL, run, fixture), 0);
}

void fixture_release(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->lock);
    fixture->release = true;
    pthread_cond_broadcast(&fixture->released);
    pthread_mutex_unlock(&fixture->lock);
}

bool fixture_stop(struct fixture *fixture)
{
    http_server_stop(fixture->server);
    pthread_join(fixture->thread, NULL);
    return fixture->ended_well;
}

void fixture_free(struct fixture *fixture)
{
    CU_ASSERT_EQUAL(atomic_load(&fixture->begun), atomic_load(&fixture->finished));
    http_server_free(fixture->server);
    CU_ASSERT_EQUAL(rmdir(fixture->dir), 0); /* the socket was removed */
    pthread_cond_destroy(&fixture->released);
    pthread_mutex_destroy(&fixture->lock);
}

int fixture_connect(const struct fixture *fixture)
{
    int fd = fastcgi_connect(http_server_address(fixture->server));
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    return fd;
}

void fixture_send(int fd, const char *method, const char *path, const char *body, bool keep)
{
    struct buf octets;
    buf_init(&octets, 64 * 1024 * 1024);
    fastcgi_request(&octets, &(struct fastcgi_form){method, path, NULL, slice_of(body), keep});
    CU_ASSERT_TRUE(fastcgi_send(fd, buf_slice(&octets)));
    buf_free(&octets);
}

void fixture_expect(int fd, int status)
{
    struct fastcgi_answer answer = fastcgi_answer(fd);
    CU_ASSERT_EQUAL(answer.ending, FASTCGI_END_REQUEST);
    CU_ASSERT_EQUAL(answer.status, status);
    buf_free(&answer.text);
}

static void pause_ms(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

bool fixture_wait(const atomic_uint *counter, unsigned count)
{
    deadline until = deadline_after(FIXTURE_WAIT_MS);
    while (atomic_load(counter) < count && !deadline_passed(until)) {
        pause_ms();
    }
    return atomic_load(counter) >= count;
}

bool fixture_wait_connections(const struct fixture *fixture, unsigned connections)
{
    deadline until = deadline_after(FIXTURE_WAIT_MS);
    while (http_server_counts(fixture->server).connections != connections && !deadline_passed(until)) {
        pause_ms();
    }
    return http_server_counts(fixture->server).connections == connections;
}

unsigned count_descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}
