/*
 * Growth doubles, so that n appends copy O(n) octets, and never allocates past the limit. The octet for the
 * NUL is allocated beyond it.
 */
#include "fcgi_smtp/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "fcgi_smtp/secret.h"

#define CAP_MIN 64                    /* octets of the first allocation */
#define LEN_MAX ((size_t)PTRDIFF_MAX) /* no object is larger */

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.limit = limit};
}

void buf_init_secret(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.limit = limit, .secret = true};
}

void buf_free(struct buf *buf)
{
    if (buf->secret) {
        secret_wipe(buf->data, buf->cap);
    }
    free(buf->data);
    *buf = (struct buf){0};
}

void buf_wipe(struct buf *buf)
{
    buf->secret = true;
    buf_free(buf);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    if (buf->data != NULL) {
        buf->data[0] = '\0';
    }
}

/* Gives the content cap octets of memory, cap > len; false: as before. */
static bool set_cap(struct buf *buf, size_t cap)
{
    char *data = buf->secret ? malloc(cap) : realloc(buf->data, cap);
    if (data == NULL) {
        return false;
    }
    if (buf->secret && buf->data != NULL) {
        memcpy(data, buf->data, buf->len);
        secret_wipe(buf->data, buf->cap); /* realloc would leave a copy in free memory */
        free(buf->data);
    }
    data[buf->len] = '\0';
    buf->data = data;
    buf->cap = cap;
    return true;
}

void buf_shrink(struct buf *buf)
{
    if (buf->data != NULL && buf->cap > buf->len + 1) {
        (void)set_cap(buf, buf->len + 1); /* without success it is merely larger than it need be */
    }
}

static bool grow(struct buf *buf, size_t len)
{
    size_t needed = len + 1;
    size_t most = buf->limit < LEN_MAX ? buf->limit + 1 : LEN_MAX;
    size_t cap = buf->cap * 2;
    if (cap < CAP_MIN) {
        cap = CAP_MIN;
    }
    if (cap < needed) {
        cap = needed;
    }
    buf->starved = !set_cap(buf, cap < most ? cap : most);
    return !buf->starved;
}

char *buf_reserve(struct buf *buf, size_t len)
{
    if (buf->len > buf->limit || len > buf->limit - buf->len || len >= LEN_MAX - buf->len) {
        return NULL;
    }
    if (buf->len + len >= buf->cap && !grow(buf, buf->len + len)) {
        return NULL;
    }
    return buf->data + buf->len;
}

bool buf_append(struct buf *buf, const void *octets, size_t len)
{
    if (len == 0) {
        return true;
    }
    char *end = buf_reserve(buf, len);
    if (end == NULL) {
        return false;
    }
    memcpy(end, octets, len);
    end[len] = '\0';
    buf->len += len;
    return true;
}

bool buf_append_slice(struct buf *buf, struct slice slice)
{
    return buf_append(buf, slice.data, slice.len);
}

bool buf_append_string(struct buf *buf, const char *string)
{
    return buf_append(buf, string, strlen(string));
}

bool buf_append_char(struct buf *buf, char c)
{
    return buf_append(buf, &c, 1);
}

bool buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    size_t room = buf->data != NULL ? buf->cap - buf->len : 0;
    va_start(args, format);
    int printed = vsnprintf(buf->data != NULL ? buf->data + buf->len : NULL, room, format, args);
    va_end(args);
    size_t len = printed < 0 ? 0 : (size_t)printed;
    char *end = printed < 0 ? NULL : buf_reserve(buf, len);
    if (end != NULL && len >= room) {
        va_start(args, format);
        printed = vsnprintf(end, len + 1, format, args);
        va_end(args);
    }
    if (end == NULL || printed != (int)len) {
        if (buf->data != NULL) {
            buf->data[buf->len] = '\0'; /* takes back what the first attempt left there */
        }
        return false;
    }
    buf->len += len;
    return true;
}

void buf_consume(struct buf *buf, size_t len)
{
    if (len == 0) {
        return;
    }
    buf->len -= len;
    memmove(buf->data, buf->data + len, buf->len);
    buf->data[buf->len] = '\0';
}

struct slice buf_slice(const struct buf *buf)
{
    return (struct slice){buf->data, buf->len};
}

const char *buf_cstr(const struct buf *buf)
{
    if (buf->data == NULL) {
        return "";
    }
    if (buf->data[buf->len] != '\0') { /* filled by way of buf_reserve */
        buf->data[buf->len] = '\0';
    }
    return buf->data;
}
