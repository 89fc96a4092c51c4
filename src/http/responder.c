/*
 * libfcgi 2.4.2 reads records with plain blocking read(2) into a buffer of 8 KiB, answers FCGI_GET_VALUES
 * itself, and keeps nearly all state in structs that its header shows. What this file relies on beyond the
 * documented calls is named where it is used and pinned by tests/unit/http_responder_test.c.
 */
#include "http/responder.h"

#include <fastcgi.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

bool responder_setup(struct err *err)
{
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

bool responder_accept(struct responder *responder, int fd, bool tcp)
{
    responder->tcp = tcp;
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

size_t responder_read(struct responder *responder, void *out, size_t cap)
{
    if (responder->tcp) {
        /*
         * nginx does not switch Nagle's algorithm off (RFC 1122, 4.2.3.4): its last small record would wait
         * for our delayed acknowledgement, 40 ms per upload. The option is not lasting.
         */
        static const int on = 1;
        (void)setsockopt(responder->fcgi.ipcFd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    }
    int got = FCGX_GetStr(out, cap < INT_MAX ? (int)cap : INT_MAX, responder->fcgi.in);
    return got > 0 ? (size_t)got : 0;
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
    FCGX_Stream *in = responder->fcgi.in;
    char waste[4096];
    size_t dropped = 0;
    deadline until = deadline_after(ms);
    limit_reads(responder, ms);
    while (responder_ended(responder) == RESPONDER_OPEN && dropped <= limit && !deadline_passed(until)) {
        /* No more than is there already, or libfcgi would go on reading until it has that much. */
        ptrdiff_t ready = in->stop - in->rdNext;
        size_t want = ready > (ptrdiff_t)sizeof waste ? sizeof waste : ready > 1 ? (size_t)ready : 1;
        dropped += responder_read(responder, waste, want);
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

size_t responder_leftover(const struct responder *responder)
{
    const FCGX_Stream *in = responder->fcgi.in;
    const struct stream_data_prefix *data = in->data;
    /* libfcgi asks for buffers of 8192 octets, and may lose 8 of them by aligning. */
    if (data->buff < data->mBuff || data->buff - data->mBuff > 8 || data->bufflen < 8184 ||
        data->bufflen > 8192 || in->rdNext < data->buff || data->buffStop < in->rdNext ||
        data->buffStop - data->buff > data->bufflen) {
        return SIZE_MAX;
    }
    return (size_t)(data->buffStop - in->rdNext);
}

bool responder_write(struct responder *responder, const void *octets, size_t len)
{
    return len == 0 || (len <= INT_MAX && FCGX_PutStr(octets, (int)len, responder->fcgi.out) == (int)len);
}

/* What FCGX_Finish_r does first; it is done here alone because FCGX_Finish_r frees the parameters, too. */
bool responder_finish(struct responder *responder)
{
    bool err_ok =
        FCGX_FClose(responder->fcgi.err) == 0; /* err first: out then carries FCGI_END_REQUEST in one write */
    bool out_ok = FCGX_FClose(responder->fcgi.out) == 0;
    return err_ok && out_ok;
}

bool responder_free(struct responder *responder)
{
    FCGX_Finish_r(&responder->fcgi);
    return responder->fcgi.ipcFd >= 0;
}
