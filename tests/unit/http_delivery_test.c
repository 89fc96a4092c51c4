/* Deliveries: how many at once, what waits, what does not, and the end. */
#include "http_fixture.h"

#include <string.h>
#include <unistd.h>

#include "unit.h"

#define STALLED 30 /* more than there are threads */

static void stall_all(struct fixture *fixture, int fds[STALLED])
{
    for (size_t i = 0; i < STALLED; i++) {
        fds[i] = fixture_connect(fixture);
        fixture_send(fds[i], "POST", "/stall", "body", true);
    }
    CU_ASSERT_TRUE(fixture_wait(&fixture->begun, STALLED));
    CU_ASSERT_TRUE(fixture_wait(&fixture->delivering, fixture->options.workers));
}

static unsigned wait_waiting(const struct fixture *fixture, unsigned count)
{
    deadline until = deadline_after(FIXTURE_WAIT_MS);
    while (http_server_counts(fixture->server).waiting < count && !deadline_passed(until)) {
        usleep(1000);
    }
    return http_server_counts(fixture->server).waiting;
}

static void test_stalled(void)
{
    struct fixture fixture;
    int fds[STALLED];
    fixture_init(&fixture);
    fixture_start(&fixture);
    stall_all(&fixture, fds);
    CU_ASSERT_EQUAL(wait_waiting(&fixture, STALLED - 4), STALLED - 4);
    CU_ASSERT_EQUAL(http_server_counts(fixture.server).delivering, 4);
    CU_ASSERT_EQUAL(http_server_counts(fixture.server).connections, STALLED);
    /* Sixteen at once that need no delivery, each on a connection of its own. */
    int others[16];
    for (size_t i = 0; i < 16; i++) {
        others[i] = fixture_connect(&fixture);
        fixture_send(others[i], "GET", i % 2 == 0 ? "/ping" : "/echo", "", true);
    }
    for (size_t i = 0; i < 16; i++) {
        fixture_expect(others[i], 200);
        close(others[i]);
    }
    fixture_release(&fixture);
    for (size_t i = 0; i < STALLED; i++) {
        fixture_expect(fds[i], 200);
        close(fds[i]);
    }
    CU_ASSERT_EQUAL(atomic_load(&fixture.most_delivering), 4);
    CU_ASSERT_EQUAL(atomic_load(&fixture.delivered), STALLED);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    fixture_free(&fixture);
}

/*
 * With every delivery stalled, sixteen threads are left: so many may block in begin, and the next one waits.
 */
