/*
 * HTTP clients that are always busy: each keeps its connection and asks again as soon as it is answered.
 *
 * http_clients PORT CLIENTS REQUESTS FILE
 *
 * FILE holds the octets of one request. Prints how many were answered with 200 and otherwise, and of the times from a
 * request to the end of its answer the median, the 99th percentile and the longest, in microseconds, and how many of
 * them look like a delayed acknowledgement (about 40 ms) that somebody waited for.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

enum {
    REQUEST_MAX = 64 * 1024,
    ANSWER_MAX = 64 * 1024,
    CLIENTS_MAX = 1024,
    DELAYED_FROM = 35000,
    DELAYED_TO = 50000
};

struct client {
    int fd;
    uint64_t begun; /* microseconds */
    size_t got;
    char answer[ANSWER_MAX];
};

struct load {
    const char *request;
    size_t request_len;
    size_t to_begin; /* requests */
    size_t to_end;
    size_t refused;
    uint32_t *times; /* of the answers, in the order of their ends */
    size_t answered;
};

static void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static uint64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int connect_to(uint16_t port)
{
    static const int on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        die("connect");
    }
    return fd;
}

static void ask(struct load *load, struct client *client)
{
    if (load->to_begin == 0) {
        return;
    }
    load->to_begin--;
    client->got = 0;
    client->begun = now_us();
    if (send(client->fd, load->request, load->request_len, MSG_NOSIGNAL) != (ssize_t)load->request_len) {
        die("send");
    }
}

/* Whether the answer has come to its end, as Content-Length says. */
static bool is_whole(const struct client *client)
{
    static const char name[] = "\r\nContent-Length:";
    const char *head_end = memmem(client->answer, client->got, "\r\n\r\n", 4);
    if (head_end == NULL) {
        return false;
    }
    size_t head_len = (size_t)(head_end - client->answer) + 4;
    const char *length = memmem(client->answer, head_len, name, sizeof name - 1);
    if (length == NULL) {
        (void)fputs("an answer without a length\n", stderr);
        exit(EXIT_FAILURE);
    }
    return client->got >= head_len + strtoul(length + sizeof name - 1, NULL, 10);
}

static void read_answer(struct load *load, struct client *client)
{
    ssize_t got = recv(client->fd, client->answer + client->got, sizeof client->answer - client->got, 0);
    if (got <= 0) {
        die("recv");
    }
    client->got += (size_t)got;
    if (!is_whole(client)) {
        return;
    }
    load->times[load->answered++] = (uint32_t)(now_us() - client->begun);
    load->refused += strncmp(client->answer, "HTTP/1.1 200 ", 13) != 0;
    load->to_end--;
    ask(load, client);
}

static void run(struct load *load, uint16_t port, size_t clients)
{
    int epoll = epoll_create1(0);
    struct client *all = calloc(clients, sizeof *all);
    if (epoll < 0 || all == NULL) {
        die("http_clients");
    }
    for (size_t i = 0; i < clients; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        all[i].fd = connect_to(port);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event) != 0) {
            die("epoll_ctl");
        }
        ask(load, &all[i]);
    }
    while (load->to_end > 0) {
        struct epoll_event events[64];
        int count = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < count; i++) {
            read_answer(load, events[i].data.ptr);
        }
    }
    free(all);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void print(struct load *load)
{
    size_t delayed = 0;
    for (size_t i = 0; i < load->answered; i++) {
        delayed += load->times[i] >= DELAYED_FROM && load->times[i] <= DELAYED_TO;
    }
    qsort(load->times, load->answered, sizeof *load->times, compare);
    printf("ok %zu\nrefused %zu\np50 %u\np99 %u\nlongest %u\ndelayed %zu\n", load->answered - load->refused,
           load->refused, load->times[load->answered / 2], load->times[load->answered * 99 / 100],
           load->times[load->answered - 1], delayed);
}

int main(int argc, char **argv)
{
    static char request[REQUEST_MAX];
    FILE *file = argc == 5 ? fopen(argv[4], "rb") : NULL;
    size_t clients = argc == 5 ? strtoul(argv[2], NULL, 10) : 0;
    size_t requests = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
    if (file == NULL || clients < 1 || clients > CLIENTS_MAX || requests < clients) {
        (void)fputs("usage: http_clients PORT CLIENTS REQUESTS FILE\n", stderr);
        return EXIT_FAILURE;
    }
    struct load load = {.request = request, .to_begin = requests, .to_end = requests};
    load.request_len = fread(request, 1, sizeof request, file);
    (void)fclose(file);
    load.times = calloc(requests, sizeof *load.times);
    if (load.times == NULL) {
        die("http_clients");
    }
    run(&load, (uint16_t)strtoul(argv[1], NULL, 10), clients);
    print(&load);
    free(load.times);
    return load.refused == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
