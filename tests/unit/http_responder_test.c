/* Pins what the server relies on in libfcgi, over a socket pair. */
#include "http/responder.h"

#include <errno.h>
#include <fastcgi.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fastcgi_client.h"
#include "unit.h"

struct pair {
    int peer;
    int fd; /* libfcgi's */
    struct responder responder;
};

/* Octets that the peer sends; then, unless more is to come, it ends its side. */
static void pair_open(struct pair *pair, const struct buf *octets, bool more)
{
    int fds[2];
    CU_ASSERT_TRUE_FATAL(responder_setup(NULL));
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pair->peer = fds[0];
    pair->fd = fds[1];
    CU_ASSERT_TRUE_FATAL(fastcgi_send(pair->peer, buf_slice(octets)));
    if (!more) {
        shutdown(pair->peer, SHUT_WR);
    }
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0 || errno != EBADF;
}

static void request_octets(struct buf *out, const char *body, bool keep)
{
    buf_init(out, 1024 * 1024);
    fastcgi_request(out, &(struct fastcgi_form){"POST", "/x", NULL, slice_of(body), keep});
}

static void check_body(struct responder *responder, const char *expected, enum responder_end end)
{
    struct slice body;
    CU_ASSERT_TRUE(responder_next(responder, &body));
    CU_ASSERT_TRUE(slice_equal(body, slice_of(expected)));
    CU_ASSERT_FALSE(responder_next(responder, &body));
    CU_ASSERT_EQUAL(responder_ended(responder), end);
}

/* Nobody can take the connection for another request: more comes with the end than belongs to it. */
static void test_part(void)
{
    struct pair pair;
    struct buf octets;
    unsigned char got[1024];
    request_octets(&octets, "body", true);
    pair_open(&pair, &octets, true);
    CU_ASSERT_TRUE_FATAL(responder_accept(&pair.responder, pair.fd, false));
    check_body(&pair.responder, "body", RESPONDER_CLEAN);
    CU_ASSERT_TRUE(responder_write(&pair.responder, "Status: 200 OK\r\n\r\n", 18));
    CU_ASSERT_TRUE(responder_finish(&pair.responder, true));
    ssize_t out = FCGI_HEADER_LEN + 18 + 6; /* libfcgi pads */
    CU_ASSERT_EQUAL_FATAL(recv(pair.peer, got, (size_t)out, MSG_WAITALL), out);
    CU_ASSERT_TRUE(responder_free(&pair.responder)); /* writes nothing more */
    ssize_t end = recv(pair.peer, got, sizeof got, 0);
    CU_ASSERT_EQUAL_FATAL(end,
                          FCGI_HEADER_LEN + sizeof(FCGI_EndRequestRecord) + sizeof(FCGI_UnknownTypeRecord));
    CU_ASSERT_EQUAL(got[1], FCGI_STDOUT);
    CU_ASSERT_EQUAL(got[FCGI_HEADER_LEN + 1], FCGI_END_REQUEST);
    CU_ASSERT_EQUAL(got[FCGI_HEADER_LEN + 3], FASTCGI_REQUEST_ID);
    CU_ASSERT_EQUAL(got[FCGI_HEADER_LEN + sizeof(FCGI_EndRequestRecord) + 1], FCGI_UNKNOWN_TYPE);
    CU_ASSERT_TRUE(recv(pair.peer, got, sizeof got, MSG_DONTWAIT) < 0);
    buf_free(&octets);
    close(pair.peer);
    close(pair.fd);
}

static void check_kept(bool keep)
{
    struct pair pair;
    struct buf octets;
    request_octets(&octets, "body", keep);
    pair_open(&pair, &octets, true);
    for (int round = 0; round < 2;
         round++) { /* the same connection serves again, whether the peer asked or not */
        CU_ASSERT_TRUE_FATAL(responder_accept(&pair.responder, pair.fd, false));
        CU_ASSERT_EQUAL(pair.responder.keep, keep);
        CU_ASSERT_PTR_NOT_NULL(FCGX_GetParam("DOCUMENT_URI", pair.responder.fcgi.envp));
        check_body(&pair.responder, "body", RESPONDER_CLEAN);
        CU_ASSERT_EQUAL(responder_leftover(&pair.responder), 0);
        CU_ASSERT_TRUE(responder_write(&pair.responder, "Status: 200 OK\r\n\r\n", 18));
        CU_ASSERT_TRUE(responder_finish(&pair.responder, false));
        /* All is written, and the parameters are still there. */
        struct fastcgi_answer answer = fastcgi_answer(pair.peer);
        CU_ASSERT_EQUAL(answer.ending, FASTCGI_END_REQUEST);
        CU_ASSERT_EQUAL(answer.status, 200);
        buf_free(&answer.text);
        CU_ASSERT_STRING_EQUAL(FCGX_GetParam("DOCUMENT_URI", pair.responder.fcgi.envp), "/x");
        CU_ASSERT_TRUE(responder_free(&pair.responder));
        CU_ASSERT_TRUE(is_open(pair.fd));
        CU_ASSERT_TRUE(round == 1 || fastcgi_send(pair.peer, buf_slice(&octets)));
    }
    buf_free(&octets);
    close(pair.fd);
    close(pair.peer);
}

