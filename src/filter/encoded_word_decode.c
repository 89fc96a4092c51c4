/*
 * Encoded words are looked for only where white space or the text's ends delimit them (RFC 2047 5, 6.1). Adjacent words of one
 * charset are converted together, because some senders split characters; if that fails, each of them is tried
 * alone, once, so that a broken word spoils no good one and time stays linear.
 *
 * Behind a word that is none of them nothing depends on what came before: there the stream cuts its text.
 */
#include "fcgi_smtp/encoded_word.h"

#include <string.h>

#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/charset.h"

struct encoded_word {
    struct slice charset;
    struct slice payload;
    bool b;
    size_t end; /* where the text goes on */
};

struct decoder {
    struct buf *out;
    struct slice text;
    struct buf octets;   /* of a run of words, in its charset */
    struct buf utf8;     /* the same, converted */
    size_t single_until; /* words that begin before it are not joined */
    bool after_word;     /* the last thing written was a decoded word */
    bool failed;         /* no room or memory */
    size_t *conversions; /* of charsets that cost something */
};

static bool is_white(char c)
{
    return ascii_is_blank(c) || c == '\r' || c == '\n';
}

static size_t skip_white(struct slice text, size_t at)
{
    while (at < text.len && is_white(text.data[at])) {
        at++;
    }
    return at;
}

static size_t skip_word(struct slice text, size_t at)
{
    while (at < text.len && !is_white(text.data[at])) {
        at++;
    }
    return at;
}

/* Cuts what stands before the first c off rest; false if there is no c. */
static bool cut(struct slice *rest, char c, struct slice *before)
{
    const char *found = rest->len > 0 ? memchr(rest->data, c, rest->len) : NULL;
    if (found == NULL) {
        return false;
    }
    *before = (struct slice){rest->data, (size_t)(found - rest->data)};
    *rest = (struct slice){found + 1, rest->len - before->len - 1};
    return true;
}

/* encoded-word = "=?" charset "?" encoding "?" encoded-text "?=" (RFC 2047 2); "*" language after charset (RFC 2231 5). */
static bool parse_word(struct slice text, size_t at, struct encoded_word *word)
{
    size_t end = skip_word(text, at);
    struct slice rest = {text.data + at, end - at};
    if (rest.len < 4 || memcmp(rest.data, "=?", 2) != 0) {
        return false;
    }
    rest = (struct slice){rest.data + 2, rest.len - 2};
    struct slice encoding;
    if (!cut(&rest, '?', &word->charset) || !cut(&rest, '?', &encoding) || !cut(&rest, '?', &word->payload)) {
        return false;
    }
    const char *language = word->charset.len > 0 ? memchr(word->charset.data, '*', word->charset.len) : NULL;
    if (language != NULL) {
        word->charset.len = (size_t)(language - word->charset.data);
    }
    word->b = slice_equal_nocase(encoding, SLICE("B"));
    word->end = end;
    return (word->b || slice_equal_nocase(encoding, SLICE("Q"))) && slice_equal(rest, SLICE("="));
}

/* The octet at rest's beginning, and how many of rest it stands in; -1: "=" without two digits (RFC 2047 4.2). */
static int q_octet(struct slice rest, size_t *taken)
{
    char c = rest.data[0];
    *taken = c == '=' ? 3 : 1;
    if (c == '=') {
        return rest.len >= *taken ? ascii_hex_octet(rest.data + 1) : -1;
    }
    return c == '_' ? ' ' : (unsigned char)c;
}

/* out has room for as many octets as the payload has. */
static bool q_decode(struct slice payload, char *out, size_t *out_len)
{
    size_t taken = 0;
    *out_len = 0;
    for (; payload.len > 0; slice_skip(&payload, taken)) {
        int octet = q_octet(payload, &taken);
        if (octet < 0) {
            return false;
        }
        out[(*out_len)++] = (char)octet;
    }
    return true;
}

static bool b_decode(struct slice payload, char *out, size_t *out_len)
{
    struct base64_decoder decoder;
    base64_decoder_init(&decoder, BASE64_MIME);
    return base64_decoder_update(&decoder, payload.data, payload.len, out, out_len) &&
           base64_decoder_finish(&decoder);
}

/* Adds the word's octets to decoder->octets. */
static bool add_octets(struct decoder *decoder, const struct encoded_word *word)
{
    char *out = buf_reserve(&decoder->octets, word->payload.len + BASE64_DECODER_UPDATE_MAX(0));
    if (out == NULL) {
        decoder->failed = true;
        return false;
    }
    size_t len = 0;
    bool decoded = word->b ? b_decode(word->payload, out, &len) : q_decode(word->payload, out, &len);
    decoder->octets.len += decoded ? len : 0;
    return decoded;
}

/* Converts decoder->octets; what would bring a line end or a NUL into a header field stays encoded. */
static bool convert(struct decoder *decoder, struct slice charset)
{
    buf_clear(&decoder->utf8);
    if (!charset_is_utf8(charset) && ++*decoder->conversions > ENCODED_WORD_CONVERSIONS_MAX) {
        return false;
    }
    enum charset_result result = charset_to_utf8(charset, buf_slice(&decoder->octets), &decoder->utf8, NULL);
    decoder->failed = decoder->failed || result == CHARSET_NO_ROOM;
    struct slice utf8 = buf_slice(&decoder->utf8);
    return result == CHARSET_OK && !slice_has(utf8, '\r') && !slice_has(utf8, '\n') && !slice_has(utf8, '\0');
}

static void put(struct decoder *decoder, struct slice octets)
{
    decoder->failed = decoder->failed || !buf_append_slice(decoder->out, octets);
}

