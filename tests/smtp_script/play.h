/* play: the steps of one connection. A step is a function that says whether the next one is to be played. */
#ifndef SMTP_SCRIPT_PLAY_H
#define SMTP_SCRIPT_PLAY_H

#include <stdbool.h>

#include "record.h"
#include "scenario.h"
#include "wire.h"

/* The certificates and versions of a script. */
struct script_certs {
    struct script_tls tls;
    struct script_tls_settings settings; /* the default ones */
    const char *directory;               /* for cert=; NULL: none */
};

struct script_play {
    struct script_wire wire;
    struct script_record *record;
    const struct script_scenario *scenario;
    struct script_certs *certs;
    const struct script_step *step; /* the one that is played */
    size_t line_flight;             /* in which the last line ended */
    struct script_bytes message;    /* of BDAT, until the last chunk */
};

/* Plays a section and closes. wire, record, scenario and certs are given. */
void script_play(struct script_play *play, const struct script_section *section);

/* Records a failure of this step. Returns false. */
bool script_play_fail(struct script_play *play, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Records that the step was not met because the input had ended. Returns false. */
bool script_play_ended(struct script_play *play);

/* Takes a line of size octets with its line end, recorded. */
void script_play_take_line(struct script_play *play, size_t size);

bool script_play_send(struct script_play *play);
bool script_play_part(struct script_play *play);
bool script_play_lines(struct script_play *play);
bool script_play_octets(struct script_play *play);
bool script_play_drip(struct script_play *play);

bool script_play_data(struct script_play *play);
bool script_play_bdat(struct script_play *play);
bool script_play_bdat_all(struct script_play *play);
bool script_play_wait_eof(struct script_play *play);
bool script_play_read_until_eof(struct script_play *play);

#endif
