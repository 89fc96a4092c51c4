#include "record.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_SHOWN = 2000, FLIGHT_SHOWN = 1024, FLIGHTS_KEPT = 1000 };

bool script_record_init(struct script_record *record, const char *name, const char *message_dir,
                        const char *transcript_file)
{
    *record = (struct script_record){0};
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&record->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&record->lock, NULL);
    record->name = script_copy(name, strlen(name));
    record->message_dir = message_dir == NULL ? NULL : script_copy(message_dir, strlen(message_dir));
    if (transcript_file != NULL) {
        record->transcript = fopen(transcript_file, "we");
    }
    return transcript_file == NULL || record->transcript != NULL;
}

void script_record_free(struct script_record *record)
{
    for (size_t i = 0; i < record->line_count; i++) {
        free(record->lines[i].text);
    }
    for (size_t i = 0; i < record->connections; i++) {
        script_bytes_free(&record->flights[i].text);
    }
    for (size_t i = 0; i < record->message_count; i++) {
        script_bytes_free(&record->messages[i]);
    }
    for (size_t i = 0; i < record->gate_count; i++) {
        free(record->gates[i]);
    }
    free(record->lines);
    free(record->flights);
    free(record->messages);
    free(record->gates);
    free(record->name);
    free(record->message_dir);
    script_bytes_free(&record->failures);
    if (record->transcript != NULL) {
        fclose(record->transcript);
    }
    pthread_cond_destroy(&record->changed);
    pthread_mutex_destroy(&record->lock);
}

static void lock(struct script_record *record)
{
    pthread_mutex_lock(&record->lock);
}

static void unlock_changed(struct script_record *record)
{
    pthread_cond_broadcast(&record->changed);
    pthread_mutex_unlock(&record->lock);
}

size_t script_record_begin(struct script_record *record)
{
    lock(record);
    record->flights =
        script_grow(record->flights, record->connections, &record->flights_capacity, sizeof *record->flights);
    record->flights[record->connections++] = (struct script_flights){0};
    size_t number = record->connections;
    unlock_changed(record);
    return number;
}

void script_record_end(struct script_record *record)
{
    lock(record);
    record->ended++;
    unlock_changed(record);
}

/* Takes text over. */
static void add_line(struct script_record *record, size_t connection, char *text)
{
    record->lines =
        script_grow(record->lines, record->line_count, &record->line_capacity, sizeof *record->lines);
    record->lines[record->line_count++] = (struct script_line){.connection = connection, .text = text};
    if (record->transcript != NULL) {
        fprintf(record->transcript, "%zu %s\n", connection, text);
        fflush(record->transcript);
    }
}

void script_record_line(struct script_record *record, size_t connection, const char *prefix, const void *data,
                        size_t size)
{
    struct script_bytes text = {0};
    script_bytes_text(&text, prefix);
    script_bytes_escape(&text, data, size, LINE_SHOWN);
    lock(record);
    add_line(record, connection, (char *)text.data);
    unlock_changed(record);
}

void script_record_event(struct script_record *record, size_t connection, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    script_record_line(record, connection, "* ", text, strlen(text));
}

void script_record_flight(struct script_record *record, size_t connection, const unsigned char *data,
                          size_t size)
{
    lock(record);
    struct script_flights *flights = &record->flights[connection - 1];
    if (flights->count++ < FLIGHTS_KEPT) {
        script_bytes_escape(&flights->text, data, size, FLIGHT_SHOWN);
        script_bytes_text(&flights->text, "\n");
    }
    unlock_changed(record);
}

void script_record_failure(struct script_record *record, size_t connection, size_t line, const char *text)
{
    char place[64] = "";
    char who[48] = "";
    if (line > 0) {
        snprintf(place, sizeof place, ":%zu", line);
    }
    if (connection > 0) {
        snprintf(who, sizeof who, "connection %zu: ", connection);
    }
    struct script_bytes event = {0};
    script_bytes_text(&event, "* failed: ");
    script_bytes_text(&event, text);
    lock(record);
    script_bytes_text(&record->failures, record->name);
    script_bytes_text(&record->failures, place);
    script_bytes_text(&record->failures, ": ");
    script_bytes_text(&record->failures, who);
    script_bytes_text(&record->failures, text);
    script_bytes_text(&record->failures, "\n");
    add_line(record, connection, (char *)event.data);
    unlock_changed(record);
}

