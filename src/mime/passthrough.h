/*
 * passthrough: what its two halves share: the header section's reader (passthrough_header.c) and the rest.
 */
#ifndef FCGI_SMTP_MIME_PASSTHROUGH_H
#define FCGI_SMTP_MIME_PASSTHROUGH_H

#include "fcgi_smtp/passthrough.h"
#include "mime/message_id.h"
#include "mime/segments.h"

/* The fields that mean something here. */
enum known_field {
    KNOWN_NONE,
    KNOWN_FROM,
    KNOWN_SENDER,
    KNOWN_TO,
    KNOWN_CC,
    KNOWN_BCC,
    KNOWN_DATE,
    KNOWN_MESSAGE_ID,
    KNOWN_SUBJECT,
    KNOWN_LEFT_OUT,
    KNOWN_COUNT
};

struct passthrough {
    const char *field;    /* the request's */
    struct buf head;      /* the octets up to the body, as given */
    struct slice section; /* of head: the header section without its empty line */
    uint64_t lines;       /* in head */
    struct segments segments;
    size_t count[KNOWN_COUNT]; /* how often each known field is there */
    struct address_list from;
    struct address_list sender;
    struct slice message_id;
    struct slice subject;
    bool utf8_header;
    bool eight_bit;
    char made_id[MESSAGE_ID_MAX + 1];
};

/* What passthrough_new works with. */
struct passthrough_reading {
    struct passthrough *passthrough;
    const struct passthrough_input *input;
    struct arena *arena;
    struct buf unfolded; /* a structured field's value */
    struct err *err;
};

/*
 * Reads the octets up to the body into head, and writes the header section that leaves to segments.fixed, with its empty
 * line.
 */
enum passthrough_result passthrough_read_header(struct passthrough_reading *r);

/* For a refusal whose text is in the error already: names the request's field. */
enum passthrough_result passthrough_invalid(const struct passthrough *passthrough, struct err *err);

#endif
