/*
 * All attempts that have begun stay open until one succeeds or the deadline passes, so a slow first address
 * is not given up merely because the second was begun.
 */
#include "smtp/connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "fcgi_smtp/buf.h"

#define UNIX_RETRY_MS 20

struct attempt {
    int fd;           /* -1: not under way (any more) */
    int error;        /* errno once it failed */
    const char *what; /* failed, where that was not the connection itself; NULL else */
};

struct race {
    const struct socket_addresses *addresses;
    const struct socket_address *source;
    struct attempt attempts[RESOLVE_ADDRESSES];
    size_t begun;
    deadline next; /* when to begin another one */
};

/* Without a port: the system chooses it when it knows the other end, so that many connections can share one. */
static bool bind_source(struct attempt *attempt, const struct socket_address *source)
{
    int on = 1;
    if (source == NULL) {
        return true;
    }
    (void)setsockopt(attempt->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(attempt->fd, (const struct sockaddr *)(const void *)&source->storage, source->len) == 0) {
        return true;
    }
    attempt->what = "source_address: ";
    return false;
}

/* False, with errno: it has failed already. */
static bool begin_attempt(struct attempt *attempt, const struct socket_address *address,
                          const struct socket_address *source)
{
    sa_family_t family = address->storage.ss_family;
    attempt->fd = -1;
    if (source != NULL && source->storage.ss_family != family) {
        attempt->what = "source_address is of the other kind: ";
        errno = EAFNOSUPPORT;
        return false;
    }
    attempt->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return attempt->fd >= 0 && bind_source(attempt, source) &&
           (connect(attempt->fd, (const struct sockaddr *)(const void *)&address->storage, address->len) ==
                0 ||
            errno == EINPROGRESS);
}

static void begin_next(struct race *race)
{
    struct attempt *attempt = &race->attempts[race->begun];
    const struct socket_address *address = &race->addresses->items[race->begun];
    race->begun++;
    race->next = deadline_after(CONNECT_STAGGER_MS);
    if (begin_attempt(attempt, address, race->source)) {
        return;
    }
    attempt->error = errno;
    if (attempt->fd >= 0) {
        (void)close(attempt->fd);
    }
    attempt->fd = -1;
    race->next = deadline_now(); /* the next one need not wait */
}

/* After poll has said that the attempt is decided. */
static bool attempt_succeeded(struct race *race, struct attempt *attempt)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    if (error == 0) {
        return true;
    }
    attempt->error = error;
    (void)close(attempt->fd);
    attempt->fd = -1;
    race->next = deadline_now();
    return false;
}

/* Waits for one of the attempts under way. True: *winner has connected. */
static bool poll_attempts(struct race *race, struct limit limit, size_t *winner)
{
    struct pollfd polled[RESOLVE_ADDRESSES + 1];
    for (size_t i = 0; i < race->begun; i++) {
        polled[i] =
            (struct pollfd){.fd = race->attempts[i].fd, .events = POLLOUT}; /* poll skips those with -1 */
    }
    if (limit_poll(polled, race->begun, limit) <= 0) {
        return false;
    }
    for (size_t i = 0; i < race->begun; i++) {
        if (polled[i].revents != 0 && attempt_succeeded(race, &race->attempts[i])) {
            *winner = i;
            return true;
        }
    }
    return false;
}

static bool any_under_way(const struct race *race)
{
    for (size_t i = 0; i < race->begun; i++) {
        if (race->attempts[i].fd >= 0) {
            return true;
        }
    }
    return false;
}

static enum connect_result run(struct race *race, struct limit limit, size_t *winner)
{
    for (;;) {
        bool more = race->begun < race->addresses->count;
        if (limit_passed(limit)) {
            return CONNECT_TIMED_OUT;
        }
        if (more && (!any_under_way(race) || deadline_passed(race->next))) {
            begin_next(race);
            continue;
        }
        if (!any_under_way(race)) {
            return CONNECT_FAILED;
        }
        if (poll_attempts(race, more ? limit_by(limit, race->next) : limit, winner)) {
            return CONNECT_OK;
        }
    }
}

static bool is_ours(int error)
{
    return error == EMFILE || error == ENFILE;
}

/* The last one that was begun speaks for all: descriptors do not come back in between. */
static bool lacked_descriptor(const struct race *race)
{
    return race->begun > 0 && is_ours(race->attempts[race->begun - 1].error);
}

void connect_address_text(const struct socket_address *address, char *out, size_t cap)
{
    const void *octets =
        address->storage.ss_family == AF_INET
            ? (const void *)&((const struct sockaddr_in *)(const void *)&address->storage)->sin_addr
            : (const void *)&((const struct sockaddr_in6 *)(const void *)&address->storage)->sin6_addr;
    if (inet_ntop(address->storage.ss_family, octets, out, (socklen_t)cap) == NULL) {
        (void)snprintf(out, cap, "?");
    }
}

