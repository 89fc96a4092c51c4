/*
 * The table holds what people mail and what IANA has registered for it, else what most systems' tables say; what is not in it
 * is octets. The system's own table (shared-mime-info) is not read: the same mail would have other types on another machine.
 */
#include "mime/media_type.h"

#include <stdlib.h>

enum { EXTENSION_MAX = 8 };

struct extension {
    const char *name;
    const char *type;
};

/* In strcmp's order. */
static const struct extension extensions[] = {
    {"3g2", "video/3gpp2"},
    {"3gp", "video/3gpp"},
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"ai", "application/postscript"},
    {"aif", "audio/x-aiff"},
    {"aiff", "audio/x-aiff"},
    {"amr", "audio/AMR"},
    {"apk", "application/vnd.android.package-archive"},
    {"asc", "text/plain"},
    {"atom", "application/atom+xml"},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"c", "text/x-csrc"},
    {"cer", "application/pkix-cert"},
    {"conf", "text/plain"},
    {"cpp", "text/x-c++src"},
    {"crt", "application/x-x509-ca-cert"},
    {"cs", "text/x-csharp"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"deb", "application/vnd.debian.binary-package"},
    {"diff", "text/x-diff"},
    {"doc", "application/msword"},
    {"docm", "application/vnd.ms-word.document.macroEnabled.12"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"dot", "application/msword"},
    {"dotx", "application/vnd.openxmlformats-officedocument.wordprocessingml.template"},
    {"dwg", "image/vnd.dwg"},
    {"eml", "message/rfc822"},
    {"eps", "application/postscript"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"geojson", "application/geo+json"},
    {"gif", "image/gif"},
    {"go", "text/x-go"},
    {"gpx", "application/gpx+xml"},
    {"gz", "application/gzip"},
    {"h", "text/x-chdr"},
    {"heic", "image/heic"},
    {"heif", "image/heif"},
    {"hpp", "text/x-c++hdr"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", "text/calendar"},
    {"iso", "application/x-iso9660-image"},
    {"jar", "application/java-archive"},
    {"java", "text/x-java"},
    {"jfif", "image/jpeg"},
    {"jpe", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"json", "application/json"},
    {"jsonld", "application/ld+json"},
    {"jxl", "image/jxl"},
    {"key", "application/vnd.apple.keynote"},
    {"kml", "application/vnd.google-earth.kml+xml"},
    {"log", "text/plain"},
    {"m4a", "audio/mp4"},
    {"m4v", "video/mp4"},
    {"mbox", "application/mbox"},
    {"md", "text/markdown"},
    {"mdb", "application/vnd.ms-access"},
    {"mid", "audio/midi"},
    {"mjs", "text/javascript"},
    {"mkv", "video/matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpeg", "video/mpeg"},
    {"mpg", "video/mpeg"},
    {"msg", "application/vnd.ms-outlook"},
    {"numbers", "application/vnd.apple.numbers"},
    {"odb", "application/vnd.oasis.opendocument.base"},
    {"odf", "application/vnd.oasis.opendocument.formula"},
    {"odg", "application/vnd.oasis.opendocument.graphics"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/ogg"},
    {"otf", "font/otf"},
    {"ots", "application/vnd.oasis.opendocument.spreadsheet-template"},
    {"ott", "application/vnd.oasis.opendocument.text-template"},
    {"p12", "application/pkcs12"},
    {"p7m", "application/pkcs7-mime"},
    {"p7s", "application/pkcs7-signature"},
    {"pages", "application/vnd.apple.pages"},
    {"patch", "text/x-diff"},
    {"pdf", "application/pdf"},
    {"pem", "application/x-pem-file"},
    {"pfx", "application/pkcs12"},
    {"php", "application/x-php"},
    {"png", "image/png"},
    {"pps", "application/vnd.ms-powerpoint"},
    {"ppsx", "application/vnd.openxmlformats-officedocument.presentationml.slideshow"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptm", "application/vnd.ms-powerpoint.presentation.macroEnabled.12"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"ps", "application/postscript"},
    {"psd", "image/vnd.adobe.photoshop"},
    {"pub", "application/vnd.ms-publisher"},
    {"py", "text/x-python"},
    {"qt", "video/quicktime"},
    {"rar", "application/vnd.rar"},
    {"rb", "application/x-ruby"},
    {"rpm", "application/x-rpm"},
    {"rss", "application/rss+xml"},
    {"rtf", "application/rtf"},
    {"sh", "application/x-sh"},
    {"sig", "application/pgp-signature"},
    {"sql", "application/sql"},
    {"sqlite", "application/vnd.sqlite3"},
    {"srt", "application/x-subrip"},
    {"stl", "model/stl"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tex", "text/x-tex"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"toml", "application/toml"},
    {"tsv", "text/tab-separated-values"},
    {"ttc", "font/collection"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain"},
    {"vcard", "text/vcard"},
    {"vcf", "text/vcard"},
    {"vsd", "application/vnd.visio"},
    {"vtt", "text/vtt"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"wma", "audio/x-ms-wma"},
    {"wmv", "video/x-ms-wmv"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsb", "application/vnd.ms-excel.sheet.binary.macroEnabled.12"},
    {"xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xltx", "application/vnd.openxmlformats-officedocument.spreadsheetml.template"},
    {"xml", "application/xml"},
    {"xps", "application/vnd.ms-xpsdocument"},
    {"xsl", "application/xslt+xml"},
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
        key[i] = ascii_lower(dot[1 + i]);
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
    if (text.len > MEDIA_TYPE_MAX || type->type.len == 0 || !take_char(&rest, '/')) {
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
