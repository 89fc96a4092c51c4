/* record: what happened on all connections of one script, and the waiting for it. Every function takes the
 * lock. */
#ifndef SMTP_SCRIPT_RECORD_H
#define SMTP_SCRIPT_RECORD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bytes.h"

struct script_line {
    size_t connection;
    char *text;
};

struct script_flights {
    struct script_bytes text; /* a line each, escaped */
    size_t count;
};

struct script_record {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *name;
    char *message_dir; /* NULL: none */
    FILE *transcript;  /* NULL: none */
    struct script_line *lines;
    size_t line_count;
    size_t line_capacity;
    struct script_flights *flights; /* of connection i + 1 */
    size_t connections;
    size_t flights_capacity;
    size_t ended;
    struct script_bytes *messages;
    size_t message_count;
    size_t message_capacity;
    struct script_bytes failures;
    char **gates; /* that are open */
    size_t gate_count;
    size_t gate_capacity;
    bool all_gates;
    bool stopping;
};

/* False, errno set, when the transcript file cannot be had. */
bool script_record_init(struct script_record *record, const char *name, const char *message_dir,
                        const char *transcript_file);
void script_record_free(struct script_record *record);

size_t script_record_begin(struct script_record *record); /* the number of a new connection, from 1 */
void script_record_end(struct script_record *record);     /* a connection has ended */

/* A line of the transcript: a prefix such as "S: " and octets, escaped. */
void script_record_line(struct script_record *record, size_t connection, const char *prefix, const void *data,
                        size_t size);
void script_record_event(struct script_record *record, size_t connection, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void script_record_flight(struct script_record *record, size_t connection, const unsigned char *data,
                          size_t size);

/* A failure; line 0: of no step. */
void script_record_failure(struct script_record *record, size_t connection, size_t line, const char *text);

/* Takes the octets over and leaves message empty. Returns its number, from 1. */
size_t script_record_message(struct script_record *record, struct script_bytes *message);

void script_record_open(struct script_record *record, const char *gate);
bool script_record_gate(struct script_record *record, const char *gate); /* waits; false: stopped before */
void script_record_stop(struct script_record *record);
bool script_record_wait_ended(struct script_record *record, size_t connections, int timeout_ms);
bool script_record_wait_line(struct script_record *record, size_t connection,
                             const struct script_pattern *pattern, int timeout_ms);

#endif
