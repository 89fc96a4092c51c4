/*
 * The table holds what people mail and what IANA has registered for it; what is not in it is octets.
 */
#include "mime/media_type.h"

#include <stdlib.h>

enum {
    TYPE_TEXT_MAX = 256, /* octets of a declared type with its parameters */
    EXTENSION_MAX = 8
};

struct extension {
    const char *name;
    const char *type;
};

/* In strcmp's order. */
static const struct extension extensions[] = {
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"apk", "application/vnd.android.package-archive"},
    {"asc", "text/plain"},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"c", "text/x-csrc"},
    {"cer", "application/pkix-cert"},
    {"conf", "text/plain"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"diff", "text/x-diff"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"dot", "application/msword"},
    {"dwg", "image/vnd.dwg"},
    {"eml", "message/rfc822"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gpx", "application/gpx+xml"},
    {"gz", "application/gzip"},
    {"h", "text/x-chdr"},
    {"heic", "image/heic"},
    {"heif", "image/heif"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", "text/calendar"},
    {"jar", "application/java-archive"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"json", "application/json"},
    {"jsonld", "application/ld+json"},
    {"kml", "application/vnd.google-earth.kml+xml"},
    {"log", "text/plain"},
    {"m4a", "audio/mp4"},
    {"m4v", "video/mp4"},
    {"md", "text/markdown"},
    {"mid", "audio/midi"},
    {"mjs", "text/javascript"},
    {"mkv", "video/matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpeg", "video/mpeg"},
    {"mpg", "video/mpeg"},
    {"odg", "application/vnd.oasis.opendocument.graphics"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/ogg"},
    {"otf", "font/otf"},
    {"p7m", "application/pkcs7-mime"},
    {"p7s", "application/pkcs7-signature"},
    {"patch", "text/x-diff"},
    {"pdf", "application/pdf"},
    {"pem", "application/x-pem-file"},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"ps", "application/postscript"},
    {"rar", "application/vnd.rar"},
    {"rtf", "application/rtf"},
    {"sh", "application/x-sh"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"tsv", "text/tab-separated-values"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain"},
    {"vcard", "text/vcard"},
    {"vcf", "text/vcard"},
    {"vsd", "application/vnd.visio"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

static int compare(const void *key, const void *element)
{
    const struct extension *extension = element;
    return strcmp(key, extension->name);
}

struct slice media_type_of_file(struct slice file_name)
{
    char key[EXTENSION_MAX + 1];
    const char *dot = file_name.len > 0 ? memrchr(file_name.data, '.', file_name.len) : NULL;
    size_t len = dot != NULL ? file_name.len - (size_t)(dot + 1 - file_name.data) : 0;
    if (len == 0 || len > EXTENSION_MAX || memchr(dot, '\0', len + 1) != NULL) {
        return MEDIA_TYPE_OCTETS;
    }
    for (size_t i = 0; i < len; i++) {
        char c = dot[1 + i];
        key[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    key[len] = '\0';
    const struct extension *found =
        bsearch(key, extensions, sizeof extensions / sizeof extensions[0], sizeof extensions[0], compare);
    return found != NULL ? slice_of(found->type) : MEDIA_TYPE_OCTETS;
}

/* RFC 2045 5.1: printable ASCII but tspecials. */
static bool is_token_char(char c)
{
    return c > 32 && c < 127 && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static struct slice take_token(struct slice *rest)
{
    size_t len = 0;
    while (len < rest->len && is_token_char(rest->data[len])) {
        len++;
    }
    struct slice token = {rest->data, len};
    *rest = (struct slice){rest->data + len, rest->len - len};
    return token;
}

/* A quoted-string with its quotes; empty: none that is ASCII without controls and closed. */
static struct slice take_quoted(struct slice *rest)
{
    size_t i = 1;
    while (i < rest->len && rest->data[i] != '"') {
        i += rest->data[i] == '\\' ? 2 : 1;
    }
    struct slice quoted = {rest->data, i < rest->len ? i + 1 : 0};
    for (size_t at = 0; at < quoted.len; at++) {
        if (quoted.data[at] < 32 || quoted.data[at] > 126) {
            quoted.len = 0;
        }
    }
    *rest = (struct slice){rest->data + quoted.len, rest->len - quoted.len};
    return quoted;
}

static bool take_char(struct slice *rest, char c)
{
    if (rest->len == 0 || rest->data[0] != c) {
        return false;
    }
    *rest = (struct slice){rest->data + 1, rest->len - 1};
    return true;
}

static void skip_spaces(struct slice *rest)
{
    while (take_char(rest, ' ') || take_char(rest, '\t')) {
    }
}

bool media_type_next_parameter(struct slice *rest, struct slice *name, struct slice *value)
{
    struct slice at = *rest;
    skip_spaces(&at);
    if (!take_char(&at, ';')) {
        return false;
    }
    skip_spaces(&at);
    *name = take_token(&at);
    if (name->len == 0 || !take_char(&at, '=')) {
        return false;
    }
    *value = at.len > 0 && at.data[0] == '"' ? take_quoted(&at) : take_token(&at);
    if (value->len == 0) {
        return false;
    }
    *rest = at;
    return true;
}

static bool has_parameter(struct slice parameters, const char *end, struct slice wanted)
{
    struct slice name;
    struct slice value;
    while (media_type_next_parameter(&parameters, &name, &value) && name.data < end) {
        if (slice_equal_nocase(name, wanted)) {
            return true;
        }
    }
    return false;
}

bool media_type_parse(struct media_type *type, struct slice text)
{
    struct slice rest = text;
    skip_spaces(&rest);
    type->type = take_token(&rest);
    if (text.len > TYPE_TEXT_MAX || type->type.len == 0 || !take_char(&rest, '/')) {
        return false;
    }
    type->subtype = take_token(&rest);
    type->parameters = rest;
    struct slice name;
    struct slice value;
    while (media_type_next_parameter(&rest, &name, &value)) {
        if (has_parameter(type->parameters, name.data, name)) {
            return false; /* readers disagree about which of the two counts */
        }
    }
    /* What the parameters left over: nothing, or one stray ";" as browsers and people write it. */
    skip_spaces(&rest);
    take_char(&rest, ';');
    skip_spaces(&rest);
    return type->subtype.len > 0 && rest.len == 0;
}
