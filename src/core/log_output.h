/*
 * log_output: where the log's lines go. Thread-safe after log_output_open.
 *
 * A log that nobody reads must not stop the mail: a line waits LOG_OUTPUT_PATIENCE_MS for room, and once one has waited in vain
 * the others do not wait at all until there is room again.
 */
#ifndef FCGI_SMTP_CORE_LOG_OUTPUT_H
#define FCGI_SMTP_CORE_LOG_OUTPUT_H

#include <stdbool.h>

#include "core/log_line.h"

#define LOG_OUTPUT_PATIENCE_MS 1000
#define LOG_OUTPUT_SYSLOG      "/dev/log"

/* socket_path: syslog's. False: nobody listens there yet, errno says why; each line tries again. */
bool log_output_open(enum log_target target, const char *socket_path);

/* False: the line, or the end of it, is lost. */
bool log_output_write(enum log_level level, const struct log_line *line);

#endif
