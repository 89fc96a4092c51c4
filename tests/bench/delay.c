/*
 * delay DEVICE NAMESPACE-FILE PEER-DEVICE MICROSECONDS: a link with a fixed delay, for kernels without netem.
 *
 * Makes a TUN device in this network namespace and its peer in another one, and carries packets between the
 * two, each so late in its direction. What is delayed are real packets, so the TCP handshake, Nagle's algorithm
 * and delayed acknowledgements cost here what they cost on a long line. Prints "ready" when both devices are
 * there (addresses are the caller's matter) and ends with a signal. Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 2048 /* octets; TUN devices have an MTU of 1500 */
#define QUEUE_MAX  65536

struct packet {
    int64_t due; /* ns */
    size_t len;
    unsigned char octets[PACKET_MAX];
    struct packet *next;
};

/* One direction. Packets are due in the order in which they came, because the delay is the same for all. */
struct direction {
    int from;
    int to;
    struct packet *first;
    struct packet **end; /* where the next one is to be linked */
    size_t count;
};

static int64_t now_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int open_device(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0) {
        return fd;
    }
    perror(name);
    return -1;
}

/* A device belongs to the namespace in which the thread was when it was made. */
static int open_peer(const char *namespace_file, const char *name)
{
    int fd = open(namespace_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) {
        perror(namespace_file);
        return -1;
    }
    (void)close(fd);
    return open_device(name);
}

/* Takes in what has come. Without room it is lost, as on any link. */
static void receive(struct direction *direction, int64_t delay)
{
    unsigned char octets[PACKET_MAX];
    for (;;) {
        ssize_t len = read(direction->from, octets, sizeof octets);
        if (len <= 0) {
            return;
        }
        struct packet *packet = direction->count < QUEUE_MAX ? malloc(sizeof *packet) : NULL;
        if (packet == NULL) {
            continue;
        }
        packet->due = now_ns() + delay;
        packet->len = (size_t)len;
        memcpy(packet->octets, octets, packet->len);
        packet->next = NULL;
        *direction->end = packet;
        direction->end = &packet->next;
        direction->count++;
    }
}

/* Passes on what is due, and says when the next one is; until if there is none before. */
static int64_t pass_on(struct direction *direction, int64_t until)
{
    while (direction->first != NULL && direction->first->due <= now_ns()) {
        struct packet *packet = direction->first;
        direction->first = packet->next;
        direction->count--;
        if (direction->first == NULL) {
            direction->end = &direction->first;
        }
        ssize_t written = write(direction->to, packet->octets, packet->len);
        (void)written; /* a device that is not up loses packets */
        free(packet);
    }
    return direction->first != NULL && direction->first->due < until ? direction->first->due : until;
}

/* Until a signal, or the end of a device. */
static bool carry(struct direction *out, struct direction *back, int64_t delay)
{
    for (;;) {
        int64_t until = pass_on(back, pass_on(out, now_ns() + 1000000000));
        int64_t wait = until - now_ns();
        wait = wait > 0 ? wait : 0;
        struct timespec timeout = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
        struct pollfd polled[2] = {{.fd = out->from, .events = POLLIN}, {.fd = back->from, .events = POLLIN}};
        if (ppoll(polled, 2, &timeout, NULL) < 0 && errno != EINTR) {
            perror("ppoll");
            return false;
        }
        receive(out, delay);
        receive(back, delay);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        (void)fputs("usage: delay DEVICE NAMESPACE-FILE PEER-DEVICE MICROSECONDS\n", stderr);
        return 2;
    }
    int here = open_device(argv[1]);
    int there = here >= 0 ? open_peer(argv[2], argv[3]) : -1;
    if (there < 0) {
        return EXIT_FAILURE;
    }
    (void)puts("ready");
    (void)fflush(stdout);
    struct direction out = {.from = here, .to = there};
    struct direction back = {.from = there, .to = here};
    out.end = &out.first;
    back.end = &back.first;
    return carry(&out, &back, strtol(argv[4], NULL, 10) * 1000) ? EXIT_SUCCESS : EXIT_FAILURE;
}
