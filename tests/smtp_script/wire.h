/*
 * wire: one connection's socket with or without TLS. Never blocks beyond the stop of the script, and records
 * flights, the end of the input and what TLS says.
 */
#ifndef SMTP_SCRIPT_WIRE_H
#define SMTP_SCRIPT_WIRE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "record.h"

enum script_wire_end { SCRIPT_WIRE_OPEN, SCRIPT_WIRE_EOF, SCRIPT_WIRE_RESET, SCRIPT_WIRE_STOPPED };

struct script_wire {
    int fd; /* not blocking */
    int stop_fd;
    int64_t grace_ms; /* how long input is waited for after the stop */
    int64_t until;    /* the end of that; 0: not stopped yet */
    SSL *ssl;         /* NULL: none */
    bool ssl_broken;
    bool gone;                /* nothing can be sent any more */
    enum script_wire_end end; /* nothing more can be read */
    struct script_bytes in;   /* what was read; [start, size) is not taken yet */
    size_t start;
    size_t scanned; /* no LF in [start, scanned) */
    size_t flight;  /* number of the last one */
    uint64_t taken; /* octets */
    struct script_record *record;
    size_t connection;
};

/* Takes over fd. */
void script_wire_init(struct script_wire *wire, int fd, int stop_fd, int64_t grace_ms,
                      struct script_record *record, size_t connection);
void script_wire_close(struct script_wire *wire, bool close_notify); /* may be called again */
void script_wire_reset(struct script_wire *wire);
void script_wire_free(struct script_wire *wire);

/* Reads one flight behind what is there. False: see end. */
bool script_wire_fill(struct script_wire *wire);

/* What is there and not taken. */
static inline const unsigned char *script_wire_data(const struct script_wire *wire, size_t *size)
{
    *size = wire->in.size - wire->start;
    return *size == 0 ? (const unsigned char *)"" : wire->in.data + wire->start;
}

/* The size of the next line with its LF; reads until it is whole. 0: the input ended before. */
size_t script_wire_line(struct script_wire *wire);
void script_wire_take(struct script_wire *wire, size_t size);

/* False: the peer has gone, or the script was stopped while it did not read. */
bool script_wire_send(struct script_wire *wire, const void *data, size_t size);

/* Waits ms (-1: for ever). False when the script was stopped, or, if with_peer, the peer closed. */
bool script_wire_sleep(struct script_wire *wire, int64_t ms, bool with_peer);
bool script_wire_stopped(struct script_wire *wire);

/* Waits until input can be read. False after ms. */
bool script_wire_readable(struct script_wire *wire, int64_t ms);

/* As the server, recorded. Nothing may be there that is not taken. */
bool script_wire_handshake(struct script_wire *wire, SSL_CTX *context);

/* Sends a TLS 1.3 session ticket and a KeyUpdate, recorded. */
bool script_wire_ticket(struct script_wire *wire);

/* Waits until the socket is ready for poll's events; false when it was stopped and the grace is over. */
bool script_wire_poll(struct script_wire *wire, short events);

/* wire_tls.c: as read and send, but waiting. 0: nothing more, end or gone is set. */
size_t script_wire_tls_read(struct script_wire *wire, void *data, size_t size);
size_t script_wire_tls_write(struct script_wire *wire, const void *data, size_t size);
void script_wire_ended(struct script_wire *wire, enum script_wire_end end, const char *detail);

/* The contexts of one script; shared by its connections so that sessions can be resumed. */
struct script_tls_context {
    char *key; /* all that makes it */
    SSL_CTX *context;
};

struct script_tls {
    pthread_mutex_t lock;
    struct script_tls_context *contexts;
    size_t count;
    size_t capacity;
};

struct script_tls_settings {
    const char *cert_file;
    const char *key_file;
    const char *min; /* NULL or "": 1.2, or max where lower */
    const char *max; /* NULL or "": 1.3 */
    const char
        *client_ca; /* NULL: no certificate is asked for; else the client must have one of this authority */
};

void script_tls_init(struct script_tls *tls);
void script_tls_free(struct script_tls *tls);

/* NULL with a text in error. */
SSL_CTX *script_tls_get(struct script_tls *tls, const struct script_tls_settings *settings, char *error,
                        size_t error_size);

#endif
