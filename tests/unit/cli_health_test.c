#include "cli/health.h"

#include <arpa/inet.h>
#include <fastcgi.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fastcgi_client.h"
#include "unit.h"

#define WAIT_MS  20000 /* for anything that is to happen: far more than it takes */
#define SHORT_MS 50    /* for what is never to happen */

/* The end of FastCGI that fcgi-smtp is: takes one connection, reads one request, says what it was told to. */
struct peer {
    int listener;
    char address[128];
    char path[96]; /* of a unix socket; "" if there is none */
    struct slice answer;
    size_t piece; /* octets of the answer in one write */
    bool keep;    /* wait for the client to close */
    bool deaf;    /* answer nothing, and wait for the client to close */
    struct buf request;
    size_t more; /* octets that came behind it */
    pthread_t thread;
};

static bool request_is_whole(struct slice octets)
{
    static const unsigned char end[] = {FCGI_VERSION_1, FCGI_STDIN, 0, 1, 0, 0, 0, 0};
    return octets.len >= sizeof end && memcmp(octets.data + octets.len - sizeof end, end, sizeof end) == 0;
}

/* False when the client has closed, or nothing came for too long. */
static bool receive(int fd, struct buf *into)
{
    char octets[4096];
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    ssize_t got = poll(&poll_fd, 1, WAIT_MS) > 0 ? recv(fd, octets, sizeof octets, 0) : -1;
    return got > 0 && buf_append(into, octets, (size_t)got);
}

static void *play(void *argument)
{
    struct peer *peer = argument;
    struct pollfd poll_fd = {.fd = peer->listener, .events = POLLIN};
    int fd = poll(&poll_fd, 1, WAIT_MS) > 0 ? accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (fd < 0) {
        return NULL;
    }
    int yes = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    while (!request_is_whole(buf_slice(&peer->request)) && receive(fd, &peer->request)) {
    }
    for (size_t sent = 0; !peer->deaf && sent < peer->answer.len; sent += peer->piece) {
        size_t left = peer->answer.len - sent;
        (void)send(fd, peer->answer.data + sent, left < peer->piece ? left : peer->piece, MSG_NOSIGNAL);
    }
    struct buf rest;
    buf_init(&rest, 4096);
    while ((peer->keep || peer->deaf) && receive(fd, &rest)) {
    }
    peer->more = rest.len;
    buf_free(&rest);
    close(fd);
    return NULL;
}

static void listen_tcp(struct peer *peer)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof any;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(peer->listener, (struct sockaddr *)&any, sizeof any), 0);
    CU_ASSERT_EQUAL_FATAL(getsockname(peer->listener, (struct sockaddr *)&any, &len), 0);
    snprintf(peer->address, sizeof peer->address, "127.0.0.1:%u", ntohs(any.sin_port));
}

static void listen_unix(struct peer *peer)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    char dir[] = "/tmp/fcgi-smtp-test-XXXXXX";
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(peer->path, sizeof peer->path, "%s/s", dir);
    snprintf(local.sun_path, sizeof local.sun_path, "%s", peer->path);
    snprintf(peer->address, sizeof peer->address, "unix:%s", peer->path);
    peer->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(peer->listener, (struct sockaddr *)&local, sizeof local), 0);
}

static void peer_start(struct peer *peer, bool local)
{
    buf_init(&peer->request, 65536);
    (local ? listen_unix : listen_tcp)(peer);
    CU_ASSERT_EQUAL_FATAL(listen(peer->listener, 1), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&peer->thread, NULL, play, peer), 0);
}

static void peer_join(struct peer *peer)
{
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    CU_ASSERT_EQUAL(peer->more, 0);
}

static void peer_free(struct peer *peer)
{
    if (peer->path[0] != '\0') {
        unlink(peer->path);
        *strrchr(peer->path, '/') = '\0';
        rmdir(peer->path);
    }
    buf_free(&peer->request);
}

static void peer_end(struct peer *peer)
{
    peer_join(peer);
    peer_free(peer);
}

/* One answer in records of at most piece octets. */
static void build_answer(struct buf *out, const char *text, size_t piece, bool end)
{
    static const unsigned char end_body[8];
    for (size_t at = 0; at < strlen(text); at += piece) {
        size_t left = strlen(text) - at;
        fastcgi_record(out, FCGI_STDOUT, text + at, left < piece ? left : piece, 3);
    }
    if (end) {
        fastcgi_record(out, FCGI_STDERR, "a warning", 9, 0);
        fastcgi_record(out, FCGI_STDOUT, NULL, 0, 0);
        fastcgi_record(out, FCGI_END_REQUEST, end_body, sizeof end_body, 0);
    }
}

#define GOOD "Status: 200 OK\r\nContent-Type: application/json\r\n\r\n{\"status\":\"ok\"}"

