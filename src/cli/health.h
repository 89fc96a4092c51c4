/*
 * health: asks a running fcgi-smtp for /healthz by a FastCGI request of its own (FastCGI 1.0, 3 and 6.2).
 */
#ifndef FCGI_SMTP_CLI_HEALTH_H
#define FCGI_SMTP_CLI_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi_smtp/err.h"

#define HEALTH_TIMEOUT_MS 5000 /* what --health waits in all */

/* address as in the configuration's listen; base_path likewise. True if the answer was 200. */
bool health_ask(const char *address, const char *base_path, int64_t timeout_ms, struct err *err);

#endif
