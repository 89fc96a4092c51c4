/* What the parts of smtp_bench share. */
#ifndef FCGI_SMTP_TESTS_SMTP_BENCH_H
#define FCGI_SMTP_TESTS_SMTP_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "fcgi_smtp/smtp_client.h"

extern const struct addr_spec bench_sender;
extern const struct addr_spec bench_recipient;

/* A server on 127.0.0.1; in implicit TLS if there is a CA file. */
struct smtp_settings bench_settings(const char *port, size_t pool_size, const char *ca_file);

/* NULL, and a line on stderr, when there is none. */
struct smtp_endpoint *bench_endpoint(const struct smtp_settings *settings);

/* False, and a line on stderr, when the message was not accepted. */
bool bench_deliver(struct smtp_endpoint *endpoint, struct source message, uint64_t size);

/* User and system time so far, in microseconds. clock: CLOCK_PROCESS_CPUTIME_ID or CLOCK_THREAD_CPUTIME_ID; getrusage is
 * coarser. */
double bench_cpu(clockid_t clock);

/* PORT RAW-PORT CA-FILE COUNT */
bool bench_large(char **arguments);

#endif
