/*
 * lines: streams that work on lines (RFC 5321 2.3.8, 4.5.2; RFC 5322 2.1.1, 2.3).
 *
 * All are embedded by value, allocate nothing and need no free; the output does not depend on how the input
 * was cut. Updates return the number of octets written to out, whose needed room the macros tell.
 *
 * dot_unstuffer and line_wrapper complete the set for other programs; this one needs them in its tests only.
 */
#ifndef FCGI_SMTP_LINES_H
#define FCGI_SMTP_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_OCTETS_MAX 998 /* without CRLF (RFC 5322 2.1.1) */

/* crlf_encoder: LF, CR and CRLF in the input are one line end each and leave as CRLF. */
struct crlf_encoder {
    bool after_cr;      /* the LF that may follow belongs to the line end that was written */
    bool at_line_start; /* nothing written yet, or a line end last */
};

#define CRLF_ENCODER_UPDATE_MAX(len) (2 * (len))
#define CRLF_ENCODER_FINISH_MAX      2

void crlf_encoder_init(struct crlf_encoder *encoder);
size_t crlf_encoder_update(struct crlf_encoder *encoder, const void *in, size_t len, char *out);

/* Ends a last line that has no line end with CRLF; writes nothing otherwise. Call it only where that is
 * wanted. */
size_t crlf_encoder_finish(struct crlf_encoder *encoder, char *out);

/*
 * dot_stuffer: doubles the "." that begins a line (RFC 5321 4.5.2). The input's line ends must be CRLF; after
 * a lone LF, which must not be there, a "." is doubled as well, so that no reader of it can see an end of
 * data.
 */
struct dot_stuffer {
    char last[2]; /* the last two octets; before the first one as if a CRLF had been */
};

#define DOT_STUFFER_UPDATE_MAX(len) ((len) + ((len) + 1) / 2)
#define DOT_STUFFER_FINISH_MAX      5

void dot_stuffer_init(struct dot_stuffer *stuffer);
size_t dot_stuffer_update(struct dot_stuffer *stuffer, const void *in, size_t len, char *out);

/* The same where the octets are, in memory of DOT_STUFFER_UPDATE_MAX(len) octets; returns how many they are then. */
size_t dot_stuffer_update_in_place(struct dot_stuffer *stuffer, char *octets, size_t len);

/* Whether the last octets were CRLF (or nothing came at all): then "." CRLF ends the data. */
bool dot_stuffer_at_line_start(const struct dot_stuffer *stuffer);

/* Writes the end of the data: "." CRLF, with a CRLF before it unless dot_stuffer_at_line_start. */
size_t dot_stuffer_finish(const struct dot_stuffer *stuffer, char *out);

/* dot_unstuffer: the receiver's side; takes the "." away that begins a line and knows the end of the data. */
struct dot_unstuffer {
    enum {
        DOT_UNSTUFFER_LINE_START,
        DOT_UNSTUFFER_TEXT,
        DOT_UNSTUFFER_CR,     /* after CR */
        DOT_UNSTUFFER_DOT,    /* after "." at a line's start */
        DOT_UNSTUFFER_DOT_CR, /* after "." CR at a line's start */
        DOT_UNSTUFFER_END     /* CRLF "." CRLF was seen */
    } state;
};

#define DOT_UNSTUFFER_UPDATE_MAX(len) ((len) + 1)

void dot_unstuffer_init(struct dot_unstuffer *unstuffer);

/*
 * *consumed counts the octets taken: fewer than len once the end of the data was met (what follows is the
 * next command). Only CRLF "." CRLF is the end, never one with a lone CR or LF.
 */
size_t dot_unstuffer_update(struct dot_unstuffer *unstuffer, const void *in, size_t len, char *out,
                            size_t *consumed);
bool dot_unstuffer_ended(const struct dot_unstuffer *unstuffer);

/*
 * line_scanner: what must be known of a text before its encoding is chosen. The fields may be read after any
 * update; line ends are counted as crlf_encoder understands them.
 */
struct line_scanner {
    uint64_t octets;       /* read */
    uint64_t crlf_octets;  /* after crlf_encoder_update, without finish */
    uint64_t longest_line; /* octets without its line end */
    uint64_t line;         /* octets of the current line: 0 when the text ends with a line end */
    uint64_t line_ends;    /* so far: the number of the current line is one more */
    uint64_t long_line;    /* number of the first line over LINE_OCTETS_MAX; 0: there is none */
    uint64_t nul_offset;   /* of the first NUL; only if has_nul */
    bool has_nul;
    bool has_non_ascii; /* an octet over 127 */
    bool has_lone_cr;   /* a CR that no LF follows (known with the octet after it) */
    bool has_lone_lf;   /* an LF after no CR */
    bool after_cr;
};

void line_scanner_init(struct line_scanner *scanner);
void line_scanner_update(struct line_scanner *scanner, const void *in, size_t len);

/* Whether the text can leave as 7bit once its line ends are CRLF (RFC 2045 2.7): ASCII, no NUL, lines <= 998.
 */
bool line_scanner_is_7bit(const struct line_scanner *scanner);

/*
 * line_wrapper: breaks lines that are longer than a width (octets, without CRLF). The CRLF replaces the last white
 * space that has a word before it and begins within the width or right behind it; where there is none the line is
 * broken before the UTF-8 character that would pass the width. Line ends (LF, CR, CRLF) leave as CRLF. Lines that fit are not touched.
 */
struct line_wrapper {
    size_t width;
    size_t len; /* octets of the current line, all held */
    bool after_cr;
    bool break_due; /* a break's CRLF is written when more of the line comes */
    char line[LINE_OCTETS_MAX + 1];
};

#define LINE_WRAPPER_WIDTH_MIN       4 /* the longest UTF-8 character */
#define LINE_WRAPPER_UPDATE_MAX(len) (3 * (len) + LINE_OCTETS_MAX + 4)
#define LINE_WRAPPER_FINISH_MAX      LINE_OCTETS_MAX

/* width is brought into LINE_WRAPPER_WIDTH_MIN..LINE_OCTETS_MAX. */
void line_wrapper_init(struct line_wrapper *wrapper, size_t width);
size_t line_wrapper_update(struct line_wrapper *wrapper, const void *in, size_t len, char *out);

/* Writes the last line; adds no line end that the text did not have. */
size_t line_wrapper_finish(struct line_wrapper *wrapper, char *out);

#endif