static void test_sixteen_others(void)
{
    struct fixture fixture;
    int stalled[4];
    int stuck[16];
    fixture_init(&fixture);
    fixture_start(&fixture);
    for (size_t i = 0; i < 4; i++) {
        stalled[i] = fixture_connect(&fixture);
        fixture_send(stalled[i], "POST", "/stall", "", true);
    }
    CU_ASSERT_TRUE(fixture_wait(&fixture.delivering, 4));
    for (size_t i = 0; i < 16; i++) {
        stuck[i] = fixture_connect(&fixture);
        fixture_send(stuck[i], "POST", "/stuck", "", true);
    }
    CU_ASSERT_TRUE(fixture_wait(&fixture.begun, 20));
    fixture_release(&fixture);
    for (size_t i = 0; i < 16; i++) {
        fixture_expect(stuck[i], 200);
        close(stuck[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        fixture_expect(stalled[i], 200);
        close(stalled[i]);
    }
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    fixture_free(&fixture);
}

static void test_waited_in_vain(void)
{
    struct fixture fixture;
    int fds[STALLED];
    fixture_init(&fixture);
    fixture.options.queue_wait_ms = 50;
    fixture_start(&fixture);
    stall_all(&fixture, fds);
    CU_ASSERT_TRUE(fixture_wait(&fixture.overloaded, STALLED - 4));
    fixture_release(&fixture);
    unsigned answers[2] = {0, 0};
    for (size_t i = 0; i < STALLED; i++) {
        struct fastcgi_answer answer = fastcgi_answer(fds[i]);
        CU_ASSERT_EQUAL(answer.ending, FASTCGI_END_REQUEST);
        answers[0] += answer.status == 200;
        answers[1] += answer.status == 503;
        buf_free(&answer.text);
        /* Overloaded or not, the connection goes on. */
        fixture_send(fds[i], "GET", "/ping", "", true);
        fixture_expect(fds[i], 200);
        close(fds[i]);
    }
    CU_ASSERT_EQUAL(answers[0], 4);
    CU_ASSERT_EQUAL(answers[1], STALLED - 4);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    fixture_free(&fixture);
}

struct releaser {
    pthread_t thread;
    struct fixture *fixture;
    const char *socket;
};

/* Releases the deliveries only after the server has stopped listening. */
static void *release_late(void *argument)
{
    struct releaser *releaser = argument;
    deadline until = deadline_after(FIXTURE_WAIT_MS);
    while (access(releaser->socket, F_OK) == 0 && !deadline_passed(until)) {
        usleep(1000);
    }
    fixture_release(releaser->fixture);
    return NULL;
}

/* What is in work and what waits is finished; nobody new gets in. */
static void test_stop_finishes(void)
{
    struct fixture fixture;
    int fds[STALLED];
    fixture_init(&fixture);
    fixture_start(&fixture);
    stall_all(&fixture, fds);
    struct releaser releaser = {.fixture = &fixture, .socket = fixture.listen + strlen("unix:")};
    CU_ASSERT_EQUAL_FATAL(pthread_create(&releaser.thread, NULL, release_late, &releaser), 0);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    pthread_join(releaser.thread, NULL);
    CU_ASSERT_EQUAL(fastcgi_connect(http_server_address(fixture.server)), -1);
    CU_ASSERT_EQUAL(atomic_load(&fixture.delivered), STALLED);
    for (size_t i = 0; i < STALLED; i++) {
        fixture_expect(fds[i], 200);
        CU_ASSERT_EQUAL(fastcgi_next(fds[i], FIXTURE_WAIT_MS), FASTCGI_CLOSED);
        close(fds[i]);
    }
    fixture_free(&fixture);
}

/* After shutdown_timeout: what is delivered is cancelled, what waits is overloaded, what is read is cut short. */
static void test_cancel(void)
{
    struct fixture fixture;
    int fds[STALLED];
    unsigned answers[2] = {0, 0};
    fixture_init(&fixture);
    fixture.obeys_cancel = true;
    fixture.options.shutdown_timeout_ms = 100;
    fixture_start(&fixture);
    stall_all(&fixture, fds);
    int slow = fixture_connect(&fixture);
    struct buf octets;
    buf_init(&octets, 1000);
    fastcgi_request(&octets, &(struct fastcgi_form){"POST", "/deliver", NULL, SLICE("body"), true});
    CU_ASSERT_TRUE(fastcgi_send(slow, (struct slice){octets.data, octets.len - 5}));
    buf_free(&octets);
    CU_ASSERT_TRUE(fixture_wait(&fixture.begun, STALLED + 1));
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    CU_ASSERT_EQUAL(atomic_load(&fixture.cancelled), 1);
    for (size_t i = 0; i < STALLED; i++) {
        struct fastcgi_answer answer = fastcgi_answer(fds[i]);
        answers[0] += answer.status == 200;
        answers[1] += answer.status == 503;
        buf_free(&answer.text);
        close(fds[i]);
    }
    CU_ASSERT_TRUE(answers[0] >= fixture.options.workers);
    CU_ASSERT_EQUAL(answers[0] + answers[1], STALLED);
    CU_ASSERT_EQUAL(answers[1], atomic_load(&fixture.overloaded));
    fixture_expect(slow, 400);
    close(slow);
    fixture_free(&fixture);
}

/* A delivery that hangs longer than shutdown_timeout: the caller learns of it, and must end the process. */
static void test_stop_in_vain(void)
{
    static struct fixture fixture; /* its threads may outlive this function */
    fixture_init(&fixture);
    fixture.options.shutdown_timeout_ms = 50;
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "POST", "/stall", "", true);
    CU_ASSERT_TRUE(fixture_wait(&fixture.delivering, 1));
    CU_ASSERT_FALSE(fixture_stop(&fixture));
    CU_ASSERT_EQUAL(atomic_load(&fixture.cancelled), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(fixture.err.text, "shutdown_timeout"));
    fixture_release(&fixture);
    fixture_expect(fd, 200); /* until the process has ended, it is answered still */
    CU_ASSERT_TRUE(fixture_wait(&fixture.finished, 1));
    close(fd);
    CU_ASSERT_EQUAL(rmdir(fixture.dir), 0);
}

/* Whatever a handler asks for: nothing is delivered before the body is complete. */
static void test_incomplete(void)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "POST", "/rash", "body", true);
    fixture_expect(fd, 500);
    close(fd);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    CU_ASSERT_EQUAL(atomic_load(&fixture.delivered), 0);
    fixture_free(&fixture);
}

static const struct unit_test tests[] = {
    {"stalled deliveries hinder nobody", test_stalled},
    {"sixteen threads are left", test_sixteen_others},
    {"waited in vain", test_waited_in_vain},
    {"a request that is not complete", test_incomplete},
    {"stopping finishes what is in work", test_stop_finishes},
    {"cancelled at the end", test_cancel},
    {"stopping in vain", test_stop_in_vain},
};
UNIT_SUITE(http_delivery, tests);
