/*
 * quoted_printable: the quoted-printable content-transfer-encoding as a stream (RFC 2045 6.7).
 *
 * Embedded by value, no allocation, no free. The output does not depend on how the input was cut. Lines have
 * at most 76 characters, without their CRLF; a soft line break never splits an "=XX". A line may begin with
 * "." (dot_stuffer in lines.h sees to that). The decoder completes the set for other programs; this one only encodes.
 */
#ifndef FCGI_SMTP_QUOTED_PRINTABLE_H
#define FCGI_SMTP_QUOTED_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

#define QUOTED_PRINTABLE_LINE_CHARS 76

enum quoted_printable_mode {
    QUOTED_PRINTABLE_TEXT,  /* LF, CR and CRLF are one line end each and leave as CRLF */
    QUOTED_PRINTABLE_BINARY /* CR and LF are octets like others and leave as =0D and =0A */
};

struct quoted_printable_encoder {
    enum quoted_printable_mode mode;
    unsigned column; /* characters in the current line; 0 = at the start of a line */
    char held;       /* a space or tab whose successor is not known yet, else 0 */
    bool after_cr;   /* the LF that may follow belongs to the line end that was written */
};

/* Room that `out` needs: 3 characters an octet, and a soft break for each 73 of those. */
#define QUOTED_PRINTABLE_ENCODER_UPDATE_MAX(len) (((len) + 1) * 3 + (((len) + 1) * 3 / 73 + 1) * 3)
#define QUOTED_PRINTABLE_ENCODER_FINISH_MAX      6

void quoted_printable_encoder_init(struct quoted_printable_encoder *encoder, enum quoted_printable_mode mode);

/*
 * Both return the number of characters. With out == NULL they only count: so the exact size of an encoded
 * text is known without room for it. finish writes a space or tab that ends the text (encoded); it adds no
 * line end that the text did not have. After finish column == 0 tells whether the last line is ended; init
 * before the encoder's next use.
 */
size_t quoted_printable_encoder_update(struct quoted_printable_encoder *encoder, const void *in, size_t len,
                                       char *out);
size_t quoted_printable_encoder_finish(struct quoted_printable_encoder *encoder, char *out);

#define QUOTED_PRINTABLE_SPACE_MAX 76

struct quoted_printable_decoder {
    enum {
        QUOTED_PRINTABLE_LITERAL,
        QUOTED_PRINTABLE_ESCAPE,       /* after "=" */
        QUOTED_PRINTABLE_ESCAPE_DIGIT, /* after "=" and one hexadecimal digit */
        QUOTED_PRINTABLE_SOFT_SPACE,   /* after "=" and white space */
        QUOTED_PRINTABLE_SOFT_CR       /* after "=", white space and CR */
    } state;
    char digit;
    size_t space_len;
    char space[QUOTED_PRINTABLE_SPACE_MAX]; /* held white space: it is dropped when a line end follows */
    bool malformed;                         /* may be read at any time */
};

#define QUOTED_PRINTABLE_DECODER_UPDATE_MAX(len) ((len) + QUOTED_PRINTABLE_SPACE_MAX + 4)
#define QUOTED_PRINTABLE_DECODER_FINISH_MAX      2

void quoted_printable_decoder_init(struct quoted_printable_decoder *decoder);

/*
 * Both return the number of octets. "=" at the very end is a soft break. White space at a line's end is dropped (it
 * came from a transport, 6.7 rule 3), "=" and a line end (LF or CRLF) joins lines, line ends are kept as they are,
 * digits may be small letters. What is not quoted-printable never stops the decoder: "=" before anything else stays as it is and
 * sets malformed (6.7, notes for robust decoders); octets over 126 and controls pass, and set malformed. More
 * than QUOTED_PRINTABLE_SPACE_MAX of white space in a row is no legal line: it is kept.
 */
size_t quoted_printable_decoder_update(struct quoted_printable_decoder *decoder, const void *in, size_t len,
                                       char *out);
size_t quoted_printable_decoder_finish(struct quoted_printable_decoder *decoder, char *out);

#endif
