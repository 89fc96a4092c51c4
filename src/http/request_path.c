/*
 * Which path was asked for. nginx decodes and normalises the path once; DOCUMENT_URI and SCRIPT_NAME +
 * PATH_INFO are that result and are not decoded again, or %2525 would reach a route as "%". Only REQUEST_URI
 * is what the client sent.
 */
#include <string.h>

#include "fcgi_smtp/ascii.h"
#include "http/request.h"

/* RFC 3986, 2.1. False: a % without two hexadecimal digits, or an encoded NUL. */
static bool percent_decode(struct slice text, struct buf *out)
{
    char *to = buf_reserve(out, text.len + 1);
    if (to == NULL) {
        return false;
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++, len++) {
        to[len] = text.data[i];
        if (text.data[i] != '%') {
            continue;
        }
        int octet = i + 2 < text.len ? ascii_hex_octet(text.data + i + 1) : -1;
        if (octet <= 0) {
            return false;
        }
        to[len] = (char)octet;
        i += 2;
    }
    out->len += len;
    return true;
}

static bool path_from_script_name(struct http_request *request)
{
    const char *script_name = http_request_param(request, "SCRIPT_NAME");
    const char *path_info = http_request_param(request, "PATH_INFO");
    struct buf *out = &request->path_buf;
    if (!buf_append_slice(out, slice_of(script_name)) || !buf_append_slice(out, slice_of(path_info))) {
        return false;
    }
    request->path = buf_slice(out);
    return out->len > 0;
}

static bool path_from_request_uri(struct http_request *request)
{
    const char *uri = http_request_param(request, "REQUEST_URI");
    if (uri == NULL || !percent_decode((struct slice){uri, strcspn(uri, "?#")}, &request->path_buf)) {
        return false;
    }
    request->path = buf_slice(&request->path_buf);
    return true;
}

/* Finds the whole path once; it stays where it is as long as the request. */
static bool path_find(struct http_request *request)
{
    if (request->path.data != NULL) {
        return true;
    }
    request->path = slice_of(http_request_param(request, "DOCUMENT_URI"));
    if (request->path.len > 0) {
        return true;
    }
    buf_clear(&request->path_buf);
    if (path_from_script_name(request)) {
        return true;
    }
    buf_clear(&request->path_buf);
    return path_from_request_uri(request);
}

bool http_request_path(struct http_request *request, const char *base_path, struct slice *path)
{
    *path = SLICE("");
    if (!path_find(request) || request->path.len == 0 || request->path.data[0] != '/') {
        return false;
    }
    struct slice base = slice_of(base_path);
    if (base.len > 0 && base.data[base.len - 1] == '/') {
        base.len--; /* "/mail/" is "/mail", and "/" is nothing at all */
    }
    struct slice found = request->path;
    if (found.len < base.len || (base.len > 0 && memcmp(found.data, base.data, base.len) != 0)) {
        return false;
    }
    found.data += base.len;
    found.len -= base.len;
    if (found.len == 0) {
        found = SLICE("/");
    }
    if (found.data[0] != '/') {
        return false; /* "/mailbox" is not below "/mail" */
    }
    if (found.len > 1 && found.data[found.len - 1] == '/') {
        found.len--;
    }
    *path = found;
    return true;
}
