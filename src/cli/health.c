/*
 * A client of one request: small enough to build each record by hand with the structs of fastcgi.h. The answer ends
 * at its FCGI_END_REQUEST, not with the connection, so that a server that keeps it open is healthy too.
 */
#include "cli/health.h"

#include <errno.h>
#include <fastcgi.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/deadline.h"
#include "fcgi_smtp/http_address.h"

#define HEALTH_ANSWER_MAX  ((size_t)64 * 1024) /* octets of records, and of what they hold */
#define STATUS_LINE_MAX    80                  /* octets of it that an error shows */
#define HEALTH_REQUEST_MAX ((size_t)16 * 1024) /* octets; base_path is far shorter */
#define READ_AT_ONCE       4096                /* octets */
#define REQUEST_ID         1

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

/* FastCGI 3.4. */
static bool append_length(struct buf *out, size_t len)
{
    unsigned char octets[4] = {(unsigned char)(len >> 24 | 0x80), (unsigned char)(len >> 16 & 0xff),
                               (unsigned char)(len >> 8 & 0xff), (unsigned char)(len & 0xff)};
    return len < 128 ? buf_append_char(out, (char)len) : buf_append(out, octets, sizeof octets);
}

static bool append_param(struct buf *out, const char *name, struct slice value)
{
    struct slice key = slice_of(name);
    return append_length(out, key.len) && append_length(out, value.len) && buf_append_slice(out, key) &&
           buf_append_slice(out, value);
}

static bool append_params(struct buf *out, const char *base_path)
{
    bool root = strcmp(base_path, "/") == 0;
    struct buf path;
    buf_init(&path, HEALTH_REQUEST_MAX / 2);
    bool good = buf_printf(&path, "%s/healthz", root ? "" : base_path) &&
                append_param(out, "REQUEST_METHOD", SLICE("GET")) &&
                append_param(out, "DOCUMENT_URI", buf_slice(&path)) &&
                append_param(out, "REMOTE_ADDR", SLICE("127.0.0.1"));
    buf_free(&path);
    return good;
}

static bool build_request(struct buf *out, const char *base_path)
{
    FCGI_BeginRequestBody begin = {.roleB0 = FCGI_RESPONDER};
    struct buf params;
    buf_init(&params, HEALTH_REQUEST_MAX);
    bool good = append_params(&params, base_path) && append_header(out, FCGI_BEGIN_REQUEST, sizeof begin) &&
                buf_append(out, &begin, sizeof begin) && append_header(out, FCGI_PARAMS, params.len) &&
                buf_append_slice(out, buf_slice(&params)) && append_header(out, FCGI_PARAMS, 0) &&
                append_header(out, FCGI_STDIN, 0);
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
        bool nobody = failure == ENOENT || failure == ECONNREFUSED;
        err_set(err, "%s: %s%s", address, strerror(failure),
                nobody ? "; does fcgi-smtp run, and listen there?" : "");
        (void)close(fd);
        return -1;
    }
    return fd;
}

enum answer_state {
    ANSWER_UNFINISHED,
    ANSWER_COMPLETE,
    ANSWER_BROKEN /* not FastCGI, or too much of it */
};

/* Takes the whole records off *records and gathers what FCGI_STDOUT holds in out (FastCGI 3.3, 5.5). */
static enum answer_state take_records(struct slice *records, struct buf *out)
{
    while (records->len >= sizeof(FCGI_Header)) {
        FCGI_Header header;
        memcpy(&header, records->data, sizeof header);
        size_t len = ((size_t)header.contentLengthB1 << 8) + header.contentLengthB0;
        size_t record = sizeof header + len + header.paddingLength;
        if (header.version != FCGI_VERSION_1) {
            return ANSWER_BROKEN;
        }
        if (record > records->len) {
            return ANSWER_UNFINISHED;
        }
        if (header.type == FCGI_STDOUT && !buf_append(out, records->data + sizeof header, len)) {
            return ANSWER_BROKEN;
        }
        if (header.type == FCGI_END_REQUEST) {
            return ANSWER_COMPLETE;
        }
        slice_skip(records, record);
    }
    return ANSWER_UNFINISHED;
}

/* Why the answer did not come, or NULL: then it is in out. */
static const char *read_answer(int fd, struct buf *out, deadline until)
{
    struct buf received;
    buf_init(&received, HEALTH_ANSWER_MAX);
    const char *why = NULL;
    enum answer_state state = ANSWER_UNFINISHED;
    size_t taken = 0;
    while (why == NULL && state == ANSWER_UNFINISHED) {
        char *end = buf_reserve(&received, READ_AT_ONCE);
        if (end == NULL) {
            state = ANSWER_BROKEN;
        } else if (!wait_for(fd, POLLIN, until)) {
            why = "sent no answer in time";
        } else {
            ssize_t got = recv(fd, end, READ_AT_ONCE, 0);
            why = got > 0 ? NULL : "closed the connection without an answer; is this host in listen_allowed?";
            received.len += got > 0 ? (size_t)got : 0;
            struct slice records = {received.data + taken, received.len - taken};
            state = take_records(&records, out);
            taken = received.len - records.len;
        }
    }
    buf_free(&received);
    return state == ANSWER_BROKEN ? "sent something that is no FastCGI answer" : why;
}

/* CGI's Status line (RFC 3875 6.3.3), which our own server writes first. */
static bool check_status(const char *address, struct slice answer, struct err *err)
{
    static const char good[] = "Status: 200 ";
    if (answer.len >= sizeof good - 1 && memcmp(answer.data, good, sizeof good - 1) == 0) {
        return true;
    }
    struct slice line = {answer.data, answer.len < STATUS_LINE_MAX ? answer.len : STATUS_LINE_MAX};
    const char *end = line.len > 0 ? memchr(line.data, '\r', line.len) : NULL;
    line.len = end != NULL ? (size_t)(end - line.data) : line.len;
    err_set(err, "%s answered /healthz with \"%.*s\", not with 200; is base_path what it serves?", address,
            SLICE_ARGS(line));
    return false;
}

static bool ask(int fd, const char *address, const char *base_path, deadline until, struct err *err)
{
    struct buf request;
    struct buf answer;
    buf_init(&request, HEALTH_REQUEST_MAX);
    buf_init(&answer, HEALTH_ANSWER_MAX);
    bool good = false;
    const char *why = NULL;
    if (!build_request(&request, base_path)) {
        why = "cannot be asked: base_path is too long";
    } else if (send(fd, request.data, request.len, MSG_NOSIGNAL) != (ssize_t)request.len) {
        why = "took no request";
    } else {
        why = read_answer(fd, &answer, until);
    }
    if (why != NULL) {
        err_set(err, "%s %s", address, why);
    } else {
        good = check_status(address, buf_slice(&answer), err);
    }
    buf_free(&request);
    buf_free(&answer);
    return good;
}

bool health_ask(const char *address, const char *base_path, int64_t timeout_ms, struct err *err)
{
    deadline until = deadline_after(timeout_ms);
    int fd = open_connection(address, until, err);
    if (fd < 0) {
        return false;
    }
    bool good = ask(fd, address, base_path, until, err);
    (void)close(fd);
    return good;
}
