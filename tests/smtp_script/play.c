/*
 * One table has a function for each kind of step; blocks are played by going through their steps again. Where
 * a line is optional, it is looked at without being taken, so that the next step finds it.
 */
#include "play.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Optional input is not worth the whole grace after a stop. */
enum { OPTIONAL_GRACE_MS = 100 };

bool script_play_fail(struct script_play *play, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    script_record_failure(play->record, play->wire.connection, play->step == NULL ? 0 : play->step->line,
                          text);
    return false;
}

bool script_play_ended(struct script_play *play)
{
    static const char *const ends[] = {
        [SCRIPT_WIRE_OPEN] = "nothing",
        [SCRIPT_WIRE_EOF] = "the end of the input",
        [SCRIPT_WIRE_RESET] = "a reset",
        [SCRIPT_WIRE_STOPPED] = "nothing until the stop",
    };
    size_t there;
    const unsigned char *data = script_wire_data(&play->wire, &there);
    if (there == 0) {
        return script_play_fail(play, "expected \"%s\", got %s", play->step->source, ends[play->wire.end]);
    }
    struct script_bytes shown = {0};
    script_bytes_escape(&shown, data, there, 200);
    script_play_fail(play, "expected \"%s\", got \"%s\" and then %s", play->step->source, (char *)shown.data,
                     ends[play->wire.end]);
    script_bytes_free(&shown);
    return false;
}

void script_play_take_line(struct script_play *play, size_t size)
{
    size_t there;
    const unsigned char *line = script_wire_data(&play->wire, &there);
    size_t ending = size >= 2 && line[size - 2] == '\r' ? 2 : 1;
    script_record_line(play->record, play->wire.connection, "C: ", line, size - ending);
    script_wire_take(&play->wire, size);
    play->line_flight = play->wire.flight;
}

/* Whether the line of size octets at the front, ended by CRLF, is as the step says. */
static bool front_matches(struct script_play *play, size_t size)
{
    size_t there;
    const unsigned char *line = script_wire_data(&play->wire, &there);
    return size >= 2 && line[size - 2] == '\r' && script_pattern_match(&play->step->pattern, line, size - 2);
}

static bool play_await(struct script_play *play)
{
    size_t flight = play->line_flight;
    size_t size = script_wire_line(&play->wire);
    if (size == 0) {
        return script_play_ended(play);
    }
    if (!front_matches(play, size)) {
        size_t there;
        struct script_bytes shown = {0};
        script_bytes_escape(&shown, script_wire_data(&play->wire, &there), size, 1000);
        script_play_take_line(play, size);
        script_play_fail(play, "expected \"%s\", got \"%s\"", play->step->source, (char *)shown.data);
        script_bytes_free(&shown);
        return false;
    }
    script_play_take_line(play, size);
    if (play->step->kind == SCRIPT_AWAIT_SAME && play->line_flight != flight) {
        return script_play_fail(play, "\"%s\" came in another flight than the line before",
                                play->step->source);
    }
    return true;
}

/* Reads until a line is there, whole, or the input ends; a stop ends only this wait. 0: no line. */
static size_t optional_line(struct script_play *play)
{
    struct script_wire *wire = &play->wire;
    int64_t grace = wire->grace_ms;
    wire->grace_ms = grace < OPTIONAL_GRACE_MS ? grace : OPTIONAL_GRACE_MS;
    size_t size = script_wire_line(wire);
    wire->grace_ms = grace;
    if (wire->end == SCRIPT_WIRE_STOPPED) {
        wire->end = SCRIPT_WIRE_OPEN;
        wire->until = 0;
    }
    return size;
}

/* Takes the next line if it matches. */
static bool take_if_matches(struct script_play *play)
{
    size_t size = optional_line(play);
    if (size == 0 || !front_matches(play, size)) {
        return false;
    }
    script_play_take_line(play, size);
    return true;
}

static bool play_await_optional(struct script_play *play)
{
    take_if_matches(play);
    return true;
}

