/* Peers that break off, are late, break the protocol, or go on sending. */
#include "http_fixture.h"

#include <fastcgi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

static void whole_request(struct buf *octets, const char *path, const char *content_length, const char *body)
{
    buf_init(octets, 64 * 1024 * 1024);
    fastcgi_request(octets, &(struct fastcgi_form){"POST", path, content_length, slice_of(body), true});
}

static void end_test(struct fixture *fixture)
{
    CU_ASSERT_TRUE(fixture_wait_connections(fixture, 0));
    CU_ASSERT_TRUE(fixture_stop(fixture));
    fixture_free(fixture);
}

/* A request that breaks off anywhere is never delivered, and leaves nothing behind. */
static void test_every_cut(void)
{
    struct fixture fixture;
    struct buf octets;
    unsigned before = count_descriptors();
    fixture_init(&fixture);
    fixture_start(&fixture);
    whole_request(&octets, "/deliver", NULL, "the body of it");
    for (size_t cut = 0; cut < octets.len; cut++) {
        int fd = fixture_connect(&fixture);
        CU_ASSERT_TRUE(fastcgi_send(fd, (struct slice){octets.data, cut}));
        close(fd);
    }
    CU_ASSERT_TRUE(fixture_wait_connections(&fixture, 0));
    CU_ASSERT_EQUAL(atomic_load(&fixture.delivered), 0);
    buf_free(&octets);
    end_test(&fixture);
    CU_ASSERT_EQUAL(count_descriptors(), before);
}

