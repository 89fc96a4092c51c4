/*
 * test_client: a plain SMTP client's socket for tests of servers: says octets, compares what comes. Nothing
 * waits longer than five seconds. Zeroed is closed.
 */
#ifndef SMTP_SCRIPT_TEST_CLIENT_H
#define SMTP_SCRIPT_TEST_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

struct test_client {
    bool open;
    int fd;
    SSL *ssl; /* NULL: in clear */
};

/* What the client demands of TLS. */
struct test_client_tls {
    const char *ca_file;  /* NULL: nothing is verified */
    const char *host;     /* SNI, and the name or address that must fit */
    int max_version;      /* 0: OpenSSL's; below 1.2 it is the minimum too */
    SSL_SESSION *session; /* to resume; NULL: none */
};

bool test_client_connect(struct test_client *client, uint16_t port); /* to 127.0.0.1 */
bool test_client_connect_unix(struct test_client *client, const char *path);

/* Handshakes. Returns X509_V_OK, the verification's error, or -1 for another failure. Blocks SIGPIPE in this
 * thread. */
long test_client_handshake(struct test_client *client, const struct test_client_tls *tls);

bool test_client_say(struct test_client *client, const char *text);
bool test_client_write(struct test_client *client, const void *data, size_t size);
bool test_client_hears(struct test_client *client, const char *text); /* exactly this comes next */

enum test_client_end {
    TEST_CLIENT_DATA,
    TEST_CLIENT_EOF,
    TEST_CLIENT_RESET,
    TEST_CLIENT_TRUNCATED,
    TEST_CLIENT_TIMEOUT
};

/* How the input ends; TRUNCATED: of TLS without close_notify; DATA: octets come instead. */
enum test_client_end test_client_end(struct test_client *client);
size_t test_client_drain(struct test_client *client); /* reads to the end; how many octets came */

void test_client_close(struct test_client *client);

#endif
