#include "fastcgi_client.h"

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fastcgi.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fcgi_smtp/deadline.h"

#define ANSWER_MS 20000 /* far more than any answer takes, also under sanitizers */

void fastcgi_record(struct buf *out, int type, const void *content, size_t len, unsigned padding)
{
    static const char zeros[255];
    unsigned char header[FCGI_HEADER_LEN] = {
        FCGI_VERSION_1,     (unsigned char)type,    0, FASTCGI_REQUEST_ID, (unsigned char)(len >> 8),
        (unsigned char)len, (unsigned char)padding, 0};
    CU_ASSERT_FATAL(buf_append(out, header, sizeof header));
    CU_ASSERT_FATAL(len == 0 || buf_append(out, content, len));
    CU_ASSERT_FATAL(padding == 0 || buf_append(out, zeros, padding));
}

void fastcgi_begin(struct buf *out, bool keep)
{
    unsigned char body[8] = {0, FCGI_RESPONDER, keep ? FCGI_KEEP_CONN : 0};
    fastcgi_record(out, FCGI_BEGIN_REQUEST, body, sizeof body, 0);
}

static void pair_length(struct buf *content, size_t len)
{
    unsigned char octets[4] = {(unsigned char)(len >> 24 | 0x80), (unsigned char)(len >> 16),
                               (unsigned char)(len >> 8), (unsigned char)len};
    CU_ASSERT_FATAL(len < 128 ? buf_append(content, octets + 3, 1) : buf_append(content, octets, 4));
}

void fastcgi_pair(struct buf *content, const char *name, const char *value)
{
    pair_length(content, strlen(name));
    pair_length(content, strlen(value));
    CU_ASSERT_FATAL(buf_append_string(content, name) && buf_append_string(content, value));
}

static void request_params(struct buf *out, const struct fastcgi_form *form)
{
    struct buf content;
    buf_init(&content, 65535);
    char length[24];
    snprintf(length, sizeof length, "%zu", form->body.len);
    fastcgi_pair(&content, "REQUEST_METHOD", form->method);
    fastcgi_pair(&content, "DOCUMENT_URI", form->path);
    fastcgi_pair(&content, "CONTENT_LENGTH", form->content_length != NULL ? form->content_length : length);
    fastcgi_record(out, FCGI_PARAMS, content.data, content.len, 3);
    fastcgi_record(out, FCGI_PARAMS, NULL, 0, 0);
    buf_free(&content);
}

void fastcgi_request(struct buf *out, const struct fastcgi_form *form)
{
    fastcgi_begin(out, form->keep);
    request_params(out, form);
    for (size_t sent = 0; sent < form->body.len;) {
        size_t part = form->body.len - sent < 32768 ? form->body.len - sent : 32768;
        fastcgi_record(out, FCGI_STDIN, form->body.data + sent, part, 1);
        sent += part;
    }
    fastcgi_record(out, FCGI_STDIN, NULL, 0, 0);
}

static int connect_to(const struct sockaddr *address, socklen_t len)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, address, len) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int fastcgi_connect(const char *address)
{
    if (strncmp(address, "unix:", 5) == 0) {
        struct sockaddr_un local = {.sun_family = AF_UNIX};
        snprintf(local.sun_path, sizeof local.sun_path, "%s", address + 5);
        return connect_to((const struct sockaddr *)&local, sizeof local);
    }
    const char *colon = strrchr(address, ':');
    in_port_t port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (address[0] == '[') {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = in6addr_loopback};
        return connect_to((const struct sockaddr *)&v6, sizeof v6);
    }
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = port};
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect_to((const struct sockaddr *)&v4, sizeof v4);
}

bool fastcgi_send(int fd, struct slice octets)
{
    while (octets.len > 0) {
        ssize_t sent = send(fd, octets.data, octets.len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        octets.data += sent;
        octets.len -= (size_t)sent;
    }
    return true;
}

/* All len octets, or why not. */
static enum fastcgi_ending receive(int fd, void *out, size_t len, deadline until)
{
    char *to = out;
    while (len > 0) {
        struct pollfd pollfd = {.fd = fd, .events = POLLIN};
        if (poll(&pollfd, 1, deadline_poll_ms(until)) == 0) {
            return FASTCGI_NOTHING;
        }
        ssize_t got = recv(fd, to, len, 0);
        if (got <= 0) {
            return got == 0 ? FASTCGI_CLOSED : FASTCGI_RESET;
        }
        to += got;
        len -= (size_t)got;
    }
    return FASTCGI_END_REQUEST;
}

/* Reads one record; its content is appended to the answer's text if it is output. FASTCGI_NOTHING: go on. */
static enum fastcgi_ending receive_record(int fd, struct buf *text, deadline until)
{
    unsigned char header[FCGI_HEADER_LEN];
    char content[65535 + 255];
    enum fastcgi_ending ending = receive(fd, header, sizeof header, until);
    size_t len = (size_t)header[4] << 8 | header[5];
    if (ending == FASTCGI_END_REQUEST) {
        ending = receive(fd, content, len + header[6], until);
    }
    if (ending != FASTCGI_END_REQUEST) {
        return ending == FASTCGI_NOTHING ? FASTCGI_RESET : ending;
    }
    if (header[1] == FCGI_STDOUT && len > 0) {
        CU_ASSERT_FATAL(buf_append(text, content, len));
    }
    return header[1] == FCGI_END_REQUEST ? FASTCGI_END_REQUEST : FASTCGI_NOTHING;
}

struct fastcgi_answer fastcgi_answer(int fd)
{
    struct fastcgi_answer answer = {.ending = FASTCGI_NOTHING};
    deadline until = deadline_after(ANSWER_MS);
    buf_init(&answer.text, 4 * 1024 * 1024);
    while (answer.ending == FASTCGI_NOTHING && !deadline_passed(until)) {
        answer.ending = receive_record(fd, &answer.text, until);
    }
    if (strncmp(buf_cstr(&answer.text), "Status: ", 8) == 0) {
        answer.status = (int)strtol(answer.text.data + 8, NULL, 10);
    }
    return answer;
}

enum fastcgi_ending fastcgi_next(int fd, int ms)
{
    FCGI_UnknownTypeRecord record = {.header = {.version = 0}};
    deadline until = deadline_after(ms);
    enum fastcgi_ending ending = receive(fd, &record, 1, until);
    if (ending != FASTCGI_END_REQUEST || record.header.version != FCGI_VERSION_1) {
        return ending;
    }
    ending = receive(fd, (char *)&record + 1, sizeof record - 1, until);
    bool parting = ending == FASTCGI_END_REQUEST && record.header.type == FCGI_UNKNOWN_TYPE;
    return parting ? receive(fd, &record, 1, until) : ending;
}
