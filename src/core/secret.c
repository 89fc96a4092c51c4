/*
 * explicit_bzero is what the compiler must not drop, and as fast as memset: the buffer of each request's body is wiped.
 * Every buffer that a secret passes through is wiped,
 * also those of reading; stdio is not used, since its buffers cannot be.
 */
#include "fcgi_smtp/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_READ (SECRET_MAX + 2) /* a secret and its CR and LF */

void secret_wipe(void *octets, size_t len)
{
    if (octets != NULL && len > 0) {
        explicit_bzero(octets, len);
    }
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
    bool both_there = a->data != NULL && b->data != NULL;
    if (!both_there || a->len != b->len) {
        return a->data == NULL && b->data == NULL;
    }
    return CRYPTO_memcmp(a->data, b->data, a->len) == 0;
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
    secret_free(secret); /* after the copy: content may be the old secret */
    secret->data = data;
    secret->len = content.len;
    return true;
}

static struct slice first_line(struct slice text)
{
    const char *lf = text.len > 0 ? memchr(text.data, '\n', text.len) : NULL;
    if (lf != NULL) {
        text.len = (size_t)(lf - text.data);
    }
    if (text.len > 0 && text.data[text.len - 1] == '\r') {
        text.len--;
    }
    return text;
}

/* Reads until a line end, the end or cap octets are there; -1 with errno set. */
static ssize_t read_line(int fd, char *out, size_t cap)
{
    size_t len = 0;
    while (len < cap && !slice_has((struct slice){out, len}, '\n')) {
        ssize_t n = read(fd, out + len, cap - len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static bool set_from_line(struct secret *secret, const char *path, struct slice text, struct err *err)
{
    struct slice line = first_line(text);
    if (line.len == 0) {
        err_set(err, "%s: the first line is empty", path);
        return false;
    }
    if (line.len > SECRET_MAX) {
        err_set(err, "%s: the first line is longer than %zu octets", path, SECRET_MAX);
        return false;
    }
    if (!secret_set(secret, line)) {
        err_set(err, "%s: no memory", path);
        return false;
    }
    return true;
}

bool secret_read_file(struct secret *secret, const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        err_set(err, "%s: %s", path, strerror(errno));
        return false;
    }
    bool ok = false;
    char *text = malloc(LINE_MAX_READ);
    ssize_t len = text != NULL ? read_line(fd, text, LINE_MAX_READ) : -1;
    if (len < 0) {
        err_set(err, "%s: %s", path, strerror(errno));
    } else {
        ok = set_from_line(secret, path, (struct slice){text, (size_t)len}, err);
    }
    secret_wipe(text, LINE_MAX_READ);
    free(text);
    close(fd);
    return ok;
}

bool secret_read_env(struct secret *secret, const char *name, struct err *err)
{
    struct slice value = slice_of(getenv(name));
    if (value.len == 0) {
        err_set(err, "environment variable %s is %s", name, value.data == NULL ? "not set" : "empty");
        return false;
    }
    if (value.len > SECRET_MAX) {
        err_set(err, "environment variable %s is longer than %zu octets", name, SECRET_MAX);
        return false;
    }
    if (!secret_set(secret, value)) {
        err_set(err, "environment variable %s: no memory", name);
        return false;
    }
    return true;
}
