/*
 * An SMTP server that takes every mail and keeps nothing: it looks at no octet but the last five of the data, so that what
 * is measured is the sender. Prints its port, serves until its standard input ends.
 *
 * discard_sink [hold]: with "hold" it prints "held" when the end of the data has come, and replies when an octet comes by
 * standard input. Until then the sender has nothing to do, and can be looked at.
 */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024, LINE = 1024 };

static bool hold; /* set before any thread begins */

static const char end_of_data[] = "\r\n.\r\n";

static int say(int fd, const char *reply)
{
    size_t len = strlen(reply);
    return send(fd, reply, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -1;
}

static void wait_for_release(void)
{
    char octet;
    printf("held\n");
    (void)fflush(stdout);
    (void)!read(STDIN_FILENO, &octet, 1);
}

/* Reads data up to its end. It ends where the last five octets that came are the end of the data. */
static int discard(int fd)
{
    static _Thread_local char chunk[CHUNK];
    char last[5] = {0};
    for (;;) {
        ssize_t got = recv(fd, chunk, sizeof chunk, 0);
        if (got <= 0) {
            return -1;
        }
        size_t n = (size_t)got < sizeof last ? (size_t)got : sizeof last;
        memmove(last, last + n, sizeof last - n);
        memcpy(last + sizeof last - n, chunk + (size_t)got - n, n);
        if (memcmp(last, end_of_data, sizeof last) == 0) {
            if (hold) {
                wait_for_release();
            }
            return say(fd, "250 2.0.0 Ok: discarded\r\n");
        }
    }
}

static int answer(int fd, const char *line)
{
    if (strncasecmp(line, "EHLO", 4) == 0) {
        return say(fd, "250-sink.test\r\n250 SIZE 0\r\n");
    }
    if (strncasecmp(line, "DATA", 4) == 0) {
        return say(fd, "354 Go ahead\r\n") != 0 ? -1 : discard(fd);
    }
    if (strncasecmp(line, "QUIT", 4) == 0) {
        (void)say(fd, "221 2.0.0 Bye\r\n");
        return -1;
    }
    return say(fd, "250 2.1.0 Ok\r\n");
}

/* One command at a time: no PIPELINING is offered. */
static void *serve(void *argument)
{
    int fd = (int)(intptr_t)argument;
    char line[LINE + 1];
    size_t len = 0;
    int status = say(fd, "220 sink.test ESMTP\r\n");
    while (status == 0 && len < LINE) {
        ssize_t got = recv(fd, line + len, LINE - len, 0);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
        line[len] = '\0';
        if (line[len - 1] == '\n') {
            status = answer(fd, line);
            len = 0;
        }
    }
    (void)close(fd);
    return NULL;
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("discard_sink");
        exit(EXIT_FAILURE);
    }
    printf("port %d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    hold = argc == 2 && strcmp(argv[1], "hold") == 0;
    int listener = listen_somewhere();
    short input = hold ? 0 : POLLIN;
    struct pollfd polled[2] = {{.fd = STDIN_FILENO, .events = input}, {.fd = listener, .events = POLLIN}};
    while (poll(polled, 2, -1) > 0 && polled[0].revents == 0) {
        int fd = accept(listener, NULL, NULL);
        pthread_t thread;
        if (fd >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0) {
            (void)pthread_detach(thread);
        } else if (fd >= 0) {
            (void)close(fd);
        }
    }
    return EXIT_SUCCESS;
}
