/*
 * A line is built in one buffer on the stack and written by one call.
 */
#include "fcgi_smtp/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/time.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "fcgi_smtp/utf8.h"

#define TIME_MAX 32

/* Set once by log_open, before threads start. */
static struct {
    atomic_int level;
    enum log_format format;
    enum log_target target;
} settings = {LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, LOG_TO_STDERR};

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const int syslog_levels[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

struct line {
    char octets[LOG_LINE_MAX];
    size_t len;
    bool full; /* something did not fit */
};

void log_open(enum log_level level, enum log_format format, enum log_target target)
{
    atomic_store(&settings.level, (int)level);
    settings.format = format;
    settings.target = target;
    if (target == LOG_TO_SYSLOG) {
        openlog("fcgi-smtp", LOG_PID | LOG_NDELAY, LOG_MAIL);
    }
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&settings.level, memory_order_relaxed);
}

static void put(struct line *line, const char *text, size_t len)
{
    /* Room for the closing brace and the line end is kept. */
    if (line->full || len > sizeof line->octets - 2 - line->len) {
        line->full = true;
        return;
    }
    memcpy(line->octets + line->len, text, len);
    line->len += len;
}

static void put_string(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* Between quotes: the escapes of JSON, which logfmt readers know too (RFC 8259 7). */
static void put_quoted(struct line *line, struct slice value)
{
    put_string(line, "\"");
    for (size_t i = 0; i < value.len;) {
        unsigned char c = (unsigned char)value.data[i];
        size_t len = utf8_char_len(value.data + i, value.len - i);
        char escape[8];
        if (c == '"' || c == '\\') {
            put(line, (char[]){'\\', (char)c}, 2);
        } else if (c == '\n') {
            put_string(line, "\\n");
        } else if (c == '\r') {
            put_string(line, "\\r");
        } else if (c == '\t') {
            put_string(line, "\\t");
        } else if (c < 0x20 || c == 0x7f || len == 0) {
            (void)snprintf(escape, sizeof escape, len == 0 ? "?" : "\\u%04x", c);
            put_string(line, escape);
        } else {
            put(line, value.data + i, len);
        }
        i += len > 0 ? len : 1;
    }
    put_string(line, "\"");
}

/* A logfmt value that needs no quotes. */
static bool is_plain(struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
            return false;
        }
    }
    return value.len > 0;
}

static void put_field(struct line *line, const char *key, struct slice value, bool number)
{
    size_t before = line->len;
    bool json = settings.format == LOG_FORMAT_JSON;
    if (before > 0) {
        put_string(line, json ? "," : " ");
    }
    if (json) {
        put_string(line, before > 0 ? "" : "{");
        put_quoted(line, slice_of(key));
        put_string(line, ":");
    } else {
        put_string(line, key);
        put_string(line, "=");
    }
    if (json ? number : is_plain(value)) {
        put(line, value.data, value.len);
    } else {
        put_quoted(line, value);
    }
    if (line->full) { /* whole fields only */
        line->len = before;
        line->full = false;
    }
}

static void put_time(struct line *line)
{
    struct timeval now;
    struct tm parts;
    char seconds[TIME_MAX];
    char text[TIME_MAX + 8];
    (void)gettimeofday(&now, NULL);
    if (gmtime_r(&now.tv_sec, &parts) == NULL ||
        strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
        return;
    }
    (void)snprintf(text, sizeof text, "%s.%03dZ", seconds, (int)(now.tv_usec / 1000));
    put_field(line, "ts", slice_of(text), false);
}

static void write_line(enum log_level level, struct line *line)
{
    if (settings.format == LOG_FORMAT_JSON) {
        line->octets[line->len++] = '}';
    }
    if (settings.target == LOG_TO_SYSLOG) {
        syslog(syslog_levels[level], "%.*s", (int)line->len, line->octets);
        return;
    }
    line->octets[line->len++] = '\n';
    (void)!write(STDERR_FILENO, line->octets, line->len); /* there is nowhere to report it to */
}

void log_event(enum log_level level, const char *message, const struct log_field *fields, size_t count)
{
    if (!log_enabled(level)) {
        return;
    }
    struct line line;
    line.len = 0;
    line.full = false;
    if (settings.target == LOG_TO_STDERR) {
        put_time(&line);
    }
    put_field(&line, "level", slice_of(level_names[level]), false);
    put_field(&line, "msg", slice_of(message), false);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].value.data != NULL) {
            put_field(&line, fields[i].key, fields[i].value, fields[i].number);
        }
    }
    write_line(level, &line);
}

void log_message(enum log_level level, const char *format, ...)
{
    if (!log_enabled(level)) {
        return;
    }
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_event(level, text, NULL, 0);
}