/* The peer has ended its side in the middle of the body but still listens: it gets its 400. */
static void test_cut_body_is_answered(void)
{
    struct fixture fixture;
    struct buf octets;
    fixture_init(&fixture);
    fixture_start(&fixture);
    whole_request(&octets, "/deliver", NULL, "the body of it");
    for (size_t cut = 1; cut < FCGI_HEADER_LEN + 14; cut += 4) {
        int fd = fixture_connect(&fixture);
        CU_ASSERT_TRUE(fastcgi_send(fd, (struct slice){octets.data, octets.len - cut}));
        shutdown(fd, SHUT_WR);
        fixture_expect(fd, 400);
        CU_ASSERT_EQUAL(fastcgi_next(fd, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
        close(fd);
    }
    CU_ASSERT_EQUAL(atomic_load(&fixture.delivered), 0);
    buf_free(&octets);
    end_test(&fixture);
}

static void check_length(const char *content_length, const char *body, int status)
{
    struct fixture fixture;
    struct buf octets;
    fixture_init(&fixture);
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    whole_request(&octets, "/deliver", content_length, body);
    CU_ASSERT_TRUE(fastcgi_send(fd, buf_slice(&octets)));
    fixture_expect(fd, status);
    /* Each stream ended as it should, so the connection can be used again. */
    fixture_send(fd, "GET", "/ping", "", true);
    fixture_expect(fd, 200);
    close(fd);
    CU_ASSERT_EQUAL(atomic_load(&fixture.delivered), status == 200 ? 1 : 0);
    buf_free(&octets);
    end_test(&fixture);
}

static void test_content_length(void)
{
    check_length("4", "body", 200);
    check_length("", "body", 200); /* not announced */
    check_length("", "", 200);
    check_length("0", "", 200);
    check_length("5", "body", 400);
    check_length("4", "", 400);
    check_length("3", "body", 400);
    check_length("0", "b", 400);
    check_length("x", "body", 400);
    check_length("-1", "", 400);
}

static void test_abort(void)
{
    struct fixture fixture;
    struct buf octets;
    fixture_init(&fixture);
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    whole_request(&octets, "/deliver", NULL, "body");
    octets.len -= FCGI_HEADER_LEN;
    fastcgi_record(&octets, FCGI_ABORT_REQUEST, NULL, 0, 0);
    CU_ASSERT_TRUE(fastcgi_send(fd, buf_slice(&octets)));
    fixture_expect(fd, 400);
    CU_ASSERT_EQUAL(fastcgi_next(fd, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
    close(fd);
    CU_ASSERT_EQUAL(atomic_load(&fixture.delivered), 0);
    buf_free(&octets);
    end_test(&fixture);
}

/* A body that does not arrive in time: 400, and the thread is free again. Also where octets drip in. */
static void check_late(size_t missing, bool drip)
{
    struct fixture fixture;
    struct buf octets;
    fixture_init(&fixture);
    fixture.options.read_time_ms = 100;
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    whole_request(&octets, "/deliver", NULL, "the body of it");
    size_t sent = octets.len - missing;
    CU_ASSERT_TRUE(fastcgi_send(fd, (struct slice){octets.data, sent}));
    while (drip && sent + 1 < octets.len && fastcgi_next(fd, 20) == FASTCGI_NOTHING) {
        (void)fastcgi_send(fd, (struct slice){octets.data + sent++, 1});
    }
    if (!drip) {
        fixture_expect(fd, 400);
        CU_ASSERT_EQUAL(fastcgi_next(fd, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
    }
    CU_ASSERT_TRUE(fixture_wait(&fixture.finished, 1));
    close(fd);
    CU_ASSERT_EQUAL(atomic_load(&fixture.delivered), 0);
    buf_free(&octets);
    end_test(&fixture);
}

static void test_late_body(void)
{
    check_late(5, false);
    check_late(FCGI_HEADER_LEN, false);
    check_late(FCGI_HEADER_LEN + 15 + 7, true);
}

/* Late in the parameters there is nobody to answer to. */
static void test_late_params(void)
{
    struct fixture fixture;
    struct buf octets;
    fixture_init(&fixture);
    fixture.options.read_time_ms = 100;
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    whole_request(&octets, "/deliver", NULL, "");
    CU_ASSERT_TRUE(fastcgi_send(fd, (struct slice){octets.data, 30}));
    CU_ASSERT_EQUAL(fastcgi_next(fd, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
    close(fd);
    buf_free(&octets);
    end_test(&fixture);
    CU_ASSERT_EQUAL(atomic_load(&fixture.begun), 0);
}

static void check_first_octets(struct slice octets, bool ends)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    CU_ASSERT_TRUE(fastcgi_send(fd, octets));
    if (ends) {
        shutdown(fd, SHUT_WR);
    }
    enum fastcgi_ending ending = fastcgi_next(fd, FIXTURE_WAIT_MS);
    CU_ASSERT_TRUE(ending == FASTCGI_CLOSED || ending == FASTCGI_RESET);
    close(fd);
    end_test(&fixture);
    CU_ASSERT_EQUAL(atomic_load(&fixture.begun), 0);
}

static void test_garbage(void)
{
    check_first_octets(SLICE("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"), false);
    check_first_octets(SLICE("\1\1\0\1\377\377\0\0\0\1\0\0\0\0\0\0"), false); /* a huge record */
    check_first_octets(SLICE("\1\11\0\0\0\377\0\0FCGI_MAX_CONNS"), false);    /* FCGI_GET_VALUES */
    check_first_octets(SLICE("\1\1\0\1"), true);
    check_first_octets(SLICE(""), true);
}

/* The first record octet by octet; the request is served all the same. */
static void test_dripping_first_record(void)
{
    struct fixture fixture;
    struct buf octets;
    fixture_init(&fixture);
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    whole_request(&octets, "/echo", NULL, "body");
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < octets.len; i++) {
            CU_ASSERT_TRUE(fastcgi_send(fd, (struct slice){octets.data + i, 1}));
            if (i < 20) {
                CU_ASSERT_EQUAL(fastcgi_next(fd, 1), FASTCGI_NOTHING);
            }
        }
        fixture_expect(fd, 200);
    }
    close(fd);
    buf_free(&octets);
    end_test(&fixture);
}

/*
 * A few octets and no more: the connection is closed after a while, and the acceptor does not spin until
 * then.
 */
static void test_partial_first_record(void)
{
    struct fixture fixture;
    struct timespec busy_before;
    struct timespec busy_after;
    fixture_init(&fixture);
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &busy_before);
    deadline begun = deadline_now();
    CU_ASSERT_TRUE(fastcgi_send(fd, SLICE("\1\1\0")));
    enum fastcgi_ending ending = fastcgi_next(fd, FIXTURE_WAIT_MS);
    CU_ASSERT_TRUE(ending == FASTCGI_CLOSED || ending == FASTCGI_RESET);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &busy_after);
    CU_ASSERT_TRUE(deadline_now() - begun >= 4900);
    CU_ASSERT_TRUE(busy_after.tv_sec - busy_before.tv_sec <= 1);
    close(fd);
    end_test(&fixture);
}

/* Parameters whose lengths announce what never comes; libfcgi makes room for it first. */
static void test_huge_parameter(void)
{
    struct fixture fixture;
    struct buf octets;
    fixture_init(&fixture);
    fixture_start(&fixture);
    buf_init(&octets, 1000);
    fastcgi_begin(&octets, true);
    fastcgi_record(&octets, FCGI_PARAMS, "\x84\0\0\0\x84\0\0\0NAME", 12, 0); /* 64 MiB each */
    fastcgi_record(&octets, FCGI_PARAMS, NULL, 0, 0);
    int fd = fixture_connect(&fixture);
    CU_ASSERT_TRUE(fastcgi_send(fd, buf_slice(&octets)));
    enum fastcgi_ending ending = fastcgi_next(fd, FIXTURE_WAIT_MS);
    CU_ASSERT_TRUE(ending == FASTCGI_CLOSED || ending == FASTCGI_RESET);
    close(fd);
    buf_free(&octets);
    end_test(&fixture);
    CU_ASSERT_EQUAL(atomic_load(&fixture.begun), 0);
}

/*
 * Octets that libfcgi has read with a request and that are not part of it end the connection, after the
 * answer.
 */
static void test_leftover(void)
{
    struct fixture fixture;
    struct buf octets;
    fixture_init(&fixture);
    fixture_start(&fixture);
    whole_request(&octets, "/echo", NULL, "body");
    size_t one = octets.len;
    CU_ASSERT_TRUE(buf_reserve(&octets, one) != NULL);
    memcpy(octets.data + one, octets.data, one); /* the next request at once, in the same segment */
    octets.len = 2 * one;
    int fd = fixture_connect(&fixture);
    CU_ASSERT_TRUE(fastcgi_send(fd, buf_slice(&octets)));
    fixture_expect(fd, 200);
    CU_ASSERT_EQUAL(fastcgi_next(fd, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
    close(fd);
    CU_ASSERT_EQUAL(atomic_load(&fixture.begun), 1);
    buf_free(&octets);
    end_test(&fixture);
}

/*
 * The handler answers before the large body is read; the peer gets the whole answer although it is still
 * sending.
 */
static void test_early_answer(void)
{
    struct fixture fixture;
    struct buf octets;
    char *body = malloc(4 * 1024 * 1024 + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    memset(body, 'x', 4 * 1024 * 1024);
    body[4 * 1024 * 1024] = '\0';
    fixture_init(&fixture);
    fixture_start(&fixture);
    whole_request(&octets, "/large", NULL, body);
    int fd = fixture_connect(&fixture);
    CU_ASSERT_TRUE(fastcgi_send(fd, (struct slice){octets.data, 100000}));
    fixture_expect(fd, 413);
    /* It never waits for the rest, but takes it, so that nothing is reset. */
    CU_ASSERT_EQUAL(fastcgi_next(fd, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
    CU_ASSERT_TRUE(fastcgi_send(fd, (struct slice){octets.data + 100000, octets.len - 100000}));
    close(fd);
    buf_free(&octets);
    free(body);
    end_test(&fixture);
}

/* A small rest that the handler does not want and that never comes: answered all the same, in about 2 s. */
static void test_rest_never_comes(void)
{
    struct fixture fixture;
    struct buf octets;
    fixture_init(&fixture);
    fixture_start(&fixture);
    whole_request(&octets, "/large", NULL, "body");
    int fd = fixture_connect(&fixture);
    deadline begun = deadline_now();
    CU_ASSERT_TRUE(fastcgi_send(fd, (struct slice){octets.data, octets.len - FCGI_HEADER_LEN - 2}));
    fixture_expect(fd, 413);
    CU_ASSERT_TRUE(deadline_now() - begun < FIXTURE_WAIT_MS / 2);
    CU_ASSERT_EQUAL(fastcgi_next(fd, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
    close(fd);
    buf_free(&octets);
    end_test(&fixture);
}

/* The peer has gone when the answer is written: the handler learns of it. */
static void test_gone(void)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "POST", "/stall", "", true);
    CU_ASSERT_TRUE(fixture_wait(&fixture.delivering, 1));
    close(fd);
    fixture_release(&fixture);
    CU_ASSERT_TRUE(fixture_wait(&fixture.finished, 1));
    CU_ASSERT_EQUAL(atomic_load(&fixture.written), 0);
    end_test(&fixture);
}

static const struct unit_test tests[] = {
    {"every cut of a request", test_every_cut},
    {"a cut body is answered", test_cut_body_is_answered},
    {"another length than announced", test_content_length},
    {"aborted", test_abort},
    {"a late body", test_late_body},
    {"late parameters", test_late_params},
    {"garbage", test_garbage},
    {"a dripping first record", test_dripping_first_record},
    {"a partial first record", test_partial_first_record},
    {"huge parameters", test_huge_parameter},
    {"leftover octets", test_leftover},
    {"an early answer", test_early_answer},
    {"a rest that never comes", test_rest_never_comes},
    {"a peer that has gone", test_gone},
};
UNIT_SUITE(http_peer, tests);
