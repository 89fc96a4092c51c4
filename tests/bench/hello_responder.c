/*
 * The least that a FastCGI program costs behind nginx: libfcgi's own loop, which reads the body and answers with so many
 * octets of JSON. A thread for each connection that nginx keeps, since libfcgi blocks in reading from it.
 *
 * hello_responder SOCKET OCTETS THREADS
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { OCTETS_MAX = 4096, THREADS_MAX = 256 };

struct floor {
    int listener;
    char answer[OCTETS_MAX];
    int len;
};

static void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static void *serve(void *argument)
{
    const struct floor *floor = argument;
    FCGX_Request request;
    if (FCGX_InitRequest(&request, floor->listener, 0) != 0) {
        return NULL;
    }
    while (FCGX_Accept_r(&request) == 0) {
        char body[4096];
        while (FCGX_GetStr(body, sizeof body, request.in) > 0) {
        }
        FCGX_PutStr(floor->answer, floor->len, request.out);
        FCGX_Finish_r(&request);
    }
    return NULL;
}

static void write_answer(struct floor *floor, int octets)
{
    floor->len =
        snprintf(floor->answer, sizeof floor->answer,
                 "Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", octets);
    char *body = floor->answer + floor->len;
    memset(body, ' ', (size_t)octets);
    body[0] = '{';
    body[octets - 1] = '}';
    floor->len += octets;
}

int main(int argc, char **argv)
{
    static struct floor floor;
    int octets = argc == 4 ? (int)strtol(argv[2], NULL, 10) : 0;
    int threads = argc == 4 ? (int)strtol(argv[3], NULL, 10) : 0;
    if (octets < 2 || octets > OCTETS_MAX - 256 || threads < 1 || threads > THREADS_MAX) {
        (void)fputs("usage: hello_responder SOCKET OCTETS THREADS\n", stderr);
        return EXIT_FAILURE;
    }
    /* Not to wait for nginx when a connection that it does not keep is closed. */
    if (setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1) != 0 || FCGX_Init() != 0) {
        die("FCGX_Init");
    }
    write_answer(&floor, octets);
    floor.listener = FCGX_OpenSocket(argv[1], 1024);
    if (floor.listener < 0 || chmod(argv[1], 0666) != 0) {
        die(argv[1]);
    }
    for (int i = 1; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, &floor) != 0) {
            die("pthread_create");
        }
    }
    (void)serve(&floor);
    return EXIT_SUCCESS;
}
