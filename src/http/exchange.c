/*
 * When the handler answers before it has read the body, nginx may still be sending it. A small rest is read
 * before the answer, so that the connection can be kept; nginx has it at hand as a rule. A large one is not
 * waited for: the answer goes out, nginx stops sending when it sees it, and the acceptor drops what is under
 * way. Closing at once would reset the connection under nginx's hands, and its client would get a 502 in the
 * place of our answer.
 */
#include "http/exchange.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "fcgi_smtp/http_problem.h"
#include "fcgi_smtp/log.h"
#include "http/response.h"

/*
 * As a rule more than the sockets hold: nginx keeps a connection once it has sent all, whether we have read
 * it or not.
 */
#define DRAIN_OCTETS ((int64_t)1024 * 1024)
#define DRAIN_MS     2000

enum fate { FATE_PARK, FATE_LINGER, FATE_CLOSE };

/* Waits for the next request, or for the peer to close; false: neither is possible. */
static bool hand_over(struct http_server *server, struct connection *connection, enum fate fate)
{
    if (fate == FATE_PARK) { /* also when stopping has begun meanwhile: nginx was not told before */
        int64_t idle_ms = server->stopping ? STOP_GRACE_MS : server->options.idle_ms;
        server_move(server, connection, CONNECTION_IDLE, deadline_after(idle_ms));
        return server_watch(server, connection, CONNECTION_IDLE_EVENTS);
    }
    if (fate == FATE_LINGER && shutdown(connection->fd, SHUT_WR) == 0) {
        connection->dropped = 0;
        server_move(server, connection, CONNECTION_LINGERING, deadline_after(LINGER_MS));
        /* Shut down for reading it would be readable for ever; then it just gets its time. */
        return connection->late || server_watch(server, connection, EPOLLIN | EPOLLONESHOT);
    }
    return false;
}

/*
 * Gives the delivery slot back, if it has one. This thread takes the next waiting request itself, unless there is one
 * to be refused first.
 */
static void leave_slot(struct http_server *server, struct connection *connection, struct idle_worker **chosen)
{
    server->delivering -= connection->has_slot ? 1 : 0;
    if (connection->has_slot && server->lists[CONNECTION_WAITING].count > 0 &&
        server->expired.first != NULL) {
        server_choose_worker(server, chosen);
    }
    connection->has_slot = false;
}

/* The request is over; the connection goes back to the acceptor. */
static void end(struct http_server *server, struct connection *connection, enum fate fate)
{
    struct idle_worker *chosen = NULL;
    pthread_mutex_lock(&server->lock);
    leave_slot(server, connection, &chosen);
    if (!hand_over(server, connection, fate)) {
        server_close(server, connection);
    }
    if (server->stopping) {
        server_wake_acceptor(server); /* it waits for the last one */
    }
    pthread_mutex_unlock(&server->lock);
    server_wake_workers(chosen);
}

/* Reads a small rest of the body. True: the stream has ended as it should, and nothing came behind it. */
static bool settle_body(struct connection *connection)
{
    int64_t rest = connection->request.content_length - (int64_t)connection->request.body_read;
    if (rest > DRAIN_OCTETS) {
        return false;
    }
    return responder_drain(&connection->responder, DRAIN_MS, (size_t)DRAIN_OCTETS) == RESPONDER_CLEAN &&
           responder_leftover(&connection->responder) == 0;
}

/* From here on the read deadline does not matter. True: it has passed already. */
static bool reading_ends(struct http_server *server, struct connection *connection)
{
    if (connection->has_slot) {
        return connection->late; /* it did not matter any more when the slot was taken */
    }
    pthread_mutex_lock(&server->lock);
    server_move(server, connection, CONNECTION_WORKING, DEADLINE_NEVER);
    bool late = connection->late;
    pthread_mutex_unlock(&server->lock);
    return late;
}

/*
 * What is said when there is no memory for the answer itself. A mail may have been sent, and its client must learn that nobody
 * can tell: a connection that just closes would tell it nothing.
 */
