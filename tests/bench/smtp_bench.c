/*
 * smtp_bench: what the SMTP client costs in CPU, without HTTP and FastCGI in front of it. smtp_cpu.py starts the
 * servers, runs this and makes ratios of what it prints: numbers with names, microseconds of user and system time.
 *
 *   smtp_bench warm PORT SESSIONS COUNT          COUNT messages over SESSIONS warm sessions in clear
 *   smtp_bench connections PORT COUNT [CA-FILE]  COUNT connections with one message each; in TLS with a CA-FILE,
 *                                                which is removed once it was loaded
 *   smtp_bench large PORT RAW-PORT CA-FILE COUNT COUNT attachments of 25 MiB, see smtp_bench_large.c
 */
#include "smtp_bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BODY_OCTETS   1024
#define THREADS_MAX   64
#define DELIVERY_MS   60000
#define INLINE_OCTETS ((size_t)64 * 1024)

static char message_text[2048];

/* --- a message in memory --- */

struct cursor {
    size_t pos;
};

static bool read_message(void *ctx, void *out, size_t cap, size_t *len, struct err *err)
{
    (void)err;
    struct cursor *cursor = ctx;
    size_t left = strlen(message_text) - cursor->pos;
    *len = left < cap ? left : cap;
    memcpy(out, message_text + cursor->pos, *len);
    cursor->pos += *len;
    return true;
}

static void rewind_message(void *ctx)
{
    struct cursor *cursor = ctx;
    cursor->pos = 0;
}

/* Like smtp-source's: a header section, and a body of so many octets. */
static void make_message(void)
{
    (void)strcpy(message_text, "From: <a@example.com>\r\nTo: <b@example.com>\r\n"
                               "Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-Id: <1@bench.example>\r\n"
                               "Subject: a message of 1 KiB\r\n\r\n");
    char *body = message_text + strlen(message_text);
    memset(body, 'X', BODY_OCTETS);
    for (size_t end = 64; end <= BODY_OCTETS; end += 64) {
        memcpy(body + end - 2, "\r\n", 2);
    }
    body[BODY_OCTETS] = '\0';
}

/* --- deliveries --- */

const struct addr_spec bench_sender = {
    .text = {"a@example.com", 13}, .local = {"a", 1}, .domain = {"example.com", 11}};
const struct addr_spec bench_recipient = {
    .text = {"b@example.com", 13}, .local = {"b", 1}, .domain = {"example.com", 11}};

bool bench_deliver(struct smtp_endpoint *endpoint, struct source message, uint64_t size)
{
    struct smtp_recipient recipient = {.address = &bench_recipient};
    struct smtp_delivery delivery = {.return_path = &bench_sender,
                                     .recipients = &recipient,
                                     .recipient_count = 1,
                                     .message = message,
                                     .size = size,
                                     .total = deadline_after(DELIVERY_MS),
                                     .cancel_fd = -1};
    struct smtp_outcome outcome;
    smtp_deliver(endpoint, &delivery, &outcome);
    smtp_release(outcome.session);
    if (outcome.class != SMTP_ACCEPTED) {
        (void)fprintf(stderr, "smtp_bench: %s\n", outcome.err.text);
    }
    return outcome.class == SMTP_ACCEPTED;
}

static bool deliver_small(struct smtp_endpoint *endpoint)
{
    struct cursor cursor = {0};
    return bench_deliver(endpoint, (struct source){&cursor, read_message, rewind_message},
                         strlen(message_text));
}

struct smtp_settings bench_settings(const char *port, size_t pool_size, const char *ca_file)
{
    return (struct smtp_settings){.name = "bench",
                                  .host = "127.0.0.1",
                                  .port = (uint16_t)strtoul(port, NULL, 10),
                                  .tls = ca_file != NULL ? SMTP_TLS_IMPLICIT : SMTP_TLS_NONE,
                                  .verify = true,
                                  .ca_file = ca_file,
                                  .domain = "client.example",
                                  .inline_limit = INLINE_OCTETS,
                                  .pool_size = pool_size,
                                  .pool_idle_ms = DELIVERY_MS,
                                  .pool_max_messages = 1000000,
                                  .connect_timeout_ms = DELIVERY_MS,
                                  .greeting_timeout_ms = DELIVERY_MS,
                                  .command_timeout_ms = DELIVERY_MS,
                                  .data_timeout_ms = DELIVERY_MS};
}

