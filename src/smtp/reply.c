/*
 * Lines are kept as they came (line ends made LF), so one buffer serves the grammar, EHLO's keywords and the
 * quotation in an error. A line is judged at every octet that can break it: a peer that speaks HTTP or TLS is
 * found out at its first octet, not at a deadline.
 */
#include "smtp/reply.h"

#include <string.h>

#include "fcgi_smtp/ascii.h"
#include "fcgi_smtp/utf8.h"

#define CODE_LEN 3

void reply_init(struct reply *reply)
{
    memset(reply, 0, sizeof *reply);
    /* Every line may have its LF, and the last one a CR that the LF has not yet followed. */
    buf_init(&reply->lines, (size_t)REPLY_LINES_MAX * (REPLY_LINE_MAX + 1) + 1);
}

void reply_free(struct reply *reply)
{
    buf_free(&reply->lines);
}

void reply_clear(struct reply *reply)
{
    buf_clear(&reply->lines);
    reply->code = 0;
    reply->line_count = 0;
    reply->line_start = 0;
    reply->done = REPLY_MORE;
}

/* Whether octet c may stand at position at of a line (RFC 5321 4.2: Reply-line). */
static bool prefix_allows(const struct reply *reply, size_t at, char c)
{
    if (at < CODE_LEN) {
        bool digit = at == 0 ? c >= '2' && c <= '5' : ascii_is_digit(c);
        return digit && (reply->line_count == 0 || reply->lines.data[at] == c);
    }
    return c == '-' || c == ' ' || c == '\r';
}

/* Judges the first octets of the line under way, of which len are there; from says which are new. */
static bool prefix_valid(const struct reply *reply, size_t from, size_t len)
{
    if (len == 0) {
        return true; /* end_line judges an empty line */
    }
    const char *line = reply->lines.data + reply->line_start;
    for (size_t at = from; at < len && at <= CODE_LEN; at++) {
        if (!prefix_allows(reply, at, line[at])) {
            return false;
        }
    }
    /* "NNN" CR is the whole of a line: nothing but LF may follow. */
    return len <= CODE_LEN + 1 || line[CODE_LEN] != '\r';
}

/* Takes a piece of the line under way, without its LF. */
static enum reply_status take_piece(struct reply *reply, const char *piece, size_t len)
{
    size_t before = reply->lines.len - reply->line_start;
    size_t room = REPLY_LINE_MAX + 1 - before; /* one more for a CR that may belong to the line end */
    bool too_long = len > room;
    if (!buf_append(&reply->lines, piece, too_long ? room : len)) {
        return REPLY_NO_MEMORY;
    }
    size_t after = reply->lines.len - reply->line_start;
    bool over = after > REPLY_LINE_MAX && reply->lines.data[reply->lines.len - 1] != '\r';
    bool valid = !too_long && !over && (len == 0 || memchr(piece, '\0', len) == NULL) &&
                 prefix_valid(reply, before, after);
    return valid ? REPLY_MORE : REPLY_BROKEN;
}

/* The LF has come: the line is whole. */
static enum reply_status end_line(struct reply *reply)
{
    struct buf *lines = &reply->lines;
    size_t len = lines->len - reply->line_start;
    if (len > 0 && lines->data[lines->len - 1] == '\r') {
        lines->len--;
        len--;
    }
    if (len < CODE_LEN) {
        return REPLY_BROKEN;
    }
    const char *line = lines->data + reply->line_start;
    bool last = len == CODE_LEN || line[CODE_LEN] == ' ';
    reply->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    reply->line_count++;
    if (!last && reply->line_count == REPLY_LINES_MAX) {
        return REPLY_BROKEN;
    }
    if (!buf_append_char(lines, '\n')) {
        return REPLY_NO_MEMORY;
    }
    reply->line_start = lines->len;
    return last ? REPLY_DONE : REPLY_MORE;
}

enum reply_status reply_feed(struct reply *reply, const char *octets, size_t len, size_t *used)
{
    size_t pos = 0;
    while (reply->done == REPLY_MORE && pos < len) {
        const char *lf = memchr(octets + pos, '\n', len - pos);
        size_t piece = lf != NULL ? (size_t)(lf - octets) - pos : len - pos;
        reply->done = take_piece(reply, octets + pos, piece);
        pos += piece;
        if (lf != NULL && reply->done == REPLY_MORE) {
            reply->done = end_line(reply);
            pos++;
        }
    }
    *used = pos;
    return reply->done;
}

