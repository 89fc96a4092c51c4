/*
 * Growth doubles, bounded by the limit, and always leaves room for the terminating NUL.
 */
#include "fcgi_smtp/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi_smtp/secret.h"

#define CAP_FIRST 256

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.limit = limit};
}

void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

void buf_wipe(struct buf *buf)
{
    if (buf->data != NULL) {
        secret_wipe(buf->data, buf->cap);
    }
    buf_free(buf);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    if (buf->data != NULL) {
        buf->data[0] = '\0';
    }
}

char *buf_reserve(struct buf *buf, size_t len)
{
    if (len > buf->limit - buf->len || buf->len + len > SIZE_MAX / 2) {
        return NULL;
    }
    size_t need = buf->len + len + 1;
    if (need > buf->cap) {
        size_t cap = buf->cap > 0 ? buf->cap * 2 : CAP_FIRST;
        cap = cap - 1 > buf->limit ? buf->limit + 1 : cap;
        cap = cap < need ? need : cap;
        char *data = realloc(buf->data, cap);
        if (data == NULL) {
            return NULL;
        }
        buf->data = data;
        buf->cap = cap;
    }
    return buf->data + buf->len;
}

bool buf_append(struct buf *buf, const void *octets, size_t len)
{
    char *end = buf_reserve(buf, len);
    if (end == NULL) {
        return false;
    }
    if (len > 0) {
        memcpy(end, octets, len);
    }
    buf->len += len;
    buf->data[buf->len] = '\0';
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
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    char *end = len >= 0 ? buf_reserve(buf, (size_t)len) : NULL;
    if (end != NULL) {
        (void)vsnprintf(end, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    va_end(arguments);
    return end != NULL;
}

void buf_consume(struct buf *buf, size_t len)
{
    if (len > 0) {
        memmove(buf->data, buf->data + len, buf->len - len);
        buf->len -= len;
        buf->data[buf->len] = '\0';
    }
}

struct slice buf_slice(const struct buf *buf)
{
    return (struct slice){buf->data, buf->len};
}

const char *buf_cstr(const struct buf *buf)
{
    return buf->data != NULL ? buf->data : "";
}