static void test_kept(void)
{
    check_kept(true);
    check_kept(false);
}

/*
 * Every cut of a request: either there is no request, or its body is broken; and libfcgi closes its
 * descriptor.
 */
static void test_every_cut(void)
{
    struct buf octets;
    request_octets(&octets, "some body", true);
    size_t whole = octets.len;
    for (size_t cut = 0; cut <= whole; cut++) {
        struct pair pair;
        octets.len = cut;
        pair_open(&pair, &octets, false);
        bool accepted = responder_accept(&pair.responder, pair.fd, false);
        if (accepted) {
            struct slice body;
            while (responder_next(&pair.responder, &body)) {
            }
            CU_ASSERT_EQUAL(responder_ended(&pair.responder),
                            cut == whole ? RESPONDER_CLEAN : RESPONDER_BROKEN);
            CU_ASSERT_EQUAL(responder_free(&pair.responder), cut == whole);
        }
        CU_ASSERT_TRUE(accepted || cut < whole);
        CU_ASSERT_EQUAL(is_open(pair.fd), cut == whole);
        if (cut == whole) {
            close(pair.fd);
        }
        close(pair.peer);
    }
    buf_free(&octets);
}

/* The whole body; the buffer is made wide before the piece of that number, and narrow before the next. */
static void read_resized(struct responder *responder, size_t resized_at, struct buf *body)
{
    struct slice piece;
    size_t number = 0;
    do {
        if (number == resized_at || number == resized_at + 1) {
            responder_resize(responder, number == resized_at ? RESPONDER_WIDE : RESPONDER_NARROW);
        }
        number++;
    } while (responder_next(responder, &piece) && buf_append_slice(body, piece));
}

static void test_resize(void)
{
    enum { RECORDS = 20 };
    struct buf octets;
    struct buf sent;
    struct buf body;
    request_octets(&octets, "", true);
    octets.len -= FCGI_HEADER_LEN;
    buf_init(&sent, 1024 * 1024);
    buf_init(&body, 1024 * 1024);
    for (size_t i = 0; i < RECORDS; i++) { /* some fit into the first read, most do not */
        char content[3000];
        memset(content, 'a' + (int)i, sizeof content);
        size_t len = 1 + i * 139;
        fastcgi_record(&octets, FCGI_STDIN, content, len, (unsigned)i % 8);
        CU_ASSERT_TRUE(buf_append(&sent, content, len));
    }
    fastcgi_record(&octets, FCGI_STDIN, NULL, 0, 0);
    for (size_t resized_at = 0; resized_at < RECORDS + 5; resized_at++) {
        struct pair pair;
        pair_open(&pair, &octets, true);
        CU_ASSERT_TRUE_FATAL(responder_accept(&pair.responder, pair.fd, false));
        buf_clear(&body);
        read_resized(&pair.responder, resized_at, &body);
        CU_ASSERT(slice_equal(buf_slice(&body), buf_slice(&sent)));
        CU_ASSERT_EQUAL(responder_ended(&pair.responder), RESPONDER_CLEAN);
        CU_ASSERT_EQUAL(responder_leftover(&pair.responder), 0);
        CU_ASSERT_TRUE(responder_free(&pair.responder));
        close(pair.fd);
        close(pair.peer);
    }
    buf_free(&octets);
    buf_free(&sent);
    buf_free(&body);
}

static void check_rest(const struct buf *octets, const char *body, enum responder_end end, size_t leftover)
{
    struct pair pair;
    pair_open(&pair, octets, true);
    CU_ASSERT_TRUE_FATAL(responder_accept(&pair.responder, pair.fd, false));
    check_body(&pair.responder, body, end);
    if (end == RESPONDER_CLEAN) {
        CU_ASSERT_EQUAL(responder_leftover(&pair.responder), leftover);
    }
    CU_ASSERT_EQUAL(responder_free(&pair.responder), end == RESPONDER_CLEAN);
    if (is_open(pair.fd)) {
        close(pair.fd);
    }
    close(pair.peer);
}

static void test_leftover(void)
{
    struct buf octets;
    request_octets(&octets, "body", true);
    size_t whole = octets.len;
    for (size_t more = 1; more <= 3000; more += 333) {
        CU_ASSERT_TRUE(buf_reserve(&octets, more) != NULL);
        memset(octets.data + whole, 1, more);
        octets.len = whole + more;
        check_rest(&octets, "body", RESPONDER_CLEAN, more);
    }
    buf_free(&octets);
}