bool reply_next_line(const struct reply *reply, size_t *pos, struct slice *text)
{
    if (*pos >= reply->line_start) {
        return false;
    }
    const char *line = reply->lines.data + *pos;
    const char *end = memchr(line, '\n', reply->line_start - *pos);
    size_t len = (size_t)(end - line);
    size_t skip = len > CODE_LEN ? CODE_LEN + 1 : CODE_LEN;
    *text = (struct slice){line + skip, len - skip};
    *pos += len + 1;
    return true;
}

/* Up to three digits. */
static size_t count_digits(struct slice s, size_t from)
{
    size_t n = 0;
    while (n < 3 && from + n < s.len && ascii_is_digit(s.data[from + n])) {
        n++;
    }
    return n;
}

/* The length of an enhanced status code (RFC 3463 2) that agrees with the reply's code (RFC 2034 4); 0 if
 * none. */
static size_t enhanced_len(int code, struct slice text)
{
    if (text.len < 5 || text.data[0] != '0' + code / 100 || text.data[0] == '3' || text.data[1] != '.') {
        return 0;
    }
    size_t subject = count_digits(text, 2);
    size_t dot = 2 + subject;
    if (subject == 0 || dot >= text.len || text.data[dot] != '.') {
        return 0;
    }
    size_t detail = count_digits(text, dot + 1);
    size_t end = dot + 1 + detail;
    return detail > 0 && (end == text.len || text.data[end] == ' ') ? end : 0;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

void reply_view(const struct reply *reply, struct smtp_reply_view *view)
{
    memset(view, 0, sizeof *view);
    if (reply->done != REPLY_DONE) {
        return;
    }
    view->code = reply->code;
    size_t out = 0;
    size_t pos = 0;
    struct slice text;
    while (reply_next_line(reply, &pos, &text)) {
        size_t code_len = enhanced_len(reply->code, text);
        if (code_len > 0 && view->enhanced[0] == '\0') {
            memcpy(view->enhanced, text.data, code_len);
        }
        size_t skip = min_size(text.len, code_len > 0 ? code_len + 1 : 0);
        if (out > 0 && out + 1 < sizeof view->text && text.len > skip) {
            view->text[out++] = ' ';
        }
        out += reply_escape((struct slice){text.data + skip, text.len - skip}, view->text + out,
                            sizeof view->text - out);
    }
}

size_t reply_escape(struct slice text, char *out, size_t cap)
{
    static const char hex[] = "0123456789abcdef";
    size_t written = 0;
    for (size_t i = 0; i < text.len;) {
        size_t len = utf8_char_len(text.data + i, text.len - i);
        bool escaped = len == 0 || utf8_is_control(text.data + i, len);
        len = escaped ? 1 : len;
        if (written + (escaped ? 4 : len) >= cap) {
            break;
        }
        if (escaped) {
            unsigned char c = (unsigned char)text.data[i];
            memcpy(out + written, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
        } else {
            memcpy(out + written, text.data + i, len);
        }
        written += escaped ? 4 : len;
        i += len;
    }
    if (cap > 0) {
        out[written] = '\0';
    }
    return written;
}

void reply_quote(const struct reply *reply, char *out, size_t cap)
{
    struct slice line = {buf_cstr(&reply->lines) + reply->line_start, reply->lines.len - reply->line_start};
    line.len -= line.len > 0 && line.data[line.len - 1] == '\r' ? 1 : 0;
    size_t octets = 0;
    for (size_t n = 0; n < REPLY_QUOTE_MAX && octets < line.len; n++) {
        size_t len = utf8_char_len(line.data + octets, line.len - octets);
        octets += len > 0 ? len : 1;
    }
    line.len = octets;
    (void)reply_escape(line, out, cap);
}

/* How many octets at p, of which len are there, repeat the beginning of secret. */
static size_t repeated(const char *p, size_t len, struct slice secret)
{
    size_t n = 0;
    while (n < len && n < secret.len && p[n] == secret.data[n]) {
        n++;
    }
    return n;
}

void reply_redact_text(char *text, size_t text_len, struct slice secret)
{
    size_t len = secret.len >= REPLY_REDACT_MIN ? text_len : 0;
    for (size_t i = 0; i < len;) {
        size_t n = repeated(text + i, len - i, secret);
        if (n >= REPLY_REDACT_MIN) {
            memset(text + i, '*', n);
        }
        i += n >= REPLY_REDACT_MIN ? n : 1;
    }
}

void reply_redact(struct reply *reply, struct slice secret)
{
    reply_redact_text(reply->lines.data, reply->lines.len, secret);
}
