/*
 * A client of one request: small enough to build each record by hand with the structs of fastcgi.h.
 */
#include "cli/health.h"

#include <errno.h>
#include <fastcgi.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/deadline.h"
#include "fcgi_smtp/http_address.h"

#define HEALTH_TIMEOUT_MS 5000
#define HEALTH_ANSWER_MAX ((size_t)64 * 1024) /* octets */
#define REQUEST_ID        1

static bool append_header(struct buf *out, unsigned char type, size_t len)
{
    FCGI_Header header = {
        .version = FCGI_VERSION_1,
        .type = type,
        .requestIdB0 = REQUEST_ID,
        .contentLengthB1 = (unsigned char)(len >> 8),
        .contentLengthB0 = (unsigned char)(len & 0xff),
    };
    return buf_append(out, &header, sizeof header);
}

/* Name and value of less than 128 octets each (FastCGI 3.4). */
static bool append_param(struct buf *out, const char *name, const char *value)
{
    size_t name_len = strlen(name);
    size_t value_len = strlen(value);
    return name_len < 128 && value_len < 128 && buf_append_char(out, (char)name_len) &&
           buf_append_char(out, (char)value_len) && buf_append(out, name, name_len) &&
           buf_append(out, value, value_len);
}

static bool build_request(struct buf *out, const char *base_path)
{
    char path[128];
    bool root = strcmp(base_path, "/") == 0;
    int path_len = snprintf(path, sizeof path, "%s/healthz", root ? "" : base_path);
    FCGI_BeginRequestBody begin = {.roleB0 = FCGI_RESPONDER};
    struct buf params;
    buf_init(&params, 1024);
    bool good =
        path_len > 0 && (size_t)path_len < sizeof path && append_param(&params, "REQUEST_METHOD", "GET") &&
        append_param(&params, "DOCUMENT_URI", path) && append_param(&params, "REMOTE_ADDR", "127.0.0.1") &&
        append_header(out, FCGI_BEGIN_REQUEST, sizeof begin) && buf_append(out, &begin, sizeof begin) &&
        append_header(out, FCGI_PARAMS, params.len) && buf_append_slice(out, buf_slice(&params)) &&
        append_header(out, FCGI_PARAMS, 0) && append_header(out, FCGI_STDIN, 0);
    buf_free(&params);
    return good;
}

static bool wait_for(int fd, short events, deadline until)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    return poll(&poll_fd, 1, deadline_poll_ms(until)) > 0;
}

/* The connection, or -1. */
static int open_connection(const char *address, deadline until, struct err *err)
{
    struct http_address parsed;
    if (!http_address_parse(&parsed, address)) {
        err_set(err, "%s is no address; give unix:/path, A.B.C.D:PORT or [v6]:PORT", address);
        return -1;
    }
    int fd = socket(parsed.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        err_set(err, "socket: %s", strerror(errno));
        return -1;
    }
    int failure = connect(fd, &parsed.any, parsed.len) == 0 ? 0 : errno;
    if (failure == EINPROGRESS) {
        socklen_t len = sizeof failure;
        bool ready = wait_for(fd, POLLOUT, until);
        failure = ready && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len) == 0 ? failure : ETIMEDOUT;
    }
    if (failure != 0) {
        err_set(err, "%s: %s", address, strerror(failure));
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool read_answer(int fd, struct buf *answer, deadline until)
{
    for (;;) {
        char *end = buf_reserve(answer, 4096);
        if (end == NULL || !wait_for(fd, POLLIN, until)) {
            return false;
        }
        ssize_t got = recv(fd, end, 4096, 0);
        if (got <= 0) {
            return got == 0;
        }
        answer->len += (size_t)got;
    }
}

/* Whether the records of the answer hold a "Status: 200" and the request's end. */
static bool answer_is_good(struct slice answer)
{
    static const char status[] = "Status: 200";
    bool good = false;
    while (answer.len >= sizeof(FCGI_Header)) {
        FCGI_Header header;
        memcpy(&header, answer.data, sizeof header);
        size_t len = ((size_t)header.contentLengthB1 << 8) + header.contentLengthB0;
        size_t record = sizeof header + len + header.paddingLength;
        if (record > answer.len) {
            return false;
        }
        const char *content = answer.data + sizeof header;
        if (header.type == FCGI_STDOUT && len >= sizeof status - 1 &&
            memcmp(content, status, sizeof status - 1) == 0) {
            good = true;
        }
        if (header.type == FCGI_END_REQUEST) {
            return good;
        }
        answer = (struct slice){answer.data + record, answer.len - record};
    }
    return false;
}

bool health_ask(const char *address, const char *base_path, struct err *err)
{
    deadline until = deadline_after(HEALTH_TIMEOUT_MS);
    int fd = open_connection(address, until, err);
    if (fd < 0) {
        return false;
    }
    struct buf request;
    struct buf answer;
    buf_init(&request, 4096);
    buf_init(&answer, HEALTH_ANSWER_MAX);
    bool good = false;
    if (build_request(&request, base_path) &&
        send(fd, request.data, request.len, MSG_NOSIGNAL) == (ssize_t)request.len &&
        read_answer(fd, &answer, until)) {
        good = answer_is_good(buf_slice(&answer));
    }
    if (!good) {
        err_set(err, "%s did not answer /healthz with 200 within %d s", address, HEALTH_TIMEOUT_MS / 1000);
    }
    buf_free(&request);
    buf_free(&answer);
    (void)close(fd);
    return good;
}