struct smtp_endpoint *bench_endpoint(const struct smtp_settings *settings)
{
    struct err err = {.text = ""};
    struct smtp_endpoint *endpoint = smtp_endpoint_new(settings, &err);
    if (endpoint == NULL) {
        (void)fprintf(stderr, "smtp_bench: %s\n", err.text);
    }
    return endpoint;
}

double bench_cpu(clockid_t clock)
{
    struct timespec time;
    (void)clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* --- warm --- */

struct load {
    struct smtp_endpoint *endpoint;
    atomic_long left;
    atomic_bool failed;
};

static void *work(void *argument)
{
    struct load *load = argument;
    while (atomic_fetch_sub(&load->left, 1) > 0 && !atomic_load(&load->failed)) {
        if (!deliver_small(load->endpoint)) {
            atomic_store(&load->failed, true);
        }
    }
    return NULL;
}

static bool run_threads(struct load *load, size_t count)
{
    pthread_t threads[THREADS_MAX];
    size_t started = 0;
    while (started < count && started < THREADS_MAX &&
           pthread_create(&threads[started], NULL, work, load) == 0) {
        started++;
    }
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return started == count && !atomic_load(&load->failed);
}

/* The caller takes the CPU time of the whole process, as it does for what it compares with. */
static bool warm(char **arguments)
{
    size_t sessions = strtoul(arguments[1], NULL, 10);
    struct smtp_settings settings = bench_settings(arguments[0], sessions, NULL);
    struct load load = {.endpoint = bench_endpoint(&settings)};
    atomic_init(&load.left, strtol(arguments[2], NULL, 10));
    atomic_init(&load.failed, false);
    bool ok = load.endpoint != NULL && run_threads(&load, sessions);
    smtp_endpoint_free(load.endpoint);
    return ok;
}

/* --- connections --- */

/* A store that is gone cannot be loaded again: what follows would fail if anything tried. */
static struct smtp_endpoint *load_once(const struct smtp_settings *settings)
{
    double begun = bench_cpu(CLOCK_PROCESS_CPUTIME_ID);
    struct smtp_endpoint *base = bench_endpoint(settings);
    double loaded = bench_cpu(CLOCK_PROCESS_CPUTIME_ID);
    if (base == NULL || settings->ca_file == NULL) {
        return base;
    }
    (void)unlink(settings->ca_file);
    struct err err = {.text = ""};
    struct smtp_endpoint *derived = smtp_endpoint_derive(base, settings, &err);
    printf("store %.0f\nderived %.0f\n", loaded - begun, bench_cpu(CLOCK_PROCESS_CPUTIME_ID) - loaded);
    bool ok = derived != NULL && deliver_small(derived);
    smtp_endpoint_free(derived);
    if (!ok) {
        (void)fprintf(stderr, "smtp_bench: the derived endpoint: %s\n", err.text);
        smtp_endpoint_free(base);
        return NULL;
    }
    return base;
}

static bool connections(char **arguments)
{
    struct smtp_settings settings = bench_settings(arguments[0], 0, arguments[2]);
    struct smtp_endpoint *endpoint = load_once(&settings);
    long count = strtol(arguments[1], NULL, 10);
    bool ok = endpoint != NULL && deliver_small(endpoint); /* whatever only the first one pays for */
    double begun = bench_cpu(CLOCK_PROCESS_CPUTIME_ID);
    for (long i = 0; ok && i < count; i++) {
        ok = deliver_small(endpoint);
    }
    printf("connection %.1f\n", (bench_cpu(CLOCK_PROCESS_CPUTIME_ID) - begun) / (double)count);
    smtp_endpoint_free(endpoint);
    return ok;
}

int main(int argc, char **argv)
{
    make_message();
    const char *mode = argc > 1 ? argv[1] : "";
    bool ok = false;
    if (strcmp(mode, "warm") == 0 && argc == 5) {
        ok = warm(argv + 2);
    } else if (strcmp(mode, "connections") == 0 && (argc == 4 || argc == 5)) {
        ok = connections(argv + 2); /* argv ends with a NULL */
    } else if (strcmp(mode, "large") == 0 && argc == 6) {
        ok = bench_large(argv + 2);
    } else {
        (void)fputs("usage: smtp_bench warm|connections|large ..., see smtp_bench.c\n", stderr);
        return 2;
    }
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
