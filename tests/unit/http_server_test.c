/* Requests and connections; deliveries are in http_delivery_test.c, broken peers in http_peer_test.c. */
#include "http_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

static void test_answer(void)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "POST", "/echo", "some body", true);
    struct fastcgi_answer answer = fastcgi_answer(fd);
    const char *text = buf_cstr(&answer.text);
    CU_ASSERT_EQUAL(answer.ending, FASTCGI_END_REQUEST);
    CU_ASSERT_EQUAL(strncmp(text, "Status: 200 OK\r\n", 16), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\r\nContent-Type: text/plain\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\r\nX-Request-Id: "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\r\nCache-Control: no-store\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\r\nContent-Length: 9\r\n\r\nsome body"));
    buf_free(&answer.text);
    close(fd);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    CU_ASSERT_EQUAL(atomic_load(&fixture.written), 1);
    fixture_free(&fixture);
}

static void test_head(void)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "HEAD", "/ping", "", true);
    struct fastcgi_answer answer = fastcgi_answer(fd);
    CU_ASSERT_EQUAL(answer.status, 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&answer.text), "\r\nContent-Length: 4\r\n\r\n"));
    CU_ASSERT_PTR_NULL(strstr(buf_cstr(&answer.text), "pong"));
    buf_free(&answer.text);
    close(fd);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    fixture_free(&fixture);
}

/* A body of many records comes back whole. */
static void test_large_body(void)
{
    struct fixture fixture;
    char *body = malloc(700001);
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    for (size_t i = 0; i < 700000; i++) {
        body[i] = (char)('a' + i % 23);
    }
    body[700000] = '\0';
    fixture_init(&fixture);
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    for (int round = 0; round < 3; round++) {
        fixture_send(fd, "POST", "/echo", body, true);
        struct fastcgi_answer answer = fastcgi_answer(fd);
        const char *end = strstr(buf_cstr(&answer.text), "\r\n\r\n");
        CU_ASSERT_EQUAL(answer.ending, FASTCGI_END_REQUEST);
        CU_ASSERT_PTR_NOT_NULL_FATAL(end);
        CU_ASSERT_STRING_EQUAL(end + 4, body);
        buf_free(&answer.text);
    }
    close(fd);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    fixture_free(&fixture);
    free(body);
}

static void test_not_kept(void)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "POST", "/echo", "x", false);
    fixture_expect(fd, 200);
    CU_ASSERT_EQUAL(fastcgi_next(fd, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
    close(fd);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    fixture_free(&fixture);
}

/* A small body that the handler does not want costs neither the answer nor the connection. */
static void test_unread_body(void)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    for (int i = 0; i < 5; i++) {
        fixture_send(fd, "POST", "/large", "a body that nobody reads", true);
        fixture_expect(fd, 413);
    }
    close(fd);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    fixture_free(&fixture);
}

struct client {
    pthread_t thread;
    const struct fixture *fixture;
    unsigned requests;
    unsigned good;
};

static void *client_run(void *argument)
{
    struct client *client = argument;
    struct buf octets;
    buf_init(&octets, 100000);
    fastcgi_request(&octets, &(struct fastcgi_form){"POST", "/deliver", NULL, SLICE("body"), true});
    int fd = fastcgi_connect(http_server_address(client->fixture->server));
    for (unsigned i = 0; i < client->requests && fastcgi_send(fd, buf_slice(&octets)); i++) {
        struct fastcgi_answer answer = fastcgi_answer(fd);
        client->good += answer.ending == FASTCGI_END_REQUEST && answer.status == 200;
        buf_free(&answer.text);
    }
    close(fd);
    buf_free(&octets);
    return NULL;
}

