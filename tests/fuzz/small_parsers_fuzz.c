/*
 * The parsers that are too small for a target of their own. The first octet of an input chooses one; what some of them take
 * are two texts with a NUL between them. Each must keep what its header says.
 */
#include <stdint.h>
#include <stdlib.h>

#include "app/mailgun/recipient_variables.h"
#include "app/redact.h"
#include "app/website/accept_header.h"
#include "app/website/template.h"
#include "app/website/web_origin.h"
#include "fcgi_smtp/charset.h"
#include "fcgi_smtp/compose.h"
#include "fcgi_smtp/http_address.h"
#include "fcgi_smtp/http_server.h"
#include "fcgi_smtp/utf8.h"
#include "http/request.h"
#include "mime/media_type.h"
#include "mime/message_id.h"

enum { MEMORY = 16 << 20, NAMES_SEEN = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool truth)
{
    if (!truth) {
        abort();
    }
}

/* A string of its own, so that a sanitizer sees one octet too many. */
static char *string_of(struct slice text)
{
    char *copy = malloc(text.len + 1);
    demand(copy != NULL);
    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    copy[text.len] = '\0';
    return copy;
}

/* Cuts the text at its first NUL; what is behind it. */
static struct slice cut_at_nul(struct slice *text)
{
    const char *nul = text->len > 0 ? memchr(text->data, '\0', text->len) : NULL;
    struct slice rest = SLICE("");
    if (nul != NULL) {
        rest = *text;
        slice_skip(&rest, (size_t)(nul - text->data) + 1);
        text->len = (size_t)(nul - text->data);
    }
    return rest;
}

static bool is_visible_ascii(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return true;
}

static size_t count_of(struct slice text, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += text.data[i] == c;
    }
    return count;
}

/* One parameter ("NAME=value"), and the base path. */
static void check_request_path(struct slice text)
{
    struct slice rest = cut_at_nul(&text);
    char *param = string_of(text);
    char *base = string_of(rest);
    char *params[] = {param, NULL};
    struct http_request request;
    struct slice path;
    http_request_init(&request, params, NULL, 0);
    bool found = http_request_path(&request, base, &path);
    demand(!found || (path.len > 0 && path.data[0] == '/'));
    demand(!slice_has(path, '\0'));
    http_request_free(&request);
    free(param);
    free(base);
}

static void check_http_address(struct slice text)
{
    char *string = string_of(text);
    char once[HTTP_ADDRESS_TEXT_MAX];
    char twice[HTTP_ADDRESS_TEXT_MAX];
    struct http_address address;
    if (http_address_parse(&address, string)) {
        http_address_write(&address, once);
        demand(http_address_parse(&address, once));
        http_address_write(&address, twice);
        demand(strcmp(once, twice) == 0);
    }
    free(string);
}

/* A network has its own first address. */
static void check_network(struct slice text)
{
    char *string = string_of(text);
    struct http_network network;
    if (http_network_parse(&network, string)) {
        string[strcspn(string, "/")] = '\0';
        demand(network.prefix <= 128 && http_network_has(&network, 1, string));
    }
    free(string);
}

static void check_accept(struct slice text)
{
    char *string = string_of(text);
    (void)accept_header_prefers_json(string);
    free(string);
}

/* An origin is written as it is read; where a browser is sent to is no other host's, and fits in a header field. */
static void check_origin(struct slice text)
{
    struct web_origin origin;
    struct web_origin again;
    struct buf out;
    buf_init(&out, MEMORY);
    if (web_origin_parse(&origin, text)) {
        demand(web_origin_append(&out, &origin) && web_origin_parse(&again, buf_slice(&out)));
        demand(again.secure == origin.secure && again.port == origin.port &&
               slice_equal(again.host, origin.host));
    }
    const struct config_strings nothing = {0};
    demand(!web_origin_target_allowed(text, &nothing) || web_origin_target_valid(text));
    buf_clear(&out);
    if (web_origin_target_allowed(text, &nothing)) {
        demand(web_origin_append_target(&out, text) && is_visible_ascii(buf_slice(&out)));
        demand(out.data[0] == '/' && (out.len == 1 || (out.data[1] != '/' && out.data[1] != '\\')));
    }
    buf_free(&out);
}

/* Without values a template is its texts; values never become HTML. */
static void check_template(struct slice text)
{
    struct arena arena;
    struct buf out;
    struct template template;
    struct err err = {"", ""};
    arena_init(&arena, MEMORY);
    buf_init(&out, MEMORY);
    if (template_parse(&template, text, &arena, &err)) {
        struct template_value values[NAMES_SEEN];
        size_t count = 0;
        size_t texts = 0;
        for (size_t i = 0; i < template.count; i++) {
            texts += template.pieces[i].text.len;
            demand(template.pieces[i].name.len == 0 || template_uses(&template, template.pieces[i].name));
            if (count < NAMES_SEEN) {
                values[count++] = (struct template_value){template.pieces[i].name, SLICE("<\">")};
            }
        }
        demand(template_fill(&template, NULL, 0, TEMPLATE_HTML, &out) && out.len == texts);
        size_t brackets = count_of(buf_slice(&out), '<');
        demand(template_fill(&template, values, count, TEMPLATE_HTML, &out));
        demand(count_of(buf_slice(&out), '<') == 2 * brackets);
    } else {
        demand(err.text[0] != '\0');
    }
    buf_free(&out);
    arena_free(&arena);
}