/* An end record with padding leaves it in the buffer, and so counts as leftover. */
static void test_padded_end(void)
{
    struct buf octets;
    request_octets(&octets, "body", true);
    octets.len -= FCGI_HEADER_LEN;
    fastcgi_record(&octets, FCGI_STDIN, NULL, 0, 8);
    check_rest(&octets, "body", RESPONDER_CLEAN, 8);
    buf_free(&octets);
}

static void check_record_in_body(int type)
{
    struct buf octets;
    request_octets(&octets, "body", true);
    octets.len -= FCGI_HEADER_LEN;
    fastcgi_record(&octets, type, NULL, 0, 0);
    check_rest(&octets, "body", RESPONDER_BROKEN, 0);
    buf_free(&octets);
}

static void test_record_out_of_place(void)
{
    check_record_in_body(FCGI_ABORT_REQUEST);
    check_record_in_body(FCGI_PARAMS);
    check_record_in_body(FCGI_DATA);
    check_record_in_body(99);
}

static void check_drain(const struct buf *octets, int64_t ms, size_t limit, enum responder_end end)
{
    struct pair pair;
    pair_open(&pair, octets, true);
    CU_ASSERT_TRUE_FATAL(responder_accept(&pair.responder, pair.fd, false));
    CU_ASSERT_EQUAL(responder_drain(&pair.responder, ms, limit), end);
    CU_ASSERT_EQUAL(responder_free(&pair.responder), end != RESPONDER_BROKEN);
    if (is_open(pair.fd)) {
        close(pair.fd);
    }
    close(pair.peer);
}

static void test_drain(void)
{
    char body[20000];
    struct buf octets;
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    request_octets(&octets, body, true);
    check_drain(&octets, 20000, 100000, RESPONDER_CLEAN);
    check_drain(&octets, 20000, 1000, RESPONDER_OPEN);
    octets.len -= FCGI_HEADER_LEN;
    check_drain(&octets, 20, 100000, RESPONDER_BROKEN); /* waits for the end, but not for ever */
    buf_free(&octets);
}

static void test_first_record(void)
{
    static const struct {
        unsigned char record[RESPONDER_FIRST_RECORD];
        bool ok;
    } cases[] = {
        {{1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, true},
        {{1, 1, 1, 0, 0, 8, 255, 9, 0, 1, 1, 7, 7, 7, 7, 7}, true}, /* padding, reserved: whatever */
        {{2, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, false},
        {{1, 4, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, false},
        {{1, 9, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, false}, /* FCGI_GET_VALUES */
        {{1, 1, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, false}, /* no request id */
        {{1, 1, 0, 1, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, false},
        {{1, 1, 0, 1, 255, 255, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, false},
        {{1, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, false},
        {{1, 1, 0, 1, 0, 8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0}, false}, /* authorizer */
        {{1, 1, 0, 1, 0, 8, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0}, false}, /* filter */
        {{1, 1, 0, 1, 0, 8, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0}, false},
        {{'G', 'E', 'T', ' ', '/', ' ', 'H', 'T', 'T', 'P'}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(responder_first_record_ok(cases[i].record), cases[i].ok);
    }
}

static void on_signal(int number)
{
    (void)number;
}

/* libfcgi's own actions, which it installs once, are undone each time. */
static void test_signals(void)
{
    struct sigaction before = {.sa_handler = SIG_DFL};
    struct sigaction action;
    sigaction(SIGTERM, &before, NULL);
    before.sa_handler = on_signal;
    sigaction(SIGUSR1, &before, NULL);
    CU_ASSERT_TRUE(responder_setup(NULL));
    sigaction(SIGPIPE, NULL, &action);
    CU_ASSERT_TRUE(action.sa_handler == SIG_IGN);
    sigaction(SIGTERM, NULL, &action);
    CU_ASSERT_TRUE(action.sa_handler == SIG_DFL);
    sigaction(SIGUSR1, NULL, &action);
    CU_ASSERT_TRUE(action.sa_handler == on_signal);
    before.sa_handler = SIG_DFL;
    sigaction(SIGUSR1, &before, NULL);
}

static const struct unit_test tests[] = {
    {"signal actions", test_signals}, /* first: FCGX_Init works once in a process */
    {"a connection is kept", test_kept},
    {"every cut", test_every_cut},
    {"parting", test_part},
    {"a buffer of another size", test_resize},
    {"leftover octets", test_leftover},
    {"an end record with padding", test_padded_end},
    {"records out of place", test_record_out_of_place},
    {"draining", test_drain},
    {"the first record", test_first_record},
};
UNIT_SUITE(http_responder, tests);
