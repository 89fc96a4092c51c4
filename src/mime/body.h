/*
 * body: what a part's octets become on the wire: which encoding, how many octets, and the octets themselves as they are
 * pulled (RFC 2045 6).
 */
#ifndef FCGI_SMTP_MIME_BODY_H
#define FCGI_SMTP_MIME_BODY_H

#include "fcgi_smtp/lines.h"
#include "fcgi_smtp/message.h"
#include "fcgi_smtp/quoted_printable.h"
#include "mime/input.h"

/* BODY_7BIT: as it is, but for its line ends. */
enum body_encoding { BODY_7BIT, BODY_QUOTED_PRINTABLE, BODY_BASE64 };

struct body {
    const struct blob *content; /* NULL: empty */
    uint64_t begin;             /* octets of content that are left out at its start */
    struct slice charset;       /* to convert from; empty: none needed */
    bool lines;                 /* line ends become CRLF (always but for files in base64) */
    bool end_line;              /* a last line without end gets one: nothing follows it (not in base64) */
    enum body_encoding encoding;
    uint64_t size; /* encoded octets */
};

/*
 * Reads the text once: its charset must be what it says, NUL is refused, the encoding that suits it is chosen. alone:
 * nothing follows it in the message. COMPOSE_INVALID: err names the part's field.
 */
enum compose_result body_of_text(struct body *body, const struct message_part *part, bool alone,
                                 struct input *input, struct err *err);

/* A file in base64; reads nothing. */
void body_of_file(struct body *body, const struct message_part *part);

/* A message as it is but for its line ends, or, where it is not 7bit, a file: body->encoding says which. */
enum compose_result body_of_message(struct body *body, const struct message_part *part, struct input *input,
                                    struct err *err);

/* Pulls a body. */
struct body_stream {
    const struct body *body;
    struct input *input;
    bool ended;
    struct crlf_encoder crlf;
    struct quoted_printable_encoder quoted_printable;
    struct base64_encoder base64;
};

enum { BODY_READ_MIN = 512 };

bool body_stream_open(struct body_stream *stream, const struct body *body, struct input *input,
                      struct err *err);

/* Up to cap >= BODY_READ_MIN octets; *len == 0 at the end. */
bool body_stream_read(struct body_stream *stream, char *out, size_t cap, size_t *len, struct err *err);

#endif
