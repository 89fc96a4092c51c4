/*
 * The settings are the one static state of the program: a log that had to be handed to every function would be in every
 * signature. Each stands for itself: a line that is written while they change may have one old and one new. Lines that are
 * lost are counted, and the next one that gets through is preceded by their number.
 */
#include "fcgi_smtp/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/log_line.h"
#include "core/log_output.h"

static struct {
    _Atomic(enum log_level) level;
    _Atomic(enum log_format) format;
    _Atomic(enum log_target) target;
} settings = {LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, LOG_TO_STDERR};

static atomic_uint_least64_t lost;

void log_open(enum log_level level, enum log_format format, enum log_target target)
{
    if (!log_output_open(target, LOG_OUTPUT_SYSLOG)) {
        char why[128];
        (void)fprintf(
            stderr,
            "fcgi-smtp: log.to: syslog: nobody takes it at %s (%s); lines are lost until somebody does\n",
            LOG_OUTPUT_SYSLOG, strerror_r(errno, why, sizeof why));
    }
    settings.level = level;
    settings.format = format;
    settings.target = target;
}

bool log_enabled(enum log_level level)
{
    return level <= settings.level;
}

static bool put(const struct log_event *event)
{
    struct log_line line;
    log_line_write(&line, settings.format, event);
    return log_output_write(event->level, &line);
}

/* False: this line is lost as well. */
static bool put_lost(const struct timespec *now)
{
    uint_least64_t count = atomic_exchange(&lost, 0);
    if (count == 0) {
        return true;
    }
    char number[24];
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)count);
    const struct log_field field = {"lines", slice_of(number), true};
    const struct log_event event = {now, LOG_LEVEL_WARNING,
                                    SLICE("lines of the log were lost: nobody took them in time"), &field, 1};
    if (put(&event)) {
        return true;
    }
    (void)atomic_fetch_add(&lost, count);
    return false;
}

static void log_slice(enum log_level level, struct slice message, const struct log_field *fields,
                      size_t count)
{
    struct timespec now;
    const struct timespec *time = NULL;
    if (settings.target != LOG_TO_SYSLOG) { /* which adds the time itself */
        (void)clock_gettime(CLOCK_REALTIME, &now);
        time = &now;
    }
    const struct log_event event = {time, level, message, fields, count};
    if (!put_lost(time) || !put(&event)) {
        (void)atomic_fetch_add(&lost, 1);
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