static const char last_answer[] =
    "Status: 500 Internal Server Error\r\n"
    "Content-Type: application/problem+json\r\n"
    "Cache-Control: no-store\r\n\r\n"
    "{\"type\":\"urn:fcgi-smtp:internal\",\"title\":\"Something went wrong here\",\"status\":500,"
    "\"detail\":\"There is no memory left for the answer.\",\"delivery\":\"unknown\"}";

static bool write_answer(struct connection *connection, bool keep)
{
    struct http_request *request = &connection->request;
    struct http_response *response = &connection->response;
    struct responder *responder = &connection->responder;
    bool body = http_response_has_body(response) && strcmp(http_request_method(request), "HEAD") != 0;
    struct buf head;
    buf_init(&head, HTTP_RESPONSE_HEAD_MAX);
    bool made = http_response_head(response, http_request_id(request), &head);
    if (!made) {
        http_response_reset(response, 500); /* for the log */
    }
    bool ok = made ? responder_write(responder, head.data, head.len) &&
                         (!body || responder_write(responder, response->body.data, response->body.len))
                   : responder_write(responder, last_answer, sizeof last_answer - 1);
    buf_free(&head);
    return responder_finish(responder, !keep) && ok;
}

static void answer(struct http_server *server, struct connection *connection)
{
    bool settled = settle_body(connection);
    bool late = reading_ends(server, connection);
    bool keep = connection->responder.keep && settled && !late && !atomic_load(&server->stop_asked);
    bool written = write_answer(connection, keep);
    keep = keep && written;
    if (!keep) {
        shutdown(connection->fd, SHUT_WR);
    }
    server->handler.finished(server->handler.ctx, &connection->request, &connection->response, written);
    http_request_free(&connection->request);
    http_response_free(&connection->response);
    if (!responder_free(&connection->responder)) {
        connection->lib_fd = -1;
        keep = false;
    }
    bool linger = written && (!settled || late);
    end(server, connection, keep ? FATE_PARK : linger ? FATE_LINGER : FATE_CLOSE);
}

/* Takes a free delivery slot, or queues up for one: then the connection is not ours any more. */
static bool take_slot(struct http_server *server, struct connection *connection)
{
    pthread_mutex_lock(&server->lock);
    bool taken = server->delivering < server->options.workers && server->lists[CONNECTION_WAITING].count == 0;
    if (taken) {
        server->delivering++;
        connection->has_slot = true;
        server_move(server, connection, CONNECTION_WORKING, DEADLINE_NEVER);
    } else {
        server_move(server, connection, CONNECTION_WAITING, deadline_after(server->options.queue_wait_ms));
    }
    pthread_mutex_unlock(&server->lock);
    return taken;
}

void exchange_begin(struct http_server *server, struct connection *connection)
{
    if (!responder_accept(&connection->responder, connection->lib_fd, server->listener.tcp)) {
        connection->lib_fd = -1;
        log_message(LOG_LEVEL_DEBUG, "closed a FastCGI connection in the middle of a request's parameters");
        end(server, connection, FATE_CLOSE);
        return;
    }
    http_request_init(&connection->request, responder_params(&connection->responder), &connection->responder,
                      connection->begun_at);
    http_response_init(&connection->response);
    enum http_verdict verdict =
        server->handler.begin(server->handler.ctx, &connection->request, &connection->response);
    if (verdict == HTTP_DELIVER && connection->request.body_end != HTTP_READ_END) {
        log_message(LOG_LEVEL_ERROR, "a delivery was asked for before the request was complete");
        http_problem_write(&connection->response, PROBLEM_INTERNAL, "The request was not read to its end.",
                           "none", NULL);
        verdict = HTTP_ANSWER;
    }
    if (verdict == HTTP_ANSWER) {
        answer(server, connection);
    } else if (take_slot(server, connection)) {
        exchange_deliver(server, connection);
    }
}

/*
 * The slot is kept until the handler has finished (see end), so that the next delivery finds what this one leaves
 * behind.
 */
void exchange_deliver(struct http_server *server, struct connection *connection)
{
    server->handler.deliver(server->handler.ctx, &connection->request, &connection->response);
    answer(server, connection);
}

void exchange_overloaded(struct http_server *server, struct connection *connection)
{
    server->handler.overloaded(server->handler.ctx, &connection->request, &connection->response);
    answer(server, connection);
}