/* White space as it is, but for a line end with white space after it (RFC 5322 2.2.3: unfolding). */
static void put_white(struct decoder *decoder, size_t begin, size_t end)
{
    const char *data = decoder->text.data;
    for (size_t i = begin; i < end; i++) {
        size_t line_end = data[i] == '\r' && i + 1 < end && data[i + 1] == '\n' ? 2 : data[i] == '\n';
        bool folded = line_end > 0 && i + line_end < end && ascii_is_blank(data[i + line_end]);
        if (folded) {
            i += line_end;
        }
        put(decoder, (struct slice){data + i, 1});
    }
}

/*
 * Decodes the first word, and with it those of the same charset that follow if they are to be joined. *end tells where they
 * end.
 */
static bool decode_run(struct decoder *decoder, const struct encoded_word *first, bool joined, size_t *end)
{
    struct encoded_word word = *first;
    buf_clear(&decoder->octets);
    bool decoded = add_octets(decoder, &word);
    *end = word.end;
    while (joined && parse_word(decoder->text, skip_white(decoder->text, *end), &word) &&
           slice_equal_nocase(word.charset, first->charset)) {
        decoded = decoded && add_octets(decoder, &word);
        *end = word.end;
    }
    return decoded && convert(decoder, first->charset);
}

/* The word at begin, which is one by its syntax, with the white space before it. Returns where the text goes on. */
static size_t put_words(struct decoder *decoder, size_t white, size_t begin, const struct encoded_word *word)
{
    bool joined = begin >= decoder->single_until;
    size_t end = 0;
    bool decoded = decode_run(decoder, word, joined, &end);
    if (!decoded && end > word->end) {
        decoder->single_until = end;
        decoded = decode_run(decoder, word, false, &end);
    }
    if (!decoded || !decoder->after_word) {
        put_white(decoder, white, begin);
    }
    put(decoder,
        decoded ? buf_slice(&decoder->utf8) : (struct slice){decoder->text.data + begin, end - begin});
    decoder->after_word = decoded;
    return end;
}

static void decode_text(struct decoder *decoder)
{
    struct slice text = decoder->text;
    for (size_t at = 0; at < text.len && !decoder->failed;) {
        size_t begin = skip_white(text, at);
        struct encoded_word word;
        if (parse_word(text, begin, &word)) {
            at = put_words(decoder, at, begin, &word);
            continue;
        }
        size_t end = skip_word(text, begin);
        put_white(decoder, at, begin);
        put(decoder, (struct slice){text.data + begin, end - begin});
        decoder->after_word = false;
        at = end;
    }
}

static bool decode(struct buf *out, struct slice text, size_t *conversions)
{
    size_t begin = out->len;
    struct decoder decoder = {.out = out, .text = text, .conversions = conversions};
    buf_init(&decoder.octets, text.len + BASE64_DECODER_UPDATE_MAX(0));
    buf_init(&decoder.utf8, out->limit - out->len);
    decode_text(&decoder);
    buf_free(&decoder.octets);
    buf_free(&decoder.utf8);
    if (decoder.failed && out->data != NULL) {
        out->len = begin;
        out->data[begin] = '\0';
    }
    return !decoder.failed;
}

bool encoded_word_decode(struct buf *out, struct slice text)
{
    size_t conversions = 0;
    return decode(out, text, &conversions);
}

void encoded_word_decoder_init(struct encoded_word_decoder *decoder, size_t limit)
{
    *decoder = (struct encoded_word_decoder){.scanned = 0};
    buf_init(&decoder->held, limit);
}

void encoded_word_decoder_free(struct encoded_word_decoder *decoder)
{
    buf_free(&decoder->held);
}

/* Decodes the first len octets of what is held. */
static bool decode_held(struct encoded_word_decoder *decoder, size_t len, struct buf *out)
{
    if (!decode(out, (struct slice){decoder->held.data, len}, &decoder->conversions)) {
        return false;
    }
    buf_consume(&decoder->held, len);
    decoder->scanned -= decoder->scanned < len ? decoder->scanned : len;
    return true;
}

/* The end of the last whole word that is no encoded one; 0 if there is none. Whole words are looked at once. */
static size_t scan_words(struct encoded_word_decoder *decoder)
{
    struct slice text = buf_slice(&decoder->held);
    struct encoded_word word;
    size_t settled = 0;
    for (;;) {
        size_t begin = skip_white(text, decoder->scanned);
        size_t end = skip_word(text, begin);
        decoder->scanned = begin;
        if (end == text.len) {
            return settled;
        }
        settled = parse_word(text, begin, &word) ? settled : end;
        decoder->scanned = end;
    }
}

/* Up to and with the first white space: there a word may have ended. */
static size_t piece_len(const char *octets, size_t len)
{
    size_t end = skip_word((struct slice){octets, len}, 0);
    return end < len ? end + 1 : len;
}

bool encoded_word_decoder_update(struct encoded_word_decoder *decoder, const void *in, size_t len,
                                 struct buf *out)
{
    const char *from = in;
    while (len > 0) {
        size_t piece = piece_len(from, len);
        if (!buf_append(&decoder->held, from, piece)) {
            return false;
        }
        size_t settled = is_white(from[piece - 1]) ? scan_words(decoder) : 0;
        if (settled > 0 && !decode_held(decoder, settled, out)) {
            return false;
        }
        from += piece;
        len -= piece;
    }
    return true;
}

bool encoded_word_decoder_finish(struct encoded_word_decoder *decoder, struct buf *out)
{
    return decoder->held.len == 0 || decode_held(decoder, decoder->held.len, out);
}
