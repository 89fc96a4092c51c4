/* server: what one script is made of. */
#ifndef SMTP_SCRIPT_SERVER_H
#define SMTP_SCRIPT_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "play.h"
#include "smtp_script.h"

struct script_connection {
    struct script_play play;
    const struct script_section *section;
    pthread_t thread;
    atomic_bool over; /* the thread is about to end */
};

struct smtp_script {
    struct script_record record;
    struct script_scenario scenario;
    struct script_certs certs;
    char *strings[5]; /* copies that certs points to */
    int listener;
    int stop_fd;
    int receive_buffer;
    int send_buffer;
    int64_t grace_ms;
    uint16_t port;
    char *unix_path; /* to be removed; NULL: none */
    pthread_t thread;
    pthread_mutex_t stop_lock;
    bool running;
    bool tcp;
    struct script_connection *
        *connections; /* not joined yet; only the accepting thread's until it is joined */
    size_t count;
    size_t capacity;
};

/* listen.c: opens script->listener and sets port, tcp and unix_path. False with a text in error. */
bool script_listen(struct smtp_script *script, const char *where, uint16_t port, char *error,
                   size_t error_size);

#endif
