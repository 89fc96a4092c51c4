/*
 * The settings are the one static state of the program: a log that had to be handed to every function would be in every
 * signature. Each stands for itself: a line that is written while they change may have one old and one new.
 */
#include "fcgi_smtp/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "core/log_line.h"

#include <syslog.h>

static struct {
    _Atomic(enum log_level) level;
    _Atomic(enum log_format) format;
    _Atomic(enum log_target) target;
} settings = {LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, LOG_TO_STDERR};

void log_open(enum log_level level, enum log_format format, enum log_target target)
{
    if (target == LOG_TO_SYSLOG) {
        openlog("fcgi-smtp", LOG_PID | LOG_NDELAY, LOG_MAIL); /* now, since a sandbox may forbid it later */
    }
    settings.level = level;
    settings.format = format;
    settings.target = target;
}

bool log_enabled(enum log_level level)
{
    return level <= settings.level;
}

static void write_stderr(const struct log_line *line)
{
    size_t done = 0;
    while (done < line->len) {
        ssize_t n = write(STDERR_FILENO, line->text + done, line->len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return; /* there is nowhere to say it */
        }
        done += (size_t)n;
    }
}

static void write_syslog(enum log_level level, const struct log_line *line)
{
    static const int priorities[] = {[LOG_LEVEL_ERROR] = LOG_ERR,
                                     [LOG_LEVEL_WARNING] = LOG_WARNING,
                                     [LOG_LEVEL_INFO] = LOG_INFO,
                                     [LOG_LEVEL_DEBUG] = LOG_DEBUG};
    syslog(priorities[level], "%.*s", (int)line->len - 1, line->text); /* without the LF */
}

static void log_slice(enum log_level level, struct slice message, const struct log_field *fields,
                      size_t count)
{
    struct timespec now;
    bool to_syslog = settings.target == LOG_TO_SYSLOG; /* which adds the time itself */
    if (!to_syslog) {
        clock_gettime(CLOCK_REALTIME, &now);
    }
    struct log_event event = {to_syslog ? NULL : &now, level, message, fields, count};
    struct log_line line;
    log_line_write(&line, settings.format, &event);
    if (to_syslog) {
        write_syslog(level, &line);
    } else {
        write_stderr(&line);
    }
}

void log_message(enum log_level level, const char *format, ...)
{
    if (!log_enabled(level)) {
        return;
    }
    char text[LOG_MESSAGE_MAX + 2]; /* one octet more than is logged, so that a cut is seen */
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_slice(level, len >= 0 ? slice_of(text) : slice_of(format), NULL, 0);
}

void log_event(enum log_level level, const char *message, const struct log_field *fields, size_t count)
{
    if (log_enabled(level)) {
        log_slice(level, slice_of(message), fields, count);
    }
}
