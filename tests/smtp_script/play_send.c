/* The steps that send. A peer that has gone is no failure of theirs: what the client did about it is seen
 * elsewhere. */
#include <stdio.h>
#include <string.h>

#include "play.h"

bool script_play_send(struct script_play *play)
{
    const struct script_bytes *text = &play->step->text;
    script_record_line(play->record, play->wire.connection, "S: ", text->data, text->size);
    struct script_bytes line = {0};
    script_bytes_append(&line, text->data, text->size);
    script_bytes_text(&line, "\r\n"); /* one write, so that a line is one segment */
    script_wire_send(&play->wire, line.data, line.size);
    script_bytes_free(&line);
    return true;
}

/* PART and RAW. */
bool script_play_part(struct script_play *play)
{
    const struct script_bytes *text = &play->step->text;
    script_record_line(play->record, play->wire.connection, "S~ ", text->data, text->size);
    script_wire_send(&play->wire, text->data, text->size);
    return true;
}

/* Sends what was gathered once there is enough. False: to no avail. */
static bool flush_at(struct script_play *play, struct script_bytes *gathered, size_t size)
{
    if (gathered->size < size) {
        return true;
    }
    bool sent = script_wire_send(&play->wire, gathered->data, gathered->size);
    gathered->size = 0;
    return sent && !script_wire_stopped(&play->wire);
}

static bool flooded(struct script_play *play, bool whole, const char *what)
{
    if (whole) {
        script_record_event(play->record, play->wire.connection, "sent %ld %s", play->step->number, what);
    } else {
        script_record_event(play->record, play->wire.connection, "sending %s ended early", what);
    }
    return true;
}

bool script_play_lines(struct script_play *play)
{
    const struct script_step *step = play->step;
    struct script_bytes gathered = {0};
    bool going = true;
    for (long i = 1; i <= step->number && going; i++) {
        char end[32];
        snprintf(end, sizeof end, "%ld\r\n", i);
        script_bytes_append(&gathered, step->text.data, step->text.size);
        script_bytes_text(&gathered, end);
        going = flush_at(play, &gathered, i < step->number ? 16384 : 1);
    }
    script_bytes_free(&gathered);
    return flooded(play, going, "lines");
}

bool script_play_octets(struct script_play *play)
{
    char octets[16384];
    memset(octets, 'x', sizeof octets);
    bool going = true;
    for (long left = play->step->number; left > 0 && going; left -= (long)sizeof octets) {
        size_t size = left < (long)sizeof octets ? (size_t)left : sizeof octets;
        going = script_wire_send(&play->wire, octets, size) && !script_wire_stopped(&play->wire);
    }
    return flooded(play, going, "octets");
}

bool script_play_drip(struct script_play *play)
{
    const struct script_bytes *text = &play->step->text;
    script_record_line(play->record, play->wire.connection, "S~ ", text->data, text->size);
    for (size_t i = 0; i < text->size; i++) {
        if (!script_wire_send(&play->wire, text->data + i, 1) ||
            !script_wire_sleep(&play->wire, play->step->number, true)) {
            script_record_event(play->record, play->wire.connection, "drip ended early");
            return true;
        }
    }
    return true;
}
