/*
 * log: one line per event, as logfmt or JSON, to standard error or syslog.
 *
 * Values are escaped, so a line is always one line: control characters, quotes, and what reorders or breaks lines on a
 * terminal (U+2028, U+202E and their like) never leave as they are. Lines of several threads do not mix. All calls are
 * thread-safe.
 *
 * A log that nobody takes (a full pipe, a hanging syslog) delays one line by a second; then lines are lost, without further
 * delay, until there is room, and the first one to get through is preceded by the number of those that did not.
 */
#ifndef FCGI_SMTP_LOG_H
#define FCGI_SMTP_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/slice.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };
enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG };

#define LOG_LINE_MAX (16 * 1024) /* octets; what does not fit is left out, whole fields at a time */

void log_open(enum log_level level, enum log_format format, enum log_target target);
bool log_enabled(enum log_level level);

/* One line with a message alone. */
void log_message(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct log_field {
    const char *key;
    struct slice value; /* a field with data == NULL is left out */
    bool number;        /* JSON: written without quotes */
};

/* One line with a message and fields. */
void log_event(enum log_level level, const char *message, const struct log_field *fields, size_t count);

#endif
