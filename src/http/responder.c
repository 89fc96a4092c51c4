/*
 * libfcgi 2.4.2 reads records with plain blocking read(2) into a buffer of 8 KiB, answers FCGI_GET_VALUES
 * itself, and keeps nearly all state in structs that its header shows. What this file relies on beyond the
 * documented calls is named where it is used and pinned by tests/unit/http_responder_test.c.
 */
#include "http/responder.h"

#include <errno.h>
#include <fastcgi.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fcgi_smtp/log.h"
#include "fcgi_smtp/secret.h"

/*
 * libfcgi ends the process when it gets no memory for its streams and parameters (assert). Where the
 * address space is limited this much must be left before it is asked for them, so that other threads cannot use it up in the
 * meantime.
 */
#define RESPONDER_MARGIN ((size_t)4 * 1024 * 1024)

/* Written before there are threads. */
static struct {
    int statm; /* -1: there is no limit */
    rlim_t limit;
} memory = {.statm = -1};

static void look_for_limit(void)
{
    struct rlimit limit;
    if (memory.statm < 0 && getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        memory.limit = limit.rlim_cur;
        memory.statm =
            open("/proc/self/statm", O_RDONLY | O_CLOEXEC); /* now, since a sandbox may forbid it later */
    }
}

bool responder_setup(struct err *err)
{
    look_for_limit();
    /* FCGX_Init puts its own actions for these in the place of default or ignored ones. */
    static const int replaced[] = {SIGPIPE, SIGUSR1, SIGTERM};
    struct sigaction before[sizeof replaced / sizeof replaced[0]];
    for (size_t i = 0; i < sizeof replaced / sizeof replaced[0]; i++) {
        (void)sigaction(replaced[i], NULL, &before[i]);
    }
    /* Two polls of 2 s that libfcgi does after accepting and before closing; none may stall a worker. */
    bool ready = setenv("LIBFCGI_IS_AF_UNIX_KEEPER_POLL_TIMEOUT", "0", 1) == 0 &&
                 setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1) == 0 && FCGX_Init() == 0;
    before[0].sa_handler = SIG_IGN;
    for (size_t i = 0; i < sizeof replaced / sizeof replaced[0]; i++) {
        (void)sigaction(replaced[i], &before[i], NULL);
    }
    if (!ready) {
        err_set(err, "libfcgi does not start: no memory");
    }
    return ready;
}

/* FastCGI 1.0, 3.3 (record header) and 5.1 (FCGI_BEGIN_REQUEST). */
bool responder_first_record_ok(const unsigned char record[RESPONDER_FIRST_RECORD])
{
    unsigned request_id = (unsigned)record[2] << 8 | record[3];
    unsigned content_length = (unsigned)record[4] << 8 | record[5];
    unsigned role = (unsigned)record[8] << 8 | record[9];
    return record[0] == FCGI_VERSION_1 && record[1] == FCGI_BEGIN_REQUEST &&
           request_id != FCGI_NULL_REQUEST_ID && content_length == sizeof(FCGI_BeginRequestBody) &&
           role == FCGI_RESPONDER;
}

/* Looks at /proc/self/statm, because a trial would take the memory away from the other threads for a moment. */
static bool has_memory(void)
{
    char text[128];
    if (memory.statm < 0) {
        return true;
    }
    ssize_t len = pread(memory.statm, text, sizeof text - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    rlim_t used =
        (rlim_t)strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE); /* proc(5): all pages come first */
    return used + RESPONDER_MARGIN <= memory.limit;
}

bool responder_accept(struct responder *responder, int fd, bool tcp)
{
    if (!has_memory()) {
        log_message(LOG_LEVEL_ERROR, "closed a FastCGI connection: there is no memory left for a request");
        (void)close(fd);
        return false;
    }
    responder->tcp = tcp;
    responder->ended = false;
    FCGX_Request *fcgi = &responder->fcgi;
    /* No listening socket: after a failure libfcgi tries to accept another connection, which ends at once. */
    FCGX_InitRequest(fcgi, -1, 0);
    fcgi->ipcFd = fd;
    fcgi->detached = 1;       /* closing neither shuts the connection down nor waits for the peer */
    fcgi->keepConnection = 1; /* or FCGX_Accept_r would begin by closing fd */
    if (FCGX_Accept_r(fcgi) != 0) {
        return false;
    }
    /* Parameters that break off between two pairs are no failure to libfcgi. */
    if (FCGX_GetError(fcgi->in) != 0) {
        FCGX_Free(fcgi, 1);
        return false;
    }
    responder->keep = fcgi->keepConnection != 0;
    fcgi->keepConnection = 1; /* closing is the connection's job */
    return true;
}