static SSL_CTX *find_context(struct script_play *play, char *error, size_t error_size)
{
    const struct script_step *step = play->step;
    struct script_tls_settings settings = play->certs->settings;
    char cert[4096];
    char key[4096];
    char authority[4096];
    const char *directory = play->certs->directory == NULL ? "." : play->certs->directory;
    const char *name = step->cert[0] != '\0' ? step->cert : "valid";
    if (step->cert[0] != '\0' || settings.cert_file == NULL) {
        snprintf(cert, sizeof cert, "%s/%s.pem", directory, name);
        snprintf(key, sizeof key, "%s/%s.key", directory, name);
        settings.cert_file = cert;
        settings.key_file = key;
    }
    settings.min = step->tls_min[0] != '\0' ? step->tls_min : settings.min;
    settings.max = step->tls_max[0] != '\0' ? step->tls_max : settings.max;
    if (step->tls_ask[0] != '\0') {
        snprintf(authority, sizeof authority, "%s/%s.pem", directory, step->tls_ask);
        settings.client_ca = authority;
    }
    return script_tls_get(&play->certs->tls, &settings, error, error_size);
}

static bool play_tls(struct script_play *play)
{
    char error[8400];
    SSL_CTX *context = find_context(play, error, sizeof error);
    size_t there;
    script_wire_data(&play->wire, &there);
    if (context == NULL) {
        return script_play_fail(play, "%s", error);
    }
    if (there > 0) {
        return script_play_fail(play, "%zu octets came in clear before the handshake", there);
    }
    if (play->wire.ssl != NULL || play->wire.end != SCRIPT_WIRE_OPEN) {
        return script_play_fail(play, "there is nothing to handshake on");
    }
    bool done = script_wire_handshake(&play->wire, context);
    if (done == play->step->flag) {
        return script_play_fail(play, done ? "the handshake was to fail" : "the handshake failed");
    }
    return true;
}

static bool play_ticket(struct script_play *play)
{
    return script_wire_ticket(&play->wire) ||
           script_play_fail(play, "there is no TLS 1.3 to send a ticket in");
}

static bool play_wait(struct script_play *play)
{
    script_wire_sleep(&play->wire, play->step->number, false);
    return true;
}

static bool play_quiet(struct script_play *play)
{
    size_t there;
    script_wire_data(&play->wire, &there);
    if (there == 0 &&
        (!script_wire_readable(&play->wire, play->step->number) || !script_wire_fill(&play->wire))) {
        return true;
    }
    struct script_bytes shown = {0};
    const unsigned char *data = script_wire_data(&play->wire, &there);
    script_bytes_escape(&shown, data, there, 200);
    script_play_fail(play, "expected \"%s\", got \"%s\"", play->step->source, (char *)shown.data);
    script_bytes_free(&shown);
    return false;
}

static bool play_gate(struct script_play *play)
{
    const char *gate = play->step->text.data == NULL ? "" : (const char *)play->step->text.data;
    script_record_event(play->record, play->wire.connection, "at gate %s", gate);
    if (!script_record_gate(play->record, gate)) {
        return script_play_fail(play, "gate %s was not opened until the stop", gate);
    }
    return true;
}

static bool play_stall(struct script_play *play)
{
    script_record_event(play->record, play->wire.connection, "stalled");
    script_wire_sleep(&play->wire, -1, true);
    return true;
}

static bool play_close(struct script_play *play)
{
    script_wire_close(&play->wire, !play->step->flag);
    return false;
}

static bool play_reset(struct script_play *play)
{
    script_wire_reset(&play->wire);
    return false;
}

static bool play_nothing(struct script_play *play)
{
    (void)play;
    return true;
}

