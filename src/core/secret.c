#include "fcgi_smtp/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void secret_wipe(void *octets, size_t len)
{
    if (octets != NULL && len > 0) {
        OPENSSL_cleanse(octets, len);
    }
}

void secret_free(struct secret *secret)
{
    secret_wipe(secret->data, secret->len);
    free(secret->data);
    *secret = (struct secret){0};
}

bool secret_set(struct secret *secret, struct slice content)
{
    if (content.len > SECRET_MAX) {
        return false;
    }
    char *data = malloc(content.len + 1);
    if (data == NULL) {
        return false;
    }
    if (content.len > 0) {
        memcpy(data, content.data, content.len);
    }
    data[content.len] = '\0';
    secret_free(secret);
    *secret = (struct secret){data, content.len};
    return true;
}

/* Reads until the end or until cap; -1 with errno on failure. */
static ssize_t read_up_to(int fd, char *out, size_t cap)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t got = read(fd, out + len, cap - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static struct slice first_line(const char *text, size_t len)
{
    const char *end = memchr(text, '\n', len);
    size_t line = end != NULL ? (size_t)(end - text) : len;
    return (struct slice){text, line > 0 && text[line - 1] == '\r' ? line - 1 : line};
}

bool secret_read_file(struct secret *secret, const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_set(err, "cannot read %s: %s", path, strerror(errno));
        return false;
    }
    size_t cap = SECRET_MAX + 2; /* a line end behind the longest secret */
    char *text = malloc(cap);
    ssize_t len = text != NULL ? read_up_to(fd, text, cap) : -1;
    int reason = text != NULL ? errno : ENOMEM;
    (void)close(fd);
    bool good = false;
    if (len < 0) {
        err_set(err, "cannot read %s: %s", path, strerror(reason));
    } else {
        struct slice line = first_line(text, (size_t)len);
        good = line.len > 0 && secret_set(secret, line);
        if (!good) {
            err_set(err, line.len == 0 ? "the first line of %s is empty" : "the first line of %s is too long",
                    path);
        }
    }
    secret_wipe(text, len > 0 ? (size_t)len : 0);
    free(text);
    return good;
}

bool secret_read_env(struct secret *secret, const char *name, struct err *err)
{
    const char *value = getenv(name);
    if (value == NULL || value[0] == '\0') {
        err_set(err, "the environment variable %s is %s", name, value == NULL ? "not set" : "empty");
        return false;
    }
    if (!secret_set(secret, slice_of(value))) {
        err_set(err, "the environment variable %s is too long", name);
        return false;
    }
    return true;
}
