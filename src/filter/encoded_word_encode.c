/*
 * The text is taken apart into words (what stands between white space). Each word is literal or must be encoded; neighbours that
 * must be encoded make one run together with the white space between them, since a decoder drops what stands
 * between two encoded words (RFC 2047 6.2). A run is written as encoded words that fill the lines; literal words are folded at
 * the white space before them.
 */
#include "fcgi_smtp/encoded_word.h"

#include <stdint.h>
#include <string.h>

#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/utf8.h"

static const char word_begin[2][11] = {"=?utf-8?Q?", "=?utf-8?B?"};

enum {
    WORD_OVERHEAD = 12,    /* "=?utf-8?Q?" and "?=" */
    LITERAL_MAX = 900,     /* longest word that is written as it is */
    QUOTED_WORD_MAX = 450, /* likewise in a quoted-string: each octet may become a quoted-pair */
    SPACE_MAX =
        16 /* longest white space that is written as it is: there is always room for a word after it */
};

struct field {
    struct buf *out;
    struct slice text;
    enum encoded_word_place place;
    size_t column;
};

/* A word and the white space before it: text[space..begin) and text[begin..end). */
struct word {
    size_t space;
    size_t begin;
    size_t end;
    bool encoded;
};

/* Whether the octet may be in a literal word: RFC 5322 2.2 in unstructured text, 3.2.3 (atext) in a phrase. */
static bool is_literal(char c, enum encoded_word_place place)
{
    if (place == ENCODED_WORD_UNSTRUCTURED) {
        return c > ' ' && c < '\x7F';
    }
    return ascii_is_alphanumeric(c) || ascii_is_one_of(c, "!#$%&'*+-/=?^_`{|}~");
}

/* Whether the octet stands for itself in Q: the set that is safe in a phrase too (RFC 2047 5 (3)). */
static bool is_q_literal(char c)
{
    return ascii_is_alphanumeric(c) || ascii_is_one_of(c, "!*+-/");
}

static size_t skip_space(struct slice text, size_t at)
{
    while (at < text.len && ascii_is_blank(text.data[at])) {
        at++;
    }
    return at;
}

static size_t skip_word(struct slice text, size_t at)
{
    while (at < text.len && !ascii_is_blank(text.data[at])) {
        at++;
    }
    return at;
}

/* "=?" anywhere: a decoder might take it for the beginning of an encoded word. */
static bool looks_encoded(struct slice word)
{
    return memmem(word.data, word.len, "=?", 2) != NULL;
}

static bool is_literal_word(struct slice word, enum encoded_word_place place)
{
    for (size_t i = 0; i < word.len; i++) {
        if (!is_literal(word.data[i], place)) {
            return false;
        }
    }
    return word.len <= LITERAL_MAX && !looks_encoded(word);
}

/* White space between words that a reader may change: any but one space in a phrase (RFC 5322 3.2.2), a long one. */
static bool is_odd_space(const struct field *field, size_t begin, size_t end)
{
    if (field->place == ENCODED_WORD_PHRASE) {
        return end - begin != 1 || field->text.data[begin] != ' ';
    }
    return end - begin > SPACE_MAX;
}

/* White space that begins or ends the text belongs to the word: it would be lost otherwise. */
static struct word next_word(const struct field *field, size_t at)
{
    struct slice text = field->text;
    struct word word = {.space = at, .begin = skip_space(text, at)};
    word.end = skip_word(text, word.begin);
    size_t next = skip_space(text, word.end);
    if (at == 0 && word.begin > 0) {
        word.begin = 0;
        word.encoded = true;
    }
    if (next == text.len) {
        word.encoded = word.encoded || next > word.end;
        word.end = next;
    }
    if (word.encoded) {
        return word;
    }
    struct slice octets = {text.data + word.begin, word.end - word.begin};
    word.encoded = !is_literal_word(octets, field->place) ||
                   (at > 0 && is_odd_space(field, word.space, word.begin)) ||
                   (next < text.len && is_odd_space(field, word.end, next)) ||
                   (at == 0 && field->column + octets.len > HEADER_LINE_MAX);
    return word;
}

