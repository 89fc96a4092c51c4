/*
 * A message with an attachment of 25 MiB, composed from the spill file and delivered over TLS, against the least that
 * such a delivery can cost: the attachment's base64, and the message's octets written into a TLS connection by nothing
 * but SSL_write. Each round prints the three CPU times, so that all see the same machine.
 *
 * base64 is encoded by the program's own encoder and, as a check on it, by OpenSSL's; the cheaper one counts.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/compose.h"
#include "smtp_bench.h"

#define ATTACHMENT_OCTETS ((size_t)25 * 1024 * 1024)
#define MEMORY_OCTETS     ((size_t)256 * 1024) /* what is over is read from a file, as an upload is */
#define PIECE_OCTETS      ((size_t)57 * 256)   /* of the attachment at once; whole lines */

struct large {
    struct blob_store store;
    struct blob attachment;
    struct blob text;
    struct message_part part;
    struct mailbox from;
    struct mailbox to;
    struct compose *compose;
    unsigned char *content; /* the attachment's octets once more, for the encoders */
    char *octets;           /* the composed message */
    size_t len;
};

static bool fill(struct large *large, struct err *err)
{
    large->content = malloc(ATTACHMENT_OCTETS);
    if (large->content == NULL) {
        return false;
    }
    uint32_t random = 1;
    for (size_t i = 0; i < ATTACHMENT_OCTETS; i++) {
        random = random * 1664525 + 1013904223;
        large->content[i] = (unsigned char)(random >> 24);
    }
    blob_store_init(&large->store, "/tmp", MEMORY_OCTETS);
    blob_begin(&large->text, &large->store);
    if (!blob_append(&large->text, "hello", 5, err)) {
        return false;
    }
    blob_begin(&large->attachment, &large->store);
    return blob_append(&large->attachment, large->content, ATTACHMENT_OCTETS, err);
}

static bool compose(struct large *large, struct err *err)
{
    large->part = (struct message_part){.field = "attachment",
                                        .content = &large->attachment,
                                        .type = SLICE("application/octet-stream"),
                                        .file_name = SLICE("f.bin")};
    large->from = (struct mailbox){.address = bench_sender};
    large->to = (struct mailbox){.address = bench_recipient};
    struct message message = {.from = {.mailboxes = &large->from, .count = 1},
                              .to = {.mailboxes = &large->to, .count = 1},
                              .subject = SLICE("25 MiB"),
                              .text = {.field = "text", .content = &large->text},
                              .attachments = &large->part,
                              .attachment_count = 1,
                              .domain = SLICE("bench.example"),
                              .now = time(NULL)};
    return compose_new(&large->compose, &message, err) == COMPOSE_OK;
}

/* The composed message in memory, for the raw write. */
static bool render(struct large *large, struct err *err)
{
    size_t size = compose_size(large->compose);
    struct source source = compose_source(large->compose);
    large->octets = malloc(size);
    size_t len = 1;
    while (large->octets != NULL && len > 0) {
        if (large->len == size) {
            return true;
        }
        if (!source.read(source.ctx, large->octets + large->len, size - large->len, &len, err)) {
            return false;
        }
        large->len += len;
    }
    return false;
}

/* --- the floor --- */

static double encode(const struct large *large)
{
    static char out[BASE64_ENCODER_UPDATE_MAX(PIECE_OCTETS)];
    struct base64_encoder encoder;
    base64_encoder_init(&encoder, BASE64_WRAPPED);
    double begun = bench_cpu(CLOCK_THREAD_CPUTIME_ID);
    for (size_t pos = 0; pos < ATTACHMENT_OCTETS; pos += PIECE_OCTETS) {
        size_t left = ATTACHMENT_OCTETS - pos;
        (void)base64_encoder_update(&encoder, large->content + pos, left < PIECE_OCTETS ? left : PIECE_OCTETS,
                                    out);
    }
    return bench_cpu(CLOCK_THREAD_CPUTIME_ID) - begun;
}

static double encode_openssl(const struct large *large)
{
    static unsigned char out[PIECE_OCTETS * 2];
    double begun = bench_cpu(CLOCK_THREAD_CPUTIME_ID);
    for (size_t pos = 0; pos < ATTACHMENT_OCTETS; pos += PIECE_OCTETS) {
        size_t left = ATTACHMENT_OCTETS - pos;
        (void)EVP_EncodeBlock(out, large->content + pos, (int)(left < PIECE_OCTETS ? left : PIECE_OCTETS));
    }
    return bench_cpu(CLOCK_THREAD_CPUTIME_ID) - begun;
}

static int connect_raw(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* CPU time of the writes alone; negative when they failed. */
static double write_raw(SSL_CTX *context, const char *port, const struct large *large)
{
    int fd = connect_raw(port);
    SSL *ssl = SSL_new(context);
    double took = -1;
    if (fd >= 0 && ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1) {
        size_t written = 0;
        double begun = bench_cpu(CLOCK_THREAD_CPUTIME_ID);
        bool ok = SSL_write_ex(ssl, large->octets, large->len, &written) == 1;
        took = ok && written == large->len ? bench_cpu(CLOCK_THREAD_CPUTIME_ID) - begun : -1;
        (void)SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    if (fd >= 0) {
        (void)close(fd);
    }
    return took;
}

/* --- rounds --- */

static bool round_of(struct large *large, struct smtp_endpoint *endpoint, SSL_CTX *context,
                     const char *raw_port)
{
    double raw = write_raw(context, raw_port, large);
    double own = encode(large);
    double openssl = encode_openssl(large);
    double begun = bench_cpu(CLOCK_THREAD_CPUTIME_ID);
    bool ok = bench_deliver(endpoint, compose_source(large->compose), compose_size(large->compose));
    double client = bench_cpu(CLOCK_THREAD_CPUTIME_ID) - begun;
    printf("client %.0f\nraw %.0f\nbase64 %.0f\n", client, raw, own < openssl ? own : openssl);
    return ok && raw >= 0;
}

static bool rounds(struct large *large, char **arguments)
{
    struct smtp_settings settings = bench_settings(arguments[0], 1, arguments[2]);
    struct smtp_endpoint *endpoint = bench_endpoint(&settings);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    bool ok = endpoint != NULL && context != NULL;
    for (long i = strtol(arguments[3], NULL, 10); ok && i > 0; i--) {
        ok = round_of(large, endpoint, context, arguments[1]);
    }
    SSL_CTX_free(context);
    smtp_endpoint_free(endpoint);
    return ok;
}

bool bench_large(char **arguments)
{
    struct large large = {.store = {.fd = -1}};
    struct err err = {.text = ""};
    bool ok = fill(&large, &err) && compose(&large, &err) && render(&large, &err);
    if (!ok) {
        (void)fprintf(stderr, "smtp_bench: the message cannot be made: %s\n", err.text);
    }
    ok = ok && rounds(&large, arguments);
    compose_free(large.compose);
    blob_store_free(&large.store);
    free(large.content);
    free(large.octets);
    return ok;
}