static bool append_piece(void *ctx, struct slice piece)
{
    return piece.len > 0 && buf_append_slice(ctx, piece);
}

static void check_recipient_variables(struct slice json)
{
    struct slice text = cut_at_nul(&json);
    struct arena arena;
    struct buf out;
    struct recipient_variables variables;
    struct err err = {"", ""};
    arena_init(&arena, MEMORY);
    buf_init(&out, MEMORY);
    if (recipient_variables_read(&variables, json, &arena, &err) == RECIPIENT_VARIABLES_OK) {
        for (size_t i = 0; i < variables.count && i < NAMES_SEEN; i++) {
            const struct addr_spec address = {.text = variables.entries[i].address};
            struct json_view values = recipient_variables_find(&variables, &address);
            demand(values.node != NULL);
            buf_clear(&out);
            demand(recipient_variables_replace(text, values, append_piece, &out));
            demand(recipient_variables_used(text) || slice_equal(buf_slice(&out), text));
        }
        recipient_variables_free(&variables);
    } else {
        demand(err.text[0] != '\0');
    }
    buf_free(&out);
    arena_free(&arena);
}

static void check_redact(struct slice text)
{
    char out[100];
    size_t cap = 1 + text.len % sizeof out;
    redact_addresses(text, out, cap);
    demand(strlen(out) < cap && strchr(out, '@') == NULL);
}

static void check_media_type(struct slice text)
{
    struct media_type type;
    struct slice name;
    struct slice value;
    if (media_type_parse(&type, text)) {
        demand(text.len <= MEDIA_TYPE_MAX && is_visible_ascii(type.type) && is_visible_ascii(type.subtype));
        while (media_type_next_parameter(&type.parameters, &name, &value)) {
            demand(name.len > 0 && value.len > 0 && is_visible_ascii(name) && utf8_is_ascii(value));
        }
        demand(type.parameters.len <= 3 || slice_trim(type.parameters).len <= 1);
    }
    demand(media_type_parse(&type, media_type_of_file(text)));
}

static void check_message_fields(struct slice text)
{
    struct slice id;
    if (compose_date_valid(text)) {
        demand(utf8_is_ascii(text) && !slice_has(text, '\n') && compose_date_valid(slice_trim(text)));
    }
    if (compose_message_ids_valid(text, MESSAGE_IDS_MAX)) {
        size_t count = 0;
        while (message_id_next(&text, &id)) {
            demand(is_visible_ascii(id) && id.len <= MESSAGE_ID_MAX && compose_message_ids_valid(id, 1));
            count++;
        }
        demand(count > 0 && count <= MESSAGE_IDS_MAX && slice_trim(text).len == 0);
    }
}

/* Cut or whole, a text of another charset becomes the same UTF-8 or has the same fault. */
static void check_charset(struct slice text)
{
    static const char *const names[] = {"utf-8",     "us-ascii", "iso-8859-1", "windows-1252", "koi8-r",
                                        "shift_jis", "euc-jp",   "euc-kr",     "gb18030",      "big5",
                                        "utf-16",    "utf-7",    "iso-2022-jp"};
    struct buf whole;
    struct buf pieces;
    uint64_t offset = 0;
    struct charset_decoder decoder;
    if (text.len < 2) {
        return;
    }
    struct slice name = slice_of(names[(unsigned char)text.data[0] % (sizeof names / sizeof names[0])]);
    size_t cut = (unsigned char)text.data[1];
    slice_skip(&text, 2);
    cut = cut < text.len ? cut : text.len;
    buf_init(&whole, MEMORY);
    buf_init(&pieces, MEMORY);
    enum charset_result expected = charset_to_utf8(name, text, &whole, &offset);
    demand(charset_open(&decoder, name) == CHARSET_OK);
    enum charset_result result = charset_update(&decoder, text.data, cut, &pieces);
    for (size_t at = cut; at < text.len && result == CHARSET_OK; at++) {
        result = charset_update(&decoder, text.data + at, 1, &pieces);
    }
    result = result == CHARSET_OK ? charset_finish(&decoder, &pieces) : result;
    demand(result == expected && slice_equal(buf_slice(&whole), buf_slice(&pieces)));
    demand(result == CHARSET_OK || decoder.error_offset == offset);
    demand(utf8_valid_prefix(buf_slice(&whole)) == whole.len);
    charset_close(&decoder);
    buf_free(&whole);
    buf_free(&pieces);
}

static void (*const checks[])(struct slice text) = {
    check_request_path, check_http_address,        check_network, check_accept,     check_origin,
    check_template,     check_recipient_variables, check_redact,  check_media_type, check_message_fields,
    check_charset,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        struct slice text = {(const char *)data + 1, size - 1};
        checks[data[0] % (sizeof checks / sizeof checks[0])](text);
    }
    return 0;
}
