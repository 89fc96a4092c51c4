/*
 * The protocol is one datagram of lines, which is too little for the library that has it: libsystemd would bring its own
 * dependencies into the process that holds the passwords.
 *
 * The socket is connected at the start, because later the sandbox would be in the way of a name. Nothing here waits or
 * fails: a manager that does not listen must not hold up mails.
 *
 * RELOADING=1 with MONOTONIC_USEC is what Type=notify-reload (systemd 253 and later) demands; Type=notify takes it too.
 */
#include "cli/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define VARIABLE    "NOTIFY_SOCKET"
#define MESSAGE_MAX 512 /* octets */
#define US_PER_MS   1000

/* The address of a path or of an abstract name; 0: the text is neither. */
static socklen_t parse_address(struct sockaddr_un *address, const char *text)
{
    size_t len = strlen(text);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof address->sun_path) {
        return 0;
    }
    memcpy(address->sun_path, text, len);
    if (text[0] == '@') {
        address->sun_path[0] = '\0';
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    }
    return (socklen_t)sizeof *address;
}

static bool connect_to(struct service *service, const char *text, struct err *err)
{
    struct sockaddr_un address;
    socklen_t len = parse_address(&address, text);
    if (len == 0) {
        err_set(err, VARIABLE " is neither an absolute path nor an abstract name (@...)");
        return false;
    }
    service->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (service->fd < 0 || connect(service->fd, (const struct sockaddr *)&address, len) != 0) {
        err_set(err, "cannot tell the service manager at " VARIABLE ": %s", strerror(errno));
        service_close(service);
        return false;
    }
    return true;
}

bool service_open(struct service *service, struct err *err)
{
    *service = (struct service){.fd = -1};
    const char *text = getenv(VARIABLE);
    bool good = text == NULL || connect_to(service, text, err);
    (void)unsetenv(VARIABLE);
    return good;
}

void service_close(struct service *service)
{
    if (service->fd >= 0) {
        (void)close(service->fd);
        service->fd = -1;
    }
}

static void notify(const struct service *service, const char *message)
{
    if (service->fd >= 0) {
        (void)send(service->fd, message, strlen(message), MSG_NOSIGNAL);
    }
}

void service_ready(const struct service *service, const char *status)
{
    char message[MESSAGE_MAX];
    (void)snprintf(message, sizeof message, "READY=1\nSTATUS=%s", status);
    notify(service, message);
}

void service_reloading(const struct service *service)
{
    struct timespec now = {0};
    char message[MESSAGE_MAX];
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)snprintf(message, sizeof message,
                   "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=Reading the configuration again",
                   (int64_t)now.tv_sec * 1000000 + (int64_t)now.tv_nsec / 1000);
    notify(service, message);
}

void service_stopping(const struct service *service, int64_t timeout_ms, const char *status)
{
    char message[MESSAGE_MAX];
    (void)snprintf(message, sizeof message, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64 "\nSTATUS=%s",
                   timeout_ms * US_PER_MS, status);
    notify(service, message);
}