static bool put(struct field *field, const char *octets, size_t len)
{
    field->column += len;
    return buf_append(field->out, octets, len);
}

static bool fold(struct field *field)
{
    field->column = 0;
    return buf_append(field->out, "\r\n", 2);
}

/* The white space before something of that width; the line is folded there when both do not fit. */
static bool put_space(struct field *field, const struct word *word, size_t width)
{
    size_t len = word->begin - word->space;
    if (len > 0 && field->column + len + width > HEADER_LINE_FOLD && !fold(field)) {
        return false;
    }
    return put(field, field->text.data + word->space, len);
}

static bool put_literal(struct field *field, const struct word *word)
{
    return put_space(field, word, word->end - word->begin) &&
           put(field, field->text.data + word->begin, word->end - word->begin);
}

static size_t q_width(struct slice octets)
{
    size_t width = 0;
    for (size_t i = 0; i < octets.len; i++) {
        width += octets.data[i] == ' ' || is_q_literal(octets.data[i]) ? 1 : 3;
    }
    return width;
}

static size_t b_width(size_t octets)
{
    return (octets + 2) / 3 * 4;
}

/* The run's longest beginning of whole characters that room characters can encode. */
static size_t fitting(struct slice run, size_t room, bool b)
{
    size_t len = 0;
    size_t width = 0;
    while (len < run.len) {
        size_t octets = utf8_char_len(run.data + len, run.len - len);
        width = b ? b_width(len + octets) : width + q_width((struct slice){run.data + len, octets});
        if (width > room) {
            break;
        }
        len += octets;
    }
    return len;
}

static size_t q_encode(struct slice octets, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;
    for (size_t i = 0; i < octets.len; i++) {
        unsigned char c = (unsigned char)octets.data[i];
        if (c == ' ') {
            out[len++] = '_'; /* RFC 2047 4.2 (2) */
        } else if (is_q_literal((char)c)) {
            out[len++] = (char)c;
        } else {
            out[len++] = '=';
            out[len++] = digits[c >> 4];
            out[len++] = digits[c & 15];
        }
    }
    return len;
}

/* One encoded word of octets that fit into it. */
static bool put_encoded_word(struct field *field, struct slice octets, bool b)
{
    char word[ENCODED_WORD_MAX];
    size_t len = sizeof word_begin[b] - 1;
    memcpy(word, word_begin[b], len);
    len += b ? base64_encode(octets.data, octets.len, word + len) : q_encode(octets, word + len);
    word[len++] = '?';
    word[len++] = '=';
    return put(field, word, len);
}

/* Encoded words, one after another, on as many lines as they need. */
static bool put_encoded_words(struct field *field, struct slice run, bool b)
{
    while (run.len > 0) {
        size_t used = WORD_OVERHEAD + (field->column > 0 ? field->column : 1);
        size_t len = used < HEADER_LINE_FOLD ? fitting(run, HEADER_LINE_FOLD - used, b) : 0;
        if (len > 0 && !put_encoded_word(field, (struct slice){run.data, len}, b)) {
            return false;
        }
        run = (struct slice){run.data + len, run.len - len};
        if (run.len > 0 && !(fold(field) && put(field, " ", 1))) {
            return false;
        }
    }
    return true;
}

/* A run: the words from first on that must be encoded; its white space before is literal. */
static bool put_run(struct field *field, const struct word *first, size_t end)
{
    struct slice run = {field->text.data + first->begin, end - first->begin};
    bool b = b_width(run.len) < q_width(run);
    size_t whole = WORD_OVERHEAD + (b ? b_width(run.len) : q_width(run));
    struct slice character = {run.data, utf8_char_len(run.data, run.len)};
    size_t least = WORD_OVERHEAD + (b ? b_width(character.len) : q_width(character));
    bool fits_a_line = whole + (first->begin - first->space) <= HEADER_LINE_FOLD && whole <= ENCODED_WORD_MAX;
    return put_space(field, first, fits_a_line ? whole : least) && put_encoded_words(field, run, b);
}

