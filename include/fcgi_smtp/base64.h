/*
 * base64: the base64 content-transfer-encoding as a stream (RFC 2045 6.8, RFC 4648 4).
 *
 * Encoder and decoder are embedded by value, allocate nothing and need no free. The output does not depend on
 * how the input was cut. Nothing here ends `out` with a NUL.
 */
#ifndef FCGI_SMTP_BASE64_H
#define FCGI_SMTP_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BASE64_LINE_OCTETS 57 /* what one full line encodes */
#define BASE64_LINE_CHARS  76 /* characters in it, without its CRLF (RFC 2045 6.8) */

enum base64_layout {
    BASE64_UNWRAPPED, /* one run of characters: AUTH (RFC 4954), encoded words (RFC 2047) */
    BASE64_WRAPPED    /* lines of 76 characters, each ended by CRLF, the last one too */
};

/* The exact number of characters that n octets become. 0 for n == 0 in both layouts. n up to 2^62. */
static inline uint64_t base64_encoded_size(uint64_t n, enum base64_layout layout)
{
    uint64_t chars = (n + 2) / 3 * 4;
    uint64_t lines = (n + BASE64_LINE_OCTETS - 1) / BASE64_LINE_OCTETS;
    return layout == BASE64_WRAPPED ? chars + 2 * lines : chars;
}

struct base64_encoder {
    size_t block; /* octets that are encoded at once: a line, or 3 */
    size_t held_len;
    unsigned char held[BASE64_LINE_OCTETS]; /* fewer than a block */
};

/* Room that `out` needs: for an update with len octets (either layout), for a finish. */
#define BASE64_ENCODER_UPDATE_MAX(len) (((len) / BASE64_LINE_OCTETS + 1) * (BASE64_LINE_CHARS + 2))
#define BASE64_ENCODER_FINISH_MAX      (BASE64_LINE_CHARS + 2)

void base64_encoder_init(struct base64_encoder *encoder, enum base64_layout layout);

/* Both return the number of characters written to out. After finish the encoder is as after init. */
size_t base64_encoder_update(struct base64_encoder *encoder, const void *in, size_t len, char *out);
size_t base64_encoder_finish(struct base64_encoder *encoder, char *out);

/* All at once, unwrapped: writes base64_encoded_size(len, BASE64_UNWRAPPED) characters and returns their
 * number. */
size_t base64_encode(const void *in, size_t len, char *out);

enum base64_rules {
    BASE64_STRICT, /* RFC 4648: nothing but the alphabet and the right padding, unused bits zero (3.5): AUTH
                    */
    BASE64_MIME /* RFC 2045: space, tab, CR and LF are skipped wherever they are; unused bits are not looked
                   at */
};

struct base64_decoder {
    uint32_t bits;
    unsigned count;   /* characters of the current group of 4, padding included */
    unsigned padding; /* "=" seen: 0..2 */
    enum base64_rules rules;
    bool failed;
};

#define BASE64_DECODER_UPDATE_MAX(len) ((len) / 4 * 3 + 3)

void base64_decoder_init(struct base64_decoder *decoder, enum base64_rules rules);

/*
 * Writes at most BASE64_DECODER_UPDATE_MAX(len) octets, *out_len of them. False at an octet that the rules do
 * not allow (garbage, "=" at a wrong place, anything but skipped white space after padding); *out_len then
 * counts what came before it, and every later call is false too.
 */
bool base64_decoder_update(struct base64_decoder *decoder, const void *in, size_t len, char *out,
                           size_t *out_len) __attribute__((warn_unused_result));

/* False when update was, or when the last group of four is not complete (missing padding). Writes nothing. */
bool base64_decoder_finish(struct base64_decoder *decoder) __attribute__((warn_unused_result));

/* All at once, strict; out has room for BASE64_DECODER_UPDATE_MAX(len). For AUTH challenges. */
bool base64_decode(const void *in, size_t len, char *out, size_t *out_len)
    __attribute__((warn_unused_result));

#endif