char *const *responder_params(const struct responder *responder)
{
    return responder->fcgi.envp;
}

/*
 * nginx does not switch Nagle's algorithm off (RFC 1122, 4.2.3.4): its last small record would wait for our delayed
 * acknowledgement, 40 ms per upload. The option is not lasting.
 */
static void acknowledge_at_once(const struct responder *responder)
{
    static const int on = 1;
    if (responder->tcp) {
        (void)setsockopt(responder->fcgi.ipcFd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    }
}

bool responder_next(struct responder *responder, struct slice *octets)
{
    FCGX_Stream *in = responder->fcgi.in;
    if (in->rdNext == in->stop) { /* nothing at hand: FCGX_GetChar reads, and gives one octet of it */
        acknowledge_at_once(responder);
        int c = FCGX_GetChar(in);
        if (c == EOF) {
            return false;
        }
        (void)FCGX_UnGetChar(c, in);
    }
    *octets = (struct slice){(const char *)in->rdNext, (size_t)(in->stop - in->rdNext)};
    in->rdNext = in->stop;
    return true;
}

/*
 * A stream that met the end of the socket, FCGI_ABORT_REQUEST or any other record out of place has an error
 * set as well; only the empty FCGI_STDIN record closes it without one.
 */
enum responder_end responder_ended(const struct responder *responder)
{
    FCGX_Stream *in = responder->fcgi.in;
    if (FCGX_GetError(in) != 0) {
        return RESPONDER_BROKEN;
    }
    return FCGX_HasSeenEOF(in) != 0 ? RESPONDER_CLEAN : RESPONDER_OPEN;
}

/* How long one read of libfcgi's may wait; 0: for ever. */
static void limit_reads(const struct responder *responder, int64_t ms)
{
    struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    (void)setsockopt(responder->fcgi.ipcFd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

enum responder_end responder_drain(struct responder *responder, int64_t ms, size_t limit)
{
    if (responder_ended(responder) != RESPONDER_OPEN) {
        return responder_ended(responder);
    }
    struct slice waste;
    size_t dropped = 0;
    deadline until = deadline_after(ms);
    limit_reads(responder, ms);
    while (dropped <= limit && !deadline_passed(until) && responder_next(responder, &waste)) {
        dropped += waste.len;
    }
    limit_reads(responder, 0);
    return responder_ended(responder);
}

/* The beginning of libfcgi's FCGX_Stream_Data, in this shape since 1996. */
struct stream_data_prefix {
    unsigned char *buff;
    int bufflen;
    unsigned char *mBuff;
    unsigned char *buffStop; /* behind the last octet that was read */
};

/* The buffer that libfcgi reads into, NULL when it does not look as expected. */
static struct stream_data_prefix *buffer_of(const FCGX_Stream *in)
{
    struct stream_data_prefix *data = in->data;
    /* libfcgi asks for buffers of 8192 octets, and may lose 8 of them by aligning. */
    bool narrow = data->bufflen >= RESPONDER_NARROW - 8 && data->bufflen <= RESPONDER_NARROW;
    bool expected = (narrow || data->bufflen == RESPONDER_WIDE) && data->buff >= data->mBuff &&
                    data->buff - data->mBuff <= 8 && in->rdNext >= data->buff &&
                    data->buffStop >= in->rdNext && data->buffStop - data->buff <= data->bufflen;
    return expected ? data : NULL;
}

size_t responder_leftover(const struct responder *responder)
{
    const FCGX_Stream *in = responder->fcgi.in;
    const struct stream_data_prefix *data = buffer_of(in);
    return data != NULL ? (size_t)(data->buffStop - in->rdNext) : SIZE_MAX;
}

void responder_resize(struct responder *responder, size_t size)
{
    FCGX_Stream *in = responder->fcgi.in;
    struct stream_data_prefix *data = buffer_of(in);
    size_t held = data != NULL ? (size_t)(data->buffStop - in->rdNext) : 0;
    bool is_so_already = data != NULL && data->bufflen <= (int)size && data->bufflen >= (int)size - 8;
    if (data == NULL || is_so_already || held > size || in->stop < in->rdNext || in->stop > data->buffStop) {
        return;
    }
    unsigned char *buffer = malloc(size);
    if (buffer == NULL) {
        return;
    }
    memcpy(buffer, in->rdNext, held);
    in->stop = buffer + (in->stop - in->rdNext);
    in->wrNext = in->stop;
    in->rdNext = buffer;
    in->stopUnget = buffer;
    secret_wipe(data->buff, (size_t)data->bufflen);
    free(data->mBuff); /* libfcgi has it from malloc, and will free the new one */
    data->mBuff = buffer;
    data->buff = buffer;
    data->bufflen = (int)size;
    data->buffStop = buffer + held;
}

bool responder_write(struct responder *responder, const void *octets, size_t len)
{
    return len == 0 || (len <= INT_MAX && FCGX_PutStr(octets, (int)len, responder->fcgi.out) == (int)len);
}

static bool send_all(int fd, const unsigned char *octets, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, octets, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return false;
        }
        octets += sent > 0 ? sent : 0;
        len -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static FCGI_Header header_of(unsigned char type, int request_id, unsigned char content_length)
{
    return (FCGI_Header){.version = FCGI_VERSION_1,
                         .type = type,
                         .requestIdB1 = (unsigned char)(request_id >> 8),
                         .requestIdB0 = (unsigned char)request_id,
                         .contentLengthB0 = content_length};
}

/*
 * FCGI_END_REQUEST with a management record behind it that nobody asked for (FastCGI 1.0, 4.2). nginx keeps no connection
 * on which more has come than the end, and others ignore it.
 */
static bool end_and_part(struct responder *responder)
{
    int id = responder->fcgi.requestId;
    const struct {
        FCGI_Header out;
        FCGI_EndRequestRecord end;
        FCGI_UnknownTypeRecord more;
    } last = {header_of(FCGI_STDOUT, id, 0),
              {.header = header_of(FCGI_END_REQUEST, id, sizeof(FCGI_EndRequestBody)),
               .body = {.protocolStatus = FCGI_REQUEST_COMPLETE}},
              {.header = header_of(FCGI_UNKNOWN_TYPE, FCGI_NULL_REQUEST_ID, sizeof(FCGI_UnknownTypeBody)),
               .body = {.type = FCGI_UNKNOWN_TYPE}}};
    bool flushed = FCGX_FFlush(responder->fcgi.out) == 0;
    responder->ended = true;
    return flushed && send_all(responder->fcgi.ipcFd, (const unsigned char *)&last, sizeof last);
}

/* What FCGX_Finish_r does first; it is done here alone because FCGX_Finish_r frees the parameters, too. */
bool responder_finish(struct responder *responder, bool part)
{
    if (part && responder->keep) {
        return end_and_part(responder);
    }
    bool err_ok =
        FCGX_FClose(responder->fcgi.err) == 0; /* err first: out then carries FCGI_END_REQUEST in one write */
    bool out_ok = FCGX_FClose(responder->fcgi.out) == 0;
    return err_ok && out_ok;
}

bool responder_free(struct responder *responder)
{
    struct stream_data_prefix *data = buffer_of(responder->fcgi.in);
    if (data != NULL) {
        secret_wipe(data->buff, (size_t)data->bufflen);
    }
    if (responder->ended) {
        FCGX_Free(&responder->fcgi, 0); /* FCGX_Finish_r would write the end once more */
    } else {
        FCGX_Finish_r(&responder->fcgi);
    }
    return responder->fcgi.ipcFd >= 0;
}