static bool put_words(struct field *field)
{
    size_t at = 0;
    struct word word = next_word(field, 0);
    while (at < field->text.len) {
        struct word first = word;
        at = first.end;
        word = next_word(field, at);
        while (first.encoded && at < field->text.len && word.encoded) {
            at = word.end;
            word = next_word(field, at);
        }
        if (!(first.encoded ? put_run(field, &first, at) : put_literal(field, &first))) {
            return false;
        }
    }
    return true;
}

/* Whether the phrase must be a quoted-string and can be (RFC 5322 3.2.4): printable ASCII with specials or odd space. */
static bool is_quotable(struct slice text)
{
    size_t word = 0;
    size_t space = 0;
    bool atoms = text.data[0] != ' ' && text.data[text.len - 1] != ' ';
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        space = c == ' ' ? space + 1 : 0;
        word = c == ' ' ? 0 : word + 1;
        if (c < ' ' || c > '~' || word > QUOTED_WORD_MAX || space > SPACE_MAX) {
            return false;
        }
        atoms = atoms && space < 2 && (c == ' ' || is_literal(c, ENCODED_WORD_PHRASE));
    }
    return !atoms && !looks_encoded(text);
}

/* A word of the quoted-string with its quoted-pairs; the first has the opening quote, the last the closing one. */
static bool put_quoted_word(struct field *field, const struct word *word)
{
    struct slice text = field->text;
    char quoted[2 * (QUOTED_WORD_MAX + SPACE_MAX + 1)];
    size_t len = 0;
    if (word->begin == 0) {
        quoted[len++] = '"';
    }
    for (size_t i = word->begin; i < word->end; i++) {
        if (ascii_is_one_of(text.data[i], "\"\\")) {
            quoted[len++] = '\\';
        }
        quoted[len++] = text.data[i];
    }
    if (word->end == text.len) {
        quoted[len++] = '"';
    }
    return put_space(field, word, len) && put(field, quoted, len);
}

static bool put_quoted(struct field *field)
{
    for (size_t at = 0; at < field->text.len;) {
        struct word word = next_word(field, at);
        if (!put_quoted_word(field, &word)) {
            return false;
        }
        at = word.end;
    }
    return true;
}

enum encoded_word_result encoded_word_encode(struct buf *out, struct slice text,
                                             enum encoded_word_place place, size_t *column)
{
    if (text.len == 0) {
        return ENCODED_WORD_OK;
    }
    if (slice_has(text, '\r') || slice_has(text, '\n') || slice_has(text, '\0')) {
        return ENCODED_WORD_CONTROL;
    }
    if (utf8_valid_prefix(text) != text.len) {
        return ENCODED_WORD_NOT_UTF8;
    }
    size_t begin = out->len;
    struct field field = {out, text, place, *column};
    bool quoted = place == ENCODED_WORD_PHRASE && is_quotable(text);
    if (!(quoted ? put_quoted(&field) : put_words(&field))) {
        out->len = begin;
        if (out->data != NULL) {
            out->data[begin] = '\0';
        }
        return ENCODED_WORD_NO_ROOM;
    }
    *column = field.column;
    return ENCODED_WORD_OK;
}

void encoded_word_encoder_init(struct encoded_word_encoder *encoder, enum encoded_word_place place,
                               size_t column, size_t limit)
{
    buf_init(&encoder->text, limit);
    encoder->place = place;
    encoder->column = column;
}

void encoded_word_encoder_free(struct encoded_word_encoder *encoder)
{
    buf_free(&encoder->text);
}

enum encoded_word_result encoded_word_encoder_update(struct encoded_word_encoder *encoder, const void *in,
                                                     size_t len)
{
    return len == 0 || buf_append(&encoder->text, in, len) ? ENCODED_WORD_OK : ENCODED_WORD_NO_ROOM;
}

enum encoded_word_result encoded_word_encoder_finish(struct encoded_word_encoder *encoder, struct buf *out)
{
    enum encoded_word_result result =
        encoded_word_encode(out, buf_slice(&encoder->text), encoder->place, &encoder->column);
    buf_clear(&encoder->text);
    return result;
}
