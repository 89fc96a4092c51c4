#include "http/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http_fixture.h"
#include "unit.h"

struct place {
    char dir[64];
    char path[80];
    char address[96];
};

static void place_make(struct place *place)
{
    strcpy(place->dir, "/tmp/http_listener_test.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place->dir));
    snprintf(place->path, sizeof place->path, "%s/s", place->dir);
    snprintf(place->address, sizeof place->address, "unix:%s", place->path);
}

static void place_remove(const struct place *place)
{
    CU_ASSERT_EQUAL(rmdir(place->dir), 0);
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 ? status.st_mode : 0;
}

static void test_unix(void)
{
    struct place place;
    struct listener listener;
    place_make(&place);
    mode_t before = umask(0077);
    CU_ASSERT_TRUE(listener_open(&listener, place.address, 0662, NULL, NULL));
    umask(before);
    CU_ASSERT_STRING_EQUAL(listener.address, place.address);
    CU_ASSERT_EQUAL(mode_of(place.path), S_IFSOCK | 0662);
    int fd = fastcgi_connect(place.address);
    struct http_address peer;
    int accepted = listener_accept(&listener, &peer);
    CU_ASSERT_TRUE(fd >= 0 && accepted >= 0);
    CU_ASSERT_TRUE((fcntl(accepted, F_GETFD) & FD_CLOEXEC) != 0);
    CU_ASSERT_TRUE((fcntl(accepted, F_GETFL) & O_NONBLOCK) == 0);
    CU_ASSERT_TRUE((fcntl(listener.fd, F_GETFD) & FD_CLOEXEC) != 0);
    CU_ASSERT_EQUAL(listener_accept(&listener, &peer), -1); /* does not block */
    close(fd);
    close(accepted);
    listener_close(&listener);
    listener_close(&listener);
    place_remove(&place);
}

static void test_group(void)
{
    struct place place;
    struct listener listener;
    struct err err = {0};
    struct stat status;
    place_make(&place);
    const struct group *own = getgrgid(getegid());
    if (own != NULL) {
        CU_ASSERT_TRUE(listener_open(&listener, place.address, 0660, own->gr_name, &err));
        CU_ASSERT_EQUAL(lstat(place.path, &status), 0);
        CU_ASSERT_EQUAL(status.st_gid, getegid());
        listener_close(&listener);
    }
    CU_ASSERT_FALSE(listener_open(&listener, place.address, 0660, "no-such-group", &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no-such-group"));
    place_remove(&place); /* nothing is left there */
}

static void test_stale(void)
{
    struct place place;
    struct listener listener;
    place_make(&place);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, place.path);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL_FATAL(bind(stale, (const struct sockaddr *)&address, sizeof address), 0);
    close(stale);
    CU_ASSERT_TRUE(listener_open(&listener, place.address, 0600, NULL, NULL));
    listener_close(&listener);
    place_remove(&place);
}

static void test_in_use(void)
{
    struct place place;
    struct listener first;
    struct listener second;
    struct err err = {0};
    place_make(&place);
    CU_ASSERT_TRUE(listener_open(&first, place.address, 0600, NULL, NULL));
    CU_ASSERT_FALSE(listener_open(&second, place.address, 0600, NULL, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "another process"));
    CU_ASSERT_EQUAL(mode_of(place.path), S_IFSOCK | 0600);
    listener_close(&first);
    place_remove(&place);
}

/* A file that is no socket, or a symbolic link, stays what it is. */
static void test_not_a_socket(void)
{
    struct place place;
    struct listener listener;
    struct err err = {0};
    place_make(&place);
    int file = open(place.path, O_CREAT | O_WRONLY, 0640);
    CU_ASSERT_EQUAL(write(file, "x", 1), 1);
    close(file);
    CU_ASSERT_FALSE(listener_open(&listener, place.address, 0600, NULL, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "not a socket"));
    CU_ASSERT_EQUAL(mode_of(place.path), S_IFREG | 0640);
    unlink(place.path);
    CU_ASSERT_EQUAL(symlink("/nonexistent/socket", place.path), 0);
    CU_ASSERT_FALSE(listener_open(&listener, place.address, 0600, NULL, &err));
    CU_ASSERT_TRUE(S_ISLNK(mode_of(place.path)));
    unlink(place.path);
    place_remove(&place);
}

/* A successor's socket at the same path is not removed. */
static void test_successor(void)
{
    struct place place;
    struct listener old;
    struct listener new;
    place_make(&place);
    CU_ASSERT_TRUE(listener_open(&old, place.address, 0600, NULL, NULL));
    unlink(place.path);
    CU_ASSERT_TRUE(listener_open(&new, place.address, 0600, NULL, NULL));
    listener_close(&old);
    CU_ASSERT_TRUE(S_ISSOCK(mode_of(place.path)));
    listener_close(&new);
    place_remove(&place);
}

static void test_tcp(void)
{
    struct listener listener;
    CU_ASSERT_TRUE_FATAL(listener_open(&listener, "127.0.0.1:0", 0, NULL, NULL));
    CU_ASSERT_TRUE(listener.tcp);
    CU_ASSERT_EQUAL(strncmp(listener.address, "127.0.0.1:", 10), 0);
    CU_ASSERT_STRING_NOT_EQUAL(listener.address, "127.0.0.1:0");
    struct listener second;
    struct err err = {0};
    CU_ASSERT_FALSE(listener_open(&second, listener.address, 0, NULL, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, listener.address));
    listener_close(&listener);
}

static void test_v6(void)
{
    struct listener listener;
    int only = 0;
    socklen_t len = sizeof only;
    CU_ASSERT_TRUE_FATAL(listener_open(&listener, "[::]:0", 0, NULL, NULL));
    CU_ASSERT_EQUAL(getsockopt(listener.fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &len), 0);
    CU_ASSERT_EQUAL(only, 1);
    CU_ASSERT_EQUAL(strncmp(listener.address, "[::]:", 5), 0);
    listener_close(&listener);
}

static void test_bad_addresses(void)
{
    static const char *const bad[] = {"localhost:9000", "unix:s", "unix:", "[::1]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct listener listener;
        struct err err = {0};
        CU_ASSERT_FALSE(listener_open(&listener, bad[i], 0600, NULL, &err));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cannot listen"));
        CU_ASSERT_EQUAL(listener.fd, -1);
    }
}

static void test_handed_over(void)
{
    struct listener opened;
    struct listener taken;
    CU_ASSERT_TRUE_FATAL(listener_open(&opened, "127.0.0.1:0", 0, NULL, NULL));
    int fd = dup(opened.fd);
    CU_ASSERT_TRUE(listener_take(&taken, fd, NULL));
    CU_ASSERT_TRUE(taken.tcp);
    CU_ASSERT_STRING_EQUAL(taken.address, opened.address);
    CU_ASSERT_TRUE((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    listener_close(&taken);
    listener_close(&opened);
}

static void test_not_handed_over(void)
{
    struct listener listener;
    struct err err = {0};
    int fds[2];
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    int datagram = socket(AF_INET, SOCK_DGRAM, 0);
    int file = open("/dev/null", O_RDWR);
    int all[] = {fds[0], datagram, file, -1};
    for (size_t i = 0; i < 4; i++) {
        CU_ASSERT_FALSE(listener_take(&listener, all[i], &err));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "not a listening stream socket"));
        CU_ASSERT_EQUAL(listener.fd, -1);
    }
    close(fds[0]);
    close(fds[1]);
    close(datagram);
    close(file);
}

/* A server on TCP: who may connect. */
static void check_peer(const char *listen, const char *allowed, bool handed_over, bool served)
{
    struct fixture fixture;
    struct http_network network;
    struct listener listener = {.fd = -1};
    fixture_init(&fixture);
    fixture.options.listen = listen;
    if (handed_over) {
        CU_ASSERT_TRUE_FATAL(listener_open(&listener, listen, 0, NULL, NULL));
        fixture.options.fd = listener.fd;
        fixture.options.listen = NULL;
    }
    if (allowed != NULL) {
        CU_ASSERT_TRUE(http_network_parse(&network, allowed));
        fixture.options.allowed = &network;
        fixture.options.allowed_count = 1;
    }
    fixture_start(&fixture);
    int fd = fixture_connect(&fixture);
    if (served) {
        fixture_send(fd, "GET", "/ping", "", true);
        fixture_expect(fd, 200);
    } else {
        CU_ASSERT_EQUAL(fastcgi_next(fd, FIXTURE_WAIT_MS), FASTCGI_CLOSED);
    }
    close(fd);
    CU_ASSERT_TRUE(fixture_stop(&fixture));
    fixture_free(&fixture);
}

static void test_allowed(void)
{
    check_peer("127.0.0.1:0", NULL, false, true);
    check_peer("127.0.0.1:0", "127.0.0.0/8", false, true);
    check_peer("127.0.0.1:0", "192.0.2.0/24", false, false);
    check_peer("127.0.0.1:0", "192.0.2.0/24", true, false);
    check_peer("127.0.0.1:0", "127.0.0.1", true, true);
    check_peer("[::1]:0", NULL, false, true);
    check_peer("[::1]:0", "127.0.0.1", false, false);
}

static const struct unit_test tests[] = {
    {"a unix socket", test_unix},
    {"its group", test_group},
    {"a stale socket", test_stale},
    {"a socket in use", test_in_use},
    {"not a socket", test_not_a_socket},
    {"a successor's socket", test_successor},
    {"TCP", test_tcp},
    {"IPv6", test_v6},
    {"addresses that are none", test_bad_addresses},
    {"handed over", test_handed_over},
    {"not a listening socket", test_not_handed_over},
    {"who may connect", test_allowed},
};
UNIT_SUITE(http_listener, tests);