static void test_answers(void)
{
    static const struct {
        const char *text;
        size_t record; /* octets in one record */
        size_t piece;  /* octets in one write */
        bool end, keep, local;
        const char *error; /* "": healthy */
    } cases[] = {
        {GOOD, 65535, 65535, true, false, false, ""},
        {GOOD, 65535, 65535, true, false, true, ""},
        {GOOD, 65535, 65535, true, true, false, ""}, /* the answer ends, not the connection */
        {GOOD, 1, 65535, true, true, false, ""},
        {GOOD, 65535, 1, true, true, false, ""},
        {GOOD, 3, 1, true, false, true, ""},
        {GOOD, 65535, 65535, false, false, false, "closed the connection without an answer"},
        {"", 1, 1, false, false, false, "closed the connection without an answer"},
        {"", 1, 65535, true, false, false, "answered /healthz with \"\", not with 200"},
        {"Status: 404 Not Found\r\n\r\n{}", 65535, 65535, true, false, false,
         "answered /healthz with \"Status: 404 Not Found\", not with 200; is base_path what it serves?"},
        {"Status: 2000 OK\r\n\r\n{}", 65535, 65535, true, false, false, "not with 200"},
        {"HTTP/1.1 200 OK\r\n\r\n", 65535, 65535, true, false, false, "not with 200"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf answer;
        struct err err = {0};
        buf_init(&answer, 65536);
        build_answer(&answer, cases[i].text, cases[i].record, cases[i].end);
        struct peer peer = {.answer = buf_slice(&answer), .piece = cases[i].piece, .keep = cases[i].keep};
        peer_start(&peer, cases[i].local);
        bool healthy = health_ask(peer.address, "/", WAIT_MS, &err);
        peer_end(&peer);
        CU_ASSERT_EQUAL(healthy, cases[i].error[0] == '\0');
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].error));
        CU_ASSERT_EQUAL(healthy, err.text[0] == '\0');
        CU_ASSERT_TRUE(healthy || strncmp(err.text, peer.address, strlen(peer.address)) == 0);
        buf_free(&answer);
    }
}

/* Every cut of an answer: never healthy before its end. */
static void test_cut_answers(void)
{
    struct buf answer;
    buf_init(&answer, 65536);
    build_answer(&answer, GOOD, 20, true);
    for (size_t len = 0; len <= answer.len; len++) {
        struct err err = {0};
        struct peer peer = {.answer = {answer.data, len}, .piece = 65535};
        peer_start(&peer, true);
        CU_ASSERT_EQUAL(health_ask(peer.address, "/", WAIT_MS, &err), len == answer.len);
        peer_end(&peer);
    }
    buf_free(&answer);
}

static void test_no_fastcgi(void)
{
    static char endless[80 * 1024];
    memset(endless, FCGI_VERSION_1, sizeof endless); /* records of 257 octets, none of them an end */
    const struct slice answers[] = {SLICE("HTTP/1.1 200 OK\r\n\r\nStatus: 200 OK"),
                                    {endless, sizeof endless}};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct err err = {0};
        struct peer peer = {.answer = answers[i], .piece = sizeof endless};
        peer_start(&peer, false);
        CU_ASSERT_FALSE(health_ask(peer.address, "/", WAIT_MS, &err));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "sent something that is no FastCGI answer"));
        peer_end(&peer);
    }
}

static void test_silence(void)
{
    struct err err = {0};
    struct peer peer = {.deaf = true};
    peer_start(&peer, false);
    CU_ASSERT_FALSE(health_ask(peer.address, "/", SHORT_MS, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "sent no answer in time"));
    peer_end(&peer);
}

/* What is asked, octet for octet (FastCGI 3.3, 3.4, 5.1 to 5.3). */
static void test_request(void)
{
    char long_base[201] = "/";
    memset(long_base + 1, 'a', sizeof long_base - 2);
    const char *const bases[] = {"/", "/mail", long_base};
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        struct buf expected;
        struct buf params;
        struct buf answer;
        struct err err = {0};
        char path[256];
        buf_init(&expected, 4096);
        buf_init(&params, 4096);
        buf_init(&answer, 4096);
        build_answer(&answer, GOOD, 65535, true);
        snprintf(path, sizeof path, "%s/healthz", i == 0 ? "" : bases[i]);
        fastcgi_begin(&expected, false);
        fastcgi_pair(&params, "REQUEST_METHOD", "GET");
        fastcgi_pair(&params, "DOCUMENT_URI", path);
        fastcgi_pair(&params, "REMOTE_ADDR", "127.0.0.1");
        fastcgi_record(&expected, FCGI_PARAMS, params.data, params.len, 0);
        fastcgi_record(&expected, FCGI_PARAMS, NULL, 0, 0);
        fastcgi_record(&expected, FCGI_STDIN, NULL, 0, 0);
        struct peer peer = {.answer = buf_slice(&answer), .piece = 65535};
        peer_start(&peer, true);
        CU_ASSERT_TRUE(health_ask(peer.address, bases[i], WAIT_MS, &err));
        peer_join(&peer);
        CU_ASSERT_TRUE(slice_equal(buf_slice(&peer.request), buf_slice(&expected)));
        peer_free(&peer);
        buf_free(&expected);
        buf_free(&params);
        buf_free(&answer);
    }
}

static void test_no_connection(void)
{
    struct err err = {0};
    CU_ASSERT_FALSE(health_ask("somewhere", "/", WAIT_MS, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "somewhere is no address; give unix:/path"));
    CU_ASSERT_FALSE(health_ask("unix:/nonexistent/socket", "/", WAIT_MS, &err));
    CU_ASSERT_STRING_EQUAL(
        err.text,
        "unix:/nonexistent/socket: No such file or directory; does fcgi-smtp run, and listen there?");

    struct peer peer = {0};
    listen_tcp(&peer); /* bound, but not listening: refused */
    CU_ASSERT_FALSE(health_ask(peer.address, "/", WAIT_MS, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ": Connection refused"));
    close(peer.listener);
}

static const struct unit_test tests[] = {
    {"answers", test_answers},       {"every cut of an answer", test_cut_answers},
    {"no FastCGI", test_no_fastcgi}, {"silence", test_silence},
    {"the request", test_request},   {"no connection", test_no_connection},
};

UNIT_SUITE(cli_health, tests);