/* Under another name first, so that who looks for the file finds it whole. */
static bool write_message(const char *directory, size_t number, const struct script_bytes *message)
{
    char part[4096];
    char whole[4096];
    snprintf(part, sizeof part, "%s/message-%zu.part", directory, number);
    snprintf(whole, sizeof whole, "%s/message-%zu.eml", directory, number);
    FILE *file = fopen(part, "we");
    if (file == NULL) {
        return false;
    }
    bool written = message->size == 0 || fwrite(message->data, message->size, 1, file) == 1;
    return fclose(file) == 0 && written && rename(part, whole) == 0;
}

size_t script_record_message(struct script_record *record, struct script_bytes *message)
{
    lock(record);
    record->messages = script_grow(record->messages, record->message_count, &record->message_capacity,
                                   sizeof *record->messages);
    record->messages[record->message_count++] = *message;
    size_t number = record->message_count;
    bool good = record->message_dir == NULL || write_message(record->message_dir, number, message);
    *message = (struct script_bytes){0};
    unlock_changed(record);
    if (!good) {
        script_record_failure(record, 0, 0, "a message could not be written to the directory");
    }
    return number;
}

void script_record_open(struct script_record *record, const char *gate)
{
    lock(record);
    if (gate == NULL) {
        record->all_gates = true;
    } else {
        record->gates =
            script_grow(record->gates, record->gate_count, &record->gate_capacity, sizeof *record->gates);
        record->gates[record->gate_count++] = script_copy(gate, strlen(gate));
    }
    unlock_changed(record);
}

static bool gate_open(const struct script_record *record, const char *gate)
{
    for (size_t i = 0; i < record->gate_count; i++) {
        if (strcmp(record->gates[i], gate) == 0) {
            return true;
        }
    }
    return record->all_gates;
}

bool script_record_gate(struct script_record *record, const char *gate)
{
    lock(record);
    while (!gate_open(record, gate) && !record->stopping) {
        pthread_cond_wait(&record->changed, &record->lock);
    }
    bool open = gate_open(record, gate);
    pthread_mutex_unlock(&record->lock);
    return open;
}

void script_record_stop(struct script_record *record)
{
    lock(record);
    record->stopping = true;
    unlock_changed(record);
}

static struct timespec after(int timeout_ms)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += timeout_ms / 1000;
    time.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (time.tv_nsec >= 1000000000L) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000L;
    }
    return time;
}

bool script_record_wait_ended(struct script_record *record, size_t connections, int timeout_ms)
{
    struct timespec until = after(timeout_ms);
    int waited = 0;
    lock(record);
    while (record->ended < connections && waited == 0) {
        waited = pthread_cond_timedwait(&record->changed, &record->lock, &until);
    }
    bool ended = record->ended >= connections;
    pthread_mutex_unlock(&record->lock);
    return ended;
}

/* Looks at the lines from *from on, and moves it behind them. */
static bool find_line(const struct script_record *record, size_t connection,
                      const struct script_pattern *pattern, size_t *from)
{
    for (; *from < record->line_count; (*from)++) {
        const struct script_line *line = &record->lines[*from];
        bool asked = connection == 0 || line->connection == connection;
        if (asked && script_pattern_match(pattern, (const unsigned char *)line->text, strlen(line->text))) {
            return true;
        }
    }
    return false;
}

bool script_record_wait_line(struct script_record *record, size_t connection,
                             const struct script_pattern *pattern, int timeout_ms)
{
    struct timespec until = after(timeout_ms);
    int waited = 0;
    size_t from = 0;
    lock(record);
    bool found = find_line(record, connection, pattern, &from);
    while (!found && waited == 0) {
        waited = pthread_cond_timedwait(&record->changed, &record->lock, &until);
        found = find_line(record, connection, pattern, &from);
    }
    pthread_mutex_unlock(&record->lock);
    return found;
}
