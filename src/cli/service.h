/*
 * service: tells the service manager what the program does (sd_notify(3)). Where none has asked for it, which is
 * NOTIFY_SOCKET unset, every call does nothing.
 */
#ifndef FCGI_SMTP_CLI_SERVICE_H
#define FCGI_SMTP_CLI_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi_smtp/err.h"

struct service {
    int fd; /* connected to the manager; -1: there is none */
};

/*
 * Takes NOTIFY_SOCKET, a path or an abstract name (@…), out of the environment, so that no child answers in our name:
 * to be called before there are threads. False, with an error and a service that does nothing, if it cannot be used.
 */
bool service_open(struct service *service, struct err *err);
void service_close(struct service *service);

/* Requests are answered, after the start or after service_reloading. The status is for people: systemctl shows it. */
void service_ready(const struct service *service, const char *status);

/* The configuration is read again; service_ready says when that is done, be it that the old one stays. */
void service_reloading(const struct service *service);

/* The end has begun, and may take so long. */
void service_stopping(const struct service *service, int64_t timeout_ms, const char *status);

#endif