/* "cannot connect to mail.example.com:25: 192.0.2.1: Connection refused; 192.0.2.2: no answer in time" */
static void describe(const struct race *race, const char *who, struct err *err)
{
    struct buf text;
    buf_init(&text, ERR_TEXT_MAX);
    bool ok = true;
    for (size_t i = 0; i < race->addresses->count && ok; i++) {
        char address[INET6_ADDRSTRLEN];
        char reason[128];
        connect_address_text(&race->addresses->items[i], address, sizeof address);
        const char *what = race->attempts[i].what != NULL ? race->attempts[i].what : "";
        const char *why = i >= race->begun ? "not tried in time"
                          : race->attempts[i].error == 0
                              ? "no answer in time"
                              : strerror_r(race->attempts[i].error, reason, sizeof reason);
        ok = buf_printf(&text, "%s%s: %s%s", i > 0 ? "; " : "", address, what, why);
    }
    err_set(err, "cannot connect to %s: %s", who, buf_cstr(&text));
    buf_free(&text);
}

enum connect_result connect_tcp(const struct connect_target *target, struct limit limit, size_t *winner,
                                int *fd, struct err *err)
{
    struct race race = {.addresses = target->addresses, .source = target->source, .next = deadline_now()};
    enum connect_result result = run(&race, limit, winner);
    if (result == CONNECT_OK) {
        *fd = race.attempts[*winner].fd;
        race.attempts[*winner].fd = -1;
    } else {
        describe(&race, target->who, err);
        result = result == CONNECT_FAILED && lacked_descriptor(&race) ? CONNECT_NO_DESCRIPTOR : result;
    }
    for (size_t i = 0; i < race.begun; i++) {
        if (race.attempts[i].fd >= 0) {
            (void)close(race.attempts[i].fd);
        }
    }
    return result;
}

/*
 * A unix socket connects at once, or says EAGAIN while the listener's queue is full (connect(2)); poll cannot await
 * room in it, so it is asked again and again.
 */
static int connect_unix_socket(int fd, const struct sockaddr_un *address, struct limit limit)
{
    for (;;) {
        if (limit_passed(limit)) {
            return EAGAIN;
        }
        if (connect(fd, (const struct sockaddr *)(const void *)address, sizeof *address) == 0) {
            return 0;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return errno;
        }
        struct pollfd none[1];
        (void)limit_poll(none, 0, limit_by(limit, deadline_after(UNIX_RETRY_MS)));
    }
}

enum connect_result connect_unix(const char *path, struct limit limit, int *fd, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof address.sun_path) {
        err_set(err, "cannot connect to unix:%.60s...: the path is too long", path);
        return CONNECT_FAILED;
    }
    memcpy(address.sun_path, path, len + 1);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = *fd < 0 ? errno : connect_unix_socket(*fd, &address, limit);
    if (error == 0) {
        return CONNECT_OK;
    }
    if (*fd >= 0) {
        (void)close(*fd);
    }
    bool late = error == EAGAIN;
    char reason[128];
    err_set(err, "cannot connect to unix:%s: %s", path,
            late ? "no answer in time" : strerror_r(error, reason, sizeof reason));
    return late ? CONNECT_TIMED_OUT : is_ours(error) ? CONNECT_NO_DESCRIPTOR : CONNECT_FAILED;
}

static bool is_loopback(const struct sockaddr_storage *storage)
{
    if (storage->ss_family == AF_UNIX) {
        return true;
    }
    if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *ip4 = (const struct sockaddr_in *)(const void *)storage;
        return ntohl(ip4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)(const void *)storage;
    return storage->ss_family == AF_INET6 &&
           (IN6_IS_ADDR_LOOPBACK(&ip6->sin6_addr) ||
            (IN6_IS_ADDR_V4MAPPED(&ip6->sin6_addr) && ip6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET));
}

bool connect_peer_is_local(int fd)
{
    struct sockaddr_storage storage;
    memset(&storage, 0, sizeof storage);
    socklen_t len = sizeof storage;
    return getpeername(fd, (struct sockaddr *)(void *)&storage, &len) == 0 && is_loopback(&storage);
}

void connect_own_literal(int fd, char *out, size_t cap)
{
    struct socket_address address;
    memset(&address, 0, sizeof address);
    address.len = sizeof address.storage;
    char text[INET6_ADDRSTRLEN] = "127.0.0.1"; /* a unix socket has no address; its peer is on this machine */
    bool known = getsockname(fd, (struct sockaddr *)(void *)&address.storage, &address.len) == 0;
    sa_family_t family = address.storage.ss_family;
    if (known && (family == AF_INET || family == AF_INET6)) {
        connect_address_text(&address, text, sizeof text);
    }
    (void)snprintf(out, cap, family == AF_INET6 ? "[IPv6:%s]" : "[%s]", text);
}
