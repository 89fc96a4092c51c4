/*
 * Both formats escape alike, as JSON does (RFC 8259 section 7): so a line is ASCII-clean but for valid UTF-8,
 * and no terminal and no reader of lines can be steered by what a peer sent. Octets that are not UTF-8 become
 * \ufffd.
 */
#include "core/log_line.h"

#include <stdio.h>

#include "fcgi_smtp/utf8.h"

#define END_MAX 2 /* "}" and LF, kept free */

static const char *const level_names[] = {[LOG_LEVEL_ERROR] = "error",
                                          [LOG_LEVEL_WARNING] = "warning",
                                          [LOG_LEVEL_INFO] = "info",
                                          [LOG_LEVEL_DEBUG] = "debug"};

/* False when it does not fit. */
static bool put(struct log_line *line, const char *octets, size_t len)
{
    if (len > sizeof line->text - END_MAX - line->len) {
        return false;
    }
    memcpy(line->text + line->len, octets, len);
    line->len += len;
    return true;
}

static bool put_string(struct log_line *line, const char *string)
{
    return put(line, string, strlen(string));
}

/* Whether an octet of ASCII stands in a quoted text as it is. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

static bool put_escape(struct log_line *line, unsigned c)
{
    switch (c) {
    case '"':
        return put_string(line, "\\\"");
    case '\\':
        return put_string(line, "\\\\");
    case '\n':
        return put_string(line, "\\n");
    case '\r':
        return put_string(line, "\\r");
    case '\t':
        return put_string(line, "\\t");
    default:
        break;
    }
    char escape[8];
    int len = snprintf(escape, sizeof escape, "\\u%04x", c);
    return put(line, escape, (size_t)len);
}

/*
 * What has no shape of its own but steers how others are shown: marks, embeddings, overrides and isolates of direction
 * (Unicode UAX 9), and the separators of lines and paragraphs. 0: p is nothing of that.
 */
static unsigned steering_char(const char *p, size_t len)
{
    const unsigned char *octets = (const unsigned char *)p;
    if (len == 2) {
        return octets[0] == 0xD8 && octets[1] == 0x9C ? 0x061C : 0;
    }
    if (len != 3 || octets[0] != 0xE2) {
        return 0;
    }
    unsigned code = 0x2000U | (octets[1] & 0x3FU) << 6 | (octets[2] & 0x3FU);
    bool steers = code == 0x200E || code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
                  (code >= 0x2066 && code <= 0x2069);
    return steers ? code : 0;
}

/* One character, or one octet that is none; *used tells how many octets it was. */
static bool put_char(struct log_line *line, const char *p, size_t len, size_t *used)
{
    size_t n = utf8_char_len(p, len);
    *used = n > 0 ? n : 1;
    if (n == 0) {
        return put_string(line, "\\ufffd");
    }
    if (n == 1) {
        return put_escape(line, (unsigned char)p[0]);
    }
    if (utf8_is_control(p, n)) { /* C1, whose second octet is its number */
        return put_escape(line, (unsigned char)p[1]);
    }
    unsigned steering = steering_char(p, n);
    return steering != 0 ? put_escape(line, steering) : put(line, p, n);
}

static bool put_quoted(struct log_line *line, struct slice text)
{
    bool ok = put_string(line, "\"");
    size_t i = 0;
    while (ok && i < text.len) {
        size_t run = 0;
        while (run < text.len - i && is_plain((unsigned char)text.data[i + run])) {
            run++;
        }
        ok = put(line, text.data + i, run);
        i += run;
        if (ok && i < text.len) {
            size_t used;
            ok = put_char(line, text.data + i, text.len - i, &used);
            i += used;
        }
    }
    return ok && put_string(line, "\"");
}

/* Whether logfmt may leave the quotes out: printable ASCII without a space and '='. */
static bool is_bare(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (!is_plain(c) || c == ' ' || c == '=') {
            return false;
        }
    }
    return text.len > 0;
}

static size_t digits(struct slice text, size_t from)
{
    size_t n = 0;
    while (from + n < text.len && text.data[from + n] >= '0' && text.data[from + n] <= '9') {
        n++;
    }
    return n;
}

/* RFC 8259 section 6, without an exponent. */
static bool is_json_number(struct slice text)
{
    size_t i = text.len > 0 && text.data[0] == '-' ? 1 : 0;
    size_t whole = digits(text, i);
    if (whole == 0 || (whole > 1 && text.data[i] == '0')) {
        return false;
    }
    i += whole;
    if (i == text.len) {
        return true;
    }
    size_t fraction = digits(text, i + 1);
    return text.data[i] == '.' && fraction > 0 && i + 1 + fraction == text.len;
}

static bool put_field(struct log_line *line, enum log_format format, const struct log_field *field)
{
    bool json = format == LOG_FORMAT_JSON;
    struct slice key = slice_of(field->key);
    bool ok = line->len <= 1 || put_string(line, json ? "," : " ");
    ok = ok && (json ? put_quoted(line, key) : put(line, key.data, key.len));
    ok = ok && put_string(line, json ? ":" : "=");
    bool bare = json ? field->number && is_json_number(field->value) : is_bare(field->value);
    return ok && (bare ? put(line, field->value.data, field->value.len) : put_quoted(line, field->value));
}

static void put_time(struct log_line *line, enum log_format format, const struct timespec *time)
{
    struct tm utc;
    char text[40];
    if (time == NULL || gmtime_r(&time->tv_sec, &utc) == NULL) {
        return;
    }
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    int more = snprintf(text + len, sizeof text - len, ".%03ldZ", time->tv_nsec / 1000000);
    const struct log_field field = {"ts", {text, len + (size_t)more}, false};
    (void)put_field(line, format, &field);
}

static void put_message(struct log_line *line, enum log_format format, struct slice message)
{
    char text[LOG_MESSAGE_MAX + sizeof "..."];
    if (message.len > LOG_MESSAGE_MAX) {
        size_t cut = LOG_MESSAGE_MAX;
        while (cut > LOG_MESSAGE_MAX - 4 && ((unsigned char)message.data[cut] & 0xC0) == 0x80) {
            cut--; /* not inside a character */
        }
        memcpy(text, message.data, cut);
        memcpy(text + cut, "...", sizeof "...");
        message = (struct slice){text, cut + 3};
    }
    bool ok = put_string(line, format == LOG_FORMAT_JSON ? ",\"msg\":" : " msg=");
    (void)(ok && put_quoted(line, message)); /* fits: an octet becomes six at most */
}

void log_line_write(struct log_line *line, enum log_format format, const struct log_event *event)
{
    line->len = 0;
    if (format == LOG_FORMAT_JSON) {
        (void)put_string(line, "{");
    }
    put_time(line, format, event->time);
    const struct log_field level = {"level", slice_of(level_names[event->level]), false};
    (void)put_field(line, format, &level);
    put_message(line, format, event->message);
    for (size_t i = 0; i < event->count; i++) {
        size_t before = line->len;
        if (event->fields[i].value.data != NULL && !put_field(line, format, &event->fields[i])) {
            line->len = before; /* left out whole; a shorter one may still fit */
        }
    }
    const char *end = format == LOG_FORMAT_JSON ? "}\n" : "\n";
    memcpy(line->text + line->len, end, strlen(end));
    line->len += strlen(end);
}
