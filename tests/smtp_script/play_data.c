/* The steps that read octets: messages, and what comes before the end of the input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

/* Takes exactly size octets, appended to kept unless that is NULL. False: the input ended before. */
static bool read_octets(struct script_play *play, uint64_t size, struct script_bytes *kept)
{
    while (size > 0) {
        size_t there;
        const unsigned char *data = script_wire_data(&play->wire, &there);
        if (there == 0 && !script_wire_fill(&play->wire)) {
            return false;
        }
        size_t taken = there < size ? there : (size_t)size;
        if (kept != NULL && taken > 0) {
            script_bytes_append(kept, data, taken);
        }
        script_wire_take(&play->wire, taken);
        size -= taken;
    }
    return true;
}

static void keep_message(struct script_play *play, struct script_bytes *message)
{
    if (!play->step->flag) {
        script_record_message(play->record, message);
    }
    script_bytes_free(message);
}

/* RFC 5321 2.3.8: a line ends with CRLF, and neither octet occurs alone. size is with the LF. */
static bool line_is_clean(const unsigned char *line, size_t size)
{
    return size >= 2 && memchr(line, '\r', size) == line + size - 2;
}

/* One line of the data. *ended at the final dot. */
static bool data_line(struct script_play *play, struct script_bytes *message, size_t *octets, bool *ended)
{
    size_t size = script_wire_line(&play->wire);
    if (size == 0) {
        return script_play_ended(play);
    }
    size_t there;
    const unsigned char *line = script_wire_data(&play->wire, &there);
    if (!line_is_clean(line, size)) {
        struct script_bytes shown = {0};
        script_bytes_escape(&shown, line, size, 200);
        script_play_fail(play, "a bare CR or LF in the data: \"%s\"", (char *)shown.data);
        script_bytes_free(&shown);
        return false;
    }
    *ended = size == 3 && line[0] == '.';
    size_t stuffing = line[0] == '.'; /* RFC 5321 4.5.2 */
    if (!*ended) {
        *octets += size - stuffing;
    }
    if (!*ended && !play->step->flag) {
        script_bytes_append(message, line + stuffing, size - stuffing);
    }
    script_wire_take(&play->wire, size);
    return true;
}

bool script_play_data(struct script_play *play)
{
    struct script_bytes message = {0};
    size_t octets = 0;
    bool ended = false;
    if (play->step->number >= 0) {
        if (!read_octets(play, (uint64_t)play->step->number, NULL)) {
            return script_play_ended(play);
        }
        script_record_event(play->record, play->wire.connection, "data begun");
        return true;
    }
    while (!ended) {
        if (!data_line(play, &message, &octets, &ended)) {
            script_bytes_free(&message);
            return false;
        }
    }
    play->line_flight = play->wire.flight;
    script_record_event(play->record, play->wire.connection, "data %zu octets", octets);
    keep_message(play, &message);
    return true;
}

/* BDAT SP chunk-size [SP LAST] CRLF (RFC 3030 section 2). */
static bool parse_bdat(const char *line, uint64_t *size, bool *last)
{
    static const char command[] = "BDAT ";
    if (strncmp(line, command, sizeof command - 1) != 0) {
        return false;
    }
    const char *digits = line + sizeof command - 1;
    size_t count = strspn(digits, "0123456789");
    const char *rest = digits + count;
    *size = strtoull(digits, NULL, 10);
    *last = strcmp(rest, " LAST\r\n") == 0;
    return count > 0 && count < 20 && (*last || strcmp(rest, "\r\n") == 0);
}

static bool chunk(struct script_play *play, bool *last)
{
    size_t line_size = script_wire_line(&play->wire);
    if (line_size == 0) {
        return script_play_ended(play);
    }
    size_t there;
    const unsigned char *data = script_wire_data(&play->wire, &there);
    char *line = script_copy((const char *)data, line_size);
    uint64_t size;
    bool good = parse_bdat(line, &size, last);
    free(line);
    script_play_take_line(play, line_size);
    if (!good) {
        return script_play_fail(play, "expected a BDAT command");
    }
    if (!read_octets(play, size, play->step->flag ? NULL : &play->message)) {
        return script_play_ended(play);
    }
    script_record_event(play->record, play->wire.connection, "bdat %llu octets", (unsigned long long)size);
    if (*last) {
        keep_message(play, &play->message);
    }
    return true;
}

bool script_play_bdat(struct script_play *play)
{
    bool last;
    return chunk(play, &last);
}

bool script_play_bdat_all(struct script_play *play)
{
    bool last = false;
    while (!last) {
        if (!chunk(play, &last)) {
            return false;
        }
        script_play_send(play);
    }
    return true;
}

bool script_play_wait_eof(struct script_play *play)
{
    size_t there;
    script_wire_data(&play->wire, &there);
    if (there == 0 && !script_wire_fill(&play->wire)) {
        return play->wire.end != SCRIPT_WIRE_STOPPED || script_play_ended(play);
    }
    const unsigned char *data = script_wire_data(&play->wire, &there);
    struct script_bytes shown = {0};
    script_bytes_escape(&shown, data, there, 200);
    script_play_fail(play, "expected the end of the input, got \"%s\"", (char *)shown.data);
    script_bytes_free(&shown);
    return false;
}

bool script_play_read_until_eof(struct script_play *play)
{
    uint64_t before = play->wire.taken;
    do {
        size_t there;
        script_wire_data(&play->wire, &there);
        script_wire_take(&play->wire, there);
    } while (script_wire_fill(&play->wire));
    script_record_event(play->record, play->wire.connection, "read %llu octets",
                        (unsigned long long)(play->wire.taken - before));
    return play->wire.end != SCRIPT_WIRE_STOPPED || script_play_ended(play);
}
