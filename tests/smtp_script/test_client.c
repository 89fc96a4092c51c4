#include "test_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static bool connect_to(struct test_client *client, const struct sockaddr *address, socklen_t size)
{
    int on = 1;
    struct timeval patience = {.tv_sec = 5};
    *client = (struct test_client){.fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    client->open = client->fd >= 0;
    if (!client->open) {
        return false;
    }
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (address->sa_family == AF_INET) {
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return connect(client->fd, address, size) == 0;
}

bool test_client_connect(struct test_client *client, uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    return connect_to(client, (const struct sockaddr *)&address, sizeof address);
}

bool test_client_connect_unix(struct test_client *client, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return connect_to(client, (const struct sockaddr *)&address, sizeof address);
}

static bool expect_host(SSL *ssl, const char *host)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1) {
        return true; /* RFC 6066 3: no SNI for an address */
    }
    ERR_clear_error();
    return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

static SSL_CTX *make_context(const struct test_client_tls *tls)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL) {
        return NULL;
    }
    bool good = tls->ca_file == NULL || SSL_CTX_load_verify_locations(context, tls->ca_file, NULL) == 1;
    SSL_CTX_set_verify(context, tls->ca_file == NULL ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    int min = tls->max_version != 0 && tls->max_version < TLS1_2_VERSION ? tls->max_version : TLS1_2_VERSION;
    good = good && SSL_CTX_set_min_proto_version(context, min) == 1 &&
           SSL_CTX_set_max_proto_version(context, tls->max_version) == 1;
    if (min < TLS1_2_VERSION) {
        good = good && SSL_CTX_set_cipher_list(context, "DEFAULT@SECLEVEL=0") == 1;
    }
    if (!good) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

long test_client_handshake(struct test_client *client, const struct test_client_tls *tls)
{
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
    SSL_CTX *context = make_context(tls);
    if (context == NULL) {
        return -1;
    }
    client->ssl = SSL_new(context);
    SSL_CTX_free(context);
    if (client->ssl == NULL || SSL_set_fd(client->ssl, client->fd) != 1) {
        return -1;
    }
    if (tls->host != NULL && !expect_host(client->ssl, tls->host)) {
        return -1;
    }
    if (tls->session != NULL) {
        SSL_set_session(client->ssl, tls->session);
    }
    int done = SSL_connect(client->ssl);
    long verified = tls->ca_file == NULL ? X509_V_OK : SSL_get_verify_result(client->ssl);
    return done != 1 && verified == X509_V_OK ? -1 : verified;
}

bool test_client_write(struct test_client *client, const void *data, size_t size)
{
    if (client->ssl != NULL) {
        return SSL_write(client->ssl, data, (int)size) == (int)size;
    }
    return send(client->fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

bool test_client_say(struct test_client *client, const char *text)
{
    return test_client_write(client, text, strlen(text));
}

/* As read. */
static ssize_t read_some(struct test_client *client, void *data, size_t size)
{
    if (client->ssl == NULL) {
        return recv(client->fd, data, size, 0);
    }
    ERR_clear_error();
    return SSL_read(client->ssl, data, (int)size);
}

bool test_client_hears(struct test_client *client, const char *text)
{
    char heard[4096];
    size_t size = strlen(text);
    size_t at = 0;
    while (at < size && size <= sizeof heard) {
        ssize_t got = read_some(client, heard + at, size - at);
        if (got <= 0) {
            return false;
        }
        at += (size_t)got;
    }
    return at == size && memcmp(heard, text, size) == 0;
}

static enum test_client_end tls_end(struct test_client *client, int result)
{
    int system_error = errno;
    switch (SSL_get_error(client->ssl, result)) {
    case SSL_ERROR_ZERO_RETURN:
        return TEST_CLIENT_EOF;
    case SSL_ERROR_SYSCALL:
        return system_error == ECONNRESET ? TEST_CLIENT_RESET : TEST_CLIENT_TRUNCATED;
    case SSL_ERROR_WANT_READ:
        return TEST_CLIENT_TIMEOUT;
    default:
        return TEST_CLIENT_TRUNCATED;
    }
}

enum test_client_end test_client_end(struct test_client *client)
{
    char octet;
    ssize_t got = read_some(client, &octet, 1);
    if (got > 0) {
        return TEST_CLIENT_DATA;
    }
    if (client->ssl != NULL) {
        return tls_end(client, (int)got);
    }
    if (got == 0) {
        return TEST_CLIENT_EOF;
    }
    return errno == ECONNRESET ? TEST_CLIENT_RESET : TEST_CLIENT_TIMEOUT;
}

size_t test_client_drain(struct test_client *client)
{
    char octets[16384];
    size_t count = 0;
    ssize_t got;
    while ((got = read_some(client, octets, sizeof octets)) > 0) {
        count += (size_t)got;
    }
    return count;
}

void test_client_close(struct test_client *client)
{
    if (client->ssl != NULL && SSL_is_init_finished(client->ssl)) {
        SSL_shutdown(client->ssl);
    }
    SSL_free(client->ssl);
    if (client->open) {
        close(client->fd);
    }
    *client = (struct test_client){0};
}
