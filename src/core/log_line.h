/*
 * log_line: the text of one event, as a pure function.
 */
#ifndef FCGI_SMTP_CORE_LOG_LINE_H
#define FCGI_SMTP_CORE_LOG_LINE_H

#include <stddef.h>
#include <time.h>

#include "fcgi_smtp/log.h"

#define LOG_MESSAGE_MAX 2048 /* octets before escaping; what is longer is cut and ends in "..." */

struct log_event {
    const struct timespec *time; /* of CLOCK_REALTIME; NULL: no "ts" */
    enum log_level level;
    struct slice message;
    const struct log_field *fields;
    size_t count;
};

struct log_line {
    size_t len;
    char text[LOG_LINE_MAX]; /* ends in LF, no NUL */
};

void log_line_write(struct log_line *line, enum log_format format, const struct log_event *event);

#endif
