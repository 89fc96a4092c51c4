/* What a script tells of what it recorded. */
#include <stdlib.h>
#include <string.h>

#include "server.h"

uint16_t smtp_script_port(const struct smtp_script *script)
{
    return script->port;
}

void smtp_script_open(struct smtp_script *script, const char *gate)
{
    script_record_open(&script->record, gate);
}

bool smtp_script_wait(struct smtp_script *script, size_t connections, int timeout_ms)
{
    return script_record_wait_ended(&script->record, connections, timeout_ms);
}

bool smtp_script_wait_line(struct smtp_script *script, size_t connection, const char *pattern, int timeout_ms)
{
    struct script_pattern parsed;
    if (!script_pattern_parse(&parsed, pattern, strlen(pattern))) {
        return false;
    }
    bool found = script_record_wait_line(&script->record, connection, &parsed, timeout_ms);
    script_pattern_free(&parsed);
    return found;
}

/* As a text of its own; "" for none. */
static char *take_text(struct script_bytes *bytes)
{
    script_bytes_text(bytes, "");
    return (char *)bytes->data;
}

char *smtp_script_report(struct smtp_script *script)
{
    struct script_record *record = &script->record;
    struct script_bytes text = {0};
    pthread_mutex_lock(&record->lock);
    script_bytes_append(&text, record->failures.data, record->failures.size);
    pthread_mutex_unlock(&record->lock);
    return take_text(&text);
}

char *smtp_script_transcript(struct smtp_script *script, size_t connection)
{
    struct script_record *record = &script->record;
    struct script_bytes text = {0};
    pthread_mutex_lock(&record->lock);
    for (size_t i = 0; i < record->line_count; i++) {
        const struct script_line *line = &record->lines[i];
        char number[32];
        snprintf(number, sizeof number, "%zu ", line->connection);
        if (connection == 0) {
            script_bytes_text(&text, number);
        }
        if (connection == 0 || connection == line->connection) {
            script_bytes_text(&text, line->text);
            script_bytes_text(&text, "\n");
        }
    }
    pthread_mutex_unlock(&record->lock);
    return take_text(&text);
}

char *smtp_script_flights(struct smtp_script *script, size_t connection)
{
    struct script_record *record = &script->record;
    struct script_bytes text = {0};
    pthread_mutex_lock(&record->lock);
    if (connection > 0 && connection <= record->connections) {
        const struct script_bytes *flights = &record->flights[connection - 1].text;
        script_bytes_append(&text, flights->data, flights->size);
    }
    pthread_mutex_unlock(&record->lock);
    return take_text(&text);
}

size_t smtp_script_flight_count(struct smtp_script *script, size_t connection)
{
    struct script_record *record = &script->record;
    pthread_mutex_lock(&record->lock);
    bool known = connection > 0 && connection <= record->connections;
    size_t count = known ? record->flights[connection - 1].count : 0;
    pthread_mutex_unlock(&record->lock);
    return count;
}

size_t smtp_script_connections(struct smtp_script *script)
{
    struct script_record *record = &script->record;
    pthread_mutex_lock(&record->lock);
    size_t count = record->connections;
    pthread_mutex_unlock(&record->lock);
    return count;
}

size_t smtp_script_messages(struct smtp_script *script)
{
    struct script_record *record = &script->record;
    pthread_mutex_lock(&record->lock);
    size_t count = record->message_count;
    pthread_mutex_unlock(&record->lock);
    return count;
}

const unsigned char *smtp_script_message(struct smtp_script *script, size_t index, size_t *size)
{
    struct script_record *record = &script->record;
    const unsigned char *data = NULL;
    pthread_mutex_lock(&record->lock);
    if (index < record->message_count) {
        const struct script_bytes *message = &record->messages[index];
        *size = message->size;
        data = message->data == NULL ? (const unsigned char *)"" : message->data;
    }
    pthread_mutex_unlock(&record->lock);
    return data;
}