/* 1,000 requests over 8 connections; afterwards as many descriptors are open as before. */
static void test_many_requests(void)
{
    struct fixture fixture;
    struct client clients[8];
    unsigned before = count_descriptors();
    fixture_init(&fixture);
    fixture_start(&fixture);
    for (size_t i = 0; i < 8; i++) {
        clients[i] = (struct client){.fixture = &fixture, .requests = 125};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&clients[i].thread, NULL, client_run, &clients[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        pthread_join(clients[i].thread, NULL);
        CU_ASSERT_EQUAL(clients[i].good, 125);
    }
    CU_ASSERT_TRUE(fixture_wait_connections(&fixture, 0));
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    CU_ASSERT_EQUAL(atomic_load(&fixture.delivered), 1000);
    CU_ASSERT_EQUAL(atomic_load(&fixture.written), 1000);
    CU_ASSERT_TRUE(atomic_load(&fixture.most_delivering) <= fixture.options.workers);
    fixture_free(&fixture);
    CU_ASSERT_EQUAL(count_descriptors(), before);
}

/* Idle connections, far more than there are threads, hinder nobody, and each still works. */
static void test_many_idle(void)
{
    struct fixture fixture;
    int fds[90];
    fixture_init(&fixture);
    fixture_start(&fixture);
    for (size_t i = 0; i < 90; i++) {
        fds[i] = fixture_connect(&fixture);
        if (i % 2 == 0) { /* half of them after a request */
            fixture_send(fds[i], "GET", "/ping", "", true);
            fixture_expect(fds[i], 200);
        }
    }
    CU_ASSERT_TRUE(fixture_wait_connections(&fixture, 90));
    for (size_t i = 0; i < 90; i++) {
        fixture_send(fds[i], "GET", "/ping", "", true);
        fixture_expect(fds[i], 200);
    }
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    for (size_t i = 0; i < 90; i++) {
        CU_ASSERT_EQUAL(fastcgi_next(fds[i], FIXTURE_WAIT_MS), FASTCGI_CLOSED);
        close(fds[i]);
    }
    fixture_free(&fixture);
}

static void test_idle_ends(void)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.options.idle_ms = 50;
    fixture_start(&fixture);
    int never_used = fixture_connect(&fixture);
    int used = fixture_connect(&fixture);
    fixture_send(used, "GET", "/ping", "", true);
    fixture_expect(used, 200);
    CU_ASSERT_EQUAL(fastcgi_next(never_used, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
    CU_ASSERT_EQUAL(fastcgi_next(used, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
    CU_ASSERT_TRUE(fixture_wait_connections(&fixture, 0));
    close(never_used);
    close(used);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    fixture_free(&fixture);
}

static void test_oldest_idle_makes_room(void)
{
    struct fixture fixture;
    int fds[4];
    fixture_init(&fixture);
    fixture.options.connections = 3;
    fixture_start(&fixture);
    for (size_t i = 0; i < 3; i++) {
        fds[i] = fixture_connect(&fixture);
        CU_ASSERT_TRUE(fixture_wait_connections(&fixture, (unsigned)i + 1));
    }
    fixture_send(fds[0], "GET", "/ping", "", true); /* then 1 is the oldest idle one */
    fixture_expect(fds[0], 200);
    fds[3] = fixture_connect(&fixture);
    fixture_send(fds[3], "GET", "/ping", "", true);
    fixture_expect(fds[3], 200);
    CU_ASSERT_EQUAL(fastcgi_next(fds[1], FIXTURE_WAIT_MS), FASTCGI_CLOSED);
    fixture_send(fds[0], "GET", "/ping", "", true);
    fixture_expect(fds[0], 200);
    CU_ASSERT_EQUAL(http_server_counts(fixture.server).connections, 3);
    for (size_t i = 0; i < 4; i++) {
        close(fds[i]);
    }
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    fixture_free(&fixture);
}

static void test_no_idle_to_close(void)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.options.connections = 1;
    fixture_start(&fixture);
    int busy = fixture_connect(&fixture);
    fixture_send(busy, "POST", "/stall", "", true);
    CU_ASSERT_TRUE(fixture_wait(&fixture.delivering, 1));
    int refused = fixture_connect(&fixture);
    CU_ASSERT_EQUAL(fastcgi_next(refused, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
    fixture_release(&fixture);
    fixture_expect(busy, 200);
    close(busy);
    close(refused);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    fixture_free(&fixture);
}

/* Takes every descriptor that is left below the limit; returns how many. */
static size_t fill_descriptors(int *fds, size_t count)
{
    size_t filled = 0;
    while (filled < count && (fds[filled] = dup(STDERR_FILENO)) >= 0) {
        filled++;
    }
    return filled;
}

static void check_out_of_descriptors(bool idle)
{
    struct fixture fixture;
    struct rlimit before;
    int filler[256];
    fixture_init(&fixture);
    fixture_start(&fixture);
    int idle_fd = idle ? fixture_connect(&fixture) : -1;
    CU_ASSERT_TRUE(fixture_wait_connections(&fixture, idle ? 1 : 0));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, fixture.listen + strlen("unix:"));
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit low = {.rlim_cur = (rlim_t)fd + 50, .rlim_max = before.rlim_max};
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &low), 0);
    size_t filled = fill_descriptors(filler, 256);

    CU_ASSERT_EQUAL(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    fixture_send(fd, "GET", "/ping", "", true);
    if (idle) {
        CU_ASSERT_EQUAL(fastcgi_next(idle_fd, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
        close(idle_fd);
    } else {
        CU_ASSERT_EQUAL(fastcgi_next(fd, 50), FASTCGI_NOTHING);
        for (size_t i = 0; i < filled; i++) {
            close(filler[i]);
        }
        filled = 0;
    }
    fixture_expect(fd, 200);

    for (size_t i = 0; i < filled; i++) {
        close(filler[i]);
    }
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(fd);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    fixture_free(&fixture);
}

/* Without a descriptor the server tries again, and gives up an idle connection if it has one. */
static void test_out_of_descriptors(void)
{
    check_out_of_descriptors(false);
    check_out_of_descriptors(true);
}

static void test_stop_before_run(void)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_start(&fixture);
    http_server_stop(fixture.server);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    fixture_free(&fixture);
}

/* A request that was sent before the stop is served, also where the acceptor has not seen it yet. */
static void test_stop_serves_what_came(void)
{
    struct fixture fixture;
    int fds[20];
    fixture_init(&fixture);
    fixture_start(&fixture);
    for (size_t i = 0; i < 20; i++) {
        fds[i] = fixture_connect(&fixture);
        fixture_send(fds[i], "POST", "/echo", "x", true);
    }
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    for (size_t i = 0; i < 20; i++) {
        fixture_expect(fds[i], 200);
        CU_ASSERT_EQUAL(fastcgi_next(fds[i], FIXTURE_WAIT_MS), FASTCGI_CLOSED);
        close(fds[i]);
    }
    CU_ASSERT_EQUAL(access(fixture.listen + strlen("unix:"), F_OK), -1);
    fixture_free(&fixture);
}

/* Connections that are there feel the new times, too. */
static void test_configure(void)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.options.connections = 2;
    fixture_start(&fixture);
    int idle = fixture_connect(&fixture);
    CU_ASSERT_TRUE(fixture_wait_connections(&fixture, 1));
    struct http_server_options options = fixture.options;
    options.allowed = calloc(1, sizeof *options.allowed);
    options.connections = 1;
    options.idle_ms = 600000;
    http_server_configure(fixture.server, &options);
    int second = fixture_connect(&fixture); /* takes the place of the idle one */
    CU_ASSERT_EQUAL(fastcgi_next(idle, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
    fixture_send(second, "POST", "/echo", "x", true);
    fixture_expect(second, 200);
    options.allowed = NULL;
    options.idle_ms = 1;
    http_server_configure(fixture.server, &options);
    CU_ASSERT_EQUAL(fastcgi_next(second, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
    close(idle);
    close(second);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    fixture_free(&fixture);
}

static void test_options(void)
{
    static const struct http_handler handler = {0};
    struct fixture fixture;
    struct err err = {0};
    fixture_init(&fixture);
    struct http_server_options options = fixture.options;
    options.workers = 0;
    CU_ASSERT_PTR_NULL(http_server_new(&options, &handler, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "workers"));
    options = fixture.options;
    options.listen = NULL;
    CU_ASSERT_PTR_NULL(http_server_new(&options, &handler, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no address"));
    http_server_free(NULL);
    struct http_server *unused = http_server_new(&fixture.options, &handler, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(unused);
    CU_ASSERT_STRING_EQUAL(http_server_address(unused), fixture.listen);
    http_server_free(unused); /* removes the socket without having run */
    CU_ASSERT_EQUAL(rmdir(fixture.dir), 0);
}

static const struct unit_test tests[] = {
    {"an answer", test_answer},
    {"HEAD", test_head},
    {"a large body", test_large_body},
    {"a connection that is not kept", test_not_kept},
    {"a body that is not read", test_unread_body},
    {"many requests", test_many_requests},
    {"many idle connections", test_many_idle},
    {"idle connections end", test_idle_ends},
    {"the oldest idle connection makes room", test_oldest_idle_makes_room},
    {"no idle connection to close", test_no_idle_to_close},
    {"out of descriptors", test_out_of_descriptors},
    {"stopped at once", test_stop_before_run},
    {"stopping serves what came", test_stop_serves_what_came},
    {"configure", test_configure},
    {"options", test_options},
};
UNIT_SUITE(http_server, tests);