static bool (*const step_functions[])(struct script_play *) = {
    [SCRIPT_SEND] = script_play_send,
    [SCRIPT_PART] = script_play_part,
    [SCRIPT_RAW] = script_play_part,
    [SCRIPT_AWAIT] = play_await,
    [SCRIPT_AWAIT_SAME] = play_await,
    [SCRIPT_AWAIT_OPTIONAL] = play_await_optional,
    [SCRIPT_TLS] = play_tls,
    [SCRIPT_TICKET] = play_ticket,
    [SCRIPT_DATA] = script_play_data,
    [SCRIPT_BDAT] = script_play_bdat,
    [SCRIPT_BDAT_ALL] = script_play_bdat_all,
    [SCRIPT_LINES] = script_play_lines,
    [SCRIPT_OCTETS] = script_play_octets,
    [SCRIPT_DRIP] = script_play_drip,
    [SCRIPT_WAIT] = play_wait,
    [SCRIPT_QUIET] = play_quiet,
    [SCRIPT_GATE] = play_gate,
    [SCRIPT_STALL] = play_stall,
    [SCRIPT_WAIT_EOF] = script_play_wait_eof,
    [SCRIPT_READ_UNTIL_EOF] = script_play_read_until_eof,
    [SCRIPT_CLOSE] = play_close,
    [SCRIPT_RESET] = play_reset,
    [SCRIPT_END] = play_nothing,
};

static bool play_steps(struct script_play *play, size_t first, size_t last);

/* Whether REPEAT * has another turn: there is input, or the end of it is not here yet. */
static bool more_input(struct script_play *play)
{
    size_t there;
    script_wire_data(&play->wire, &there);
    if (there > 0) {
        return true;
    }
    optional_line(play);
    script_wire_data(&play->wire, &there);
    return there > 0;
}

static bool play_repeat(struct script_play *play, size_t index)
{
    const struct script_step *step = &play->scenario->steps[index];
    for (long turn = 0; step->number < 0 || turn < step->number; turn++) {
        play->step = step;
        uint64_t taken = play->wire.taken;
        if (step->number < 0 && !more_input(play)) {
            return true;
        }
        if (!play_steps(play, index + 1, step->end)) {
            return false;
        }
        if (step->number < 0 && play->wire.taken == taken) {
            play->step = step;
            return script_play_ended(play);
        }
    }
    return true;
}

static bool play_while(struct script_play *play, size_t index)
{
    const struct script_step *step = &play->scenario->steps[index];
    play->step = step;
    while (take_if_matches(play)) {
        if (!play_steps(play, index + 1, step->end)) {
            return false;
        }
        play->step = step;
    }
    return true;
}

static bool play_if(struct script_play *play, size_t index)
{
    const struct script_step *steps = play->scenario->steps;
    while (steps[index].kind == SCRIPT_IF || steps[index].kind == SCRIPT_ELSE_IF) {
        play->step = &steps[index];
        if (take_if_matches(play)) {
            return play_steps(play, index + 1, steps[index].otherwise);
        }
        index = steps[index].otherwise;
    }
    return steps[index].kind != SCRIPT_ELSE || play_steps(play, index + 1, steps[index].end);
}

/* Steps [first, last); false: the connection is over. */
static bool play_steps(struct script_play *play, size_t first, size_t last)
{
    const struct script_step *steps = play->scenario->steps;
    bool going = true;
    for (size_t i = first; i < last && going; i++) {
        play->step = &steps[i];
        switch (steps[i].kind) {
        case SCRIPT_REPEAT:
            going = play_repeat(play, i);
            break;
        case SCRIPT_WHILE:
            going = play_while(play, i);
            break;
        case SCRIPT_IF:
            going = play_if(play, i);
            break;
        default:
            going = step_functions[steps[i].kind](play);
            continue;
        }
        i = steps[i].end;
    }
    return going;
}

void script_play(struct script_play *play, const struct script_section *section)
{
    size_t there;
    if (play_steps(play, section->first, section->last)) {
        const unsigned char *data = script_wire_data(&play->wire, &there);
        struct script_bytes shown = {0};
        script_bytes_escape(&shown, data, there, 200);
        if (there > 0) {
            script_play_fail(play, "after the last step came \"%s\"", (char *)shown.data);
        }
        script_bytes_free(&shown);
    }
    script_wire_free(&play->wire);
    script_bytes_free(&play->message);
}
