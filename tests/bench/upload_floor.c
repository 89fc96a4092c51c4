/*
 * The least that a file of so many MiB costs on its way to an SMTP server: a look through its octets for a boundary,
 * base64, and the writes into the socket. Prints the seconds of CPU.
 *
 * upload_floor PORT MIB
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi_smtp/base64.h"
#include "measure.h"

enum { WRITE = 64 * 1024, PIECE = WRITE / (BASE64_LINE_CHARS + 2) * BASE64_LINE_OCTETS };

static const char boundary[] = "\r\n--------------------------d74496d66958873e";

static void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static int connect_to(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        die("connect");
    }
    return fd;
}

static void send_all(int fd, const char *octets, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, octets, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            die("send");
        }
        octets += sent;
        len -= (size_t)sent;
    }
}

/* Says the line and waits for the answer, which is short. */
static void talk(int fd, const char *line)
{
    char reply[1024];
    send_all(fd, line, strlen(line));
    if (recv(fd, reply, sizeof reply, 0) <= 0) {
        die("recv");
    }
}

static void send_file(int fd, const unsigned char *file, size_t len)
{
    char out[WRITE];
    struct base64_encoder encoder;
    base64_encoder_init(&encoder, BASE64_WRAPPED);
    for (size_t at = 0; at < len; at += PIECE) {
        size_t piece = len - at < PIECE ? len - at : PIECE;
        send_all(fd, out, base64_encoder_update(&encoder, file + at, piece, out));
    }
    send_all(fd, out, base64_encoder_finish(&encoder, out));
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fputs("usage: upload_floor PORT MIB\n", stderr);
        return EXIT_FAILURE;
    }
    size_t len = strtoul(argv[2], NULL, 10) << 20;
    unsigned char *file = measure_alloc(len);
    measure_fill_random(file, len);
    int fd = connect_to(argv[1]);
    double begin = measure_cpu();
    talk(fd, "");
    talk(fd, "EHLO floor.test\r\n");
    talk(fd, "MAIL FROM:<a@example.com>\r\n");
    talk(fd, "RCPT TO:<b@example.com>\r\n");
    talk(fd, "DATA\r\n");
    if (memmem(file, len, boundary, sizeof boundary - 1) != NULL) {
        return EXIT_FAILURE;
    }
    send_file(fd, file, len);
    talk(fd, ".\r\n");
    printf("%.6f\n", measure_cpu() - begin);
    (void)close(fd);
    free(file);
    return EXIT_SUCCESS;
}
