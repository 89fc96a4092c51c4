/*
 * The socket is driven by a BIO of our own because OpenSSL's writes without MSG_NOSIGNAL: a peer that went
 * away must be an error, not a SIGPIPE.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "smtp/tls_inside.h"

static int bio_fd(BIO *bio)
{
    const struct tls *tls = BIO_get_data(bio);
    return tls->fd;
}

static bool would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static int bio_write(BIO *bio, const char *octets, size_t len, size_t *written)
{
    BIO_clear_retry_flags(bio);
    ssize_t n = send(bio_fd(bio), octets, len, MSG_NOSIGNAL);
    if (n < 0) {
        if (would_block(errno)) {
            BIO_set_retry_write(bio);
        }
        return 0;
    }
    *written = (size_t)n;
    return 1;
}

static int bio_read(BIO *bio, char *out, size_t cap, size_t *len)
{
    BIO_clear_retry_flags(bio);
    ssize_t n = recv(bio_fd(bio), out, cap, 0);
    if (n < 0 && would_block(errno)) {
        BIO_set_retry_read(bio);
    }
    if (n == 0) {
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    }
    if (n <= 0) {
        return 0;
    }
    *len = (size_t)n;
    return 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF) {
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    }
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_socket_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
    if (method != NULL && BIO_meth_set_write_ex(method, bio_write) == 1 &&
        BIO_meth_set_read_ex(method, bio_read) == 1 && BIO_meth_set_ctrl(method, bio_ctrl) == 1) {
        return method;
    }
    BIO_meth_free(method);
    return NULL;
}

bool tls_socket_set(struct tls *tls, BIO_METHOD *method)
{
    BIO *bio = BIO_new(method);
    if (bio == NULL) {
        return false;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    return true;
}
